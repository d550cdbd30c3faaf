"""What torch's operations mean in the few that a program has.

A form takes the program, the tensor that torch computed (for its shape and dtype) and torch's
arguments with views for tensors; it returns a view for each result. Torch's composite operations
become a few plain ones here, in the way that torch's own kernels compute them.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .ops import DTYPES, Arg, NotCompiled, Program, View, contiguous, joint_shape, place_of


def names(text: str) -> frozenset[str]:
    """Words as a set."""
    return frozenset(text.split())


KEEPS_NOTHING = names(
    "new_full new_zeros new_ones new_empty ones_like zeros_like full_like empty_like full zeros "
    "ones empty arange eye scalar_tensor linspace empty_strided new_empty_strided"
)
"""Operations whose result does not depend on what is in their arguments."""

UNARY = names(
    "exp log log1p expm1 sqrt neg abs tanh sin cos tan atan asin acos sinh cosh erf erfc lgamma "
    "digamma floor ceil round trunc sign isnan isinf log2 log10 exp2"
)
COMPARE = names("eq ne lt le gt ge")
BINARY = names("mul maximum minimum atan2 fmod")
LOGIC = {
    "logical_and": "and",
    "logical_or": "or",
    "logical_xor": "ne",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "ne",
    "__and__": "and",
    "__or__": "or",
}


NOTHING = {"sum": 0, "prod": 1, "max": -math.inf, "min": math.inf}
"""What a reduction of nothing is."""


class Forms:
    """A pen to write forms with: `f.add(x, y)` for each pointwise operation."""

    def __init__(self, program: Program, out: Tensor):
        self.program, self.out = program, out
        self.shape = tuple(out.shape)
        self.dtype = DTYPES.get(out.dtype, "")

    def point(self, name: str, *args: Arg, dtype: str | None = None) -> View:
        """A pointwise operation on arguments that broadcast."""
        if name == "cast" and (dtype or self.dtype) == "bool":
            name, args = "ne", (*args, 0)
        folded = [self.program.folded(arg) for arg in args]
        shape = joint_shape(arg.shape for arg in args if isinstance(arg, View))
        dtype = dtype or self.dtype
        simple = _simpler(name, folded)
        if isinstance(simple, View) and simple.dtype == dtype:
            return simple.broadcast(shape)
        spread = [arg.broadcast(shape) if isinstance(arg, View) else arg for arg in folded]
        return self.program.emit(name, spread, shape, dtype)

    def __getattr__(self, name: str) -> Callable[..., View]:
        name = name.rstrip("_")
        return lambda *args, **kwargs: self.point(name, *args, **kwargs)

    def compare(self, name: str, *args: Arg) -> View:
        """A pointwise truth value."""
        return self.point(name, *args, dtype="bool")

    def where(self, condition: Arg, yes: Arg, no: Arg) -> View:
        """`yes` where the condition holds."""
        return self.point("where", condition, yes, no)

    def cast(self, x: Arg) -> Arg:
        """The argument in the result's dtype."""
        if isinstance(x, View) and x.dtype != self.dtype:
            return self.point("cast", x)
        return x

    def reduce(self, name: str, x: View, dims: Any = None, dtype: str | None = None) -> View:
        """A sum, product, maximum or minimum over dimensions (all by default)."""
        dims = [dims] if isinstance(dims, int) else dims
        over = tuple(sorted(d % len(x.shape) for d in dims)) if dims else tuple(range(len(x.shape)))
        kept = [size for d, size in enumerate(x.shape) if d not in over]
        if not over:
            return x
        if not x.numel:
            return self.program.emit("cast", (NOTHING[name],), kept, dtype or x.dtype)
        return self.program.emit(name, (x,), kept, dtype or x.dtype, over)

    def keep(self, x: View, dims: Any, shape: Sequence[int]) -> View:
        """A reduction's result with ones in place of the dimensions that are gone."""
        dims = [dims] if isinstance(dims, int) else (dims or range(len(shape)))
        over = {d % len(shape) for d in dims}
        sizes = [1 if d in over else size for d, size in enumerate(shape)]
        return x.to(sizes, contiguous(sizes))

    def dot(self, a: View, b: View) -> View:
        """Matrix product over the last dimension of `a` and the last but one of `b`."""
        (*batch_a, m, k), (*batch_b, _, n) = a.shape, b.shape
        batch = joint_shape([batch_a, batch_b])
        full = (*batch, m, n, k)
        left = View(
            a.value, (*batch_a, m, 1, k), (*a.stride[:-1], 0, a.stride[-1]), a.offset, a.dtype
        )
        swapped = (*b.stride[:-2], 0, b.stride[-1], b.stride[-2])
        right = View(b.value, (*batch_b, 1, n, k), swapped, b.offset, b.dtype)
        both = (left.broadcast(full), right.broadcast(full))
        return self.program.emit("dot", both, full[:-1], self.dtype)

    def assemble(self, base: Arg, size: int, *pieces: tuple[View, View]) -> View:
        """A value made of pieces: (what, where)."""
        args = (base, *(self.cast(what) for what, _ in pieces))
        return self.program.emit(
            "assemble", args, (size,), self.dtype, tuple(where for _, where in pieces)
        )

    def place(self, like: Tensor) -> View:
        """Where a view of the result lies."""
        return place_of(like, -1, self.dtype)

    def blank(self) -> Tensor:
        """A stand-in for the result, to take views of."""
        return torch.empty(self.shape, dtype=self.out.dtype, device="meta")


def _simpler(name: str, args: list[Arg]) -> Arg | None:
    """An argument that is the result already: x * 1, x + 0, x / 1, x - 0."""
    a, b = (*args, None, None)[:2]
    match name:
        case "mul" if b == 1 and isinstance(b, (int, float)):
            return a
        case "mul" if a == 1 and isinstance(a, (int, float)):
            return b
        case "add" if b == 0 and isinstance(b, (int, float)):
            return a
        case "add" if a == 0 and isinstance(a, (int, float)):
            return b
        case "sub" if b == 0 and isinstance(b, (int, float)):
            return a
        case "div" if b == 1 and isinstance(b, (int, float)):
            return a
        case _:
            return None


Form = Callable[..., Any]
FORMS: dict[str, Form] = {}


def form(*names: str) -> Callable[[Form], Form]:
    """Register a form under torch's names."""

    def register(write: Form) -> Form:
        FORMS.update(dict.fromkeys(names, write))
        return write

    return register


def normal_form(
    program: Program, name: str, out: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[View | None]:
    """The views that an operation's results are.

    Raises:
        NotCompiled: there is no form for it.
    """
    f = Forms(program, out)
    if name in UNARY:
        results: Any = f.point(name, args[0])
    elif name in COMPARE:
        results = f.compare(name, *args[:2])
    elif name in BINARY:
        results = f.point(name, *args[:2])
    elif name in LOGIC and f.dtype == "bool":
        results = f.compare(LOGIC[name], *args[:2])
    elif name in FORMS:
        results = FORMS[name](f, *args, **kwargs)
    else:
        raise NotCompiled(f"{name} has no compiled form")
    results = results if isinstance(results, tuple) else (results,)
    return list(results)
