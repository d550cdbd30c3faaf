"""Torch's draws, as arithmetic on the normal and uniform numbers that its generator gives.

Each asks the generator for as many numbers as torch does, in the same order, so that one seed is
one run. What takes a number of tries that depends on chance (a gamma, a Poisson draw) is refused.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .forms import Forms
from .ops import DTYPES, Arg, NotCompiled, View
from .reductions import first_place
from .tape import Draw

Write = Callable[..., Any]
TRIES = ("_standard_gamma", "_sample_dirichlet", "poisson", "binomial")


def draws(func: Any) -> bool:
    """Whether a torch operation asks the generator."""
    name = func.overloadpacket.__name__
    seeded = torch.Tag.nondeterministic_seeded in func.tags
    return seeded or name in WRITE or name in TRIES or name.startswith("rand")


def drawn(
    recorder: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], results: list[Tensor]
) -> None:
    """Note what a draw gives; `recorder` knows values and holds results.

    Raises:
        NotCompiled: it has no compiled form.
    """
    [result] = results
    if name in TRIES:
        raise NotCompiled(f"a draw by {name} takes a number of tries that depends on chance")
    if name not in WRITE:
        raise NotCompiled(f"a draw by {name} has no compiled form")
    kwargs = dict(kwargs)
    if kwargs.pop("generator", None) is not None:
        raise NotCompiled(f"{name} from a generator of its own has no compiled form")
    size = result.untyped_storage().nbytes() // result.element_size()
    if not result.is_contiguous() or result.numel() != size:
        raise NotCompiled(
            f"{name} of a part of a tensor, or a transposed one, has no compiled form"
        )
    if name in ("randn", "randn_like", "rand", "rand_like"):
        recorder.know("noise", result, draw=_draw(WRITE[name], result.shape, result.dtype))
        return
    forms = Forms(recorder.program, result)

    def noise(kind: str, shape: Any = result.shape, dtype: torch.dtype = torch.float64) -> View:
        draw = _draw(kind, shape, dtype)
        value = recorder.program.add_value("noise", draw.count, dtype, draw=draw)
        return recorder.program.whole(value, shape)

    recorder.hold(result, WRITE[name](forms, noise, *recorder.seen(args), **recorder.seen(kwargs)))


def _draw(kind: str, shape: Any, dtype: torch.dtype) -> Draw:
    name = DTYPES.get(dtype, "")
    if name not in ("float32", "float64"):
        raise NotCompiled(f"noise of {dtype} has no compiled form")
    return Draw(kind, tuple(shape), name)


def _normal(f: Forms, noise: Write, mean: Arg, sd: Arg) -> View:
    return f.add(f.mul(noise("normal", dtype=f.out.dtype), sd), mean)


def _normal_in_place(f: Forms, noise: Write, x: View, mean: float = 0.0, sd: float = 1.0) -> View:
    if (mean, sd) == (0.0, 1.0):
        return noise("normal", dtype=f.out.dtype)
    raise NotCompiled("normal_ with other arguments than 0 and 1 has no compiled form")


def _uniform(f: Forms, noise: Write, x: View, low: float = 0.0, high: float = 1.0) -> View:
    unit = noise("uniform", dtype=f.out.dtype)
    return unit if (low, high) == (0.0, 1.0) else f.add(f.mul(unit, high - low), low)


def _bernoulli(f: Forms, noise: Write, chance: View) -> View:
    return f.point("cast", f.compare("lt", noise("uniform", dtype=f.out.dtype), chance))


def _exponential(f: Forms, noise: Write, x: View, rate: float = 1.0) -> View:
    return f.point("cast", _waiting_time(f, noise("uniform"), rate))


def _waiting_time(f: Forms, uniform: View, rate: float = 1.0) -> View:
    def point(name: str, *args: Arg) -> View:
        return f.point(name, *args, dtype="float64")

    return point("mul", point("log1p", point("neg", uniform)), -1.0 / rate)


def _cauchy(f: Forms, noise: Write, x: View, median: float = 0.0, scale: float = 1.0) -> View:
    def point(name: str, *args: Arg) -> View:
        return f.point(name, *args, dtype="float64")

    angle = point("mul", point("sub", noise("uniform"), 0.5), math.pi)
    return f.point("cast", point("add", point("mul", point("tan", angle), scale), median))


def _multinomial(
    f: Forms, noise: Write, chances: View, count: int, replacement: bool = False
) -> View:
    """The index whose waiting time, at its own rate, is over first."""
    if count != 1:
        raise NotCompiled("several draws at once by multinomial have no compiled form")
    times = f.point("cast", _waiting_time(f, noise("uniform", chances.shape)), dtype=chances.dtype)
    rates = f.point("div", chances, times, dtype=chances.dtype)
    return first_place(f, rates, f.reduce("max", rates, -1), -1).to(f.shape, (1,) * len(f.shape))


WRITE: dict[str, Any] = {
    "randn": "normal",
    "randn_like": "normal",
    "rand": "uniform",
    "rand_like": "uniform",
    "normal": _normal,
    "normal_": _normal_in_place,
    "uniform_": _uniform,
    "bernoulli": _bernoulli,
    "exponential_": _exponential,
    "cauchy_": _cauchy,
    "multinomial": _multinomial,
}
"""Either the kind of noise that a draw is, or what it makes of noise."""
