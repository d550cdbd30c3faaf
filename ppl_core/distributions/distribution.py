"""What every distribution can do here besides torch's own methods; events and masks."""

from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Size, Tensor
from torch import distributions as torch_distributions

from ..values import as_real, validation_enabled, welcome
from . import constraints
from .transforms import transform_to


class _Welcoming(type):
    """Lets a distribution be made from arrays and lists of numbers as well."""

    hands_checks_on = False  # whether torch's distributions inside are told to check or not

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {name: welcome(value) for name, value in kwargs.items()}
        if cls.hands_checks_on and not validation_enabled():
            kwargs["validate_args"] = False
        return super().__call__(*map(welcome, args), **kwargs)


class Distribution(torch_distributions.Distribution, metaclass=_Welcoming):
    """What every distribution of this package can do besides torch's own methods."""

    @property
    def _validate_args(self) -> bool:  # torch asks this before each of its checks
        return validation_enabled() and vars(self).get("_checked", True)

    @_validate_args.setter
    def _validate_args(self, on: bool) -> None:
        vars(self)["_checked"] = on

    def __call__(self, sample_shape: Any = Size()) -> Tensor:
        """A draw of shape sample_shape + batch_shape + event_shape, with gradients where it can."""
        return self.rsample(sample_shape) if self.has_rsample else self.sample(sample_shape)

    @property
    def event_dim(self) -> int:
        """Number of rightmost dimensions that belong to one outcome."""
        return len(self.event_shape)

    def shape(self, sample_shape: Any = Size()) -> Size:
        """Shape of a draw: sample_shape + batch_shape + event_shape."""
        return Size(sample_shape) + self.batch_shape + self.event_shape

    def expand_by(self, sample_shape: Any) -> "Distribution":
        """Independent copies: batch_shape grows to sample_shape + batch_shape."""
        return self.expand(Size(sample_shape) + self.batch_shape)

    def to_event(self, reinterpreted_batch_ndims: int | None = None) -> "Distribution":
        """Declare the rightmost batch dimensions (all by default) parts of one outcome.

        >>> from ppl_core.distributions import Normal
        >>> Normal(torch.zeros(3), 1.0).to_event(1).log_prob(torch.zeros(3)).shape
        torch.Size([])
        """
        dims, most = reinterpreted_batch_ndims, len(self.batch_shape)
        if dims is None:
            dims = most
        if not 0 <= dims <= most:
            raise ValueError(
                f"to_event({dims}): {type(self).__name__} has {most} batch dimensions, "
                f"{tuple(self.batch_shape)}; declare 0 to {most} of them parts of one outcome"
            )
        return Independent(self, dims) if dims else self

    def mask(self, mask: bool | Tensor) -> "Distribution":
        """The same distribution, whose log density counts only where `mask` is true."""
        return MaskedDistribution(self, mask)

    def _repeated(self, batch_shape: Any, *parts: str) -> Self:
        """A copy with another batch_shape, to which its named parts are expanded."""
        new = object.__new__(type(self))
        vars(new).update(vars(self))
        new._batch_shape = Size(batch_shape)
        for part in parts:
            setattr(new, part, getattr(self, part).expand(new._batch_shape))
        return new


def device_of(distribution: Any) -> torch.device | None:
    """Where the first tensor of a distribution lives; None if it has none."""
    for part in vars(distribution).values():
        for each in part if isinstance(part, tuple) else (part,):
            if isinstance(each, Tensor):
                return each.device
            if isinstance(each, torch_distributions.Distribution):
                return device_of(each)
    return None


def broadcast_shape(distribution: Distribution, *shapes: Size) -> Size:
    """The batch_shape of a distribution whose arguments have these shapes.

    Raises:
        ValueError: the shapes do not fit; it names the distribution and them.
    """
    try:
        return Size(np.broadcast_shapes(*shapes))  # torch's own takes ten times as long
    except ValueError:
        raise ValueError(
            f"{type(distribution).__name__}: its arguments have shapes "
            f"{' and '.join(str(tuple(shape)) for shape in shapes)}, which do not broadcast"
        ) from None


def over_rows(distribution: Distribution, log_prob: Tensor) -> Tensor:
    """Repeated over the batch dimensions that neither the value nor a parameter has."""
    batch = distribution.batch_shape
    if not batch or log_prob.shape[log_prob.dim() - len(batch) :] == batch:
        return log_prob
    return log_prob.expand(broadcast_shape(distribution, log_prob.shape, batch))


