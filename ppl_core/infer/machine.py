"""A potential as machine code: the same points of a chain, at a small part of their price.

Arguments are inputs of the recording, so that another data set or another position of a slider
needs no new one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..compiled import Compiled, Gradient, Identity, NotCompiled, Rows
from .arguments import as_tensors, distinct, identity, named, places
from .space import Point, Values
from .target import PlainTarget, Target

KEPT = 32
"""Targets that are remembered."""


@dataclass(frozen=True)
class Recording:
    """A target for arguments alike.

    Attributes:
        target: for the arguments that it was recorded with, numbers as tensors.
        gradient: its potential and gradient.
        start: the position that it was recorded at, (d,).
        names: of the arguments that are inputs.
        verdicts: why a kind of trajectory is not machine code; empty if it is, and was compared.
    """

    target: PlainTarget
    gradient: Gradient
    start: Tensor
    names: tuple[str, ...]
    kept: Identity | None
    verdicts: dict[Any, str] = field(default_factory=dict[Any, str])

    @cached_property
    def supports(self) -> "Rows | str":
        """From unconstrained values to those on the supports; in words, why not."""
        try:
            split = self.target.layout.split(self.start)
            return Rows(lambda at: self.target.energy(at)[1], split, self.data_of(self.target))
        except NotCompiled as error:
            return str(error)

    def data_of(self, target: PlainTarget) -> dict[str, Tensor]:
        """The arguments of a target that are inputs."""
        given = named(target.args, target.kwargs)
        return {name: given[name] for name in self.names}


_recordings: dict[Any, Recording] = {}


def recording(target: PlainTarget, start: Tensor) -> tuple[Recording, PlainTarget]:
    """The recording of this very target, found or made; and the target with numbers as tensors.

    Raises:
        NotCompiled: it has no compiled form, there is no compiler, or a trial was off.
    """
    try:
        return _found_or_made(target.on(as_tensors(target.args), as_tensors(target.kwargs)), start)
    except NotCompiled:
        return _found_or_made(target, start)  # it may need its numbers as they are


def _found_or_made(target: PlainTarget, start: Tensor) -> tuple[Recording, PlainTarget]:
    key, kept, data = _key(target, start)
    if key in _recordings:
        return _recordings[key], target
    split = target.layout.split(start)
    gradient = Gradient(lambda at: target.energy(at)[0], split, data)
    made = Recording(target, gradient, start, tuple(data), kept)
    if key is not None:
        _recordings[key] = made
        while len(_recordings) > KEPT:
            del _recordings[next(iter(_recordings))]
    return made, target


def _key(target: PlainTarget, start: Tensor) -> tuple[Any, Identity | None, dict[str, Tensor]]:
    """What a recording depends on, None if that cannot be told; the arguments that are inputs."""
    given = named(target.args, target.kwargs)
    data = distinct(given)
    rest = {name: it for name, it in given.items() if not isinstance(it, Tensor)}
    programs = identity((*target.essence, rest), data)
    if programs is None:
        return None, None, data
    layout = tuple(target.layout.shapes.items()), target.layout.enumerated
    around = torch.get_default_dtype(), start.dtype
    key = type(target), programs.key, repr((layout, places(given), tuple(data))), around
    return key, programs, data


def known(target: PlainTarget, start: Tensor) -> "CompiledTarget | None":
    """The target in machine code, if it was recorded before, perhaps for other arguments."""
    for form in (target.on(as_tensors(target.args), as_tensors(target.kwargs)), target):
        if _key(form, start)[0] in _recordings:
            return CompiledTarget(target, start)
    return None


class CompiledTarget(Target):
    """A target whose potential and gradient are compiled; values on the supports come on demand.

    Args:
        target: what is compiled, for its own arguments.
        start: a position of finite density, (d,).

    Attributes:
        recording: what it shares with targets for other arguments.
        gradient: the potential for these arguments.

    Raises:
        NotCompiled: it has no compiled form, there is no compiler, or a trial was off.
    """

    def __init__(self, target: PlainTarget, start: Tensor):
        super().__init__(target.layout, target.args, target.kwargs)
        self.plain = target
        self.recording, self._on_tensors = recording(target, start)
        self.gradient = self.recording.gradient.on(self.recording.data_of(self._on_tensors))

    def energy(self, values: Values) -> tuple[Tensor, Values]:
        """As of the target, one run of the program."""
        return self.plain.energy(values)

    def at(self, position: Tensor) -> Point:
        """Potential and gradient at a position, (d,), from the compiled function."""
        potential, gradient = self.gradient.at(position)
        return Point(position, potential, gradient, OnDemand(self, position))

    def constrain(self, positions: Tensor) -> dict[str, Tensor]:
        """The sites' values at one position, (d,), or at several, (..., d)."""
        supports = self.recording.supports
        if isinstance(supports, str):
            return self.plain.constrain(positions)
        rows = positions.reshape(-1, positions.shape[-1])
        found = supports.on(self.recording.data_of(self._on_tensors))(rows)
        done = len(next(iter(found.values())))
        if done < len(rows):  # not finite there
            rest = self.plain.constrain(rows[done:])
            found = {name: torch.cat([it, rest[name]]) for name, it in found.items()}
        shape = positions.shape[:-1]
        return {name: it.reshape(shape + it.shape[1:]) for name, it in found.items()}

    def blame(self, point: Point) -> tuple[str, str]:
        """As of the target."""
        return self.plain.blame(self.plain.at(point.position))

    @property
    def report(self) -> Compiled:
        """What there is to say about it."""
        spent, gradient = self.gradient.seconds, self.gradient
        return Compiled("c", "", *spent, gradient.error, gradient.program)


class OnDemand(Mapping[str, Tensor]):
    """The sites' values at a position, computed when first asked for: most points are passed by.

    Args:
        target: that knows them.
        position: (d,).
    """

    def __init__(self, target: Target, position: Tensor):
        self._target, self._position = target, position

    @cached_property
    def _known(self) -> dict[str, Tensor]:
        return self._target.constrain(self._position)

    def __getitem__(self, name: str) -> Tensor:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
