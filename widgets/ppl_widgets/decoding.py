"""The session of the VAE bench: a training that is too long for one tick of a slider."""

from typing import Any, cast

from .machine import Status
from .scenarios import decoding
from .scenarios.autoencoder import Weights
from .watching import Watching


class Decoding(Watching):
    """A decoder and its encoder. It opens trained; after a change it trains anew on the clock.

    Args:
        scenario: the bench.
        seed: of the noise.
        clock: the time in seconds.
        controls: values to start from; the rest start at their defaults.
    """

    limit = decoding.LIMIT

    @property
    def learned(self) -> Weights:
        """Every parameter after the step that is shown; none if the programs cannot start."""
        if self.step:
            return self._kept[self.step - 1]
        return {} if self._run is None else cast(decoding.Lesson, self._run.kernel).start

    def set(self, name: str, value: Any) -> bool:
        """Move a control. If the training depends on it, it starts over, and goes on by itself."""
        before = self.step or self.status == "failed"
        changed = super().set(name, value)
        if changed and before and not self.step:
            self.play()
        return changed

    @property
    def _stays(self) -> int | None:
        return 0

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        self._kept: list[Weights] = []
        super()._start_over(status, keep_view)

    def _draw(self) -> bool:
        made = super()._draw()
        if made and self._run is not None:
            self._kept.append(self._run.snapshot.info.params)
        return made
