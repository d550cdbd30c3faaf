"""Distributions that put their mass on given points: one (Delta), or many (Empirical)."""

import math
from typing import Any, ClassVar

import torch
from torch import Size, Tensor

from ..values import as_real, as_value
from . import constraints
from .adopted import Categorical
from .distribution import Distribution


class Delta(Distribution):
    """All mass on one value.

    Args:
        v: the value; its rightmost event_dim dimensions are one outcome.
        log_density: log density at v in nats, batch_shape; 0 for a point mass.
        event_dim: number of event dimensions of v.
    """

    has_rsample = True  # pyright: ignore
    arg_constraints: ClassVar[dict[str, Any]] = {  # pyright: ignore
        "v": constraints.dependent,
        "log_density": constraints.real,
    }

    def __init__(self, v: Any, log_density: Any = 0.0, event_dim: int = 0):
        self.v = as_value(v)
        if event_dim > self.v.dim():
            raise ValueError(f"Delta: event_dim={event_dim}, but v has {self.v.dim()} dimensions")
        split = self.v.dim() - event_dim
        batch_shape, event_shape = self.v.shape[:split], self.v.shape[split:]
        if not isinstance(log_density, int | float):
            log_density = as_real(log_density).expand(batch_shape)
        self._log_density = log_density
        super().__init__(batch_shape, event_shape, validate_args=False)

    @property
    def log_density(self) -> Tensor:
        """Log density at the value in nats, batch_shape."""
        given = self._log_density
        if not isinstance(given, Tensor):
            return torch.full(self.batch_shape, float(given), device=self.v.device)
        return given.expand(self.batch_shape)

    @property
    def support(self) -> Any:
        """The space around the value, so that a guide's Delta may stand for a latent site."""
        return constraints.independent(constraints.real, self.event_dim)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Delta":
        """The value repeated to batch_shape."""
        shape = Size(batch_shape)
        given = self._log_density
        given = given.expand(shape) if isinstance(given, Tensor) else given
        return Delta(self.v.expand(shape + self.event_shape), given, self.event_dim)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        """The value, repeated to sample_shape + batch_shape + event_shape."""
        return self.v.expand(self.shape(sample_shape)) if sample_shape else self.v

    def log_prob(self, value: Any) -> Tensor:
        """log_density where value equals v, minus infinity elsewhere."""
        if value is self.v:
            return self.log_density
        same = as_value(value) == self.v
        if self.event_dim:
            same = same.flatten(-self.event_dim).all(-1)
        return torch.where(same, 0.0, -math.inf) + self.log_density

    @property
    def mean(self) -> Tensor:
        """The value."""
        return self.v

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.v)


class Empirical(Distribution):
    """Mass on given draws, in proportion to their weights: a posterior as a bag of samples.

    Args:
        samples: the draws, batch_shape + (number of draws,) + event_shape.
        log_weights: log weight of each draw, batch_shape + (number of draws,), up to a constant;
            by default the leftmost dimension of `samples` counts the draws, all equally likely.

    Raises:
        ValueError: log_weights does not have the leftmost shape of samples.

    >>> dist = Empirical([1.0, 2.0, 2.0, 4.0])
    >>> dist.mean, dist.log_prob(2.0).exp()
    (tensor(2.2500), tensor(0.5000))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}  # pyright: ignore

    def __init__(self, samples: Any, log_weights: Any = None, validate_args: bool | None = None):
        samples = as_value(samples)
        if samples.dim() == 0:
            raise ValueError("Empirical: samples has no dimension that counts the draws")
        weights = samples.new_zeros(len(samples)) if log_weights is None else as_value(log_weights)
        weights = as_real(weights)
        dims = weights.dim()
        if not dims or samples.shape[:dims] != weights.shape:
            raise ValueError(
                f"Empirical: log_weights of shape {tuple(weights.shape)} must have the leftmost "
                f"shape of samples, {tuple(samples.shape)}"
            )
        self._samples, self._chosen = samples, Categorical(logits=weights)
        super().__init__(weights.shape[:-1], samples.shape[dims:], validate_args=validate_args)

    @property
    def log_weights(self) -> Tensor:
        """Log probability of each draw in nats, (batch_shape of the draws) + (number,)."""
        return self._chosen.logits

    @property
    def sample_size(self) -> int:
        """Number of draws."""
        return self.log_weights.shape[-1]

    @property
    def support(self) -> Any:
        """The space around the draws."""
        return constraints.independent(constraints.real, self.event_dim)

    @property
    def has_enumerate_support(self) -> bool:
        """Whether all rows of the batch share one list of draws."""
        return self._samples.dim() == 1 + self.event_dim

    def get_samples_and_weights(self) -> tuple[Tensor, Tensor]:
        """The draws and their log weights."""
        return self._samples, self.log_weights

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Empirical":
        """The same draws for every row of batch_shape."""
        return self._repeated(batch_shape, "_chosen")

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """Draws chosen with replacement, sample_shape + batch_shape + event_shape."""
        row = self._chosen.sample(Size(sample_shape))
        dim, last = row.dim(), (1,) * (1 + self.event_dim)
        rows = row.reshape(row.shape + last).expand(*row.shape, 1, *self.event_shape)
        draws = self._samples.expand(row.shape + self._samples.shape[-1 - self.event_dim :])
        return draws.gather(dim, rows).squeeze(dim)

    def log_prob(self, value: Any) -> Tensor:
        """Log of the mass of all draws that equal value, in nats; minus infinity for none."""
        same = as_value(value).unsqueeze(-1 - self.event_dim) == self._samples
        if self.event_dim:
            same = same.flatten(-self.event_dim).all(-1)
        return torch.where(same, self.log_weights, -math.inf).logsumexp(-1)

    def _average(self, values: Tensor) -> Tensor:
        weights = self.log_weights.exp()
        weights = weights.reshape(weights.shape + (1,) * self.event_dim)
        return (weights * values).sum(-1 - self.event_dim)

    @property
    def mean(self) -> Tensor:
        """Weighted average of the draws, batch_shape + event_shape."""
        return self._average(self._samples)

    @property
    def variance(self) -> Tensor:
        """Weighted average square distance from the mean, batch_shape + event_shape."""
        return self._average((self._samples - self.mean.unsqueeze(-1 - self.event_dim)) ** 2)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The different draws, each once, as a new leftmost dimension."""
        if not self.has_enumerate_support:
            raise NotImplementedError(
                "Empirical: each row of the batch has its own draws, so that there is no list of "
                "outcomes for all of them. Enumerate one Empirical for each row."
            )
        draws = self._samples.unique(dim=0)
        draws = draws.reshape(draws.shape[:1] + (1,) * len(self.batch_shape) + self.event_shape)
        return draws.expand(draws.shape[:1] + self.shape()) if expand else draws
