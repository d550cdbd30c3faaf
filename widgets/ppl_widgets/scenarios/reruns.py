"""A whole training as a Kernel: a block of its steps is the end of a run from the very start.

Such a run takes about a millisecond, so nothing has to be kept between two blocks but the seed.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ppl_core.infer import SVI, SVIRuns

from .question import Columns
from .scenario import Controls


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training stands: its seed, and the blocks that have been run."""

    seed: int
    blocks: int = 0


class Rerun(ABC):
    """A kernel whose step is a block of steps of SVI; a subclass says what is noted of them."""

    size: ClassVar[int]
    """Rows that a block has."""

    def __init__(self, controls: Controls):
        self.controls = dict(controls)

    def init(self, *given: Any) -> Place:
        """The seed is that of the stream this runs on."""
        return Place(torch.initial_seed())

    def update(self, state: Place, *given: Any) -> tuple[Place, Columns]:
        """The next block of rows."""
        start = self.size * state.blocks
        rows = self.rows(state.seed, start, start + self.size, *given)
        return Place(state.seed, state.blocks + 1), rows

    @abstractmethod
    def rows(self, seed: int, start: int, end: int, *given: Any) -> Columns:
        """What is noted of the steps after `start`, up to `end`."""


def whole(svi: SVI, seed: int, end: int, *given: Any) -> SVIRuns:
    """One run of so many steps, with every step's parameters."""
    return svi.run_many(end, *given, seeds=[seed], every=1, progress_bar=False)
