"""The constant that lifts a guide's density above the model's: log M with p(z, data) <= M q(z)."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import biject_to

from ..errors import InferenceError
from ..handlers import Trace, block, is_latent, replay, trace
from ..values import validation
from .draws import Draws
from .proposals import Proposal


class Envelope(NamedTuple):
    """A bound on the ratio of model to guide.

    Attributes:
        log_constant: log M in nats.
        how: where the constant comes from, in words.
    """

    log_constant: float
    how: str


SLACK = 1e-3  # nats on top of a constant that was found: for rounding, and the last of the climb


def find_envelope(proposal: Proposal, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Envelope:
    """The largest ratio p/q: climbed to from the best of many draws, where it has a gradient.

    Discrete sites, and guides that draw through helper sites, have none: the largest ratio among
    the draws is taken then, and a later draw may exceed it.

    Raises:
        InferenceError: the ratio grows without bound, or no draw is possible.
    """
    pilot = proposal.draw(1000 if proposal.vectorized else 200, args, kwargs)
    best = pilot.log_weights.topk(min(3, len(pilot)))
    top = best.values[0].item()
    if top == -math.inf:
        raise InferenceError(
            f"Rejection: each of {len(pilot)} draws is impossible in the model. The guide misses "
            f"the posterior, or the model its data."
        )
    with torch.no_grad(), block(), trace() as sites:
        proposal.guide(*args, **kwargs)
    if not _can_climb(sites, pilot):
        return Envelope(top + SLACK, f"the largest ratio of {len(pilot)} draws")
    for row in best.indices.tolist():
        start = {name: pilot.values[name][row] for name in sites.stochastic_nodes}
        top = max(top, _climb(proposal, sites, start, args, kwargs))
    return Envelope(top + SLACK, f"the highest ratio found by ascent from {len(pilot)} draws")


def _can_climb(sites: Trace, pilot: Draws) -> bool:
    latent = [site for site in sites.samples() if is_latent(site)]
    return bool(latent) and all(
        not site.fn.support.is_discrete
        and not site.infer.get("is_auxiliary")
        and site.name in pilot.values
        for site in latent
    )


def _climb(
    proposal: Proposal,
    sites: Trace,
    start: dict[str, Tensor],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> float:
    """Log p/q at the summit above a draw; the climb is in unconstrained coordinates."""
    maps = {name: biject_to(sites[name].fn.support) for name in start}
    place = {name: maps[name].inv(value) for name, value in start.items()}
    sizes = [z.numel() for z in place.values()]

    def values_at(point: Tensor) -> dict[str, Tensor]:
        parts = zip(place.items(), point.split(sizes), strict=True)
        return {name: maps[name](part.reshape(z.shape)) for (name, z), part in parts}

    def height_at(point: Tensor) -> tuple[float, Tensor]:
        point = point.detach().requires_grad_()
        given, totals = values_at(point), []
        for program in (proposal.model, proposal.guide):
            with trace() as record, replay(trace=given):
                program(*args, **kwargs)
            totals.append(record.log_prob_sum())
        height = totals[0] - totals[1]
        if not height.requires_grad:  # the same everywhere
            return height.item(), torch.zeros_like(point)
        return height.item(), torch.autograd.grad(height, point)[0]

    with torch.enable_grad(), block(), validation(False):
        point = torch.cat([z.flatten() for z in place.values()])
        height, promise, point = ascend(height_at, point)
    if promise > 0.1:
        raise InferenceError(
            f"Rejection: no constant lifts the guide above the model: their ratio grows without "
            f"bound (its log is {height:g} and rising at {shown(values_at(point))}). Widen the "
            f"guide, so that its tails lie above those of the posterior.",
            cause="the ratio of model to guide has no bound",
        )
    return height


_ENOUGH = 1e-6  # nats: a step that promises less ends the climb


def ascend(
    height_at: Callable[[Tensor], tuple[float, Tensor]], point: Tensor, far: float = 1e3
) -> tuple[float, float, Tensor]:
    """Follow the gradient uphill to a summit, or until the ground has risen by `far`.

    Args:
        height_at: a point, (n,), to its height and gradient.

    Returns:
        Where the climb ended: its height, what one more step promises to gain, and the point.

    Source: Barzilai & Borwein 1988, Two-point step size gradient methods; halved until it gains.

    >>> hill = lambda x: (5 - (x - 3).square().sum().item(), 6 - 2 * x)
    >>> height, promise, point = ascend(hill, torch.ones(2))
    >>> print(f"{height:.3f}, {promise:.0f} more;", point)
    5.000, 0 more; tensor([3., 3.])
    """
    height, grad = height_at(point)
    bottom, step = height, 1.0 / (1.0 + grad.norm().item())
    for _ in range(200):
        if step * grad.dot(grad).item() < _ENOUGH or height - bottom > far:
            break
        for _ in range(20):
            ahead, ahead_grad = height_at(point + step * grad)
            if ahead >= height + 1e-4 * step * grad.dot(grad).item():
                break
            step *= 0.5
        else:
            break  # no step gains: rounding is all that is left
        moved, bent = step * grad, ahead_grad - grad
        curve = -moved.dot(bent).item()
        step = moved.dot(moved).item() / curve if curve > 0 else 4 * step
        point, height, grad = point + moved, ahead, ahead_grad
    return height, step * grad.dot(grad).item(), point.detach()


def shown(values: dict[str, Tensor]) -> str:
    """Values for a message: `weight = 9.5, ...`."""
    return ", ".join(
        f"{name} = {value.item():g}" if value.numel() == 1 else f"{name} of {tuple(value.shape)}"
        for name, value in values.items()
    )
