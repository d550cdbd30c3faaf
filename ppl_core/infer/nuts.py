"""The No-U-Turn Sampler: rides that end by themselves when they begin to turn back.

A trajectory doubles, forward or backward in time at random, until its ends approach each other. One
of its points becomes the draw: each in proportion to its density, later ones preferred.

Source: Hoffman & Gelman 2014, "The No-U-Turn Sampler", JMLR 15 (doubling); Betancourt 2017, "A
conceptual introduction to Hamiltonian Monte Carlo", app. A (multinomial draws and the generalised
criterion), called B below.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .autoguide.initialization import Strategy, init_to_uniform
from .hmc import HMC, HMCInfo
from .rides import Phase, Ride
from .space import Values
from .target import Model

if TYPE_CHECKING:
    from .spans import Reach, Span


@dataclass(frozen=True, slots=True)
class NUTSInfo(HMCInfo):
    """As `HMCInfo`, and how often the trajectory doubled.

    Attributes:
        tree_depth: doublings; 2 ** tree_depth - 1 steps at most.
    """

    tree_depth: int


@dataclass(slots=True)
class Tree:
    """A stretch of a trajectory.

    Attributes:
        first, last: its ends in the order of time.
        chosen: the point that would be drawn from it.
        log_weight: log of the sum of its points' weights exp(-energy).
        momenta: sum of its points' momenta, (d,).
        count: of points.
        complete: whether it may be drawn from: it neither diverged nor turned back.
    """

    first: Phase
    last: Phase
    chosen: Phase
    log_weight: float
    momenta: Tensor
    count: int = 1
    complete: bool = True


class NUTS(HMC):
    """The No-U-Turn Sampler, a kernel for `MCMC` and for `InferenceRun`.

    It chooses the length of each trajectory by itself, and learns step size and mass while it warms
    up. Discrete sites that have a list of outcomes are summed out.

    Args:
        model: the conditioned program; or give `potential_fn`.
        potential_fn: from unconstrained values by site to minus their log density in nats (scalar);
            needs `initial_params`.
        step_size: of a leapfrog step, at first.
        adapt_step_size: learn the step size while warming up.
        adapt_mass_matrix: learn the mass while warming up.
        full_mass: learn correlations too; or groups of sites to learn them within, such as
            `[("a", "b")]`.
        transforms: for a potential_fn, site name -> transform from its support to unconstrained
            values.
        max_plate_nesting: batch dimensions that plates use; found by a run if not given.
        target_accept_prob: wanted acceptance; nearer 1 is slower and surer.
        max_tree_depth: doublings at most.
        init_strategy: from a latent site to a starting value, such as `init_to_median`.
        jit_compile: compile the potential once, before the first step, and take whole steps in
            machine code. "auto" does so where it is possible.
        record_trajectory: keep every point of a trajectory in the info, for drawing.
        warmup_steps: of a run that is not told by MCMC.

    Raises:
        InferenceError: no finite density at 100 starting values, or no gradient on the way.
        NotCompiled: with `jit_compile=True`, the potential has no compiled form.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", Normal(guess, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> run = ppl.InferenceRun(NUTS(scale, warmup_steps=100), 8.5, seed=101)
    >>> draws = []
    >>> run.advance(600, watch=lambda at: draws.append(at.info.values["weight"]))
    600
    >>> print(f"{torch.stack(draws[100:]).mean():.1f}")
    9.1
    """

    def __init__(
        self,
        model: Model | None = None,
        potential_fn: Callable[[Values], Tensor] | None = None,
        step_size: float = 1.0,
        adapt_step_size: bool = True,
        adapt_mass_matrix: bool = True,
        full_mass: bool | Sequence[Sequence[str]] = False,
        transforms: Mapping[str, Any] | None = None,
        max_plate_nesting: int | None = None,
        target_accept_prob: float = 0.8,
        max_tree_depth: int = 10,
        init_strategy: Strategy = init_to_uniform,
        *,
        jit_compile: bool | str = False,
        record_trajectory: bool = False,
        warmup_steps: int = 500,
    ):
        super().__init__(
            model,
            potential_fn,
            step_size,
            adapt_step_size=adapt_step_size,
            adapt_mass_matrix=adapt_mass_matrix,
            full_mass=full_mass,
            transforms=transforms,
            max_plate_nesting=max_plate_nesting,
            target_accept_prob=target_accept_prob,
            init_strategy=init_strategy,
            jit_compile=jit_compile,
            record_trajectory=record_trajectory,
            warmup_steps=warmup_steps,
        )
        if max_tree_depth < 1:
            raise ValueError(f"NUTS: max_tree_depth is at least 1, got {max_tree_depth}")
        self.max_tree_depth = max_tree_depth

    @property
    def reach(self) -> "Reach | None":
        """How far its trajectories go, for machine code; None if only Python knows."""
        from .spans import Reach

        return Reach(self.max_tree_depth, 0.0) if type(self) is NUTS else None

    def numbers(self, span: "Span") -> dict[str, Tensor]:
        """The numbers among the infos of a span's steps, by name, (steps,)."""
        return span.numbers(depth=True)

    def info(self, span: "Span", step: int) -> NUTSInfo:
        """What there is to say about one step of a span."""
        return NUTSInfo(**span.facts(step, depth=True))

    def _ride(self, ride: Ride) -> tuple[Phase, NUTSInfo]:
        """Double the trajectory until it turns back; a new half is preferred (B, app. A.3.2)."""
        tree, depth = _leaf(ride, ride.start), 0
        while depth < self.max_tree_depth:
            direction = 1 if torch.rand(()).item() < 0.5 else -1
            new = _grown(ride, tree.last if direction > 0 else tree.first, direction, depth)
            depth += 1
            if new is None:
                break
            joined = _joined(tree, new, direction)
            if _accepts(new.log_weight - tree.log_weight):
                joined.chosen = new.chosen
            tree = joined
            if not tree.complete:
                break
        facts = ride.facts(tree.chosen, ride.average_accept_prob)
        return tree.chosen, NUTSInfo(**facts, tree_depth=depth)


