"""Exercises that know where people slip: `check("04.weigh", weigh)` in a cell of your own.

An answer is a function or a number. It is tried at settings that the task does not name, held
against every slip that is known for the exercise, and answered with what the number *is* and one
question. It works in any front end and in none: a verdict is true or false, and carries a score.

    exercise        what an exercise is: the right answer and the slips, as functions of a setting
    asking, probes  calling an answer with care, crashes explained; reading what it returns
    judging         the slip that explains an answer at every setting
    patience        a time limit, for loops that never end
    general         hints for what nobody foresaw: its square, its half, another unit, too high
    verdict, tally  what `check` returns; which hints fired
    lessons         the exercises, one file a notebook
"""

from typing import Any

from ppl_core.errors import suggestion

from ..text import say
from .exercise import Exercise
from .judging import judge
from .lessons import exercise, names
from .patience import SECONDS
from .tally import Record, Results, class_tally
from .verdict import Verdict

__all__ = ["Exercise", "Results", "Verdict", "check", "class_tally", "names", "results"]

_RESULTS = Results()
_NO_ANSWER = {"crash", "nothing", "no_function", "program", "signature", "text", "time", "type"}
"""Hints for a function that does not get as far as an answer: no panel and no sibling helps it."""


def check(name: str, *answer: Any, seconds: float = SECONDS) -> Verdict:
    """Try an answer; the second failure in a row points to a panel, the third to a worked sibling.

    Args:
        name: of the exercise, as its task gives it: "04.weigh".
        answer: the function that you wrote, or the numbers.
        seconds: how long it may take in all; then it is stopped, and you are told where.

    Raises:
        ValueError: there is no such exercise.

    >>> def weigh(guess, measurement, prior_sd, noise_sd):
    ...     trust = prior_sd**2 / (prior_sd**2 + noise_sd**2)
    ...     return trust * measurement + (1 - trust) * guess, noise_sd * trust**0.5
    >>> bool(check("04.weigh", weigh))
    True
    """
    if name not in names():
        near = suggestion(str(name), names())
        raise ValueError(say("check.unknown", given=repr(name), suggestion=near))
    asked = exercise(name)
    given = answer[0] if len(answer) == 1 else answer or ...
    finding = judge(asked, given, seconds=seconds)
    if not finding.tried:
        return Verdict(name, False, finding.hint, (finding.text,))
    record = _RESULTS.note(name, finding.passed, finding.hint)
    return Verdict(
        name, finding.passed, finding.hint, _lines(asked, finding, record), finding.score
    )


def _lines(asked: Exercise, finding: Any, record: Record) -> tuple[str, ...]:
    """The hint; from the second failure on the panel to look at, from the third a sibling too."""
    if finding.passed:
        hidden = len(asked.settings) - 1
        passed = say("passed.settings", num=str(hidden)) if hidden else say("passed.here")
        return (passed,)
    lines = [finding.text]
    if finding.hint in _NO_ANSWER:
        return tuple(lines)
    if record.failures >= 2:
        lines.append(say(f"look.{asked.name}"))
    if record.failures >= 3:
        lines.append(say(f"sibling.{asked.name}"))
    return tuple(lines)


def results() -> Results:
    """What you have tried in this kernel, and which hints you met; `results().save("mine.json")`.

    >>> isinstance(results(), dict)
    True
    """
    return _RESULTS
