"""The range of a plot's axis: the lesson's own, growing in steps large enough to notice."""

from collections.abc import Mapping
from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """Where an axis may end: the lesson's range first, then the steps it may grow by.

    An axis that followed its data would make every curve look alike; one that stays put lets a
    reader see what moved. Each end grows by itself, never shrinks, and stops at its last step: what
    lies beyond that is out of the picture.

    Example:
        >>> weight = Axis(lows=(6.0, 3.0, 0.0), highs=(11.0, 14.0, 20.0))
        >>> weight.start
        (6.0, 11.0)
        >>> weight.grown((6.0, 11.0), reach=(7.0, 12.5))
        (6.0, 14.0)
    """

    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @property
    def start(self) -> Range:
        """The lesson's range."""
        return self.lows[0], self.highs[0]

    def grown(self, now: Range, reach: Range) -> Range:
        """The smallest allowed range that holds the present one and what has to be reached."""
        low = next((end for end in self.lows if end <= min(now[0], reach[0])), self.lows[-1])
        high = next((end for end in self.highs if end >= max(now[1], reach[1])), self.highs[-1])
        return low, high


class View:
    """The ranges of all axes of a panel at present.

    Attributes:
        ranges: axis -> (low, high).
    """

    def __init__(self, axes: Mapping[str, Axis]):
        self._axes = axes
        self.ranges: dict[str, Range] = {name: axis.start for name, axis in axes.items()}

    def grow(self, reach: Mapping[str, Range]) -> list[str]:
        """Let every axis hold what it has to; the names of those that grew."""
        grown = []
        for name, wanted in reach.items():
            now = self._axes[name].grown(self.ranges[name], wanted)
            if now != self.ranges[name]:
                self.ranges[name] = now
                grown.append(name)
        return grown
