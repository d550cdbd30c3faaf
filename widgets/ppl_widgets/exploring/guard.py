"""Programs that do not end: stopped after so many statements, or so much time.

A panel runs other people's programs on the loop that also answers its reader, so a program that
never returns would take the whole page with it. `counted` counts the statements of one run, which
is exact and works everywhere. `limited` is for loops without statements: where the system has an
alarm (not on Windows, and only on the main thread), it stops what takes too long, once the line at
work is the program's own, and never in the middle of a library or of an import.
"""

import contextlib
import signal
import sys
import sysconfig
import threading
import time
from collections.abc import Generator
from types import FrameType
from typing import Self

from ppl_core.effects import Forward, Handler, Site
from ppl_core.errors import ModelError

from ..learner import LIBRARIES
from ..text import count, say

STATEMENTS = 20_000
"""So many statements in one run are too many."""
SECONDS = 10.0
"""So long may one piece of work take."""
AGAIN = 0.02
"""Seconds until the next look, while a library is at work."""


class Endless(ModelError):
    """A program made too many statements, or took too long."""


class counted(Handler):
    """Stop a run of a program that makes too many statements.

    Args:
        limit: so many are allowed.

    >>> import ppl_core as ppl
    >>> with counted(limit=10):
    ...     for number in range(100):
    ...         flip = ppl.sample(f"flip_{number}", ppl.distributions.Bernoulli(0.5))
    Traceback (most recent call last):
    ppl_widgets.exploring.guard.Endless: 10 statements in one run, and no end: the next is...
    """

    def __init__(self, limit: int = STATEMENTS):
        self.limit = limit

    def __enter__(self) -> Self:
        self.made = 0
        return super().__enter__()

    def handle(self, site: Site, forward: Forward) -> Site:
        """Count it.

        Raises:
            Endless: it is one too many.
        """
        self.made += 1
        if self.made > self.limit:
            raise Endless(say("explore.statements", count=count(self.limit), site=repr(site.name)))
        return forward(site)


@contextlib.contextmanager
def limited(seconds: float | None = None) -> Generator[None]:
    """An error in the program's own lines after so long, where the system can do that.

    Args:
        seconds: `SECONDS` if None.

    Raises:
        Endless: inside, from the line that was at work.
    """
    seconds = SECONDS if seconds is None else seconds
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(_: int, frame: FrameType | None) -> None:
        if frame is None or _is_library(frame):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
            return
        where = {"line": str(frame.f_lineno), "name": frame.f_code.co_name}
        raise Endless(say("explore.seconds", seconds=f"{seconds:g}", **where))

    begin = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        if left:  # somebody else's alarm, a test's for instance, still stands
            left = max(left - (time.monotonic() - begin), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left)


def _is_library(frame: FrameType) -> bool:
    """Whether the line at work belongs to a library, or to an import, and not to a program."""
    name: str = frame.f_globals.get("__name__", "")
    root = name.partition(".")[0]
    if root in LIBRARIES or root in sys.stdlib_module_names:
        return True
    if frame.f_code.co_filename.startswith(_INSTALLED):
        return True
    above = frame.f_back
    while above is not None and not above.f_globals.get("__name__", "").startswith("ppl_widgets"):
        if above.f_code.co_filename.startswith("<frozen importlib"):
            return True  # a module that is broken off half-way stays broken
        above = above.f_back
    return False


_INSTALLED = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
