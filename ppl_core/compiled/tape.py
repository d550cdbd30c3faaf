"""The tape: the random numbers of many steps, drawn ahead from the very stream that one step uses.

Torch's generator is a Mersenne twister; what each draw takes from it is fixed. So the noise of the
next thousand steps can be drawn in one go and be, number by number, what a thousand eager steps
would have drawn: a run is the same for one seed, compiled or not, and leaves the generator where
eager steps would have left it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from ..plates import Subsample

FEW = 16
"""Torch draws fewer normal numbers than this one pair after the other, in double precision."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One statement that asks the generator.

    Attributes:
        kind: "normal" | "uniform" | "rows" (indices without replacement).
        shape: of the result.
        dtype: of the result, as text.
        size: of the plate whose rows are chosen.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: str
    size: int = 0

    def once(self, generator: Generator) -> Tensor:
        """What one eager step draws."""
        dtype: Any = getattr(torch, self.dtype)
        if self.kind == "normal":
            return torch.randn(self.shape, dtype=dtype, generator=generator)
        if self.kind == "uniform":
            return torch.rand(self.shape, dtype=dtype, generator=generator)
        return Subsample(self.size, *self.shape).sample()

    @property
    def count(self) -> int:
        """Numbers drawn."""
        return math.prod(self.shape)


def draw(draws: Sequence[Draw], steps: int, generator: Generator) -> list[Tensor]:
    """The draws of many steps, each (steps, *shape); the generator moves on as if by single steps.

    Rows are always drawn from torch's default generator, as plates do.

    >>> g = torch.Generator().manual_seed(1)
    >>> ahead, = draw([Draw("normal", (), "float32")], 3, g)
    >>> g = g.manual_seed(1)
    >>> torch.equal(ahead, torch.stack([torch.randn((), generator=g) for _ in range(3)]))
    True
    """
    if draws and all(d.kind == "normal" and 0 < d.count < FEW for d in draws):
        return _few_normals(draws, steps, generator)
    rows = [[d.once(generator) for d in draws] for _ in range(steps)]
    return [torch.stack([row[i] for row in rows]) for i in range(len(draws))]


def _few_normals(draws: Sequence[Draw], steps: int, generator: Generator) -> list[Tensor]:
    """Pairs of normal numbers from pairs of uniform ones (Box & Muller 1958), as torch makes them.

    An odd one out waits in the generator; torch itself draws it and picks it up.
    """
    each = [d.count for d in draws]
    total = steps * sum(each)
    numbers = torch.empty(total, dtype=torch.float64)
    start = _waiting(generator, numbers)
    pairs = (total - start) // 2
    uniform = torch.rand(pairs, 2, dtype=torch.float64, generator=generator)
    radius = torch.sqrt(-2.0 * torch.log1p(-uniform[:, 1]))
    angle = 2.0 * math.pi * uniform[:, 0]
    middle = numbers[start : start + 2 * pairs].view(pairs, 2)
    torch.mul(radius, angle.cos(), out=middle[:, 0])
    torch.mul(radius, angle.sin(), out=middle[:, 1])
    for last in range(start + 2 * pairs, total):
        numbers[last] = torch.randn((), dtype=torch.float64, generator=generator)
    table = numbers.view(steps, sum(each))
    parts = table.split(each, dim=1)
    return [
        part.to(getattr(torch, d.dtype)).reshape(steps, *d.shape).contiguous()
        for part, d in zip(parts, draws, strict=True)
    ]


def _waiting(generator: Generator, numbers: Tensor) -> int:
    """Take the odd normal number that the generator still holds, if any; how many were taken."""
    holds = int(generator.get_state()[5040:5044].view(torch.int32))
    if not holds or not len(numbers):
        return 0
    numbers[0] = torch.randn((), dtype=torch.float64, generator=generator)
    return 1
