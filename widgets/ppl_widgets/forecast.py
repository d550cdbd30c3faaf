"""Where a run is heading: the course of many runs that differ only in their noise.

Closed-form draws of loss and gradient go through the optimiser's own update, elementwise for a
whole ensemble, so momentum, Adam's scaling and clipping act as they do on the real run. The average
over the ensemble is the expected course, and the middle 95 % of it the noise band. (For SGD the
expected course is also that of the exact gradient; for Adam it is not: noise in the gradient
shortens Adam's steps.)
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ppl_core.infer import SVIState
from ppl_core.optim import Optimizer

from .scenarios import Controls, Scenario, optimiser

REPLICATES = 400
CELLS = 200
"""Points of a forecast over a whole run."""
BAND = (0.025, 0.975)
SEED = 2500
"""Of every forecast: it is about all noises, so it does not depend on the run's."""
BLOCK = 64
"""Steps whose noise is drawn at once."""
HORIZON = 10_000
"""Steps that a forecast looks ahead at most; arrived there, a run gets another one."""
SETTLED = 0.200
"""Seconds without a change until a forecast is worth its while."""


Course = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Outlook(Protocol):
    """Where runs are heading, as far as it has been worked out: a `Forecast`, or an `Ensemble`."""

    start: int
    stop: int

    @property
    def done(self) -> bool: ...
    def is_about(self, controls: Controls, start: int, stop: int) -> bool: ...
    def advance(self, seconds: float) -> bool: ...
    def course(self, name: str) -> Course: ...


