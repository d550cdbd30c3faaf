"""Exact answers of the panels that draw, in tensors, so that they can be recorded for a page.

The panels have the same from `scenarios`, in other formulas; tests hold the two together. A fact
named `reach AXIS` is what that axis has to hold.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from ..scenarios.looking import SITES
from ..views.parts import CURVE
from .programs import Facts, Numbers

QUADRATURE = 401
"""Points of each half of the integral for a chain's acceptance; an odd number."""
REACH = 9.0
"""Sds of the posterior that it goes over, on both sides."""


def _pair(low: Tensor, high: Tensor) -> Tensor:
    return torch.stack([low, high])


def _belief(belief: Normal) -> Tensor:
    """Mean and sd, (2,)."""
    return _pair(belief.loc, belief.scale)


def _peak(belief: Normal) -> Tensor:
    return 1.0 / (belief.scale * math.sqrt(2.0 * math.pi))


def _upwards(high: Tensor) -> Tensor:
    """From 0."""
    return _pair(torch.zeros_like(high), high)


# ---- the forward machine


def forward(at: Numbers, choices: Mapping[str, Any]) -> Facts:
    """Both sites over all runs: independent variances add."""
    weight = Normal(at["guess"], at["prior_sd"])
    reading = Normal(at["guess"], (at["prior_sd"] ** 2 + at["noise_sd"] ** 2).sqrt())
    side = 3.0 * reading.scale
    return {
        "weight": _belief(weight),
        "measurement": _belief(reading),
        "reach kg": _pair(reading.loc - side, reading.loc + side),
        "reach density": _upwards(1.1 * _peak(weight)),
    }


# ---- the condition bench


def _posterior(at: Numbers) -> Normal:
    """The weight, given the reading: the guess moves by the share k of what it was off by."""
    prior, noise = at["prior_sd"] ** 2, at["noise_sd"] ** 2
    k = prior / (prior + noise)
    return Normal(at["guess"] + k * (at["measurement"] - at["guess"]), (k * noise).sqrt())


def _tail(z: Tensor) -> Tensor:
    """Share of N(0, 1) above z."""
    return 0.5 * torch.special.erfc(z / math.sqrt(2.0))


def _between(low: Tensor, high: Tensor) -> Tensor:
    """Share of N(0, 1) between two ends, precise in both tails."""
    right = low + high > 0.0
    near, far = torch.where(right, low, -high), torch.where(right, high, -low)
    return _tail(near) - _tail(far)


def _bell(z: Tensor) -> Tensor:
    return (-0.5 * z * z).exp() / math.sqrt(2.0 * math.pi)


def _window(at: Numbers) -> tuple[Tensor, Tensor, Tensor]:
    """Share of the runs within the window; its ends in sds of the readings."""
    total = (at["prior_sd"] ** 2 + at["noise_sd"] ** 2).sqrt()
    middle = at["measurement"] - at["guess"]
    low, high = (middle - at["window"]) / total, (middle + at["window"]) / total
    return _between(low, high), low, high


def conditioning(at: Numbers, choices: Mapping[str, Any]) -> Facts:
    """Share and mean of what is kept; the posterior as the window closes."""
    limit = _posterior(at)
    share, low, high = _window(at)
    known = share >= 1e-300
    total = (at["prior_sd"] ** 2 + at["noise_sd"] ** 2).sqrt()
    centre = (_bell(low) - _bell(high)) / torch.where(known, share, torch.ones_like(share))
    mean = at["guess"] + at["prior_sd"] ** 2 / total * centre
    sides = at["guess"] - 3.0 * at["prior_sd"], at["guess"] + 3.0 * at["prior_sd"]
    ends = at["measurement"] - at["window"], at["measurement"] + at["window"]
    lows = torch.minimum(at["guess"] - 2.0 * total, ends[0])
    highs = torch.maximum(at["guess"] + 2.0 * total, ends[1])
    return {
        "share": torch.where(known, share, torch.zeros_like(share)),
        "mean": torch.where(known, mean, limit.loc),
        "limit": _belief(limit),
        "reach weight": _pair(
            torch.minimum(sides[0], limit.loc), torch.maximum(sides[1], limit.loc)
        ),
        "reach measurement": _pair(lows, highs),
        "reach density": _upwards(1.1 * _peak(limit)),
    }


