"""Joint normal guides: diagonal, full, and low-rank covariance of the unconstrained coordinates."""

import math
from typing import Any

import torch
from torch import Size, Tensor

from ...distributions import LowRankMultivariateNormal, MultivariateNormal, Normal, constraints
from .continuous import AutoContinuous
from .guide import First, Model
from .initialization import Strategy, init_to_median
from .normal import positive_scale

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class _Gaussian(AutoContinuous):
    """What the three share: a mean, a starting scale, normal marginals.

    Args:
        model: the conditioned program.
        init_loc_fn: where the medians start.
        init_scale: standard deviation of each unconstrained coordinate at the start.
        create_plates: as in AutoGuide.
    """

    scale_constraint = constraints.softplus_positive

    def __init__(
        self,
        model: Model,
        init_loc_fn: Strategy | None = init_to_median,
        init_scale: float = 0.1,
        *,
        create_plates: Any = None,
    ):
        super().__init__(model, init_loc_fn, create_plates=create_plates)
        self._init_scale = positive_scale(init_scale)

    def _first_values(self) -> dict[str, First]:
        loc = self._init_loc()
        scale = torch.full_like(loc, self._init_scale)
        return {"loc": First(loc), "scale": First(scale, self.scale_constraint)}

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each coordinate by itself, (latent_dim,) each."""
        return self._value("loc"), self._value("scale")

    def _marginal_quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        loc, scale = self._loc_scale(*args, **kwargs)
        return loc + scale * torch.special.ndtri(levels.to(loc)).unsqueeze(-1)


class AutoDiagonalNormal(_Gaussian):
    """Mean field as one vector: "AutoDiagonalNormal.loc" and ".scale", (latent_dim,) each.

    The same family as AutoNormal, in one draw instead of one for each site.

    >>> import ppl_core as ppl
    >>> guide = AutoDiagonalNormal(lambda: ppl.sample("kg", Normal(8.5, 1.0)))
    >>> guide.median()["kg"].shape, guide.scale
    (torch.Size([]), tensor([0.1000]))
    """

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """Independent normals, event_shape (latent_dim,)."""
        return Normal(self._param("loc"), self._param("scale")).to_event(1)


class AutoMultivariateNormal(_Gaussian):
    """A normal with any covariance: exact wherever the posterior is normal.

    Parameters: ".loc" and ".scale", (latent_dim,), and ".scale_tril", (latent_dim, latent_dim),
    lower triangular with a unit diagonal; the Cholesky factor is scale times scale_tril, row by
    row. The guide knows correlations that mean field cannot.
    """

    scale_tril_constraint = constraints.unit_lower_cholesky

    def _first_values(self) -> dict[str, First]:
        first = super()._first_values()
        loc = first["loc"].value
        tril = torch.eye(len(loc), dtype=loc.dtype, device=loc.device)
        return {**first, "scale_tril": First(tril, self.scale_tril_constraint)}

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The joint normal, event_shape (latent_dim,)."""
        loc, scale = self._param("loc"), self._param("scale")
        return NoisedNormal(loc, scale_tril=scale.unsqueeze(-1) * self._param("scale_tril"))

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return self._value("loc"), self._value("scale") * self._value("scale_tril").norm(dim=-1)


class NoisedNormal(MultivariateNormal):
    """A MultivariateNormal that scores its own draws from their noise, with no system to solve."""

    reparameterised = True

    def standard_noise(self, sample_shape: Any = Size()) -> Tensor:
        """Standard normal noise for one draw, sample_shape + batch_shape + event_shape."""
        shape = self._extended_shape(Size(sample_shape))
        return torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The draw that a standard noise stands for: loc + scale_tril @ noise."""
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob_of_noise(self, noise: Tensor) -> Tensor:
        """`log_prob(from_noise(noise))` in nats, batch_shape; same total derivative."""
        log_volume = self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        log_noise = -0.5 * (noise * noise).sum(-1) - noise.shape[-1] * HALF_LOG_2PI
        return log_noise - log_volume


class AutoLowRankMultivariateNormal(_Gaussian):
    """A normal with some correlations: its covariance is diagonal plus a product of low rank.

    Parameters: ".loc" and ".scale", (latent_dim,), and ".cov_factor", (latent_dim, rank); the
    covariance is D (I + F F') D with D = diag(scale) and F = cov_factor. It costs latent_dim * rank
    numbers where AutoMultivariateNormal costs latent_dim ** 2.

    Args:
        model: the conditioned program.
        init_loc_fn: where the medians start.
        init_scale: standard deviation of each unconstrained coordinate at the start, about.
        rank: of the factor; the square root of latent_dim by default.
        create_plates: as in AutoGuide.
    """

    def __init__(
        self,
        model: Model,
        init_loc_fn: Strategy | None = init_to_median,
        init_scale: float = 0.1,
        rank: int | None = None,
        *,
        create_plates: Any = None,
    ):
        super().__init__(model, init_loc_fn, init_scale, create_plates=create_plates)
        if rank is not None and (not isinstance(rank, int) or rank < 1):
            raise ValueError(f"rank: a whole number > 0 is needed, got {rank!r}")
        self.rank = rank

    def _first_values(self) -> dict[str, First]:
        first = super()._first_values()
        loc, scale = first["loc"].value, first["scale"]
        rank = self.rank = self.rank or round(self.latent_dim**0.5)
        factor = torch.randn(len(loc), rank, dtype=loc.dtype, device=loc.device) / rank**0.5
        scale = scale._replace(value=scale.value * 0.5**0.5)
        return {**first, "scale": scale, "cov_factor": First(factor)}

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The joint normal, event_shape (latent_dim,)."""
        loc, scale = self._param("loc"), self._param("scale")
        factor = scale.unsqueeze(-1) * self._param("cov_factor")
        return LowRankMultivariateNormal(loc, factor, scale * scale)

    def _loc_scale(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        spread = (1 + self._value("cov_factor").square().sum(-1)).sqrt()
        return self._value("loc"), self._value("scale") * spread
