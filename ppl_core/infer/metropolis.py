"""Metropolis-Hastings: propose, then accept with the probability that leaves the posterior alone.

`IndependentMH` proposes from a guide, wherever the chain is; `RandomWalkKernel` proposes a small
step from where it is, in unconstrained space, and may learn the shape of its steps while it warms
up.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InferenceError
from .autoguide.initialization import Strategy, init_to_uniform
from .proposals import Draws, Proposal, prior_of
from .space import Point, Values
from .starts import Start
from .target import ProgramTarget, Target

Program = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class MetropolisInfo:
    """What a watcher may want to know about a step.

    Attributes:
        values: site name -> where the chain is after the step, constrained.
        proposal: site name -> where it might have gone.
        log_ratio: log of the Metropolis-Hastings ratio, in nats.
        accept_prob: min(1, ratio).
        accepted: whether the chain went there.
    """

    values: Mapping[str, Tensor]
    proposal: Mapping[str, Tensor]
    log_ratio: float
    accept_prob: float
    accepted: bool


def accepts(log_ratio: float) -> tuple[float, bool]:
    """The acceptance probability of a log ratio, and a draw with that probability."""
    accept_prob = math.exp(min(0.0, log_ratio))
    return accept_prob, torch.rand(()).item() < accept_prob


# ---- independent proposals


@dataclass(frozen=True, slots=True)
class IndependentState:
    """All that the next step needs.

    Attributes:
        values: site name -> where the chain is.
        log_weight: log p - log q there, in nats.
        ahead: proposals drawn ahead; they do not depend on where the chain is.
        used: how many of them have been proposed.
        pair: the checked model and guide.
        called: with which arguments.
    """

    values: Mapping[str, Tensor]
    log_weight: float
    ahead: Draws
    used: int
    pair: Proposal
    called: tuple[tuple[Any, ...], Mapping[str, Any]]


class IndependentMH:
    """Independent Metropolis-Hastings: each proposal is a fresh draw from the guide.

    The better the guide, the more are accepted; the exact posterior is accepted always. A guide
    with thinner tails than the posterior gets stuck where its weight is large.

    Args:
        model: the conditioned program.
        guide: proposes all its latent sites; the prior if not given.
        batch: proposals to draw at once, if the pair can be run in rows.
        vectorize: True insists on rows, False declines them.

    Raises:
        GuideError: model and guide do not fit, or the guide cannot reach all of the posterior.
        InferenceError: no proposal of the first batch is possible in the model.

    Source: Tierney 1994, Annals of Statistics 22(4), section 2.3.3.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> def scale():
    ...     weight = ppl.sample("weight", Normal(8.5, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> run = ppl.InferenceRun(IndependentMH(scale), seed=101, max_steps=4000)
    >>> accepted = [snapshot.info.accepted for snapshot in run]
    >>> round(sum(accepted) / 4000, 1)
    0.5
    """

    def __init__(
        self,
        model: Program,
        guide: Program | None = None,
        *,
        batch: int = 256,
        vectorize: bool | None = None,
    ):
        if int(batch) != batch or batch < 1:
            raise ValueError(f"IndependentMH: batch is a whole number >= 1, got {batch!r}")
        self.model, self.guide = model, prior_of(model) if guide is None else guide
        self.batch, self.vectorize = int(batch), vectorize

    def init(self, *args: Any, **kwargs: Any) -> IndependentState:
        """Begin at the first proposal that the model allows."""
        pair = Proposal.of(self.model, self.guide, args, kwargs, self.vectorize)
        ahead = pair.draw(max(100, self.batch), args, kwargs)
        weights = ahead.log_weights
        possible = (weights > -math.inf).nonzero()
        if not len(possible):
            cause = f"the model allows none of {len(ahead)} draws of the guide"
            raise InferenceError(
                f"IndependentMH: {cause}. Use a guide nearer to the posterior.", step=0, cause=cause
            )
        first = int(possible[0])
        return IndependentState(
            _place(ahead, first), weights[first].item(), ahead, first + 1, pair, (args, kwargs)
        )

    def update(
        self, state: IndependentState, *args: Any, **kwargs: Any
    ) -> tuple[IndependentState, MetropolisInfo]:
        """One proposal. Other arguments than before begin a new chain."""
        if not _same_call(state.called, (args, kwargs)):
            state = self.init(*args, **kwargs)
        ahead, used = state.ahead, state.used
        if used == len(ahead):
            ahead, used = state.pair.draw(state.pair.batch(self.batch), args, kwargs), 0
        proposal, log_weight = _place(ahead, used), ahead.log_weights[used].item()
        log_ratio = log_weight - state.log_weight
        accept_prob, accepted = accepts(log_ratio)
        values = proposal if accepted else state.values
        weight = log_weight if accepted else state.log_weight
        new = IndependentState(values, weight, ahead, used + 1, state.pair, state.called)
        return new, MetropolisInfo(values, proposal, log_ratio, accept_prob, accepted)


def _place(draws: Draws, number: int) -> dict[str, Tensor]:
    return {name: value[number] for name, value in draws.values.items() if name != "_RETURN"}


def _same_call(before: Any, now: Any) -> bool:
    (args, kwargs), (new_args, new_kwargs) = before, now
    if len(args) != len(new_args) or kwargs.keys() != new_kwargs.keys():
        return False
    pairs = [*zip(args, new_args, strict=True), *((kwargs[k], new_kwargs[k]) for k in kwargs)]
    return all(
        one is other or (isinstance(one, int | float | str) and one == other)
        for one, other in pairs
    )


# ---- random walks


@dataclass(frozen=True, slots=True)
class WalkState:
    """All that the next step needs.

    Attributes:
        target: the potential of the program, over one vector.
        position: unconstrained, (d,).
        potential: there, in nats.
        values: site name -> the position on the sites' supports.
        root: a step is root @ standard normal noise, (d, d).
        step: steps taken.
    """

    target: Target
    position: Tensor
    potential: float
    values: Mapping[str, Tensor]
    root: Tensor
    step: int = 0


class RandomWalkKernel:
    """Random-walk Metropolis in unconstrained space; discrete sites are summed out.

    During its first `warmup_steps` steps it learns shape and size of its steps from what was
    accepted (Vihola's robust adaptive Metropolis), if `adapt` is true; then they stay.

    Args:
        model: the conditioned program.
        init_step_size: standard deviation of the first steps in each unconstrained coordinate.
        adapt: whether to learn while warming up.
        target_accept_prob: the share to be accepted; 0.44 in one dimension, 0.234 in many if not
            given.
        init_strategy: from a latent site to its starting value.
        warmup_steps: steps to learn from; `MCMC` sets it.

    Attributes:
        initial_params: unconstrained starting values by site, instead of the strategy's.

    Raises:
        ModelError: the program has no continuous latent site.
        InferenceError: a density is not a number; step, site and value are named.

    Source: Roberts, Gelman & Gilks 1997 (what to accept); Vihola 2012, "Robust adaptive Metropolis
    algorithm with coerced acceptance rate", eq. 1 (how to learn).

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> def scale():
    ...     weight = ppl.sample("weight", Normal(8.5, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> run = ppl.InferenceRun(RandomWalkKernel(scale, warmup_steps=500), seed=101, max_steps=3000)
    >>> draws = [snapshot.info.values["weight"] for snapshot in run][500:]
    >>> round(float(sum(draws)) / 2500, 1)
    9.1
    """

    def __init__(
        self,
        model: Program,
        init_step_size: float = 1.0,
        *,
        adapt: bool = True,
        target_accept_prob: float | None = None,
        init_strategy: Strategy = init_to_uniform,
        warmup_steps: int = 0,
    ):
        if not 0 < init_step_size < math.inf:
            raise ValueError(f"RandomWalkKernel: init_step_size > 0, got {init_step_size!r}")
        if target_accept_prob is not None and not 0 < target_accept_prob < 1:
            raise ValueError(
                f"RandomWalkKernel: target_accept_prob lies between 0 and 1, "
                f"got {target_accept_prob!r}"
            )
        self.model, self.init_step_size, self.adapt = model, float(init_step_size), adapt
        self.target_accept_prob, self.init_strategy = target_accept_prob, init_strategy
        self.warmup_steps = warmup_steps
        self.initial_params: Values | None = None

    def init(self, *args: Any, **kwargs: Any) -> WalkState:
        """Find a start of finite density."""
        start = Start(self.model, self.init_strategy, given=self.initial_params)
        target, point = start.find(args, kwargs)
        root = self.init_step_size * torch.eye(len(point.position), dtype=point.position.dtype)
        return WalkState(target, point.position, point.potential, point.values, root)

    def update(
        self, state: WalkState, *args: Any, **kwargs: Any
    ) -> tuple[WalkState, MetropolisInfo]:
        """One step, from where the chain is, even if the arguments have changed."""
        target, potential, values = state.target, state.potential, state.values
        if not target.is_for(args, kwargs):
            target = ProgramTarget(self.model, target.layout, args, kwargs)
            potential, values = self._at(target, state.position, state.step)
        noise = torch.randn_like(state.position)
        there = state.position + state.root @ noise
        energy_there, proposal = self._at(target, there, state.step)
        log_ratio = potential - energy_there
        accept_prob, accepted = accepts(log_ratio)
        root = state.root
        if self.adapt and state.step < self.warmup_steps:
            root = self._learned(root, noise, accept_prob, state.step)
        if accepted:
            new = WalkState(target, there, energy_there, proposal, root, state.step + 1)
        else:
            new = WalkState(target, state.position, potential, values, root, state.step + 1)
        return new, MetropolisInfo(new.values, proposal, log_ratio, accept_prob, accepted)

    def _at(self, target: Target, position: Tensor, step: int) -> tuple[float, dict[str, Tensor]]:
        """Potential and values at a position; an infinite potential is a rejection."""
        with torch.no_grad():
            energy, values = target.energy(target.layout.split(position))
        potential = energy.item()
        if math.isnan(potential) or potential == -math.inf:
            point = Point(position, potential, torch.zeros_like(position), values)
            site, cause = target.blame(point)
            raise InferenceError(
                f"RandomWalkKernel, step {step + 1}: {cause}. A prior that keeps away from such "
                f"values, or a model without a division by 0 or the log of a negative number "
                f"there, mends it.",
                step=step,
                site=site,
                cause=cause,
            )
        return potential, dict(values)

    def _learned(self, root: Tensor, noise: Tensor, accept_prob: float, step: int) -> Tensor:
        """Longer in the direction just tried if it was accepted too often, else shorter."""
        size = len(noise)
        wanted = self.target_accept_prob or (0.44 if size == 1 else 0.234)
        rate = min(1.0, size * (step + 1) ** (-2 / 3))
        stretch = rate * (accept_prob - wanted) / noise.dot(noise)
        inner = torch.eye(size, dtype=root.dtype) + stretch * torch.outer(noise, noise)
        return torch.linalg.cholesky(root @ inner @ root.T)
