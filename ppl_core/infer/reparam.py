"""Strategies for `handlers.reparam`: write a site in terms of others that are easier to infer."""

from collections.abc import Sequence
from typing import Any

import torch

from ..distributions import Delta, constraints
from ..effects import Forward, Site
from ..errors import ModelError


class LocScaleReparam:
    """Decentre a location-scale site: draw `name_decentered`, and compute the site from it.

    With centredness c, the auxiliary site has location c * loc and scale scale ** c: c = 1 leaves
    the site as it is, c = 0 draws from the standard distribution (Gorinova, Moore & Hoffman 2020).

    Args:
        centered: c in [0, 1], a number or tensor; None makes it a learnable parameter
            `name_centered`, 0.5 at first.
        shape_params: further parameters to copy, such as `["df"]` for StudentT.
    """

    def __init__(self, centered: Any = None, shape_params: Sequence[str] = ()):
        if isinstance(centered, float | int) and not 0 <= centered <= 1:
            raise ValueError(f"LocScaleReparam: centered is in [0, 1], got {centered}")
        self.centered, self.shape_params = centered, shape_params

    def apply(self, site: Site, forward: Forward) -> Site:
        """The site as a function of its decentred twin."""
        fn, dims = site.fn, 0
        while hasattr(fn, "reinterpreted_batch_ndims"):
            dims += fn.reinterpreted_batch_ndims
            fn = fn.base_dist
        if not (hasattr(fn, "loc") and hasattr(fn, "scale")):
            raise ModelError(
                f"LocScaleReparam: site {site.name!r} is {type(fn).__name__}, which has no loc and "
                f"scale"
            )
        centered = self.centered
        if centered is None:
            start = fn.loc.new_full(site.fn.event_shape, 0.5)
            name = f"{site.name}_centered"
            interval = constraints.unit_interval
            centered = forward(Site("param", name, start, constraint=interval)).value
        shape = {name: getattr(fn, name) for name in self.shape_params}
        twin = type(fn)(loc=fn.loc * centered, scale=fn.scale**centered, **shape).to_event(dims)
        drawn = forward(site.replace(name=f"{site.name}_decentered", fn=twin)).value
        value = fn.loc + fn.scale ** (1 - centered) * (drawn - fn.loc * centered)
        return forward(computed(site, value))


class TransformReparam:
    """Draw `name_base` from the base of a TransformedDistribution, and transform it."""

    def apply(self, site: Site, forward: Forward) -> Site:
        """The site as a function of its base."""
        fn = site.fn
        while hasattr(fn, "reinterpreted_batch_ndims"):
            fn = fn.base_dist
        if not isinstance(fn, torch.distributions.TransformedDistribution):
            raise ModelError(
                f"TransformReparam: site {site.name!r} is {type(fn).__name__}, which is not a "
                f"TransformedDistribution"
            )
        base: Any = fn.base_dist
        event = len(site.fn.event_shape)
        if not hasattr(base, "to_event"):
            base = _adopted(base)
        extra = event - len(base.event_shape)
        base = base.expand(site.fn.batch_shape + site.fn.event_shape[:extra]).to_event(extra)
        value = forward(site.replace(name=f"{site.name}_base", fn=base)).value
        for transform in fn.transforms:
            value = transform(value)
        return forward(computed(site, value))


def _adopted(fn: torch.distributions.Distribution) -> Any:
    """One of torch's own distributions as one of ours."""
    from .. import distributions

    return getattr(distributions, type(fn).__name__)(
        **{name: getattr(fn, name) for name in ("loc", "scale") if hasattr(fn, name)}
    )


def computed(site: Site, value: Any) -> Site:
    """A latent site turned into a computed one: it has this value and adds nothing."""
    return site.replace(
        fn=Delta(value, event_dim=len(site.fn.event_shape)).mask(False),
        value=value,
        observed=True,
        set_by="reparam",
        infer={**site.infer, "_deterministic": True},
    )
