"""Why a step of SVI must not be taken: the first parameter or site to blame."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import InferenceError
from ..handlers import log_prob_of, replay, trace
from ..optim import Optimizer
from ..params import ParamStore
from ..values import validation

Program = Callable[..., Any]
TRIES = 20
"""Runs that look for it."""
SAFE = 80.0
"""An unconstrained value below this is finite under every transform."""


def check_move(
    store: ParamStore,
    grads: Mapping[str, Tensor],
    moved: Mapping[str, Tensor],
    loss: float,
    step: int,
    optim: Optimizer,
) -> None:
    """Look at a step before it is taken.

    Args:
        store: with the parameters as they are.
        grads: of the loss, by name.
        moved: unconstrained values that the step would lead to.
        loss, step, optim: to be told of.

    Raises:
        InferenceError: a parameter would leave its range, or be no finite number.
    """
    for name, grad in grads.items():
        value = moved[name]
        largest = abs(value.item()) if value.dim() == 0 else value.abs().max().item()
        if largest < SAFE:
            continue
        seen = store.constrain(name, value)
        if bool(torch.isfinite(seen).all()) and bool(store.constraint(name).check(seen).all()):
            continue
        if not bool(torch.isfinite(grad).all()):
            cause = f"the gradient of parameter {name!r} is not finite"
        else:
            cause = f"the step would take parameter {name!r} to {worst(seen):g}"
        raise InferenceError(
            f"step {step + 1}: the loss is {loss:g}, but {cause}. Nothing was moved. A smaller "
            f"learning rate (now {optim.settings(name)['lr']:g}), or a model without "
            f"steps that have no derivative (a square root at 0, a division by 0), mends it.",
            step=step,
            site=name,
            cause=cause,
        )


def check_memory(states: Mapping[str, tuple[Any, ...]], step: int) -> None:
    """Look at what an optimiser remembers, by parameter.

    Raises:
        InferenceError: an overflow, which would freeze a parameter for good.
    """
    for name, state in states.items():
        for part in state:
            if isinstance(part, Tensor) and not bool(torch.isfinite(part).all()):
                cause = f"a gradient of parameter {name!r} was too steep for the optimiser"
                raise InferenceError(
                    f"step {step + 1}: {cause}, whose memory overflowed. Clip it "
                    f"(clip_args), or rescale the model.",
                    step=step,
                    site=name,
                    cause=cause,
                )


def not_finite(
    loss: float,
    step: int,
    optim: Optimizer,
    store: ParamStore,
    model: Program,
    guide: Program,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> InferenceError:
    """The error of a step whose loss is not finite: it names the first parameter or site so."""
    site, cause = first_culprit(store, model, guide, args, kwargs)
    fastest = max((optim.settings(name)["lr"] for name in store), default=0.0)
    return InferenceError(
        f"step {step + 1}: the loss is {loss}, because {cause}. A smaller learning rate "
        f"(now {fastest:g}) or a better starting value usually mends it.",
        step=step,
        site=site,
        cause=cause,
    )


def first_culprit(
    store: ParamStore, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[str, str]:
    """The parameter or site where a run first stops being finite, and what is wrong there."""
    with store, validation(False), torch.no_grad():
        for name, value in store.items():
            inside = store.constraint(name).check(value) & torch.isfinite(value)
            if not bool(inside.all()):
                return name, f"parameter {name!r} has left its range: it is {worst(value):g}"
        steepest, found = 0.0, ("", "its gradient estimate is so noisy that it overflowed")
        for _ in range(TRIES):  # other draws than that of the step, which may be milder
            with trace() as guide_sites:
                guide(*args, **kwargs)
            with trace() as model_sites, replay(trace=guide_sites):
                model(*args, **kwargs)
            for sites, who in ((guide_sites, "guide"), (model_sites, "model")):
                for site in sites.samples():
                    total = log_prob_of(site).sum().item()
                    if abs(total) <= steepest:
                        continue
                    steepest = abs(total)
                    cause = (
                        f"the {who}'s log probability of site {site.name!r} is {total:g} at "
                        f"{_shown(site.value)} under {_described(site.fn)}"
                    )
                    found = site.name, cause
                    if not math.isfinite(total):
                        return found
    return found


def worst(value: Tensor) -> float:
    """A value to show: one that is not finite, else the largest."""
    flat = value.flatten()
    return flat[int(flat.abs().nan_to_num(math.inf).argmax())].item()


def _shown(value: Any) -> str:
    if isinstance(value, Tensor) and value.numel() != 1:
        return f"a value of shape {tuple(value.shape)}"
    return f"{float(value):g}"


def _described(fn: Any) -> str:
    """A distribution with its parameters, where they are single numbers."""
    parts = []
    for name in getattr(fn, "arg_constraints", {}):
        value = getattr(fn, name, None)
        if isinstance(value, Tensor) and value.numel() == 1:
            parts.append(f"{name}={value.item():g}")
    return f"{type(fn).__name__}({', '.join(parts)})"
