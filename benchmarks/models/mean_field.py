"""A normal guide for every latent site, in plain torch and as knobs of a program."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .benchmark import Leaves

START = 0.1
"""First standard deviation of every site."""

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def by_hand(**shapes: tuple[int, ...]) -> tuple[Leaves, Callable[[], tuple[list[Tensor], Tensor]]]:
    """Means and log standard deviations, and a function that draws every site with its log q.

    log q is that of the normal draw: sites that are its exponential bring their own volume change.
    """
    locs = [torch.zeros(shape, requires_grad=True) for shape in shapes.values()]
    logs = [torch.full(shape, math.log(START), requires_grad=True) for shape in shapes.values()]
    leaves = {}
    for name, loc, log_scale in zip(shapes, locs, logs, strict=True):
        leaves |= {f"{name}.loc": loc, f"{name}.scale": log_scale}

    def draw() -> tuple[list[Tensor], Tensor]:
        values, log_q = [], torch.tensor(0.0)
        for loc, log_scale in zip(locs, logs, strict=True):
            noise = torch.randn(loc.shape)
            values.append(loc + log_scale.exp() * noise)
            log_q = log_q + (-0.5 * noise * noise - log_scale - HALF_LOG_2PI).sum()
        return values, log_q

    return leaves, draw


def knobs(ppl: Any, dist: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    """A function from a site's name and shape to its two parameters, mean and scale."""

    def loc_and_scale(name: str, *shape: int) -> tuple[Tensor, Tensor]:
        loc = ppl.param(f"{name}.loc", lambda: torch.zeros(shape))
        start = lambda: torch.full(shape, START)  # noqa: E731
        return loc, ppl.param(f"{name}.scale", start, constraint=dist.constraints.positive)

    return loc_and_scale


def normal(value: Tensor, loc: Any, scale: float) -> Tensor:
    """Log density of independent normal values, summed, in nats."""
    normaliser = value.numel() * (math.log(scale) + HALF_LOG_2PI)
    return -0.5 * (((value - loc) / scale) ** 2).sum() - normaliser
