"""A chain that is watched: step by step, and within a step along its trajectory.

Play goes by leapfrog steps: at a pace that a reader can follow, a trajectory grows point by point
before its end is accepted or refused. Everything else goes by draws, as in any `Drawing`.
"""

import numpy as np

from .drawing import Drawing
from .machine import Status
from .scenarios.rides import Ride, inverse_mass


class Riding(Drawing):
    """One chain; for its face see `Machine`.

    Args:
        scenario: the stage.
        seed: of the noise.
        clock: the time in seconds.
        controls: values to start from; the rest start at their defaults.

    Attributes:
        reached: points of the step under way that are shown; 0 where none is.

    Example:
        >>> from ppl_widgets.scenarios.sampling import SAMPLING
        >>> riding = Riding(SAMPLING)
        >>> riding.play()
        >>> riding.advance(1e3, num_steps=2), riding.step, riding.reached
        (2, 200, 2)
        >>> riding.advance(1e3, num_steps=4), riding.step, riding.reached
        (4, 201, 0)
    """

    reached = 0
    _rides: list[Ride]

    @property
    def ride(self) -> Ride | None:
        """The way of the step under way, or of the newest one; None before the first."""
        number = self.step if self.reached else self.step - 1
        return self._rides[number] if 0 <= number < len(self._rides) else None

    @property
    def draw(self) -> dict[str, float]:
        """The row of the same step; empty before the first."""
        number = self.step if self.reached else self.step - 1
        rows = self._pool.first(number + 1) if number >= 0 else {}
        return {name: float(column[-1]) for name, column in rows.items()}

    @property
    def inverse_mass(self) -> np.ndarray | None:
        """Of the chain, (2, 2); None without momenta."""
        return None if self._run is None else inverse_mass(self._run.snapshot.state.state)

    def advance(self, budget_ms: float, num_steps: int | None = None) -> int:
        """Go on for about so long; the points shown more, or the draws where none are counted.

        Args:
            budget_ms: milliseconds.
            num_steps: at most so many points; None for as many whole draws as there is time for.
        """
        if num_steps is None or self.status != "running":
            self.reached = 0 if self.status == "running" else self.reached
            return super().advance(budget_ms)
        done, deadline = 0, self._clock() + budget_ms / 1e3
        while done < num_steps and self.step < self.num_steps and self._ahead():
            length = len(self._rides[self.step])
            more = min(num_steps - done, length - self.reached)
            self.reached += more
            done += more
            if self.reached == length:
                self._shown, self.reached = self.step + 1, 0
            if self._clock() >= deadline:
                break
        self.version += 1
        self._end_or_go_on(self.num_steps)
        return done

    def run(self, num_steps: int) -> int:
        """Make so many whole draws at once; those shown more."""
        self.reached = 0
        return super().run(num_steps)

    def back(self, num_steps: int = 50) -> int:
        """Show so many draws less; the draws that are left."""
        self.reached = 0
        return super().back(num_steps)

    def _ahead(self) -> bool:
        """Whether there is a step to be shown; it is made where it is not there yet."""
        return self._pool.size > self.step or self._draw()

    def _draw(self) -> bool:
        drawn = super()._draw()
        if drawn and self._run is not None:
            self._rides += self._run.snapshot.info.rides
        return drawn

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        self._rides, self.reached = [], 0
        super()._start_over(status, keep_view)
