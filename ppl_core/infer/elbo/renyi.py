"""RenyiELBO and IWAE: bounds on the log evidence that tighten with the number of draws."""

import math
from typing import Any

import torch
from torch import Tensor

from ...effects import Site
from ...handlers import log_prob_of
from .base import ELBO, PARTICLES, Program, run_pair
from .trace import needs_score


class RenyiELBO(ELBO):
    """Minus the variational Renyi bound of order alpha, from `num_particles` draws, in nats.

    With weights w_k = p(x, z_k) / q(z_k) it is -log(mean(w ** (1 - alpha))) / (1 - alpha)
    (Li & Turner 2016, eq. 4). Order 0 is the importance weighted bound, order 1 the ELBO.

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
            log_weights, scores = self._log_weights(model, guide, args, kwargs)
        else:
            runs = [
                self._log_weights(model, guide, args, kwargs) for _ in range(self.num_particles)
            ]
            log_weights = torch.stack([weight for weight, _ in runs])
            scores = [score for _, found in runs for score in found]
        order = 1 - self.alpha
        mean = torch.logsumexp(order * log_weights, 0) - math.log(self.num_particles)
        loss = -mean / order
        for score in scores:
            loss = loss + loss.detach() * (score - score.detach())
        return loss

    def _log_weights(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Tensor, list[Tensor]]:
        """Log p - log q of each particle, and log q of the draws that carry no gradient."""
        guide_sites, model_sites = run_pair(model, guide, args, kwargs)
        total, scores = torch.zeros(()), []
        for site in model_sites.samples():
            total = total + _by_particle(site)
        for site in guide_sites.samples():
            log_q = _by_particle(site)
            total = total - log_q
            if needs_score(site):
                scores.append(site.unscaled_log_prob.sum())
        return total, scores


def _by_particle(site: Site) -> Tensor:
    """A site's log probability summed over all but the particles: scalar, or (num_particles,)."""
    log_prob = log_prob_of(site)
    for frame in site.plates:
        if frame.name == PARTICLES and frame.dim is not None and log_prob.dim() >= -frame.dim:
            return log_prob.movedim(frame.dim, 0).reshape(frame.size, -1).sum(1)
    return log_prob.sum()


class IWAE(RenyiELBO):
    """Minus the importance weighted bound, -log mean_k w_k (Burda, Grosse & Salakhutdinov 2016)."""

    def __init__(self, num_particles: int = 2, **settings: Any):
        super().__init__(0.0, num_particles, **settings)
