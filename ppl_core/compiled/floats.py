"""A program as a Python function over floats: ready in milliseconds, on any machine.

Every number is a local variable. That is the fastest way there is to run a few dozen operations a
step without a compiler; beyond some hundred it is not.
"""

import math
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .ops import Arg, NotCompiled, Program, View
from .plan import Cell, Unit, schedule
from .scalars import EXTREMES, FUNCTIONS, single

MOST = 1500
"""Statements a step may have; beyond that, eager steps are about as fast."""

INLINE = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "neg": "-{}",
    "abs": "abs({})",
    "eq": "{} == {}",
    "ne": "{} != {}",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "and": "{} and {}",
    "or": "{} or {}",
    "not": "not {}",
    "where": "{1} if {0} else {2}",
    "maximum": "{0} if {0} > {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} < {1} or {0} != {0} else {1}",
    "isnan": "{0} != {0}",
    "isinf": "abs({}) == inf",
    "sign": "({0} > 0) - ({0} < 0)",
    "cast": "{}",
}


class Floats:
    """A program, ready to run.

    Attributes:
        text: of the function, for the reader.

    Raises:
        NotCompiled: it has too many numbers, or chooses elements by index.
    """

    def __init__(self, program: Program):
        if program.scalar_work > MOST:
            raise NotCompiled(f"{program.scalar_work} numbers a step are too many for floats")
        self.program = program
        self.text = _Writer(program).function()
        names: dict[str, Any] = {"inf": math.inf, "nan": math.nan, "single": single}
        names |= FUNCTIONS | EXTREMES
        exec(compile(self.text, "<recorded step>", "exec"), names)
        self._run = names["run"]

    def run(
        self,
        steps: int,
        state: Sequence[Tensor],
        data: Sequence[Tensor],
        noise: Sequence[Tensor],
        limit: float,
        path: list[tuple[float, ...]] | None = None,
    ) -> list[float]:
        """Take steps; the state is changed in place.

        Args:
            steps: how many at most.
            state, data: flat tensors, in the program's order.
            noise: (steps, size) each.
            limit: stop before a step that is not finite or leaves a state beyond this.
            path: gets the numbers of the leading, bounded states after every step.

        Returns:
            The loss of every step taken.
        """
        keep = (deque[Any](maxlen=0) if path is None else path).append
        flat = [x for tensor in state for x in tensor.tolist()]
        given = [x for tensor in data for x in tensor.tolist()]
        rows = zip(*(column for part in noise for column in part.T.tolist()), strict=True)
        new, losses = self._run(flat, given, rows if noise else ((),) * steps, limit, keep)
        at = 0
        for tensor in state:
            tensor.copy_(tensor.new_tensor(new[at : at + len(tensor)]))
            at += len(tensor)
        return losses