def conditioning_curves(at: Numbers, choices: Mapping[str, Any]) -> Facts:
    """Density of the weights in the window, over an axis from `low` to `high`, (2, CURVE)."""
    unit = torch.linspace(0.0, 1.0, CURVE, dtype=torch.float64)
    x = at["low"] + (at["high"] - at["low"]) * unit
    share, *_ = _window(at)
    known = share >= 1e-300
    ends = at["measurement"] - at["window"], at["measurement"] + at["window"]
    agree = _between(*((end - x) / at["noise_sd"] for end in ends))
    prior, limit = Normal(at["guess"], at["prior_sd"]), _posterior(at)
    density = prior.log_prob(x).exp() * agree / torch.where(known, share, torch.ones_like(share))
    return {"kept.exact": torch.stack([x, torch.where(known, density, limit.log_prob(x).exp())])}


# ---- look or touch


def looking(at: Numbers, choices: Mapping[str, Any]) -> Facts:
    """Mean and sd of every site, (site, 2): before, after, and after the other deed."""
    asked = SITES.index(choices["site"]) if choices["site"] != "none" else None
    other = "look" if choices["how"] == "touch" else "touch"
    deeds = {"before": "none", "after": choices["how"], "other": other}
    known = {
        name: _sites(at, choices["draught"] == "on", asked, how) for name, how in deeds.items()
    }
    there = range(0 if choices["draught"] == "on" else 1, len(SITES))
    spans = {
        f"reach {axis}": _around([known[name][k] for name in deeds for k in sites])
        for axis, sites in (
            ("kg_off", [k for k in there if not k]),
            ("kg", [k for k in there if k]),
        )
        if sites
    }
    widths = torch.stack([known[name][k][1] for name in deeds for k in there])
    peaks = torch.where(widths > 0.0, 1.0 / (widths.clamp_min(1e-9) * math.sqrt(2 * math.pi)), 0.0)
    return {**known, **spans, "reach density": _upwards(peaks.max().clamp_min(0.7))}


def _sites(at: Numbers, gust: bool, asked: int | None, how: str) -> Tensor:
    """All three, one by one: each is what it takes from those before it, and noise of its own."""
    zero, one = torch.zeros_like(at["guess"]), torch.ones_like(at["guess"])
    arrow = one if gust else zero
    takes = [[], [arrow], [arrow, one]]
    own = [zero, at["guess"], zero]
    sds = [arrow, at["prior_sd"], at["noise_sd"]]
    if asked is not None and how == "touch":
        takes[asked], own[asked], sds[asked] = [zero] * asked, at["value"], zero
    means, rows = list[Tensor](), list[list[Tensor]]()  # of each site: its share of each noise
    for k, taken in enumerate(takes):
        pairs = list(enumerate(taken))
        means.append(sum((share * means[i] for i, share in pairs), start=own[k]))
        rows.append(
            [
                sum((share * rows[i][j] for i, share in pairs), start=sds[k] if j == k else zero)
                for j in range(len(SITES))
            ]
        )
    mean, root = torch.stack(means), torch.stack([torch.stack(row) for row in rows])
    variance = (root * root).sum(1)
    if asked is not None and how == "look":
        column = (root * root[asked]).sum(1)
        mean = mean + column * (at["value"] - mean[asked]) / variance[asked]
        variance = variance - column * column / variance[asked]
    sd = variance.clamp_min(0.0).sqrt()
    return torch.stack([mean, torch.where(sd > 1e-7, sd, torch.zeros_like(sd))], 1)


def _around(beliefs: list[Tensor]) -> Tensor:
    """Two sds around each of these, (2,)."""
    means, sds = torch.stack(beliefs).unbind(1)
    return _pair((means - 2.0 * sds).min(), (means + 2.0 * sds).max())


# ---- the proposal lab


