"""One guide for all readings, live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import AMORTIZING
from ppl_widgets.views import amortizing
from ppl_widgets.watching import Watching


class EncoderPanel(TopicPanel[Watching]):
    """Can one guide answer every reading, if it may look at it?

    Move the *reading* past those it was trained on: the line goes on, the network never saw that.

    Args:
        reading: the one you ask about, in kg.
        spread: sd of the readings to train on, in kg.
        encoder: "constant", "line" or "network".
        guess: the prior's mean, in kg.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        lr: learning rate of Adam.
        num_steps: of a run.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = EncoderPanel(encoder="line")
        >>> "The exact mean is 3.06 + 0.64 · reading" in panel.session.summary()
        True
        >>> panel.close()
    """

    def __init__(
        self,
        reading: float = 9.5,
        spread: float = 1.25,
        encoder: str = "network",
        guess: float = 8.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        lr: float = 0.02,
        num_steps: int = 1500,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        watching = Watching(
            AMORTIZING,
            seed=seed,
            reading=reading,
            spread=spread,
            encoder=encoder,
            guess=guess,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            lr=lr,
            num_steps=num_steps,
        )
        super().__init__(
            watching, amortizing, show=show, lock=lock, predict=predict, large=large, **unknown
        )
