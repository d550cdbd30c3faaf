"""TemperedSMC: a cloud of particles led from the prior to the posterior in small steps.

The likelihood is raised to a power that grows from 0 to 1. At each power the particles are weighed,
resampled and moved by a few Markov steps that leave that tempered posterior alone. The average
weights of all powers multiply up to the evidence.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...diagnostics import weight_ess
from ...errors import InferenceError
from ..coordinates import Coordinates
from .moves import MOVES, Cloud
from .resampling import SCHEMES


@dataclass(frozen=True, slots=True)
class TemperedState:
    """All that the next step needs.

    Attributes:
        cloud: unconstrained particles with their log prior and log likelihood.
        power: of the likelihood, from 0 (the prior) to 1 (the posterior).
        log_evidence: of the tempered model so far, in nats.
        step_size: of the moves.
        step: steps completed.
    """

    cloud: Cloud
    power: float = 0.0
    log_evidence: float = 0.0
    step_size: float = 1.0
    step: int = 0


@dataclass(frozen=True, slots=True)
class TemperedInfo:
    """What a watcher may want to know about a step.

    Attributes:
        power: of the likelihood after the step.
        ess: effective sample size before resampling.
        ancestors: each particle's index before the step, (num_particles,).
        accept_prob: average acceptance probability of the moves.
        log_evidence: what the step added to the log evidence, in nats.
    """

    power: float
    ess: float
    ancestors: Tensor
    accept_prob: float
    log_evidence: float


@dataclass(frozen=True, slots=True)
class TemperedResult:
    """Where the particles arrived.

    Attributes:
        samples: site name -> equally likely values, (num_particles, ...).
        log_evidence: in nats.
        infos: one for each power.
        state: to go on from.
    """

    samples: dict[str, Tensor]
    log_evidence: float
    infos: list[TemperedInfo]
    state: TemperedState


class TemperedSMC:
    """Sequential Monte Carlo for a static model, with its log evidence.

    The next power is the one at which the effective size falls to `ess_target`. Powers and step
    sizes are chosen from the particles themselves, which makes the evidence slightly biased; the
    bias vanishes like 1 / num_particles.

    Args:
        model: the conditioned program; its latent sites are continuous, its prior can be drawn.
        num_particles: size of the cloud.
        move: "random walk" or "hmc".
        num_moves: Markov steps at each power; 20 random-walk steps or 4 trajectories if not given.
        ess_target: share of the particles that the effective size falls to.
        resampling: as for `SMCFilter`.
        vectorize: all particles in one run; False for programs whose course depends on values.

    Raises:
        ModelError: a latent site is discrete.
        InferenceError: no particle can explain the data, or a density is not finite.

    Source: Del Moral, Doucet & Jasra 2006, section 3.3.2; Jasra et al. 2011 (adaptive powers).

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> def scale():
    ...     weight = ppl.sample("weight", Normal(8.5, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> ppl.set_rng_seed(101)
    >>> result = TemperedSMC(scale, num_particles=5000).run()
    >>> round(result.log_evidence, 1), round(result.samples["weight"].mean().item(), 1)
    (-1.5, 9.1)
    """

    def __init__(
        self,
        model: Callable[..., Any],
        num_particles: int = 1000,
        *,
        move: str = "random walk",
        num_moves: int | None = None,
        ess_target: float = 0.5,
        resampling: str = "systematic",
        vectorize: bool = True,
    ):
        for name, value, least in (
            ("num_particles", num_particles, 2),
            ("num_moves", 1 if num_moves is None else num_moves, 1),
        ):
            if int(value) != value or value < least:
                raise ValueError(f"TemperedSMC: {name} is a whole number >= {least}, got {value!r}")
        if not 0 < ess_target < 1:
            raise ValueError(
                f"TemperedSMC: ess_target is a share of the particles in (0, 1), got {ess_target!r}"
            )
        for name, value, known in (("move", move, MOVES), ("resampling", resampling, SCHEMES)):
            if value not in known:
                raise ValueError(f"TemperedSMC: {name} is one of {', '.join(known)}, got {value!r}")
        self.model, self.num_particles = model, int(num_particles)
        self.num_moves = int(num_moves or MOVES[move].usual_number)
        self.move, self.ess_target, self.resampling = move, ess_target, resampling
        self.vectorize = vectorize

    def run(self, *args: Any, max_steps: int = 1000, **kwargs: Any) -> TemperedResult:
        """Go from prior to posterior.

        Raises:
            InferenceError: the posterior is not reached in max_steps powers.
        """
        state, infos = self.init(*args, **kwargs), []
        while state.power < 1.0:
            if state.step == max_steps:
                raise InferenceError(
                    f"TemperedSMC: after {max_steps} steps the power is {state.power:.2g}, not 1. "
                    f"The data says far more than the prior: use more particles or moves.",
                    step=state.step,
                )
            state, info = self.update(state, *args, **kwargs)
            infos.append(info)
        return TemperedResult(self.values(state, *args, **kwargs), state.log_evidence, infos, state)

    def values(self, state: TemperedState, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The particles on their sites' supports, site name -> (num_particles, ...)."""
        return self._space(args, kwargs).constrain(state.cloud.at)

    # ---- a Kernel

    def init(self, *args: Any, **kwargs: Any) -> TemperedState:
        """Draw the cloud from the prior."""
        space = self._space(args, kwargs)
        at = space.draw(self.num_particles)
        prior, likelihood = space.score(at)
        space.check(prior + likelihood, at, -1, "TemperedSMC")
        return TemperedState(Cloud(at, prior, likelihood), step_size=MOVES[self.move].first_step)

    def update(
        self, state: TemperedState, *args: Any, **kwargs: Any
    ) -> tuple[TemperedState, TemperedInfo]:
        """The next power; at power 1, moves only."""
        space, cloud = self._space(args, kwargs), state.cloud
        rise = self._rise(cloud.log_likelihood, 1.0 - state.power, state.step)
        weights = _times(rise, cloud.log_likelihood).double()
        gained = weights.logsumexp(0).item() - math.log(len(weights))
        ancestors = SCHEMES[self.resampling](weights)
        power = 1.0 if rise == 1.0 - state.power else state.power + rise
        move = MOVES[self.move](space, cloud.chosen(ancestors), power, state.step)
        cloud, step_size, accepted = move.run(self.num_moves, state.step_size)
        new = TemperedState(cloud, power, state.log_evidence + gained, step_size, state.step + 1)
        return new, TemperedInfo(power, float(weight_ess(weights)), ancestors, accepted, gained)

    def _rise(self, log_likelihood: Tensor, left: float, step: int) -> float:
        """The largest rise of the power that keeps the effective size, found by bisection."""
        if not bool((log_likelihood > -math.inf).any()):
            cause = "the data is impossible for every particle (all weights are zero)"
            raise InferenceError(
                f"TemperedSMC, step {step + 1}: {cause}. More particles, or a prior nearer to the "
                f"data, helps.",
                step=step,
                cause=cause,
            )
        possible = float((log_likelihood > -math.inf).double().mean())
        wanted = self.ess_target * possible * len(log_likelihood)
        if float(weight_ess(_times(left, log_likelihood))) >= wanted:
            return left
        low, high = 0.0, left
        for _ in range(60):
            middle = 0.5 * (low + high)
            enough = float(weight_ess(_times(middle, log_likelihood))) >= wanted
            low, high = (middle, high) if enough else (low, middle)
        return low

    def _space(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Coordinates:
        return Coordinates(self.model, args, kwargs, self.vectorize)


def _times(power: float, log_likelihood: Tensor) -> Tensor:
    """A power of the likelihood, in nats; impossible stays impossible, even at power 0."""
    return (log_likelihood * power).where(log_likelihood > -math.inf, log_likelihood)
