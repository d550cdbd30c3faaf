"""Training a student's guide, and how far its average over the last steps is from the posterior."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import ppl_core as ppl
from ppl_core.errors import InferenceError
from ppl_core.infer import SVI
from ppl_core.optim import Optimizer

from .asking import explained

TAIL = 500
"""Steps at the end whose parameters are averaged: a single last step carries the noise of one."""
NEAR = 0.02
"""Nats that the averaged guide may be away: no correct run of 20,000 was, and usual slips are."""
DRAWS = 20_000


def train(
    model: Callable[..., Any],
    guide: Callable[..., Any],
    args: tuple[Any, ...],
    optim: Optimizer,
    num_steps: int,
) -> None:
    """Train on the current store, and leave the average of the last 500 steps in it.

    Raises:
        Told: the programs crash.
        InferenceError: the loss stops being finite.
    """
    svi = SVI(model, guide, optim)
    tail = min(TAIL, num_steps)
    try:
        if num_steps > tail:
            svi.run(num_steps - tail, *args, progress_bar=False)
        total: dict[str, Tensor] = {}
        for _ in range(tail):
            svi.step(*args)
            for name, leaf in svi.store.named_parameters():
                total[name] = total.get(name, torch.zeros_like(leaf.data)) + leaf.data
    except InferenceError:
        raise
    except Exception as error:
        raise explained(error, guide) from error
    for name, leaf in svi.store.named_parameters():
        leaf.data = total[name] / tail


def distance(
    guide: Callable[..., Any],
    args: tuple[Any, ...],
    site: str,
    log_posterior: Callable[[Tensor], Tensor],
) -> float:
    """KL(guide || posterior) in nats of one site, averaged over 20,000 draws of the guide.

    Both log densities are known, so the average has next to no noise where the guide is near.
    """
    with torch.no_grad(), ppl.handlers.trace() as sites:
        guide(*args)
    fn = sites[site].fn
    with torch.no_grad():
        draws = fn.sample(torch.Size((DRAWS,)))
        log_q = fn.log_prob(draws)
    return float((log_q - log_posterior(draws)).double().mean())
