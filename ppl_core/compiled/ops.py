"""The op list: one step of an algorithm as a list of typed operations on numbers in memory.

A `Value` is a piece of memory that is written once. A `View` reads some of it in some order, so
transposing, slicing and broadcasting cost nothing and are no operations. An `Op` computes the
elements of a new value from views. A `Program` is the whole list, in normal form: constants are
folded, what is computed twice is computed once, and what nobody needs is gone. `print(program)`
shows what autograd made of a model.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from ..errors import PPLError

DTYPES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.int64: "int64",
    torch.int32: "int32",
    torch.bool: "bool",
}

REDUCTIONS = frozenset(("sum", "prod", "max", "min", "dot"))
ALL = 2
"""Arguments of a reduction; they stay views, which say what it runs over."""


class NotCompiled(PPLError):
    """A step has no compiled form; the message says which statement, and why."""


@dataclass(frozen=True, slots=True)
class Value:
    """Memory that is written once.

    Attributes:
        role: "state" | "data" | "noise" | "constant" | "op".
        size: number of elements.
        dtype: of each element.
        name: for the reader.
        tensor: what a constant holds, or the tensor to be read at each call (data).
        draw: of a noise value: how it is drawn (`tape.Draw`).
    """

    id: int
    role: str
    size: int
    dtype: str
    name: str = ""
    tensor: Tensor | None = field(default=None, compare=False)
    draw: Any = None


@dataclass(frozen=True, slots=True)
class View:
    """Elements of a value in an order: index i reads element offset + sum(i * stride)."""

    value: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    dtype: str

    @property
    def numel(self) -> int:
        """Number of elements read."""
        return math.prod(self.shape)

    def broadcast(self, shape: Sequence[int]) -> "View":
        """The same elements, repeated to a shape."""
        shape = tuple(shape)
        lead = len(shape) - len(self.shape)
        stride = (0,) * lead + tuple(
            0 if size == 1 else step for size, step in zip(self.shape, self.stride, strict=True)
        )
        return View(self.value, shape, stride, self.offset, self.dtype)

    def to(self, shape: Sequence[int], stride: Sequence[int], offset: int = 0) -> "View":
        """Other elements of the same value, `offset` further on."""
        return View(self.value, tuple(shape), tuple(stride), self.offset + offset, self.dtype)


Arg = View | float | int | bool


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: `out[...] = name(args...)`.

    Attributes:
        name: a pointwise function ("exp", "add", ...), or one of
            "sum" | "prod" | "max" | "min" (over the dimensions `extra`),
            "dot" (of two views of one shape, over the last dimension),
            "cumsum" | "cumprod" (along the dimension `extra`),
            "gather" (a view, then indices that move it by `extra` = ((stride, size), ...)),
            "scatter" (base, what to add, indices; `extra` = (target view, ((stride, size), ...))),
            "assemble" (base, then pieces; `extra` = where each piece goes, as views of the result).
    """

    name: str
    args: tuple[Arg, ...]
    out: View
    extra: Any = ()


