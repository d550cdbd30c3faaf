"""What every panel's session is underneath: a state machine that commands move.

    idle -> running <-> paused -> done            failed, from which play, set and reset lead on

It knows when a run begins, how far it may go and what the newest command had to say. What a step
is, and how it is undone, its subclasses know: `Session` trains, `Drawing` draws.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from . import report
from .scenarios import SEED, Question, Range, Scenario, Settings, View
from .text import count, say

Status = Literal["idle", "running", "paused", "done", "failed"]

Q = TypeVar("Q", bound=Scenario | Question)


class Machine(ABC, Generic[Q]):
    """One scenario under way: settings, seed, view, and what may happen next.

    Args:
        scenario: the question.
        seed: of the noise.
        clock: the time in seconds, for changes that have to settle.
        controls: values to start from; the rest start at their defaults.

    Attributes:
        act: what a step does, "train" or "draw", for the buttons' help.
        grants: the control that says how many steps a press of Play grants.
        status: "idle", "running", "paused", "done" or "failed".
        error: what went wrong and how to mend it, while failed.
        notice: what the newest command did beyond what it was asked for.
        num_steps: the step at which a run stops by itself.
        controls: name -> value; read only.
        view: the range of each plot axis.
        version: grows with every visible change.
        stage_version: grows when an axis or another still thing changes.

    Raises:
        ControlError: a control or the seed has a value it cannot take.
    """

    act: str
    grants: str
    status: Status
    error: str | None
    num_steps: int

    def __init__(
        self,
        scenario: Q,
        seed: int = SEED.value,
        clock: Callable[[], float] = time.perf_counter,
        **controls: Any,
    ):
        self.scenario, self._clock = scenario, clock
        self.seed: int = SEED.check(seed)
        self.controls = Settings(scenario.controls, **controls)
        self.version = self.stage_version = 0
        self.view = View(scenario.axes)
        self._start_over("idle")

    # ---- what a subclass does

    @property
    @abstractmethod
    def step(self) -> int:
        """Steps that are shown."""

    @property
    @abstractmethod
    def _ready(self) -> bool:
        """Whether there is something to take a step with."""

    @abstractmethod
    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        """A new run from step 0 under the present controls and seed."""

    @abstractmethod
    def _grant(self, num_steps: int) -> None:
        """Let the run go on to this step."""

    @abstractmethod
    def _take(self, num_steps: int) -> int:
        """Take so many steps at once; those that were taken."""

    @abstractmethod
    def _words(self, what: str, **parts: str) -> str:
        """A sentence about a status or a command, in the subclass's own words."""

    # ---- commands

    def play(self) -> None:
        """Go on in `advance`; after the last step, for as many again."""
        if self.status == "running":
            return
        if not self._ready:
            self._start_over("running")
            return
        self._change("running")
        if self.step >= self.num_steps:
            self._grant(self.step + self.controls[self.grants])
            self.notice = self._words("more", num_steps=count(self.num_steps))

    def pause(self) -> None:
        """Stop; nothing is lost."""
        if self.status == "running":
            self._change("paused")

    def run(self, num_steps: int) -> int:
        """Take so many steps at once, also past the last one; the steps taken."""
        if not self._ready:
            self._start_over("idle")
        if not self._ready:
            return 0
        playing = self.status == "running"
        self._change("running")
        if self.step + num_steps > self.num_steps:
            self._grant(self.step + num_steps)
        done = self._take(num_steps)
        if self.status == "running" and not playing:
            self.status = "paused" if self.step else "idle"
        return done

    def reset(self, noise: Literal["same", "new"] = "same") -> None:
        """Start over with the present controls: the same noise, or that of the next seed."""
        if noise not in ("same", "new"):
            raise ValueError(f"reset: noise is 'same' or 'new', got {noise!r}")
        if noise == "new":
            self.seed = SEED.check(self.seed + 1)
        self._start_over(self._afresh)
        self.notice = say(f"notice.{noise}_noise", seed=str(self.seed))

    def due(self) -> float:
        """Seconds until `advance` has something to do: 0 for now, infinite for never."""
        return 0.0 if self.status == "running" else math.inf

    def settle(self, brief: bool = False) -> None:
        """Finish what is worked out beside the steps: for pictures, and where no clock ticks.

        Args:
            brief: for one picture of many, so that a rougher estimate will do.
        """

    # ---- what is said

    def status_line(self) -> str:
        """Where the run is: seed and step."""
        steps = {"step": count(self.step), "num_steps": count(self.num_steps)}
        return self._words("status", seed=str(self.seed), **steps)

    def copy_state(self) -> str:
        """One line of Python that makes this panel again, with what is not at its default."""
        return report.copy_state(self)

    def _state(self) -> str:
        return self._words(self.status, step=count(self.step))

    # ---- how it comes about

    @property
    def _afresh(self) -> Status:
        """The status of a run that starts over now."""
        return "running" if self.status == "running" else "idle"

    def _change(self, status: Status) -> None:
        """A command was given: what the last one had to say is over."""
        self.status = status
        if status != "failed":
            self.error = None
        self.notice = ""
        self.version += 1

    def _stop(self, error: str) -> None:
        """The run has failed, and this is why."""
        self._change("failed")
        self.error = error

    def _went_back(self) -> None:
        """Fewer steps are shown than before."""
        self._change("running" if self.status == "running" else "paused" if self.step else "idle")

    def _end_or_go_on(self, num_steps: int) -> None:
        """The run may go on to this step from now on, so it may be done, or done no longer."""
        self.num_steps = num_steps
        if self.status in ("running", "paused") and self.step >= num_steps:
            self.status = "done"
        elif self.status == "done" and self.step < num_steps:
            self.status = "paused"

    def _hold(self, reach: dict[str, Range]) -> None:
        """Let the axes hold what is to be seen, and say which of them grew."""
        grown = self.view.grow(reach)
        if grown:
            self.stage_version += 1
            self.notice = " ".join(report.axis_now(self, name) for name in grown)
