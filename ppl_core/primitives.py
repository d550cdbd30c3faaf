"""The statements of a probabilistic program: sample, param, deterministic, factor.

Each builds a `Site` and sends it through the handlers. What a statement does when no handler
answers is written here too: a `sample` is drawn, a `param` is looked up in the current store.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .distributions import (
    Delta,
    Unit,
    constraints,
    draws_from_noise,
)
from .effects import Site, emit, meaning
from .errors import ModelError
from .params import get_param_store
from .values import as_real, as_value, validation_enabled

_NO_WISHES: Mapping[str, Any] = {}


def sample(
    name: str,
    fn: Any,
    *args: Any,
    obs: Any = None,
    obs_mask: Tensor | None = None,
    infer: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw a named value, or score the one that was observed.

    Args:
        name: unique within one run of the program.
        fn: a distribution, or a function whose draw is called with the remaining arguments.
        obs: the observed value, a number, array or tensor of shape batch_shape + event_shape.
        obs_mask: where `obs` is known (booleans, batch_shape); elsewhere the value is drawn, at the
            site `name_unobserved`.
        infer: wishes to the inference algorithm, such as `{"enumerate": "parallel"}`.

    Returns:
        The value, batch_shape + event_shape of `fn`.

    Raises:
        ModelError: `fn` is not a distribution, or the name is not a text.

    >>> from ppl_core.distributions import Normal
    >>> sample("weight", Normal(8.5, 1.0), obs=9.5)
    tensor(9.5000)
    """
    if obs_mask is not None:
        return _partly_observed(name, fn, obs, as_value(obs_mask), infer)
    site = Site("sample", name, fn, infer=infer or _NO_WISHES)
    if args or kwargs:
        site = site.replace(fn=fn(*args, **kwargs))
    if validation_enabled():
        site = _checked(site)
    if obs is not None:
        site = site.replace(value=given_value(site, obs, "obs"), observed=True, set_by="obs")
    site = emit(site)
    return site.value if site.intervened is None else site.intervened


def _partly_observed(
    name: str, fn: Any, obs: Any, known: Tensor, infer: Mapping[str, Any] | None
) -> Tensor:
    """Two sites of one distribution, each counted in its own rows, and what they make together."""
    if obs is None:
        raise ModelError(
            f"sample site {name!r}: obs_mask says where obs is known, but obs is missing"
        )
    wishes = infer or _NO_WISHES
    seen = Site("sample", f"{name}_observed", fn, mask=known, infer=wishes)
    seen = emit(seen.replace(value=given_value(seen, obs, "obs"), observed=True, set_by="obs"))
    chosen = known.reshape(known.shape + (1,) * len(fn.event_shape))
    idle = {**wishes, "_idle": chosen}  # entries that nothing depends on
    drawn = emit(Site("sample", f"{name}_unobserved", fn, mask=~known, infer=idle))
    value = torch.where(chosen, seen.value, drawn.value)
    return deterministic(name, value, event_dim=len(fn.event_shape))


def param(
    name: str,
    init: Any = None,
    constraint: Any = constraints.real,
    event_dim: int | None = None,
) -> Tensor:
    """A learnable value: made from `init` at its first statement, remembered ever after.

    Args:
        name: key in the parameter store.
        init: a number, array or tensor, or a function that returns one; used once.
        constraint: where the value may live, e.g. `constraints.positive`.
        event_dim: rightmost dimensions that a subsampling plate leaves whole; default all.

    Returns:
        The constrained value, attached to its unconstrained leaf for gradients.

    Raises:
        ParamError: no value yet and no usable `init`.
    """
    where = _where() if validation_enabled() else ""
    return emit(
        Site("param", name, init, constraint=constraint, event_dim=event_dim, where=where)
    ).value


def deterministic(name: str, value: Any, event_dim: int | None = None) -> Tensor:
    """Record a computed value under a name; it adds nothing to the log joint.

    Args:
        name: unique within one run.
        value: number, array or tensor; its rightmost `event_dim` dimensions (default all) are one
            outcome.
    """
    value = as_value(value)
    dims = value.dim() if event_dim is None else event_dim
    fn = Delta(value, event_dim=dims).mask(False)
    return sample(name, fn, obs=value, infer={"_deterministic": True})


def factor(name: str, log_factor: Any, *, has_rsample: bool | None = None) -> None:
    """Add a log factor in nats, batch_shape, to the log joint."""
    unit = Unit(log_factor, has_rsample=has_rsample)
    sample(name, unit, obs=unit.sample(), infer={"is_auxiliary": True})


@meaning("sample")
def _draw(site: Site) -> Site:
    if site.value is not None:
        return site
    fn = site.fn
    if draws_from_noise(fn):
        noise = fn.standard_noise()
        return site.replace(value=fn.from_noise(noise), noise=noise)
    if getattr(fn, "has_rsample", False):
        return site.replace(value=fn.rsample())
    return site.replace(value=fn() if callable(fn) else fn.sample())


@meaning("param")
def _look_up(site: Site) -> Site:
    if site.value is not None:
        return site
    value = get_param_store().setdefault(site.name, site.fn, site.constraint, site.where)
    return site.replace(value=value)


def data_for(fn: Any, value: Any) -> Tensor:
    """A value given from outside, as a tensor that a site of distribution `fn` can score.

    Whole numbers and truth values become real for a real-valued site, and for a Bernoulli one.
    """
    value = as_value(value)
    if value.is_floating_point() or value.is_complex():
        return value
    support: Any = getattr(fn, "support", constraints.real)
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    whole = support.is_discrete and support is not constraints.boolean
    return value if whole else as_real(value)


def given_value(site: Site, value: Any, giver: str) -> Tensor:
    """`data_for` a site; an error names the site and who gave the value.

    Raises:
        ModelError: the value is no number, array or tensor.
    """
    try:
        return data_for(site.fn, value)
    except (TypeError, ValueError, RuntimeError) as error:
        at = f" at {site.where}" if site.where else ""
        raise ModelError(
            f"{giver}: the value for site {site.name!r}{at} must be a number, array or tensor, "
            f"got {value!r}"
        ) from error


def _checked(site: Site) -> Site:
    where = _where()
    if not isinstance(site.name, str):
        raise ModelError(
            f"sample at {where}: the first argument is the site's name, a text, got {site.name!r}"
        )
    if isinstance(site.fn, type):
        raise ModelError(
            f"sample site {site.name!r} at {where}: {site.fn.__name__} is a class; give it its "
            f"parameters, as in sample({site.name!r}, dist.{site.fn.__name__}(...))"
        )
    if not hasattr(site.fn, "log_prob"):
        raise ModelError(
            f"sample site {site.name!r} at {where}: a distribution is needed, such as "
            f"dist.Normal(0., 1.), got {type(site.fn).__name__} {site.fn!r}"
        )
    return site.replace(where=where)


def _where() -> str:
    """file:line of the statement that is being made, outside this package; or `cell [3]:2`."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    file = frame.f_code.co_filename
    return f"{_cell(file) or file.rpartition(os.sep)[2]}:{frame.f_lineno}"


def _cell(file: str) -> str:
    """The number of a notebook's cell, as it stands beside it; "" for any other file."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    label = shell and shell.compile.format_code_name(file)  # ("Cell", "In[3]")
    return f"cell {label[1].removeprefix('In')}" if label else ""
