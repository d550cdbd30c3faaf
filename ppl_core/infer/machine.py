"""A potential as machine code: the same points of a chain, at a small part of their price."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..compiled import Gradient
from .target import Point, Target, Values


class CompiledTarget(Target):
    """A target whose potential and gradient are compiled; values on the supports come on demand.

    Args:
        target: what is compiled, for its own arguments.
        start: a position of finite density, (d,).

    Raises:
        NotCompiled: it has no compiled form, there is no compiler, or a trial was off.
    """

    def __init__(self, target: Target, start: Tensor):
        super().__init__(target.layout, target.args, target.kwargs)
        self._plain = target
        self._gradient = Gradient(lambda at: target.energy(at)[0], target.layout.split(start))

    def energy(self, values: Values) -> tuple[Tensor, Values]:
        """As of the target, one run of the program."""
        return self._plain.energy(values)

    def at(self, position: Tensor) -> Point:
        """Potential and gradient at a position, (d,), from the compiled function."""
        potential, grads = self._gradient(self.layout.split(position))
        gradient = torch.cat([grads[name].reshape(-1) for name in self.layout.shapes])
        return Point(position, potential, gradient, _OnDemand(self._plain, position))

    def blame(self, point: Point) -> tuple[str, str]:
        """As of the target."""
        return self._plain.blame(self._plain.at(point.position))


class _OnDemand(Mapping[str, Tensor]):
    """The sites' values at a position, computed when first asked for: most points are passed by."""

    def __init__(self, target: Target, position: Tensor):
        self._target, self._position = target, position
        self._known: dict[str, Any] | None = None

    def _values(self) -> dict[str, Tensor]:
        if self._known is None:
            self._known = self._target.constrain(self._position)
        return self._known

    def __getitem__(self, name: str) -> Tensor:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())
