"""Where a training is heading, by taking it: a thousand whole runs that differ in their seed only.

`Forecast` predicts the same from closed-form draws of loss and gradient, which a scenario's own
programs have; any program that has a compiled form can be run this often instead. The average is
the expected course, the middle 95 % of the runs the noise band.
"""

import time

import numpy as np

from ppl_core.infer import SVI
from ppl_core.params import ParamStore

from .forecast import BAND, CELLS, Course
from .learner import Learner
from .scenarios import Controls, optimiser

RUNS = 1000
"""As many as machine code takes in a second."""
FEW = 100
"""As many where there is no compiler."""
BATCH = 8
"""Runs between two looks at the clock."""


class Ensemble:
    """Whole runs of a learner's programs, from their first step to `stop`; work is in `advance`.

    Args:
        learner: whose programs, arguments and loss.
        stop: the last step.

    Attributes:
        start: step of the start.
        runs: how many are taken in all.
        taken: how many have been.
    """

    start = 0

    def __init__(self, learner: Learner, stop: int):
        self.controls, self.stop = dict(learner.controls), stop
        self.runs = RUNS
        self._args, self._names = learner.run.args, learner.params
        pair = learner.model, learner.guide
        self._svi = SVI(*pair, optimiser(self.controls), loss=learner.svi.loss, store=ParamStore())
        self._cell = max(1, -(-stop // CELLS))
        self.taken = 0
        self._losses: list[np.ndarray] = []
        self._paths: list[dict[str, np.ndarray]] = []
        self._begin = learner.begin
        self._courses: dict[str, Course] = {}

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute."""
        return self.taken >= self.runs

    def is_about(self, controls: Controls, start: int, stop: int) -> bool:
        """Whether this is about a whole run, from 0 to `stop`, under `controls`."""
        return start == 0 and self.stop == stop and self.controls == dict(controls)

    def advance(self, seconds: float) -> bool:
        """Take runs for about so long; whether new points have come: with the last one."""
        deadline = time.perf_counter() + seconds
        while not self.done and time.perf_counter() < deadline:
            seeds = range(self.taken, self.taken + BATCH)
            runs = self._svi.run_many(
                self.stop, *self._args, seeds=seeds, every=self._cell, progress_bar=False
            )
            how = self._svi.compiled
            self.runs = RUNS if how is not None and how.backend == "c" else FEW
            self.taken += BATCH
            self._losses.append(runs.losses.numpy())
            self._paths.append({name: runs.path[name].numpy() for name in self._names})
        if not self.done:
            return False
        self._summarise()
        self._losses.clear()
        self._paths.clear()
        return True

    def course(self, name: str) -> Course:
        """Steps, expected values, both edges of the band (float32), of "loss" or a parameter.

        Empty before the last run.
        """
        nothing = np.empty(0, np.float32)
        return self._courses.get(name, (nothing, nothing, nothing, nothing))

    def _summarise(self) -> None:
        """Averages and bands over all runs that have come to their end."""
        losses = np.concatenate(self._losses)
        alive = np.isfinite(losses).all(axis=1)
        points = self.stop // self._cell
        steps = self._cell * np.arange(1, points + 1)
        if alive.mean() < 1.0 - BAND[0]:  # too many blow up for a course
            return
        cells = losses[alive][:, : points * self._cell].reshape(-1, points, self._cell)
        self._note("loss", steps, cells.mean(axis=2), cells[:, :, -1])
        for name in self._names:
            path = np.concatenate([part[name] for part in self._paths])[alive][:, :points]
            first = np.full((len(path), 1), self._begin[name])
            path = np.concatenate([first, path.reshape(len(path), -1)], axis=1)
            self._note(name, np.concatenate([[0], steps]), path, path)

    def _note(self, name: str, steps: np.ndarray, values: np.ndarray, spread: np.ndarray) -> None:
        columns = steps, values.mean(axis=0), *np.quantile(spread, BAND, axis=0)
        steps, mean, low, high = (np.asarray(column, np.float32) for column in columns)
        self._courses[name] = steps, mean, low, high
