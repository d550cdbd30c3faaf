"""Tables of one-dimensional densities, fine where they are high and as wide as they matter."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ... import distributions as dist
from .result import Marginal, stacked

_NEGLIGIBLE = 40.0  # nats below the peak


def tabulated(fn: Any, points: int = 801) -> Marginal:
    """A distribution of independent entries (or a Dirichlet's components) as a marginal."""
    if isinstance(fn, dist.Dirichlet):
        total = fn.concentration.sum(-1, keepdim=True)
        fn = dist.Beta(fn.concentration, total - fn.concentration)
    entries = []
    flat = fn.batch_shape.numel()
    for index in range(flat):
        parts = [getattr(fn, name).expand(fn.batch_shape) for name in _arguments(fn)]
        one = type(fn)(*(part.reshape(-1)[index].double() for part in parts))
        entries.append(_entry(one, points))
    return stacked(entries, fn.batch_shape)


def _arguments(fn: Any) -> tuple[str, ...]:
    gamma, beta = ("concentration", "rate"), ("concentration1", "concentration0")
    return gamma if isinstance(fn, dist.Gamma) else beta


def _entry(fn: Any, points: int) -> Marginal:
    transform = dist.biject_to(fn.support)

    def log_density(z: Tensor) -> Tensor:
        x = transform(z)
        return fn.log_prob(x) + transform.log_abs_det_jacobian(z, x)

    z = span(log_density, transform.inv(fn.mean), points)
    x = transform(z)
    return Marginal(
        x, fn.log_prob(x).exp(), fn.mean, fn.stddev, mean_error=torch.zeros_like(fn.mean)
    )


def span(log_density: Callable[[Tensor], Tensor], centre: Tensor, points: int) -> Tensor:
    """Evenly spaced points that cover all but exp(-40) of a density's height, (points,)."""
    reach = torch.logspace(-6, math.log10(600.0), 400, dtype=torch.double)
    scan = torch.cat([centre - reach.flip(0), centre.reshape(1), centre + reach])
    heights = log_density(scan).nan_to_num(nan=-math.inf)
    matters = (heights > heights.max() - _NEGLIGIBLE).nonzero().reshape(-1)
    low, high = max(int(matters[0]) - 1, 0), min(int(matters[-1]) + 1, len(scan) - 1)
    return torch.linspace(scan[low].item(), scan[high].item(), points, dtype=torch.double)
