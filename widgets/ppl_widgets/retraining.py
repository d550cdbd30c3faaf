"""A session that may answer a moved control by a whole new run, taken within the frame.

In mode "live" one run goes on from where it is, and the reader watches it learn. In mode "trained"
each change is answered by all steps of a new run, from the start and with the same noise: the very
numbers that a live run would come to, at once. Play then shows the same run again, step by step.
Where nobody watches single steps, at full speed, a live run takes them by the stride too.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

from ppl_core.compiled import NotCompiled
from ppl_core.infer import SVIState
from ppl_core.infer.leap import NotYet

from .ensemble import Ensemble
from .forecast import Outlook
from .scenarios import NUM_STEPS, SEED, WEIGHING, Program, Scenario
from .scenarios.training import MODE, TRAINED
from .session import Session
from .text import say

STRIDE = 50
"""Steps of a live run that are taken at once: as many as Back goes back."""


class Retraining(Session):
    """A `Session` with two modes, "live" and "trained"; a control says which.

    Example:
        >>> session = Retraining(mode="trained")
        >>> session.status_line()
        'seed 101 · step 2,500/2,500'
        >>> session.set("measurement", 10.0)
        True
        >>> session.summary()
        'Done at step 2,500. Learned N(9.43, 0.61). Exact N(9.46, 0.60), closed form.'
    """

    def __init__(
        self,
        scenario: Scenario = WEIGHING,
        seed: int = SEED.value,
        clock: Callable[[], float] = time.perf_counter,
        **controls: Any,
    ):
        self._refusal = ""
        super().__init__(scenario, seed, clock, **controls)
        self._train_at_once()

    @property
    def at_once(self) -> bool:
        """Whether a moved control is answered by a whole new run."""
        return self.controls[MODE] == TRAINED and not self._refusal

    def play(self) -> None:
        """Train in `advance`; a run that was taken at once is taken again, to be watched."""
        if self.at_once and self.status == "done":
            self._start_over("running", keep_view=True)
            self.notice = say("notice.watch")
        else:
            super().play()

    def set(self, name: str, value: Any) -> bool:
        """Move a control; in mode "trained" that is a whole new run. Whether anything changed.

        Raises:
            ControlError: the value is not allowed, or there is no such control; nothing changes.
        """
        if name != MODE and not self.at_once:
            return super().set(name, value)
        if not self.controls.move(name, value):
            return False
        self._start_over("idle", keep_view=name != NUM_STEPS)
        self._train_at_once()
        return True

    def reset(self, noise: Literal["same", "new"] = "same") -> None:
        """Start over with the present controls: the same noise, or that of the next seed."""
        super().reset(noise)
        self._train_at_once()

    def bind(self, model: Program, guide: Program) -> None:
        """Start over with other programs; seed and controls stay.

        Raises:
            ModelError: a program asks for an argument that no control gives; nothing changes.
        """
        self.scenario.programs(model, guide)
        self._refusal = ""
        self._forecaster.stop()
        super().bind(model, guide)
        self._train_at_once()

    def _train(self, num_steps: int, seconds: float | None) -> int:
        """Train until a limit is met: by strides as long as there are two of them left."""
        start, learner, done = time.perf_counter(), self._learner, 0
        # Programs that are not the scenario's print and count at every step.
        if learner is not None and learner.is_own and num_steps >= 2 * STRIDE:
            done += super()._train(1, None)  # parameters have met their optimiser then
            try:
                while self.status == "running" and num_steps - done >= 2 * STRIDE:
                    taken = learner.leap(STRIDE)
                    done += taken
                    if seconds is not None and time.perf_counter() - start >= seconds:
                        return done + super()._train(0, None)
                    if taken < STRIDE:  # a single step says what it runs into
                        break
            except NotCompiled:  # not yet
                pass
            if self.status != "running":
                return done
        left = None if seconds is None else seconds - (time.perf_counter() - start)
        return done + super()._train(num_steps - done, left)

    def _forecast_anew(self) -> None:
        """Programs without closed-form draws are run a thousand times, where that is quick."""
        learner = self._learner
        if learner is None or learner.is_own or not self.at_once:
            super()._forecast_anew()
            return
        stop = self.num_steps

        def make(state: SVIState) -> Outlook:
            return Ensemble(learner, stop)

        self._forecaster.change(self._clock(), self.controls, 0, stop, make)

    @property
    def _outset(self) -> SVIState:
        """A run that was taken at once is forecast from its first step."""
        return self._learner.start if self.at_once and self._learner else super()._outset

    def _train_at_once(self) -> None:
        """Take all steps now; programs that have no compiled form train live, and it is said."""
        if not self.at_once or self._learner is None:
            return
        self.version += 1
        self.status = "running"
        try:
            self._learner.leap(self.num_steps)
        except NotYet:
            return
        except NotCompiled as error:
            self._refusal = str(error)
            self._forecaster.stop()
            self.notice = say("notice.uncompiled", reason=self._refusal)
            return
        except Exception as error:  # a program of the user's may raise anything
            self._fail(error)
            return
        notice = self.notice
        self._train(self.num_steps - self.step, None)
        self.notice = self.notice or notice
