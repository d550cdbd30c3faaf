"""A time limit for code that may never end: in a notebook, a terminal or a thread, on any system.

A second thread waits. When the time is up it asks Python to raise `OutOfTime` in the first one, at
the next line that it runs. What waits inside C, as `time.sleep` does, is not cut short: it gets the
exception when it comes back.
"""

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

SECONDS = 60.0
"""For all settings of a check; the slowest right answer took 8 s on two cores with ten at work."""
AGAIN = 0.5
"""Seconds until code that has swallowed the exception, by a bare `except:`, gets it again."""


class OutOfTime(BaseException):
    """The time is up. No `except Exception:` in the code that is stopped holds it back."""


def in_time(seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` returns, if it does so in time.

    Once this function is left nothing comes any more: the exception may strike in its last lines,
    even in those that call the watcher off, and so they stand here twice.

    Raises:
        OutOfTime: it has not; raised wherever its code was.

    >>> in_time(60.0, lambda: 9.14)
    9.14
    """
    watcher = _Watcher(seconds)
    watcher.start()
    try:
        watcher.begun.set()
        return work()
    finally:
        try:
            watcher.stop()
        finally:
            watcher.stop()


class _Watcher(threading.Thread):
    """Waits for the end of its maker's work, and strikes if that does not come."""

    def __init__(self, seconds: float):
        super().__init__(name="ppl-in-time", daemon=True)
        self._seconds, self._maker = seconds, threading.get_ident()
        self.begun, self._ended = threading.Event(), threading.Event()

    def run(self) -> None:
        """Strike when the time is up, and again as long as the work goes on."""
        self.begun.wait()
        patience = self._seconds
        while not self._ended.wait(patience):
            _raise_in(self._maker, OutOfTime)
            patience = AGAIN

    def stop(self) -> None:
        """No strike from now on; one that has been sent and has not come yet is taken back."""
        self._ended.set()
        self.join()
        _raise_in(self._maker, None)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have a thread raise an exception at its next line; None takes back what has not come yet."""
    wanted = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), wanted)
