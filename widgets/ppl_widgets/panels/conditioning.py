"""The condition bench, live: conditioning keeps the runs that agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ppl_widgets.drawing import Drawing
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import CONDITIONING
from ppl_widgets.views import conditioning


class ConditionPanel(TopicPanel[Drawing]):
    """Which runs of the program agree with the scale, and what did they weigh?

    Narrow the *window*: fewer runs are kept, and what they weighed comes nearer to the posterior.

    Args:
        measurement: what the scale reads, in kg.
        window: how far a run's reading may be off to be kept, in kg.
        form: how the program is conditioned: "condition", "deferred" or "obs".
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
        >>> panel = ConditionPanel(window=0.1)
        >>> panel.session.step
        1000
        >>> panel.close()
    """

    page_grid: ClassVar = {
        "measurement": [6.5, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0, 10.5, 11.5],
        "window": [0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0],
    }

    def __init__(
        self,
        measurement: float = 9.5,
        window: float = 0.5,
        form: str = "condition",
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
            CONDITIONING,
            seed=seed,
            measurement=measurement,
            window=window,
            form=form,
            guess=guess,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            num=num,
        )
        super().__init__(
            drawing, conditioning, show=show, lock=lock, predict=predict, large=large, **unknown
        )
