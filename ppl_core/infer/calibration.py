"""Simulation-based calibration: does an algorithm sample the posteriors that it claims to?

Draw parameters from the prior and data from the model, infer the parameters from the data, and
count how many posterior draws lie below the true value. If the draws are from the posterior, that
rank is uniform, whatever the model. Too narrow posteriors give ranks at the ends, shifted ones a
slope.

Source: Talts et al. 2018, "Validating Bayesian inference algorithms with simulation-based
calibration"; Säilynoja, Bürkner & Vehtari 2022, "Graphical test for discrete uniformity and its
applications in goodness-of-fit evaluation" (bands for all thresholds at once).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..density import log_density
from ..errors import InferenceError, ModelError, listing
from ..handlers import Trace, condition, is_latent, trace, uncondition

Infer = Callable[..., Mapping[str, Tensor]]
LOG_DENSITY = "log_density"


class RankPlot(NamedTuple):
    """What a plot of ranks shows.

    Attributes:
        share: of all possible ranks, (thresholds,).
        difference: share of the simulations below each threshold, minus the expected one.
        low, high: where the difference stays, at all thresholds at once.
    """

    share: np.ndarray
    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, slots=True)
class SBCResult:
    """Ranks of true values among posterior draws, and whether they are uniform.

    Attributes:
        ranks: name -> ranks from 0 to num_draws, (num_simulations, *shape of the site).
        num_draws: posterior draws of each simulation.
        p_values: name -> how often a correct algorithm's ranks stray so far, shape of the site.
        false_alarms: how often a correct algorithm fails the whole test.
    """

    ranks: Mapping[str, Tensor]
    num_draws: int
    p_values: Mapping[str, Tensor]
    false_alarms: float

    @property
    def entries(self) -> int:
        """Number of single values that are tested."""
        return sum(p.numel() for p in self.p_values.values())

    @property
    def failures(self) -> list[str]:
        """Names with an entry that fails; each is tested at false_alarms / entries."""
        level = self.false_alarms / self.entries
        return [name for name, p in self.p_values.items() if bool((p < level).any())]

    @property
    def passed(self) -> bool:
        """Whether nothing fails."""
        return not self.failures

    def plot_of(self, name: str, entry: int = 0) -> RankPlot:
        """The ECDF of one entry's ranks minus the expected one, with its band."""
        ranks = self.ranks[name].reshape(len(self.ranks[name]), -1)[:, entry].numpy()
        test = _uniformity(len(ranks), self.num_draws)
        low, high = test.band(1 - self.false_alarms / self.entries)
        below = test.counts(ranks) / len(ranks)
        return RankPlot(
            test.shares,
            below - test.shares,
            low / len(ranks) - test.shares,
            high / len(ranks) - test.shares,
        )


