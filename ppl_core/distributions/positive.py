"""What scales are drawn from, written out: the log-normal and the half-Cauchy distribution."""

import math
from typing import Any, Self

import torch
from torch import Size, Tensor
from torch import distributions as torch_distributions

from ..values import as_real
from .distribution import Distribution, broadcast_shape, over_rows
from .normal import Normal


class LogNormal(Distribution, torch_distributions.LogNormal):
    """Distribution of exp(z) for a normal z.

    Args:
        loc: mean of z; a number or tensor.
        scale: standard deviation of z, positive; a number or tensor.

    >>> LogNormal(0.0, 1.0).log_prob(1.0)
    tensor(-0.9189)
    """

    reparameterised = True  # as Normal

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.reparameterised = False

    base_dist: Normal  # pyright: ignore

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        self.base_dist = Normal(loc, scale)  # pyright: ignore[reportIncompatibleVariableOverride]
        self.transforms = [torch_distributions.ExpTransform()]
        shape = self.base_dist.batch_shape
        torch_distributions.Distribution.__init__(self, shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution, its parameters repeated to batch_shape."""
        new = object.__new__(type(self)) if _instance is None else _instance
        vars(new).update(vars(self), base_dist=self.base_dist.expand(batch_shape))
        new._batch_shape = new.base_dist.batch_shape
        return new

    def standard_noise(self, sample_shape: Any = Size()) -> Tensor:
        """Standard normal noise for one draw, sample_shape + batch_shape."""
        return self.base_dist.standard_noise(sample_shape)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The draw that a standard noise stands for: exp(loc + scale * noise)."""
        return self.base_dist.from_noise(noise).exp()

    def log_prob_of_noise(self, noise: Tensor) -> Tensor:
        """`log_prob(from_noise(noise))` in nats, same total derivative, without a logarithm."""
        return self.base_dist.log_prob_of_noise(noise) - self.base_dist.from_noise(noise)

    def log_prob(self, value: Any) -> Tensor:
        """Log density in nats; value and result broadcast with batch_shape."""
        value = as_real(value)
        if self._validate_args:
            self._validate_sample(value)
        z = value.log()
        return self.base_dist.log_prob(z) - z


class HalfCauchy(Distribution, torch_distributions.HalfCauchy):
    """Distribution of the size of a Cauchy draw around zero: 2 / (pi scale (1 + (x / scale)^2)).

    Args:
        scale: median, positive; a number or tensor.

    >>> HalfCauchy(1.0).log_prob(0.0)
    tensor(-0.4516)
    """

    transforms = (torch_distributions.AbsTransform(),)  # pyright: ignore

    def __init__(self, scale: Any, validate_args: bool | None = None):
        self._scale = as_real(scale)
        shape = self._scale.shape
        torch_distributions.Distribution.__init__(self, shape, validate_args=validate_args)

    @property
    def base_dist(self) -> torch_distributions.Cauchy:  # pyright: ignore
        """The Cauchy distribution whose draws lose their sign."""
        return torch_distributions.Cauchy(torch.zeros_like(self.scale), self.scale, False)

    @property
    def scale(self) -> Tensor:
        """Median, batch_shape."""
        return self._scale.expand(self._batch_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution, its parameter repeated to batch_shape."""
        shape = Size(batch_shape)
        if broadcast_shape(self, self._batch_shape, shape) != shape:
            raise ValueError(f"HalfCauchy: {self._batch_shape} does not expand to {shape}")
        new = object.__new__(type(self)) if _instance is None else _instance
        vars(new).update(vars(self), _batch_shape=shape)
        return new

    def log_prob(self, value: Any) -> Tensor:
        """Log density in nats, minus infinity below zero; broadcasts with batch_shape."""
        value = as_real(value)
        if self._validate_args:
            self._validate_sample(value)
        z = value / self._scale
        log_prob = math.log(2 / math.pi) - self._scale.log() - torch.log1p(z * z)
        return over_rows(self, log_prob.masked_fill(value < 0, -math.inf))
