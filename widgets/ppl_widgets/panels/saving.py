"""What the button Save HTML does: a page beside the notebook, under a name that is free."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from ppl_widgets.text import say

SERVER = "SERVER_SOFTWARE"
"""Of a kernel's environment: what Voila writes its name into."""


def saved(write: Callable[[Path], object], title: str, folder: Path | None = None) -> str:
    """Write a page, and say where it is; or why there is none.

    Args:
        write: writes it to a path.
        title: what its name is made of.
        folder: where; the notebook's own if None, which is where its kernel works.
    """
    place = Path.cwd() if folder is None else folder
    if os.environ.get(SERVER, "").lower().startswith("voila"):
        return say("save.voila")
    if not os.access(place, os.W_OK):
        return say("save.locked", folder=place)
    path = free(title, place)
    try:
        write(path)
    except OSError as error:
        return say("save.failed", reason=error.strerror or type(error).__name__)
    return say("save.done", name=path.name)


def free(title: str, folder: Path) -> Path:
    """A name made of a title, with the next number if there is such a file already.

    >>> free("The unreliable scale", Path("/nowhere")).name
    'the-unreliable-scale.html'
    """
    stem = re.sub(r"\W+", "-", title.lower()).strip("-") or "panel"
    path, number = folder / f"{stem}.html", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.html"
    return path
