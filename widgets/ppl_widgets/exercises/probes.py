"""How an answer becomes numbers: it is called, and what it returns is read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .asking import Told, call

if TYPE_CHECKING:
    from .exercise import Exercise

FORMULA = 1e-3
"""How near a formula has to come."""
SPREADS = 5.0
"""Standard errors that an average may be away: a right one is refused once in 1.7 million times."""


@dataclass(frozen=True)
class Measured:
    """What an answer says at one setting: a number a part, and how near each is expected to be."""

    values: tuple[float, ...]
    tolerances: tuple[float, ...]


def called(exercise: "Exercise", answer: Any, setting: tuple[Any, ...]) -> Measured:
    """The answer's own numbers, held to a formula's tolerance."""
    return within(FORMULA)(exercise, answer, setting)


def within(tolerance: float) -> Any:
    """A probe that expects numbers, so near."""

    def probe(exercise: "Exercise", answer: Any, setting: tuple[Any, ...]) -> Measured:
        given = call(answer, setting, exercise.takes) if exercise.takes else answer
        values = numbers(given, len(exercise.parts))
        return Measured(values, (tolerance,) * len(values))

    return probe


def drawn(least: int, slack: float = 0.0) -> Any:
    """A probe that expects draws, or their mean and sd: within five of their standard errors.

    Args:
        least: draws asked for; a pair of numbers is taken to come from so many.
        slack: what a right way of drawing may be off by, however many draws there are.
    """

    def probe(exercise: "Exercise", answer: Any, setting: tuple[Any, ...]) -> Measured:
        given = call(answer, setting, exercise.takes)
        draws = as_array(given)
        num = draws.size
        if num <= len(exercise.parts):
            values, num = numbers(given, len(exercise.parts)), least
        elif num < least:
            raise Told("few", num=f"{num:,}", least=f"{least:,}")
        else:
            values = float(draws.mean()), float(draws.std(ddof=1))
        error = abs(values[1]) / math.sqrt(num)
        sd_error = error / math.sqrt(2.0)
        return Measured(values, tuple(SPREADS * each + slack + 1e-6 for each in (error, sd_error)))

    return probe


def tensors(exercise: "Exercise", answer: Any, setting: tuple[Any, ...]) -> Measured:
    """As many numbers as the first argument has: each of them is a part."""
    given = call(answer, setting, exercise.takes)
    values = numbers(given, len(setting[0]))
    return Measured(values, (FORMULA,) * len(values))


def as_array(given: Any) -> np.ndarray:
    """What came back as a flat array of floats.

    Raises:
        Told: it is no number, nor a row of them.
    """
    if given is None:
        raise Told("nothing")
    if given is ... or (isinstance(given, list | tuple) and any(part is ... for part in given)):
        raise Told("blank")
    if isinstance(given, str | bytes):
        raise Told("text", given=repr(given)[:40])
    if isinstance(given, dict):
        given = list(given.values())
    for pair in (("mean", "sd"), ("mean", "stddev")):
        if all(hasattr(given, name) and not callable(getattr(given, name)) for name in pair):
            given = [getattr(given, name) for name in pair]
    if callable(given):
        raise Told("program")
    try:
        if isinstance(given, Sequence):
            given = [each.tolist() if isinstance(each, torch.Tensor) else each for each in given]
        if isinstance(given, torch.Tensor):
            given = given.detach().cpu().numpy()
        array = np.asarray(given)
        if array.dtype.kind == "c":
            raise Told("complex", given=str(given)[:40])
        return array.astype(float).ravel()
    except (TypeError, ValueError) as error:
        raise Told("type", given=type(given).__name__) from error


def numbers(given: Any, num: int) -> tuple[float, ...]:
    """So many finite numbers, from whatever holds them.

    >>> numbers(torch.tensor([9.14, 0.6]), 2)
    (9.14..., 0.6...)
    """
    array = as_array(given)
    if array.size != num:
        raise Told("shape", num=f"{array.size:,}", wanted=str(num))
    values = tuple(float(value) for value in array)
    for value in values:
        if not math.isfinite(value):
            raise Told("infinite" if math.isinf(value) else "undefined")
    return values
