"""The ELBO in balance, live: evidence, gap, and the noise of an estimate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppl_widgets.drawing import Drawing
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import BALANCING
from ppl_widgets.views import balancing


class ElboPanel(TopicPanel[Drawing]):
    """What is a loss made of, and how much does one estimate of it stray?

    Move *a* and *b* to 9.14 and 0.6: the gap closes, and every estimate is the floor itself.

    Args:
        a: the guide's mean, in kg.
        b: the guide's sd, in kg.
        sign: "loss" or "ELBO".
        particles: draws that one estimate averages.
        num: estimates that a press of Play grants.
        guess: the prior's mean, in kg.
        measurement: what the scale reads, in kg.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = ElboPanel(a=9.0, b=0.8)
        >>> "Loss 1.591 on average, floor 1.462, gap 0.128 nats" in panel.session.summary()
        True
        >>> panel.close()
    """

    def __init__(
        self,
        a: float = 8.5,
        b: float = 1.0,
        sign: str = "loss",
        particles: int = 1,
        num: int = 5000,
        guess: float = 8.5,
        measurement: float = 9.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        drawing = Drawing(
            BALANCING,
            seed=seed,
            a=a,
            b=b,
            sign=sign,
            particles=particles,
            num=num,
            guess=guess,
            measurement=measurement,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
        )
        super().__init__(
            drawing, balancing, show=show, lock=lock, predict=predict, large=large, **unknown
        )
