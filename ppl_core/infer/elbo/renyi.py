"""RenyiELBO and IWAE: bounds on the log evidence that tighten with the number of draws."""

import math
from typing import Any

import torch
from torch import Tensor

from ...effects import Site
from ...handlers import Trace, log_prob_of, replay
from ...plates import Subsample
from .base import ELBO, Program, run_pair, sum_to
from .trace import needs_score, weighed


class RenyiELBO(ELBO):
    """Minus the variational Renyi bound of order alpha, from `num_particles` draws, in nats.

    With weights w_k = p(x, z_k) / q(z_k) it is -log(mean(w ** (1 - alpha))) / (1 - alpha)
    (Li & Turner 2016, eq. 4). Order 0 is the importance weighted bound, order 1 the ELBO. Rows of a
    plate that holds every site are problems of their own: each has its own weights, which makes the
    bound tighter, and a subsample counts as much as the whole.

    Args:
        alpha: order, any number but 1.
        num_particles: draws in one bound; with one draw every order is the ELBO.

    Raises:
        ValueError: alpha is 1; that is Trace_ELBO.
    """

    def __init__(self, alpha: float = 0.0, num_particles: int = 2, **settings: Any):
        if alpha == 1:
            raise ValueError("RenyiELBO: the bound of order alpha=1 is Trace_ELBO")
        super().__init__(num_particles=num_particles, **settings)
        self.alpha = alpha

    def differentiable_loss(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> Tensor:
        """One estimate of minus the bound in nats (scalar), with unbiased gradients."""
        if self.vectorize_particles and self.num_particles > 1:
            model, guide = self.with_particle_rows(model, guide, args, kwargs)
            log_weights, score, scale = _log_weights(*run_pair(model, guide, args, kwargs))
        else:
            pairs = [run_pair(model, guide, args, kwargs)]
            model, guide = (replay(program, trace=_rows(*pairs[0])) for program in (model, guide))
            pairs += [run_pair(model, guide, args, kwargs) for _ in range(self.num_particles - 1)]
            found = [_log_weights(*pair) for pair in pairs]
            log_weights = torch.stack([weights for weights, _, _ in found])
            score = torch.stack([score for _, score, _ in found])
            scale = found[0][2]
        order = 1 - self.alpha
        mean = torch.logsumexp(order * log_weights, 0) - math.log(self.num_particles)
        losses = -scale / order * mean  # of each row
        return (losses + losses.detach() * (score - score.detach()).sum(0)).sum()


def _rows(*records: Trace) -> dict[str, Site]:
    """The rows that plates have chosen: every particle is about the same ones."""
    sites = [site for sites in records for site in sites.samples()]
    return {site.name: site for site in sites if isinstance(site.fn, Subsample)}


def _log_weights(guide_sites: Trace, model_sites: Trace) -> tuple[Tensor, Tensor, float]:
    """Log p - log q, and log q of the draws that carry no gradient: particles first, then rows.

    The third is the weight of a row, which counts for a whole bound and not within one.
    """
    drawn, scored = weighed(guide_sites), weighed(model_sites)
    if not (drawn or scored):
        return torch.zeros(()), torch.zeros(()), 1.0
    sites = drawn + scored
    apart = tuple(frame for frame in sites[0].plates if all(frame in s.plates for s in sites))
    scales = [site.scale for site in sites if not isinstance(site.scale, Tensor)]
    alike = apart and len(scales) == len(sites) and len(set(scales)) == 1
    scale = scales[0] if alike else 1.0
    log_p = sum_to(((site.plates, log_prob_of(site) / scale) for site in scored), apart)
    log_q = sum_to(((site.plates, log_prob_of(site) / scale) for site in drawn), apart)
    blind = ((s.plates, s.unscaled_log_prob) for s in drawn if needs_score(s))
    return log_p - log_q, torch.zeros_like(log_p) + sum_to(blind, apart), scale


class IWAE(RenyiELBO):
    """Minus the importance weighted bound, -log mean_k w_k (Burda, Grosse & Salakhutdinov 2016)."""

    def __init__(self, num_particles: int = 2, **settings: Any):
        super().__init__(0.0, num_particles, **settings)
