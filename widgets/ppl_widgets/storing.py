"""A parameter store that is watched: b is born once, and a moved init waits until it is cleared."""

import math
from typing import Any, Literal

import numpy as np

from .machine import Status
from .scenarios import Controls, storing
from .watching import Watching

REST = 0.25
"""Seconds that a hand has to rest before other seeds are asked."""


class Storing(Watching):
    """One parameter in a store; other seeds are asked in idle moments where they end.

    A reset clears the store. So does another constraint, for that is another program. A learning
    rate trains anew from the number that b was born with.

    Args:
        scenario: the store.
        seed: of the noise.
        clock: the time in seconds, for changes that have to settle.
        controls: values to start from; the rest start at their defaults.

    Attributes:
        ends: u after the last step from other seeds, those asked so far; nan for a failed run.
        born: what `init` was when b was born; None before the first run.
        born_in: the run in which it was born, from 1.
        run_number: the present run; a press of Play after the last step begins another.
    """

    ends: np.ndarray
    born: float | None = None
    born_in = 1
    run_number = 1

    def set(self, name: str, value: Any) -> bool:
        """Move a control; a new constraint clears the store, a new init waits for that."""
        if name == "constraint" and self.controls.control(name).check(value) != self.controls[name]:
            self._clear()
        return super().set(name, value)

    def reset(self, noise: Literal["same", "new"] = "same") -> None:
        """Clear the store: the next run begins at the present init, with this noise."""
        self._clear()
        super().reset(noise)

    def play(self) -> None:
        """Go on; after the last step with another run, which begins where the last one ended."""
        self.run_number += self.status != "running" and self._ready and self.step >= self.num_steps
        super().play()

    def due(self) -> float:
        """Seconds until `advance` has something to do: 0 for now, infinite for never."""
        if self.status == "running" or len(self.ends) >= storing.RUNS:
            return super().due()
        return max(0.0, self._changed_at + REST - self._clock())

    def advance(self, budget_ms: float, num_steps: int | None = None) -> int:
        """Show more steps; while none are to be shown, ask more seeds."""
        done = super().advance(budget_ms, num_steps)
        if self.status != "running" and self.due() == 0.0:
            self._ask()
        return done

    def settle(self, brief: bool = False) -> None:
        """Ask all the seeds now; one group of them for a picture of many."""
        enough = storing.GROUP if brief else storing.RUNS
        while len(self.ends) < enough and self._ready:
            self._ask()

    @property
    def given(self) -> Controls:
        """The controls, with the init that b was born with."""
        init = self.controls["init"] if self.born is None else self.born
        return {**self.controls, "init": init}

    def _clear(self) -> None:
        self.born = None
        self.run_number += 1
        self.born_in = self.run_number

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        self.born = self.given["init"]
        self.ends, self._changed_at = np.empty(0), self._clock()
        super()._start_over(status, keep_view)

    def _ask(self) -> None:
        """One group of seeds."""
        seeds = range(len(self.ends), len(self.ends) + storing.GROUP)
        self.ends = np.concatenate([self.ends, storing.ends(self.given, seeds)])
        self.version += 1

    def _fail(self, error: Exception) -> None:
        self.ends = np.full(storing.RUNS, math.nan)  # nobody else can be asked either
        super()._fail(error)
