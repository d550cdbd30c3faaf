"""Loops as text in a language with curly braces: C and JavaScript differ in a few words only.

The text is the body of one step. It may use the names that its frame declares: an array for each
input and each stored value (`s0`, `d2`, `n3`, `b17`), and `k0`, ... for packed rows.
"""

from collections.abc import Iterator

from .dialect import RUNNING, Dialect
from .loops import Loops
from .ops import Arg, Program, View
from .plan import Cell, Unit


class Curly(Loops):
    """Prints the body of a step."""

    def __init__(self, program: Program, dialect: Dialect):
        super().__init__(program, dialect)
        for segment in self.segments:
            if segment.kind == "straight":
                for unit in segment.units:
                    self._straight(unit)
            elif segment.kind == "rows":
                self.write_rows(segment)
            else:
                self.write_nest(segment.units)

    # ---- statements one after the other

    def _set(self, cell: Cell, dtype: str, text: str) -> None:
        self._say(f"{self.dialect.fixed(dtype)} v{cell.value}_{cell.address} = {text};")
        self._keep(cell)

    def _straight(self, unit: Unit) -> None:
        op, dtype = unit.op, unit.op.out.dtype
        if op.name == "assemble":
            for cell, text in self._assembled(unit):
                self._set(cell, dtype, text)
        elif op.name in ("cumsum", "cumprod"):
            for place in unit.places():
                text = self._args(unit, place)[0]
                if place[op.extra]:
                    before = unit.out([i - (d == op.extra) for d, i in enumerate(place)])
                    text = f"{self.read(before)} {RUNNING[op.name][0]} {text}"
                self._set(unit.out(place), dtype, text)
        elif unit.over:
            sums: dict[Cell, list[str]] = {}
            for place in unit.places():
                sums.setdefault(unit.out(place), []).append(self._term(unit, place))
            for cell, terms in sums.items():
                self._set(cell, dtype, self._joined(op, terms))
        else:
            for place in unit.places():
                self._set(unit.out(place), dtype, self.formula(unit, self._args(unit, place)))

    def _assembled(self, unit: Unit) -> Iterator[tuple[Cell, str]]:
        op = unit.op
        base, *pieces = op.args
        size = self.program.values[op.out.value].size
        cells = {i: self._element(base, i, op.out.dtype) for i in range(size)}
        for piece, where in zip(pieces, op.extra, strict=True):
            at = Unit(op, "straight", where.shape)
            for place in at.places():
                text = (
                    self.read(at.cell(piece, place))
                    if isinstance(piece, View)
                    else self.dialect.number(piece, op.out.dtype)
                )
                cells[at.cell(where, place).address] = text
        for i, text in cells.items():
            yield Cell(op.out.value, i), text

    def _element(self, arg: Arg, index: int, dtype: str) -> str:
        if isinstance(arg, View):
            return self.read(Cell(arg.value, arg.offset + index))
        return self.dialect.number(arg, dtype)

    # ---- the end of a step

    def results(self) -> Iterator[tuple[str, int]]:
        """For each new state: the text of its element `i`, or of its only element; its size."""
        *states, loss = self.program.results
        for arg in states:
            assert isinstance(arg, View)
            alone = Cell(arg.value, 0) in self.layout.variables and arg.numel == 1
            yield (self.read(Cell(arg.value, 0)) if alone else f"b{arg.value}[i]"), arg.numel
        read = self.at(loss, ()) if isinstance(loss, View) else None
        yield read or self.dialect.number(loss, "float64"), 1  # type: ignore[arg-type]
