"""Where a loss that is not finite comes from: the first parameter or site to blame."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..handlers import log_prob_of, replay, trace
from ..params import ParamStore
from ..values import validation

Program = Callable[..., Any]
TRIES = 20
"""Runs that look for it."""


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
