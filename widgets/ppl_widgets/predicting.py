"""Predict, then reveal: the answer waits until the reader has said a number; then both stay.

`Reply` is what was said, `Veil` is a view behind which the answer waits. Whether to simulate first
or to predict first is no matter of taste: those who predict learn more from what they then see
(Garfield, delMas & Chance 1999; Kim, Reinecke & Hullman 2017).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol

import numpy as np

from . import theme
from .figures import NOTHING, Figure, Points
from .scenarios import ControlError
from .scenarios.prediction import Prediction
from .text import fixed, say

MARK, GAP = "predict.said", "predict.gap"
"""Traces: what the reader said, and what lies between it and the truth."""
LEVELS = 9
"""Points of the line at what the reader said."""


class Reply:
    """One prediction of one reader.

    Attributes:
        prediction: what is asked.
        value: what the reader says.
        exact: what was true when it was revealed; None before, and where nothing is known; infinite
            for what goes on without end.
        hidden: whether the answer waits.
        version: grows with every change.

    Example:
        >>> from .scenarios.predictions import PREDICTIONS
        >>> from .session import Session
        >>> reply = Reply(PREDICTIONS["weighing"])
        >>> reply.say(9.4)
        >>> reply.reveal(Session())
        >>> reply.sentence()
        'You said 9.40 kg. Exact 9.14 kg: 0.26 kg off.'
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.value: float = prediction.start
        self.exact: float | None = None
        self.hidden, self.version = True, 0

    def say(self, value: Any) -> None:
        """Move the reply.

        Raises:
            ControlError: no such number, or the answer is there already.
        """
        value = self.prediction.control.check(value)
        if value == self.value:
            return
        if not self.hidden:
            raise ControlError(say("predict.stands"))
        self.value = value
        self.version += 1

    def reveal(self, session: Any) -> None:
        """Take the number as said, and let the answer be seen."""
        if self.hidden:
            self.exact, self.hidden = self.prediction.exact(session), False
            self.version += 1

    def turn(self, session: Any) -> None:
        """Reveal the answer; or hide it again for another reply."""
        if self.hidden:
            self.reveal(session)
        else:
            self.again()

    def again(self) -> None:
        """Hide the answer for another reply."""
        self.exact, self.hidden = None, True
        self.version += 1

    @property
    def holds(self) -> bool:
        """Whether runs have to wait for the reply."""
        return self.hidden and not self.prediction.plays

    @property
    def off(self) -> float | None:
        """How far the reply is from what was true; None where no number was."""
        if self.exact is None or not math.isfinite(self.exact):
            return None
        return abs(self.value - self.exact)

    def text(self, value: float, unit: str = "") -> str:
        """A number with its unit."""
        number = fixed(value, self.prediction.digits)
        return f"{number} {unit or self.prediction.unit}".rstrip()

    def apart(self) -> str:
        """How far the reply is off, with its unit; empty where that is not known."""
        return "" if self.off is None else self.text(self.off, self.prediction.apart)

    def sentence(self) -> str:
        """The question; then what was said beside what is true."""
        if self.hidden:
            return self.prediction.question
        said = self.text(self.value)
        if self.exact is None:
            return say("predict.unknown", said=said)
        if self.off is None:
            return say("predict.endless", said=said)
        return say("predict.told", said=said, exact=self.text(self.exact), off=self.apart())

    def summary(self, told: str) -> str:
        """What is said aloud: the question alone, and after the reply the rest too."""
        return self.sentence() if self.hidden else f"{self.sentence()} {told}"


class View(Protocol):
    """Pictures of a session."""

    @property
    def stage(self) -> Callable[[Any], dict[str, Figure]]: ...
    @property
    def frame(self) -> Callable[[Any], Mapping[str, tuple[Any, Any | Sequence[str]]]]: ...
    @property
    def texts(self) -> Callable[[Any], dict[str, str]]: ...


