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

from .ops import DTYPES, Arg, NotCompiled, Program, View, contiguous, joint_shape

KEEPS_NOTHING = frozenset(
    [
        "new_full",
        "new_zeros",
        "new_ones",
        "new_empty",
        "ones_like",
        "zeros_like",
        "full_like",
        "empty_like",
        "full",
        "zeros",
        "ones",
        "empty",
        "arange",
        "eye",
        "scalar_tensor",
        "linspace",
        "empty_strided",
        "new_empty_strided",
    ]
)
"""Operations whose result does not depend on what is in their arguments."""

UNARY = frozenset(
    [
        "exp",
        "log",
        "log1p",
        "expm1",
        "sqrt",
        "neg",
        "abs",
        "tanh",
        "sin",
        "cos",
        "tan",
        "atan",
        "asin",
        "acos",
        "sinh",
        "cosh",
        "erf",
        "erfc",
        "lgamma",
        "digamma",
        "floor",
        "ceil",
        "round",
        "trunc",
        "sign",
        "isnan",
        "isinf",
        "log2",
        "log10",
        "exp2",
        "erfinv",
    ]
)
COMPARE = frozenset(["eq", "ne", "lt", "le", "gt", "ge"])
BINARY = frozenset(["mul", "maximum", "minimum", "atan2", "fmod"])
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


class Forms:
    """A pen to write forms with: `f.add(x, y)` for each pointwise operation."""

    def __init__(self, program: Program, out: Tensor):
        self.program, self.out = program, out
        self.shape = tuple(out.shape)
        self.dtype = DTYPES.get(out.dtype, "")

    def point(self, name: str, *args: Arg, dtype: str | None = None) -> View:
        """A pointwise operation on arguments that broadcast."""
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
        return View(-1, tuple(like.shape), like.stride(), like.storage_offset(), self.dtype)

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


# ---- pointwise


@form("add")
def _add(f: Forms, x: Arg, y: Arg, alpha: float = 1) -> View:
    return f.add(x, y if alpha == 1 else f.mul(y, alpha))


@form("sub")
def _sub(f: Forms, x: Arg, y: Arg, alpha: float = 1) -> View:
    return f.sub(x, y if alpha == 1 else f.mul(y, alpha))


@form("rsub")
def _rsub(f: Forms, x: Arg, y: Arg, alpha: float = 1) -> View:
    return _sub(f, y, x, alpha)


@form("div", "true_divide")
def _div(f: Forms, x: Arg, y: Arg, rounding_mode: str | None = None) -> View:
    if rounding_mode is None:
        if isinstance(y, (int, float)) and y:
            return f.mul(x, 1.0 / y) if math.frexp(y)[0] == 0.5 else f.div(x, y)
        return f.div(x, y)
    whole = "floor" if rounding_mode == "floor" else "trunc"
    if f.dtype.startswith("int"):
        raise NotCompiled("dividing whole numbers has no compiled form")
    return f.point(whole, f.div(x, y))


@form("pow")
def _pow(f: Forms, x: Arg, y: Arg) -> View:
    exponent = f.program.folded(y)
    match exponent:
        case 2:
            return f.mul(x, x)
        case 3:
            return f.mul(f.mul(x, x), x)
        case 1:
            return f.mul(x, 1)
        case 0.5:
            return f.sqrt(x)
        case -1:
            return f.div(1.0, x)
        case -2:
            return f.div(1.0, f.mul(x, x))
        case _:
            return f.pow(x, y)


@form("reciprocal")
def _reciprocal(f: Forms, x: Arg) -> View:
    return f.div(1.0, x)


@form("rsqrt")
def _rsqrt(f: Forms, x: Arg) -> View:
    return f.div(1.0, f.sqrt(x))


@form("square")
def _square(f: Forms, x: Arg) -> View:
    return f.mul(x, x)


@form("sgn")
def _sgn(f: Forms, x: Arg) -> View:
    return f.sign(x)


@form("frac")
def _frac(f: Forms, x: Arg) -> View:
    return f.sub(x, f.trunc(x))


@form("sigmoid")
def _sigmoid(f: Forms, x: Arg) -> View:
    return f.div(1.0, f.add(1.0, f.exp(f.neg(x))))


