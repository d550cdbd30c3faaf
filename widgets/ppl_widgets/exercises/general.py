"""Hints for answers that nobody foresaw: what a number has to do with the right one.

Each shape is a function of the right number. An answer that has the same relation to it at every
setting, as its square or its half, is recognised without being listed anywhere.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from .asking import Told
from .exercise import Exercise, Values
from .probes import Measured

SHAPES: dict[str, Callable[[float], float]] = {
    "sign": lambda x: -x,
    "square": lambda x: x * x,
    "root": lambda x: math.sqrt(x),
    "inverse": lambda x: 1.0 / x,
    "precision": lambda x: 1.0 / (x * x),
    "rest": lambda x: 1.0 - x,
    "log": lambda x: math.log(x),
    "exp": lambda x: math.exp(x),
    "double": lambda x: 2.0 * x,
    "half": lambda x: 0.5 * x,
    "percent": lambda x: 100.0 * x,
    "grams": lambda x: 1000.0 * x,
    "bits": lambda x: x / math.log(2.0),
}
FAR = 3.0
"""A number this many times too large or too small is rather of another kind than off."""


def general_hint(
    exercise: Exercise, measured: list[Measured], right: Sequence[Values], good: list[bool]
) -> tuple[str, dict[str, str]]:
    """The name of the most telling general hint, and the words it needs."""
    rows = [
        ([_number(value) for value in each], list(found.values), found.tolerances)
        for found, each in zip(measured, right, strict=True)
    ]
    first = exercise.near(measured[0], right[0])
    if all(first):
        same = all(found.values == measured[0].values for found in measured)
        return ("baked" if same else "elsewhere"), {}
    if len(good) > 1 and all(_near(list(reversed(w)), g, t) for w, g, t in rows):
        return "order", {}
    bad = good.index(False)
    pairs = [(w[bad], g[bad], t[bad]) for w, g, t in rows]
    part = exercise.parts[bad] if len(exercise.parts) == len(good) else exercise.parts[0]
    for name, shape in SHAPES.items():
        try:
            if all(_near([shape(wanted)], [given], [t]) for wanted, given, t in pairs):
                return name, {}
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
    if part in {"sd", "KL"} and any(given < 0.0 for _, given, _ in pairs):
        return "negative", {}
    if part in {"share", "probability"} and any(not 0.0 <= given <= 1.0 for _, given, _ in pairs):
        return "no_share", {}
    return _size(pairs), {}


def _size(pairs: list[tuple[float, float, float]]) -> str:
    """Too high, too low, or now this and now that."""
    ratios = [given / wanted for wanted, given, _ in pairs if wanted]
    if ratios and all(ratio > FAR or 0.0 < ratio < 1.0 / FAR for ratio in ratios):
        return "far"
    above = {
        given > wanted for wanted, given, tolerance in pairs if abs(given - wanted) > tolerance
    }
    return "mixed" if len(above) > 1 else "high" if True in above else "low"


def _near(wanted: list[float], given: list[float], tolerances: Sequence[float]) -> bool:
    return all(
        abs(g - w) <= t * max(1.0, abs(w))
        for w, g, t in zip(wanted, given, tolerances, strict=True)
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def ignored_input(exercise: Exercise, answer: Any) -> str:
    """An argument that ought to matter and does not, or "": each is changed alone."""
    if len(exercise.takes) < 2 or len(exercise.settings) < 2:
        return ""
    start, other = exercise.settings[:2]
    try:
        base = exercise.probe(exercise, answer, start)
        for index, name in enumerate(exercise.takes):
            changed = (*start[:index], other[index], *start[index + 1 :])
            matters = exercise.right(*changed) != exercise.right(*start)
            if matters and exercise.probe(exercise, answer, changed) == base:
                return name
    except (Told, ValueError, ZeroDivisionError):
        return ""
    return ""


def varies(exercise: Exercise, answer: Any, base: Measured) -> bool:
    """Whether the answer says something else, beyond its tolerance, when it is asked again."""
    if not exercise.takes:
        return False
    try:
        again = exercise.probe(exercise, answer, exercise.settings[0])
    except Told:
        return False
    return not _near(list(base.values), list(again.values), base.tolerances)
