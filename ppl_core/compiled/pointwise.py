"""Forms of torch's pointwise operations, in the way that torch's own kernels compute them."""

import math
from typing import Any

from .forms import FORMS, Forms, form
from .ops import Arg, NotCompiled, View


def sigmoid(f: Forms, x: Arg) -> View:
    """1 / (1 + exp(-x)), for any size of x, from the exponential that `log_sigmoid` needs too."""
    tail = f.exp(f.neg(f.abs(x)))
    return f.div(f.where(f.compare("lt", x, 0), tail, 1.0), f.add(1.0, tail))


def log_sigmoid(f: Forms, x: Arg) -> View:
    """-log(1 + exp(-x)), for any size of x."""
    return f.sub(f.minimum(x, 0), f.log1p(f.exp(f.neg(f.abs(x)))))


def filled(f: Forms, value: Arg) -> View:
    """The same number everywhere."""
    value = f.program.folded(value)
    truth = f.dtype == "bool" and not isinstance(value, View)
    return f.program.emit("cast", (bool(value) if truth else value,), f.shape, f.dtype)


def _remainder(f: Forms, x: Arg, y: Arg) -> View:
    if f.dtype.startswith("int"):
        raise NotCompiled("a remainder of whole numbers has no compiled form")
    rest = f.fmod(x, y)
    return f.where(_crosses(f, rest, y), f.add(rest, y), rest)


def _crosses(f: Forms, rest: View, y: Arg) -> View:
    """Whether a remainder has the sign that its divisor has not."""
    signs = f.compare("ne", f.compare("lt", rest, 0), f.compare("lt", y, 0))
    return f.compare("and", f.compare("ne", rest, 0), signs)


def _floor_division(f: Forms, x: Arg, y: Arg) -> View:
    """The whole number that is left after the remainder is taken off, as Python divides."""
    rest = f.fmod(x, y)
    quotient = f.div(f.sub(x, rest), y)
    quotient = f.where(_crosses(f, rest, y), f.sub(quotient, 1), quotient)
    whole = f.floor(f.add(quotient, 0.5))
    return f.where(f.compare("eq", y, 0), f.div(x, y), whole)


def _both(f: Forms, x: Arg, low: Arg, high: Arg) -> View:
    return f.compare("and", f.compare("ge", x, low), f.compare("le", x, high))


SHORT: dict[str, Any] = {
    "add": lambda f, x, y, alpha=1: f.add(x, y if alpha == 1 else f.mul(y, alpha)),
    "sub": lambda f, x, y, alpha=1: f.sub(x, y if alpha == 1 else f.mul(y, alpha)),
    "rsub": lambda f, x, y, alpha=1: f.sub(y, x if alpha == 1 else f.mul(x, alpha)),
    "reciprocal": lambda f, x: f.div(1.0, x),
    "rsqrt": lambda f, x: f.div(1.0, f.sqrt(x)),
    "square": lambda f, x: f.mul(x, x),
    "remainder": _remainder,
    "sgn": lambda f, x: f.sign(x),
    "frac": lambda f, x: f.sub(x, f.trunc(x)),
    "sigmoid": sigmoid,
    "relu": lambda f, x: f.maximum(x, 0),
    "logical_not": lambda f, x: f.compare("not", x),
    "where": lambda f, condition, yes, no: f.where(condition, yes, no),
    "masked_fill": lambda f, x, mask, value: f.where(mask, value, x),
    "fill": lambda f, x, value: filled(f, value),
    "zero": lambda f, x: filled(f, 0),
    "clamp_min": lambda f, x, low: f.maximum(x, low),
    "clamp_max": lambda f, x, high: f.minimum(x, high),
    "addcmul": lambda f, x, a, b, value=1: f.add(x, f.mul(f.mul(a, b), value)),
    "addcdiv": lambda f, x, a, b, value=1: f.add(x, f.mul(f.div(a, b), value)),
    "lerp": lambda f, x, y, weight: f.add(x, f.mul(f.sub(y, x), weight)),
    "xlogy": lambda f, x, y: f.where(f.compare("eq", x, 0), 0.0, f.mul(x, f.log(y))),
    "log_sigmoid_forward": lambda f, x: (log_sigmoid(f, x), None),
    "log_sigmoid_backward": lambda f, g, x, _: f.mul(g, sigmoid(f, f.neg(x))),
    "sigmoid_backward": lambda f, g, y: f.mul(g, f.mul(y, f.sub(1.0, y))),
    "tanh_backward": lambda f, g, y: f.mul(g, f.sub(1.0, f.mul(y, y))),
    "threshold_backward": lambda f, g, x, least: f.where(f.compare("gt", x, least), g, 0),
}
FORMS.update(SHORT)
FORMS["bitwise_not"] = SHORT["logical_not"]


@form("div", "true_divide")
def _div(f: Forms, x: Arg, y: Arg, rounding_mode: str | None = None) -> View:
    if rounding_mode is None:
        if isinstance(y, (int, float)) and y:
            return f.mul(x, 1.0 / y) if math.frexp(y)[0] == 0.5 else f.div(x, y)
        return f.div(x, y)
    if f.dtype.startswith("int"):
        raise NotCompiled("dividing whole numbers has no compiled form")
    return _floor_division(f, x, y) if rounding_mode == "floor" else f.trunc(f.div(x, y))


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


@form("clone", "_to_copy", "contiguous", "lift_fresh_copy", "convert_element_type")
def _copy(f: Forms, x: View, *_: Any, **__: Any) -> View:
    x = f.cast(x)  # type: ignore[assignment]
    return x if isinstance(x, View) else f.cast(x)  # type: ignore[return-value]


@form("copy")
def _copy_from(f: Forms, x: View, source: Arg, *_: Any) -> View:
    return f.point("cast", source) if isinstance(source, View) else filled(f, source)


@form("clamp")
def _clamp(f: Forms, x: Arg, low: Arg | None = None, high: Arg | None = None) -> View:
    x = x if low is None else f.maximum(x, low)
    return x if high is None else f.minimum(x, high)  # type: ignore[return-value]


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
    return f.where(f.compare("gt", z, threshold), g, f.mul(g, sigmoid(f, z)))


@form("logit")
def _logit(f: Forms, x: View, eps: float | None = None) -> View:
    x = x if eps is None else f.minimum(f.maximum(x, eps), 1 - eps)
    return f.log(f.div(x, f.sub(1.0, x)))


@form("logit_backward")
def _logit_backward(f: Forms, g: View, x: View, eps: float | None = None) -> View:
    slope = f.div(g, f.mul(x, f.sub(1.0, x)))
    if eps is None:
        return slope
    return f.where(_both(f, x, eps, 1 - eps), slope, 0)


@form("binary_cross_entropy_with_logits")
def _bce(
    f: Forms, x: View, y: View, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> View:
    if weight is not None or pos_weight is not None:
        raise NotCompiled("binary_cross_entropy_with_logits with weights has no compiled form")
    each = f.sub(f.mul(f.sub(1.0, y), x), log_sigmoid(f, x))
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
