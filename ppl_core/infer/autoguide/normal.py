"""AutoNormal: an independent normal for every unconstrained coordinate, site by site."""

from typing import Any

import torch
from torch import Tensor

from ...distributions import Delta, Normal, constraints
from ...primitives import sample
from .guide import AutoGuide, First, Model, Plates, inside
from .initialization import Strategy, init_to_feasible

AUXILIARY = {"is_auxiliary": True}
"""The wish of a helper site, which only the guide has."""


class AutoNormal(AutoGuide):
    """Mean field: every unconstrained coordinate is normal, and independent of the others.

    For each latent site the guide draws "site_unconstrained" and hands it on, transformed, as the
    site. Parameters: "AutoNormal.locs.site", "AutoNormal.scales.site", shaped as the unconstrained
    site with all its rows; a subsampling plate picks the rows of its turn.

    Args:
        model: the conditioned program.
        init_loc_fn: where the medians start.
        init_scale: standard deviation of each unconstrained coordinate at the start.
        create_plates: as in AutoGuide.

    Source: Kucukelbir et al. 2017, Automatic differentiation variational inference, sec. 2.4.

    >>> import ppl_core as ppl
    >>> guide = AutoNormal(lambda: ppl.sample("kg", Normal(8.5, 1.0)), init_scale=0.5)
    >>> guide.median()
    {'kg': tensor(0.)}
    >>> guide.scales.kg
    tensor(0.5000)
    """

    scale_constraint = constraints.softplus_positive

    def __init__(
        self,
        model: Model,
        *,
        init_loc_fn: Strategy = init_to_feasible,
        init_scale: float = 0.1,
        create_plates: Any = None,
    ):
        super().__init__(model, create_plates=create_plates, init_loc_fn=init_loc_fn)
        self._init_scale = positive_scale(init_scale)

    def _first_values(self) -> dict[str, First]:
        first = {}
        for name, latent in self._latents.items():
            start, dims = latent.free_start, latent.free_event_dim
            scale = torch.full_like(start, self._init_scale)
            first[f"locs.{name}"] = First(start, constraints.real, dims)
            first[f"scales.{name}"] = First(scale, self.scale_constraint, dims)
        return first

    def _draw(self, plates: Plates, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        values = {}
        for name, latent in self._latents.items():
            with inside(plates, latent.plates):
                fn = Normal(self._param(f"locs.{name}"), self._param(f"scales.{name}"))
                free = sample(
                    f"{name}_unconstrained", fn.to_event(latent.free_event_dim), infer=AUXILIARY
                )
                value, log_density = latent.constrain(free)
                values[name] = sample(name, Delta(value, log_density, latent.event_dim))
        return values

    def _quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        quantiles = {}
        for name, latent in self._latents.items():
            loc, scale = self._value(f"locs.{name}"), self._value(f"scales.{name}")
            along = levels.to(loc).reshape(-1, *[1] * loc.dim())
            level = along if latent.rises else 1 - along
            quantiles[name] = latent.values(loc + scale * torch.special.ndtri(level))
        return quantiles

    def _as_drawn(self, values: Any) -> dict[str, Any]:
        free = {
            f"{name}_unconstrained": latent.free(torch.as_tensor(values[name]))
            for name, latent in self._latents.items()
        }
        return {name: values[name] for name in self._rows if name in values} | free


def positive_scale(init_scale: float) -> float:
    """The starting standard deviation, checked."""
    if isinstance(init_scale, bool) or not isinstance(init_scale, int | float) or init_scale <= 0:
        raise ValueError(f"init_scale: a number > 0 is needed, got {init_scale!r}")
    return float(init_scale)
