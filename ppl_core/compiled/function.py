"""Functions of tensors, compiled: a potential with its gradient, and what is made of many rows.

Both are recorded with their data as inputs, so that the same machine code serves other data.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Self

import torch
from torch import Tensor

from .build import Build
from .c import Source
from .driver import driver
from .engine import KEPT, TOLERANCE, difference
from .native import Bench, Native
from .ops import NotCompiled, Program
from .record import record

Tensors = Mapping[str, Tensor]
_proven: dict[str, tuple[Native, float]] = {}


class _Function:
    """A program without randomness in machine code, and the data that it is called with.

    Attributes:
        program: the op list.
        size: numbers that it is a function of.
        seconds: spent to record it, and to compile it.
        error: of the trial, relative.
    """

    def __init__(
        self,
        step: Callable[[], Sequence[Tensor]],
        state: Tensors,
        start: Tensors,
        data: Tensors,
        trial: Callable[[], float],
    ):
        if len({x.dtype for x in start.values()}) != 1:
            raise NotCompiled("the values that move are not all of one type")
        self.shapes = {name: x.shape for name, x in start.items()}
        self.size = sum(x.numel() for x in start.values())
        began = time.perf_counter()
        self.program: Program = record(step, state, data)
        if self.program.inputs("noise"):
            raise NotCompiled("the function draws random numbers")
        recorded = time.perf_counter()
        key = self.program.key
        if key in _proven:
            self.native, self.error = _proven[key]
            self._bind(data)
        else:
            source = Source(self.program)
            self.native = Native(source, Build(source.text).library())
            self._bind(data)
            self.error = trial()
            if not self.error <= TOLERANCE:
                raise NotCompiled(f"a trial was off by {self.error:.1e}")
            _proven[key] = self.native, self.error
            while len(_proven) > KEPT:
                del _proven[next(iter(_proven))]
        self.seconds = recorded - began, time.perf_counter() - recorded

    def on(self, data: Tensors) -> Self:
        """The same function of other data, which lie in memory as the recorded ones did."""
        other = copy(self)
        other._bind(data)
        return other

    def _bind(self, data: Tensors) -> None:
        self._data = [_memory(data.get(v.name, v.tensor)) for v in self.program.inputs("data")]

    def _parts(self, flat: Tensor) -> list[Tensor]:
        return list(flat.split([shape.numel() for shape in self.shapes.values()]))


class Gradient(_Function):
    """A scalar function of tensors and its gradient, as one call to machine code.

    Args:
        function: of a dict of tensors, such as `ppl_core.potential(model, ...)`; it may read other
            tensors, whose values at each call count, but draws nothing.
        start: values to record it at, name -> tensor, all of one dtype.
        data: tensors that it reads and that others may take the place of, by name.

    Raises:
        NotCompiled: it has no compiled form, or there is no compiler.

    >>> import ppl_core as ppl
    >>> energy = Gradient(lambda at: (at["x"] ** 2).sum(), {"x": torch.ones(2)})  # doctest: +SKIP
    >>> energy({"x": torch.tensor([1.0, 3.0])})  # doctest: +SKIP
    (10.0, {'x': tensor([2., 6.])})
    """

    def __init__(
        self, function: Callable[[Tensors], Tensor], start: Tensors, data: Tensors | None = None
    ):
        self._start = _copies(start)
        leaves = {n: x.clone().requires_grad_() for n, x in self._start.items()}
        super().__init__(
            lambda: _with_gradient(function, leaves),
            leaves,
            self._start,
            data or {},
            lambda: self._trial(function),
        )

    def __call__(self, at: Tensors) -> tuple[float, dict[str, Tensor]]:
        """Value and gradient; the gradient is nan throughout where one of both is not finite."""
        flat = torch.cat([at[name].detach().reshape(-1) for name in self.shapes])
        value, gradient = self.at(flat)
        parts = zip(self.shapes.items(), self._parts(gradient), strict=True)
        return value, {name: part.view(shape) for (name, shape), part in parts}

    def at(self, position: Tensor) -> tuple[float, Tensor]:
        """The same for all values in one vector, (d,)."""
        self._cell.copy_(position)
        value, fine = self._call()
        return value, self._cell.clone() if fine else torch.full_like(self._cell, torch.nan)

    def bench(self) -> tuple[Tensor, Bench]:
        """A cell of its own for position and gradient, (d,), and what C code needs there."""
        cell = torch.empty_like(self._cell)
        return cell, self.native.bench(self._parts(cell), self._data)

    def _bind(self, data: Tensors) -> None:
        super()._bind(data)
        self._cell = torch.cat([x.reshape(-1) for x in self._start.values()])
        self._call = self.native.prepared(self._parts(self._cell), self._data)

    def _trial(self, function: Callable[[Tensors], Tensor]) -> float:
        """Compare with the function itself, a little away from where it was recorded."""
        near = {name: x * 0.97 + 0.05 for name, x in self._start.items()}
        *grads, value = _with_gradient(function, {n: x.requires_grad_() for n, x in near.items()})
        ours, mine = self(near)
        return difference([*mine.values(), torch.tensor(ours)], [*grads, value])


class Rows(_Function):
    """A function from tensors to tensors, as machine code that runs over many rows.

    Args:
        function: from a dict of tensors to another one, all of one dtype; it draws nothing.
        start: values to record it at, name -> tensor.
        data: tensors that it reads and that others may take the place of, by name.

    Raises:
        NotCompiled: it has no compiled form, or there is no compiler.

    >>> both = Rows(lambda at: {"y": at["x"].exp()}, {"x": torch.zeros(2)})  # doctest: +SKIP
    >>> both(torch.zeros(3, 2))["y"].shape  # doctest: +SKIP
    torch.Size([3, 2])
    """

    def __init__(
        self, function: Callable[[Tensors], Tensors], start: Tensors, data: Tensors | None = None
    ):
        start, data = _copies(start), data or {}
        inputs = {f"at {name}": x for name, x in start.items()}
        with torch.no_grad():
            made = {name: x.detach() for name, x in function(start).items()}
        if {x.dtype for x in made.values()} != {x.dtype for x in start.values()}:
            raise NotCompiled("the values on their supports are not all of one type")
        self._made = {name: x.shape for name, x in made.items()}

        def step() -> list[Tensor]:
            with torch.no_grad():
                return [*function(start).values(), torch.zeros(())]

        near = {name: x * 0.97 + 0.05 for name, x in start.items()}
        self._dtype = next(iter(start.values())).dtype
        super().__init__(
            step,
            {name: torch.zeros_like(x).contiguous() for name, x in made.items()},
            start,
            inputs | dict(data),
            lambda: self._trial(function, near),
        )

    def __call__(self, rows: Tensor) -> dict[str, Tensor]:
        """What it makes of each row, (n, ...); `rows` is (n, d).

        Rows from the first one on that gives numbers that are not finite are left out.
        """
        rows = rows.contiguous()
        sizes = [shape.numel() for shape in self._made.values()]
        cell = torch.empty(self.size, dtype=self._dtype)
        out = cell.new_empty(sum(sizes))
        inputs = dict(zip((f"at {n}" for n in self.shapes), self._parts(cell), strict=True))
        bound = [
            inputs.get(v.name, kept)
            for v, kept in zip(self.program.inputs("data"), self._data, strict=True)
        ]
        bench = self.native.bench(out.split(sizes), bound)
        found = out.new_empty(len(rows), len(out))
        done = driver(self._dtype).map_rows(bench, rows, cell, found, out)
        parts = found[:done].split(sizes, 1)
        return {
            name: part.reshape(done, *shape)
            for (name, shape), part in zip(self._made.items(), parts, strict=True)
        }

    def _trial(self, function: Callable[[Tensors], Tensors], near: Tensors) -> float:
        row = torch.cat([x.reshape(-1) for x in near.values()])
        with torch.no_grad():
            expected = list(function(near).values())
        found = self(torch.stack([row, row]))
        if any(not len(x) for x in found.values()):
            return torch.inf
        return difference([x[-1] for x in found.values()], expected)


def _with_gradient(function: Callable[[Tensors], Tensor], leaves: Tensors) -> list[Tensor]:
    """The gradient in each leaf, then the value."""
    value = function(leaves)
    grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    filled = [
        torch.zeros_like(x) if g is None else g for g, x in zip(grads, leaves.values(), strict=True)
    ]
    return [*filled, value.detach()]


def _copies(tensors: Tensors) -> dict[str, Tensor]:
    return {name: x.detach().clone().contiguous() for name, x in tensors.items()}


def _memory(tensor: Tensor | None) -> Tensor:
    """All of the memory that a tensor lies in."""
    assert tensor is not None
    size = tensor.untyped_storage().nbytes() // tensor.element_size()
    return tensor.detach().as_strided((size,), (1,), 0)
