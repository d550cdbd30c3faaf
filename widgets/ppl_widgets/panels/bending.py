"""No formula, live: a posterior of two hills, and a guide of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import BENDING
from ppl_widgets.views import bending
from ppl_widgets.watching import Watching


class NoFormulaPanel(TopicPanel[Watching]):
    """What does a guide hide that is too simple for its posterior?

    The needle shows 8.5 + (weight - 8.5)^2, so two weights explain each reading. Drag where the
    guide *starts*: it takes the nearer hill, at once, and pays log 2 for the half that it misses.
    Turn the *KL* round, and it covers both hills and the valley between.

    Every move of a slider is a whole training, compiled; Play adds more steps.

    Args:
        start: the guide's mean before the first step, in kg.
        measurement: what the needle shows.
        response: "folded", "bent" (weight + e^(weight - 9)) or "straight".
        direction: "exclusive", KL(guide, exact), or "inclusive", KL(exact, guide).
        noise_sd: how much the needle varies.
        guess: the prior's mean, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        num_steps: steps of a training.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = NoFormulaPanel(start=8.0)
        >>> "peaks at 7.52 and 9.48, quadrature" in panel.session.summary()
        True
        >>> panel.close()
    """

    def __init__(
        self,
        start: float = 9.0,
        measurement: float = 9.5,
        response: str = "folded",
        direction: str = "exclusive",
        noise_sd: float = 0.25,
        guess: float = 8.5,
        prior_sd: float = 1.0,
        num_steps: int = 600,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        watching = Watching(
            BENDING,
            seed=seed,
            start=start,
            measurement=measurement,
            response=response,
            direction=direction,
            noise_sd=noise_sd,
            guess=guess,
            prior_sd=prior_sd,
            num_steps=num_steps,
        )
        super().__init__(
            watching, bending, show=show, lock=lock, predict=predict, large=large, **unknown
        )
