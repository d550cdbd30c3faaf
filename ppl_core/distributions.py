"""Torch's distributions under one name, and what a probabilistic program adds to them.

Every distribution of `torch.distributions` is here with the same name and arguments, and can also
be called (`Normal(0., 1.)()` draws), reshaped (`to_event`, `expand_by`) and masked. Numbers, arrays
and lists are welcome wherever tensors are. `Normal` is written out: it is drawn and scored at every
step of every tutorial, and without torch's broadcasting of constants it costs a third. `Delta`,
`Unit` and `MaskedDistribution` are what torch lacks.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Size, Tensor
from torch import distributions as torch_distributions
from torch.distributions import (
    biject_to,
    constraints,
    kl_divergence,
    register_kl,
    transform_to,
    transforms,
)
from torch.distributions import kl as torch_kl

from .values import as_real, as_value, validation_enabled, welcome

# ruff: noqa: F401
if TYPE_CHECKING:  # the classes are adopted in a loop, which type checkers cannot follow
    from torch.distributions import (
        Bernoulli,
        Beta,
        Binomial,
        Categorical,
        Cauchy,
        Chi2,
        ContinuousBernoulli,
        Dirichlet,
        Exponential,
        FisherSnedecor,
        Gamma,
        GeneralizedPareto,
        Geometric,
        Gumbel,
        HalfCauchy,
        HalfNormal,
        InverseGamma,
        Kumaraswamy,
        Laplace,
        LKJCholesky,
        LogisticNormal,
        LogNormal,
        LowRankMultivariateNormal,
        MixtureSameFamily,
        Multinomial,
        MultivariateNormal,
        NegativeBinomial,
        OneHotCategorical,
        OneHotCategoricalStraightThrough,
        Pareto,
        Poisson,
        RelaxedBernoulli,
        RelaxedOneHotCategorical,
        StudentT,
        TransformedDistribution,
        Uniform,
        VonMises,
        Weibull,
        Wishart,
    )

__all__ = [
    "Delta",
    "Distribution",
    "Independent",
    "MaskedDistribution",
    "Normal",
    "Unit",
    "biject_to",
    "constraints",
    "kl_divergence",
    "transform_to",
    "transforms",
]


class _Welcoming(type):
    """Lets a distribution be made from arrays and lists of numbers as well."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {name: welcome(value) for name, value in kwargs.items()}
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

    @property
    def has_enumerate_support(self) -> bool:
        """Whether the outcomes are few enough to be listed by `enumerate_support`."""
        return bool(type(self).__dict__.get("has_enumerate_support", False))

    def shape(self, sample_shape: Any = Size()) -> Size:
        """Shape of a draw: sample_shape + batch_shape + event_shape."""
        return Size(sample_shape) + self.batch_shape + self.event_shape

    def expand_by(self, sample_shape: Any) -> "Distribution":
        """Independent copies: batch_shape grows to sample_shape + batch_shape."""
        return self.expand(Size(sample_shape) + self.batch_shape)

    def to_event(self, reinterpreted_batch_ndims: int | None = None) -> "Distribution":
        """Declare the rightmost batch dimensions (all by default) parts of one outcome.

        >>> Normal(torch.zeros(3), 1.0).to_event(1).log_prob(torch.zeros(3)).shape
        torch.Size([])
        """
        dims = (
            len(self.batch_shape)
            if reinterpreted_batch_ndims is None
            else reinterpreted_batch_ndims
        )
        return Independent(self, dims) if dims else self

    def mask(self, mask: bool | Tensor) -> "Distribution":
        """The same distribution, whose log density counts only where `mask` is true."""
        return MaskedDistribution(self, mask)


def _adopt(torch_class: type) -> type:
    """Torch's class with the methods of this package's `Distribution` in front."""
    adopted = type(torch_class.__name__, (Distribution, torch_class), {"__module__": __name__})
    adopted.__doc__ = (
        f"As `torch.distributions.{torch_class.__name__}`, with this package's methods."
    )
    return adopted


_WRITTEN_HERE = ("Distribution", "ExponentialFamily", "Independent", "Normal")
for _name in torch_distributions.__all__:
    _class = getattr(torch_distributions, _name)
    if isinstance(_class, type) and _name not in _WRITTEN_HERE:
        globals()[_name] = _adopt(_class)
        __all__ += [_name]  # pyright: ignore[reportUnsupportedDunderAll]


