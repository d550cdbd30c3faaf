"""Programs that are written anew in their own cells: found by the names they go by.

A cell that is run again binds the same name to another function. A panel that remembers under which
names it was given its programs can go on with the new ones.
"""

from collections.abc import Mapping
from typing import Any

from ppl_core.effects import Handled


class Followed:
    """A program, and the names of it and of its inner layers in a namespace.

    Args:
        program: as it was given; `condition(scale, ...)` has two layers.
        namespace: where its names are looked up.

    >>> old, new = (lambda: 1), (lambda: 2)
    >>> names = {"model": old}
    >>> followed = Followed(old, names)
    >>> followed.newest(names) is old
    True
    >>> names["model"] = new
    >>> followed.newest(names) is new
    True
    """

    def __init__(self, program: Any, namespace: Mapping[str, Any]):
        self.program = program
        self._layers = list(_layers(program))
        self._names = [_names_of(layer, namespace) for layer in self._layers]

    def newest(self, namespace: Mapping[str, Any]) -> Any:
        """The program as its names stand now: the outermost new layer, with what is over it.

        The same object as before if nothing is new.
        """
        for depth, (layer, names) in enumerate(zip(self._layers, self._names, strict=True)):
            fresh = next((namespace[n] for n in names if callable(namespace.get(n))), layer)
            if any(namespace.get(name) is layer for name in names) or fresh is layer:
                continue
            for outer in reversed(self._layers[:depth]):
                fresh = Handled(outer.handler, fresh)
            return fresh
        return self.program

    @property
    def name(self) -> str:
        """What a reader calls it; its own name where no variable holds it."""
        own = getattr(self.program, "__name__", type(self.program).__name__)
        return next(iter(self._names[0]), own) if self._names else own


def _layers(program: Any) -> Any:
    yield program
    while isinstance(program, Handled):
        program = program.fn
        yield program


def _names_of(program: Any, namespace: Mapping[str, Any]) -> list[str]:
    """The names that hold a program; its own first, and none that IPython keeps for itself."""
    own = getattr(program, "__name__", "")
    held = [n for n, value in namespace.items() if value is program and not n.startswith("_")]
    return sorted(held, key=lambda name: name != own)
