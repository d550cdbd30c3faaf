"""Which guides a model may have, and the loss that each is trained by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ppl_core.handlers import block, trace
from ppl_core.infer import (
    ELBO,
    AutoDelta,
    AutoDiscreteParallel,
    AutoIAFNormal,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    config_enumerate,
    init_to_median,
)
from ppl_core.params import ParamStore

from .guard import limited
from .sites import Sites
from .subject import Subject

OWN = "your guide"
"""The guide that came with the model."""
MADE = {
    "AutoNormal": AutoNormal,
    "AutoMultivariateNormal": AutoMultivariateNormal,
    "AutoLowRankMultivariateNormal": AutoLowRankMultivariateNormal,
    "AutoIAFNormal": AutoIAFNormal,
    "AutoDelta": AutoDelta,
}
"""Guides over continuous sites, by name; discrete sites are summed out beside them.

Each starts at the prior's median, so that a panel shows a guide that has still to learn from the
data, and not one that has still to find the prior.
"""
TABLE = "AutoDiscreteParallel"
"""The guide over discrete sites alone."""


@dataclass(frozen=True)
class Pair:
    """A model and a guide, ready to be trained.

    Attributes:
        model: the program; its discrete sites that the guide leaves out ask to be summed out.
        guide: draws the rest.
        loss: that fits them.
    """

    model: Callable[..., Any]
    guide: Callable[..., Any]
    loss: ELBO


def offered(subject: Subject, sites: Sites | None) -> tuple[str, ...]:
    """Names of the guides that a model may have, the first one as default."""
    own = (OWN,) if subject.own_guide is not None else ()
    if sites is None:
        return (*own, "AutoNormal")
    if not sites.continuous:
        return (*own, TABLE)
    few = [name for name in MADE if name != "AutoIAFNormal" or len(sites.coordinates) > 1]
    return (*own, *few)


def pair(
    name: str,
    subject: Subject,
    sites: Sites,
    args: tuple[Any, ...],
    store: ParamStore,
    particles: int = 1,
) -> Pair:
    """The guide of this name beside its model.

    Args:
        name: one of those offered.
        subject: the model, and the user's guide.
        sites: of the model.
        args: of both.
        store: where parameters live.
        particles: draws that one loss averages.

    Raises:
        Exception: whatever the user's guide raises on its first run.
    """
    if name == OWN:
        return _own(subject, sites, args, store, particles)
    if name == TABLE:
        table = AutoDiscreteParallel(subject.model)
        return Pair(subject.model, table, _summed(sites, particles))
    if not sites.discrete:
        guide = MADE[name](subject.model, init_loc_fn=init_to_median)
        return Pair(subject.model, guide, Trace_ELBO(num_particles=particles))
    hidden = block(subject.model, hide=sites.discrete)
    guide = MADE[name](hidden, init_loc_fn=init_to_median)
    return Pair(config_enumerate(subject.model), guide, _summed(sites, particles))


def _own(
    subject: Subject, sites: Sites, args: tuple[Any, ...], store: ParamStore, particles: int
) -> Pair:
    """The user's guide: sites that it leaves out are summed out if they can be."""
    with limited(), torch.random.fork_rng(devices=[]), torch.no_grad(), store, trace() as drawn:
        subject.guide(*args)
    rough = [n for n in drawn.stochastic_nodes if not drawn[n].fn.has_rsample]
    left = [name for name in sites.discrete if name not in drawn]
    asked = any("enumerate" in site.infer for site in drawn.samples())
    if left or asked:
        model = config_enumerate(subject.model) if left else subject.model
        return Pair(model, subject.guide, _summed(sites, particles))
    loss = TraceGraph_ELBO if rough else Trace_ELBO
    return Pair(subject.model, subject.guide, loss(num_particles=particles))


def _summed(sites: Sites, particles: int) -> ELBO:
    return TraceEnum_ELBO(num_particles=particles, max_plate_nesting=sites.depth)
