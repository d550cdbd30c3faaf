"""A posterior as few numbers: the shortest interval, dots to count, draws that weigh the same."""

import math
from typing import Any

import torch
from torch import Tensor

from ..values import as_real, as_value
from .weights import normalized_log_weights


def hpdi(samples: Any, prob: float = 0.9, dim: int = 0) -> Tensor:
    """Highest posterior density interval: the shortest that holds a share of the draws.

    Args:
        samples: numbers; dimension `dim` counts the draws.
        prob: the share, in (0, 1].
        dim: is replaced by the two ends.

    Returns:
        Lower and upper end along `dim`, of size 2.

    Raises:
        ValueError: no draws, a nan among them, or another share.

    Source: Chen & Shao 1999, Monte Carlo estimation of Bayesian credible and HPD intervals, sec. 3.

    >>> hpdi([0.0, 5.0, 5.1, 5.2, 9.0], prob=0.6)
    tensor([5.0000, 5.2000])
    """
    ordered = _draws(samples, "hpdi", dim).sort(0).values
    if not 0 < prob <= 1:
        raise ValueError(f"hpdi: prob is a share of the draws in (0, 1], got {prob}")
    inside = max(math.ceil(round(prob * len(ordered), 6)), 1)
    low = ordered[: len(ordered) - inside + 1]
    high = ordered[inside - 1 :]
    start = (high - low).argmin(0, keepdim=True)
    return torch.cat([low.gather(0, start), high.gather(0, start)]).movedim(0, dim)


def quantile_dots(samples: Any, num_dots: int = 100, log_weights: Any = None) -> Tensor:
    """Equally likely values, one a dot: their middle quantiles (i - 1/2) / num_dots.

    A reader counts them: of 100 dots, as many lie beyond a threshold as the probability of passing
    it in per cent.

    Args:
        samples: (draws, ...); columns are taken apart.
        num_dots: number of dots.
        log_weights: of the draws, (draws,), in nats up to a constant; equal if not given.

    Returns:
        Rising values, (num_dots, ...).

    Raises:
        ValueError: no draws, a nan among them, or weights that cannot be normalised.

    Source: Kay, Kola, Hullman & Munson 2016, When (ish) is my bus?

    >>> quantile_dots(range(1000), 4)
    tensor([124., 374., 624., 874.])
    """
    draws = _draws(samples, "quantile_dots")
    if int(num_dots) != num_dots or num_dots < 1:
        raise ValueError(f"quantile_dots: num_dots is a whole number >= 1, got {num_dots!r}")
    log_w = _weights_of(draws, log_weights, "quantile_dots")
    ordered, rank = draws.sort(0)
    mass = log_w.exp()[rank].cumsum(0)
    share = (torch.arange(num_dots, dtype=mass.dtype) + 0.5) / num_dots
    share = share.view((-1,) + (1,) * (mass.dim() - 1)).expand(num_dots, *mass.shape[1:])
    place = torch.searchsorted(
        mass.movedim(0, -1).contiguous(), share.movedim(0, -1).contiguous() - 1e-12
    )
    return ordered.gather(0, place.movedim(-1, 0).clamp_max(len(draws) - 1))


def resample(samples: Any, log_weights: Any, num_samples: int | None = None) -> Tensor:
    """Draws that weigh the same, chosen from weighted ones with replacement.

    Args:
        samples: (draws, ...).
        log_weights: (draws,), in nats up to a constant.
        num_samples: number to choose; as many as there are if not given.

    Raises:
        ValueError: another number of weights, or weights that cannot be normalised.

    >>> import math
    >>> resample([1.0, 2.0, 3.0], [-math.inf, 0.0, -math.inf], num_samples=2)
    tensor([2., 2.])
    """
    draws = as_value(samples)
    log_w = _weights_of(draws, log_weights, "resample")
    count = len(log_w) if num_samples is None else num_samples
    if int(count) != count or count < 1:
        raise ValueError(f"resample: num_samples is a whole number >= 1, got {num_samples!r}")
    return draws[torch.multinomial(log_w.exp(), int(count), replacement=True)]


def _draws(samples: Any, who: str, dim: int = 0) -> Tensor:
    draws = as_real(list(samples) if isinstance(samples, range) else samples)
    if draws.dim() == 0 or draws.numel() == 0:
        raise ValueError(f"{who}: samples holds no draws, its shape is {tuple(draws.shape)}")
    if bool(draws.isnan().any()):
        raise ValueError(f"{who}: {int(draws.isnan().sum())} of {draws.numel()} values are nan")
    return draws.movedim(dim, 0)


def _weights_of(draws: Tensor, log_weights: Any, who: str) -> Tensor:
    if log_weights is None:
        return draws.new_zeros(len(draws), dtype=torch.float64) - math.log(len(draws))
    log_w = normalized_log_weights(log_weights)
    if draws.dim() == 0 or log_w.shape != draws.shape[:1]:
        raise ValueError(
            f"{who}: one log weight a draw is needed: samples has shape {tuple(draws.shape)}, "
            f"log_weights {tuple(log_w.shape)}"
        )
    return log_w
