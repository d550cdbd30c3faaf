"""Four densities over a plane that samplers are tried on, each known exactly.

Each is a program with two latent sites, x and y. One of them, the outer one, has a density p(t) of
its own; given it the other one is normal, N(m(t), s(t)). So with U = -log p(x, y),

    U            V(t) + r^2 / 2 + const,   V = log s(t) - log p(t),   r = (other - m(t)) / s(t)
    contours     other = m(t) -+ s(t) sqrt(2 (c - V(t)))
    P(U < c)     integral of p(t) erf(sqrt(c - V(t))) dt
    the other's density and moments are integrals over t as well,

and a quadrature over one variable knows everything. Two objects on one scale are normal, in closed
form. The funnel is that of Neal 2003, "Slice sampling", section 8, in two dimensions.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

import ppl_core as ppl
import ppl_core.distributions as dist

from .axis import Range

Array = np.ndarray
SITES = ("x", "y")
HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
FINE = 4001
"""Points of a quadrature."""


def two_objects() -> None:
    """Two objects lie on one scale, which reads 18."""
    x = ppl.sample("x", dist.Normal(8.5, 1.0))
    y = ppl.sample("y", dist.Normal(8.5, 1.0))
    ppl.sample("reading", dist.Normal(x + y, 0.3), obs=18.0)


def ridge() -> None:
    """A ridge that bends."""
    x = ppl.sample("x", dist.Normal(0.0, 1.0))
    ppl.sample("y", dist.Normal(x * x, 0.5))


def funnel() -> None:
    """The lower y, the narrower x."""
    y = ppl.sample("y", dist.Normal(0.0, 3.0))
    ppl.sample("x", dist.Normal(0.0, (y / 2).exp()))


def two_peaks() -> None:
    """Two peaks, 3 to 7."""
    shares = dist.Categorical([0.3, 0.7])  # pyright: ignore[reportArgumentType]
    peaks = dist.Normal([-2.0, 2.0], 0.6)
    x = ppl.sample("x", dist.MixtureSameFamily(shares, peaks))
    ppl.sample("y", dist.Normal(0.5 * x, 0.8))


@dataclass(frozen=True)
class Target:
    """A program over a plane, and what is known of it.

    Args:
        program: with the sites x and y.
        outer: the site with a density of its own.
        log_outer: its log density in nats.
        mean, sd: of the other site, given it.
        span: where the outer site lies, but for less than 1e-12 of its mass and of the moments.
        start: where a chain begins, x and y.
        across, up: ranges of the picture.
        source: "closed" or "quadrature": how its marginals are known.
    """

    program: Callable[[], None]
    outer: str
    log_outer: Callable[[Array], Array]
    mean: Callable[[Array], Array]
    sd: Callable[[Array], Array]
    span: Range
    start: tuple[float, float]
    across: Range
    up: Range
    source: str = "quadrature"

    def log_density(self, x: Array, y: Array) -> Array:
        """At each place of the plane, in nats, up to a constant."""
        t, other = (x, y) if self.outer == "x" else (y, x)
        r = (other - self.mean(t)) / self.sd(t)
        return self.log_outer(t) - np.log(self.sd(t)) - 0.5 * r * r - HALF_LOG_TAU

    def gradient(self, place: Array) -> Array:
        """Of the log density at one place, (2,), by central differences."""
        steps = 1e-5 * np.eye(2)
        ends = [self.log_density(*(place + side * step)) for step in steps for side in (1, -1)]
        return np.array([ends[0] - ends[1], ends[2] - ends[3]]) / 2e-5

    def range_of(self, site: str) -> Range:
        """What the picture shows of a site."""
        return self.across if site == "x" else self.up

    def code(self) -> str:
        """The program as a cell defines it."""
        lines = (line.split("  #")[0] for line in inspect.getsource(self.program).splitlines())
        return "\n".join(line for line in lines if '"""' not in line).replace(" -> None", "")


def _normal(mean: float, sd: float) -> Callable[[Array], Array]:
    return lambda t: -0.5 * ((t - mean) / sd) ** 2 - math.log(sd) - HALF_LOG_TAU


def _peaks(t: Array) -> Array:
    """The log density of both peaks together."""
    one, other = _normal(-2.0, 0.6)(t), _normal(2.0, 0.6)(t)
    return np.logaddexp(math.log(0.3) + one, math.log(0.7) + other)


# The posterior of two objects: the reading's trust is shared by both prior variances of 1.
_SPREAD = 2.0 + 0.3**2
_MEAN, _VARIANCE, _COVARIANCE = 8.5 + 1.0 / _SPREAD, 1.0 - 1.0 / _SPREAD, -1.0 / _SPREAD
_SLOPE = _COVARIANCE / _VARIANCE
_REST = math.sqrt(_VARIANCE - _COVARIANCE * _SLOPE)

