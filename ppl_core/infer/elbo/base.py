"""How far a guide is from the posterior: Monte Carlo estimates of the evidence lower bound.

A loss here is minus the ELBO, E_q[log q(z) - log p(x, z)], in nats. It is never below minus the log
evidence on average, and equals it, draw by draw, for the exact posterior.
"""

import math
import re
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from ...effects import Site, scale_and_mask
from ...errors import ModelError
from ...handlers import Trace, log_prob_of, replay, trace
from ...inspect import check_pair, check_signature
from ...plates import Frame, Subsample, plate
from ...values import validation_enabled

Program = Callable[..., Any]


class ELBO:
    """What all losses share: how many draws, and how they are asked for.

    Args:
        num_particles: draws per estimate; their average is returned.
        max_plate_nesting: batch dimensions that the programs' plates use; found by a run if not
            given.
        vectorize_particles: draw all particles at once, in a dimension left of the plates.
        retain_graph: of the `backward` in `loss_and_grads`, for values that several losses share.
    """

    def __init__(
        self,
        num_particles: int = 1,
        max_plate_nesting: float = math.inf,
        vectorize_particles: bool = False,
        retain_graph: bool | None = None,
    ):
        if int(num_particles) != num_particles or num_particles < 1:
            raise ValueError(f"num_particles: a whole number >= 1 is needed, got {num_particles!r}")
        self.num_particles = int(num_particles)
        self.max_plate_nesting = max_plate_nesting
        self._nesting: tuple[Program, Program, int] | None = None
        self.vectorize_particles, self.retain_graph = vectorize_particles, retain_graph

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
            model, guide = self.with_particle_rows(model, guide, args, kwargs)
            return self._estimate(model, guide, args, kwargs) / self.num_particles
        total = self._estimate(model, guide, args, kwargs)
        for _ in range(self.num_particles - 1):
            total = total + self._estimate(model, guide, args, kwargs)
        return total / self.num_particles

    def __call__(self, model: Program, guide: Program) -> "ELBOModule":
        """The loss of one pair as a torch module, for a training loop of your own.

        >>> loss = Trace_ELBO()(model, guide)  # doctest: +SKIP
        >>> loss(8.5).backward()  # doctest: +SKIP
        """
        return ELBOModule(self, model, guide)

    def loss(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """One estimate of the loss in nats, without gradients."""
        with torch.no_grad():
            return self.differentiable_loss(model, guide, *args, **kwargs).item()

    evaluate_loss = loss

    def loss_and_grads(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> float:
        """One estimate of the loss in nats; gradients are added to the `.grad` of every leaf."""
        loss = self.differentiable_loss(model, guide, *args, **kwargs)
        if loss.requires_grad:
            loss.backward(retain_graph=self.retain_graph)
        return loss.item()

    def _estimate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        """The loss of one run of the guide."""
        raise TypeError(f"{type(self).__name__} is no loss by itself: use Trace_ELBO, ...")

    def with_particle_rows(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Program, Program]:
        """Both programs with all particles as rows of a dimension left of their plates."""
        if validation_enabled():
            check_signature(model, guide, args, kwargs)
        dim = -1 - self.plate_dims(model, guide, args, kwargs)

        def rows(program: Program) -> Program:
            @wraps(program)
            def many(*args: Any, **kwargs: Any) -> Any:
                with plate(PARTICLES, self.num_particles, dim=dim), _one_value_needed():
                    return program(*args, **kwargs)

            vars(many)["plate_dims"] = -dim
            return many

        return rows(model), rows(guide)

    def plate_dims(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> int:
        """Batch dimensions of the pair's plates: as told, or found by one run of the pair."""
        told = getattr(model, "plate_dims", self.max_plate_nesting)
        if told != math.inf:
            return int(told)
        if self._nesting is None or self._nesting[:2] != (model, guide):
            self._nesting = model, guide, plate_nesting(model, guide, args, kwargs)
        return self._nesting[2]


PARTICLES = "num_particles_vectorized"


@contextmanager
def _one_value_needed() -> Generator[None]:
    """Tell a program that turns a value into one number, or a decision, what stands in its way.

    Raises:
        ModelError: it cannot be run for all particles at once.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if isinstance(error, ModelError) or not _ONE_VALUE.search(str(error)):
            raise
        raise ModelError(
            "vectorize_particles: the program needs one number where it now has all particles at "
            f"once ({error}). Decide by torch.where instead of if, keep tensors instead of "
            "float() or item(), or give vectorize_particles=False."
        ) from error


_ONE_VALUE = re.compile("ambiguous|cannot be converted to Scalar|one element tensors")


class ELBOModule(nn.Module):
    """A loss, a model and a guide as one torch module; calling it estimates the loss in nats.

    Networks among the two are its submodules. Parameters made by `param` statements are leaves of
    the parameter store: `get_param_store().named_parameters()`.
    """

    def __init__(self, elbo: ELBO, model: Program, guide: Program):
        super().__init__()
        self.elbo, self.model, self.guide = elbo, model, guide

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """One differentiable estimate of the loss, scalar."""
        return self.elbo.differentiable_loss(self.model, self.guide, *args, **kwargs)


def plate_nesting(
    model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> int:
    """How many batch dimensions the plates of a pair use, found by a run of both."""
    with torch.no_grad():
        with trace() as guide_sites:
            guide(*args, **kwargs)
        with trace() as model_sites, replay(trace=guide_sites):
            model(*args, **kwargs)
    sites = (*guide_sites.samples(), *model_sites.samples())
    frames = [frame for site in sites for frame in site.plates if frame.dim is not None]
    return max((-frame.dim for frame in frames if frame.dim), default=0)


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
    # What a guide must not do is for check_pair to say, which knows both, and not for replay.
    drawn = replayable(guide_sites) if validation_enabled() else guide_sites
    with trace() as model_sites, replay(trace=drawn):
        model(*args, **kwargs)
    if validation_enabled() or unmatched(model_sites, guide_sites):
        check_pair(model_sites, guide_sites)
    return guide_sites, model_sites


def replayable(sites: Trace) -> dict[str, Site]:
    """The sites of a guide that its model can take values from."""
    return {s.name: s for s in sites.samples() if not s.observed}


def unmatched(model_sites: Trace, guide_sites: Trace) -> bool:
    """Whether the model drew a site by itself, or the guide drew one for nobody."""
    own = any(
        site.kind == "sample"
        and not site.observed
        and site.set_by != "replay"
        and not isinstance(site.fn, Subsample)
        for site in model_sites.values()
    )
    return own or any(
        site.kind == "sample" and name not in model_sites and not site.infer.get("is_auxiliary")
        for name, site in guide_sites.items()
    )


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


def sum_to(terms: Iterable[tuple[tuple[Frame, ...], Tensor]], frames: tuple[Frame, ...]) -> Tensor:
    """Add terms up, keeping only the plate dimensions in `frames`.

    What lies in other rows of a plate is independent of this row and only adds noise to its score
    (Rao-Blackwellisation over plates).

    Args:
        terms: (plates of the term, values with those plates as batch dimensions), in nats.
        frames: plates whose rows are kept apart.
    """
    total = torch.zeros(())
    for plates, value in terms:
        kept = {frame.dim for frame in plates if frame.vectorized and frame in frames}
        for dim in range(-value.dim(), 0):
            if dim not in kept:
                value = value.sum(dim, keepdim=True)
        while value.dim() and value.shape[0] == 1:
            value = value.squeeze(0)
        total = total + value
    return total