class Forecast:
    """An ensemble on its way from a state of a run to step `stop`; work is done in `advance`.

    Args:
        scenario: gives the noise and the closed-form draws.
        controls: of the panel; a forecast is about these and no others.
        rule: an optimiser like the run's.
        state: where all replicates start, moments of the optimiser included.
        stop: the last step.
        replicates: size of the ensemble.

    Attributes:
        start: step of the start.
        step: step reached so far.
    """

    def __init__(
        self,
        scenario: Scenario,
        controls: Controls,
        rule: Optimizer,
        state: SVIState,
        stop: int,
        replicates: int = REPLICATES,
    ):
        self.scenario, self.controls, self.rule = scenario, dict(controls), rule
        self.start, self.step, self.stop = state.step, state.step, stop
        self.cell = max(1, -(-(stop - state.step) // CELLS))
        self.blown_up = False
        self._values: Mapping[str, Tensor] = {
            name: value.expand(replicates) for name, value in state.values.items()
        }
        self._states: Mapping[str, tuple[Any, ...]] = state.optim
        self._still = [torch.tensor(part) for part in scenario.still]
        self._rng = np.random.default_rng(SEED)
        self._noise: Iterator[tuple[Tensor, ...]] = iter(())
        self._losses: list[Tensor] = []
        self._courses: dict[str, Course] = {}
        here = {name: (float(at[0]),) * 3 for name, at in self._params().items()}
        self._points: list[tuple[int, dict[str, tuple[float, ...]]]] = [(self.start, here)]

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute."""
        return self.blown_up or self.step >= self.stop

    def is_about(self, controls: Controls, start: int, stop: int) -> bool:
        """Whether this is the forecast of a whole run, from 0 to `stop`, under `controls`."""
        return self.start == start == 0 and self.stop == stop and self.controls == dict(controls)

    def advance(self, seconds: float) -> bool:
        """Work for about so long; whether new points have come."""
        deadline, before = time.perf_counter() + seconds, len(self._points)
        with torch.no_grad():
            while not self.done and time.perf_counter() < deadline:
                self._one_step()
        if self.done:  # the points stay; the ensemble is not needed again
            self._values, self._states, self._noise = {}, {}, iter(())
            self._losses.clear()
        return len(self._points) > before

    def course(self, name: str) -> Course:
        """Steps, expected values, both edges of the band (float32), of "loss" or a parameter."""
        if name not in self._courses:
            rows = [(step, *values[name]) for step, values in self._points if name in values]
            columns = np.array(rows, np.float32).reshape(-1, 4).T.copy()
            self._courses[name] = columns[0], columns[1], columns[2], columns[3]
        return self._courses[name]

    # ---- the ensemble

    def _one_step(self) -> None:
        noise = next(self._noise, None)
        if noise is None:
            self._noise = self._more_noise()
            noise = next(self._noise)
        before = self._values
        loss, grads = self.scenario.draw(before, noise, self.controls)
        self._values, self._states = self.rule.update(before, grads, self._states)
        self._losses.append(loss)
        self.step += 1
        if (self.step - self.start) % self.cell == 0 or self.step == self.stop:
            self._close_cell(before)

    def _more_noise(self) -> Iterator[tuple[Tensor, ...]]:
        size = BLOCK, len(next(iter(self._values.values())))
        parts = self.scenario.noise(self._rng, self.controls, size)
        tensors = [torch.from_numpy(part.astype(np.float32)) for part in parts]
        return zip(*(tensor.unbind() for tensor in tensors), strict=True)

    def _close_cell(self, before: Mapping[str, Tensor]) -> None:
        """Turn the steps since the last point into one.

        The expected loss is exact for each replicate; the band is that of all draws in the cell.
        """
        params, losses = self._params(), torch.stack(self._losses).numpy()
        self._losses.clear()
        alive = np.isfinite(losses).all(axis=0)
        for values in params.values():
            alive &= np.isfinite(values)
        if alive.mean() < 1.0 - BAND[0]:
            self.blown_up = True
            return
        expected, _ = self.scenario.draw(before, self._still, self.controls)
        cell = {"loss": _summary(expected.numpy()[alive], losses[:, alive])}
        cell |= {name: _summary(values[alive], values[alive]) for name, values in params.items()}
        self._points.append((self.step, cell))
        self._courses.clear()

    def _params(self) -> dict[str, np.ndarray]:
        shown = self.scenario.constrained(self._values)
        return {name: value.numpy() for name, value in shown.items()}


def _summary(values: np.ndarray, spread: np.ndarray) -> tuple[float, ...]:
    """The mean of the values, and the band of the spread."""
    return (float(values.mean(dtype=np.float64)), *np.quantile(spread, BAND).tolist())


class Forecaster:
    """Keeps the newest forecast: dropped at a change, made anew once changes have settled.

    Args:
        scenario: what the forecasts are about.

    Attributes:
        current: the forecast, perhaps not finished; None after a change.
    """

    def __init__(self, scenario: Scenario):
        self.scenario = scenario
        self.current: Outlook | None = None
        self._make: Callable[[SVIState], Outlook] = self._forecast
        self._controls: Controls = {}
        self._num_steps = 0
        self._due_at = math.inf

    def change(
        self,
        now: float,
        controls: Controls,
        step: int,
        num_steps: int,
        make: Callable[[SVIState], Outlook] | None = None,
    ) -> None:
        """At time `now` (seconds) a run stands at `step` and is to go on to `num_steps`.

        Args:
            now, step, num_steps: as above.
            controls: of the panel.
            make: state of the run -> where it is heading; a `Forecast` if None.
        """
        self._make = make or self._forecast
        self._controls, self._num_steps = dict(controls), num_steps
        if self.current is None or not self.current.is_about(controls, step, self._end(step)):
            self.current, self._due_at = None, now + SETTLED

    def stop(self) -> None:
        """There is nothing to forecast."""
        self.current, self._due_at = None, math.inf

    def due(self, now: float) -> float:
        """Seconds until there is work to do: 0 for now, infinite for never."""
        if self.current is not None:
            return math.inf if self.current.done else 0.0
        return max(self._due_at - now, 0.0)

    def work(self, seconds: float, state: SVIState) -> bool:
        """Go on for about so long, or begin where the run is now; whether there are new points."""
        if self.current is not None:
            return self.current.advance(seconds)
        self.current = self._make(state)
        return True

    def _forecast(self, state: SVIState) -> Forecast:
        rule, end = optimiser(self._controls), self._end(state.step)
        return Forecast(self.scenario, self._controls, rule, state, end)

    def _end(self, step: int) -> int:
        return min(self._num_steps, step + HORIZON)
