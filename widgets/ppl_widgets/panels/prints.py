"""What a program prints while its panel runs it: kept short, shown in the panel, never lost."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections import deque
from collections.abc import Generator
from typing import TextIO

LINES = 12
"""Lines that are kept."""
WIDTH = 200
"""Characters of a line that are kept."""


class Prints:
    """The last lines printed inside `capture`, on this thread.

    Example:
        >>> prints = Prints()
        >>> with prints.capture():
        ...     for step in range(20):
        ...         print("step", step)
        >>> prints.text.splitlines()[0], prints.text.splitlines()[-1]
        ('(8 earlier lines)', 'step 19')
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES)
        self._open = ""
        self._count = 0

    @property
    def text(self) -> str:
        """The last lines, under a note of how many went before; empty if nothing was printed."""
        lines = [*self._lines, self._open] if self._open else list(self._lines)
        hidden = self._count - len(self._lines)
        return "\n".join([f"({hidden:,} earlier lines)", *lines] if hidden else lines)

    def clear(self) -> None:
        """Forget everything."""
        self.__init__()

    @contextlib.contextmanager
    def capture(self) -> Generator[None]:
        """Keep what this thread prints, on stdout and stderr; other threads print as they did."""
        out, err = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Branch(self, out), _Branch(self, err)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err

    def _write(self, text: str) -> None:
        *whole, rest = (self._open + text).split("\n")
        self._open = rest[:WIDTH]
        self._count += len(whole)
        self._lines.extend(line[:WIDTH] for line in whole[-LINES:])


class _Branch(io.TextIOBase):
    """A stream that hands one thread's words to the prints and the others' to where they went."""

    def __init__(self, prints: Prints, stream: TextIO) -> None:
        self._prints, self._stream = prints, stream
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        if threading.get_ident() == self._thread:
            self._prints._write(text)
            return len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        if threading.get_ident() != self._thread:
            self._stream.flush()
