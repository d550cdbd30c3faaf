"""What has a log density but no draws: a factor (Unit), a flat prior (ImproperUniform)."""

from typing import Any, ClassVar

import torch
from torch import Size, Tensor

from ..values import as_value
from . import constraints
from .distribution import Distribution


class Unit(Distribution):
    """No outcome at all, only a factor: an empty value with a given log density in nats."""

    arg_constraints: ClassVar[dict[str, Any]] = {"log_factor": constraints.real}  # pyright: ignore

    def __init__(self, log_factor: Any, has_rsample: bool | None = None):
        self.log_factor = as_value(log_factor)
        self._has_rsample = has_rsample
        super().__init__(self.log_factor.shape, Size((0,)), validate_args=False)

    @property
    def support(self) -> Any:
        """Anything: there is nothing."""
        return constraints.real

    @property
    def has_rsample(self) -> bool:
        """Whether the factor's gradient is the whole story (false for a score-function draw's)."""
        return bool(self._has_rsample)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Unit":
        """The factor repeated to batch_shape."""
        return Unit(self.log_factor.expand(batch_shape), self._has_rsample)

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """An empty tensor, sample_shape + batch_shape + (0,)."""
        return self.log_factor.new_empty(self.shape(sample_shape))

    rsample = sample

    def log_prob(self, value: Tensor) -> Tensor:
        """The factor, whatever the value."""
        return self.log_factor.expand(torch.broadcast_shapes(value.shape[:-1], self.batch_shape))


class ImproperUniform(Distribution):
    """Density one everywhere on a support, however large: a prior that says nothing.

    It cannot be drawn from: give the site a value with `condition` or a guide, or start from one.

    Args:
        support: a constraint, such as `constraints.positive`.
        batch_shape, event_shape: of the site.

    Raises:
        ValueError: support is no constraint.

    >>> flat = ImproperUniform(constraints.positive, (), ())
    >>> flat.log_prob(torch.tensor(3.0))
    tensor(0.)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}  # pyright: ignore

    def __init__(self, support: Any, batch_shape: Any = (), event_shape: Any = ()):
        if not isinstance(support, constraints.Constraint):
            raise ValueError(
                f"ImproperUniform: a support is needed, such as constraints.real, got {support!r}"
            )
        self._support = support
        super().__init__(Size(batch_shape), Size(event_shape), validate_args=False)

    @property
    def support(self) -> Any:
        """As given."""
        return self._support

    def expand(self, batch_shape: Any, _instance: Any = None) -> "ImproperUniform":
        """As flat, over batch_shape."""
        return self._repeated(batch_shape)

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """There is no draw from a density that does not integrate to one.

        Raises:
            NotImplementedError: always; it says what to do instead.
        """
        raise NotImplementedError(
            "ImproperUniform has no draws. Give its site a value (condition, obs=, a guide), or a "
            "proper prior; dist.Normal(0., 1.).mask(False) draws and still counts for nothing."
        )

    def log_prob(self, value: Any) -> Tensor:
        """Zero for every value, batch_shape."""
        value = as_value(value)
        rows = value.shape[: value.dim() - self.event_dim]
        return value.new_zeros(()).expand(torch.broadcast_shapes(rows, self.batch_shape))
