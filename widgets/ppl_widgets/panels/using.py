"""Use it, live: what the posterior says about an event, and what to do then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppl_widgets.drawing import Drawing
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import USING
from ppl_widgets.views import using


class UsePanel(TopicPanel[Drawing]):
    """How likely is more than 10, and is that worth the price of care?

    Count the dots over the *limit*: each is one chance in a hundred. Who plugs in the mean in place
    of the posterior forgets what is not known about the weight, and takes the risk too often.

    A guide is trained first, compiled; every draw of it is a weight and the reading after it.

    Args:
        threshold: the limit, in kg.
        fine: what it costs to be over it, if the risk was taken.
        asked: "weight" or "next reading".
        care: what it costs to play safe.
        guess: the prior's mean, in kg.
        measurement: what the scale reads, in kg.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        steps: of the training.
        num: draws of a run.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = UsePanel(asked="weight")
        >>> panel.session.summary()[7:69]
        '0.076: chance that the weight is over 10, closed form. Draws o'
        >>> panel.close()
    """

    def __init__(
        self,
        threshold: float = 10.0,
        fine: float = 6.5,
        asked: str = "next reading",
        care: float = 1.0,
        guess: float = 8.5,
        measurement: float = 9.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        steps: int = 500,
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
            USING,
            seed=seed,
            threshold=threshold,
            fine=fine,
            asked=asked,
            care=care,
            guess=guess,
            measurement=measurement,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            steps=steps,
            num=num,
        )
        super().__init__(
            drawing, using, show=show, lock=lock, predict=predict, large=large, **unknown
        )
