"""The race, and what a thousand other seeds say of it while the hand rests."""

import math

import numpy as np

from .machine import Status
from .scenarios import racing
from .watching import Watching

REST = 0.25
"""Seconds that a hand has to rest before other seeds are asked."""


class Racing(Watching):
    """Three optimisers on one noise; other seeds are asked in idle moments.

    Args:
        scenario: the race.
        seed: of the noise.
        clock: the time in seconds, for changes that have to settle.
        controls: values to start from; the rest start at their defaults.

    Attributes:
        scatters: lane -> what the other seeds that have been asked so far say of it.
    """

    scatters: dict[str, racing.Scatter]

    def due(self) -> float:
        """Seconds until `advance` has something to do: 0 for now, infinite for never."""
        if self.status == "running" or self._asked >= racing.RUNS:
            return super().due()
        return max(0.0, self._changed_at + REST - self._clock())

    def advance(self, budget_ms: float, num_steps: int | None = None) -> int:
        """Show more steps; while none are to be shown, ask more seeds."""
        done = super().advance(budget_ms, num_steps)
        if self.status != "running" and self.due() == 0.0:
            self._ask()
        return done

    def settle(self, brief: bool = False) -> None:
        """Ask all the seeds now, or a few of them for a picture of many."""
        enough = racing.FEW if brief else racing.RUNS
        while self._asked < enough and self._ready:
            self._ask()

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        self._asked, self.scatters = 0, {}
        self._paths: dict[str, list[np.ndarray]] = {lane: [] for lane in racing.LANES}
        self._changed_at = self._clock()
        super()._start_over(status, keep_view)

    def _ask(self) -> None:
        """One group of seeds, in every lane."""
        seeds = range(self._asked, self._asked + racing.GROUP)
        for lane, paths in self._paths.items():
            paths.append(racing.scatter(self.controls, lane, seeds))
            self.scatters[lane] = racing.measured(self.controls, np.concatenate(paths))
        self._asked += racing.GROUP
        self.version += 1

    def _fail(self, error: Exception) -> None:
        self._asked = racing.RUNS  # nobody else can be asked either
        super()._fail(error)

    def half_life(self, lane: str) -> tuple[float, float]:
        """Steps for half of the way: by the formula for SGD, and over the seeds; or infinite."""
        known = racing.half_life(self.controls, lane) if lane in racing.MOMENTA else math.inf
        return known, self.scatters[lane].half_life if lane in self.scatters else math.inf
