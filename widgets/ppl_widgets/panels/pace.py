"""How fast Play goes: steps a second that a reader can follow, or all that the machine can do."""

from __future__ import annotations

import math

from ppl_widgets.scenarios.control import spoken

SPEEDS = {"slow": 20.0, "normal": 500.0, "full": math.inf}
"""Steps a second."""

SPEED = spoken("speed", "normal", kind="choice", options=tuple(SPEEDS))

BACKLOG = 4
"""Rations that may pile up; what a slow machine could not do beyond them is let go."""


class Pace:
    """Rations steps by the clock, so that a run is as fast as was chosen and never faster.

    Args:
        ration: seconds of steps that are worth a slice of their own.

    Example:
        >>> pace = Pace(ration=0.01)
        >>> pace.start(now=0.0)             # with a first ration: 5 steps of 500 a second
        >>> pace.wait(0.0), pace.steps(0.0)
        (0.0, 5)
        >>> pace.spend(5, 0.0)
        >>> round(pace.wait(0.004), 3), pace.steps(0.012)
        (0.006, 6)
    """

    def __init__(self, ration: float) -> None:
        self.ration = ration
        self.speed: str = SPEED.value
        self._credit, self._at = 0.0, 0.0

    def choose(self, speed: object) -> None:
        """Go at another of the `SPEEDS`.

        Raises:
            ControlError: there is none of this name.
        """
        self.speed = SPEED.check(speed)

    def start(self, now: float) -> None:
        """Begin with one ration, whatever was left."""
        self._credit, self._at = self._portion, now

    def wait(self, now: float) -> float:
        """Seconds until the next ration is full."""
        return 0.0 if self.free else max(0.0, (self._portion - self._saved(now)) / self._rate)

    def steps(self, now: float) -> int | None:
        """Steps that may be done by now; None for as many as there is time for."""
        return None if self.free else int(self._saved(now))

    def spend(self, steps: int, now: float) -> None:
        """So many have been done."""
        self._credit, self._at = (0.0 if self.free else self._saved(now) - steps), now

    @property
    def _rate(self) -> float:
        return SPEEDS[self.speed]

    @property
    def free(self) -> bool:
        """Whether as many steps may be done as there is time for."""
        return self._rate == math.inf

    @property
    def _portion(self) -> float:
        return 1.0 if self.free else max(1.0, self._rate * self.ration)

    def _saved(self, now: float) -> float:
        return min(self._credit + (now - self._at) * self._rate, BACKLOG * self._portion)
