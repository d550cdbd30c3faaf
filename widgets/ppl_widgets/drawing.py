"""A panel that draws, without its widgets: runs of a program, one by one, and what may happen next.

    idle -> running <-> paused -> done            failed, from which play, set and reset lead on

To a panel it looks as a `Session` does. The draws are made a block at a time and shown one at a
time, so speed and pauses never change what is drawn, and going back is to show fewer of them.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ppl_core.errors import InferenceError
from ppl_core.runs import InferenceRun

from . import report
from .learner import explain
from .scenarios import NUM, SEED, Columns, Question, Settings, View
from .session import Status
from .text import count, say

LIMIT = 100_000
"""Draws that are kept at most."""
DRAW = "draw"
"""The axis that counts draws, where a question has one."""


class Drawing:
    """One question, answered by draws.

    Args:
        question: what is drawn.
        seed: of the noise.
        clock: the time in seconds.
        controls: values to start from; the rest start at their defaults.

    Attributes:
        act: what a step does, for the buttons' help.
        status: "idle", "running", "paused", "done" or "failed".
        error: what went wrong and how to mend it, while failed.
        notice: what the newest command did beyond what it was asked for.
        step: draws shown.
        num_steps: the draw at which drawing stops by itself.
        controls: name -> value; read only.
        view: the range of each plot axis.
        version: grows with every visible change.
        stage_version: grows when an axis or another still thing changes.

    Raises:
        ControlError: a control or the seed has a value it cannot take.

    Example:
        >>> from ppl_widgets.scenarios import CONDITIONING
        >>> drawing = Drawing(CONDITIONING, measurement=10.0)
        >>> drawing.run(100)
        100
        >>> drawing.status_line()
        'seed 101 · draw 1,100/5,000'
    """

    act = "draw"

    def __init__(
        self,
        question: Question,
        seed: int = SEED.value,
        clock: Callable[[], float] = time.perf_counter,
        **controls: Any,
    ):
        self.scenario, self._clock = question, clock
        self.seed: int = SEED.check(seed)
        self.controls = Settings(question.controls, **controls)
        self.version = self.stage_version = 0
        self._start_over("idle")

    # ---- what is

    @property
    def draws(self) -> Columns:
        """The draws that are shown: name -> (step,)."""
        return self._pool.first(self.step)

    def due(self) -> float:
        """Seconds until `advance` has something to do: 0 for now, infinite for never."""
        return 0.0 if self.status == "running" else float("inf")

    # ---- commands

    def play(self) -> None:
        """Draw in `advance`; after the last draw, for as many again, up to `LIMIT` of them."""
        if self.status == "running":
            return
        if self._run is None:
            self._start_over("running")
            return
        if self.step >= LIMIT:
            self._change("done")
            self.notice = say("drawing.full", step=count(self.step))
            return
        self._change("running")
        if self.step >= self.num_steps:
            self.num_steps = min(self.step + self.controls[NUM], LIMIT)
            self._grow()
            self.notice = say("drawing.more", num_steps=count(self.num_steps))

    def pause(self) -> None:
        """Stop drawing; nothing is lost."""
        if self.status == "running":
            self._change("paused")

    def set(self, name: str, value: Any) -> bool:
        """Move a control. Whether anything changed.

        If the draws depend on it, they start over with the same noise; if not, they stay, and are
        looked at in another way.

        Raises:
            ControlError: the value is not allowed, or there is no such control; nothing changes.
        """
        if not self.controls.move(name, value):
            return False
        self.stage_version += name in self.scenario.staging
        if name == NUM:
            self._change(self.status)
            self.num_steps = max(self.controls[NUM], self.step)
            self._end_or_go_on()
            self._grow()
        elif name in self.scenario.inputs or self._run is None:
            self._start_over("running" if self.status == "running" else "idle", keep_view=True)
        else:
            self._change(self.status)
            self._grow()
        return True

    def advance(self, budget_ms: float, num_steps: int | None = None) -> int:
        """Draw for about so long; the draws shown more.

        Args:
            budget_ms: milliseconds.
            num_steps: at most so many draws.
        """
        if self.status != "running":
            return 0
        left = self.num_steps - self.step
        wanted = left if num_steps is None else min(left, num_steps)
        return self._show(wanted, self._clock() + budget_ms / 1e3)

    def run(self, num_steps: int) -> int:
        """Make so many draws at once, also past the last one; the draws shown more.

        There is an end at `LIMIT` draws.
        """
        if self._run is None:
            self._start_over("idle")
        if self._run is None:
            return 0
        playing = self.status == "running"
        self._change("running")
        num_steps = min(num_steps, LIMIT - self.step)
        self.num_steps = max(self.num_steps, self.step + num_steps)
        self._grow()
        done = self._show(num_steps, float("inf"))
        if self.status == "running" and not playing:
            self.status = "paused"
        return done

    def settle(self) -> None:
        """Nothing is worked out beside the draws, so there is nothing to wait for."""

    def reset(self, noise: Literal["same", "new"] = "same") -> None:
        """Start over with the present controls: the same noise, or that of the next seed."""
        if noise not in ("same", "new"):
            raise ValueError(f"reset: noise is 'same' or 'new', got {noise!r}")
        if noise == "new":
            self.seed = SEED.check(self.seed + 1)
        self._start_over("running" if self.status == "running" else "idle")
        self.notice = say(f"notice.{noise}_noise", seed=str(self.seed))

    def back(self, num_steps: int = 50) -> int:
        """Show so many draws less; the draws that are left."""
        self.step = max(0, self.step - num_steps)
        self._change("running" if self.status == "running" else "paused" if self.step else "idle")
        self.notice = say("drawing.back", step=count(self.step))
        return self.step

    # ---- what is said

    def status_line(self) -> str:
        """Where the run is: seed and draws."""
        steps = {"step": count(self.step), "num_steps": count(self.num_steps)}
        return say("drawing.status", seed=str(self.seed), **steps)

    def summary(self) -> str:
        """The state in a few short sentences, for whoever listens instead of looking."""
        state = say(f"drawing.{self.status}", step=count(self.step))
        told = self.scenario.tell(self.controls, self.draws) if self.status != "failed" else ""
        return " ".join(part for part in (self.notice, state, self.error, told) if part)

    def code(self) -> str:
        """The program behind the panel: a cell that draws as the panel does."""
        return self.scenario.code(self.controls, self.seed)

    def copy_state(self) -> str:
        """One line of Python that makes this panel again, with what is not at its default."""
        return report.copy_state(self)

    # ---- how it comes about

    def _change(self, status: Status) -> None:
        """A command was given: what the last one had to say is over."""
        self.status: Status = status
        if status != "failed":
            self.error: str | None = None
        self.notice = ""
        self.version += 1

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        """The first draws under the present controls and seed."""
        self._change(status)
        self._pool, self.step = Pool(), 0
        self._run: InferenceRun | None = None
        self.num_steps: int = self.controls[NUM]
        if not keep_view:
            self.view = View(self.scenario.axes)
            self.stage_version += 1
        try:
            kernel = self.scenario.kernel(self.controls)
            self._run = InferenceRun(kernel, *self.scenario.args(self.controls), seed=self.seed)
        except Exception as error:  # a program may raise anything
            self._fail(error)
        else:
            self._show(min(self.scenario.start, self.num_steps), float("inf"))
        self._grow()
        if not keep_view:
            self.notice = ""

    def _show(self, num: int, deadline: float) -> int:
        """Show so many draws more, and make those that are not there yet."""
        assert self._run is not None
        before, wanted = self.step, self.step + num
        self.version += 1
        while self.step < wanted:
            if self._pool.size == self.step and not self._draw():
                break
            self.step = min(wanted, self._pool.size)
            if self._clock() >= deadline:
                break
        self._end_or_go_on()
        return self.step - before

    def _draw(self) -> bool:
        """One step of the kernel; False if it failed."""
        assert self._run is not None
        try:
            self._run.advance(num_steps=1)
            self._pool.add(self.scenario.read(self.controls, self._run.snapshot.info))
        except Exception as error:  # a program may raise anything
            self._fail(error)
            return False
        return True

    def _fail(self, error: Exception) -> None:
        self._change("failed")
        message = " ".join(str(error).split())
        told = isinstance(error, InferenceError)
        self.error = say("drawing.error", message=message) if told else explain(error)
        self._run = None

    def _end_or_go_on(self) -> None:
        if self.status in ("running", "paused") and self.step >= self.num_steps:
            self.status = "done"
        elif self.status == "done" and self.step < self.num_steps:
            self.status = "paused"

    def _grow(self) -> None:
        """Let the axes hold what is to be seen, and say which of them grew."""
        reach = self.scenario.reach(self.controls)
        if DRAW in self.scenario.axes:
            reach[DRAW] = (0.0, float(self.num_steps))
        grown = self.view.grow(reach)
        if grown:
            self.stage_version += 1
            self.notice = " ".join(report.axis_now(self, name) for name in grown)


class Pool:
    """Rows of draws, in the order they were made.

    Example:
        >>> pool = Pool()
        >>> pool.add({"weight": np.array([8.0, 9.0])})
        >>> pool.add({"weight": np.array([10.0])})
        >>> pool.size, pool.first(2)["weight"].tolist()
        (3, [8.0, 9.0])
    """

    def __init__(self) -> None:
        self.size = 0
        self._columns: dict[str, np.ndarray] = {}

    def add(self, rows: Columns) -> None:
        """Put rows below; every call brings the same columns."""
        end = self.size
        for name, values in rows.items():
            end = self.size + len(values)
            column = self._columns.get(name, np.empty(0))
            if len(column) < end:
                column = np.resize(column, 2 * end) if len(column) else np.empty(2 * end)
                self._columns[name] = column
            column[self.size : end] = values
        self.size = end

    def first(self, num: int) -> Columns:
        """The first rows of every column."""
        return {name: column[:num] for name, column in self._columns.items()}
