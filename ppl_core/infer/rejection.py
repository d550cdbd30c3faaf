"""Rejection sampling: throw points under an envelope, keep those that fall under the model.

A draw z of the guide q gets a height, uniform between 0 and M q(z). It is kept if it lies below
p(z, data). What is kept are exact, independent draws from the posterior, and the share that is kept
is the evidence over M: here the guide's faults cost time, and never truth.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ..errors import InferenceError
from .draws import Draws, together
from .envelope import Envelope, find_envelope, shown
from .proposals import Program, Proposal, prior_of


@dataclass(frozen=True, slots=True)
class RejectionState:
    """What was kept so far, and what the next draw needs.

    Attributes:
        proposal: model and guide, checked.
        envelope: the constant, and where it comes from.
        batches: the draws that were kept.
        proposed: number of draws, kept or not.
    """

    proposal: Proposal
    envelope: Envelope
    batches: tuple[Draws, ...] = ()
    proposed: int = 0

    @property
    def accepted(self) -> int:
        """Number of draws that were kept."""
        return sum(map(len, self.batches))

    @property
    def acceptance_rate(self) -> float:
        """Share of draws that were kept; nan before the first."""
        return self.accepted / self.proposed if self.proposed else math.nan


@dataclass(frozen=True, slots=True)
class RejectionInfo:
    """The newest draws, for whoever draws them.

    Attributes:
        values: site -> (draws, ...).
        log_height: where between 0 and the envelope each point fell, in nats, (draws,).
        log_p: the model there: a point below it is kept.
        log_envelope: log M + log q there.
        accepted: which were kept, (draws,).
    """

    values: Mapping[str, Tensor]
    log_height: Tensor
    log_p: Tensor
    log_envelope: Tensor
    accepted: Tensor


class Rejection:
    """Exact posterior draws from a guide that serves as an envelope.

    `run(*args)` proposes until num_samples are kept and returns itself; then ask for `value(site)`,
    `get_samples()`, `acceptance_rate`, `get_log_normalizer()` or an `EmpiricalMarginal`. As a
    Kernel, each `update` proposes a batch. An interrupt or an error keeps the draws made so far.

    Args:
        model: the conditioned program.
        guide: draws every latent site of the model; by default the prior.
        num_samples: draws to keep in a run.
        log_constant: log M in nats, so that p(z, data) <= M q(z) everywhere; found if not given.
        max_draws: proposals that a run may make.
        vectorize: as for `Importance`: rows, one at a time, or what a test finds.
        batch_size: proposals of a step.

    Raises:
        GuideError: the guide misses a site of the model, or values that the model allows.
        InferenceError: a draw lies above the envelope, there is no envelope, or the budget ends
            without a sample.

    Source: von Neumann 1951, Various techniques used in connection with random digits.

    >>> import ppl_core as ppl
    >>> ppl.set_rng_seed(101)
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))
    ...     return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
    >>> model = ppl.condition(scale, data={"measurement": 9.5})
    >>> posterior = Rejection(model, num_samples=5_000).run(8.5)
    >>> f"{posterior.value('weight').mean():.1f}, kept {posterior.acceptance_rate:.0%}"
    '9.1, kept 44%'
    """

    def __init__(
        self,
        model: Program,
        guide: Program | None = None,
        num_samples: int = 1000,
        log_constant: float | None = None,
        max_draws: int = 100_000,
        vectorize: bool | None = None,
        batch_size: int = 1,
    ):
        sizes = {"num_samples": num_samples, "max_draws": max_draws, "batch_size": batch_size}
        for name, number in sizes.items():
            if int(number) != number or number < 1:
                raise ValueError(f"Rejection: {name} is a whole number >= 1, got {number!r}")
        if log_constant is not None and not math.isfinite(log_constant):
            raise ValueError(f"Rejection: log_constant is a number, got {log_constant!r}")
        self.model, self.guide = model, prior_of(model) if guide is None else guide
        self.num_samples, self.max_draws = num_samples, max_draws
        self.log_constant, self.vectorize, self.batch_size = log_constant, vectorize, batch_size
        self.state: RejectionState | None = None

    # ---- a Kernel: each step proposes a batch

    def init(self, *args: Any, **kwargs: Any) -> RejectionState:
        """Check the pair, and find the constant if it is not given; nothing is kept yet."""
        proposal = Proposal.of(self.model, self.guide, args, kwargs, vectorize=self.vectorize)
        if self.log_constant is None:
            return RejectionState(proposal, find_envelope(proposal, args, kwargs))
        return RejectionState(proposal, Envelope(float(self.log_constant), "given"))

    def update(
        self, state: RejectionState, *args: Any, **kwargs: Any
    ) -> tuple[RejectionState, RejectionInfo]:
        """Propose a batch.

        Raises:
            InferenceError: a draw lies above the envelope; it is named, with the constant it needs.
        """
        return self._propose(state, self.batch_size, args, kwargs)

    def _propose(
        self, state: RejectionState, size: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[RejectionState, RejectionInfo]:
        log_m = state.envelope.log_constant
        drawn = state.proposal.draw(size, args, kwargs)
        _check_below(drawn, state)
        log_envelope = log_m + drawn.log_q
        log_height = log_envelope + torch.rand(size, dtype=torch.float64).log()
        accepted = log_height < drawn.log_p
        kept = (drawn.chosen(accepted),) if bool(accepted.any()) else ()
        after = RejectionState(
            state.proposal, state.envelope, state.batches + kept, state.proposed + size
        )
        return after, RejectionInfo(drawn.values, log_height, drawn.log_p, log_envelope, accepted)

    # ---- all at once

    def run(self, *args: Any, **kwargs: Any) -> Self:
        """Propose until num_samples are kept, or max_draws are made; a new run forgets the last.

        Warns:
            UserWarning: the budget ended with fewer samples than asked for.
        """
        self.state = state = self.init(*args, **kwargs)
        while state.accepted < self.num_samples and state.proposed < self.max_draws:
            rate = (state.accepted + 1) / (state.proposed + 2)
            wanted = math.ceil((self.num_samples - state.accepted) / rate)
            wanted = min(max(wanted, 100), self.max_draws - state.proposed)
            state, _ = self._propose(state, state.proposal.batch(wanted), args, kwargs)
            self.state = state
        if state.accepted == 0:
            raise InferenceError(
                f"Rejection: none of {state.proposed} draws was kept, so the acceptance rate is "
                f"below {3 / state.proposed:.1g} (95 %) under log_constant="
                f"{state.envelope.log_constant:.4g}, {state.envelope.how}. Bring the guide nearer "
                f"to the posterior, lower the constant, or raise max_draws.",
                step=state.proposed,
                cause="the budget ended without a sample",
            )
        if state.accepted < self.num_samples:
            warnings.warn(
                f"Rejection: max_draws={self.max_draws} ended with {state.accepted} of "
                f"{self.num_samples} samples; {state.acceptance_rate:.2g} of the draws are kept",
                stacklevel=2,
            )
        return self

    # ---- what was found

    def _reached(self) -> RejectionState:
        if self.state is None or not self.state.batches:
            raise InferenceError("Rejection: nothing is kept yet; call run(...) first")
        return self.state

    @property
    def draws(self) -> Draws:
        """The draws that were kept, num_samples at most.

        Raises:
            InferenceError: there are none.
        """
        return together(self._reached().batches).chosen(torch.arange(len(self)))

    def __len__(self) -> int:
        return min(self._reached().accepted, self.num_samples)

    def value(self, name: str) -> Tensor:
        """Posterior draws of a site, (num_samples, ...); "_RETURN" for the model's result."""
        return self.draws.value(name)

    def get_samples(self) -> dict[str, Tensor]:
        """Posterior draws of every site, (num_samples, ...)."""
        return {name: value for name, value in self.draws.values.items() if name != "_RETURN"}

    def get_normalized_weights(self, log_scale: bool = False) -> Tensor:
        """Equal weights, or their logs: every draw that was kept counts the same."""
        log_w = torch.full((len(self),), -math.log(len(self)))
        return log_w if log_scale else log_w.exp()

    @property
    def acceptance_rate(self) -> float:
        """Share of the draws that were kept."""
        return self._reached().acceptance_rate

    @property
    def envelope(self) -> Envelope:
        """The constant in use, and where it comes from."""
        return self._reached().envelope

    def get_log_normalizer(self) -> Tensor:
        """Estimate of the log evidence log p(data) in nats: log of M times the acceptance rate."""
        state = self._reached()
        return torch.tensor(state.envelope.log_constant + math.log(state.acceptance_rate))

    def get_log_normalizer_error(self) -> Tensor:
        """Standard error of `get_log_normalizer` in nats: of the log of a share."""
        rate, proposed = self._reached().acceptance_rate, self._reached().proposed
        return torch.tensor(math.sqrt((1 - rate) / (rate * proposed)))


_ROUNDING = 1e-5  # nats by which a draw may seem to lie above the envelope


def _check_below(drawn: Draws, state: RejectionState) -> None:
    log_ratio, log_m = drawn.log_weights, state.envelope.log_constant
    worst = int(log_ratio.argmax())
    highest = log_ratio[worst].item()
    if highest <= log_m + _ROUNDING * (1 + abs(log_m)):
        return
    values = {name: value[worst] for name, value in drawn.values.items() if name != "_RETURN"}
    raise InferenceError(
        f"Rejection: a draw lies above the envelope: at {shown(values)} the model is "
        f"{math.exp(min(highest - log_m, 700)):.4g} times as high as the guide times the constant "
        f"(log_constant={log_m:.6g}, {state.envelope.how}). This draw needs "
        f"log_constant={highest:.6g} or more; draws kept so far are too few near it.",
        step=state.proposed,
        site=next(iter(values), ""),
        cause=f"log_constant is below {highest:.6g}",
    )
