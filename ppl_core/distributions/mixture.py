"""A mixture whose weights and parts are repeated over a plate's rows only where somebody asks."""

from typing import Any, Self

import torch
from torch import Size, Tensor
from torch import distributions as torch_distributions

from ..values import as_real
from .distribution import Distribution, broadcast_shape, over_rows


class MixtureSameFamily(Distribution, torch_distributions.MixtureSameFamily):
    """A draw from one of several parts of one kind, chosen by weight.

    Args:
        mixture_distribution: a Categorical over the parts, batch_shape.
        component_distribution: the parts, batch_shape + (number of parts,).

    >>> from ppl_core.distributions import Categorical, Normal
    >>> parts = Normal(torch.tensor([-4.0, 4.0]), 1.0)
    >>> MixtureSameFamily(Categorical(torch.tensor([0.5, 0.5])), parts).log_prob(4.0)
    tensor(-1.6121)
    """

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same mixture over more rows; its parts stay as small as they are."""
        shape = Size(batch_shape)
        if self._batch_shape and broadcast_shape(self, self._batch_shape, shape) != shape:
            raise ValueError(
                f"MixtureSameFamily: {tuple(self._batch_shape)} does not expand to {tuple(shape)}"
            )
        new = object.__new__(type(self)) if _instance is None else _instance
        vars(new).update(vars(self), _batch_shape=shape)
        return new

    @property
    def mixture_distribution(self) -> Any:
        """The Categorical over the parts, batch_shape."""
        return self._mixture_distribution.expand(self._batch_shape)

    @property
    def component_distribution(self) -> Any:
        """The parts, batch_shape + (number of parts,)."""
        return self._component_distribution.expand((*self._batch_shape, self._num_component))

    def log_prob(self, value: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Log density in nats; value and result broadcast with batch_shape."""
        value = as_real(value)
        if self._validate_args:
            self._validate_sample(value)
        each = self._component_distribution.log_prob(self._pad(value))
        log_prob = torch.logsumexp(each + self._mixture_distribution.logits, -1)
        return over_rows(self, log_prob)

    def cdf(self, value: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Probability of a value below this one."""
        return super().cdf(as_real(value))
