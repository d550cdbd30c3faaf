"""Sentences that a page fills in by itself."""

import re

from ..messages.english import MESSAGES
from ..text import sentence


class Slot(str):
    """A place in a text that the page fills in: writes its own name in braces, quoted or not."""

    def __new__(cls, name: str) -> "Slot":
        return super().__new__(cls, f"{{{name}}}")

    def __repr__(self) -> str:
        return str(self)


def slots(*names: str) -> dict[str, str]:
    """Places by their names."""
    return {name: Slot(name) for name in names}


def said_by(script: str) -> dict[str, str]:
    """The catalogue's sentences that a script names, with their places left open.

    >>> said_by('say("caption.site", { seen })')
    {'caption.site': 'draws {seen}'}
    """
    keys = re.findall(r'"([a-z_]+\.[a-z_]+)"', script)
    return {key: sentence(key) for key in sorted({*keys} & MESSAGES.keys())}