def proposing(at: Numbers, choices: Mapping[str, Any]) -> Facts:
    """Posterior, evidence, and what each gauge would read after infinitely many draws."""
    p, q = _posterior(at), Normal(at["a"], at["b"])
    reading = Normal(at["guess"], (at["prior_sd"] ** 2 + at["noise_sd"] ** 2).sqrt())
    log_evidence = reading.log_prob(at["measurement"])
    apart, spare = (p.loc - q.loc) ** 2, q.variance - p.variance
    same = (spare.abs() <= 1e-9) & (apart < 1e-12)
    room = torch.where(spare > 1e-9, spare, torch.ones_like(spare))
    lift = (q.scale / p.scale).log() + 0.5 * apart / room
    lift = torch.where(spare > 1e-9, lift, torch.where(same, 0.0 * lift, torch.inf))
    both = torch.stack([_belief(p), _belief(q)])
    peak = torch.maximum(_peak(p), _peak(q))
    envelope = torch.where(lift < 5.0, lift, torch.zeros_like(lift))
    return {
        "posterior": _belief(p),
        "evidence": log_evidence,
        "lift": lift,
        "tail": (1.0 - q.variance / p.variance).clamp_min(0.0),
        "share": {"importance": _ess, "rejection": _kept, "chain": _accepted}[choices["tab"]](p, q),
        "reach weight": _around(list(both)),
        "reach density": _upwards(1.2 * peak),
        "reach height": _upwards(1.05 * (log_evidence + envelope).exp() * _peak(q)),
    }


def _ess(p: Normal, q: Normal) -> Tensor:
    """Effective draws per draw; 0 where the variance of the weights is infinite."""
    spare = 2.0 * q.variance - p.variance
    room = torch.where(spare > 0.0, spare, torch.ones_like(spare))
    share = p.scale * room.sqrt() / q.variance * (-((p.loc - q.loc) ** 2) / room).exp()
    return torch.where(spare > 0.0, share, torch.zeros_like(share))


def _kept(p: Normal, q: Normal) -> Tensor:
    """Share of the proposals under the posterior; 0 where there is no envelope."""
    apart, spare = (p.loc - q.loc) ** 2, q.variance - p.variance
    room = torch.where(spare > 1e-9, spare, torch.ones_like(spare))
    share = p.scale / q.scale * (-0.5 * apart / room).exp()
    same = (spare.abs() <= 1e-9) & (apart < 1e-12)
    nothing = torch.where(same, torch.ones_like(share), torch.zeros_like(share))
    return torch.where(spare > 1e-9, share, nothing)


def _accepted(p: Normal, q: Normal) -> Tensor:
    """Share of proposals that a chain accepts, by Simpson's rule.

    Posterior and guide may change places, so let p be the narrower one. From y all x of a higher
    ratio p / q are accepted: those between y and its mirror image in the summit of the ratio. By
    symmetry they are half of all that is accepted. The integrand's only kink is at the summit,
    where the two halves meet.
    """
    swap = p.scale > q.scale
    one, other = _belief(p), _belief(q)
    (mean, sd), (wide_mean, wide_sd) = torch.where(swap, other, one), torch.where(swap, one, other)
    spare = (wide_sd**2 - sd**2).clamp_min(1e-12)
    summit = (wide_sd**2 * mean - sd**2 * wide_mean) / spare
    kink = ((summit - mean) / sd).clamp(-REACH, REACH)
    unit = torch.linspace(0.0, 1.0, QUADRATURE, dtype=torch.float64)
    simpson = torch.tensor([1.0, *[4.0, 2.0] * (QUADRATURE // 2)], dtype=torch.float64)
    simpson[-1] = 1.0
    total = torch.zeros_like(spare)
    for low, width in ((-REACH, kink + REACH), (kink, REACH - kink)):
        z = low + width * unit
        y = mean + sd * z
        ends = (y - wide_mean) / wide_sd, (2.0 * summit - y - wide_mean) / wide_sd
        inside = _between(torch.minimum(*ends), torch.maximum(*ends))
        total = total + width * (simpson * _bell(z) * inside).sum()
    return 2.0 * total / (3.0 * (QUADRATURE - 1))


Truth = Callable[[Numbers, Mapping[str, Any]], Facts]
TRUTHS: Mapping[str, Truth] = {
    "forward": forward,
    "conditioning": conditioning,
    "looking": looking,
    "proposing": proposing,
}
"""Question -> its facts."""
CURVES: Mapping[str, Truth] = {"conditioning": conditioning_curves}
"""Question -> curves that are no bells, over an axis from `low` to `high`."""
