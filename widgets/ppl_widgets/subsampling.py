"""The session of many readings: small batches train step by step, too long for one tick."""

from typing import Any

from .scenarios.many import of_readings
from .watching import Watching


class Subsampling(Watching):
    """Many readings or many weights. It opens trained; after a change, readings train on the clock.

    A batch that is chosen anew at each step has no compiled form, so 200 steps take a fifth of a
    second. The exact answer moves with the hand; the learned one sets out after it. Many weights
    are compiled: each change of theirs is a whole training at once.

    Args:
        scenario: many.
        seed: of the noise.
        clock: the time in seconds.
        controls: values to start from; the rest start at their defaults.
    """

    def set(self, name: str, value: Any) -> bool:
        """Move a control. Readings that have to train anew do so by themselves."""
        trained = self.step or self.status == "failed"
        changed = super().set(name, value)
        if changed and trained and not self.step:
            self.play()
        return changed

    @property
    def _stays(self) -> int | None:
        return 0 if of_readings(self.controls) else super()._stays
