"""Which cell made a panel, so that running the cell again closes the panel it replaces.

IPython keeps every value that a cell has shown, in `Out[7]` and as `_7`. A panel that is closed
goes from there too, or each run of a cell would leave one behind.
"""

from __future__ import annotations

from typing import Protocol

from IPython.core.getipython import get_ipython


class Closable(Protocol):
    """What a cell leaves behind."""

    def close(self) -> None: ...


_made: dict[str, tuple[str, list[Closable]]] = {}


def this_cell() -> tuple[str, str] | None:
    """The id of the cell that is running and the id of this run; None where no front end tells.

    A script has no cell, and nbclient sends no ids: there every panel stays until it is closed.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    parent = (kernel.get_parent() if kernel is not None else None) or {}
    cell = parent.get("metadata", {}).get("cellId")
    return (cell, parent["header"]["msg_id"]) if cell else None


def left_here() -> list[Closable]:
    """What the run before this one of this cell has made; nothing where no front end tells."""
    here = this_cell()
    if here is None or here[0] not in _made or _made[here[0]][0] == here[1]:
        return []
    return list(_made[here[0]][1])


def close_old() -> None:
    """Close what earlier runs of this cell made; what this run makes lives side by side."""
    for old in left_here():
        old.close()


def remember(panel: Closable) -> None:
    """This cell has made a panel."""
    here = this_cell()
    if here is not None:
        _made.setdefault(here[0], (here[1], []))[1].append(panel)


def forget(panel: Closable) -> None:
    """A panel was closed: its cell no longer answers for it, and `Out` no longer holds it."""
    for cell, (_, panels) in list(_made.items()):
        if panel in panels:
            panels.remove(panel)
        if not panels:
            del _made[cell]
    shell = get_ipython()
    if shell is not None:
        shown = shell.user_ns.get("_oh", {})
        for number in [number for number, value in shown.items() if value is panel]:
            del shown[number]
            shell.user_ns.pop(f"_{number}", None)
            shell.user_ns_hidden.pop(f"_{number}", None)
