"""infer_discrete: draw discrete sites from their exact joint posterior, or take its maximum."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelError
from ..handlers import Trace, block, replay, trace
from .elbo.enum import posterior_weights
from .enumeration import enum

Program = Callable[..., Any]


def infer_discrete(
    fn: Program | None = None,
    first_available_dim: int | None = None,
    temperature: int = 1,
) -> Any:
    """The model with its enumerated sites drawn from their posterior, given all others.

    Forward filtering, backward sampling: one elimination, whose derivative picks the outcomes.

    Args:
        fn: the model; discrete sites ask for `infer={"enumerate": "parallel"}`.
        first_available_dim: rightmost batch dimension left of all plates (negative); found by a run
            if not given.
        temperature: 1 draws, 0 takes the most probable joint outcome.

    Raises:
        ValueError: another temperature.
        ModelError: no site asks for enumeration.
    """
    if temperature not in (0, 1):
        raise ValueError(
            f"infer_discrete: temperature is 1 (draw) or 0 (maximum), got {temperature}"
        )
    if fn is None:
        return lambda model: infer_discrete(model, first_available_dim, temperature)
    model = fn

    @wraps(model)
    def inferred(*args: Any, **kwargs: Any) -> Any:
        dim = first_available_dim
        if dim is None:
            with torch.no_grad(), torch.random.fork_rng(devices=[]), block(), trace() as sites:
                model(*args, **kwargs)
            dim = -1 - max((-f.dim for s in sites.samples() for f in s.plates if f.dim), default=0)
        with torch.no_grad(), block(), trace() as sites, enum(first_dim=dim):
            model(*args, **kwargs)
        with replay(trace=_chosen(sites, _pick(temperature))):
            return model(*args, **kwargs)

    return inferred


def _chosen(sites: Trace, reduce: Callable[[Tensor, int], Tensor]) -> dict[str, Tensor]:
    weights = posterior_weights(sites, reduce)
    if not weights:
        raise ModelError(
            'infer_discrete: no site asks for enumeration; add infer={"enumerate": "parallel"} or '
            "wrap the model in config_enumerate"
        )
    chosen = {}
    for name, weight in weights.items():
        site = sites[name]
        dim = next(dim for dim, owner in site.dims.items() if owner == name)
        event = len(site.fn.event_shape)
        index = weight.argmax(-1)
        outcomes = site.value.movedim(dim - event, 0).flatten(0, site.value.dim() - 1 - event)
        value = outcomes[index]
        frames = [frame for frame in site.plates if frame.vectorized]
        depth = max((-frame.dim for frame in frames), default=0)
        shape = [1] * depth
        for frame in frames:
            shape[frame.dim] = frame.size
        chosen[name] = value.reshape(shape + list(site.fn.event_shape))
    return chosen


def _pick(temperature: int) -> Callable[[Tensor, int], Tensor]:
    return lambda tensor, dim: _Pick.apply(tensor, dim, temperature)  # type: ignore[return-value]


class _Pick(torch.autograd.Function):
    """A sum of probabilities in logs whose derivative is one outcome: drawn, or the largest."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, dim: int, temperature: int) -> Tensor:
        ctx.save_for_backward(tensor)
        ctx.dim, ctx.temperature = dim, temperature
        return torch.logsumexp(tensor, dim) if temperature else tensor.amax(dim)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        (logits,) = ctx.saved_tensors
        logits = logits.movedim(ctx.dim, -1)
        if ctx.temperature:
            gumbel = -torch.empty_like(logits).exponential_().log()
            logits = logits + gumbel  # its argmax is one draw (Gumbel's trick)
        index = logits.argmax(-1, keepdim=True)
        chosen = torch.zeros_like(logits).scatter(-1, index, 1.0) * grads[0].unsqueeze(-1)
        return chosen.movedim(-1, ctx.dim), None, None
