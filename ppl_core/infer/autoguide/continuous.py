"""AutoContinuous: one distribution over all unconstrained coordinates, laid end to end."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ...distributions import Delta
from ...errors import GuideError, ShapeError
from ...handlers import Trace
from ...plates import subsample
from ...primitives import sample
from .guide import AutoGuide, Model, Plates, inside
from .initialization import Strategy, init_to_median
from .latent import Latent
from .normal import AUXILIARY


class AutoContinuous(AutoGuide):
    """A joint guide: one draw "_AutoX_latent" of all coordinates, cut up into the latent sites.

    A subclass gives `get_posterior`, the distribution of that draw, and `_first_values`. Under a
    subsampling plate the vector holds every row, and each run uses the chosen ones.

    Args:
        model: the conditioned program; its latent sites are continuous and always the same.
        init_loc_fn: where the medians start.
        create_plates: as in AutoGuide.

    Attributes:
        latent_dim: number of unconstrained coordinates, known after the first call.

    Source: Kucukelbir et al. 2017, Automatic differentiation variational inference.
    """

    def __init__(
        self,
        model: Model,
        init_loc_fn: Strategy | None = init_to_median,
        *,
        create_plates: Any = None,
    ):
        super().__init__(model, create_plates=create_plates, init_loc_fn=init_loc_fn)

    @property
    def latent_dim(self) -> int:
        """Number of unconstrained coordinates, known after the first call."""
        return sum(latent.size for latent in self._latents.values())

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The distribution over unconstrained coordinates, event_shape (latent_dim,)."""
        raise TypeError(f"{type(self).__name__} is no guide by itself: use AutoDiagonalNormal")

    def sample_latent(self, *args: Any, **kwargs: Any) -> Tensor:
        """Draw the unconstrained coordinates, (latent_dim,)."""
        posterior = self.get_posterior(*args, **kwargs)
        return sample(f"_{self.prefix}_latent", posterior, infer=AUXILIARY)

    def _learn(self, sites: Trace) -> None:
        if not sites:
            raise GuideError(
                f"{type(self).__name__}: the model has no latent site to draw. Give SVI an empty "
                f"guide, `def guide(*args): pass`, or look at what is observed or blocked."
            )
        super()._learn(sites)

    def _init_loc(self) -> Tensor:
        """Where the coordinates start, (latent_dim,)."""
        return torch.cat([latent.free_start.reshape(-1) for latent in self._latents.values()])

    def _unpack_latent(self, vector: Tensor) -> Iterator[tuple[Latent, Tensor]]:
        """Each latent site with its coordinates in site's shape; rows of outer plates stay left."""
        outer = vector.shape[:-1]
        sizes = [latent.size for latent in self._latents.values()]
        for latent, part in zip(self._latents.values(), vector.split(sizes, -1), strict=True):
            shape = latent.free_start.shape
            if outer:
                shape = torch.broadcast_shapes(shape, (*outer, *[1] * latent.free_event_dim))
            yield latent, part.reshape(shape)

    def _draw(self, plates: Plates, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        values = {}
        for latent, coordinates in self._unpack_latent(self.sample_latent(*args, **kwargs)):
            with inside(plates, latent.plates):
                if latent.plates:
                    coordinates = subsample(coordinates, latent.free_event_dim)
                value, log_density = latent.constrain(coordinates)
                fn = Delta(value, log_density, latent.event_dim)
                values[latent.name] = sample(latent.name, fn)
        return values

    def _marginal_quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Quantiles of each coordinate by itself, (number of levels, latent_dim)."""
        raise GuideError(f"{type(self).__name__} has no quantiles: draw from it instead")

    def _quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        vectors = self._marginal_quantiles(torch.cat([levels, 1 - levels]), *args, **kwargs)
        draws = [dict(self._constrained(vector)) for vector in vectors]
        rising, falling = draws[: len(levels)], draws[len(levels) :]
        return {
            name: torch.stack([values[name] for values in (rising if latent.rises else falling)])
            for name, latent in self._latents.items()
        }

    def _constrained(self, vector: Tensor) -> dict[str, Tensor]:
        return {latent.name: latent.values(part) for latent, part in self._unpack_latent(vector)}

    def _as_drawn(self, values: Mapping[str, Any]) -> dict[str, Any]:
        parts = []
        for name, latent in self._latents.items():
            value = torch.as_tensor(values[name])
            if value.shape != latent.start.shape:
                raise ShapeError(
                    f"log_density: the value of site {name!r} has shape {tuple(value.shape)}, but "
                    f"{type(self).__name__} draws all rows at once: {tuple(latent.start.shape)}"
                )
            parts.append(latent.free(value).reshape(-1))
        rows = {name: values[name] for name in self._rows if name in values}
        return rows | {f"_{self.prefix}_latent": torch.cat(parts)}
