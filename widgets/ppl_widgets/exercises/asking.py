"""Calling a student's function with care: what it does to the outside is undone, crashes explained.

A crash is told as a tutor would tell it: the line, what happened, and how to mend it.
"""

import builtins
import linecache
import random
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np
import torch

from ppl_core.effects import suspended
from ppl_core.errors import PPLError, suggestion
from ppl_core.params import ParamStore

from ..text import say

SEED = 20_240_601


class Told(Exception):
    """An answer that cannot be held against numbers; `key` and `words` say why, in the catalogue.

    Args:
        key: a general hint; with `slip=True` the name of one of the exercise's own.
        words: parts of the sentence.
    """

    def __init__(self, key: str, /, *, slip: bool = False, **words: str):
        super().__init__(key)
        self.key, self.slip, self.words = key, slip, words


@contextmanager
def own_world(seed: int = SEED) -> Generator[None]:
    """Random streams, a parameter store, no handlers: what is outside stays as it was."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    gradients = torch.is_grad_enabled()
    with torch.random.fork_rng(devices=[]), ParamStore(), suspended():
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
            torch.set_grad_enabled(gradients)


def call(answer: Any, setting: tuple[Any, ...], takes: tuple[str, ...]) -> Any:
    """What the student's function returns.

    Raises:
        Told: it is no function, takes other arguments, or crashes.
    """
    if not callable(answer):
        raise Told("blank" if answer is ... else "no_function", takes=", ".join(takes))
    try:
        signature(answer).bind(*setting)
    except TypeError as error:
        given = ", ".join(signature(answer).parameters)
        raise Told("signature", given=given, takes=", ".join(takes)) from error
    except ValueError:
        pass  # something built in, whose signature nobody knows
    try:
        return answer(*setting)
    except Told:
        raise
    except Exception as error:
        raise explained(error, answer) from error


def explained(error: BaseException, answer: Any = None) -> Told:
    """The crash of a student's code: where, what, and how to mend it."""
    return Told("crash", where=where(error, answer), what=_what(error), mend=_mend(error))


def where(error: BaseException, answer: Any) -> str:
    """The last line of the student's own file, or cell, that the error went through; or ""."""
    own = getattr(getattr(answer, "__code__", None), "co_filename", None)
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if frame.filename == own and frame.lineno]
    if not mine:
        return ""
    frame = mine[-1]
    code = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
    if not code:  # typed where nothing keeps what was typed
        return ""
    return say("crash.line", line=str(frame.lineno), code=code.rstrip(":"))


def _what(error: BaseException) -> str:
    text = str(error).strip()
    if isinstance(error, PPLError):
        return text
    first = text.splitlines()[0] if text else say("crash.silent")
    return f"{type(error).__name__}: {first.rstrip('.')}."


def _mend(error: BaseException) -> str:
    """A question that leads to the mend; the core's own errors say it themselves."""
    if isinstance(error, PPLError):
        return ""
    near = _nearest(error)
    if near:
        return near.strip()
    for kind, key in _MENDS:
        if isinstance(error, kind):
            return say(f"crash.{key}")
    return say("crash.other")


_MENDS: tuple[tuple[type[BaseException], str], ...] = (
    (NotImplementedError, "unwritten"),
    (RecursionError, "endless"),
    (UnboundLocalError, "unbound"),
    (NameError, "name"),
    (ZeroDivisionError, "zero"),
    (OverflowError, "large"),
    (AttributeError, "attribute"),
    (IndexError, "row"),
    (KeyError, "row"),
    (TypeError, "type"),
    (ImportError, "module"),
    (ValueError, "value"),
    (RuntimeError, "shapes"),
)


def _nearest(error: BaseException) -> str:
    """The known name that a misspelt one is nearest to, as a question; or ""."""
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError):
        return ""
    if error.__traceback__ is None:
        return ""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    frame = last.tb_frame
    known = [*frame.f_locals, *frame.f_globals, *dir(builtins)]
    return suggestion(error.name or "", known)
