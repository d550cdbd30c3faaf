"""How well a model would predict readings it has not seen: PSIS-LOO and WAIC.

Both start from the log likelihood of each reading under each posterior draw. Leaving a reading out
means weighting the draws by one over its likelihood; a Pareto k above 0.7 says that the posterior
without it is too far from the posterior with it.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..diagnostics import pareto_threshold, psis
from ..values import as_value


@dataclass(frozen=True, slots=True)
class PredictiveScore:
    """Expected log predictive density of new readings, as many as there are.

    Attributes:
        elpd: estimate, in nats; higher is better.
        error: its standard error.
        effective_parameters: what fitting the readings gains over predicting them, in nats.
        pointwise: share of each reading in elpd, (readings,).
        pareto_k: of each reading, (readings,); None for WAIC.
    """

    elpd: float
    error: float
    effective_parameters: float
    pointwise: Tensor
    pareto_k: Tensor | None

    @property
    def readings(self) -> int:
        """How many readings there are."""
        return len(self.pointwise)

    def __sub__(self, other: "PredictiveScore") -> tuple[float, float]:
        """Difference in elpd to another model of the same readings, and its standard error."""
        if other.readings != self.readings:
            raise ValueError(
                f"scores of different readings cannot be compared: {self.readings} and "
                f"{other.readings}"
            )
        difference = self.pointwise - other.pointwise
        return difference.sum().item(), _error(difference)


def loo(log_likelihood: Any) -> PredictiveScore:
    """Leave-one-out cross-validation by Pareto smoothed importance sampling.

    Args:
        log_likelihood: in nats, (draws, ...readings), or a mapping with one such entry, as
            `log_likelihood(model, samples)` returns it.

    Raises:
        ValueError: not one site, fewer than 25 draws, nan or infinite entries.

    Warns:
        UserWarning: some k are above the threshold.

    Source: Vehtari, Gelman & Gabry 2017, Practical Bayesian model evaluation, sec. 2; Vehtari et
    al. 2024 for the smoothing.
    """
    log_lik = _readings(log_likelihood, "loo")
    smooth = psis(-log_lik)
    if smooth.tail == 0:
        raise ValueError(f"loo: {len(log_lik)} draws are too few; 25 are needed, 1,000 are better")
    pointwise = (smooth.log_weights + log_lik).logsumexp(0)
    limit = pareto_threshold(len(log_lik))
    high = int((smooth.k > limit).sum())
    if high:
        warnings.warn(
            f"loo: Pareto k is above {limit:.2f} for {high} of {len(pointwise)} readings, up to "
            f"{smooth.k.max():.2f}: their share is unreliable, and elpd with it. Fit the model "
            f"without them, or make it more robust.",
            stacklevel=2,
        )
    return _score(log_lik, pointwise, smooth.k)


def waic(log_likelihood: Any) -> PredictiveScore:
    """Widely applicable information criterion, on the scale of elpd: higher is better.

    Args:
        log_likelihood: as for `loo`, which also knows when it fails.

    Raises:
        ValueError: not one site, fewer than 2 draws, nan or infinite entries.

    Source: Watanabe 2010; Vehtari, Gelman & Gabry 2017, eq. 10 to 13.
    """
    log_lik = _readings(log_likelihood, "waic")
    if len(log_lik) < 2:
        raise ValueError("waic: at least 2 draws are needed")
    return _score(log_lik, _lppd(log_lik) - log_lik.var(0), None)


def _readings(log_likelihood: Any, who: str) -> Tensor:
    if isinstance(log_likelihood, Mapping):
        if len(log_likelihood) != 1:
            raise ValueError(
                f"{who}: the readings of one site are needed, but there are {list(log_likelihood)}:"
                f" give one of them, or join them along dimension 1"
            )
        log_likelihood = next(iter(log_likelihood.values()))
    log_lik = as_value(log_likelihood).detach().double()
    if log_lik.dim() == 0 or log_lik.numel() == 0:
        raise ValueError(f"{who}: log likelihoods are needed, one a draw and reading; none given")
    log_lik = log_lik.reshape(len(log_lik), -1)
    if not bool(log_lik.isfinite().all()):
        broken = int((~log_lik.isfinite()).sum())
        raise ValueError(f"{who}: {broken} of {log_lik.numel()} log likelihoods are not finite")
    return log_lik


def _lppd(log_lik: Tensor) -> Tensor:
    return log_lik.logsumexp(0) - math.log(len(log_lik))


def _error(pointwise: Tensor) -> float:
    return math.sqrt(len(pointwise) * pointwise.var(correction=0).item())


def _score(log_lik: Tensor, pointwise: Tensor, k: Tensor | None) -> PredictiveScore:
    elpd = pointwise.sum().item()
    fitted = _lppd(log_lik).sum().item()
    return PredictiveScore(elpd, _error(pointwise), fitted - elpd, pointwise, k)