def _grown(ride: Ride, end: Phase, direction: int, depth: int) -> Tree | None:
    """The 2 ** depth points beyond an end; None if they diverge or turn back among themselves."""
    if depth == 0:
        phase = ride.step(end, direction)
        return None if phase is None else _leaf(ride, phase)
    near = _grown(ride, end, direction, depth - 1)
    if near is None:
        return None
    far = _grown(ride, near.last if direction > 0 else near.first, direction, depth - 1)
    if far is None:
        return None
    joined = _joined(near, far, direction)
    if not joined.complete:
        return None
    if _accepts(far.log_weight - joined.log_weight):
        joined.chosen = far.chosen
    return joined


def _leaf(ride: Ride, phase: Phase) -> Tree:
    return Tree(phase, phase, phase, ride.start.energy - phase.energy, phase.momentum)


def _joined(tree: Tree, new: Tree, direction: int) -> Tree:
    """Two neighbouring stretches as one, from which the first one's point is still drawn."""
    earlier, later = (tree, new) if direction > 0 else (new, tree)
    momenta = earlier.momenta + later.momenta
    return Tree(
        earlier.first,
        later.last,
        tree.chosen,
        _log_add(tree.log_weight, new.log_weight),
        momenta,
        earlier.count + later.count,
        not _turns(earlier, later, momenta),
    )


def _turns(earlier: Tree, later: Tree, momenta: Tensor) -> bool:
    """Whether two neighbouring stretches together turn back (B, app. A.4.2).

    So do they if one and the nearest point of the other turn back: else a trajectory that closes
    upon itself between two doublings would go unseen (the check that Stan added in 2019).
    """
    if _turns_back(momenta, earlier.first, later.last):
        return True
    if earlier.count == later.count == 1:
        return False
    return _turns_back(
        earlier.momenta + later.first.momentum, earlier.first, later.first
    ) or _turns_back(later.momenta + earlier.last.momentum, earlier.last, later.last)


def _turns_back(momenta: Tensor, first: Phase, last: Phase) -> bool:
    """Whether an end of a stretch no longer moves along the sum of its momenta."""
    return (
        torch.dot(momenta, first.velocity).item() <= 0
        or torch.dot(momenta, last.velocity).item() <= 0
    )


def _accepts(log_ratio: float) -> bool:
    """True with this log probability, at most 1."""
    return log_ratio >= 0 or torch.rand(()).item() < math.exp(log_ratio)


def _log_add(first: float, second: float) -> float:
    high, low = max(first, second), min(first, second)
    return high + math.log1p(math.exp(low - high))
