"""What a run has been through, in bounded memory: series over steps, marks where things changed.

A series keeps every step until it is full; from then on it keeps the lowest and the highest value
of each stretch of steps, so that no spike is ever lost. A plot gets at most `POINTS` of these
points, chosen the same way.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

POINTS = 400
"""Points of one trace on the screen."""
CAPACITY = 8192
"""Points of one series in memory."""
TAIL = 500
"""Steps of the tail average."""
RECENT = 2000
"""Steps that are also kept one by one, so that a tail is left after going back."""
WINDOW = 100
"""Steps of the running mean."""
MARKS = 64
"""Marks and turns kept; the oldest go first."""
GESTURE = 0.5
"""Changes of one control within so many seconds are one move of a hand, and get one mark."""

Points = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Mark:
    """A change of a control: the steps after `step` ran under the new value."""

    step: int
    control: str
    label: str
    at: float = -math.inf
    """When it was made, in seconds: changes that follow each other closely are one move."""


class Series:
    """One quantity over steps.

    Args:
        capacity: points to keep; at most twice as many are held for a moment.

    Example:
        >>> series = Series(capacity=8)
        >>> series.extend(np.arange(1, 13), np.array([0, 0, 9, 0, 0, -7, 0, 0, 0, 0, 0, 5.0]))
        >>> series.points()[1].tolist()
        [0.0, 9.0, 0.0, -7.0, 0.0, 5.0]
    """

    def __init__(self, capacity: int = CAPACITY):
        self.capacity = capacity
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._steps, self._values = np.empty(0, np.int64), np.empty(0, np.float32)
        self._loose_steps, self._loose_values = self._steps, self._values
        self._stretch = 1  # steps behind each kept pair; 1 while every step is kept

    def extend(self, steps: np.ndarray, values: np.ndarray) -> None:
        """Add consecutive steps (int64, shape (n,)) and their values (float32, shape (n,))."""
        loose_steps = np.concatenate([self._loose_steps, steps])
        loose_values = np.concatenate([self._loose_values, values.astype(np.float32)])
        full = len(loose_steps) - len(loose_steps) % self._stretch
        self._loose_steps, self._loose_values = loose_steps[full:], loose_values[full:]
        block = loose_steps[:full], loose_values[:full]
        new = block if self._stretch == 1 else extremes(*block, self._stretch)
        self._steps = np.concatenate([self._steps, new[0]])
        self._values = np.concatenate([self._values, new[1]])
        while len(self._steps) > self.capacity:
            self._thin()

    def _thin(self) -> None:
        even = len(self._steps) - len(self._steps) % 4
        steps, values = extremes(self._steps[:even], self._values[:even], 4)
        self._steps = np.concatenate([steps, self._steps[even:]])
        self._values = np.concatenate([values, self._values[even:]])
        self._stretch = 4 if self._stretch == 1 else 2 * self._stretch

    def truncate(self, step: int) -> None:
        """Forget what came after `step`."""
        kept, loose = self._steps <= step, self._loose_steps <= step
        self._steps, self._values = self._steps[kept], self._values[kept]
        self._loose_steps = self._loose_steps[loose]
        self._loose_values = self._loose_values[loose]

    def points(self) -> Points:
        """All points in memory: steps (int64) and values (float32)."""
        steps = np.concatenate([self._steps, self._loose_steps])
        return steps, np.concatenate([self._values, self._loose_values])


class Turns:
    """What held from which step on: the newest value last, at most `MARKS` of them.

    Attributes:
        values: (first step, value), oldest first.

    Example:
        >>> truth = Turns()
        >>> truth.turn(0, 9.14)
        >>> truth.turn(40, 9.3)
        >>> truth.turn(40, 9.4)  # nothing was trained under 9.3
        >>> truth.values
        [(0, 9.14), (40, 9.4)]
    """

    def __init__(self) -> None:
        self.values: list[tuple[int, Any]] = []

    def turn(self, step: int, value: Any) -> None:
        """From this step on `value` holds; what was to hold later never did."""
        kept = [turn for turn in self.values if turn[0] < step]
        if not kept or kept[-1][1] != value:
            kept.append((step, value))
        self.values = kept[-MARKS:]


class History:
    """Several series over the same steps, a running mean of the first, and the marks.

    Steps come in cheaply, in the middle of training; they are sorted into series when somebody
    looks.

    Args:
        names: the series; the first one is averaged over the last `WINDOW` steps as "mean".
        capacity: points of each series in memory.

    Attributes:
        extents: series -> lowest and highest value so far ("mean": when last looked at).
        marks: changes, oldest first.
    """

    def __init__(self, names: Sequence[str], capacity: int = CAPACITY):
        self.names = tuple(names)
        self.marks: list[Mark] = []
        self.extents: dict[str, tuple[float, float]] = {}
        self._series = {name: Series(capacity) for name in (*self.names, "mean")}
        self._recent = np.empty((0, 1 + len(self.names)))
        self._renewed = 0  # averages are over the steps after this one
        self._incoming: list[np.ndarray] = []
        self._waiting = 0
        self._shown: dict[tuple[str, int], Points] = {}

    # ---- what comes in

    def begin(self, values: Mapping[str, float]) -> None:
        """Note where series stand before the first step."""
        for name, value in values.items():
            self._series[name].extend(np.zeros(1, np.int64), np.array([value]))
            self._widen(name, value, value)
        self._shown.clear()

    def extend(self, rows: Sequence[tuple[float, ...]] | np.ndarray) -> None:
        """Add consecutive steps, each as (step, value of each series in the order of `names`)."""
        if not len(rows):
            return
        block = np.array(rows, np.float64)
        lows, highs = block.min(axis=0).tolist(), block.max(axis=0).tolist()
        for name, low, high in zip(self.names, lows[1:], highs[1:], strict=True):
            self._widen(name, low, high)
        self._incoming.append(block)
        self._waiting += len(block)
        if self._waiting > CAPACITY:
            self._sort_in()

    def _widen(self, name: str, low: float, high: float) -> None:
        lowest, highest = self.extents.get(name, (low, high))
        self.extents[name] = min(lowest, low), max(highest, high)

    def _sort_in(self) -> None:
        """Move what has come in to its series."""
        if not self._incoming:
            return
        block = np.concatenate(self._incoming)
        self._incoming, self._waiting = [], 0
        steps = block[:, 0].astype(np.int64)
        columns = dict(zip(self.names, block.T[1:], strict=True))
        columns["mean"] = mean = running_mean(self._alike()[:, 1], block[:, 1], WINDOW)
        self._widen("mean", float(mean.min()), float(mean.max()))
        for name, values in columns.items():
            self._series[name].extend(steps, values)
        self._recent = np.concatenate([self._recent, block])[-RECENT:]
        self._shown.clear()

    def renew(self) -> None:
        """Begin every average anew: what comes now is not like what came before."""
        self._sort_in()
        self._renewed = int(self._recent[-1, 0]) if len(self._recent) else 0

    def _alike(self) -> np.ndarray:
        """The recent steps that may be averaged with the next one."""
        return self._recent[self._recent[:, 0] > self._renewed]

    # ---- what is asked for

    def points(self, name: str, limit: int = POINTS) -> Points:
        """At most `limit` points of a series for a plot: steps and values, both float32.

        None for a name that is not recorded.
        """
        if name not in self._series:
            return np.empty(0, np.float32), np.empty(0, np.float32)
        self._sort_in()
        if (name, limit) not in self._shown:
            steps, values = self._series[name].points()
            self._shown[name, limit] = decimate(steps.astype(np.float32), values, limit)
        return self._shown[name, limit]

    def newest(self, name: str) -> float | None:
        """The last value of a series; None if there is none."""
        values = self.points(name)[1]
        return float(values[-1]) if len(values) else None

    def tail(self, steps: int = TAIL) -> Mapping[str, float]:
        """Averages over the last steps, by series; empty before the first step.

        `"steps"` tells how many there were: fewer after `renew`, or after going back a long way.
        """
        self._sort_in()
        rows = self._alike()[-steps:]
        if not len(rows):
            return {}
        means = rows[:, 1:].mean(axis=0)
        return {"steps": len(rows), **dict(zip(self.names, means.tolist(), strict=True))}

    # ---- marks, and going back

    def mark(self, mark: Mark) -> None:
        """Remember a change, in place of one of the same control at this step or in this move."""
        last = self.marks[-1] if self.marks else None
        kept = [m for m in self.marks if (m.step, m.control) != (mark.step, mark.control)]
        if last in kept and last.control == mark.control and 0 <= mark.at - last.at < GESTURE:
            kept.remove(last)
        self.marks = [*kept, mark][-MARKS:]

    def truncate(self, step: int) -> list[Mark]:
        """Forget what came after `step`; returns the marks that went."""
        self._sort_in()
        self._shown.clear()
        self.extents = {}
        for name, series in self._series.items():
            series.truncate(step)
            if len(values := series.points()[1]):
                self._widen(name, float(values.min()), float(values.max()))
        self._recent = self._recent[self._recent[:, 0] <= step]
        self._renewed = min(self._renewed, step)
        gone = [mark for mark in self.marks if mark.step >= step]
        self.marks = [mark for mark in self.marks if mark.step < step]
        return gone


def running_mean(before: np.ndarray, values: np.ndarray, window: int) -> np.ndarray:
    """The mean of the last `window` values at each of `values`, which follow on `before`.

    Fewer are averaged where there are fewer.

    >>> running_mean(np.array([1.0]), np.array([3.0, 5.0, 7.0]), window=2)
    array([2., 4., 6.])
    """
    lead = before[-(window - 1) :] if window > 1 else before[:0]
    missing = window - 1 - len(lead)
    padded = np.concatenate([np.zeros(missing), lead, values])
    sums = np.lib.stride_tricks.sliding_window_view(padded, window).sum(axis=1)
    return sums / np.minimum(np.arange(len(lead) + 1, len(lead) + 1 + len(values)), window)


def extremes(steps: np.ndarray, values: np.ndarray, group: int) -> Points:
    """The lowest and highest point of each group of consecutive points, in their order.

    The number of points must be a multiple of `group`; two points stay of each.
    """
    rows = values.reshape(-1, group)
    places = np.stack([rows.argmin(axis=1), rows.argmax(axis=1)], axis=1)
    places.sort(axis=1)
    chosen = (places + np.arange(0, len(values), group)[:, None]).ravel()
    return steps[chosen], values[chosen]


def decimate(x: np.ndarray, y: np.ndarray, limit: int = POINTS) -> Points:
    """At most `limit` points with the ends and the lowest and highest point of each stretch.

    >>> x = np.arange(1000.0)
    >>> shown_x, shown_y = decimate(x, np.where(x == 637, 5.0, 0.0), limit=10)
    >>> len(shown_x) <= 10, shown_y.max(), shown_x[0], shown_x[-1]
    (True, np.float64(5.0), np.float64(0.0), np.float64(999.0))
    """
    if len(x) <= limit:
        return x, y
    group = -(-(len(x) - 2) // ((limit - 2) // 2))
    inner = (len(x) - 2) // group * group
    shown_x, shown_y = extremes(x[1 : 1 + inner], y[1 : 1 + inner], group)
    rest_x, rest_y = x[1 + inner : -1], y[1 + inner : -1]
    if len(rest_x):
        rest_x, rest_y = extremes(rest_x, rest_y, len(rest_x))
    pieces_x, pieces_y = (x[:1], shown_x, rest_x, x[-1:]), (y[:1], shown_y, rest_y, y[-1:])
    return np.concatenate(pieces_x), np.concatenate(pieces_y)
