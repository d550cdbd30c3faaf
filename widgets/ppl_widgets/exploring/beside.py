"""What is worked out beside the steps of a run: the prior, the truth, and what is predicted."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ppl_core.handlers import uncondition
from ppl_core.params import ParamStore

from ..learner import explain
from ..scenarios import Columns
from .draws import Runs
from .sites import Sites
from .truth import Truth

Program = Callable[..., Any]

QUICK = 0.1
"""Seconds: a truth that was found in less is found again while the hand moves."""
SETTLE = 0.08
"""Seconds a hand has to rest before slower work begins."""
PRIOR = 4000
"""Draws of the prior."""
REPLICAS = 200
"""Data sets that the posterior predicts."""
FRESH = 0.5
"""Seconds between two predictions while a run is on."""


@dataclass(frozen=True)
class Target:
    """A conditioned program at its inputs: what everything here is about.

    Attributes:
        model: with all rows of every plate in use.
        args: its inputs.
        sites: what it has.
        store: its parameters.
        seed: of all noise.
    """

    model: Program
    args: tuple[Any, ...]
    sites: Sites
    store: ParamStore
    seed: int


class Beside:
    """Work that gives way after each piece.

    Args:
        source: of the truth, see `Truth`.
        clock: the time in seconds.

    Attributes:
        truth: what is known of the posterior.
        prior: draws of the prior: coordinate -> (draws,).
        replicas: what the posterior predicts: observed site -> (draws, ...).
        complaint: why nothing could be predicted, or "".
    """

    def __init__(self, source: Any = "auto", clock: Callable[[], float] = time.perf_counter):
        self.truth, self._clock = Truth(source), clock
        self._cost = math.inf
        self.forget()

    def forget(self) -> None:
        """Know nothing, and look for nothing."""
        self.truth.forget()
        self.prior: Columns = {}
        self.replicas: dict[str, np.ndarray] = {}
        self.complaint = ""
        self._pieces: Iterator[None] | None = None  # of prior and truth
        self._wish: Iterator[None] | None = None  # predictions, which go first
        self._begins = self._predicted_at = -math.inf
        self._target: Target | None = None

    @property
    def pending(self) -> bool:
        """Whether something is still being worked out."""
        return self._pieces is not None or self._wish is not None

    @property
    def known(self) -> tuple[Any, ...]:
        """What is known by now: equal as long as nothing is new."""
        truth = self.truth
        found = (self.prior, truth.found, truth.joint, self.replicas)
        return (*map(id, found), truth.note, self.complaint, self.pending)

    def due(self) -> float:
        """Seconds until there is something to do; infinite for never."""
        if self._wish is not None:
            return 0.0
        return max(0.0, self._begins - self._clock()) if self.pending else math.inf

    def knows(self, target: Target) -> bool:
        """Whether all that is known, or looked for, is about this target."""
        known = self._target
        return (
            known is not None
            and known.sites.coordinates == target.sites.coordinates
            and getattr(known.model, "fn", known.model) == getattr(target.model, "fn", target.model)
            and len(known.args) == len(target.args)
            and all(map(_same, known.args, target.args))
        )

    def renew(self, target: Target) -> bool:
        """Learn about another target: at once if that was quick last time. Whether it was found."""
        self.forget()
        self._target = target
        self._pieces, self._begins = self._learn(target), self._clock() + SETTLE
        if self._cost >= QUICK:
            return False
        self._begins = -math.inf
        while self.pending and self.truth.found is None and not self.truth.note:
            self.piece()
        return True

    def predict(self, draws: Callable[[int], Mapping[str, Tensor]], again: bool = False) -> None:
        """Have the data predicted from posterior draws; while a run is on, not too often.

        Args:
            draws: number -> values of whole sites, (number or fewer, ...).
            again: whether the last prediction has to be a while ago.
        """
        if again and self._clock() < self._predicted_at + FRESH:
            return
        if self._target is not None:
            self._wish = self._foresee(self._target, draws)

    def piece(self) -> bool:
        """Work out one piece; whether all is done now."""
        if self._wish is not None:
            if next(self._wish, self) is self:
                self._wish = None
        elif self._pieces is not None and next(self._pieces, self) is self:
            self._pieces = None
        return not self.pending

    def finish(self) -> None:
        """Work out all of it."""
        while not self.piece():
            pass

    def _learn(self, target: Target) -> Iterator[None]:
        begin, self._cost = self._clock(), math.inf
        runs = Runs(uncondition(target.model), target.store)
        try:
            self.prior = target.sites.columns(runs(target.args, PRIOR, target.seed))
        except Exception:  # an improper prior cannot be drawn from, and is not shown
            self.prior = {}
        yield
        truth = self.truth
        for _ in truth.look_for(target.model, target.args, target.sites, target.store):
            if truth.found is not None:
                self._cost = min(self._cost, self._clock() - begin)
            yield

    def _foresee(
        self, target: Target, draws: Callable[[int], Mapping[str, Tensor]]
    ) -> Iterator[None]:
        names = list(target.sites.observed)
        runs = Runs(uncondition(target.model), target.store, names)
        try:
            values = draws(REPLICAS)
            made = runs(target.args, REPLICAS, target.seed, values) if values and names else {}
            self.replicas = {name: value.double().numpy() for name, value in made.items()}
            self.complaint = ""
        except Exception as error:  # a program of the user's may raise anything
            self.replicas, self.complaint = {}, explain(error)
        self._predicted_at = self._clock()
        yield


def _same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, int | float | str | bool) and one == other)