@form("relu")
def _relu(f: Forms, x: Arg) -> View:
    return f.maximum(x, 0)


@form("logical_not", "bitwise_not")
def _not(f: Forms, x: Arg) -> View:
    return f.compare("not", x)


@form("where")
def _where(f: Forms, condition: Arg, yes: Arg, no: Arg) -> View:
    return f.where(condition, yes, no)


@form("masked_fill")
def _masked_fill(f: Forms, x: Arg, mask: Arg, value: Arg) -> View:
    return f.where(mask, value, x)


@form("clone", "_to_copy", "contiguous", "lift_fresh_copy", "convert_element_type")
def _copy(f: Forms, x: View, *_: Any, **__: Any) -> View:
    x = f.cast(x)  # type: ignore[assignment]
    return x if isinstance(x, View) else f.cast(x)  # type: ignore[return-value]


@form("copy")
def _copy_from(f: Forms, x: View, source: Arg, *_: Any) -> View:
    return f.point("cast", source) if isinstance(source, View) else _filled(f, source)


@form("fill")
def _fill(f: Forms, x: View, value: Arg) -> View:
    return _filled(f, value)


@form("zero")
def _zero(f: Forms, x: View) -> View:
    return _filled(f, 0)


def _filled(f: Forms, value: Arg) -> View:
    value = f.program.folded(value)
    return f.program.emit("cast", (value,), f.shape, f.dtype)


@form("clamp")
def _clamp(f: Forms, x: Arg, low: Arg | None = None, high: Arg | None = None) -> View:
    low = None if low is None else low
    x = x if low is None else f.maximum(x, low)
    return x if high is None else f.minimum(x, high)  # type: ignore[return-value]


@form("clamp_min")
def _clamp_min(f: Forms, x: Arg, low: Arg) -> View:
    return f.maximum(x, low)


@form("clamp_max")
def _clamp_max(f: Forms, x: Arg, high: Arg) -> View:
    return f.minimum(x, high)


@form("addcmul")
def _addcmul(f: Forms, x: Arg, a: Arg, b: Arg, value: float = 1) -> View:
    return f.add(x, f.mul(f.mul(a, b), value))


@form("addcdiv")
def _addcdiv(f: Forms, x: Arg, a: Arg, b: Arg, value: float = 1) -> View:
    return f.add(x, f.mul(f.div(a, b), value))


@form("lerp")
def _lerp(f: Forms, x: Arg, y: Arg, weight: Arg) -> View:
    return f.add(x, f.mul(f.sub(y, x), weight))


@form("xlogy")
def _xlogy(f: Forms, x: Arg, y: Arg) -> View:
    return f.where(f.compare("eq", x, 0), 0.0, f.mul(x, f.log(y)))


@form("logaddexp")
def _logaddexp(f: Forms, x: Arg, y: Arg) -> View:
    high = f.maximum(x, y)
    gap = f.neg(f.abs(f.sub(x, y)))
    return f.where(f.compare("eq", x, y), f.add(x, math.log(2)), f.add(high, f.log1p(f.exp(gap))))


@form("softplus")
def _softplus(f: Forms, x: View, beta: float = 1, threshold: float = 20) -> View:
    z = f.mul(x, beta)
    return f.where(f.compare("gt", z, threshold), x, f.div(f.log1p(f.exp(z)), beta))


@form("softplus_backward")
def _softplus_backward(f: Forms, g: View, x: View, beta: float, threshold: float) -> View:
    z = f.mul(x, beta)
    return f.where(f.compare("gt", z, threshold), g, f.mul(g, _sigmoid(f, z)))


@form("log_sigmoid_forward")
def _log_sigmoid(f: Forms, x: View) -> tuple[View, None]:
    least = f.minimum(x, 0)
    return f.sub(least, f.log1p(f.exp(f.neg(f.abs(x))))), None


@form("log_sigmoid_backward")
def _log_sigmoid_backward(f: Forms, g: View, x: View, _: Any) -> View:
    return f.mul(g, _sigmoid(f, f.neg(x)))


@form("sigmoid_backward")
def _sigmoid_backward(f: Forms, g: View, y: View) -> View:
    return f.mul(g, f.mul(y, f.sub(1.0, y)))


