"""Whether chains of draws agree, and how many independent draws they are worth.

Draws come as (chains, draws, ...); a plain (draws,) is one chain. Every chain is cut in two first,
so that one chain that drifts disagrees with itself. Ranks in place of values make the answers hold
for heavy tails too. Where there is nothing to judge (fewer than four draws a chain, draws that
never change or are not finite) the answer is nan.

Source: Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, "Rank-normalization, folding, and
localization: an improved R-hat", Bayesian Analysis 16(2), called V below.
"""

import math

import torch
from torch import Tensor

from ..values import as_real

_FEWEST = 4


def gelman_rubin(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """R-hat of whole chains: the spread of all draws over the spread within a chain, about 1.

    Source: Gelman & Rubin 1992, Statistical Science 7(4).
    """
    return _spread_ratio(_chains(input, chain_dim, sample_dim))


def split_gelman_rubin(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """R-hat of half chains, without ranks (V, eq. 1 to 4)."""
    return _spread_ratio(_halves(_chains(input, chain_dim, sample_dim)))


def r_hat(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """Rank-normalised split R-hat: below 1.01 where chains agree in location and in spread.

    The larger of two: of ranks, and of the ranks of distances from the median (V, sec. 4.1).

    >>> _ = torch.manual_seed(0)
    >>> draws = torch.randn(4, 1000)
    >>> apart = draws + torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    >>> print(f"{r_hat(draws):.2f} {r_hat(apart):.2f}")
    1.00 1.10
    """
    draws = _halves(_chains(input, chain_dim, sample_dim))
    distances = (draws - _quantile(draws, 0.5)).abs()
    return torch.maximum(_spread_ratio(_scores(draws)), _spread_ratio(_scores(distances)))


def effective_sample_size(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """Independent draws that would tell the mean as well as these do (V, eq. 10).

    >>> _ = torch.manual_seed(0)
    >>> steps = torch.randn(4, 1000).cumsum(1)  # a random walk: few draws are worth anything
    >>> bool(effective_sample_size(steps) < 40)
    True
    """
    return _ess(_halves(_chains(input, chain_dim, sample_dim)))


def ess_bulk(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """Effective sample size of the ranks: how well the middle of the distribution is known.

    At least 100 a chain are wanted before any other diagnostic is believed (V, sec. 4.3).
    """
    return _ess(_scores(_halves(_chains(input, chain_dim, sample_dim))))


def ess_tail(input: Tensor, prob: float = 0.9, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """The smaller effective sample size of the two quantiles that leave `prob` between them."""
    low = ess_quantile(input, (1 - prob) / 2, chain_dim, sample_dim)
    high = ess_quantile(input, (1 + prob) / 2, chain_dim, sample_dim)
    return torch.minimum(low, high)


def ess_quantile(input: Tensor, prob: float, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """Effective sample size of one quantile: of whether a draw lies below it (V, sec. 4.3)."""
    draws = _chains(input, chain_dim, sample_dim)
    return _ess(_halves((draws <= _quantile(draws, prob)).to(draws)))


def mcse_mean(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """Standard error of the mean of these draws: sd / sqrt(effective sample size)."""
    draws = _chains(input, chain_dim, sample_dim)
    return draws.flatten(0, 1).std(0) / _ess(_halves(draws)).sqrt()


def mcse_sd(input: Tensor, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """Standard error of the standard deviation of these draws.

    Source: the delta method on the mean of squared deviations (Kenney & Keeping 1951), with the
    effective sample size of those.
    """
    draws = _chains(input, chain_dim, sample_dim)
    squares = (draws - draws.mean((0, 1))) ** 2
    variance = squares.mean((0, 1))
    error = squares.flatten(0, 1).std(0) / _ess(_halves(squares)).sqrt()
    return error / (2 * variance.sqrt())


def mcse_quantile(input: Tensor, prob: float, chain_dim: int = 0, sample_dim: int = 1) -> Tensor:
    """Standard error of a quantile of these draws.

    Half the distance between the quantiles one standard deviation below and above `prob`, whose
    uncertainty is Beta(ess * prob + 1, ess * (1 - prob) + 1) (V, sec. 4.4).
    """
    draws = _chains(input, chain_dim, sample_dim)
    ess = _ess(_halves((draws <= _quantile(draws, prob)).to(draws)))
    below, above = ess * prob + 1, ess * (1 - prob) + 1
    middle = below / (below + above)
    sd = (middle * (1 - middle) / (below + above + 1)).sqrt()
    ordered = draws.flatten(0, 1).sort(0).values
    last = len(ordered) - 1
    ends = [
        ((middle + side * sd) * (last + 1) - 1).clamp(0, last).nan_to_num(0) for side in (-1, 1)
    ]
    low = ordered.gather(0, ends[0].floor().long().unsqueeze(0))[0]
    high = ordered.gather(0, ends[1].ceil().long().unsqueeze(0))[0]
    return ((high - low) / 2).where(ess.isfinite(), torch.nan)


def bfmi(energy: Tensor) -> Tensor:
    """How much of the energy's spread one new momentum can reach, one number a chain.

    Below 0.3 a chain walks slowly through energies, and its tails are not to be trusted.

    Args:
        energy: potential plus kinetic energy of each draw in nats, (chains, draws) or (draws,).

    Source: Betancourt 2016, "Diagnosing suboptimal cotangent disintegrations in HMC", eq. 8.
    """
    energy = _chains(energy, 0, 1)
    spread = (energy - energy.mean(1, keepdim=True)).pow(2).sum(1)
    return energy.diff(dim=1).pow(2).sum(1) / spread


def _chains(input: Tensor, chain_dim: int, sample_dim: int) -> Tensor:
    """As real numbers of double precision, (chains, draws, ...)."""
    draws = as_real(input).detach().double()
    if draws.dim() == 0:
        raise ValueError(
            f"chains of draws are needed, shape (chains, draws, ...), got one number {draws.item()}"
        )
    if draws.dim() == 1:
        return draws.unsqueeze(0)
    return draws.movedim((chain_dim, sample_dim), (0, 1))


def _halves(draws: Tensor) -> Tensor:
    """Twice as many chains of half the length; the middle one of an odd number is left out."""
    half = draws.shape[1] // 2
    return torch.cat([draws[:, :half], draws[:, draws.shape[1] - half :]])


def _spread_ratio(draws: Tensor) -> Tensor:
    count = draws.shape[1]
    if count < _FEWEST // 2:
        return _nothing(draws)
    within = draws.var(1).mean(0)
    total = within * (count - 1) / count
    if len(draws) > 1:
        total = total + draws.mean(1).var(0)
    return (total / within).sqrt()


def _scores(draws: Tensor) -> Tensor:
    """Each draw's rank among all, as the normal quantile it stands for (V, eq. 14)."""
    if not draws.numel():
        return draws
    flat = draws.reshape(draws.shape[0] * draws.shape[1], -1).T.contiguous()
    ordered = flat.sort(-1).values
    first = torch.searchsorted(ordered, flat, side="left")
    after = torch.searchsorted(ordered, flat, side="right")
    rank = (first + after + 1) / 2.0  # ties share the average of theirs
    score = torch.special.ndtri((rank - 0.375) / (flat.shape[-1] + 0.25))
    score = score.where(flat.isfinite().all(-1, keepdim=True), torch.nan)
    return score.T.reshape(draws.shape)


def _quantile(draws: Tensor, prob: float) -> Tensor:
    """The quantile of all draws, between two of them where it falls between."""
    ordered = draws.flatten(0, 1).sort(0).values
    if not len(ordered):
        return _nothing(draws)
    place = prob * (len(ordered) - 1)
    low = ordered[math.floor(place)]
    return low + (ordered[math.ceil(place)] - low) * (place - math.floor(place))


def _ess(draws: Tensor) -> Tensor:
    """Effective sample size of the mean of chains, from their autocorrelation."""
    chains, count = draws.shape[:2]
    if count < _FEWEST // 2 or not draws[0, 0].numel():
        return _nothing(draws)
    covariance = _autocovariance(draws).mean(0)
    within = covariance[0] * count / (count - 1)
    total = covariance[0]
    if chains > 1:
        total = total + draws.mean(1).var(0)
    correlation = 1 - (within - covariance) / total
    correlation[0] = 1
    time = _correlation_time(correlation[: max(2, (count - 1) // 2 * 2)])
    fewest = 1 / math.log10(chains * count)  # an antithetic chain is not believed beyond this
    changes = (draws != draws[0, 0]).flatten(0, 1).any(0)
    return (chains * count / time.clamp(min=fewest)).where(changes, torch.nan)


def _correlation_time(correlation: Tensor) -> Tensor:
    """-1 + 2 * the sum of autocorrelations, as far as pairs of them are positive and shrinking.

    Source: Geyer 1992, "Practical Markov chain Monte Carlo", sec. 3.3 (initial monotone sequence).
    """
    even, odd = correlation[0::2], correlation[1::2]
    pairs = even + odd
    positive = (pairs > 0).cumprod(0).bool()
    positive[-1] = positive[-1] & (len(pairs) == 1)
    first_left_out = (~positive).cumsum(0) == 1
    extra = (even.clamp(min=0) * first_left_out).sum(0)
    shrinking = pairs.where(positive, torch.zeros(())).cummin(0).values
    return -1 + 2 * shrinking.sum(0) + extra


def _autocovariance(draws: Tensor) -> Tensor:
    """Of each chain, at every distance of draws along dimension 1, divided by their number."""
    count = draws.shape[1]
    centred = draws - draws.mean(1, keepdim=True)
    size = 1 << (2 * count - 1).bit_length()
    power = torch.fft.rfft(centred, n=size, dim=1).abs().square()
    return torch.fft.irfft(power, n=size, dim=1)[:, :count] / count


def _nothing(draws: Tensor) -> Tensor:
    return draws.new_full(draws.shape[2:], torch.nan)
