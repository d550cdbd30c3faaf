"""Many runs of one program side by side, each with a random stream of its own."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Runs:
    """Where many runs of a program stand; whoever takes their steps changes it in place.

    Attributes:
        state: (runs, size) each, in the program's order.
        data: (runs, size) each; what all runs share is expanded from a single row.
        streams: states of torch's generator, (runs, bytes).
        losses: (runs, steps), double precision; nan where no step was taken.
        done: steps taken, (runs,).
        every: steps between two moments that are kept.
        kept: the leading states after each `every` steps, (runs, steps // every, size) each.
    """

    state: list[Tensor]
    data: list[Tensor]
    streams: Tensor
    losses: Tensor
    done: Tensor
    every: int
    kept: list[Tensor]

    @classmethod
    def begin(
        cls,
        state: list[Tensor],
        data: list[Tensor],
        streams: Tensor,
        steps: int,
        every: int = 0,
        leading: int = 0,
    ) -> Self:
        """Runs that have taken no step; nothing is kept if `every` is 0."""
        runs, every = len(streams), every or steps + 1
        points = steps // every
        kept = [p.new_full((runs, points, p.shape[1]), torch.nan) for p in state[:leading]]
        losses = torch.full((runs, steps), torch.nan, dtype=torch.float64)
        done = torch.zeros(runs, dtype=torch.int64)
        return cls(state, data, streams, losses, done, every, kept)

    def __len__(self) -> int:
        return len(self.streams)

    @property
    def steps(self) -> int:
        """How many each is to take."""
        return self.losses.shape[1]

    def some(self, chosen: Tensor) -> "Runs":
        """Copies of the runs at these indices."""
        data = [
            part[chosen] if part.stride(0) else part[:1].expand(len(chosen), -1)
            for part in self.data
        ]
        return replace(
            self,
            state=[part[chosen] for part in self.state],
            data=data,
            streams=self.streams[chosen],
            losses=self.losses[chosen],
            done=self.done[chosen],
            kept=[part[chosen] for part in self.kept],
        )

    def put(self, chosen: Tensor, runs: "Runs") -> None:
        """Write runs back to these indices."""
        for mine, theirs in zip(self._changing(), runs._changing(), strict=True):
            mine[chosen] = theirs

    def _changing(self) -> list[Tensor]:
        return [*self.state, self.streams, self.losses, self.done, *self.kept]
