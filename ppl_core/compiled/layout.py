"""Where a value lies between two loops: nowhere, in a variable of its own, or in an array.

What a loop hands to itself stays in registers. A single number has a variable. The rest lies in
arrays, each column of a loop's result as one run of numbers, so that the next loop reads it in
order.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .ops import Program, View, contiguous
from .plan import Cell, Segment, Unit


@dataclass(frozen=True, slots=True)
class Columns:
    """An array that holds the rows of a shape's axis side by side, for every other index."""

    shape: tuple[int, ...]
    axis: int

    def at(self, address: int) -> int:
        """Where the element at `address` of the plain order lies."""
        index = []
        for step in contiguous(self.shape):
            index.append(address // step)
            address %= step
        row = index.pop(self.axis)
        rest = [size for d, size in enumerate(self.shape) if d != self.axis]
        column = sum(i * step for i, step in zip(index, contiguous(rest), strict=True))
        return column * self.shape[self.axis] + row

    def along(self, cell: Cell, rows: int) -> tuple[int, int] | None:
        """First position and step of a cell's rows; None if they are not evenly spaced."""
        first = self.at(cell.address)
        if cell.step == 0 or rows < 2:
            return first, 0
        step = self.at(cell.address + cell.step) - first
        for row in {rows // 2, rows - 1}:
            if self.at(cell.address + row * cell.step) != first + row * step:
                return None
        return first, step


class Layout:
    """Which values of a program need memory, and how it is ordered.

    Attributes:
        stored: values that lie in an array.
        variables: cells that have a variable of their own.
        columns: values whose array is ordered by columns; other arrays have the plain order.
        packed: rows of inputs that are copied into one run before the first step.
    """

    def __init__(self, program: Program, segments: list[Segment]):
        self.program = program
        self.stored: set[int] = set()
        self.variables: set[Cell] = set()
        self.columns: dict[int, Columns] = {}
        self.packed: dict[tuple[Cell, int], str] = {}
        self._plain: set[int] = set()
        makers = {u.op.out.value: u for s in segments for u in s.units}
        self._find_variables(segments)
        for result in program.results:
            if isinstance(result, View):
                self._need(result)
        reads = [read for segment in segments for read in self._reads(segment)]
        for value, unit in makers.items():
            if unit.kind == "rows" and not unit.accumulates and value in self.stored - self._plain:
                rank = [d for d in range(len(unit.shape)) if d not in unit.over].index(unit.axis)
                columns = Columns(unit.op.out.shape, rank)
                if all(columns.along(c, n) for c, n in reads if c.value == value):
                    self.columns[value] = columns
        for cell, rows in reads:
            value = program.values[cell.value]
            if value.role in ("data", "constant") and cell.step not in (0, 1) and rows:
                self.packed.setdefault((cell, rows), f"k{len(self.packed)}")

    def where(self, cell: Cell, rows: int) -> tuple[int, int]:
        """First position and step of a cell in its array."""
        columns = self.columns.get(cell.value)
        if columns is None:
            return cell.address, cell.step
        place = columns.along(cell, rows)
        assert place is not None
        return place

    def _find_variables(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            for unit in segment.units:
                if unit.kind == "straight" or unit.accumulates:
                    if unit.op.name == "assemble":
                        size = self.program.values[unit.op.out.value].size
                        self.variables |= {Cell(unit.op.out.value, i) for i in range(size)}
                    else:
                        self.variables |= {unit.out(place) for place in unit.places()}
                elif unit.kind == "nest":
                    self._plain.add(unit.op.out.value)
                    self.stored.add(unit.op.out.value)

    def _reads(self, segment: Segment) -> Iterator[tuple[Cell, int]]:
        """What a segment reads from memory that others wrote."""
        made = {u.op.out.value for u in segment.units if not u.accumulates}
        for unit in segment.units:
            for index, view in enumerate(unit.op.args):
                if not isinstance(view, View):
                    continue
                if unit.gathers and index == 0:
                    self._store(view.value)
                elif unit.kind == "nest":
                    self._need(view)
                elif unit.op.name == "assemble":
                    yield from ((cell, 0) for cell in self._every(view))
                elif view.value not in made:
                    cells = {unit.cell(view, place) for place in unit.places()}
                    for cell in cells:
                        self._hold(cell)
                        yield cell, unit.rows

    def _every(self, view: View) -> list[Cell]:
        unit = Unit(self.program.ops[0], "straight", view.shape)
        cells = [unit.cell(view, place) for place in unit.places()]
        for cell in cells:
            self._hold(cell)
        return cells

    def _hold(self, cell: Cell) -> None:
        if self.program.values[cell.value].role == "op" and cell not in self.variables:
            self.stored.add(cell.value)

    def _need(self, view: View) -> None:
        """Let a view be read in its plain order."""
        single = all(s == 1 or t == 0 for s, t in zip(view.shape, view.stride, strict=True))
        if not single or Cell(view.value, view.offset) not in self.variables:
            self._store(view.value)

    def _store(self, value: int) -> None:
        if self.program.values[value].role == "op":
            self.stored.add(value)
            self._plain.add(value)


def size_in_bytes(count: int, dtype: str) -> int:
    """Bytes of an array, rounded up to whole cache lines."""
    each = {"float32": 4, "float64": 8, "int64": 8, "int32": 4, "bool": 1}[dtype]
    return math.ceil(count * each / 64) * 64