class Veil:
    """A view that shows a reply, and hides the answer as long as it waits.

    Args:
        view: what is veiled.
        reply: the reader's.
    """

    def __init__(self, view: View, reply: Reply):
        self._view, self.reply = view, reply
        self._plots: dict[str, list[str]] = {}
        self._axes: dict[str, Mapping[str, Any]] = {}

    def stage(self, session: Any) -> dict[str, Figure]:
        """What stands still, with places for the reply and for what it is off by."""
        figures = self._view.stage(session)
        self._plots = {n: [t["uid"] for t in fig["data"]] for n, fig in figures.items()}
        if self.reply.prediction.plot:
            figure = figures[self.reply.prediction.plot]
            self._axes = {side: figure["layout"][f"{side}axis"] for side in "xy"}
            at = "start" if self.reply.prediction.across == "x" else "end"
            figure["data"] = [
                *figure["data"],
                theme.trace("expected", GAP, *NOTHING, label="", at="end"),
                theme.trace("expected", MARK, *NOTHING, say("predict.mark"), label="", at=at),
            ]
        points = self.frame(session)
        for fig in figures.values():
            for trace in fig["data"]:
                if trace["uid"] in (MARK, GAP) or self._waits(trace["uid"]):
                    trace["x"], trace["y"] = points[trace["uid"]]
        return figures

    def frame(self, session: Any) -> dict[str, tuple[Any, Any | Sequence[str]]]:
        """What moves; nothing of what waits."""
        points = dict(self._view.frame(session))
        points |= {uid: NOTHING for uid in points if self._waits(uid)}
        return points | (self._drawn(session) if self.reply.prediction.plot else {})

    def texts(self, session: Any) -> dict[str, str]:
        """What is written; before the reply nothing that tells the answer."""
        reply = self.reply
        written = self._view.texts(session)
        if reply.hidden:
            written = {key: self._covered(key, text) for key, text in written.items()}
        off = "" if reply.off is None else say("predict.off", off=reply.apart())
        said = say("predict.you", said=reply.text(reply.value))
        drawn = {f"label:{MARK}": said, f"label:{GAP}": off} if reply.prediction.plot else {}
        return written | drawn

    def _waits(self, uid: str) -> bool:
        kept = (fnmatchcase(uid, pattern) for pattern in self.reply.prediction.keeps)
        return self.reply.hidden and not any(kept)

    def _covered(self, key: str, text: str) -> str:
        kind, _, uid = key.partition(":")
        if kind == "alt":
            return self.reply.sentence()
        if kind == "label":
            return "" if self._waits(uid) else text
        return "" if any(map(self._waits, self._plots.get(key, ()))) else text

    def _drawn(self, session: Any) -> dict[str, Points]:
        """The reply as lines over the whole plot, and one from it to the truth."""
        reply, ask = self.reply, self.reply.prediction
        over, way = ("y", "x") if ask.across == "x" else ("x", "y")
        levels = _along(self._axes[over], np.linspace(0.0, 1.0, LEVELS))
        places = np.array([ask.places(session, reply.value, level) for level in levels])
        if np.isnan(places).all():
            return {MARK: NOTHING, GAP: NOTHING}
        lines = np.stack([places, np.broadcast_to(levels[:, None], places.shape)])
        lines = np.pad(lines, [(0, 0), (0, 1), (0, 0)], constant_values=np.nan)
        gap = np.empty((2, 0))
        if reply.exact is not None and math.isfinite(reply.exact):
            level = float(_along(self._axes[over], np.array(0.55)))
            ends = [ask.places(session, value, level)[-1] for value in (reply.value, reply.exact)]
            gap = np.array([ends, [level, level]])
        said = lines.swapaxes(1, 2).reshape(2, -1)[:, :-1]
        return {MARK: _points(said, way), GAP: _points(gap, way)}


def _along(axis: Mapping[str, Any], share: np.ndarray) -> np.ndarray:
    """The values at shares of an axis, whose range counts decades if it is logarithmic."""
    low, high = axis["range"]
    at = low + share * (high - low)
    return 10.0**at if axis.get("type") == "log" else at


def _points(pairs: np.ndarray, way: str) -> Points:
    along, over = pairs.astype(np.float32)
    return (along, over) if way == "x" else (over, along)
