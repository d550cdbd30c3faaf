"""Hamiltonian Monte Carlo: a step of the chain is a frictionless ride over the posterior.

The position rolls in the potential (minus the log joint), pushed off by a random momentum. Energy
is nearly conserved, so that the far end of a long ride is nearly always accepted.

Source: Neal 2011, "MCMC using Hamiltonian dynamics"; Betancourt 2017, "A conceptual introduction to
Hamiltonian Monte Carlo".
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..compiled import Compiled
from ..errors import InferenceError
from .adaptation import Adaptation, Mass, Plan
from .autoguide.initialization import Strategy, init_to_uniform
from .ground import Ground
from .rides import Phase, Ride, reasonable_step_size
from .space import Point, Values
from .target import Model, Target

if TYPE_CHECKING:
    from .spans import Reach, Span

_ROUNDING = 1e-9
"""Steps: 3 * 0.7 / 0.7 is 2.9999999999999996."""


@dataclass(frozen=True, slots=True)
class HMCState:
    """All that the next step needs.

    Attributes:
        target: the potential.
        point: where the chain is.
        adaptation: step size and mass, and what they are learned from.
        step: steps taken, those of the warm-up included.
    """

    target: Target
    point: Point
    adaptation: Adaptation
    step: int = 0

    @property
    def values(self) -> Values:
        """Site name -> value on its support."""
        return self.point.values

    @property
    def unconstrained(self) -> dict[str, Tensor]:
        """Site name -> unconstrained value."""
        return self.target.layout.split(self.point.position)


@dataclass(frozen=True, slots=True)
class HMCInfo:
    """What a watcher may want to know about a step.

    Attributes:
        values: site name -> value on its support: the draw.
        accept_prob: chance that the trajectory's points are accepted, on average.
        energy: potential plus kinetic, in nats.
        potential: in nats.
        step_size: of the leapfrog steps.
        num_steps: leapfrog steps, each with one gradient.
        diverging: whether the energy ran away.
        diverged_at: site name -> value where it did; empty otherwise.
        momentum: that the ride began with, (d,).
        trajectory: unconstrained positions in the order of time, (num_steps + 1, d), with
            `record_trajectory=True`; None otherwise.
    """

    values: Values
    accept_prob: float
    energy: float
    potential: float
    step_size: float
    num_steps: int
    diverging: bool
    diverged_at: Values
    momentum: Tensor
    trajectory: Tensor | None


class HMC(Ground):
    """Hamiltonian Monte Carlo, a kernel for `MCMC` and for `InferenceRun`.

    Discrete sites that have a list of outcomes are summed out. Proposals off the support, or of no
    density, count as divergences and are refused; so do places without a gradient while the chain
    warms up, and may stray far. Afterwards they are an error.

    Args:
        model: the conditioned program; or give `potential_fn`.
        potential_fn: from unconstrained values by site to minus their log density in nats (scalar);
            needs `initial_params`.
        step_size: of a leapfrog step, at first.
        trajectory_length: step size times number of steps; 2 pi if neither is given.
        num_steps: leapfrog steps at the first step size, another way to give the length.
        adapt_step_size: learn the step size while warming up.
        adapt_mass_matrix: learn the mass while warming up.
        full_mass: learn correlations too; or groups of sites to learn them within, such as
            `[("a", "b")]`.
        transforms: for a potential_fn, site name -> transform from its support to unconstrained
            values.
        max_plate_nesting: batch dimensions that plates use; found by a run if not given.
        target_accept_prob: wanted acceptance; nearer 1 is slower and surer.
        init_strategy: from a latent site to a starting value, such as `init_to_median`.
        jit_compile: compile the potential once, before the first step, and take whole steps in
            machine code. "auto" does so where it is possible.
        record_trajectory: keep every point of a trajectory in the info, for drawing.
        warmup_steps: of a run that is not told by MCMC.

    Attributes:
        warmup_steps: steps that learn; set by MCMC. Their draws are not from the posterior yet.
        initial_params: unconstrained starting values by site, instead of the strategy's.
        compiled: what became of `jit_compile`: its backend, and the reason if steps are in Python.

    Raises:
        InferenceError: no finite density at 100 starting values, or no gradient on the way.
        NotCompiled: with `jit_compile=True`, the potential has no compiled form.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", Normal(guess, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> run = ppl.InferenceRun(HMC(scale, trajectory_length=1.5, warmup_steps=100), 8.5, seed=101)
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
        trajectory_length: float | None = None,
        num_steps: int | None = None,
        adapt_step_size: bool = True,
        adapt_mass_matrix: bool = True,
        full_mass: bool | Sequence[Sequence[str]] = False,
        transforms: Mapping[str, Any] | None = None,
        max_plate_nesting: int | None = None,
        target_accept_prob: float = 0.8,
        init_strategy: Strategy = init_to_uniform,
        *,
        jit_compile: bool | str = False,
        record_trajectory: bool = False,
        warmup_steps: int = 500,
    ):
        who = type(self).__name__
        if (model is None) == (potential_fn is None):
            raise ValueError(f"{who}: give a model or a potential_fn, one of the two")
        if not callable(model or potential_fn):
            raise TypeError(f"{who}: the model is a program, something to call; got {model!r}")
        if not 0 < target_accept_prob < 1:
            raise ValueError(
                f"{who}: target_accept_prob is between 0 and 1, got {target_accept_prob}"
            )
        if not step_size > 0:
            raise ValueError(f"{who}: step_size is positive, got {step_size}")
        self.model, self.potential_fn = model, potential_fn
        self.step_size = float(step_size)
        if trajectory_length is None:
            trajectory_length = 2 * math.pi if num_steps is None else self.step_size * num_steps
        self.trajectory_length = trajectory_length
        self.adapt_step_size, self.adapt_mass_matrix = adapt_step_size, adapt_mass_matrix
        self.full_mass, self.transforms = full_mass, dict(transforms or {})
        self.max_plate_nesting, self.init_strategy = max_plate_nesting, init_strategy
        self.target_accept_prob = target_accept_prob
        if jit_compile not in (True, False, "auto"):
            raise ValueError(f'{who}: jit_compile is True, False or "auto", got {jit_compile!r}')
        self.jit_compile = jit_compile
        self.compiled = Compiled("eager", "not asked for" if not jit_compile else "not begun")
        self.record_trajectory, self.warmup_steps = record_trajectory, warmup_steps
        self.initial_params: Values | None = None

    # ---- a Kernel

    def init(self, *args: Any, **kwargs: Any) -> HMCState:
        """Find a first point of finite density and a step size of the right order.

        Raises:
            InferenceError: 100 starting values had no finite density; the site is named.
            ModelError: nothing continuous to sample, a random choice of rows, or discrete sites
                without a finite list of outcomes.
        """
        target, point = self._begin(args, kwargs)
        mass = Mass(torch.ones_like(point.position))
        plan = Plan(
            self.warmup_steps,
            self.target_accept_prob,
            self.adapt_step_size,
            self.adapt_mass_matrix,
            self._kept(target.layout, point.position),
        )
        step_size = self.step_size
        if plan.learn_step_size and plan.warmup_steps:
            step_size = reasonable_step_size(target, point, mass, step_size)
        return HMCState(target, point, Adaptation.start(plan, step_size, mass))

    def update(self, state: HMCState, *args: Any, **kwargs: Any) -> tuple[HMCState, HMCInfo]:
        """One ride, and what the warm-up learns from it.

        Raises:
            InferenceError: no finite density at the chain's place (new arguments), or no gradient
                on the way.
        """
        try:
            return self._update(state, args, kwargs)
        except InferenceError as error:
            raise InferenceError(
                f"step {state.step + 1}: {error}",
                step=state.step,
                site=error.site,
                cause=error.cause,
            ) from None

    def _update(
        self, state: HMCState, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[HMCState, HMCInfo]:
        target, point = self._at_arguments(state.target, state.point, args, kwargs)
        learned = state.adaptation
        if self.jit_compile:
            stream = torch.get_rng_state()
            after, span = self._take(HMCState(target, point, learned, state.step), 1, stream)
            if span is not None:
                torch.set_rng_state(stream)
                if span.error is not None:
                    raise span.error
                return after, self.info(span, 0)
        point, learned, info = self.step_in_python(target, point, learned)
        return HMCState(target, point, learned, state.step + 1), info

    def step_in_python(
        self, target: Target, point: Point, learned: Adaptation
    ) -> tuple[Point, Adaptation, HMCInfo]:
        """One ride with torch's generator, and what the warm-up learns from it."""
        ride = Ride(
            target,
            learned.mass,
            learned.step_size,
            point,
            learned.mass.momentum(),
            strict=learned.done,
            record=self.record_trajectory,
        )
        chosen, info = self._ride(ride)
        point = chosen.point.detached()
        learned = learned.update(
            point.position,
            info.accept_prob,
            lambda mass, size: reasonable_step_size(target, point, mass, size),
        )
        return point, learned, info

    # ---- many steps at once

    @property
    def reach(self) -> "Reach | None":
        """How far its trajectories go, for machine code; None if only Python knows."""
        from .spans import Reach

        return Reach(0, self.trajectory_length) if type(self) is HMC else None

    def span(
        self,
        state: HMCState,
        steps: int,
        stream: Tensor,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        **limits: Any,
    ) -> "tuple[HMCState, Span | None]":
        """Take up to `steps` steps in one call of machine code; the new state, and what was passed.

        Args:
            state: where the chain is.
            steps: at most.
            stream: state of torch's generator, moved on in place.
            args, kwargs: of the program.
            limits: seconds and a `Stop`, see `spans.take`.

        Returns:
            The same state and None where the steps of this kernel are taken in Python: `compiled`
            says why. `span.error` is why the step after the last one failed.
        """
        target, point = self._at_arguments(state.target, state.point, args, kwargs or {})
        return self._take(replace(state, target=target, point=point), steps, stream, **limits)

    def _take(
        self, state: HMCState, steps: int, stream: Tensor, **limits: Any
    ) -> "tuple[HMCState, Span | None]":
        from . import spans  # not before it is needed

        target, at, learned = state.target, state.point, state.adaptation
        reach = spans.reach_of(self, target, at, learned)
        if not isinstance(target, spans.CompiledTarget):
            return state, None
        self.compiled = replace(target.report, reason=spans.why_not(self, target))
        if reach is None:
            return state, None
        limits["record"] = self.record_trajectory
        at, learned, span = spans.take(target, reach, at, learned, stream, steps, **limits)
        return HMCState(target, at, learned, state.step + len(span)), span

    def strides(self, state: HMCState) -> bool:
        """Whether its steps are machine code, and many of them can be taken at once."""
        from .spans import reach_of

        return reach_of(self, state.target, state.point, state.adaptation) is not None

    def numbers(self, span: "Span") -> dict[str, Tensor]:
        """The numbers among the infos of a span's steps, by name, (steps,)."""
        return span.numbers(depth=False)

    def info(self, span: "Span", step: int) -> HMCInfo:
        """What there is to say about one step of a span."""
        return HMCInfo(**span.facts(step, depth=False))

    # ---- trajectories

    def _ride(self, ride: Ride) -> tuple[Phase, HMCInfo]:
        """A trajectory of given length, whose end is accepted or refused."""
        phase = ride.start
        for _ in range(max(1, int(self.trajectory_length / ride.step_size + _ROUNDING))):
            ahead = ride.step(phase)
            if ahead is None:
                return ride.start, HMCInfo(**ride.facts(ride.start, 0.0))
            phase = ahead
        accept_prob = math.exp(min(0.0, ride.start.energy - phase.energy))
        chosen = phase if torch.rand(()).item() < accept_prob else ride.start
        return chosen, HMCInfo(**ride.facts(chosen, accept_prob))
