"""SMCFilter: a cloud of particles that follows a hidden state through a series of readings.

Each step draws every particle's next state and weighs it by how well it explains the new reading;
once too few particles carry the weight, the likely ones have children. A step's average weight
estimates the probability of its reading; the product of all is an unbiased estimate of the
evidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ...diagnostics import weight_ess
from ...distributions import Empirical
from ...effects import Site
from ...errors import GuideError, InferenceError, ModelError, ShapeError
from ...handlers import Trace, block, is_latent, log_prob_of, replay, trace
from ...inspect import check_pair
from ...plates import Subsample, plate
from ...values import validation, validation_enabled
from .resampling import SCHEMES


@dataclass(frozen=True, slots=True)
class SMCState:
    """All that the next step needs. `state["z"]` is one of its values.

    Attributes:
        values: what the model has put into its state; the particles lead each tensor.
        log_weights: of the particles in nats, normalised, (num_particles,).
        log_evidence: estimate of the log probability of all readings so far, in nats.
        step: steps completed after `init`.
    """

    values: Mapping[str, Any]
    log_weights: Tensor
    log_evidence: float = 0.0
    step: int = 0

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


@dataclass(frozen=True, slots=True)
class SMCInfo:
    """What a watcher may want to know about a step.

    Attributes:
        ancestors: for each particle, the index of the one it came from, (num_particles,).
        resampled: whether some had several children before this step.
        log_increments: what the step multiplied each weight by, in nats, (num_particles,).
        log_evidence: log probability of this step's reading given the earlier ones, in nats.
        ess: effective sample size after the step.
    """

    ancestors: Tensor
    resampled: bool
    log_increments: Tensor
    log_evidence: float
    ess: float


class SMCFilter:
    """Sequential Monte Carlo for a program in two parts, `init(state, ...)` and `step(state, ...)`.

    Both parts keep what the next step needs in `state`, a dict: `state["z"] = sample("z", ...)`.
    The guide may read the state, and draws what the model draws; the model may write it.
    `init` and `step` of the filter take the same arguments without the state. As a Kernel, the
    filter is `init` and `update`: put what changes, the new reading, into `run.args`.

    Args:
        model: an object with the two methods.
        guide: the same for proposals; without one, the model's own draws (the bootstrap filter).
        num_particles: size of the cloud.
        max_plate_nesting: batch dimensions that the model's plates use; the particles are left of
            them.
        ess_threshold: resample before a step when the effective size is below this share.
        resampling: "systematic", "stratified", "residual" or "multinomial".

    Raises:
        ModelError, GuideError: a method is missing, or the two do not fit.
        InferenceError: no particle can explain a reading; the step and the site are named.

    Source: Gordon, Salmond & Smith 1993; Doucet & Johansen 2009, section 4 (weights, evidence).

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> class Drift:
    ...     def init(self, state):
    ...         state["kg"] = ppl.sample("kg", Normal(8.5, 1.0))
    ...
    ...     def step(self, state, reading):
    ...         state["kg"] = ppl.sample("kg", Normal(state["kg"], 0.3))
    ...         ppl.sample("reading", Normal(state["kg"], 0.75), obs=reading)
    >>> ppl.set_rng_seed(101)
    >>> smc = SMCFilter(Drift(), num_particles=1000)
    >>> state = smc.init()
    >>> for reading in [9.5, 9.1]:
    ...     state = smc.step(reading)
    >>> round(float(smc.get_empirical()["kg"].mean), 1), round(state.log_evidence, 1)
    (9.1, -2.4)
    """

    def __init__(
        self,
        model: Any,
        guide: Any = None,
        num_particles: int = 1000,
        max_plate_nesting: int = 0,
        *,
        ess_threshold: float = 0.5,
        resampling: str = "systematic",
    ):
        if int(num_particles) != num_particles or num_particles < 1:
            raise ValueError(
                f"SMCFilter: num_particles is a whole number >= 1, got {num_particles!r}"
            )
        if not 0 < ess_threshold <= 1:
            raise ValueError(
                f"SMCFilter: ess_threshold is a share of the particles in (0, 1], got "
                f"{ess_threshold!r}"
            )
        if resampling not in SCHEMES:
            raise ValueError(
                f"SMCFilter: resampling is one of {', '.join(SCHEMES)}, got {resampling!r}"
            )
        _has_both_parts(model, "model", ModelError)
        if guide is not None:
            _has_both_parts(guide, "guide", GuideError)
        self.model, self.guide = model, guide
        self.num_particles, self.max_plate_nesting = int(num_particles), max_plate_nesting
        self.ess_threshold, self.resampling = ess_threshold, resampling

    # ---- Pyro's face: the filter remembers

    @property
    def state(self) -> SMCState:
        """The cloud as it is now."""
        return self.states[-1]

    def step(self, *args: Any, **kwargs: Any) -> SMCState:
        """Go on by one reading, from where the filter is."""
        state, info = self.update(self.state, *args, **kwargs)
        self.states.append(state)
        self.infos.append(info)
        return state

    def get_empirical(self) -> dict[str, Empirical]:
        """For each tensor of the state, the weighted particles as a distribution."""
        return {
            key: Empirical(value, self.state.log_weights)
            for key, value in self.state.values.items()
            if isinstance(value, Tensor)
        }

    def genealogy(self) -> Tensor:
        """For each particle of today, its forebears' indices at each step, (steps + 1, N)."""
        return genealogy([info.ancestors for info in self.infos], self.num_particles)

    # ---- a Kernel: states in, states out

    def init(self, *args: Any, **kwargs: Any) -> SMCState:
        """Draw the first cloud; the filter's memory starts afresh."""
        uniform = torch.zeros(self.num_particles, dtype=torch.double).log_softmax(0)
        values, increments = self._propagate("init", {}, 0, args, kwargs)
        self.states = [_weighed(values, uniform, increments, 0.0, 0)]
        self.infos: list[SMCInfo] = []
        return self.states[0]

    def update(self, state: SMCState, *args: Any, **kwargs: Any) -> tuple[SMCState, SMCInfo]:
        """One reading: resample if need be, draw, weigh. The filter's memory is left alone."""
        ancestors, values, weights = (
            torch.arange(self.num_particles),
            state.values,
            state.log_weights,
        )
        tired = float(weight_ess(weights)) < self.ess_threshold * self.num_particles
        if tired:
            ancestors = SCHEMES[self.resampling](weights)
            values = {
                key: value[ancestors] if isinstance(value, Tensor) else value
                for key, value in values.items()
            }
            weights = torch.zeros_like(weights).log_softmax(0)
        step = state.step + 1
        values, increments = self._propagate("step", dict(values), step, args, kwargs)
        new = _weighed(values, weights, increments, state.log_evidence, step)
        gained = new.log_evidence - state.log_evidence
        ess = float(weight_ess(new.log_weights))
        return new, SMCInfo(ancestors, tired, increments, gained, ess)

    @torch.no_grad()
    def _propagate(
        self, part: str, values: dict[str, Any], step: int, args: Any, kwargs: Any
    ) -> tuple[dict[str, Any], Tensor]:
        """Run one part of guide and model; the new values, and the log weight it adds."""
        guide_sites = Trace()
        dim = -1 - self.max_plate_nesting
        with block(), plate(_PARTICLES, self.num_particles, dim=dim):
            if self.guide is not None:
                with trace() as guide_sites:
                    getattr(self.guide, part)(MappingProxyType(values), *args, **kwargs)
            with trace() as model_sites, replay(trace=guide_sites):
                getattr(self.model, part)(values, *args, **kwargs)
        with validation(False):  # what some particles find impossible is no mistake
            terms = self._terms(model_sites, guide_sites)
        if self.guide is not None and validation_enabled():
            check_pair(model_sites, guide_sites)
        self._check_state(values)
        total = torch.zeros(self.num_particles, dtype=torch.double)
        for site, log_prob in terms:
            total = total + log_prob
            _check_alive(total, site, step)
        return {key: _detached(value) for key, value in values.items()}, total

    def _terms(self, model_sites: Trace, guide_sites: Trace) -> list[tuple[Site, Tensor]]:
        """What each site adds to the log weights: log p of the model, minus log q of the guide."""
        terms: list[tuple[Site, Tensor]] = []
        for site in model_sites.samples():
            if isinstance(site.fn, Subsample) or (is_latent(site) and self.guide is None):
                continue  # drawn by the model itself: its probability cancels
            log_weight = self._rows(site)
            if site.name in guide_sites:
                log_weight = log_weight - self._rows(guide_sites[site.name])
            terms.append((site, log_weight))
        helpers = [s for s in guide_sites.samples() if s.name not in model_sites]
        terms += [(s, -self._rows(s)) for s in helpers if not isinstance(s.fn, Subsample)]
        return terms

    def _rows(self, site: Site) -> Tensor:
        """A site's log probability for each particle, (num_particles,)."""
        log_prob = log_prob_of(site).double()
        if log_prob.dim() <= self.max_plate_nesting:  # masked out: the same for all
            return log_prob.sum().expand(self.num_particles)
        rows = log_prob.movedim(-1 - self.max_plate_nesting, 0)
        return rows.reshape(len(rows), -1).sum(-1)

    def _check_state(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape[:1] != (self.num_particles,):
                raise ShapeError(
                    f"SMCFilter: state[{key!r}] has shape {tuple(value.shape)}, but the "
                    f"{self.num_particles} particles come first in each tensor of the state. Keep "
                    f"what all particles share as a plain number, or outside the state. (Is "
                    f"max_plate_nesting={self.max_plate_nesting} the number of nested plates?)"
                )


_PARTICLES = "particles"


def genealogy(ancestors: list[Tensor], num_particles: int) -> Tensor:
    """The paths that lead to today's particles.

    Args:
        ancestors: for each step, each particle's index in the step before, (num_particles,).
        num_particles: of the cloud.

    Returns:
        Indices, (steps + 1, num_particles): row t holds who the forebear was at step t.

    >>> genealogy([torch.tensor([0, 0]), torch.tensor([1, 1])], 2)
    tensor([[0, 0],
            [1, 1],
            [0, 1]])
    """
    paths = [torch.arange(num_particles)]
    for parents in reversed(ancestors):
        paths.append(parents[paths[-1]])
    return torch.stack(paths[::-1])


def _weighed(
    values: dict[str, Any], log_weights: Tensor, increments: Tensor, log_evidence: float, step: int
) -> SMCState:
    joint = log_weights + increments
    gained = joint.logsumexp(0)
    return SMCState(values, joint - gained, log_evidence + gained.item(), step)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _has_both_parts(program: Any, who: str, error: Callable[[str], Exception]) -> None:
    for part in ("init", "step"):
        if not callable(getattr(program, part, None)):
            raise error(
                f"SMCFilter: the {who} {type(program).__name__} has no method {part}(state, ...). "
                f"It needs two: init(state, ...) for the first moment, step(state, ...) for every "
                f"later one."
            )


def _check_alive(log_weights: Tensor, site: Site, step: int) -> None:
    best = log_weights.max()
    if torch.isfinite(best):
        return
    at = f" at {site.where}" if site.where else ""
    if bool(torch.isneginf(best)):
        cause = f"site {site.name!r}{at} is impossible for every particle (all weights are zero)"
        mend = "More noise in the model, more particles, or a guide that looks at the reading helps"
    else:
        cause = f"the log weight of site {site.name!r}{at} is {best.item()} for some particle"
        mend = "Check the values that the model computes there"
    raise InferenceError(
        f"SMCFilter, {f'step {step}' if step else 'init'}: {cause}. {mend}.",
        step=max(step - 1, 0),
        site=site.name,
        cause=cause,
    )
