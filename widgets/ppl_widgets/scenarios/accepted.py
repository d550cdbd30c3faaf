"""What a chain accepts once it has forgotten its start, by quadrature.

A Metropolis step ends at the proposal with probability min(1, exp(-D)), D the energy it gains. For
a reversible proposal the gain's tilted mirror image is itself, E[exp(-D); D > 0] = P(D < 0), so

    accepted = 2 P(D < 0).

On a normal target with sds s1 and s2 along its axes, a walk's gain has that sign with probability
Phi(-k / 2) for a step of length k in sds; a trajectory's is a quadratic form of position and
momentum. An angle is all that is left to integrate over, and all is periodic. An independent
proposal needs no reversibility: its share is an integral over the plane, sorted by p / q.

Source: Neal 2011, "MCMC using Hamiltonian dynamics", section 5.4; Tierney 1994, Annals of
Statistics 22(4), section 2.3.3 (independent proposals).
"""

import math
from functools import lru_cache

import numpy as np

from .axis import Range
from .targets import SITES, TARGETS, Target, moments

ANGLES = 4096
"""Of a quadrature over a full turn."""


def axes_of(name: str) -> tuple[float, float]:
    """The sds of a normal target along its long axis and its short one."""
    at = moments(name)
    chosen = TARGETS[name]
    outer = at[chosen.outer].sd
    ends = chosen.mean(np.array([0.0, 1.0]))
    slope, rest = float(ends[1] - ends[0]), float(chosen.sd(np.zeros(1))[0])
    covariance = np.array([[1.0, slope], [slope, slope**2 + (rest / outer) ** 2]]) * outer**2
    low, high = np.sqrt(np.linalg.eigvalsh(covariance))
    return float(high), float(low)


def _turn() -> np.ndarray:
    return 2.0 * np.pi * np.arange(ANGLES) / ANGLES


def walk_share(step_size: float, sds: tuple[float, float]) -> float:
    """Share of a walk's steps that a normal target accepts, by quadrature over their directions."""
    angle = _turn()
    c = step_size * np.hypot(np.cos(angle) / sds[0], np.sin(angle) / sds[1])
    return float(np.mean(1.0 - c / np.hypot(c, 2.0)))


@lru_cache(64)
def ride_share(step_size: float, steps: int, sds: tuple[float, float]) -> float:
    """Share of a normal target's trajectories that are accepted, by quadrature over an angle.

    Along each axis the leapfrog method is a matrix A on (position / sd, momentum), and the energy
    gained is z (A'A - 1) z / 2. A'A has the eigenvalues mu and 1 / mu, so that the gain is a
    difference of two positive forms, (mu - 1) u^2 and (1 - 1 / mu) v^2, summed over the axes. With
    both radii and the first form's angle integrated, E[h / sqrt((h + mu1 - 1) (h + mu2 - 1))] is
    left, h the second form on the unit circle.
    """
    mu = np.array([_stretch(step_size / sd, steps) for sd in sds])
    gained, shares = mu - 1.0, (1.0 - 1.0 / mu)
    lost = shares[0] * np.cos(_turn()) ** 2 + shares[1] * np.sin(_turn()) ** 2
    both = np.sqrt(lost + gained[0]) * np.sqrt(lost + gained[1])
    return float(2.0 * np.mean(np.divide(lost, both, out=np.full_like(both, 0.5), where=both > 0)))


def _stretch(h: float, steps: int) -> float:
    """The larger eigenvalue of A'A for so many leapfrog steps of h sds, 1e300 at most."""
    one = np.array([[1.0 - h * h / 2.0, h], [-h * (1.0 - h * h / 4.0), 1.0 - h * h / 2.0]])
    with np.errstate(all="ignore"):
        trace = float((np.linalg.matrix_power(one, steps) ** 2).sum())
    if not trace < 1e300:
        return 1e300
    return max(1.0, 0.5 * trace * (1.0 + math.sqrt(max(1.0 - (2.0 / trace) ** 2, 0.0))))


@lru_cache(64)
def independent_share(name: str, size: float) -> float:
    """Share of an independent guide's proposals that are accepted, by quadrature over the plane.

    Pairs of cells give the sum of q_i q_j min(w_i, w_j) with w = p / q; sorted by w that is a sum
    over single cells.
    """
    chosen, known = TARGETS[name], moments(name)
    centre, inner = known[chosen.outer].mean, known[_inner(chosen)].mean
    t, width = _finer(chosen.span, centre, 8.0 * size)
    ends = chosen.mean(np.array([centre - size, centre, centre + size]))
    sd = float(chosen.sd(np.array([centre]))[0])
    around = 8.0 * (size + float(np.ptp(ends))) / sd
    r, height = _finer((-8.0, 8.0), (inner - float(ends[1])) / sd, around)
    t, width = t[:, None], width[:, None]
    other = chosen.mean(t) + chosen.sd(t) * r
    log_p = chosen.log_outer(t) - 0.5 * r * r
    log_q = np.log(chosen.sd(t)) + np.zeros_like(log_p)
    for site, at in ((chosen.outer, t), (_inner(chosen), other)):
        log_q = log_q - 0.5 * ((at - known[site].mean) / size) ** 2 - math.log(size)
    cell = (width * height).ravel()
    p, q = np.exp(log_p).ravel() * cell, np.exp(log_q).ravel() * cell / (2.0 * np.pi)
    p = p / p.sum()
    order = np.argsort((log_p - log_q).ravel())
    p, q = p[order], q[order]
    return float((q * (2.0 * np.cumsum(p) - p)).sum())


def _finer(span: Range, centre: float, around: float) -> tuple[np.ndarray, np.ndarray]:
    """Places over a span, more of them around a centre, and the width that each stands for."""
    low, high = max(span[0], centre - around), min(span[1], centre + around)
    at = np.union1d(np.linspace(*span, 401), np.linspace(low, high, 301))
    return at, np.gradient(at)


def _inner(chosen: Target) -> str:
    return SITES[1 - SITES.index(chosen.outer)]
