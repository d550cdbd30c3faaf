"""The exercises, one file a notebook; each is a table of what is right and what slips come to."""

from functools import cache
from importlib import import_module

from ..exercise import Exercise

LESSONS = {
    "01": "sampling",
    "02": "conditioning",
    "03": "looking",
    "04": "weighing",
    "05": "proposing",
    "06": "contract",
    "07": "storing",
    "08": "balancing",
    "09": "racing",
    "10": "bending",
    "11": "many",
    "12": "amortizing",
    "14": "inside",
}
"""Number of the notebook -> the file of its exercises."""


@cache
def lesson(number: str) -> dict[str, Exercise]:
    """The exercises of one notebook by name, loaded when they are first asked for."""
    module = import_module(f"{__name__}.{LESSONS[number]}")
    return {each.name: each for each in module.EXERCISES}


@cache
def names() -> tuple[str, ...]:
    """Every exercise, in the order of the course."""
    return tuple(name for number in LESSONS for name in lesson(number))


def exercise(name: str) -> Exercise:
    """One exercise by its name."""
    return lesson(name[:2])[name]
