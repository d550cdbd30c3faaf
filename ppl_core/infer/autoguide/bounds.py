"""Supports that move: `Uniform(0., u)` with a latent u is another interval in each run.

A guide learns the support of each site once, so it must be able to tell.
"""

from typing import Any

import torch
from torch import Tensor

from ...distributions import transform_to
from ...effects import Handler, Site
from ...errors import GuideError
from ...handlers import Trace
from .initialization import InitMessenger


def bounds(support: Any) -> dict[str, Tensor]:
    """The numbers that a support is made with, such as the ends of an interval."""
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return {name: value for name, value in vars(support).items() if isinstance(value, Tensor)}


def near(sites: Trace) -> Handler:
    """A start of the model a little away from an earlier run."""

    def nudged(site: Site) -> Tensor:
        if site.name not in sites:
            return site.fn.sample()
        before = sites[site.name]
        free = transform_to(before.fn.support).inv(before.value)
        return transform_to(site.fn.support)(free + 0.1)

    return InitMessenger(nudged)


def check_bounds_stay(sites: Trace, again: Trace) -> None:
    """Compare the supports of two runs.

    Raises:
        GuideError: one has moved, so that no fixed transform reaches it.
    """
    for name, site in sites.items():
        for bound, value in bounds(site.fn.support).items():
            other = bounds(again[name].fn.support).get(bound) if name in again else value
            if other is None or not torch.equal(value, other):
                raise GuideError(
                    f"site {name!r}{site.where and ' at ' + site.where}: the {bound} of its "
                    f"support changes from run to run, with other latent sites or with the chosen "
                    f"rows, so a guide made from the first run would be wrong in the next. Draw a "
                    f"share of the range instead: share = sample('{name}_share', Uniform(0., 1.)) "
                    f"and then {name} = low + (high - low) * share"
                )