class Normal(Distribution, torch_distributions.Normal):
    """Normal distribution over the reals.

    Args:
        loc: mean; a number or tensor.
        scale: standard deviation, positive; a number or tensor. Both broadcast to batch_shape.

    >>> Normal(9.14, 0.6).log_prob(torch.tensor(9.14))
    tensor(-0.4081)
    """

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        self._given = loc, scale = _number_or_tensor(loc), _number_or_tensor(scale)
        loc_shape = loc.shape if isinstance(loc, Tensor) else Size()
        scale_shape = scale.shape if isinstance(scale, Tensor) else Size()
        shape = loc_shape if loc_shape == scale_shape else _broadcast(self, loc_shape, scale_shape)
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
        new = object.__new__(type(self)) if _instance is None else _instance
        vars(new).update(vars(self))
        new._batch_shape = torch.broadcast_shapes(self._batch_shape, Size(batch_shape))
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

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats; value and result broadcast with batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        loc, scale = self._given
        if isinstance(scale, Tensor):
            return self._standardised_log_prob((value - loc) / scale)
        distance = value - loc
        square = distance * distance
        return self._with_rows(square * (-0.5 / (scale * scale)) - self._log_normaliser(scale))

    def _standardised_log_prob(self, z: Tensor) -> Tensor:
        scale = self._given[1]
        if isinstance(scale, Tensor):
            return self._with_rows(torch.addcmul(-_HALF_LOG_2PI - scale.log(), z, z, value=-0.5))
        return self._with_rows(z * z * -0.5 - self._log_normaliser(scale))

    @staticmethod
    def _log_normaliser(scale: float) -> float:
        return _HALF_LOG_2PI + (math.log(scale) if scale > 0 else math.nan)

    def _with_rows(self, log_prob: Tensor) -> Tensor:
        """Repeated over the batch dimensions that neither the value nor a parameter has."""
        batch = self._batch_shape
        if not batch or log_prob.shape[log_prob.dim() - len(batch) :] == batch:
            return log_prob
        return log_prob.expand(torch.broadcast_shapes(log_prob.shape, batch))


_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@register_kl(Normal, Normal)
def _kl_normal_normal(p: Normal, q: Normal) -> Tensor:
    return torch_kl._kl_normal_normal(p, q)


def _number_or_tensor(value: Any) -> float | Tensor:
    """A parameter as it is cheapest to compute with: numbers stay numbers, the rest are tensors."""
    return float(value) if isinstance(value, (int, float)) else as_real(value)


def _broadcast(distribution: Distribution, *shapes: Size) -> Size:
    try:
        return torch.broadcast_shapes(*shapes)
    except RuntimeError:
        raise ValueError(
            f"{type(distribution).__name__}: its arguments have shapes "
            f"{' and '.join(str(tuple(shape)) for shape in shapes)}, which do not broadcast"
        ) from None


class Independent(Distribution, torch_distributions.Independent):
    """Rightmost batch dimensions of a distribution declared parts of one outcome (`to_event`)."""

    @property
    def has_enumerate_support(self) -> bool:
        """An event of several parts is not listed: its outcomes multiply."""
        return False

    @property
    def reparameterised(self) -> bool:
        """Whether the base is drawn from standard noise."""
        return draws_from_noise(self.base_dist)

    def standard_noise(self, sample_shape: Any = Size()) -> Tensor:
        """The base's standard noise, sample_shape + batch_shape + event_shape."""
        return self.base_dist.standard_noise(sample_shape)

    def from_noise(self, noise: Tensor) -> Tensor:
        """The draw that a standard noise stands for."""
        return self.base_dist.from_noise(noise)

    def log_prob_of_noise(self, noise: Tensor) -> Tensor:
        """`log_prob(from_noise(noise))` in nats, summed over the event's dimensions."""
        log_prob = self.base_dist.log_prob_of_noise(noise)
        dims = self.reinterpreted_batch_ndims
        return log_prob.sum(tuple(range(-dims, 0))) if dims else log_prob


def draws_from_noise(fn: Any) -> bool:
    """Whether a distribution is a transformation of standard noise that it can be given."""
    return isinstance(fn, Normal) or (isinstance(fn, Independent) and fn.reparameterised)


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
            shape = _broadcast(self, base_dist.batch_shape, mask.shape)
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

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, zero where the mask is false."""
        if self._mask is False:
            shape = torch.broadcast_shapes(
                self.batch_shape, value.shape[: value.dim() - self.event_dim]
            )
            return torch.zeros(shape, device=value.device)
        log_prob = self.base_dist.log_prob(value)
        if self._mask is True:
            return log_prob
        return log_prob.where(self._mask, log_prob.new_zeros(()))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The base's outcomes, a new leftmost dimension."""
        return self.base_dist.enumerate_support(expand)


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
        self.log_density = as_value(log_density).expand(batch_shape)
        super().__init__(batch_shape, event_shape, validate_args=False)

    @property
    def support(self) -> Any:
        """The space around the value, so that a guide's Delta may stand for a latent site."""
        return constraints.independent(constraints.real, self.event_dim)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Delta":
        """The value repeated to batch_shape."""
        shape = Size(batch_shape)
        return Delta(
            self.v.expand(shape + self.event_shape), self.log_density.expand(shape), self.event_dim
        )

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        """The value, repeated to sample_shape + batch_shape + event_shape."""
        return self.v.expand(self.shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log_density where value equals v, minus infinity elsewhere."""
        same = value == self.v
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
