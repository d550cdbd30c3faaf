"""Counts that vary more than torch's: compound counts, and counts with too many zeros."""

from functools import reduce
from typing import Any, ClassVar

import torch
from torch import Size, Tensor
from torch.nn.functional import logsigmoid

from ..values import as_real, validation_enabled
from . import constraints
from .adopted import Beta, Binomial, Gamma, NegativeBinomial, Poisson
from .distribution import Distribution, broadcast_shape, device_of


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return a.lgamma() + b.lgamma() - (a + b).lgamma()


def _rows(distribution: Distribution, *arguments: Any) -> list[Tensor]:
    """The arguments as real tensors of one shape, the batch_shape."""
    tensors = [as_real(argument) for argument in arguments]
    shape = broadcast_shape(distribution, *[tensor.shape for tensor in tensors])
    given = [it for it in arguments if isinstance(it, Tensor) and it.is_floating_point()] or tensors
    dtype = reduce(torch.promote_types, [it.dtype for it in given])
    return [tensor.to(given[0].device, dtype).expand(shape) for tensor in tensors]


class BetaBinomial(Distribution):
    """Successes in `total_count` trials whose common probability is a draw from a Beta.

    Args:
        concentration1, concentration0: of the Beta, positive; for success and failure.
        total_count: number of trials. All broadcast to batch_shape.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {  # pyright: ignore
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
        "total_count": constraints.nonnegative_integer,
    }
    has_enumerate_support = True  # pyright: ignore

    def __init__(
        self,
        concentration1: Any,
        concentration0: Any,
        total_count: Any = 1,
        validate_args: bool | None = None,
    ):
        parts = _rows(self, concentration1, concentration0, total_count)
        self.concentration1, self.concentration0, self.total_count = parts
        super().__init__(self.total_count.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:  # pyright: ignore
        """0 to total_count."""
        return constraints.integer_interval(0, self.total_count)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "BetaBinomial":
        """Parameters repeated to batch_shape."""
        return self._repeated(batch_shape, "concentration1", "concentration0", "total_count")

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """A probability from the Beta, then the count; sample_shape + batch_shape."""
        probs = Beta(self.concentration1, self.concentration0).sample(Size(sample_shape))
        return Binomial(self.total_count, probs).sample()

    def log_prob(self, value: Any) -> Tensor:
        """Log mass in nats, with the probability integrated out."""
        value, n = as_real(value), self.total_count
        if self._validate_args:
            self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        ways = -(n + 1).log() - _log_beta(value + 1, n - value + 1)
        return ways + _log_beta(value + a, n - value + b) - _log_beta(a, b)

    @property
    def mean(self) -> Tensor:
        """Expected count, batch_shape."""
        return self.total_count * self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def variance(self) -> Tensor:
        """Variance of the count, batch_shape."""
        a, b, n = self.concentration1, self.concentration0, self.total_count
        return n * a * b * (a + b + n) / ((a + b) ** 2 * (a + b + 1))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 to total_count as a new leftmost dimension; one total_count for all rows."""
        half = torch.full_like(self.total_count, 0.5)
        return Binomial(self.total_count, half).enumerate_support(expand)


