"""One thing a reader may change: its name, its range, and a sentence for every value outside it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ppl_core.errors import PPLError, suggestion

from ..text import listed, say, setting


class ControlError(PPLError, ValueError):
    """A value that a control cannot take; the message says what was given and what is allowed."""


@dataclass(frozen=True, slots=True)
class Control:
    """A quantity on the panel, with the values it may take.

    Args:
        name: as in Python: an argument of the panel and a key of `Session.controls`.
        label: as on the screen.
        value: where it starts.
        min: smallest value allowed; None for a choice.
        max: largest value allowed; None for a choice.
        step: what an arrow key changes; for kind "log", decades of ten; None for a choice.
        kind: "float", "int", "log" (a positive float on a logarithmic slider), "choice" or "bool".
        options: what a choice offers.
        labels: what the options are called on the screen; by themselves if empty.
        drawer: whether it waits in the drawer instead of standing on the face.
        help: a few words for a tooltip.

    Example:
        >>> guess = Control("guess", "guess", 8.5, 0.0, 20.0, 0.1)
        >>> guess.check("9")
        9.0
        >>> guess.check(float("nan"))
        Traceback (most recent call last):
        ppl_widgets.scenarios.control.ControlError: guess: nan is not a finite number. ...
    """

    name: str
    label: str
    value: Any
    min: float | None = None
    max: float | None = None
    step: float | None = None
    kind: Literal["float", "int", "log", "choice", "bool"] = "float"
    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    drawer: bool = False
    help: str = ""

    def check(self, value: Any) -> Any:
        """The value in this control's own type: float, int, bool, or one of the options.

        Raises:
            ControlError: it is not a number, not finite, not whole, out of range or not on offer.
        """
        if self.kind == "bool":
            return self._yes_or_no(value)
        return self._choice(value) if self.kind == "choice" else self._number(value)

    def _yes_or_no(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise self._refuse("bool", value)

    def _choice(self, value: Any) -> str:
        for option in self.options:
            if isinstance(value, str) and value.strip().lower() == option.lower():
                return option
        raise self._refuse("choice", value, options=listed(list(self.options)))

    def _number(self, value: Any) -> float | int:
        try:
            number = float("no number" if isinstance(value, bool) else value)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            raise self._refuse("number", value) from None
        if not math.isfinite(number):
            raise self._refuse("finite", value)
        if self.kind == "int" and number != int(number):
            raise self._refuse("whole", value)
        if self.min is None or self.max is None or not self.min <= number <= self.max:
            raise self._refuse("range", value)
        return int(number) if self.kind == "int" else number

    def _refuse(self, why: str, value: Any, **parts: str) -> ControlError:
        if self.kind not in ("choice", "bool"):
            parts = {"low": self.text(self.min), "high": self.text(self.max)}
        given = repr(value) if isinstance(value, str) else str(value)
        given = given if len(given) <= 40 else given[:37] + "..."
        return ControlError(say(f"control.{why}", label=self.label, given=given, **parts))

    def text(self, value: Any) -> str:
        """A value of this control as its label would show it."""
        if self.kind == "bool":
            return say(f"control.{'on' if value else 'off'}")
        if self.labels:
            return self.labels[self.options.index(value)]
        return setting(int(value) if self.kind == "int" else value)


def spoken(
    name: str, value: Any, *reach: Any, options: tuple[str, ...] = (), **more: Any
) -> Control:
    """A control whose every word stands in the catalogue: label, help, and what options are called.

    `reach` is min, max, step and kind.

    >>> spoken("mode", "live", kind="choice", options=("live", "trained")).labels
    ('watch it learn', 'at every tick')
    """
    labels = tuple(say(f"option.{name}.{option}") for option in options)
    label, help = say(f"label.{name}"), say(f"help.{name}")
    return Control(name, label, value, *reach, options=options, labels=labels, help=help, **more)


class Settings(Mapping[str, Any]):
    """Where a panel's controls stand, by name; only `move` changes it, and only to what is allowed.

    Args:
        controls: with their defaults.
        values: where some of them are to start instead.

    Raises:
        ControlError: there is no such control, or it cannot take that value.

    Example:
        >>> settings = Settings([Control("guess", "guess", 8.5, 0.0, 20.0, 0.1)], guess=9)
        >>> settings.move("guess", 9.0), settings.move("guess", 7.5), settings["guess"]
        (False, True, 7.5)
    """

    def __init__(self, controls: Iterable[Control], **values: Any):
        self._controls = {control.name: control for control in controls}
        self._values = {control.name: control.value for control in self._controls.values()}
        for name, value in values.items():
            self.move(name, value)

    def control(self, name: str) -> Control:
        """The control of this name."""
        if name not in self._controls:
            near, names = suggestion(name, self._controls), ", ".join(self._controls)
            parts = {"given": repr(name), "suggestion": near, "names": names}
            raise ControlError(say("control.unknown", **parts))
        return self._controls[name]

    def move(self, name: str, value: Any) -> bool:
        """Take over a value; whether it is another one than before."""
        value = self.control(name).check(value)
        changed = value != self._values[name]
        self._values[name] = value
        return changed

    def changed(self) -> dict[str, Any]:
        """What is not at its default."""
        return {name: v for name, v in self.items() if v != self._controls[name].value}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