def sbc(
    model: Callable[..., Any],
    infer: Infer,
    *args: Any,
    num_simulations: int = 200,
    num_draws: int = 99,
    false_alarms: float = 1e-3,
    test_log_density: bool = False,
    **kwargs: Any,
) -> SBCResult:
    """Test an inference algorithm on data that the model itself makes up.

    An algorithm that ignores the data and returns the prior has uniform ranks as well. The log
    joint density as one more quantity finds it out (`test_log_density`; Modrák et al. 2023).

    Args:
        model: the conditioned program; its observed sites are drawn anew for each simulation.
        infer: `(model, *args, **kwargs) -> {site: draws}`, (at least num_draws, *shape); from a
            Markov chain, give so many that thinning leaves num_draws nearly independent ones.
        args, kwargs: of the model.
        num_simulations: pairs of parameters and data.
        num_draws: posterior draws to rank among, evenly thinned from those given.
        false_alarms: how often a correct algorithm may fail.
        test_log_density: also rank the log joint density of the true values.

    Raises:
        ModelError: the model has no data, or a factor statement, so that none can be made up.
        InferenceError: `infer` returns too few draws, or no latent site.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> def scale():
    ...     weight = ppl.sample("weight", Normal(8.5, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> def exact(model):
    ...     reading = ppl.handlers.trace(model).get_trace()["measurement"].value
    ...     return {"weight": Normal(0.36 * 8.5 + 0.64 * reading, 0.6).sample((99,))}
    >>> ppl.set_rng_seed(101)
    >>> sbc(scale, exact, num_simulations=100).passed
    True
    """
    _check_settings(num_simulations, num_draws, false_alarms)
    data_sites = _data_sites(model, args, kwargs)
    ranks: dict[str, list[Tensor]] = {}
    for simulation in range(num_simulations):
        with torch.no_grad(), trace() as sites:
            uncondition(model)(*args, **kwargs)
        conditioned = condition(model, data={name: sites[name].value for name in data_sites})
        draws = infer(conditioned, *args, **kwargs)
        true = {s.name: s.value for s in sites.samples() if is_latent(s) and s.name in draws}
        true = {name: value for name, value in true.items() if name not in data_sites}
        if not true:
            raise InferenceError(
                f"sbc, simulation {simulation + 1}: infer returned {listing(draws)}, and no latent "
                f"site of the model"
            )
        chosen = {name: _thinned(name, draws[name], num_draws, simulation) for name in true}
        if test_log_density:
            true, chosen = _with_log_density(conditioned, true, chosen, args, kwargs)
        for name, value in true.items():
            ranks.setdefault(name, []).append(_rank(value, chosen[name]))
    stacked = {name: torch.stack(each) for name, each in ranks.items()}
    p_values = {name: _p_values(each, num_draws) for name, each in stacked.items()}
    return SBCResult(stacked, num_draws, p_values, false_alarms)


def _check_settings(num_simulations: int, num_draws: int, false_alarms: float) -> None:
    for name, value in (("num_simulations", num_simulations), ("num_draws", num_draws)):
        if int(value) != value or value < 1:
            raise ValueError(f"sbc: {name} is a whole number >= 1, got {value!r}")
    if not 0 < false_alarms < 1:
        raise ValueError(f"sbc: false_alarms is a rate between 0 and 1, got {false_alarms!r}")


def _data_sites(model: Callable[..., Any], args: Any, kwargs: Any) -> list[str]:
    with torch.no_grad(), trace() as sites:
        model(*args, **kwargs)
    observed = [s for s in sites.samples() if s.observed and not s.infer.get("_deterministic")]
    for site in observed:
        if site.infer.get("is_auxiliary"):
            raise ModelError(
                f"sbc: the factor statement {site.name!r} cannot make up data. Write it as a "
                f"sample statement with obs=."
            )
    if not observed:
        raise ModelError(
            f"sbc: the model observes nothing. Condition it (on any data: it is replaced). "
            f"Its sites: {listing(_names(sites))}."
        )
    return [site.name for site in observed]


def _names(sites: Trace) -> list[str]:
    return [site.name for site in sites.samples()]


def _thinned(name: str, draws: Tensor, num_draws: int, simulation: int) -> Tensor:
    draws = torch.as_tensor(draws).detach()
    if not draws.dim() or len(draws) < num_draws:
        count = len(draws) if draws.dim() else 0
        raise InferenceError(
            f"sbc, simulation {simulation + 1}: infer returned {count} draws of site {name!r}; "
            f"num_draws={num_draws} are needed"
        )
    return draws[torch.linspace(0, len(draws) - 1, num_draws).round().long()]


def _rank(true: Tensor, draws: Tensor) -> Tensor:
    """How many draws lie below the true value; ties are broken at random."""
    draws = draws.reshape(len(draws), *true.shape)
    below, ties = (draws < true).sum(0), (draws == true).sum(0)
    return below + (torch.rand(true.shape) * (ties + 1)).long()