class Independent(Distribution, torch_distributions.Independent[Any]):
    """Rightmost batch dimensions of a distribution declared parts of one outcome (`to_event`)."""

    @property
    def reparameterised(self) -> bool:
        """Whether the base is drawn from standard noise."""
        return draws_from_noise(self.base_dist)

    def log_prob(self, value: Any) -> Tensor:
        """Log density in nats, batch_shape."""
        return self._sum(self.base_dist.log_prob(value))

    def standard_noise(self, sample_shape: Any = Size()) -> Tensor:
        """The base's standard noise, sample_shape + batch_shape + event_shape."""
        return self.base_dist.standard_noise(sample_shape)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The draw that a standard noise stands for."""
        return self.base_dist.from_noise(noise)

    def log_prob_of_noise(self, noise: Tensor) -> Tensor:
        """`log_prob(from_noise(noise))` in nats, summed over the event's dimensions."""
        return self._sum(self.base_dist.log_prob_of_noise(noise))

    def _sum(self, log_prob: Tensor) -> Tensor:
        dims = self.reinterpreted_batch_ndims
        return log_prob.sum(tuple(range(-dims, 0))) if dims else log_prob


def draws_from_noise(fn: Any) -> bool:
    """Whether a distribution is a transformation of standard noise that it can be given."""
    return getattr(fn, "reparameterised", False)


class MaskedDistribution(Distribution):
    """A distribution whose log density counts only where the mask is true.

    Args:
        base_dist: what is masked.
        mask: True, False, or a boolean tensor that broadcasts with base_dist.batch_shape.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}  # pyright: ignore

    def __init__(self, base_dist: Any, mask: bool | Tensor):
        if isinstance(mask, Tensor):
            if mask.dtype != torch.bool:
                raise ValueError(f"mask: a boolean tensor is needed, got {mask.dtype}")
            shape = broadcast_shape(self, base_dist.batch_shape, mask.shape)
            if shape != base_dist.batch_shape:
                base_dist = base_dist.expand(shape)
            mask = mask.expand(shape)
        elif not isinstance(mask, bool):
            raise ValueError(f"mask: True, False or a boolean tensor is needed, got {mask!r}")
        self.base_dist, self._mask = base_dist, mask
        super().__init__(base_dist.batch_shape, base_dist.event_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:
        """As the base."""
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> bool:
        """As the base."""
        return self.base_dist.has_enumerate_support

    @property
    def support(self) -> Any:
        """As the base."""
        return self.base_dist.support

    @property
    def mean(self) -> Tensor:
        """As the base."""
        return self.base_dist.mean

    @property
    def variance(self) -> Tensor:
        """As the base."""
        return self.base_dist.variance

    def expand(self, batch_shape: Any, _instance: Any = None) -> "MaskedDistribution":
        """Base and mask repeated to batch_shape."""
        mask = self._mask.expand(batch_shape) if isinstance(self._mask, Tensor) else self._mask
        return MaskedDistribution(self.base_dist.expand(batch_shape), mask)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        """A draw of the base, masked entries included."""
        return self.base_dist.rsample(sample_shape)

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """A draw of the base, masked entries included."""
        return self.base_dist.sample(sample_shape)

    def log_prob(self, value: Any) -> Tensor:
        """Log density in nats, zero where the mask is false."""
        if self._mask is False:
            value = as_real(value)
            rows = value.shape[: value.dim() - self.event_dim]
            return torch.zeros(torch.broadcast_shapes(self.batch_shape, rows), device=value.device)
        if self._mask is True:
            return self.base_dist.log_prob(value)
        log_prob = self.base_dist.log_prob(harmless(self.base_dist, as_real(value), self._mask))
        return log_prob.where(self._mask, log_prob.new_zeros(()))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The base's outcomes, a new leftmost dimension."""
        return self.base_dist.enumerate_support(expand)


def harmless(fn: Any, value: Tensor, mask: Tensor) -> Tensor:
    """The value, with one inside the support of `fn` where the mask is false.

    What is masked may be anything: missing data as nan, say. Scored as it is, it would fail the
    check of the support, and make a nan of every gradient.
    """
    dims, support = len(fn.event_shape), fn.support
    while isinstance(support, type(constraints.real_vector)):
        support = support.base_constraint
    if support.is_discrete or support is constraints.real:
        inside = torch.zeros_like(value)
        if support is constraints.one_hot:
            inside[..., 0] = 1
    else:
        transform = transform_to(fn.support)
        inside = transform(value.new_zeros(transform.inverse_shape(value.shape)))
    return value.where(mask.reshape(mask.shape + (1,) * dims), inside)
