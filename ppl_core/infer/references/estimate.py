"""When nothing exact is known: a long run of NUTS, labelled as the estimate that it is."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ...compiled import NotCompiled
from ...diagnostics import mcse_mean, r_hat
from ...handlers import replay, trace
from ...runs import InferenceRun
from ...values import validation
from ..nuts import NUTS
from .result import Marginal, Reference, stacked


def estimate(
    model: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    num_samples: int,
    num_chains: int,
    seed: int,
) -> Iterator[Reference | None]:
    """A posterior as NUTS found it, with the standard error of each mean; None after each step.

    Args:
        num_samples: draws of each chain; half as many steps warm it up.
        num_chains: of different seeds.
        seed: of the first.
    """
    warmup = num_samples // 2
    chains: dict[str, list[list[Tensor]]] = {}
    for chain in range(num_chains):
        run = _walk(model, warmup, args, kwargs, seed + chain)
        kept: list[Mapping[str, Tensor]] = []
        for step in range(warmup + num_samples):
            run.advance(1)
            if step >= warmup:
                kept.append(run.snapshot.info.values)
            yield None
        for name in kept[0]:
            chains.setdefault(name, []).append([values[name] for values in kept])
    draws = {n: torch.stack([torch.stack(c) for c in cs]).double() for n, cs in chains.items()}
    ends = _ends(model, args, kwargs, {name: value[0, -1].float() for name, value in draws.items()})
    worst = max(float(r_hat(value).max()) for value in draws.values())
    marginals = {name: _marginal(value, *ends[name]) for name, value in draws.items()}
    together = {name: value.flatten(0, 1) for name, value in draws.items()}

    def draw(num: int) -> dict[str, Tensor]:
        index = torch.randint(num_chains * num_samples, (num,))
        return {name: value[index] for name, value in together.items()}

    how = f"NUTS: {num_chains} chains of {num_samples} draws, largest R-hat {worst:.3f}"
    yield Reference("estimate", how, marginals, None, None, draw)


def _walk(
    model: Any, warmup: int, args: tuple[Any, ...], kwargs: Mapping[str, Any], seed: int
) -> InferenceRun:
    """A chain, on a compiled potential where there is one."""
    how: dict[str, Any] = {"seed": seed, "keep_every": 10**9, **kwargs}
    try:
        return InferenceRun(NUTS(model, warmup_steps=warmup, jit_compile=True), *args, **how)
    except NotCompiled:
        return InferenceRun(NUTS(model, warmup_steps=warmup), *args, **how)


def _ends(
    model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], values: Mapping[str, Tensor]
) -> dict[str, tuple[float, float]]:
    """Between which numbers each site lies, as far as its support says so in two numbers."""
    with torch.no_grad(), validation(False), trace() as sites, replay(trace=values):
        model(*args, **kwargs)
    found = {}
    for name in values:
        support = sites[name].fn.support
        while hasattr(support, "base_constraint"):
            support = support.base_constraint
        ends = (getattr(support, end, math.nan) for end in ("lower_bound", "upper_bound"))
        low, high = (float(end) if torch.as_tensor(end).numel() == 1 else math.nan for end in ends)
        found[name] = (
            -math.inf if math.isnan(low) else low,
            math.inf if math.isnan(high) else high,
        )
    return found


def _marginal(draws: Tensor, low: float, high: float) -> Marginal:
    """Chains of draws, (chains, draws, *shape), smoothed entry by entry."""
    shape = draws.shape[2:]
    flat, errors = draws.reshape(-1, shape.numel()), mcse_mean(draws).reshape(-1)
    entries = [_smoothed(flat[:, k], errors[k], low, high) for k in range(shape.numel())]
    return stacked(entries, shape)


def _smoothed(draws: Tensor, error: Tensor, low: float, high: float, points: int = 401) -> Marginal:
    """A kernel estimate of one density from at most 2,000 draws, mirrored at the support's ends.

    Source: Silverman 1986, Density estimation, eq. 3.31 (width) and section 2.10 (mirrors).
    """
    mean, sd = draws.mean(), draws.std()
    few = draws[:: max(1, len(draws) // 2000)]
    quartiles = torch.quantile(few, torch.tensor([0.25, 0.75], dtype=torch.double))
    spread = torch.minimum(sd, (quartiles[1] - quartiles[0]) / 1.34)
    width = 0.9 * spread * len(few) ** -0.2 + 1e-12
    first = max(float(draws.min() - 3 * width), low)
    last = min(float(draws.max() + 3 * width), high)
    grid = torch.linspace(first, last, points, dtype=torch.double)
    mirrors = [few, *(2 * end - few for end in (low, high) if math.isfinite(end))]
    z = (grid.unsqueeze(1) - torch.cat(mirrors)) / width
    heights = torch.exp(-0.5 * z * z).sum(1) / (len(few) * float(width) * math.sqrt(2 * math.pi))
    return Marginal(grid, heights, mean, sd, mean_error=error)