class _Writer:
    def __init__(self, program: Program):
        self.program = program
        self.names: dict[Cell, str] = {}
        self.lines: list[str] = []
        self.inputs: dict[str, list[str]] = {}
        for value in program.values:
            if value.role == "constant":
                assert value.tensor is not None
                for i, x in enumerate(value.tensor.tolist()):
                    self.names[Cell(value.id, i)] = repr(x)
            elif value.role != "op":
                names = [f"{value.role[0]}{value.id}_{i}" for i in range(value.size)]
                self.inputs.setdefault(value.role, []).extend(names)
                self.names |= {Cell(value.id, i): name for i, name in enumerate(names)}

    def function(self) -> str:
        """The text of the whole function."""
        for segment in schedule(self.program, loops=False):
            for unit in segment.units:
                self._unit(unit)
        *new, loss = ([self._cell(a, i) for i in range(n)] for a, n in self._results())
        state, data, noise = (self.inputs.get(role, []) for role in ("state", "data", "noise"))
        moved = [name for part in new for name in part]
        singles = [
            v.dtype == "float32" for v in self.program.inputs("state") for _ in range(v.size)
        ]
        bounded = sum(v.size for v in self.program.inputs("state")[: self.program.bounded])
        rounded = [f"single({x})" if s else x for x, s in zip(moved, singles, strict=True)]
        body = [f"        {line}" for line in self.lines]
        return "\n".join(
            [
                "def run(state, data, noise, limit, keep):",
                f"    {_row(state)} = state",
                f"    {_row(data)} = data",
                "    losses = []",
                f"    for {_row(noise)} in noise:",
                *body,
                f"        if not ({self._fine(new, loss[0])}): break",
                f"        losses.append({loss[0]})",
                f"        {_row(state)} = {_row(rounded)}" if state else "",
                f"        keep({_row(state[:bounded])})",
                f"    return {_row(state)}, losses",
                "",
            ]
        )

    def _fine(self, new: list[list[str]], loss: str) -> str:
        limits = ["limit" if i < self.program.bounded else "inf" for i in range(len(new))]
        bounds = [(x, most) for part, most in zip(new, limits, strict=True) for x in part]
        return " and ".join(f"-{most} < {x} < {most}" for x, most in [(loss, "inf"), *bounds])

    def _results(self) -> list[tuple[Arg, int]]:
        sizes = [value.size for value in self.program.inputs("state")] + [1]
        return list(zip(self.program.results, sizes, strict=True))

    def _cell(self, arg: Arg, index: int) -> str:
        if not isinstance(arg, View):
            return repr(arg)
        address = arg.offset
        for size, step in zip(reversed(arg.shape), reversed(arg.stride), strict=True):
            address += index % size * step
            index //= size
        return self.names[Cell(arg.value, address)]

    def _set(self, cell: Cell, text: str) -> None:
        name = self.names[cell] = f"v{cell.value}_{cell.address}"
        self.lines.append(f"{name} = {text}")

    def _unit(self, u: Unit) -> None:
        op = u.op
        if op.name == "assemble":
            self._assemble(u)
        elif op.name == "scatter":
            self._scatter(u)
        elif op.name in ("cumsum", "cumprod"):
            for place in u.places():
                text = self._read(u, op.args[0], place)
                if place[op.extra]:
                    before = [i - (d == op.extra) for d, i in enumerate(place)]
                    sign = "+" if op.name == "cumsum" else "*"
                    text = f"{self.names[u.out(before)]} {sign} {text}"
                self._set(u.out(place), text)
        elif u.over:
            self._reduce(u)
        else:
            for place in u.places():
                self._set(u.out(place), self._point(u, place))

    def _read(self, u: Unit, arg: Arg, place: Sequence[int]) -> str:
        if isinstance(arg, View):
            return self.names[u.cell(arg, place)]
        single = u.op.out.dtype == "float32" and isinstance(arg, float)
        return _number(struct.unpack("f", struct.pack("f", arg))[0] if single else arg)

    def _gather(self, u: Unit, place: Sequence[int]) -> str:
        """The element of a tuple that an index chooses."""
        source, *indices = u.op.args
        assert isinstance(source, View)
        start = u.cell(source, place)
        texts = [self._read(u, index, place) for index in indices]
        if all(text.isdigit() for text in texts):
            moves = (int(text) * step for text, (step, _) in zip(texts, u.op.extra, strict=True))
            return self.names[Cell(start.value, start.address + sum(moves))]
        if len(indices) != 1:
            raise NotCompiled("choosing by several indices has no form in floats")
        [(step, size)] = u.op.extra
        cells = (Cell(start.value, start.address + i * step) for i in range(size))
        return f"({', '.join(self.names[cell] for cell in cells)},)[{texts[0]}]"

    def _scatter(self, u: Unit) -> None:
        """Each element, with what falls on it."""
        base, add, *indices = u.op.args
        target, moves = u.op.extra
        at = Unit(u.op, "straight", target.shape)
        sums = {i: [self._cell(base, i)] for i in range(self.program.values[u.op.out.value].size)}
        for place in at.places():
            start, term = at.cell(target, place).address, self._read(at, add, place)
            texts = [self._read(at, index, place) for index in indices]
            if all(text.isdigit() for text in texts):
                by = (int(text) * step for text, (step, _) in zip(texts, moves, strict=True))
                sums[start + sum(by)].append(term)
                continue
            if len(indices) != 1:
                raise NotCompiled("adding at several indices has no form in floats")
            [(step, size)] = moves
            for i in range(size):
                either = f"({i}, {i - size})"
                sums[start + i * step].append(f"({term} if {texts[0]} in {either} else 0.0)")
        for i, terms in sums.items():
            self._set(Cell(u.op.out.value, i), " + ".join(terms))

    def _point(self, u: Unit, place: Sequence[int]) -> str:
        if u.op.name == "gather":
            return self._gather(u, place)
        args = [self._read(u, arg, place) for arg in u.op.args]
        name = u.op.name
        if name in INLINE:
            text = INLINE[name].format(*args)
        elif name in FUNCTIONS:
            text = f"{name}({', '.join(args)})"
        else:
            raise NotCompiled(f"{name} has no form in floats")
        if name == "div" and isinstance(u.op.args[1], float) and u.op.args[1]:
            text = f"{args[0]} / {args[1]}"
        if name == "cast" and u.op.out.dtype == "float32":
            return f"single({text})"
        if name == "cast":
            kind = "float" if u.op.out.dtype == "float64" else "whole"
            return text if u.op.out.dtype == "bool" else f"{kind}({text})"
        return text

    def _reduce(self, u: Unit) -> None:
        parts: dict[Cell, list[str]] = {}
        for place in u.places():
            read = [self._read(u, arg, place) for arg in u.op.args]
            parts.setdefault(u.out(place), []).append(" * ".join(read))
        for cell, texts in parts.items():
            if u.op.name in ("max", "min"):
                self._set(cell, f"{u.op.name}imum({', '.join(texts)})")
            else:
                self._set(cell, (" * " if u.op.name == "prod" else " + ").join(texts))

    def _assemble(self, u: Unit) -> None:
        base, *pieces = u.op.args
        size = self.program.values[u.op.out.value].size
        cells = {
            i: self._cell(base, i) if isinstance(base, View) else _number(base) for i in range(size)
        }
        for piece, where in zip(pieces, u.op.extra, strict=True):
            at = Unit(u.op, "straight", where.shape)
            for place in at.places():
                cells[at.cell(where, place).address] = self._read(at, piece, place)
        for i, name in cells.items():
            self.names[Cell(u.op.out.value, i)] = name


def _number(x: Arg) -> str:
    text = repr(x)
    return f"({text})" if text.startswith("-") else text


def _row(names: Sequence[str]) -> str:
    return f"({', '.join(names)},)" if names else "()"
