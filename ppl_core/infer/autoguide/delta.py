"""AutoDelta: all mass on one point, which is learned."""

from typing import Any

from torch import Tensor

from ...distributions import Delta
from ...primitives import sample
from .guide import AutoGuide, First, Model, Plates, inside
from .initialization import Strategy, init_to_median


class AutoDelta(AutoGuide):
    """A point estimate: each latent site has one value, "AutoDelta.site", under its own support.

    Training climbs to the maximum of the joint density over the constrained values (MAP).

    Args:
        model: the conditioned program.
        init_loc_fn: where the values start.
        create_plates: as in AutoGuide.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Gamma
    >>> guide = AutoDelta(lambda: ppl.sample("rate", Gamma(2.0, 1.0)))
    >>> sorted(guide()), guide.rate.requires_grad
    (['rate'], True)
    """

    def __init__(
        self,
        model: Model,
        init_loc_fn: Strategy = init_to_median,
        *,
        create_plates: Any = None,
    ):
        super().__init__(model, create_plates=create_plates, init_loc_fn=init_loc_fn)

    def _first_values(self) -> dict[str, First]:
        return {
            name: First(latent.start, latent.support, latent.event_dim)
            for name, latent in self._latents.items()
        }

    def _draw(self, plates: Plates, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        values = {}
        for name, latent in self._latents.items():
            with inside(plates, latent.plates):
                fn = Delta(self._param(name), event_dim=latent.event_dim)
                values[name] = sample(name, fn)
        return values

    def _quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        values = {name: self._value(name) for name in self._latents}
        return {name: v.expand(len(levels), *v.shape).clone() for name, v in values.items()}
