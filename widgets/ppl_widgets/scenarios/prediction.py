"""What a reader is asked to say before it is shown: one number, in a few words and on a plot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..text import say
from .control import Control

Place = Callable[[Any, float, float], Sequence[float]]

SAID = "said"
"""The control in which a reply is said."""


def itself(session: Any, value: float, over: float) -> Sequence[float]:
    """A quantity of the plot's axis stands at its own value."""
    return (value,)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A quantity to be predicted.

    Args:
        name: its words stand in the catalogue: `predict.NAME` asks, `label.predict.NAME` names it.
        unit, apart: written behind its numbers, and behind the difference of two of them.
        start: where the reply stands at first.
        reach: lowest and highest reply, and what an arrow key changes.
        kind: of the slider: "float", or "log" for a positive quantity of any size.
        exact: session -> the exact value; infinite for what goes on without end, None where it is
            not known.
        plot: where the reply is drawn; nowhere if empty.
        keeps: patterns of the traces, by uid, that are seen before the reply; the others wait.
        places: (session, value, over) -> where on that plot's axis it stands, at `over` on the
            other axis: a quantity that is a slope is drawn as a slanted line; nan for nowhere.
        across: "x", or "y" for a quantity of the other axis.
        plays: whether runs may go on before the reply.
        digits: behind the point.

    Example:
        >>> from .predictions import PREDICTIONS
        >>> PREDICTIONS["weighing"].control.label
        'posterior mean'
    """

    name: str
    unit: str
    start: float
    reach: tuple[float, float, float]
    exact: Callable[[Any], float | None]
    plot: str
    keeps: tuple[str, ...]
    kind: Literal["float", "log"] = "float"
    places: Place = itself
    across: str = "x"
    plays: bool = True
    digits: int = 2
    apart: str = ""

    @property
    def control(self) -> Control:
        """The slider and the box in which a reply is said."""
        label = say(f"label.predict.{self.name}")
        return Control(SAID, label, self.start, *self.reach, kind=self.kind, help=self.question)

    @property
    def question(self) -> str:
        """What is asked."""
        return say(f"predict.{self.name}")
