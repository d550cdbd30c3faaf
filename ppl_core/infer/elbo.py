"""How far a guide is from the posterior: Monte Carlo estimates of the evidence lower bound.

A loss here is minus the ELBO, E_q[log q(z) - log p(x, z)], in nats. It is never below minus the log
evidence on average, and equals it, draw by draw, for the exact posterior.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..effects import Site, scale_and_mask
from ..handlers import Trace, is_latent, log_prob_of, replay, trace
from ..inspect import check_pair, check_signature
from ..primitives import Subsample, plate
from ..values import validation_enabled

Program = Callable[..., Any]


class ELBO:
    """What all losses share: how many draws, and how they are asked for.

    Args:
        num_particles: draws per estimate; their average is returned.
        max_plate_nesting: batch dimensions that the programs' plates use; found by a run if not
            given.
        vectorize_particles: draw all particles at once, in a dimension left of the plates.
    """

    def __init__(
        self,
        num_particles: int = 1,
        max_plate_nesting: float = math.inf,
        vectorize_particles: bool = False,
    ):
        if int(num_particles) != num_particles or num_particles < 1:
            raise ValueError(f"num_particles: a whole number >= 1 is needed, got {num_particles!r}")
        self.num_particles = int(num_particles)
        self.max_plate_nesting = max_plate_nesting
        self.vectorize_particles = vectorize_particles

    def differentiable_loss(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> Tensor:
        """One estimate of the loss in nats (scalar), whose gradient is an unbiased estimate too.

        Raises:
            GuideError: the guide does not fit the model.
            ShapeError: shapes of the two do not fit, or rows lie outside every plate.
        """
        if self.num_particles == 1:
            return self._estimate(model, guide, args, kwargs)
        if self.vectorize_particles:
            rows = self._particle_plate(model, guide, args, kwargs)
            both = rows(model), rows(guide)
            return self._estimate(*both, args, kwargs) / self.num_particles
        total = self._estimate(model, guide, args, kwargs)
        for _ in range(self.num_particles - 1):
            total = total + self._estimate(model, guide, args, kwargs)
        return total / self.num_particles

    def loss(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """One estimate of the loss in nats, without gradients."""
        with torch.no_grad():
            return self.differentiable_loss(model, guide, *args, **kwargs).item()

    evaluate_loss = loss

    def loss_and_grads(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """One estimate of the loss in nats; gradients are added to the `.grad` of every leaf."""
        loss = self.differentiable_loss(model, guide, *args, **kwargs)
        if loss.requires_grad:
            loss.backward()
        return loss.item()

    def _estimate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        """The loss of one run of the guide."""
        raise TypeError(f"{type(self).__name__} is no loss by itself: use Trace_ELBO")

    def _particle_plate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[Program], Program]:
        if self.max_plate_nesting == math.inf:
            with torch.no_grad(), trace() as sites:
                guide(*args, **kwargs)
            with torch.no_grad(), trace() as more, replay(trace=sites):
                model(*args, **kwargs)
            frames = [f for s in (*sites.samples(), *more.samples()) for f in s.plates]
            self.max_plate_nesting = max((-f.dim for f in frames if f.vectorized), default=0)
        dim = -1 - int(self.max_plate_nesting)

        def rows(program: Program) -> Program:
            def many(*args: Any, **kwargs: Any) -> Any:
                with plate("num_particles_vectorized", self.num_particles, dim=dim):
                    return program(*args, **kwargs)

            return many

        return rows


class Trace_ELBO(ELBO):
    """The ELBO from whole runs of guide and model.

    Draws that carry gradients are differentiated through (Kingma & Welling 2014, eq. 6). For others
    the score-function term elbo * grad log q is added, which has expectation zero in value and
    makes the gradient unbiased (Ranganath, Gerrish & Blei 2014, eq. 3).

    >>> Trace_ELBO().loss(conditioned_scale, perfect_guide, 8.5)  # doctest: +SKIP
    1.4618...
    """

    def _estimate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        guide_sites, model_sites = run_pair(model, guide, args, kwargs)
        loss: Tensor | None = None
        score: Tensor | None = None
        for site in guide_sites.values():
            if site.kind == "sample":
                log_q = log_prob_of_draw(site)
                loss = log_q if loss is None else loss + log_q
                if is_latent(site) and not site.fn.has_rsample and log_q.requires_grad:
                    score = log_q if score is None else score + log_q
        for site in model_sites.values():
            if site.kind == "sample":
                log_p = total_log_prob(site)
                loss = -log_p if loss is None else loss - log_p
        if loss is None:
            return torch.zeros(())
        return loss if score is None else loss + loss.detach() * (score - score.detach())


def run_pair(
    model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Trace, Trace]:
    """Run the guide, then the model on the guide's draws; the records of both.

    Raises:
        GuideError, ShapeError: they do not fit. Checked in full while validation is on; that no
            latent site of the model is left to its prior is checked always.
    """
    if validation_enabled():
        check_signature(model, guide, args, kwargs)
    with trace() as guide_sites:
        guide(*args, **kwargs)
    with trace() as model_sites, replay(trace=guide_sites):
        model(*args, **kwargs)
    unmatched = any(
        site.kind == "sample"
        and not site.observed
        and site.set_by != "replay"
        and not isinstance(site.fn, Subsample)
        for site in model_sites.values()
    )
    if unmatched or validation_enabled():
        check_pair(model_sites, guide_sites)
    return guide_sites, model_sites


def total_log_prob(site: Site) -> Tensor:
    """A site's scaled and masked log probability, summed to a scalar in nats."""
    log_prob = log_prob_of(site)
    return log_prob.sum() if log_prob.dim() else log_prob


def log_prob_of_draw(site: Site) -> Tensor:
    """`total_log_prob` of a guide's own draw; from its noise, at half the cost, if it has one."""
    if site.noise is None:
        return total_log_prob(site)
    log_prob = site.fn.log_prob_of_noise(site.noise)
    log_prob = scale_and_mask(log_prob, site.scale, site.mask)
    return log_prob.sum() if log_prob.dim() else log_prob
