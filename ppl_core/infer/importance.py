"""Importance sampling: draws from a guide, each weighted by how much the posterior prefers it.

The weight of a draw is w = p(z, data) / q(z). Averages under w are averages under the posterior,
and the mean weight is the evidence p(data). All of it stands on q reaching wherever p does.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ..diagnostics import pareto_threshold, pareto_verdict
from ..effects import Site
from ..errors import InferenceError
from ..handlers import Trace, replay, trace
from .draws import Draws, together
from .proposals import Program, Proposal, prior_of
from .weighted import WeightedPosterior


@dataclass(frozen=True, slots=True)
class ImportanceState(WeightedPosterior):
    """All draws so far, batch by batch, and how more are made.

    Attributes:
        proposal: model and guide, checked.
        batches: one a step.
    """

    proposal: Proposal
    batches: tuple[Draws, ...] = ()

    @property
    def draws(self) -> Draws:
        """All draws so far.

        Raises:
            InferenceError: there are none.
        """
        if not self.batches:
            raise InferenceError("Importance: nothing is drawn yet; take a step or call run(...)")
        return together(self.batches)


@dataclass(frozen=True, slots=True)
class ImportanceInfo:
    """The newest batch.

    Attributes:
        values: site -> (batch, ...), where the draws fell.
        log_weights: in nats, (batch,).
    """

    values: Mapping[str, Tensor]
    log_weights: Tensor


class Importance(WeightedPosterior):
    """Posterior and evidence by weighted draws from a guide.

    `run(*args)` makes all draws and returns itself; then ask for `get_log_normalizer()`,
    `get_ESS()`, `get_pareto_k()`, `mean(site)`, `resample(n)` or an `EmpiricalMarginal`. As a
    Kernel, each `update` adds a batch. An interrupt or an error keeps the draws made so far.

    Args:
        model: the conditioned program.
        guide: draws every latent site of the model; by default the prior.
        num_samples: draws of a run; 10 if not given, as in Pyro, which is hardly ever enough.
        vectorize: True runs many draws at once, as rows of an outermost plate, and is an error
            where the pair does not allow it; False draws one at a time; None tests whether rows
            give what single runs give. `vectorized` and `why_single` tell the outcome.
        batch_size: draws of a step; by default as many as fit comfortably, up to num_samples.

    Raises:
        GuideError: the guide misses a site of the model, or values that the model allows.
        InferenceError: a density is nan, or every draw is impossible.

    Source: Kloek & van Dijk 1978, Bayesian estimates of equation system parameters.

    >>> import ppl_core as ppl
    >>> ppl.set_rng_seed(101)
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))
    ...     return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
    >>> model = ppl.condition(scale, data={"measurement": 9.5})
    >>> posterior = Importance(model, num_samples=10_000).run(8.5)
    >>> f"{posterior.mean('weight'):.1f}, ESS {posterior.get_ESS() / 10_000:.0%}"
    '9.1, ESS 60%'
    """

    def __init__(
        self,
        model: Program,
        guide: Program | None = None,
        num_samples: int | None = None,
        vectorize: bool | None = None,
        batch_size: int | None = None,
    ):
        for number, name in ((num_samples, "num_samples"), (batch_size, "batch_size")):
            if number is not None and (int(number) != number or number < 1):
                raise ValueError(f"Importance: {name} is a whole number >= 1, got {number!r}")
        self.model, self.guide = model, prior_of(model) if guide is None else guide
        self.num_samples, self.vectorize, self.batch_size = num_samples, vectorize, batch_size
        self.state: ImportanceState | None = None
        self._call: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    # ---- a Kernel: each step adds a batch

    def init(self, *args: Any, **kwargs: Any) -> ImportanceState:
        """Check the pair, and find out how it can be run; no draws yet."""
        return ImportanceState(
            Proposal.of(self.model, self.guide, args, kwargs, vectorize=self.vectorize)
        )

    def update(
        self, state: ImportanceState, *args: Any, **kwargs: Any
    ) -> tuple[ImportanceState, ImportanceInfo]:
        """Add a batch of draws.

        Raises:
            InferenceError: a density is nan, or infinite.
        """
        size = self.batch_size or state.proposal.batch(self.num_samples or 1)
        made = sum(map(len, state.batches))
        drawn = _draw(state.proposal, size, made, args, kwargs)
        info = ImportanceInfo(drawn.values, drawn.log_weights)
        return ImportanceState(state.proposal, (*state.batches, drawn)), info

    # ---- Pyro's face: all draws at once

    def run(self, *args: Any, **kwargs: Any) -> Self:
        """Make num_samples draws; a new run forgets the last.

        Warns:
            UserWarning: Pareto k says that the weights cannot be trusted.
        """
        wanted = self.num_samples
        if wanted is None:
            warnings.warn("Importance: num_samples is not given; 10 draws are made", stacklevel=2)
            wanted = 10
        state, batches, made = self.init(*args, **kwargs), [], 0
        self.state, self._call = state, (args, kwargs)
        largest = self.batch_size or state.proposal.batch(wanted)
        try:
            while made < wanted:
                size = min(largest, wanted - made)
                batches.append(_draw(state.proposal, size, made, args, kwargs))
                made += len(batches[-1])
        finally:
            if batches:
                self.state = ImportanceState(state.proposal, (together(batches),))
        self._warn()
        return self

    def _warn(self) -> None:
        log_w = self.log_weights
        if bool((log_w == -math.inf).all()):
            raise InferenceError(
                f"Importance: each of the {len(log_w)} draws is impossible in the model: all "
                f"weights are zero. The guide misses the posterior, or the model its data.",
                cause="all weights are zero",
            )
        k = self.get_pareto_k()
        if k > pareto_threshold(len(log_w)):
            warnings.warn(f"Importance: {pareto_verdict(k, len(log_w))}", stacklevel=3)

    @property
    def draws(self) -> Draws:
        """All draws of the run.

        Raises:
            InferenceError: there are none.
        """
        if self.state is None:
            raise InferenceError("Importance: nothing is drawn yet; call run(...) first")
        return self.state.draws

    @property
    def vectorized(self) -> bool | None:
        """Whether the run made many draws at once; None before it."""
        return None if self.state is None else self.state.proposal.vectorized

    @property
    def why_single(self) -> str:
        """Why the run drew one at a time; empty if it did not."""
        return "" if self.state is None else self.state.proposal.why_single

    def __call__(self) -> Trace:
        """A run of the model at one draw, chosen by its weight; the record without the data.

        Raises:
            InferenceError: nothing is drawn yet.
        """
        values = {name: value[0] for name, value in self.resample(1).items()}
        args, kwargs = self._call
        with torch.no_grad():
            sites = trace(replay(self.model, trace=values)).get_trace(*args, **kwargs)
        return Trace({name: site for name, site in sites.items() if not _is_data(site)})


def _draw(
    proposal: Proposal, size: int, made: int, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Draws:
    """A batch; an error tells how many draws were made before it."""
    try:
        return proposal.draw(size, args, kwargs)
    except InferenceError as error:
        error.step = made
        error.add_note(f"({made} draws were made before, and are kept)")
        raise


def _is_data(site: Site) -> bool:
    return site.kind == "sample" and site.observed
