"""A panel without its widgets: what has been set, what has been learned, and what may happen next.

Time is given out by the caller: `advance(budget_ms)` trains for so long, and works on the forecast
in a share of it. Nothing here knows a widget, a loop or a screen.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from ppl_core.errors import InferenceError
from ppl_core.infer import SVIState

from . import report
from .forecast import Forecaster, Outlook
from .history import History, Mark, Turns
from .learner import Learner, explain, source_of
from .machine import Machine, Status
from .scenarios import NUM_STEPS, SEED, WEIGHING, Exact, Gaussian, Program, Scenario, View
from .text import count, say

GROWTH = 0.05
"""Seconds between two looks at the axes while training."""
FORECAST_SHARE = 1 / 3
"""Of a slice in which training goes on too."""


class Session(Machine[Scenario]):
    """One question answered by training; for the rest of its face see `Machine`.

    Args:
        scenario: the question.
        seed: of the noise.
        clock: the time in seconds, for changes that have to settle.
        controls: values to start from; the rest start at their defaults.

    Attributes:
        exact: the exact answer; None for an edited program that it does not hold for.
        truths: the exact answers the run has been trained under, by step.
        exact_version: grows when the exact answer changes.

    Raises:
        ControlError: a control or the seed has a value it cannot take.

    Example:
        >>> session = Session(measurement=10.0)
        >>> session.run(100)
        100
        >>> session.status_line()
        'seed 101 · step 100/2,500'
    """

    act, grants = "train", NUM_STEPS

    def __init__(
        self,
        scenario: Scenario = WEIGHING,
        seed: int = SEED.value,
        clock: Callable[[], float] = time.perf_counter,
        **controls: Any,
    ):
        self.exact: Exact | None = None
        self.exact_version = 0
        self._programs: tuple[Program, Program] | None = None
        self._learned: Gaussian | None = None
        self._learned_at = -1
        self._forecaster = Forecaster(scenario)
        super().__init__(scenario, seed, clock, **controls)

    # ---- what is

    @property
    def step(self) -> int:
        """Steps trained."""
        return 0 if self._learner is None else self._learner.step

    @property
    def loss(self) -> float | None:
        """The newest loss estimate in nats; None before the first step."""
        return None if self._learner is None else self._learner.loss

    @property
    def learned(self) -> Gaussian | None:
        """The guide's distribution; None where an edited guide has no normal one."""
        if self._learned_at != self.version:
            self._learned_at = self.version
            self._learned = None if self._learner is None else self._learner.learned()
        return self._learned

    @property
    def kl(self) -> float | None:
        """KL(learned || exact) in nats; None where one of them is not known."""
        if self.learned is None or self.exact is None:
            return None
        return self.scenario.kl(self.learned, self.exact)

    @property
    def gap(self) -> float | None:
        """Expected loss above its floor in nats; None where it is not known."""
        if self.learned is None or self.exact is None:
            return None
        return self.scenario.expected_loss(self.learned, self.controls) - self.exact.floor

    @property
    def history(self) -> History:
        """Loss and parameters by step, with marks.

        Training only piles its steps up; they are noted down here, when somebody asks.
        """
        if self._learner is not None and self._learner.has_rows:
            self._history.extend(self._learner.take_rows())
        return self._history

    @property
    def forecast(self) -> Outlook | None:
        """Expected course and noise band, as far as they have been worked out."""
        return self._forecaster.current

    def due(self) -> float:
        """Seconds until `advance` has something to do: 0 for now, infinite for never."""
        return 0.0 if self.status == "running" else self._forecaster.due(self._clock())

    # ---- commands

    def set(self, name: str, value: Any) -> bool:
        """Move a control; a run goes on from where it is, with a mark. Whether anything changed.

        Before the first step everything starts over, so that the guide starts at the guess.

        Raises:
            ControlError: the value is not allowed, or there is no such control; nothing changes.
        """
        if not self.controls.move(name, value):
            return False
        if self._learner is None or self.step == 0:
            self._start_over(self._afresh, keep_view=name != NUM_STEPS)
        elif name == NUM_STEPS:
            self._change(self.status)
            self._grant(max(self.controls[name], self.step))
        else:
            self._change(self.status)
            self._learner.steer(self.controls)
            self._mark(name, self._clock())
            self._find_truth()
            self._forecast_anew()
            self._grow()
        return True

    def advance(self, budget_ms: float, num_steps: int | None = None) -> int:
        """Train, and work on the forecast, for about so long; the steps trained.

        Args:
            budget_ms: milliseconds.
            num_steps: at most so many steps.
        """
        seconds, done, start = budget_ms / 1e3, 0, self._clock()
        forecasting = self._forecaster.due(start) == 0.0
        if self.status == "running":
            share = 1.0 - FORECAST_SHARE if forecasting else 1.0
            left = self.num_steps - self.step
            done = self._train(left if num_steps is None else min(left, num_steps), share * seconds)
        if forecasting:
            self._look_ahead(seconds - (self._clock() - start))
        return done

    def settle(self, brief: bool = False) -> None:
        """Finish the forecast now: for pictures, and where no clock ticks."""
        while self._forecaster.due(math.inf) == 0.0:
            self._look_ahead(1.0)

    def back(self, num_steps: int = 50) -> int:
        """Go back about so many steps, to the nearest remembered one; the step reached."""
        if self._learner is None:
            return 0
        self._return_to(self._learner.back(self.step - num_steps))
        self._went_back()
        self._look_afresh()
        self.notice = self._words("back", step=count(self.step))
        return self.step

    def bind(self, model: Program, guide: Program) -> None:
        """Start over with other programs; seed and controls stay.

        Model and guide are handed the controls that their signatures name; the model is conditioned
        on the reading. The exact answer stays only while the model's log joint is the scenario's.

        Raises:
            ModelError: a program asks for an argument that no control gives; nothing changes.
        """
        self.scenario.programs(model, guide)
        self._programs = model, guide
        self._start_over("idle")
        self.notice = say("notice.bound")

    # ---- what is said

    def summary(self) -> str:
        """The state in a few short sentences, for whoever listens instead of looking."""
        state = self._state()
        return report.summary(self, state)

    def code(self) -> str:
        """The program behind the panel: a cell that trains as the panel does."""
        if self._programs is None:
            return self.scenario.code(self.controls, self.seed)
        return source_of(*self._programs)

    def _words(self, what: str, **parts: str) -> str:
        return say(f"training.{what}", **parts)

    # ---- how it comes about

    @property
    def _ready(self) -> bool:
        return self._learner is not None

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        """A new run from step 0 under the present controls, seed and programs."""
        self._change(status)
        self._learner: Learner | None = None
        try:
            programs = self._programs or ()
            self._learner = Learner(self.scenario, self.controls, self.seed, *programs)
        except Exception as error:  # a program of the user's may raise anything
            self._fail(error)
        values = {} if self._learner is None else self._learner.values
        self._history = History(("loss", *values))
        self._history.begin(values)
        self.truths = Turns()
        self.num_steps = self.controls[NUM_STEPS]
        self._find_truth()
        self._forecast_anew()
        if keep_view:
            self._grow()
        else:
            self._look_afresh()

    def _train(self, num_steps: int, seconds: float | None) -> int:
        """Train until a limit is met; a failure changes the status."""
        assert self._learner is not None
        before, error = self.step, None
        try:
            self._learner.advance(num_steps, seconds)
        except Exception as raised:  # a program of the user's may raise anything
            error = raised
        done = self.step - before
        self.version += 1
        if error is not None:
            self._fail(error)
        elif self.status == "running" and self.step >= self.num_steps:
            self.status = "done"
        elif self.forecast is not None and self.forecast.stop <= self.step:
            self._forecast_anew()
        if self.status != "running" or self._clock() >= self._grown_at + GROWTH:
            self._grow()
        return done

    def _fail(self, error: Exception) -> None:
        """Say what went wrong and freeze at the last step from which training can go on."""
        self._stop(explain(error))
        if self._learner is not None and isinstance(error, InferenceError):
            self._return_to(self._learner.retreat())

    def _return_to(self, step: int) -> None:
        """Forget what came after `step`; settings that were made later are in force from there."""
        later = self.history.truncate(step)
        for name in dict.fromkeys(mark.control for mark in later if step > 0):
            self._mark(name)
        self.truths.turn(step, self.exact)
        if self.forecast is None or self.forecast.start > step:
            self._forecast_anew()

    def _mark(self, name: str, at: float = -math.inf) -> None:
        self.history.mark(Mark(self.step, name, report.setting_now(self, name), at))

    def _grant(self, num_steps: int) -> None:
        """Train up to this step from now on; the step axis grows by whole runs."""
        self._end_or_go_on(num_steps)
        run = self.controls[NUM_STEPS]
        top = float(-(-num_steps // run) * run)
        if top > self.view.ranges["step"][1]:
            self.view.ranges["step"] = (0.0, top)
            self.stage_version += 1
        self._forecast_anew()

    def _take(self, num_steps: int) -> int:
        done = self._train(num_steps, None)
        self._grow()
        return done

    def _find_truth(self) -> None:
        known = self._learner is not None and self._learner.fits_truth()
        exact = self.scenario.exact(self.controls) if known else None
        if exact != self.exact:
            self.exact = exact
            self.exact_version += 1
            self.history.renew()
        self.truths.turn(self.step, exact)

    def _forecast_anew(self) -> None:
        """Have the course from here worked out once the controls are at rest."""
        if self._learner is None or not self._learner.is_own:
            self._forecaster.stop()
        else:
            self._forecaster.change(self._clock(), self.controls, self.step, self.num_steps)

    @property
    def _outset(self) -> SVIState:
        """Where a forecast begins: where the run is."""
        assert self._learner is not None
        return self._learner.state

    def _look_ahead(self, seconds: float) -> None:
        if self._learner is not None and self._forecaster.work(seconds, self._outset):
            self.version += 1

    def _look_afresh(self) -> None:
        """Every axis at the lesson's range again, or at what the present picture needs."""
        run, before, staged = self.controls[NUM_STEPS], self.view.ranges, self.stage_version
        self.view = View(self.scenario.axes)
        self.view.ranges["step"] = (0.0, float(-(-self.num_steps // run) * run))
        self._grow()
        self.stage_version = staged + (self.view.ranges != before)
        self.notice = ""

    def _grow(self) -> None:
        """Let the axes hold what is to be seen, and say which of them grew."""
        self._grown_at = self._clock()
        extents = self.history.extents
        self._hold(self.scenario.reach(self.controls, self.exact, self.learned, extents))
