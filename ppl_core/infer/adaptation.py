"""What a gradient sampler learns while it warms up: its step size, and the shape of the posterior.

Everything here is a value: an update returns a new one, so that a run can be rewound.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

# ---- step size


@dataclass(frozen=True, slots=True)
class DualAveraging:
    """A step size on its way to a wanted acceptance probability.

    Attributes:
        log_step: log of the step size to try next.
        log_average: log of the weighted average of all so far, to be kept in the end.
        error: running average of wanted minus reached acceptance.
        count: updates so far.
        centre: log step size that the search is drawn to.

    Source: Hoffman & Gelman 2014, "The No-U-Turn Sampler", JMLR 15, eq. 6, with their constants.
    """

    log_step: float
    log_average: float
    error: float
    count: int
    centre: float

    @classmethod
    def start(cls, step_size: float) -> Self:
        """Begin at a step size, and look for larger ones first."""
        return cls(math.log(step_size), 0.0, 0.0, 0, math.log(10 * step_size))

    def update(self, accept_prob: float, target: float) -> Self:
        """Learn from one acceptance probability."""
        count = self.count + 1
        share = 1 / (count + 10)
        error = (1 - share) * self.error + share * (target - accept_prob)
        log_step = self.centre - error * math.sqrt(count) / 0.05
        weight = count**-0.75
        average = weight * log_step + (1 - weight) * self.log_average
        return replace(self, log_step=log_step, log_average=average, error=error, count=count)


# ---- mass


@dataclass(frozen=True, slots=True)
class Welford:
    """Mean and sum of squared deviations of positions met so far, in one pass.

    Attributes:
        count: positions.
        mean: (d,).
        squares: (d,), or (d, d) of products.

    Source: Welford 1962, Technometrics 4(3).
    """

    count: int
    mean: Tensor
    squares: Tensor

    @classmethod
    def start(cls, like: Tensor, dense: bool) -> Self:
        """Nothing seen yet of positions like this one."""
        size = len(like)
        return cls(0, like.new_zeros(size), like.new_zeros((size, size) if dense else (size,)))

    def update(self, position: Tensor) -> Self:
        """One more position, (d,)."""
        count = self.count + 1
        before = position - self.mean
        mean = self.mean + before / count
        after = position - mean
        products = torch.outer(before, after) if self.squares.dim() == 2 else before * after
        return type(self)(count, mean, self.squares + products)

    def covariance(self) -> Tensor:
        """Variances, (d,), or covariance, (d, d), drawn a little towards 0.001.

        Source: Stan Reference Manual, "HMC algorithm parameters": five imagined draws of variance
        0.001 keep few real ones from misleading.
        """
        share = self.count / (self.count + 5)
        found = self.squares * (share / (self.count - 1))
        prior = 1e-3 * (1 - share)
        if found.dim() == 2:
            return found + prior * torch.eye(len(found), dtype=found.dtype, device=found.device)
        return found + prior


class Mass:
    """How heavy each direction is: momenta are drawn from N(0, mass).

    Args:
        inverse: of the mass, best the covariance of the posterior: (d,) diagonal or (d, d).
    """

    def __init__(self, inverse: Tensor):
        self.inverse = inverse
        self.dense = inverse.dim() == 2
        self.root = torch.linalg.cholesky(inverse) if self.dense else inverse.sqrt()

    def momentum(self) -> Tensor:
        """A fresh momentum, (d,)."""
        noise = torch.randn(self.inverse.shape[-1:], dtype=self.inverse.dtype)
        noise = noise.to(self.inverse.device)
        if not self.dense:
            return noise / self.root
        return torch.linalg.solve_triangular(self.root.T, noise.unsqueeze(1), upper=True)[:, 0]

    def velocity(self, momentum: Tensor) -> Tensor:
        """How fast a momentum moves the position, (d,)."""
        return self.inverse @ momentum if self.dense else self.inverse * momentum


def blocks(groups: Sequence[Sequence[str]], sizes: Mapping[str, int], like: Tensor) -> Tensor:
    """Which entries of a covariance are kept, (d, d) of 0 and 1: within groups, and variances.

    Args:
        groups: names of sites that move together.
        sizes: site name -> numbers it has, in their order.
        like: gives dtype and device.
    """
    group_of = {name: index for index, group in enumerate(groups) for name in group}
    labels, alone = [], len(groups)
    for name, size in sizes.items():
        if name in group_of:
            labels += [group_of[name]] * size
        else:
            labels += range(alone, alone + size)
            alone += size
    row = torch.tensor(labels, device=like.device)
    return (row.unsqueeze(0) == row.unsqueeze(1)).to(like.dtype)


# ---- the schedule


def window_bounds(warmup_steps: int) -> tuple[int, ...]:
    """Steps between which positions are collected; at each but the first the mass is learned anew.

    Source: Stan Reference Manual, "Automatic parameter tuning": 75 steps to arrive, windows of 25,
    50, 100, ..., and 50 steps for the step size alone; in a short warm-up 15 %, 75 % and 10 %.

    >>> window_bounds(1000)
    (75, 100, 150, 250, 450, 950)
    >>> window_bounds(100), window_bounds(10)
    ((15, 90), ())
    """
    if warmup_steps < 20:
        return ()
    first, window, last = 75, 25, 50
    if first + window + last > warmup_steps:
        first, last = int(0.15 * warmup_steps), int(0.1 * warmup_steps)
        window = warmup_steps - first - last
    bounds, stop = [first], warmup_steps - last
    while bounds[-1] < stop:
        end = bounds[-1]  # a window whose successor would not fit takes all that is left
        bounds.append(stop if end + 3 * window > stop else end + window)
        window *= 2
    return tuple(bounds)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a warm-up is to learn.

    Attributes:
        warmup_steps: how long it lasts.
        accept_prob: wanted on average.
        learn_step_size, learn_mass: or keep what is given.
        kept: entries of the covariance that the mass follows, (d, d) of 0 and 1; variances if None.
    """

    warmup_steps: int
    accept_prob: float = 0.8
    learn_step_size: bool = True
    learn_mass: bool = True
    kept: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What a warm-up has learned so far.

    Attributes:
        plan: what it is to learn.
        step_size, mass: of the next trajectory.
        search: of the step size.
        seen: positions of the current window.
        step: warm-up steps so far.
    """

    plan: Plan
    step_size: float
    mass: Mass
    search: DualAveraging
    seen: Welford | None = None
    step: int = 0

    @classmethod
    def start(cls, plan: Plan, step_size: float, mass: Mass) -> Self:
        """Nothing learned yet."""
        return cls(plan, step_size, mass, DualAveraging.start(step_size))

    @property
    def done(self) -> bool:
        """Whether the warm-up is over, and nothing changes any more."""
        return self.step >= self.plan.warmup_steps

    def update(
        self, position: Tensor, accept_prob: float, reasonable: Callable[[Mass, float], float]
    ) -> Self:
        """Learn from one step of the chain.

        Args:
            position: that it reached, (d,).
            accept_prob: of its trajectory.
            reasonable: from a mass and a step size to one of the right order of magnitude.
        """
        if self.done:
            return self
        plan, step = self.plan, self.step + 1
        mass, seen, step_size, search = self.mass, self.seen, self.step_size, self.search
        if plan.learn_step_size:
            search = search.update(accept_prob, plan.accept_prob)
            last = step == plan.warmup_steps
            step_size = math.exp(search.log_average if last else search.log_step)
        bounds = window_bounds(plan.warmup_steps) if plan.learn_mass else ()
        if bounds and bounds[0] < step <= bounds[-1]:
            seen = Welford.start(position, plan.kept is not None) if seen is None else seen
            seen = seen.update(position)
            if step in bounds:
                spread = seen.covariance()
                mass, seen = Mass(spread if plan.kept is None else spread * plan.kept), None
                if plan.learn_step_size:
                    step_size = reasonable(mass, step_size)
                    search = DualAveraging.start(step_size)
        return replace(self, step_size=step_size, mass=mass, search=search, seen=seen, step=step)
