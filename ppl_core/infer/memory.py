"""What a loss remembers from step to step, such as the running average that is a baseline."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

from torch import Tensor

from ..compiled import NotCompiled
from .elbo import ELBO


def remembered(loss: Any) -> dict[str, Tensor]:
    """Tensors in the private tables of a loss, by name."""
    return {
        f"{table} of {key}": it
        for table, kept in _tables(loss).items()
        for key, it in kept.items()
        if isinstance(it, Tensor)
    }


def remember(loss: Any, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors where `remembered` found those of the same names."""
    for table, kept in _tables(loss).items():
        kept.update({key: tensors.get(f"{table} of {key}", it) for key, it in kept.items()})


@contextmanager
def unchanged(loss: Any) -> Generator[None]:
    """A loss is as it was before, whatever a run in between has noted in it.

    Raises:
        NotCompiled: the run noted something that is no tensor, or that was not there before.
    """
    kept = {name: copy(it) for name, it in vars(loss).items()} if isinstance(loss, ELBO) else {}
    try:
        yield
        for name, it in kept.items():
            now = getattr(loss, name)
            if isinstance(it, dict) and _fixed(it) != _fixed(now):
                raise NotCompiled(f"the loss remembers something from step to step ({name})")
    finally:
        if kept:
            vars(loss).update(kept)


def _tables(loss: Any) -> dict[str, dict[Any, Any]]:
    inside = vars(loss) if isinstance(loss, ELBO) else {}
    return {n: it for n, it in inside.items() if n.startswith("_") and isinstance(it, dict)}


def _fixed(table: Mapping[Any, Any]) -> list[Any]:
    return [(key, isinstance(it, Tensor) or id(it)) for key, it in table.items()]
