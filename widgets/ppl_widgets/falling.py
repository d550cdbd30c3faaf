"""A panel whose single draws fall: one line of the program after the other, slowly enough to see.

A step lets the newest draw go from site to site, a line at a time. Whoever draws many at once, by
Play or by a hundred, sees each of them at the end of its way.
"""

from .drawing import Drawing
from .machine import Status

FALL = 0.4
"""Seconds that the newest draw stays on a line."""
LINES = 3
"""Of a program: the one that calls it, and one for each of its two sites."""


class Falling(Drawing):
    """One question answered by draws, the newest of which is on its way after a single step.

    Args:
        scenario: what is drawn.
        seed: of the noise.
        clock: the time in seconds.
        controls: values to start from; the rest start at their defaults.

    Attributes:
        line: of the program, on which the newest draw is: 0 calls it, 2 is the last one.

    Example:
        >>> from ppl_widgets.scenarios import FORWARD
        >>> falling = Falling(FORWARD)
        >>> falling.run(1), falling.line
        (1, 0)
        >>> falling.settle()
        >>> falling.line
        2
    """

    line = LINES - 1

    def run(self, num_steps: int) -> int:
        """Make so many draws at once; a single one begins to fall."""
        self.settle()
        done = super().run(num_steps)
        if done == 1 and self.status != "running":
            self._stand(0)
        return done

    def back(self, num_steps: int = 50) -> int:
        """Show so many draws less; the draws that are left."""
        self.settle()
        return super().back(num_steps)

    def due(self) -> float:
        """Seconds until the next line runs: 0 for now, infinite for never."""
        if self.status == "running" or self.line == LINES - 1:
            return super().due()
        return max(0.0, self._since + FALL - self._clock())

    def advance(self, budget_ms: float, num_steps: int | None = None) -> int:
        """Draw for about so long; or let the newest draw fall by a line."""
        if self.status != "running":
            if self.line < LINES - 1 and self.due() == 0.0:
                self._stand(self.line + 1)
            return 0
        self.settle()
        return super().advance(budget_ms, num_steps)

    def settle(self, brief: bool = False) -> None:
        """Let the newest draw be at its end."""
        self.line = LINES - 1

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        self.settle()
        super()._start_over(status, keep_view)

    def _stand(self, line: int) -> None:
        self.line, self._since = line, self._clock()
        self.version += 1
