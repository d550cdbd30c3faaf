"""Holding an answer against what is right, then against every known slip, then against shapes."""

from dataclasses import dataclass, field
from typing import Any

from ..text import say
from .asking import SEED, Told, own_world, where
from .exercise import Exercise, Slip
from .general import general_hint, ignored_input, varies
from .patience import SECONDS, OutOfTime, in_time
from .probes import Measured


@dataclass(frozen=True)
class Finding:
    """What became of an answer.

    Attributes:
        passed: right at every setting.
        hint: name of the slip or of the general hint; "" if passed.
        text: the hint in words.
        score: share of the parts that are right at every setting.
        tried: whether there was an answer at all; an empty cell is no attempt.
    """

    passed: bool
    hint: str = ""
    text: str = ""
    score: float = 0.0
    tried: bool = field(default=True)


def judge(exercise: Exercise, answer: Any, seed: int = SEED, seconds: float = SECONDS) -> Finding:
    """The finding on one answer, in so many seconds at most; what it does outside is undone."""
    with own_world(seed):
        try:
            return in_time(seconds, lambda: _judged(exercise, answer))
        except Told as told:
            return _told(exercise, told)
        except OutOfTime as stopped:
            text = say("general.time", where=where(stopped, answer), seconds=f"{seconds:g}")
            return Finding(False, "time", text[:1].upper() + text[1:])


def _judged(exercise: Exercise, answer: Any) -> Finding:
    """Measured at every setting; then right, or the slip or the shape that explains it.

    Raises:
        Told: the answer cannot be held against numbers.
    """
    measured = [exercise.probe(exercise, answer, each) for each in exercise.settings]
    right = [exercise.right(*setting) for setting in exercise.settings]
    agree = [exercise.near(m, r) for m, r in zip(measured, right, strict=True)]
    good = [all(column) for column in zip(*agree, strict=True)]
    if all(good):
        return Finding(True, score=1.0)
    score = sum(good) / len(good)
    given = written(exercise, measured[0], agree[0], good)
    for slip in exercise.slips:
        if matches(exercise, slip, measured, good):
            text = say(f"hint.{exercise.hints}.{slip.name}", given=given)
            return Finding(False, slip.name, text, score)
    if varies(exercise, answer, measured[0]):
        return Finding(False, "varies", say("general.varies", given=given), score)
    name, words = general_hint(exercise, measured, right, good)
    if name in {"high", "low", "mixed", "far", "elsewhere"}:
        ignored = ignored_input(exercise, answer)
        name, words = ("ignores", {"input": ignored}) if ignored else (name, words)
    return Finding(False, name, say(f"general.{name}", given=given, **words), score)


def matches(exercise: Exercise, slip: Slip, measured: list[Measured], good: list[bool]) -> bool:
    """Whether the slip explains the answer at every setting, and a part that is not right."""
    wanted = [slip.formula(*setting) for setting in exercise.settings]
    explains = any(
        value is not None and not fine for value, fine in zip(wanted[0], good, strict=True)
    )
    pairs = zip(measured, wanted, strict=True)
    return explains and all(all(exercise.near(m, w)) for m, w in pairs)


def written(exercise: Exercise, measured: Measured, agree: list[bool], good: list[bool]) -> str:
    """The parts in question at the setting of the task: `Mean 8.86, sd 0.9`."""
    doubtful = agree if not all(agree) else good
    texts = [
        say(f"part.{part}", value=f"{value:.4g}")
        for part, value, fine in zip(
            _names(exercise, measured), measured.values, doubtful, strict=True
        )
        if not fine
    ]
    text = ", ".join(texts[:2])
    return text[:1].upper() + text[1:]


def _names(exercise: Exercise, measured: Measured) -> tuple[str, ...]:
    """A name a number; where one part stands for a row of numbers, each bears it."""
    same = len(exercise.parts) == len(measured.values)
    return exercise.parts if same else exercise.parts[:1] * len(measured.values)


def _told(exercise: Exercise, told: Told) -> Finding:
    if told.key == "blank":
        return Finding(False, "blank", say("general.blank"), tried=False)
    if told.slip:
        text = say(f"hint.{exercise.hints}.{told.key}", **told.words)
        return Finding(False, told.key, text)
    parts = ", ".join(say(f"name.{part}") for part in exercise.parts)
    return Finding(False, told.key, say(f"general.{told.key}", parts=parts, **told.words))
