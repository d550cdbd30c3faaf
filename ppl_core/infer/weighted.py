"""What weighted draws tell: evidence, effective size, averages, marginals."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..diagnostics import psis, resample, weight_ess
from ..diagnostics.weights import checked_log_weights, normalized_log_weights
from ..distributions import Empirical
from ..errors import ModelError, listing, suggestion
from ..values import as_real
from .draws import Draws


class WeightedPosterior(ABC):
    """What weighted draws tell of a posterior and its evidence: Pyro's names, with errors.

    Needs `draws`: whatever it says is computed from them.
    """

    @property
    @abstractmethod
    def draws(self) -> Draws:
        """All draws so far."""

    @property
    def log_weights(self) -> Tensor:
        """Log p(z, data) - log q(z) of each draw, in nats, (draws,)."""
        return self.draws.log_weights

    def get_log_normalizer(self) -> Tensor:
        """Estimate of the log evidence log p(data) in nats: log of the mean weight."""
        log_w = checked_log_weights(self.log_weights)
        return _plain(log_w.logsumexp(0) - math.log(len(log_w)))

    def get_log_normalizer_error(self) -> Tensor:
        """Standard error of `get_log_normalizer`, in nats, as far as the weights seen can tell.

        By the delta method: standard error of the mean weight, over the mean weight. inf for one
        draw.
        """
        share = normalized_log_weights(self.log_weights).exp()
        n = len(share)
        if n == 1:
            return torch.tensor(math.inf)
        return _plain(((n * share.square().sum() - 1).clamp_min(0) / (n - 1)).sqrt())

    def get_normalized_weights(self, log_scale: bool = False) -> Tensor:
        """Weights that sum to 1, or their logs in nats, (draws,)."""
        log_w = normalized_log_weights(self.log_weights)
        return _plain(log_w if log_scale else log_w.exp())

    def get_ESS(self) -> Tensor:
        """Effective sample size: so many equally weighted draws would do as well, if k is small."""
        return _plain(weight_ess(self.log_weights))

    def get_pareto_k(self) -> float:
        """How heavy the tail of the weights is: above 0.5 their variance is infinite.

        -inf where all weights are equal, nan for fewer than 25 draws.
        """
        return psis(self.log_weights).k.item()

    def value(self, name: str) -> Tensor:
        """All draws of a site, (draws, ...), each to be weighted; "_RETURN" for the result."""
        return self.draws.value(name)

    def mean(self, name: str = "_RETURN") -> Tensor:
        """Posterior mean of a site: its weighted average."""
        return torch.tensordot(self.get_normalized_weights(), as_real(self.value(name)), 1)

    def resample(self, num_samples: int | None = None) -> dict[str, Tensor]:
        """Draws that weigh the same, chosen with replacement: site -> (num_samples, ...)."""
        draws = self.draws
        row = resample(torch.arange(len(draws)), draws.log_weights, num_samples)
        return dict(draws.chosen(row).values)


class EmpiricalMarginal(Empirical):
    """The marginal posterior of a site, as a distribution over its draws.

    Args:
        trace_posterior: an `Importance`, a `Rejection` or an `MCMC` that has run.
        sites: a name, or a list of names of sites with one shape, which are stacked; by default
            what the model returned, which an MCMC does not keep.

    Raises:
        ModelError: no such site.
    """

    def __init__(
        self,
        trace_posterior: Any,
        sites: str | list[str] | None = None,
        validate_args: bool | None = None,
    ):
        if hasattr(trace_posterior, "value"):
            value = trace_posterior.value
            log_weights = trace_posterior.get_normalized_weights(log_scale=True)
        else:
            draws = trace_posterior.get_samples()
            value, log_weights = partial(_value, draws), None
        if isinstance(sites, list | tuple):
            values = torch.stack([value(site) for site in sites], 1)
        else:
            values = value("_RETURN" if sites is None else sites)
        super().__init__(values, log_weights, validate_args=validate_args)


def _value(draws: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in draws:
        raise ModelError(
            f"EmpiricalMarginal: no draws of {name!r}.{suggestion(name, draws)} There are: "
            f"{listing(draws)}."
        )
    return draws[name]


def _plain(number: Tensor) -> Tensor:
    return number.to(torch.get_default_dtype())
