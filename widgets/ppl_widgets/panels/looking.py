"""Look or touch, live: to see a value is one thing, to set it another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ppl_widgets.drawing import Drawing
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import LOOKING
from ppl_widgets.views import looking


class LookPanel(TopicPanel[Drawing]):
    """What do you learn from a reading, and what from a needle that you glued?

    Seeing a value tells of all that led to it; setting it changes only what follows.

    Args:
        site: "weight", "measurement" or "none".
        value: seen or set there, in kg.
        how: "look" or "touch".
        draught: "on": a shared cause N(0, 1) of weight and reading.
        guess: the prior's mean, in kg.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        num: draws of a run.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = LookPanel(site="weight", value=10.0, draught="on", how="look")
        >>> "measurement N(8.50, 2.36) → N(10.75, 1.03)" in panel.session.summary()
        True
        >>> panel.close()
    """

    page_grid: ClassVar = {
        "value": [7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0, 10.5, 11.0, 12.0],
        "site": ["weight", "measurement", "none"],
        "how": ["look", "touch"],
    }

    def __init__(
        self,
        site: str = "measurement",
        value: float = 9.5,
        how: str = "touch",
        draught: str = "off",
        guess: float = 8.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        num: int = 5000,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        drawing = Drawing(
            LOOKING,
            seed=seed,
            site=site,
            value=value,
            how=how,
            draught=draught,
            guess=guess,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            num=num,
        )
        super().__init__(
            drawing, looking, show=show, lock=lock, predict=predict, large=large, **unknown
        )
