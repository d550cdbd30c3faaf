"""Elementary functions of one float, as torch has them: nan and infinity instead of errors."""

import math
from collections.abc import Callable


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


def _log1p(x: float) -> float:
    return math.log1p(x) if x > -1 else -math.inf if x == -1 else math.nan


def _expm1(x: float) -> float:
    try:
        return math.expm1(x)
    except OverflowError:
        return math.inf


def _sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


def _div(x: float, y: float) -> float:
    if y:
        return x / y
    if x == 0 or x != x or y != y:
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)


def _quietly(function: Callable[..., float]) -> Callable[..., float]:
    """Nan outside the domain, infinity beyond the largest number."""

    def quiet(*numbers: float) -> float:
        try:
            return function(*numbers)
        except OverflowError:
            return math.inf if function is math.cosh else math.copysign(math.inf, numbers[0])
        except ValueError:
            return math.nan

    return quiet


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    """A kind of rounding that leaves nan and infinity as they are."""
    return lambda x: float(function(x)) if math.isfinite(x) else x


def _power(x: float, y: float) -> float:
    try:
        result = x**y
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.inf
    return math.nan if isinstance(result, complex) else result


def _lgamma(x: float) -> float:
    if not math.isfinite(x):
        return abs(x)
    return math.lgamma(x) if x > 0 or x != math.floor(x) else math.inf


def _digamma(x: float) -> float:
    """Recurrence up to 8, then the asymptotic series (Abramowitz & Stegun 6.3.5 and 6.3.18)."""
    if x == 0 or not math.isfinite(x):
        return math.copysign(math.inf, -x) if x == 0 else x if x > 0 else math.nan
    if x < 0 and x == math.floor(x):
        return math.nan
    if x < 0:
        return _digamma(1 - x) - math.pi / math.tan(math.pi * x)
    total = 0.0
    while x < 8:
        total -= 1 / x
        x += 1
    f = 1 / (x * x)
    series = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f / 132))))
    return total + math.log(x) - 0.5 / x - series


def _trigamma(x: float) -> float:
    """The derivative of that (6.4.6 and 6.4.12)."""
    if x <= 0 and x == math.floor(x):
        return math.inf
    if x <= 0:
        return (math.pi / math.sin(math.pi * x)) ** 2 - _trigamma(1 - x)
    total = 0.0
    while x < 8:
        total += 1 / (x * x)
        x += 1
    f = 1 / (x * x)
    series = f * (1 / 6 - f * (1 / 30 - f * (1 / 42 - f * (1 / 30 - f * 5 / 66))))
    return total + 1 / x + 0.5 * f + series / x


def _maximum(*numbers: float) -> float:
    return math.nan if any(x != x for x in numbers) else max(numbers)


def _minimum(*numbers: float) -> float:
    return math.nan if any(x != x for x in numbers) else min(numbers)


EXTREMES = {"maximum": _maximum, "minimum": _minimum}


def single(x: float) -> float:
    """Rounded to single precision (Veltkamp 1968): 24 of 53 bits are kept."""
    big = x * 536870913.0
    near = big - (big - x)
    return near if near == near else float(x)


_QUIET = "tanh sin cos tan asin acos atan sinh cosh erf erfc atan2 fmod"
FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": _exp,
    "log": _log,
    "log1p": _log1p,
    "expm1": _expm1,
    "sqrt": _sqrt,
    "div": _div,
    "pow": _power,
    "lgamma": _lgamma,
    "digamma": _digamma,
    "trigamma": _trigamma,
    **{name: _quietly(getattr(math, name)) for name in _QUIET.split()},
    **{name: _whole(getattr(math, name)) for name in ("floor", "ceil", "trunc")},
    "round": _whole(round),
    "whole": lambda x: int(x) if math.isfinite(x) else 0,
    "log2": lambda x: _log(x) / math.log(2.0),
    "log10": lambda x: _log(x) / math.log(10.0),
    "exp2": lambda x: _power(2.0, x),
}
