"""From the op list to loops: which operations run side by side over which rows.

An operation is carried out in one of three ways.

    straight   few numbers: each gets a statement of its own
    rows       one long dimension, the others short: a loop over the long one, the short ones
               written out; operations over equally many rows share a loop, and what passes between
               them never leaves the processor's registers
    nest       anything else: loops in loops, over arrays in memory

A `Cell` is one number of a value, or the same number in each row.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from .ops import REDUCTIONS, Op, Program, View

LONG = 5
"""Rows from which a loop pays."""
WIDE = 24
"""Numbers that may be written out beside each other in a loop."""
FLAT = 80
"""Numbers that may be written out one after the other."""


MOVING = frozenset(("gather", "scatter", "assemble", "cumsum", "cumprod"))
"""Operations that read or write at other places."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Element `address` of a value; in row r of a loop, element `address + r * step`."""

    value: int
    address: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """An operation and how it is carried out.

    Attributes:
        kind: "straight" | "rows" | "nest".
        shape: of the space that it runs over.
        axis: the dimension of the rows; -1 if there is none.
    """

    op: Op
    kind: str
    shape: tuple[int, ...]
    axis: int = -1

    @property
    def rows(self) -> int:
        """Length of its loop, 0 if it has none."""
        return self.shape[self.axis] if self.axis >= 0 else 0

    @property
    def over(self) -> tuple[int, ...]:
        """The dimensions that a reduction adds up."""
        if self.op.name == "dot":
            return (len(self.shape) - 1,)
        return self.op.extra if self.op.name in ("sum", "prod", "max", "min") else ()

    @property
    def accumulates(self) -> bool:
        """Whether its result is known only when the loop is over."""
        return self.axis in self.over

    @property
    def gathers(self) -> bool:
        """Whether it reads from all over a value."""
        return self.op.name == "gather"

    @property
    def is_pointwise(self) -> bool:
        """Whether each number of its result needs only the numbers at the same place."""
        return not self.over and self.op.name not in MOVING

    def places(self) -> Iterator[tuple[int, ...]]:
        """The positions beside each other, with 0 for the row."""
        sizes = [1 if d == self.axis else size for d, size in enumerate(self.shape)]
        return product(*map(range, sizes))

    def cell(self, view: View, place: Sequence[int]) -> Cell:
        """Where a view of the unit's own shape reads at a position."""
        view = view.broadcast(self.shape) if view.shape != self.shape else view
        address = view.offset + sum(i * s for i, s in zip(place, view.stride, strict=True))
        step = view.stride[self.axis] if self.axis >= 0 else 0
        return Cell(view.value, address, step)

    def out(self, place: Sequence[int]) -> Cell:
        """The cell that a position writes to, or adds to."""
        view, over = self.op.out, self.over
        if not over:
            return self.cell(view, place)
        kept = [i for d, i in enumerate(place) if d not in over]
        address = view.offset + sum(i * s for i, s in zip(kept, view.stride, strict=True))
        if self.axis < 0 or self.axis in over:
            return Cell(view.value, address)
        rank = [d for d in range(len(self.shape)) if d not in over].index(self.axis)
        return Cell(view.value, address, view.stride[rank])

    def reads(self) -> list[View]:
        """The views among its arguments."""
        return [arg for arg in self.op.args if isinstance(arg, View)]


@dataclass(slots=True)
class Segment:
    """Units that share one loop (rows > 0), or stand one after the other."""

    kind: str
    rows: int = 0
    units: list[Unit] = field(default_factory=list)


def unit(op: Op, loops: bool = True) -> Unit:
    """How an operation is best carried out; without `loops`, written out whatever its size."""
    shape = op.args[0].shape if op.name in REDUCTIONS else op.out.shape  # type: ignore[union-attr]
    if not loops:
        return Unit(op, "straight", shape)
    small = math.prod(shape) < LONG
    if op.name in ("scatter", "assemble", "cumsum", "cumprod"):
        size = max([op.out.numel, *(view.numel for view in op.args if isinstance(view, View))])
        done = size <= FLAT and op.name != "scatter"
        return Unit(op, "straight" if done else "nest", shape)
    longest = max(shape, default=1)
    axis = max((d for d, size in enumerate(shape) if size == longest), default=-1)
    if small or longest < LONG:
        fits = math.prod(shape) <= FLAT and op.name != "gather"
        return Unit(op, "straight" if fits else "nest", shape)
    if math.prod(shape) <= WIDE * longest:
        return Unit(op, "rows", shape, axis)
    return Unit(op, "nest", shape)


def schedule(program: Program, loops: bool = True) -> list[Segment]:
    """The units of a program, gathered into as few loops as their order allows."""
    waiting = [unit(op, loops) for op in program.ops]
    ready = {value.id for value in program.values if value.role != "op"}
    segments: list[Segment] = []
    while waiting:
        first = next(u for u in waiting if _known(u, ready))
        straight = [u for u in waiting if u.kind == "straight" and _known(u, ready)]
        if straight or first.kind == "nest":
            segment = Segment("straight" if straight else "nest")
            if straight:
                for u in waiting:
                    if u.kind == "straight" and _known(u, ready):
                        segment.units.append(u)
                        ready.add(u.op.out.value)
            else:
                segment.units = _alike(waiting, first, ready)
                ready |= {u.op.out.value for u in segment.units}
        else:
            segment = Segment("rows", first.rows)
            segment.units = _companions(waiting, first, ready)
            ready |= {u.op.out.value for u in segment.units}
        segments.append(segment)
        taken = set(map(id, segment.units))
        waiting = [u for u in waiting if id(u) not in taken]
    return segments


def _known(u: Unit, ready: set[int]) -> bool:
    return all(view.value in ready for view in u.reads())


def _alike(waiting: list[Unit], first: Unit, ready: set[int]) -> list[Unit]:
    """Pointwise units over one shape that can share their loops, number by number."""
    if not first.is_pointwise:
        return [first]
    made: dict[int, View] = {}
    units: list[Unit] = []
    for u in waiting:
        if u.kind == "nest" and u.is_pointwise and u.shape == first.shape:
            views = [view.broadcast(u.shape) for view in u.reads()]
            if all(view.value in ready or made.get(view.value) == view for view in views):
                units.append(u)
                made[u.op.out.value] = u.op.out.broadcast(u.shape)
    return units


def _companions(waiting: list[Unit], first: Unit, ready: set[int]) -> list[Unit]:
    """The units that can run in one loop: each needs what is ready, or its own row of another.

    Rows that are gathered from all over have loops of their own: no processor likes them beside
    arithmetic.
    """
    made: dict[int, set[Cell]] = {}
    units: list[Unit] = []
    for u in waiting:
        alike = u.kind == "rows" and u.rows == first.rows and u.gathers == first.gathers
        if alike and _fits(u, ready, made):
            units.append(u)
            out = set() if u.accumulates else {u.out(place) for place in u.places()}
            made[u.op.out.value] = out
    return units


def _fits(u: Unit, ready: set[int], made: dict[int, set[Cell]]) -> bool:
    for index, view in enumerate(u.op.args):
        if not isinstance(view, View) or view.value in ready:
            continue
        moved = u.op.name == "gather" and index == 0
        if view.value not in made or moved:
            return False
        if not {u.cell(view, place) for place in u.places()} <= made[view.value]:
            return False
    return True
