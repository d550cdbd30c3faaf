"""Forms of sums, extremes, softmax and matrix products."""

import math
from typing import Any

import torch

from .forms import Forms, form
from .ops import NotCompiled, View, contiguous


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
    return best if dim is None else (best, first_place(f, x, best, dim))


def first_place(f: Forms, x: View, best: View, dim: int) -> View:
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
    return first_place(f, x, f.reduce(name, x, dim), dim)


@form("any")
def _any(f: Forms, x: View, dims: Any = None, keepdim: bool = False) -> View:
    return f.compare("ne", _count(f, f.compare("ne", x, 0), dims), 0)


@form("all")
def _all(f: Forms, x: View, dims: Any = None, keepdim: bool = False) -> View:
    return f.compare("eq", _count(f, f.compare("eq", x, 0), dims), 0)


def _count(f: Forms, true: View, dims: Any) -> View:
    return f.reduce("sum", f.point("cast", true, dtype="int64"), dims)


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
