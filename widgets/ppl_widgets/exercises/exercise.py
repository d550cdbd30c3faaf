"""What an exercise is: what is right, and what each known slip comes to, as functions of a setting.

A *setting* is what the student's function is called with. The first one stands in the task, the
others do not. `right` and the slips take the same arguments as the student's function, so that the
table of an exercise reads like a list of answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .probes import Measured, called

Values = tuple[float | None, ...]
"""One number a part; None where a slip says nothing about the part."""
Formula = Callable[..., Values]
Near = Callable[[Measured, Values], list[bool]]
"""Measured numbers, the wanted ones -> whether each part agrees; None agrees with everything."""


def apart(measured: Measured, wanted: Values) -> list[bool]:
    """Each part by itself, within its own tolerance: relative above one, absolute below."""
    return [
        value is None or abs(given - value) <= tolerance * max(1.0, abs(value))
        for given, value, tolerance in zip(
            measured.values, wanted, measured.tolerances, strict=True
        )
    ]


@dataclass(frozen=True)
class Slip:
    """A known way to go astray: its name in the catalogue, and the numbers it leads to."""

    name: str
    formula: Formula


@dataclass(frozen=True)
class Exercise:
    """A question, its answer at any setting, and the slips it knows.

    Args:
        name: notebook and question: "04.weigh".
        takes: names of the arguments of the student's function; none if numbers are asked for.
        parts: what is answered, by the names of the catalogue: ("mean", "sd").
        right: setting -> the numbers.
        slips: in the order in which they are looked for.
        settings: the one of the task first, then the hidden ones.
        probe: how an answer becomes numbers at a setting.
        near: whether numbers agree.
        family: whose hints it shares, if it has none of its own.
        untouched: the hint that the cell of the notebook gets as it stands: a program to repair
            has one of its own.

    >>> area = Exercise("00.area", ("side",), ("mean",), lambda s: (s * s,), (), ((2.0,), (3.0,)))
    >>> area.right(3.0)
    (9.0,)
    """

    name: str
    takes: tuple[str, ...]
    parts: tuple[str, ...]
    right: Formula
    slips: tuple[Slip, ...]
    settings: tuple[tuple[Any, ...], ...] = ((),)
    probe: Callable[["Exercise", Any, tuple[Any, ...]], Measured] = called
    near: Near = apart
    family: str = ""
    untouched: str = "blank"

    @property
    def hints(self) -> str:
        """Where the catalogue keeps its hints."""
        return self.family or self.name
