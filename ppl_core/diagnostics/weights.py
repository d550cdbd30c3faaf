"""How far weighted draws can be trusted: their effective number, and the tail of their weights.

Importance weights w = p/q are safe where q covers p, and treacherous where it does not: then a few
draws that are yet to come carry most of the mass. The effective sample size only knows the weights
that it has seen. The generalised Pareto distribution fitted to the largest of them tells how heavy
their tail is: with shape k > 0, averages of w ** (1/k) and higher powers do not exist.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..values import as_value


def checked_log_weights(log_weights: Any) -> Tensor:
    """Log weights as doubles, (draws, ...), if they can be normalised over the first dimension.

    Raises:
        ValueError: there are none, one is nan or infinite, or all of a column are zero.
    """
    log_w = as_value(log_weights).detach().double()
    if log_w.dim() == 0 or len(log_w) == 0:
        raise ValueError("log weights: none are given; draw at least one sample")
    broken = (log_w.isnan() | (log_w == math.inf)).nonzero()
    if len(broken):
        first = broken[0].tolist()
        raise ValueError(
            f"log weights: {len(broken)} of {log_w.numel()} are nan or +inf; the first is "
            f"{log_w[tuple(first)].item()} at {first[0] if len(first) == 1 else first}. "
            f"A log weight is a number, or -inf for a draw that is impossible."
        )
    if bool((log_w == -math.inf).all(0).any()):
        raise ValueError(
            f"log weights: all {len(log_w)} are -inf: every draw is impossible, and nothing can be "
            f"normalised. The draws miss what they are to stand for."
        )
    return log_w


def normalized_log_weights(log_weights: Any) -> Tensor:
    """Log weights, (draws, ...), shifted so that their exponentials sum to 1 along the first.

    Raises:
        ValueError: as `checked_log_weights`.
    """
    log_w = checked_log_weights(log_weights)
    return log_w - log_w.logsumexp(0)


def weight_ess(log_weights: Any) -> Tensor:
    """Effective sample size of weighted draws, 1 / sum of squared normalised weights.

    So many equally weighted draws would estimate an average about as well, as far as the weights
    seen so far can tell: ask `pareto_k` before you believe it.

    Args:
        log_weights: in nats up to a constant, (draws, ...).

    Raises:
        ValueError: no weights, nan or +inf among them, or all zero.

    Source: Kong 1992, A note on importance sampling using standardized weights.

    >>> import math
    >>> f"{weight_ess([0.0, 0.0, 0.0, -math.inf]):.3f}"
    '3.000'
    """
    return (-(2 * normalized_log_weights(log_weights)).logsumexp(0)).exp()


class ParetoFit(NamedTuple):
    """A generalised Pareto distribution: density ~ (1 + k x / sigma) ** (-1 - 1/k) on x > 0."""

    k: Tensor
    sigma: Tensor


def fit_pareto(excess: Tensor) -> ParetoFit:
    """Shape and scale of the generalised Pareto distribution of positive numbers.

    Args:
        excess: sorted upwards along the first dimension, (number, ...); columns are fitted apart.

    Source: Zhang & Stephens 2009, A new and efficient estimation method for the generalized Pareto
    distribution, sec. 3: a weighted average over a grid of b = -k/sigma, the weights being profile
    likelihoods.

    >>> u = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    >>> k, sigma = fit_pareto(2.0 * torch.expm1(-0.3 * torch.log1p(-u)) / 0.3)
    >>> f"{k:.2f} {sigma:.2f}"
    '0.30 2.00'
    """
    n = len(excess)
    points = 30 + math.isqrt(n)
    quartile, largest = excess[int(n / 4 + 0.5) - 1], excess[-1]
    turns = torch.arange(1, points + 1, dtype=excess.dtype) - 0.5
    spread = (1 - (points / turns).sqrt()).view((-1,) + (1,) * largest.dim())
    b = 1 / largest + spread / (3 * quartile)
    shapes = torch.stack([torch.log1p(-each * excess).mean(0) for each in b.unbind()])
    profile = n * ((-b / shapes).log() - shapes - 1)
    b = (profile.softmax(0) * b).sum(0)
    k = torch.log1p(-b * excess).mean(0)
    return ParetoFit(k, -k / b)


class Smoothed(NamedTuple):
    """Pareto smoothed weights.

    Attributes:
        log_weights: normalised, in nats, (draws, ...).
        k: shape of the tail, (...); -inf where the largest weights are all equal, nan where too
            few draws have any weight to fit one.
        tail: number of largest weights that were smoothed.
    """

    log_weights: Tensor
    k: Tensor
    tail: int


_LEAST_TAIL = 5  # weights that a tail is fitted to, at least: 25 draws
_REAL = torch.float64
_TINY = 1e-300
_ROUNDING = 1e-5  # nats that weights may differ by and still count as equal


def psis(log_weights: Any) -> Smoothed:
    """Pareto smoothed importance sampling: the largest weights become quantiles of their fit.

    The shape k is drawn towards 0.5 by a prior worth 10 weights, and no weight grows beyond the
    largest raw one.

    Args:
        log_weights: in nats up to a constant, (draws, ...); columns are smoothed apart.

    Raises:
        ValueError: as `weight_ess`.

    Source: Vehtari, Simpson, Gelman, Yao & Gabry 2024, Pareto smoothed importance sampling, JMLR
    25(72), sec. 2.4 and appendix C.
    """
    log_w = checked_log_weights(log_weights)
    log_w = log_w - log_w.amax(0)
    size = len(log_w)
    tail = int(min(0.2 * size, 3 * math.sqrt(size)))
    if tail < _LEAST_TAIL:
        nothing = log_w.new_full(log_w.shape[1:], math.nan)
        return Smoothed(log_w - log_w.logsumexp(0), nothing, 0)
    ordered, rank = log_w.sort(0)
    cutoff, largest = ordered[-tail - 1].exp(), ordered[-tail:]
    level = largest.amin(0) > -_ROUNDING  # as good as equal: there is no tail
    left = level | (cutoff == 0)  # nor is there one where too few draws have any weight
    k, sigma = fit_pareto(torch.where(left, 1.0, (largest.exp() - cutoff).clamp_min(_TINY)))
    k = (tail * k + 10 * 0.5) / (tail + 10)
    share = ((torch.arange(tail, dtype=_REAL) + 0.5) / tail).view((-1,) + (1,) * (log_w.dim() - 1))
    quantiles = cutoff + sigma * torch.expm1(-k * torch.log1p(-share)) / k
    largest = torch.where(left, largest, quantiles.log().clamp_max(0.0))
    smooth = torch.empty_like(log_w).scatter_(0, rank, torch.cat([ordered[:-tail], largest]))
    k = torch.where(left, torch.where(level, -math.inf, math.nan), k)
    return Smoothed(smooth - smooth.logsumexp(0), k, tail)


def pareto_k(log_weights: Any) -> Tensor:
    """Shape of the tail of the weights, (...): below 0.5 their variance is finite.

    Raises:
        ValueError: as `weight_ess`.

    Source: as `psis`.
    """
    return psis(log_weights).k


def pareto_threshold(num_samples: int) -> float:
    """The k above which so many draws give no reliable average, even smoothed.

    Source: Vehtari et al. 2024, sec. 3.2.4: min(1 - 1 / log10(draws), 0.7).

    >>> f"{pareto_threshold(100):.2f} {pareto_threshold(10_000):.2f}"
    '0.50 0.70'
    """
    return min(1 - 1 / math.log10(max(num_samples, 2)), 0.7)


def pareto_verdict(k: float, num_samples: int) -> str:
    """What a k means, in a sentence.

    >>> pareto_verdict(0.2, 1000)
    'k = 0.20: the weights are well behaved.'
    """
    if math.isnan(k):
        return f"k is unknown: too few of the {num_samples} draws have any weight."
    cure = "Bring the guide nearer to the posterior, with tails at least as wide."
    if k > 1:
        bad = f"a few draws carry everything: averages, ESS and evidence mean nothing. {cure}"
    elif k > pareto_threshold(num_samples):
        bad = f"the tail is too heavy for so many draws: averages and ESS mislead. {cure}"
    elif k > 0.5:
        bad = "the weights' variance may be infinite: distrust ESS and standard errors."
    else:
        bad = "the weights are well behaved."
    return f"k = {k:.2f}: {bad}"
