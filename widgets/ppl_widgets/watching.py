"""A panel that looks on while something trains, without its widgets.

A small program is trained whole within a moment, so its steps are rows like any others: made in
blocks, shown one by one, taken back by showing fewer. A control that moves trains everything anew,
and what is shown stays at the step where it was.
"""

from typing import Any, Literal

from .drawing import Drawing
from .scenarios import NUM_STEPS
from .text import say


class Watching(Drawing):
    """One question, answered by a training whose steps are rows; for its face see `Machine`.

    It opens at the last step. After *Same noise* and *New noise* it stands at the first one, so
    that a press of Play shows how it got there.

    Args:
        scenario: what is trained; its kernel makes rows, one for each step.
        seed: of the noise.
        clock: the time in seconds.
        controls: values to start from; the rest start at their defaults.

    Raises:
        ControlError: a control or the seed has a value it cannot take.
    """

    act, grants, counts = "train", NUM_STEPS, "step"
    _playhead: int | None = None

    def set(self, name: str, value: Any) -> bool:
        """Move a control and train anew; the step that is shown stays, but for one that failed."""
        self._playhead = self._stays
        try:
            return super().set(name, value)
        finally:
            self._playhead = None

    def reset(self, noise: Literal["same", "new"] = "same") -> None:
        """Back to the first step: with the same noise, or that of the next seed."""
        self._playhead = 0
        try:
            super().reset(noise)
        finally:
            self._playhead = None

    @property
    def _stays(self) -> int | None:
        """The step that is shown after a change; the last one if None."""
        return None if self.status == "failed" else self.step

    def _opening(self) -> int:
        return self.controls[self.grants] if self._playhead is None else self._playhead

    def _words(self, what: str, **parts: str) -> str:
        return say(f"drawing.{what}" if what == "full" else f"training.{what}", **parts)
