"""What an argument becomes on a panel: the abbreviations of ipywidgets' `interact`.

8.5              a slider around it              (0.0, 20.0), (0.0, 20.0, 0.1)   a slider
True             a check box                     ["a", "b"], {"few": 10, "many": 100}   a choice
anything else    passed on as it is
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal, get_args, get_origin

from torch import Tensor

from ..scenarios import Control, ControlError
from ..text import say, setting

TICKS = 100
"""A slider whose step is not given has about so many."""
NOTHING = inspect.Parameter.empty


@dataclass(frozen=True)
class Input:
    """An argument of a model, or a site that is conditioned: a control, or a value passed on.

    Attributes:
        name: of the parameter or the site.
        control: on the panel; None where the value is passed on as it is.
        value: what is passed on, where there is no control.
        meanings: of a choice, label -> the value that it stands for.
        loose: whether the ends of its slider were nobody's wish.
    """

    name: str
    control: Control | None = None
    value: Any = None
    meanings: Mapping[str, Any] | None = None
    loose: bool = False

    def at(self, settings: Mapping[str, Any]) -> Any:
        """The value that the program gets, where the controls stand so."""
        if self.control is None:
            return self.value
        value = settings[self.control.name]
        return value if self.meanings is None else self.meanings[value]


def as_input(name: str, given: Any, default: Any = NOTHING) -> Input:
    """What a value or abbreviation becomes, by the rules of `interact`.

    Args:
        name: of the argument.
        given: its value or abbreviation.
        default: where a slider or choice starts, if it can.

    Raises:
        ControlError: a range whose ends are no ends, or a choice without options.

    >>> as_input("guess", 8.5).control.max
    25.5
    >>> as_input("guess", (0.0, 20.0), 8.5).control.value
    8.5
    >>> as_input("data", {"few": 10, "many": 100}).control.options
    ('few', 'many')
    """
    if isinstance(given, bool):
        return Input(name, _control(name, given, kind="bool"))
    number = _as_number(given)
    if number is not None:
        return Input(name, _slider(name, number, *_around(number)), loose=True)
    if _is_range(given):
        return Input(name, _ranged(name, given, default))
    if isinstance(given, dict):
        return _choice(name, {str(key): value for key, value in given.items()}, default)
    if isinstance(given, list):
        if len({_written(value) for value in given}) < len(given):
            raise ControlError(say("explore.repeated", name=name))
        return _choice(name, {_written(value): value for value in given}, default)
    return Input(name, value=given)


def annotated(name: str, annotation: Any, default: Any = NOTHING) -> Any:
    """The abbreviation that a parameter's annotation gives, or its default.

    >>> annotated("guess", (0.0, 20.0), 8.5), annotated("guess", float, 8.5)
    ((0.0, 20.0), 8.5)
    """
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if isinstance(annotation, tuple | list | dict | bool) or _as_number(annotation) is not None:
        return annotation
    if annotation is float and isinstance(default, int) and not isinstance(default, bool):
        return float(default)
    return default


def _as_number(given: Any) -> int | float | None:
    """A plain number, also out of a tensor of no dimensions; None for anything else."""
    if isinstance(given, Tensor) and given.dim() == 0 and given.dtype.is_floating_point:
        given = given.item()
    if not isinstance(given, Real) or isinstance(given, bool):
        return None
    number = int(given) if isinstance(given, int) else float(given)
    return number if math.isfinite(number) else None


def narrowed(given: Input, allows: Callable[[float], bool], whole: bool = False) -> Input:
    """An input whose slider ends where its values end, if it was not told where.

    Args:
        given: the input.
        allows: whether the program takes a value.
        whole: whether it takes whole numbers only.

    >>> narrowed(as_input("sd", 0.75), lambda sd: sd > 0.0).control.min
    0.02
    """
    control = given.control
    if control is None or not given.loose or control.min is None or control.max is None:
        return given
    assert control.step is not None
    step = 1 if whole else control.step
    low = next((end for end in (control.min, 0, step) if allows(end)), control.value)
    high = next((end for end in (control.max, 1) if allows(end)), control.value)
    if not low < high:
        return given
    if whole or control.kind == "int":
        value, low, high = int(control.value), int(low), int(high)
        control = replace(control, kind="int", value=value, min=low, max=high, step=1)
    else:
        control = replace(control, min=float(low), max=float(high))
    return replace(given, control=control)


def _around(value: int | float) -> tuple[Any, Any]:
    """The ends that `interact` gives to a slider at a number."""
    if value == 0:
        return type(value)(0), type(value)(1)
    ends = (-value, 3 * value)
    return min(ends), max(ends)


def _is_range(given: Any) -> bool:
    return (
        isinstance(given, tuple)
        and len(given) in (2, 3)
        and all(_as_number(part) is not None for part in given)
    )


def _ranged(name: str, given: Sequence[Any], default: Any) -> Control:
    low, high, *step = (_as_number(part) for part in given)
    assert low is not None
    assert high is not None
    if not low < high or (step and not step[0] > 0):  # type: ignore[operator]
        raise ControlError(say("explore.range", name=name, given=str(tuple(given))))
    start = _as_number(default)
    if start is None or not low <= start <= high:
        middle = 0.5 * (low + high)
        start = int(middle) if all(isinstance(part, int) for part in given) else middle
    return _slider(name, start, low, high, *step)


def _slider(name: str, value: Any, low: Any, high: Any, step: Any = None) -> Control:
    whole = all(isinstance(number, int) for number in (value, low, high, step or 1))
    if step is None:
        step = 1 if whole else nice((high - low) / TICKS)
    kind: Literal["int", "float"] = "int" if whole else "float"
    numbers = (value, low, high) if whole else (float(value), float(low), float(high))
    return _control(name, numbers[0], *numbers[1:], step, kind=kind)


def nice(size: float) -> float:
    """The round number nearest below: 1, 2 or 5 times a power of ten.

    >>> nice(0.34), nice(0.02), nice(7.0)
    (0.2, 0.02, 5.0)
    """
    power = 10.0 ** math.floor(math.log10(size) + 1e-9)
    return float(f"{next(n for n in (5, 2, 1) if n * power <= size * (1 + 1e-9)) * power:.6g}")


def _choice(name: str, meanings: dict[str, Any], default: Any) -> Input:
    if not meanings:
        raise ControlError(say("explore.no_options", name=name))
    start = next((key for key, v in meanings.items() if v is default or key == default), None)
    start = next(iter(meanings)) if start is None else start
    control = _control(name, start, kind="choice", options=tuple(meanings))
    return Input(name, control, meanings=meanings)


def _written(value: Any) -> str:
    return setting(value) if isinstance(value, int | float | str) else repr(value)[:40]


def _control(name: str, value: Any, *reach: Any, **more: Any) -> Control:
    return Control(name, name, value, *reach, help=say("explore.help.input", name=name), **more)
