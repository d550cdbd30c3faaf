"""The normal distribution, written out: every step of every tutorial draws and scores it."""

import math
from typing import Any, Self

import torch
from torch import Size, Tensor
from torch import distributions as torch_distributions

from ..values import as_real
from .distribution import Distribution, broadcast_shape, over_rows

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Normal(Distribution, torch_distributions.Normal):
    """Normal distribution over the reals.

    Args:
        loc: mean; a number or tensor.
        scale: standard deviation, positive; a number or tensor. Both broadcast to batch_shape.

    >>> Normal(9.14, 0.6).log_prob(torch.tensor(9.14))
    tensor(-0.4081)
    """

    reparameterised = True  # it is drawn from a noise that it can be given

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.reparameterised = False  # another draw or density may be written there

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        loc, scale = _number_or_tensor("loc", loc), _number_or_tensor("scale", scale)
        self._given = loc, scale
        loc_shape = loc.shape if isinstance(loc, Tensor) else Size()
        scale_shape = scale.shape if isinstance(scale, Tensor) else Size()
        shape = (
            loc_shape if loc_shape == scale_shape else broadcast_shape(self, loc_shape, scale_shape)
        )
        torch_distributions.Distribution.__init__(self, shape, validate_args=validate_args)

    @property
    def loc(self) -> Tensor:
        """Mean, batch_shape."""
        return self._parameter(0)

    @property
    def scale(self) -> Tensor:
        """Standard deviation, batch_shape."""
        return self._parameter(1)

    def _parameter(self, index: int) -> Tensor:
        given, other = self._given[index], self._given[1 - index]
        if not isinstance(given, Tensor):
            like = other if isinstance(other, Tensor) else torch.empty(())
            given = like.new_tensor(given)
        return given if given.shape == self._batch_shape else given.expand(self._batch_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution, its parameters repeated to batch_shape."""
        shape = Size(batch_shape)
        if self._batch_shape and broadcast_shape(self, self._batch_shape, shape) != shape:
            raise ValueError(
                f"Normal: batch_shape {tuple(self._batch_shape)} does not expand to {tuple(shape)}"
            )
        new = object.__new__(type(self)) if _instance is None else _instance
        vars(new).update(vars(self), _batch_shape=shape)
        return new

    def standard_noise(self, sample_shape: Any = Size()) -> Tensor:
        """Standard normal noise for one draw, sample_shape + batch_shape."""
        loc, scale = self._given
        like = loc if isinstance(loc, Tensor) else scale
        shape = (*sample_shape, *self._batch_shape)
        if not isinstance(like, Tensor):
            return torch.randn(shape)
        return torch.randn(shape, dtype=like.dtype, device=like.device)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The draw that a standard noise stands for: loc + scale * noise."""
        loc, scale = self._given
        if isinstance(loc, Tensor) and isinstance(scale, Tensor):
            return torch.addcmul(loc, scale, noise)
        return noise * scale + loc

    def log_prob_of_noise(self, noise: Tensor) -> Tensor:
        """`log_prob(from_noise(noise))` in nats, same total derivative, half the work."""
        return self._standardised_log_prob(noise)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        """A draw that carries gradients to loc and scale, sample_shape + batch_shape."""
        return self.from_noise(self.standard_noise(sample_shape))

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """A draw without gradients, sample_shape + batch_shape."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Any) -> Tensor:
        """Log density in nats; value and result broadcast with batch_shape."""
        if not isinstance(value, Tensor):
            value = as_real(value)
        if self._validate_args:
            self._validate_sample(value)
        loc, scale = self._given
        if isinstance(scale, Tensor):
            return self._standardised_log_prob((value - loc) / scale)
        distance = value - loc
        peak = distance.new_full((), -self._log_normaliser(scale))
        weight = -0.5 / (scale * scale) if scale else -math.inf
        return over_rows(self, torch.addcmul(peak, distance, distance, value=weight))

    def _standardised_log_prob(self, z: Tensor) -> Tensor:
        scale = self._given[1]
        known = _HALF_LOG_2PI if isinstance(scale, Tensor) else self._log_normaliser(scale)
        log_prob = torch.addcmul(z.new_full((), -known), z, z, value=-0.5)
        return over_rows(self, log_prob - scale.log() if isinstance(scale, Tensor) else log_prob)

    @staticmethod
    def _log_normaliser(scale: float) -> float:
        return _HALF_LOG_2PI + (math.log(scale) if scale > 0 else math.nan)

    def cdf(self, value: Any) -> Tensor:
        """Probability of a value below this one."""
        return super().cdf(as_real(value))

    def icdf(self, value: Any) -> Tensor:
        """The value that a draw falls below with this probability."""
        return super().icdf(as_real(value))

    def __repr__(self) -> str:
        loc, scale = (
            (f"{part.item():g}" if part.numel() == 1 else tuple(part.shape))
            if isinstance(part, Tensor)
            else f"{part:g}"
            for part in self._given
        )
        return f"{type(self).__name__}(loc: {loc}, scale: {scale})"


def _number_or_tensor(name: str, value: Any) -> float | Tensor:
    """A parameter as it is cheapest to compute with: numbers stay numbers, the rest are tensors."""
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return as_real(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"Normal: {name} is a number or tensor, got {value!r}") from None
