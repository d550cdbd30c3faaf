"""The range of a plot's axis: the lesson's own, growing in steps that are large enough to notice."""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """Where an axis may end: the lesson's range first, then the steps it may grow by.

    An axis that followed its data would make every curve look alike; one that stays put lets a reader
    see what moved. Each end grows by itself, never shrinks, and stops at its last step: what lies
    beyond that is out of the picture.

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
