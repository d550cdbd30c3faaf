"""Exact enumeration: programs whose latent sites all have a finite list of outcomes."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...effects import Site
from ...handlers import trace
from ...values import as_real
from ..discrete import infer_discrete
from ..elbo.enum import model_terms, posterior_weights
from ..enumeration import config_enumerate, enum
from ..rows import plate_depth
from .affine import Program
from .result import Marginal, Reference


def enumerated(program: Program) -> Reference | None:
    """The exact posterior of discrete sites, by summing over all outcomes; None for other sites.

    Raises:
        ModelError: the sum is not tractable: sites of different plates meet in one factor.
    """
    if not all(getattr(s.fn, "has_enumerate_support", False) for s in program.latent.values()):
        return None
    if any(_wish(site) not in (None, "parallel") for site in program.latent.values()):
        return None
    model, args, kwargs = config_enumerate(program.model), program.args, program.kwargs
    with torch.no_grad(), trace() as sites:
        model(*args, **kwargs)
    first_dim = -1 - plate_depth(sites)
    with torch.no_grad(), trace() as sites, enum(first_dim=first_dim):
        model(*args, **kwargs)
    weights = posterior_weights(sites, lambda tensor, dim: torch.logsumexp(tensor, dim))
    if weights.keys() != program.latent.keys():
        return None
    log_evidence = sum(term.tensor.double().sum().item() for term in model_terms(sites))
    marginals = {name: _marginal(sites[name], probs) for name, probs in weights.items()}
    inferred = infer_discrete(model, first_available_dim=first_dim)

    def draw(num: int) -> dict[str, Tensor]:
        runs: list[Mapping[str, Any]] = []
        for _ in range(num):
            with trace() as run:
                inferred(*args, **kwargs)
            runs.append(run)
        return {name: torch.stack([run[name].value for run in runs]) for name in weights}

    outcomes = 1
    for name in weights:
        outcomes *= marginals[name].grid.shape[0] ** max(1, marginals[name].mean.numel())
    how = f"sum over {outcomes:,} combinations of outcomes"
    return Reference("exact enumeration", how, marginals, log_evidence, 0.0, draw)


def _wish(site: Site) -> Any:
    return site.infer.get("enumerate")


def _marginal(site: Site, probs: Tensor) -> Marginal:
    """Outcomes of one entry along the grid, their probabilities beside them."""
    probs = probs.double().movedim(-1, 0)  # (outcomes, rows...)
    outcomes = as_real(site.fn.enumerate_support(expand=False)).double()
    shape = (len(outcomes),) + (1,) * (probs.dim() - 1) + tuple(site.fn.event_shape)
    events = len(site.fn.event_shape)
    grid = outcomes.reshape(shape)
    heights = probs.reshape(probs.shape + (1,) * events)
    mean = (grid * heights).sum(0)
    sd = ((grid - mean) ** 2 * heights).sum(0).sqrt()
    grid = grid.expand((len(outcomes), *mean.shape))
    return Marginal(grid, heights.expand(grid.shape), mean, sd, True, torch.zeros_like(mean))