TARGETS = {
    "two objects": Target(
        two_objects,
        "x",
        _normal(_MEAN, math.sqrt(_VARIANCE)),
        lambda t: _MEAN + _SLOPE * (t - _MEAN),
        lambda t: np.full_like(t, _REST, dtype=float),
        (_MEAN - 6.0, _MEAN + 6.0),
        (7.5, 10.0),
        (6.0, 12.0),
        (6.0, 12.0),
        "closed",
    ),
    "ridge": Target(
        ridge,
        "x",
        _normal(0.0, 1.0),
        lambda t: t * t,
        lambda t: np.full_like(t, 0.5, dtype=float),
        (-8.0, 8.0),
        (1.0, 1.0),
        (-3.5, 3.5),
        (-2.0, 9.0),
    ),
    "funnel": Target(
        funnel,
        "y",
        _normal(0.0, 3.0),
        lambda t: np.zeros_like(t, dtype=float),
        lambda t: np.exp(0.5 * t),
        (-27.0, 45.0),
        (1.0, 1.0),
        (-12.0, 12.0),
        (-9.0, 9.0),
    ),
    "two peaks": Target(
        two_peaks,
        "x",
        _peaks,
        lambda t: 0.5 * t,
        lambda t: np.full_like(t, 0.8, dtype=float),
        (-8.0, 8.0),
        (2.0, 1.0),
        (-5.0, 5.0),
        (-4.0, 4.0),
    ),
}
"""By the name that a reader chooses."""


# ---- what a quadrature knows


def _nodes(target: Target) -> tuple[Array, Array]:
    """Places of the outer site, and the mass at each, (FINE,)."""
    t = np.linspace(*target.span, FINE)
    mass = np.exp(target.log_outer(t))
    return t, mass / mass.sum()


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one site: mean, sd, and the sd of its square around the mean."""

    mean: float
    sd: float
    square_sd: float


@cache
def moments(name: str) -> dict[str, Moments]:
    """What is known of each site.

    The fourth moment of N(m, s) around 0 is m^4 + 6 m^2 s^2 + 3 s^4.
    """
    target = TARGETS[name]
    t, mass = _nodes(target)
    found: dict[str, Moments] = {}
    for site in SITES:
        at, sd = (t, np.zeros_like(t)) if site == target.outer else (target.mean(t), target.sd(t))
        mean = float(mass @ at)
        off = at - mean
        second = float(mass @ (off**2 + sd**2))
        fourth = float(mass @ (off**4 + 6.0 * off**2 * sd**2 + 3.0 * sd**4))
        found[site] = Moments(mean, math.sqrt(second), math.sqrt(fourth - second**2))
    return found


POINTS = 281
"""Of a marginal's curve."""


@cache
def curve(name: str, site: str) -> tuple[Array, Array]:
    """The exact density of one site over the range of its picture."""
    at = np.linspace(*TARGETS[name].range_of(site), POINTS)
    return at, marginal(name, site, at)


def marginal(name: str, site: str, at: Array) -> Array:
    """The exact density of one site, (n,)."""
    target = TARGETS[name]
    if site == target.outer:
        return np.exp(target.log_outer(at))
    t, mass = (each[::4] for each in _nodes(target))
    sd = target.sd(t)
    r = (at[:, None] - target.mean(t)) / sd
    return (np.exp(-0.5 * r * r - HALF_LOG_TAU) / sd) @ (mass / mass.sum())


def level(name: str, share: float) -> float:
    """The height of V + r^2 / 2 below which this share of the mass lies, in nats."""
    target = TARGETS[name]
    t, mass = _nodes(target)
    v = np.log(target.sd(t)) - target.log_outer(t)
    inside = np.vectorize(math.erf)
    low, high = float(v.min()), float(v.min()) + 60.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        found = float(mass @ inside(np.sqrt(np.maximum(middle - v, 0.0))))
        low, high = (middle, high) if found < share else (low, middle)
    return 0.5 * (low + high)


@cache
def contour(name: str, share: float) -> tuple[Array, Array]:
    """The line of equal density around this share of the mass: x and y, gaps between its parts."""
    target = TARGETS[name]
    t, _ = _nodes(target)
    room = level(name, share) - np.log(target.sd(t)) + target.log_outer(t)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], room >= 0.0, [False]]).astype(int)))
    lines = []
    for first, last in list(pairwise(edges))[::2]:
        at = t[first:last]
        half = target.sd(at) * np.sqrt(2.0 * room[first:last])
        other = np.concatenate([target.mean(at) + half, (target.mean(at) - half)[::-1]])
        along = np.concatenate([at, at[::-1]])
        lines.append(np.stack([np.append(along, along[0]), np.append(other, other[0])]))
        lines.append(np.full((2, 1), np.nan))
    along, other = np.concatenate(lines, axis=1)
    return (along, other) if target.outer == "x" else (other, along)