class GammaPoisson(Distribution):
    """A Poisson count whose rate is a draw from a Gamma: the negative binomial by its causes.

    Args:
        concentration, rate: of the Gamma, positive; broadcast to batch_shape.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {  # pyright: ignore
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.nonnegative_integer  # pyright: ignore

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None):
        self.concentration, self.rate = _rows(self, concentration, rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "GammaPoisson":
        """Parameters repeated to batch_shape."""
        return self._repeated(batch_shape, "concentration", "rate")

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """A rate from the Gamma, then the count; sample_shape + batch_shape."""
        return Poisson(Gamma(self.concentration, self.rate).sample(Size(sample_shape))).sample()

    def log_prob(self, value: Any) -> Tensor:
        """Log mass in nats, with the rate integrated out."""
        value, a, b = as_real(value), self.concentration, self.rate
        if self._validate_args:
            self._validate_sample(value)
        # Gamma(a, b) averaged: b^a / (1 + b)^(a + value) / (B(a, value + 1) (a + value))
        average = a * b.log() - (a + value) * b.log1p()
        return average - _log_beta(a, value + 1) - (a + value).log()

    @property
    def mean(self) -> Tensor:
        """Expected count, batch_shape."""
        return self.concentration / self.rate

    @property
    def variance(self) -> Tensor:
        """Variance of the count, batch_shape."""
        return self.concentration / self.rate**2 * (1 + self.rate)


class ZeroInflatedDistribution(Distribution):
    """Zero with probability `gate`, otherwise a draw from the base (which may be zero as well).

    Args:
        base_dist: a distribution of counts, event_shape ().
        gate: probability of an extra zero, in [0, 1]; or
        gate_logits: its log odds. Either broadcasts with base_dist.batch_shape.

    Raises:
        ValueError: not exactly one of gate and gate_logits is given; base_dist has events.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {  # pyright: ignore
        "gate": constraints.unit_interval,
        "gate_logits": constraints.real,
    }

    def __init__(
        self,
        base_dist: Any,
        *,
        gate: Any = None,
        gate_logits: Any = None,
        validate_args: bool | None = None,
    ):
        if (gate is None) == (gate_logits is None):
            raise ValueError(f"{type(self).__name__}: give gate or gate_logits, one of the two")
        if base_dist.event_shape:
            raise ValueError(
                f"{type(self).__name__}: the base's outcomes must be single numbers, but its "
                f"event_shape is {tuple(base_dist.event_shape)}"
            )
        given = as_real(gate_logits if gate is None else gate)
        if not given.dim():
            given = given.to(device_of(base_dist))
        shape = broadcast_shape(self, given.shape, base_dist.batch_shape)
        self.base_dist, self._gate = base_dist.expand(shape), given.expand(shape)
        self._in_log_odds = gate is None
        super().__init__(shape, validate_args=False)
        checked = validate_args is not False and validation_enabled()
        if checked and not bool(constraints.unit_interval.check(self.gate).all()):
            raise ValueError(f"{type(self).__name__}: gate is a probability, got {given}")

    @property
    def gate(self) -> Tensor:
        """Probability of an extra zero, batch_shape."""
        return self._gate.sigmoid() if self._in_log_odds else self._gate

    @property
    def gate_logits(self) -> Tensor:
        """Log odds of an extra zero, batch_shape."""
        return self._gate if self._in_log_odds else self._gate.logit()

    @property
    def support(self) -> Any:
        """As the base."""
        return self.base_dist.support

    def expand(self, batch_shape: Any, _instance: Any = None) -> "ZeroInflatedDistribution":
        """Base and gate repeated to batch_shape."""
        return self._repeated(batch_shape, "base_dist", "_gate")

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """Base draws, some of them made zero; sample_shape + batch_shape."""
        with torch.no_grad():
            draws = self.base_dist.sample(Size(sample_shape))
            zero = torch.bernoulli(self.gate.expand(draws.shape)).bool()
            return draws.masked_fill(zero, 0)

    def log_prob(self, value: Any) -> Tensor:
        """Log mass in nats: log(gate [value = 0] + (1 - gate) p(value))."""
        value, gate = as_real(value), self._gate
        if self._in_log_odds:
            log_gate, log_rest = logsigmoid(gate), logsigmoid(-gate)
        else:
            log_gate, log_rest = gate.log(), (-gate).log1p()
        log_prob = log_rest + self.base_dist.log_prob(value)
        return torch.where(value == 0, torch.logaddexp(log_gate, log_prob), log_prob)

    @property
    def mean(self) -> Tensor:
        """Expected value, batch_shape."""
        return (1 - self.gate) * self.base_dist.mean

    @property
    def variance(self) -> Tensor:
        """Variance, batch_shape."""
        base, mean = self.base_dist, self.mean
        return (1 - self.gate) * (base.variance + base.mean**2) - mean**2


class ZeroInflatedPoisson(ZeroInflatedDistribution):
    """A Poisson count with extra zeros.

    Args:
        rate: of the Poisson, positive.
        gate, gate_logits: probability of an extra zero, or its log odds.
    """

    def __init__(
        self,
        rate: Any,
        *,
        gate: Any = None,
        gate_logits: Any = None,
        validate_args: bool | None = None,
    ):
        base = Poisson(rate, validate_args=validate_args)
        super().__init__(base, gate=gate, gate_logits=gate_logits, validate_args=validate_args)

    @property
    def rate(self) -> Tensor:
        """Rate of the Poisson, batch_shape."""
        return self.base_dist.rate


class ZeroInflatedNegativeBinomial(ZeroInflatedDistribution):
    """A negative binomial count with extra zeros.

    Args:
        total_count: of failures until it stops, positive.
        probs, logits: probability of a success in [0, 1), or its log odds.
        gate, gate_logits: probability of an extra zero, or its log odds.
    """

    def __init__(
        self,
        total_count: Any,
        *,
        probs: Any = None,
        logits: Any = None,
        gate: Any = None,
        gate_logits: Any = None,
        validate_args: bool | None = None,
    ):
        base = NegativeBinomial(total_count, probs, logits, validate_args=validate_args)
        super().__init__(base, gate=gate, gate_logits=gate_logits, validate_args=validate_args)

    @property
    def total_count(self) -> Tensor:
        """Of failures until it stops, batch_shape."""
        return self.base_dist.total_count

    @property
    def probs(self) -> Tensor:
        """Probability of a success, batch_shape."""
        return self.base_dist.probs

    @property
    def logits(self) -> Tensor:
        """Log odds of a success, batch_shape."""
        return self.base_dist.logits