def _with_log_density(
    model: Any, true: dict[str, Tensor], draws: dict[str, Tensor], args: Any, kwargs: Any
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    def score(values: Mapping[str, Tensor]) -> Tensor:
        with torch.no_grad():
            return log_density(model, values, *args, **kwargs)

    count = len(next(iter(draws.values())))
    each = [{n: d[k].reshape(true[n].shape) for n, d in draws.items()} for k in range(count)]
    scores = torch.stack([score(values) for values in each])
    return {**true, LOG_DENSITY: score(true)}, {**draws, LOG_DENSITY: scores}


def _p_values(ranks: Tensor, num_draws: int) -> Tensor:
    test = _uniformity(len(ranks), num_draws)
    columns = ranks.reshape(len(ranks), -1).unbind(1)
    found = [test.p_value(column.numpy()) for column in columns]
    return torch.tensor(found, dtype=torch.double).reshape(ranks.shape[1:])


# ---- uniformity of ranks, at all thresholds at once


class Uniformity:
    """An exact test of whether n ranks are uniform on 0 to num_draws.

    At each of some thresholds the number of ranks below it is binomial. The test looks at the
    smallest of all their tail probabilities; how small that may be by chance follows from the
    counts' joint distribution, a Markov chain from threshold to threshold.

    Args:
        n: number of ranks.
        num_draws: the largest rank.
        thresholds: at most so many.
    """

    def __init__(self, n: int, num_draws: int, thresholds: int = 20):
        self.n = n
        count = min(num_draws, thresholds)
        ends = np.round(np.linspace(0, num_draws + 1, count + 2)[1:-1]).astype(int)
        self.ends = ends
        self.shares = ends / (num_draws + 1)
        before = np.concatenate([[0.0], self.shares[:-1]])
        steps = (self.shares - before) / (1 - before)
        masses = np.stack([_binomial(n, share) for share in self.shares])
        below = np.cumsum(masses, 1)
        above = np.cumsum(masses[:, ::-1], 1)[:, ::-1]
        self.tails = np.minimum(below, above)  # (thresholds, n + 1)
        self.moves = [_transition(n, step) for step in steps]

    def counts(self, ranks: np.ndarray) -> np.ndarray:
        """How many ranks are below each threshold."""
        return (ranks[:, None] < self.ends).sum(0)

    def p_value(self, ranks: np.ndarray) -> float:
        """The chance that uniform ranks stray as far as these, or farther."""
        found = self.tails[np.arange(len(self.ends)), self.counts(ranks)].min()
        return 1.0 - self.coverage(found)

    def coverage(self, tail: float) -> float:
        """The chance that every threshold's tail probability exceeds this one."""
        mass = np.zeros(self.n + 1)
        mass[0] = 1.0
        for move, tails in zip(self.moves, self.tails, strict=True):
            mass = (mass @ move) * (tails > tail * (1 + 1e-9))
        return float(min(mass.sum(), 1.0))

    def band(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest counts that uniform ranks keep to with this probability."""
        low, high = -700.0, 0.0  # log tail probability
        for _ in range(40):
            middle = 0.5 * (low + high)
            enough = self.coverage(math.exp(middle)) >= level
            low, high = (middle, high) if enough else (low, middle)
        inside = self.tails > math.exp(low)
        return inside.argmax(1), self.n - inside[:, ::-1].argmax(1)


@lru_cache(maxsize=8)
def _uniformity(n: int, num_draws: int) -> Uniformity:
    return Uniformity(n, num_draws)


def _binomial(n: int, p: float) -> np.ndarray:
    """Probabilities of 0 to n successes."""
    k = np.arange(n + 1)
    logs = _log_factorial(n)
    return np.exp(logs[n] - logs[k] - logs[n - k] + k * math.log(p) + (n - k) * math.log1p(-p))


def _transition(n: int, p: float) -> np.ndarray:
    """From c successes to c + Binomial(n - c, p), (n + 1, n + 1)."""
    moves = np.zeros((n + 1, n + 1))
    for c in range(n + 1):
        moves[c, c:] = _binomial(n - c, p) if c < n else 1.0
    return moves


def _log_factorial(n: int) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
