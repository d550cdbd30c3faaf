"""What a reader is asked to say before it is shown: one number, in a few words and on a plot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..text import say
from .conditioning import window
from .control import Control
from .forward import exact as sites_forward
from .looking import exact as sites_after
from .proposing import share

Place = Callable[[Any, float], Sequence[float]]

SAID = "said"
"""The control in which a reply is said."""


def itself(session: Any, value: float) -> Sequence[float]:
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
        exact: session -> the exact value; None where it is not known.
        plot: where the reply is drawn.
        keeps: patterns of the traces, by uid, that are seen before the reply; the others wait.
        places: (session, value) -> where on that plot's axis it stands.
        across: "x", or "y" for a quantity of the other axis.
        plays: whether runs may go on before the reply.
        digits: behind the point.

    Example:
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
    places: Place = itself
    across: str = "x"
    plays: bool = True
    digits: int = 2
    apart: str = ""

    @property
    def control(self) -> Control:
        """The slider and the box in which a reply is said."""
        label = say(f"label.predict.{self.name}")
        return Control(SAID, label, self.start, *self.reach, help=self.question)

    @property
    def question(self) -> str:
        """What is asked."""
        return say(f"predict.{self.name}")


PREDICTIONS = {
    "weighing": Prediction(
        name="weighing",
        unit="kg",
        start=8.5,
        reach=(0.0, 20.0, 0.1),
        exact=lambda session: None if session.exact is None else session.exact.mean,
        plot="posterior",
        keeps=("posterior.prior", "posterior.likelihood"),
        plays=False,
    ),
    "forward": Prediction(
        name="forward",
        unit="kg",
        start=1.0,
        reach=(0.0, 10.0, 0.05),
        exact=lambda session: sites_forward(session.controls)["measurement"].sd,
        plot="measurement",
        keeps=("runs.newest", "weight.*"),
        places=lambda session, sd: [session.controls["guess"] + side * sd for side in (-1, 1)],
    ),
    "conditioning": Prediction(
        name="conditioning",
        unit="kg",
        start=8.5,
        reach=(0.0, 20.0, 0.1),
        exact=lambda session: window(session.controls).mean,
        plot="kept",
        keeps=("runs.*",),
    ),
    "looking": Prediction(
        name="looking",
        unit="kg",
        start=9.0,
        reach=(0.0, 20.0, 0.1),
        exact=lambda session: sites_after(session.controls)[asked_site(session)].mean,
        plot="first",
        keeps=("graph.*", "*.before"),
    ),
    "proposing": Prediction(
        name="proposing",
        unit="%",
        start=50.0,
        reach=(0.0, 100.0, 1.0),
        exact=lambda session: 100.0 * share(session.controls),
        plot="gauge",
        keeps=("use.*", "posterior.*"),
        places=lambda _, value: (value / 100.0,),
        across="y",
        digits=0,
        apart="points",
    ),
}
"""By the name of the scenario."""


def asked_site(session: Any) -> str:
    """The site of look or touch that is not given."""
    return "measurement" if session.controls["site"] == "weight" else "weight"
