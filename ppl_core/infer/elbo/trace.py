"""Trace_ELBO: the evidence lower bound from whole runs of guide and model."""

from typing import Any

import torch
from torch import Tensor

from ...effects import Site
from ...handlers import Trace, is_latent, log_prob_of
from ...plates import Subsample
from .base import ELBO, Program, log_prob_of_draw, run_pair, sum_to, total_log_prob


class Trace_ELBO(ELBO):
    """Minus a Monte Carlo ELBO, E_q[log q(z) - log p(x, z)], in nats.

    Draws that carry gradients are differentiated through (Kingma & Welling 2014, eq. 6). Others get
    a score-function term, loss * grad log q, which has expectation zero in value and makes the
    gradient unbiased (Ranganath, Gerrish & Blei 2014, eq. 3); inside a plate each row's score meets
    only the loss of its own row (their section 3.1).
    """

    def _estimate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        guide_sites, model_sites = run_pair(model, guide, args, kwargs)
        scored: list[Site] = []
        log_q: list[Tensor] = []
        for site in weighed(guide_sites):
            part = log_prob_of_draw(site)
            if needs_score(site):
                scored.append(site)
                part = part.detach()  # its own gradient is zero on average
            log_q.append(part)
        log_p = [total_log_prob(site) for site in weighed(model_sites)]
        loss = torch.as_tensor(_sum(log_q) - _sum(log_p))
        return loss + score_term(scored, guide_sites, model_sites) if scored else loss


def weighed(sites: Trace) -> list[Site]:
    """The sites that count in an ELBO: rows that a plate chose have log probability zero."""
    return [site for site in sites.samples() if not isinstance(site.fn, Subsample)]


def _sum(parts: list[Tensor]) -> Tensor | float:
    """Their sum, without torch's work of adding them to 0."""
    return sum(parts[1:], parts[0]) if parts else 0.0


def needs_score(site: Site) -> bool:
    """Whether a guide's draw carries no gradient, though its distribution has one to learn from."""
    if getattr(site.fn, "has_rsample", False) or not is_latent(site):
        return False
    return site.unscaled_log_prob.requires_grad


def score_term(scored: list[Site], guide_sites: Trace, model_sites: Trace) -> Tensor:
    """Zero in value; its gradient completes that of the loss for draws without gradients."""
    with torch.no_grad():
        terms = [(s.plates, log_prob_of(s)) for s in guide_sites.samples()]
        terms += [(s.plates, -log_prob_of(s)) for s in model_sites.samples()]
    total = torch.zeros(())
    for site in scored:
        cost = sum_to(terms, site.plates).detach()
        log_q = site.unscaled_log_prob  # of the draw itself: scale and mask belong to the cost
        total = total + (cost * (log_q - log_q.detach())).sum()
    return total