@form("tanh_backward")
def _tanh_backward(f: Forms, g: View, y: View) -> View:
    return f.mul(g, f.sub(1.0, f.mul(y, y)))


@form("threshold_backward")
def _threshold_backward(f: Forms, g: View, x: View, threshold: float) -> View:
    return f.where(f.compare("gt", x, threshold), g, 0)


@form("logit")
def _logit(f: Forms, x: View, eps: float | None = None) -> View:
    x = x if eps is None else f.minimum(f.maximum(x, eps), 1 - eps)
    return f.log(f.div(x, f.sub(1.0, x)))


@form("logit_backward")
def _logit_backward(f: Forms, g: View, x: View, eps: float | None = None) -> View:
    slope = f.div(g, f.mul(x, f.sub(1.0, x)))
    if eps is None:
        return slope
    return f.where(f.compare("and", f.compare("ge", x, eps), f.compare("le", x, 1 - eps)), slope, 0)


@form("binary_cross_entropy_with_logits")
def _bce(
    f: Forms, x: View, y: View, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> View:
    if weight is not None or pos_weight is not None:
        raise NotCompiled("binary_cross_entropy_with_logits with weights has no compiled form")
    least = f.minimum(x, 0)
    log_sigmoid = f.sub(least, f.log1p(f.exp(f.neg(f.abs(x)))))
    each = f.sub(f.mul(f.sub(1.0, y), x), log_sigmoid)
    if reduction == 0:
        return each
    total = f.reduce("sum", each)
    return total if reduction == 2 else f.div(total, each.numel)


@form("polygamma")
def _polygamma(f: Forms, order: int, x: View) -> View:
    if order == 0:
        return f.digamma(x)
    if order == 1:
        return f.trigamma(x)
    raise NotCompiled(f"polygamma of order {order} has no compiled form")


# ---- reductions


@form("sum")
def _sum(f: Forms, x: View, dims: Any = None, keepdim: bool = False, dtype: Any = None) -> View:
    return f.reduce("sum", f.cast(x), dims)  # type: ignore[arg-type]


@form("mean")
def _mean(f: Forms, x: View, dims: Any = None, keepdim: bool = False, dtype: Any = None) -> View:
    total = f.reduce("sum", x, dims)
    return f.div(total, x.numel / max(total.numel, 1))


@form("prod")
def _prod(f: Forms, x: View, dims: Any = None, keepdim: bool = False, dtype: Any = None) -> View:
    return f.reduce("prod", f.cast(x), dims)  # type: ignore[arg-type]


@form("amax")
def _amax(f: Forms, x: View, dims: Any = None, keepdim: bool = False) -> View:
    return f.reduce("max", x, dims)


@form("amin")
def _amin(f: Forms, x: View, dims: Any = None, keepdim: bool = False) -> View:
    return f.reduce("min", x, dims)


@form("max")
def _max(f: Forms, x: View, dim: Any = None, keepdim: bool = False) -> Any:
    return _extreme(f, "max", x, dim)


@form("min")
def _min(f: Forms, x: View, dim: Any = None, keepdim: bool = False) -> Any:
    return _extreme(f, "min", x, dim)


def _extreme(f: Forms, name: str, x: View, dim: Any) -> Any:
    if isinstance(dim, View):
        return f.point(f"{name}imum", x, dim)
    best = f.reduce(name, x, dim)
    return best if dim is None else (best, _first_place(f, x, best, dim))


def _first_place(f: Forms, x: View, best: View, dim: int) -> View:
    """The first index along `dim` at which `x` has its extreme value."""
    size = x.shape[dim]
    places = torch.arange(size)
    held = f.program.add_value("constant", size, "int64", tensor=places)
    shape = [size if d == dim % len(x.shape) else 1 for d in range(len(x.shape))]
    index = f.program.whole(held, shape)
    is_best = f.compare("eq", x, f.keep(best, dim, x.shape))
    return f.reduce("min", f.point("where", is_best, index, size, dtype="int64"), dim)


@form("argmax")
def _argmax(f: Forms, x: View, dim: int | None = None, keepdim: bool = False) -> View:
    return _arg_extreme(f, "max", x, dim)


@form("argmin")
def _argmin(f: Forms, x: View, dim: int | None = None, keepdim: bool = False) -> View:
    return _arg_extreme(f, "min", x, dim)


def _arg_extreme(f: Forms, name: str, x: View, dim: int | None) -> View:
    if dim is None:
        if x.stride != contiguous(x.shape):
            raise NotCompiled("argmax of a transposed tensor has no compiled form")
        x, dim = x.to((x.numel,), (1,)), 0
    return _first_place(f, x, f.reduce(name, x, dim), dim)


@form("any", "all")
def _any(f: Forms, x: View, dims: Any = None, keepdim: bool = False) -> View:
    raise NotCompiled("any and all have no compiled form")


@form("logsumexp")
def _logsumexp(f: Forms, x: View, dims: Any, keepdim: bool = False) -> View:
    peak = f.keep(f.reduce("max", x, dims), dims, x.shape)
    finite = f.compare("lt", f.abs(peak), math.inf)
    peak = f.where(finite, peak, 0.0)
    total = f.reduce("sum", f.exp(f.sub(x, peak)), dims)
    return f.add(f.log(total), peak.to(total.shape, contiguous(total.shape)))


@form("_log_softmax")
def _log_softmax(f: Forms, x: View, dim: int, *_: Any) -> View:
    centred = f.sub(x, f.keep(f.reduce("max", x, dim), dim, x.shape))
    total = f.reduce("sum", f.exp(centred), dim)
    return f.sub(centred, f.keep(f.log(total), dim, x.shape))


@form("_log_softmax_backward_data")
def _log_softmax_backward(f: Forms, g: View, y: View, dim: int, *_: Any) -> View:
    return f.sub(g, f.mul(f.exp(y), f.keep(f.reduce("sum", g, dim), dim, y.shape)))


@form("_softmax")
def _softmax(f: Forms, x: View, dim: int, *_: Any) -> View:
    each = f.exp(f.sub(x, f.keep(f.reduce("max", x, dim), dim, x.shape)))
    return f.div(each, f.keep(f.reduce("sum", each, dim), dim, x.shape))


@form("_softmax_backward_data")
def _softmax_backward(f: Forms, g: View, y: View, dim: int, *_: Any) -> View:
    weighted = f.mul(g, y)
    total = f.keep(f.reduce("sum", weighted, dim), dim, y.shape)
    return f.sub(weighted, f.mul(y, total))


@form("linalg_vector_norm")
def _vector_norm(f: Forms, x: View, order: float = 2, dims: Any = None, *_: Any, **__: Any) -> View:
    if order == 2:
        return f.sqrt(f.reduce("sum", f.mul(x, x), dims))
    if order == 1:
        return f.reduce("sum", f.abs(x), dims)
    raise NotCompiled(f"a norm of order {order} has no compiled form")


@form("cumsum")
def _cumsum(f: Forms, x: View, dim: int, dtype: Any = None) -> View:
    return f.program.emit("cumsum", (f.cast(x),), x.shape, f.dtype, dim % len(x.shape))


@form("cumprod")
def _cumprod(f: Forms, x: View, dim: int, dtype: Any = None) -> View:
    return f.program.emit("cumprod", (f.cast(x),), x.shape, f.dtype, dim % len(x.shape))


@form("mvlgamma")
def _mvlgamma(f: Forms, x: View, p: int) -> View:
    total = f.lgamma(x)
    for i in range(1, p):
        total = f.add(total, f.lgamma(f.sub(x, i / 2)))
    return f.add(total, p * (p - 1) / 4 * math.log(math.pi))


# ---- products


@form("mm", "bmm")
def _mm(f: Forms, a: View, b: View) -> View:
    return f.dot(a, b)


@form("mv")
def _mv(f: Forms, a: View, b: View) -> View:
    product = f.dot(a, b.to((*b.shape, 1), (*b.stride, 0)))
    return product.to(product.shape[:-1], product.stride[:-1])


@form("dot", "vdot")
def _dot(f: Forms, a: View, b: View) -> View:
    return f.reduce("sum", f.mul(a, b))


@form("addmm", "baddbmm")
def _addmm(f: Forms, x: View, a: View, b: View, *, beta: float = 1, alpha: float = 1) -> View:
    return f.add(f.mul(x, beta), f.mul(f.dot(a, b), alpha))


@form("addmv")
def _addmv(f: Forms, x: View, a: View, b: View, *, beta: float = 1, alpha: float = 1) -> View:
    return f.add(f.mul(x, beta), f.mul(_mv(f, a, b), alpha))


# ---- moving elements


@form("cat")
def _cat(f: Forms, parts: Sequence[View], dim: int = 0) -> View:
    blank, pieces, at = f.blank(), [], 0
    for part in parts:
        if part.numel:
            size = part.shape[dim]
            pieces.append((part, f.place(blank.narrow(dim, at, size))))
            at += size
    return _shaped(f, f.assemble(0, blank.numel(), *pieces))


@form("stack")
def _stack(f: Forms, parts: Sequence[View], dim: int = 0) -> View:
    blank = f.blank()
    pieces = [(part, f.place(blank.select(dim, i))) for i, part in enumerate(parts)]
    return _shaped(f, f.assemble(0, blank.numel(), *pieces))


def _shaped(f: Forms, whole: View) -> View:
    return whole.to(f.shape, contiguous(f.shape))


def _backward_of_view(f: Forms, g: View, take: Callable[[Tensor], Tensor]) -> View:
    """Zero everywhere but where the view was taken."""
    blank = f.blank()
    return _shaped(f, f.assemble(0, blank.numel(), (g, f.place(take(blank)))))


@form("slice_backward")
def _slice_backward(
    f: Forms, g: View, sizes: Any, dim: int, start: int, end: int, step: int
) -> View:
    return _backward_of_view(f, g, lambda x: torch.ops.aten.slice(x, dim, start, end, step))


@form("select_backward")
def _select_backward(f: Forms, g: View, sizes: Any, dim: int, index: int) -> View:
    return _backward_of_view(f, g, lambda x: x.select(dim, index))


@form("diagonal_backward")
def _diagonal_backward(f: Forms, g: View, sizes: Any, offset: int, dim1: int, dim2: int) -> View:
    return _backward_of_view(f, g, lambda x: x.diagonal(offset, dim1, dim2))


@form("diag_embed")
def _diag_embed(f: Forms, x: View, offset: int = 0, dim1: int = -2, dim2: int = -1) -> View:
    return _backward_of_view(f, x, lambda y: y.diagonal(offset, dim1, dim2))


@form("constant_pad_nd")
def _pad(f: Forms, x: View, pad: Sequence[int], value: float = 0) -> View:
    blank = inside = f.blank()
    sizes, offset = list(x.shape), 0
    for i in range(len(pad) // 2):
        dim, (before, after) = -1 - i, pad[2 * i : 2 * i + 2]
        sizes[dim] += min(before, 0) + min(after, 0)
        offset -= min(before, 0) * x.stride[dim]
        inside = inside.narrow(dim, max(before, 0), sizes[dim])
    piece = x.to(sizes, x.stride, offset)
    return _shaped(f, f.assemble(value, blank.numel(), (piece, f.place(inside))))


@form("flip")
def _flip(f: Forms, x: View, dims: Sequence[int]) -> View:
    stride, offset = list(x.stride), 0
    for dim in dims:
        offset += (x.shape[dim] - 1) * stride[dim]
        stride[dim] = -stride[dim]
    return f.point("cast", x.to(x.shape, stride, offset))


@form("repeat")
def _repeat(f: Forms, x: View, times: Sequence[int]) -> View:
    blank = f.blank()
    lead = len(times) - len(x.shape)
    sizes = (1,) * lead + x.shape
    split = [part for pair in zip(times, sizes, strict=True) for part in pair]
    spread = [part for size in x.shape for part in (1, size)]
    steps = [part for step in x.stride for part in (0, step)]
    each = x.to(spread, steps).broadcast(split)
    return _shaped(f, f.assemble(0, blank.numel(), (each, f.place(blank.view(split)))))


@form("tril", "triu")
def _never(f: Forms, *_: Any) -> View:
    raise NotCompiled("tril and triu need their name")


def _triangle(f: Forms, x: View, keep: Callable[[Tensor], Tensor]) -> View:
    mask = keep(torch.ones(x.shape[-2:], dtype=torch.bool))
    held = f.program.add_value("constant", mask.numel(), "bool", tensor=mask.flatten())
    return f.where(f.program.whole(held, mask.shape), x, 0)


@form("tril")
def _tril(f: Forms, x: View, diagonal: int = 0) -> View:
    return _triangle(f, x, lambda m: m.tril(diagonal))


@form("triu")
def _triu(f: Forms, x: View, diagonal: int = 0) -> View:
    return _triangle(f, x, lambda m: m.triu(diagonal))


@form("index")
def _index(f: Forms, x: View, indices: Sequence[View | None]) -> View:
    source, places, moves = _indexed(f, x, indices)
    return f.program.emit("gather", (source, *places), f.shape, f.dtype, moves)


def _known(f: Forms, x: View) -> Tensor | None:
    """What a constant holds."""
    value = f.program.values[x.value]
    if value.role != "constant" or value.tensor is None:
        return None
    return value.tensor.as_strided(x.shape, x.stride, x.offset)


def _whole_numbers(f: Forms, indices: Sequence[View | None]) -> list[View | None]:
    """Indices, with constant truth values as the places where they hold."""
    result: list[View | None] = []
    for index in indices:
        if index is None or index.dtype != "bool":
            result.append(index)
            continue
        mask = _known(f, index)
        if mask is None:
            raise NotCompiled("choosing by truth values makes a shape that depends on them")
        for places in mask.nonzero(as_tuple=True):
            value = f.program.add_value("constant", len(places), "int64", tensor=places.clone())
            result.append(f.program.whole(value))
    return result


def _indexed(
    f: Forms, x: View, indices: Sequence[View | None], shape: Sequence[int] | None = None
) -> tuple[View, list[View], tuple[tuple[int, int], ...]]:
    """A view of `x` in the result's shape, and the indices that move it."""
    given = [(dim, index) for dim, index in enumerate(_whole_numbers(f, indices)) if index]
    spread = joint_shape(index.shape for _, index in given)
    dims = [dim for dim, _ in given]
    adjacent = dims == list(range(dims[0], dims[0] + len(dims)))
    first = dims[0] if adjacent else 0
    rest = [dim for dim in range(len(x.shape)) if dim not in dims]
    sizes = [x.shape[dim] for dim in rest]
    steps = [x.stride[dim] for dim in rest]
    sizes[first:first], steps[first:first] = spread, [0] * len(spread)
    source = View(x.value, tuple(sizes), tuple(steps), x.offset, x.dtype)
    after = len(sizes) - first - len(spread)
    places = [
        index.to((*index.shape, *[1] * after), (*index.stride, *[0] * after)).broadcast(sizes)
        for _, index in given
    ]
    moves = tuple((x.stride[dim], x.shape[dim]) for dim in dims)
    return source, places, moves


@form("index_select")
def _index_select(f: Forms, x: View, dim: int, index: View) -> View:
    indices: list[View | None] = [None] * len(x.shape)
    indices[dim] = index
    return _index(f, x, indices)


@form("gather")
def _gather(f: Forms, x: View, dim: int, index: View, sparse_grad: bool = False) -> View:
    source, move = _along(x, dim, index)
    return f.program.emit("gather", (source, index), index.shape, f.dtype, (move,))


def _along(x: View, dim: int, index: View) -> tuple[View, tuple[int, int]]:
    steps = list(x.stride)
    steps[dim] = 0
    source = View(x.value, index.shape, tuple(steps), x.offset, x.dtype)
    return source, (x.stride[dim], x.shape[dim])


def _scatter_form(
    f: Forms, x: View, target: View, add: View, places: list[View], moves: Any
) -> View:
    base = f.program.folded(x)
    base = base if not isinstance(base, View) else _flat(f, base)
    whole = f.program.emit(
        "scatter",
        (base, add.broadcast(target.shape), *places),
        (x.numel,),
        f.dtype,
        (target, moves),
    )
    return _shaped(f, whole)


def _flat(f: Forms, x: View) -> View:
    """The elements one after the other."""
    if x.stride != contiguous(x.shape) or x.offset:
        x = f.program.emit("cast", (x,), x.shape, x.dtype)
    return x.to((x.numel,), (1,))


def _result_view(f: Forms, x: View) -> View:
    return View(-1, x.shape, contiguous(x.shape), 0, f.dtype)


@form("index_put", "_index_put_impl", "_unsafe_index_put")
def _index_put(
    f: Forms,
    x: View,
    indices: Sequence[View | None],
    values: View,
    accumulate: bool = False,
    *_: Any,
) -> View:
    if len(indices) == 1 and indices[0] is not None and indices[0].dtype == "bool":
        mask = indices[0]
        if values.numel == 1 and not accumulate:
            mask = mask.to(
                (*mask.shape, *[1] * (len(x.shape) - len(mask.shape))),
                (*mask.stride, *[0] * (len(x.shape) - len(mask.shape))),
            )
            return f.where(mask, values.to((), ()), x)
    if not accumulate:
        return _written(f, x, _whole_numbers(f, indices), values)
    target, places, moves = _indexed(f, _result_view(f, x), indices)
    return _scatter_form(f, x, target, values, places, moves)


def _written(f: Forms, x: View, indices: list[View | None], values: View) -> View:
    """New values at places that are known beforehand."""
    places = [None if index is None else _known(f, index) for index in indices]
    if any(index is not None and known is None for index, known in zip(indices, places, strict=True)):
        raise NotCompiled("writing to elements chosen by a value has no compiled form")
    blank = f.blank()
    chosen = [slice(None) if p is None else p for p in places]
    order = torch.arange(blank.numel()).reshape(f.shape)[tuple(chosen)].flatten().tolist()
    spread = values.broadcast(torch.empty(f.shape, device="meta")[tuple(chosen)].shape)
    if len(order) > 200:
        raise NotCompiled(f"writing to {len(order)} chosen elements is too much to be written out")
    pieces = []
    for target, source in zip(order, range(len(order)), strict=True):
        at, offset = source, 0
        for size, step in zip(reversed(spread.shape), reversed(spread.stride), strict=True):
            offset += at % size * step
            at //= size
        place = View(-1, (), (), target, f.dtype)
        pieces.append((spread.to((), (), offset), place))
    base = f.program.folded(x)
    return _shaped(
        f, f.assemble(_flat(f, base) if isinstance(base, View) else base, blank.numel(), *pieces)
    )


@form("scatter")
def _scatter(f: Forms, x: View, dim: int, index: View, source: Arg, **_: Any) -> View:
    """One new element along `dim`, wherever the index says."""
    if index.shape[dim] != 1:
        raise NotCompiled("scatter of several elements has no compiled form")
    size = x.shape[dim]
    held = f.program.add_value("constant", size, "int64", tensor=torch.arange(size))
    here = f.program.whole(held, [size if d == dim % len(x.shape) else 1 for d in range(len(x.shape))])
    return f.where(f.compare("eq", here, index), source, x)


@form("scatter_add")
def _scatter_add(f: Forms, x: View, dim: int, index: View, source: View) -> View:
    target, move = _along(_result_view(f, x), dim, index)
    add = source.to(index.shape, source.stride)
    return _scatter_form(f, x, target, add, [index], (move,))


@form("index_add")
def _index_add(f: Forms, x: View, dim: int, index: View, source: View, alpha: float = 1) -> View:
    indices: list[View | None] = [None] * len(x.shape)
    indices[dim] = index
    target, places, moves = _indexed(f, _result_view(f, x), indices)
    return _scatter_form(
        f, x, target, source if alpha == 1 else f.mul(source, alpha), places, moves
    )


@form("embedding_dense_backward")
def _embedding_backward(f: Forms, g: View, index: View, rows: int, padding: int, by: bool) -> View:
    if padding >= 0 or by:
        raise NotCompiled("an embedding with padding has no compiled form")
    blank = View(-1, (rows, g.shape[-1]), contiguous((rows, g.shape[-1])), 0, f.dtype)
    target, places, moves = _indexed(f, blank, [index])
    whole = f.program.emit("scatter", (0, g, *places), (blank.numel,), f.dtype, (target, moves))
    return _shaped(f, whole)


@form("embedding")
def _embedding(f: Forms, weight: View, index: View, *_: Any) -> View:
    return _index(f, weight, [index])
