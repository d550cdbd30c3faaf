"""A panel that draws, without its widgets: runs of a program, one by one, and what may happen next.

To a panel it looks as a `Session` does. The draws are made a block at a time and shown one at a
time, so speed and pauses never change what is drawn, and going back is to show fewer of them.
"""

from typing import Any

import numpy as np

from ppl_core.errors import InferenceError
from ppl_core.runs import InferenceRun

from .learner import explain
from .machine import Machine, Status
from .scenarios import NUM, Columns, Controls, Question, View
from .text import count, say

LIMIT = 100_000
"""Draws that are kept at most, where each of them is a few numbers."""


class Drawing(Machine[Question]):
    """One question, answered by draws; for its face see `Machine`.

    Args:
        scenario: what is drawn.
        seed: of the noise.
        clock: the time in seconds.
        controls: values to start from; the rest start at their defaults.

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

    act, grants = "draw", NUM
    counts = "draw"
    """The axis that counts draws, where a question has one."""
    limit = LIMIT
    """Draws that are kept at most."""

    # ---- what is

    @property
    def step(self) -> int:
        """Draws that are shown."""
        return self._shown

    @property
    def draws(self) -> Columns:
        """The draws that are shown: name -> (step,)."""
        return self._pool.first(self.step)

    @property
    def given(self) -> Controls:
        """The controls that the draws are made with."""
        return self.controls

    # ---- commands

    def play(self) -> None:
        """Draw in `advance`; after the last draw, for as many again, up to `limit` of them."""
        if self._ready and self.step >= self.limit:
            self._change("done")
            self.notice = self._words("full", step=count(self.step))
        else:
            super().play()

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
        if name == self.grants:
            self._change(self.status)
            self._grant(max(self.controls[self.grants], self.step))
        elif name in self.scenario.inputs or self._run is None:
            self._start_over(self._afresh, keep_view=True)
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
        """Make so many draws at once, also past the last one, up to `limit`; those shown more."""
        return super().run(min(num_steps, self.limit - self.step))

    def back(self, num_steps: int = 50) -> int:
        """Show so many draws less; the draws that are left."""
        self._shown = max(0, self.step - num_steps)
        self._went_back()
        self.notice = self._words("back", step=count(self.step))
        return self.step

    # ---- what is said

    def summary(self) -> str:
        """The state in a few short sentences, for whoever listens instead of looking."""
        told = self.scenario.tell(self.given, self.draws) if self.status != "failed" else ""
        return " ".join(part for part in (self.notice, self._state(), self.error, told) if part)

    def code(self) -> str:
        """The program behind the panel: a cell that draws as the panel does."""
        return self.scenario.code(self.controls, self.seed)

    def _words(self, what: str, **parts: str) -> str:
        return say(f"drawing.{what}", **parts)

    # ---- how it comes about

    @property
    def _ready(self) -> bool:
        return self._run is not None

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        """The first draws under the present controls and seed."""
        self._change(status)
        self._pool, self._shown = Pool(), 0
        self._run: InferenceRun | None = None
        self.num_steps = self.controls[self.grants]
        if not keep_view:
            self.view = View(self.scenario.axes)
            self.stage_version += 1
        try:
            kernel = self.scenario.kernel(self.given)
            self._run = InferenceRun(kernel, *self.scenario.args(self.given), seed=self.seed)
        except Exception as error:  # a program may raise anything
            self._fail(error)
        else:
            self._show(min(self._opening(), self.num_steps), float("inf"))
        self._grow()
        if not keep_view:
            self.notice = ""

    def _opening(self) -> int:
        """Draws that a new run begins with."""
        return self.scenario.start

    def _show(self, num: int, deadline: float) -> int:
        """Show so many draws more, and make those that are not there yet."""
        assert self._run is not None
        before, wanted = self.step, self.step + num
        self.version += 1
        while self.step < wanted:
            if self._pool.size == self.step and not self._draw():
                break
            self._shown = min(wanted, self._pool.size)
            if self._clock() >= deadline:
                break
        self._end_or_go_on(self.num_steps)
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
        message = " ".join(str(error).split())
        told = isinstance(error, InferenceError)
        self._stop(say("drawing.error", message=message) if told else explain(error))
        self._run = None

    def _grant(self, num_steps: int) -> None:
        self._end_or_go_on(min(num_steps, self.limit))
        self._grow()

    def _take(self, num_steps: int) -> int:
        return self._show(num_steps, float("inf"))

    def _grow(self) -> None:
        reach = self.scenario.reach(self.controls)
        if self.counts in self.scenario.axes:
            reach[self.counts] = (0.0, float(self.num_steps))
        self._hold(reach)


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
