"""Where a guide starts: functions from a site of the model to a value of it.

Each is a strategy, `AutoNormal(model, init_loc_fn=init_to_mean)`, and each can be given settings,
`init_to_uniform(radius=0.1)`. A strategy of your own is any function of a site that returns a
constrained value, batch_shape + event_shape of `site.fn`; it may hand a site on to one of these.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch import distributions as torch_distributions

from ...distributions import MaskedDistribution, transform_to
from ...effects import Forward, Handler, Site
from ...errors import GuideError, ShapeError
from ...plates import Subsample
from ...primitives import data_for
from .latent import free_transform

Strategy = Callable[[Site], Any]


def init_to_feasible(site: Site | None = None) -> Any:
    """Start where all unconstrained coordinates are zero, whatever the prior."""
    if site is None:
        return init_to_feasible
    return transform_to(site.fn.support)(torch.zeros_like(_unconstrained_draw(site)))


def init_to_sample(site: Site | None = None) -> Any:
    """Start from a draw of the prior."""
    return init_to_sample if site is None else site.fn.sample()


def init_to_median(
    site: Site | None = None, num_samples: int = 15, *, fallback: Strategy | None = init_to_feasible
) -> Any:
    """Start from the median of prior draws, or from `fallback` where there is none.

    Args:
        site: of the model; without it, the strategy with these settings is returned.
        num_samples: draws to take the median of.
        fallback: for sites of several coordinates, whose median need not be an outcome.
    """
    if site is None:
        return partial(init_to_median, num_samples=num_samples, fallback=fallback)
    if not any(size > 1 for size in bare(site.fn).event_shape):
        try:
            value = site.fn.sample((num_samples,)).median(dim=0).values
        except (NotImplementedError, RuntimeError, ValueError):
            return _fall_back(site, fallback)
        if _is_inside(site, value):
            return value
    return _fall_back(site, fallback)


def init_to_mean(site: Site | None = None, *, fallback: Strategy | None = init_to_median) -> Any:
    """Start from the prior's mean, or from `fallback` where it has none that is finite."""
    if site is None:
        return partial(init_to_mean, fallback=fallback)
    try:
        value = site.fn.mean.detach()
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        return _fall_back(site, fallback)
    return value if _is_inside(site, value) else _fall_back(site, fallback)


def init_to_uniform(site: Site | None = None, radius: float = 2.0) -> Any:
    """Start anywhere in (-radius, radius) of each unconstrained coordinate."""
    if site is None:
        return partial(init_to_uniform, radius=radius)
    free = torch.rand_like(_unconstrained_draw(site)) * (2 * radius) - radius
    return transform_to(site.fn.support)(free)


def init_to_value(
    site: Site | None = None,
    values: Mapping[str, Any] | None = None,
    *,
    fallback: Strategy | None = init_to_uniform,
) -> Any:
    """Start from given values, or from `fallback` for sites that have none.

    Args:
        site: of the model; without it, the strategy with these settings is returned.
        values: site name -> constrained value (number, array or tensor).
        fallback: strategy for the other sites; None makes them an error.
    """
    if site is None:
        return partial(init_to_value, values=values, fallback=fallback)
    given = (values or {}).get(site.name)
    return _fall_back(site, fallback) if given is None else data_for(site.fn, given)


def init_to_generated(
    site: Site | None = None, generate: Callable[[], Strategy] = lambda: init_to_uniform
) -> Any:
    """Start from a strategy that `generate()` returns anew for each run of the model.

    Args:
        site: of the model; without it, the strategy with these settings is returned.
        generate: a function without arguments that returns a strategy, such as
            `init_to_value(values={...})` with other values each time.
    """
    strategy = _Generated(generate)
    return strategy if site is None else strategy(site)


class _Generated:
    """Remembers which sites it has met: one that comes again begins another run."""

    def __init__(self, generate: Callable[[], Strategy]):
        self.generate, self.met = generate, set()
        self.strategy: Strategy | None = None

    def __call__(self, site: Site) -> Any:
        if self.strategy is None or site.name in self.met:
            self.strategy, self.met = self.generate(), set()
        self.met.add(site.name)
        return self.strategy(site)


class InitMessenger(Handler):
    """Run a model from a strategy instead of its prior.

    Args:
        init_fn: from a latent site to its value.

    Raises:
        GuideError: a strategy has no value for a site.
        ShapeError: its value has another shape than the site.
    """

    def __new__(cls, *settings: Any, **named: Any) -> Any:
        return object.__new__(cls)  # the one argument is a strategy, not a model to wrap

    def __init__(self, init_fn: Strategy):
        self.init_fn = init_fn

    def handle(self, site: Site, forward: Forward) -> Site:
        """Settle each latent site at its starting value."""
        if site.kind == "sample" and site.value is None and not isinstance(site.fn, Subsample):
            site = site.replace(value=self._start(site), set_by="init")
        return forward(site)

    def _start(self, site: Site) -> Tensor:
        with torch.no_grad():
            try:
                value = data_for(site.fn, self.init_fn(site)).detach()
            except NotImplementedError:
                free_transform(site)  # says why, if it is the support
                raise
        wanted = site.fn.batch_shape + site.fn.event_shape
        if value.shape == wanted:
            return value
        try:
            return value.expand(wanted).clone()
        except RuntimeError:
            raise ShapeError(
                f"the starting value of site {site.name!r} has shape {tuple(value.shape)}, but the "
                f"site has shape {tuple(wanted)} (batch {tuple(site.fn.batch_shape)}, event "
                f"{tuple(site.fn.event_shape)})"
            ) from None


def _unconstrained_draw(site: Site) -> Tensor:
    """Unconstrained coordinates of the right shape, whatever their values."""
    transform = transform_to(site.fn.support)
    try:
        return transform.inv(site.fn.sample())
    except NotImplementedError:  # an improper prior: nothing to draw from
        return torch.zeros(transform.inverse_shape(site.fn.batch_shape + site.fn.event_shape))


def bare(fn: Any) -> Any:
    """The distribution under `to_event` and `mask`."""
    while isinstance(fn, torch_distributions.Independent | MaskedDistribution):
        fn = fn.base_dist
    return fn


def _is_inside(site: Site, value: Tensor) -> bool:
    return bool(torch.isfinite(value).all()) and bool(site.fn.support.check(value).all())


def _fall_back(site: Site, fallback: Strategy | None) -> Any:
    if fallback is None:
        raise GuideError(
            f"no starting value for site {site.name!r}. Give it one, init_to_value(values="
            f"{{{site.name!r}: ...}}), or give the strategy a fallback, such as "
            f"fallback=init_to_feasible."
        )
    return fallback(site)