def place_of(tensor: Tensor, value: int, dtype: str) -> View:
    """How a tensor reads the memory it lies in."""
    offset = int(tensor.storage_offset())
    return View(value, tuple(tensor.shape), tensor.stride(), offset, dtype)


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of rows that lie one after the other."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def joint_shape(shapes: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """The shape that all of these broadcast to."""
    columns = zip_longest(*(tuple(reversed(shape)) for shape in shapes), fillvalue=1)
    return tuple(reversed([next((s for s in column if s != 1), 1) for column in columns]))


@dataclass
class Program:
    """A step in normal form: state, data and noise in; new state and a result out.

    Attributes:
        values: every value, by id.
        ops: in order.
        results: new state, in the order of the state values; then the loss.
        bounded: how many leading state values must stay below a limit; the others only finite.
    """

    values: list[Value] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    results: list[Arg] = field(default_factory=list)
    bounded: int = 0
    _known: dict[Any, View] = field(default_factory=dict, repr=False)

    def inputs(self, role: str) -> list[Value]:
        """The values of one role, in order."""
        return [value for value in self.values if value.role == role]

    # ---- building

    def add_value(self, role: str, size: int, dtype: torch.dtype | str, **about: Any) -> Value:
        """A new piece of memory."""
        name = dtype if isinstance(dtype, str) else DTYPES.get(dtype, "")
        if not name:
            raise NotCompiled(f"{dtype} has no compiled form")
        value = Value(len(self.values), role, size, name, **about)
        self.values.append(value)
        return value

    def whole(self, value: Value, shape: Sequence[int] | None = None) -> View:
        """All of a value, as rows of a shape."""
        shape = (value.size,) if shape is None else tuple(shape)
        return View(value.id, shape, contiguous(shape), 0, value.dtype)

    def emit(
        self,
        name: str,
        args: Sequence[Arg],
        shape: Sequence[int],
        dtype: str,
        extra: Any = (),
    ) -> View:
        """The result of an operation, contiguous; the earlier one if it was computed before."""
        own = ALL if name in REDUCTIONS else 1 if name == "gather" else 0
        args = (*args[:own], *(self.folded(arg) for arg in args[own:]))
        key = name, tuple((type(a), a) for a in args), tuple(shape), dtype, extra
        if key not in self._known:
            out = self.whole(self.add_value("op", math.prod(shape), dtype), shape)
            self.ops.append(Op(name, args, out, extra))
            self._known[key] = out
        return self._known[key]

    def folded(self, arg: Arg) -> Arg:
        """A number, for a view of a constant that is the same everywhere."""
        if not isinstance(arg, View) or self.values[arg.value].role != "constant":
            return arg
        held = self.values[arg.value].tensor
        assert held is not None
        seen = held.as_strided(arg.shape, arg.stride, arg.offset)
        if not seen.numel():
            return arg
        first = seen[(0,) * seen.dim()]
        same = bool((seen == first).all()) or bool(torch.isnan(seen).all())
        return first.item() if same else arg

    def finish(self, results: Sequence[Arg]) -> "Program":
        """Keep only what the results need; values are numbered anew."""
        own = [self._own(result) for result in results[:-1]]
        self.results = [*own, self.folded(results[-1])]
        needed = {result.value for result in self.results if isinstance(result, View)}
        kept: list[Op] = []
        for op in reversed(self.ops):
            if op.out.value in needed:
                kept.append(op)
                needed |= {arg.value for arg in op.args if isinstance(arg, View)}
        self.ops = kept[::-1]
        self._known.clear()
        roles = ("state", "noise")
        order = [v for v in self.values if v.role in roles or v.id in needed]
        order.sort(key=lambda value: value.role == "op")
        number = {value.id: index for index, value in enumerate(order)}
        self.values = [_numbered(value, number[value.id]) for value in order]
        self.ops = [_renumbered(op, number) for op in self.ops]
        self.results = [_moved(result, number) for result in self.results]
        return self

    def _own(self, result: Arg) -> Arg:
        """A new state in memory of its own: writing it changes nothing that is still to be read."""
        assert isinstance(result, View)
        value = self.values[result.value]
        plain = result.stride == contiguous(result.shape) and result.numel == value.size
        taken = any(isinstance(r, View) and r.value == value.id for r in self.results)
        if value.role == "op" and plain and not taken:
            self.results.append(result)
            return result
        whole = self.add_value("op", result.numel, value.dtype)
        out = self.whole(whole, result.shape)
        self.ops.append(Op("cast", (self.folded(result),), out))
        return out

    # ---- reading

    @property
    def scalar_work(self) -> int:
        """How many numbers one step computes."""
        sizes = (max((v.numel for v in views(op)), default=0) for op in self.ops)
        return sum(sizes)

    @cached_property
    def key(self) -> str:
        """A text that is the same for programs that do the same; to be asked for when finished."""
        inputs = [(v.role, v.size, v.dtype, v.draw) for v in self.values]
        constants = [v.tensor.tolist() for v in self.inputs("constant") if v.tensor is not None]
        return repr((inputs, constants, self.ops, self.results, self.bounded))

    def __str__(self) -> str:
        lines = [
            f"{self._name(value.id)} = {value.role} {value.name}".rstrip()
            + f" : {value.dtype}[{value.size}]"
            for value in self.values
            if value.role != "op"
        ]
        for op in self.ops:
            shown = ", ".join(map(self._shown, op.args))
            shape = " ".join(map(str, op.out.shape))
            more = f"  {_extra(op.extra)}" if op.extra != () else ""
            lines.append(f"v{op.out.value} = {op.name}({shown}) : {op.out.dtype}[{shape}]{more}")
        lines.append(f"return {', '.join(map(self._shown, self.results))}")
        return "\n".join(lines)

    def _name(self, value: int) -> str:
        return f"{self.values[value].role[0] if value < len(self.values) else 'v'}{value}"

    def _shown(self, arg: Arg) -> str:
        if not isinstance(arg, View):
            return repr(arg)
        value = self.values[arg.value]
        name = f"v{arg.value}" if value.role == "op" else self._name(arg.value)
        if arg.offset == 0 and arg.numel == value.size and arg.stride == contiguous(arg.shape):
            return name
        steps = "".join(f" {s}x{t}" for s, t in zip(arg.shape, arg.stride, strict=True) if s != 1)
        return f"{name}[{arg.offset}{' :' if steps else ''}{steps}]"


def views(op: Op) -> list[View]:
    """What an operation reads and writes."""
    return [op.out, *(arg for arg in op.args if isinstance(arg, View))]


def _extra(extra: Any) -> str:
    if isinstance(extra, View):
        steps = zip(extra.shape, extra.stride, strict=True)
        return f"at {extra.offset}{''.join(f' {s}x{t}' for s, t in steps)}"
    if isinstance(extra, tuple):
        return f"({', '.join(map(_extra, extra))})"
    return str(extra)


def _numbered(value: Value, number: int) -> Value:
    return replace(value, id=number)


def _moved(arg: Any, number: dict[int, int]) -> Any:
    if isinstance(arg, View):
        return View(number.get(arg.value, -1), arg.shape, arg.stride, arg.offset, arg.dtype)
    if isinstance(arg, tuple):
        return tuple(_moved(part, number) for part in arg)
    return arg


def _renumbered(op: Op, number: dict[int, int]) -> Op:
    return Op(op.name, _moved(op.args, number), _moved(op.out, number), _moved(op.extra, number))
