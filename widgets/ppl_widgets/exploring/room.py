"""Axes for plots of what nobody knows beforehand: they start where things are, and only grow."""

import math

import numpy as np

from ..scenarios import Range
from .abbreviations import nice

MARGIN = 0.08
"""Of the width, left free on both sides."""
SPARE = 0.35
"""Of the width, added where an axis has to grow."""


class Room:
    """The ranges of a few axes, by name.

    Attributes:
        ranges: axis -> (low, high).

    Example:
        >>> room = Room()
        >>> room.hold("kg", 7.3, 10.9), room.ranges["kg"]
        (True, (7.0, 11.2))
        >>> room.hold("kg", 8.0, 10.0), room.hold("kg", 8.0, 12.0)
        (False, True)
    """

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}

    def forget(self, *names: str) -> None:
        """Let these axes start anew."""
        for name in names:
            self.ranges.pop(name, None)

    def hold(self, name: str, low: float, high: float, floor: float | None = None) -> bool:
        """Let an axis hold this; whether it changed. What is not finite is let go.

        Args:
            name: of the axis.
            low, high: what has to be seen.
            floor: where the axis always begins, if anywhere.
        """
        if not (math.isfinite(low) and math.isfinite(high)):
            return False
        now = self.ranges.get(name)
        if now is not None and now[0] <= low and high <= now[1]:
            return False
        spare = MARGIN if now is None else SPARE
        if now is not None:
            low, high = min(low, now[0]), max(high, now[1])
        width = (high - low) or abs(high) or 1.0
        step = nice(width / 8)
        down = low - (spare * width if now is None or low < now[0] else 0.0)
        up = high + (spare * width if now is None or high > now[1] else 0.0)
        ends = [math.floor(down / step) * step, math.ceil(up / step) * step]
        if now is not None:  # an end that holds stays where it is
            ends = [now[0] if down == now[0] else ends[0], now[1] if up == now[1] else ends[1]]
        bottom = ends[0] if floor is None else floor
        self.ranges[name] = float(f"{bottom:.10g}"), float(f"{ends[1]:.10g}")
        return True

    def get(self, name: str, default: Range = (0.0, 1.0)) -> Range:
        """The range of an axis; the default one if nothing was held yet."""
        return self.ranges.get(name, default)


def middle(values: np.ndarray, weights: np.ndarray | None = None, share: float = 0.99) -> Range:
    """Where the middle share of the draws lies."""
    kept = values if weights is None else values[weights > 1e-3 * weights.max()]
    if not len(kept):
        return math.nan, math.nan
    tail = 0.5 * (1.0 - share)
    low, high = np.quantile(kept, [tail, 1.0 - tail])
    return float(low), float(high)
