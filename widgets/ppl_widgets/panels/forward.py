"""The forward machine, live: one program, one joint distribution."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ppl_widgets.falling import Falling
from ppl_widgets.panels.tabled import TabledPanel
from ppl_widgets.scenarios import FORWARD
from ppl_widgets.views import forward


class ForwardPanel(TabledPanel[Falling]):
    """What does the scale read, before anybody has weighed anything?

    Each run falls from the guess to a weight and from there to a reading. Press *Step*: the lines
    of the program light up, one after the other, as the newest run falls.

    Args:
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
        >>> panel = ForwardPanel().run(1000)
        >>> panel.session.step
        2000
        >>> panel.close()
    """

    page_grid: ClassVar = {
        "guess": [5.0, 6.0, 7.0, 8.0, 8.5, 9.0, 10.0, 11.0, 12.0],
        "noise_sd": [0.05, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0],
    }

    def __init__(
        self,
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
        falling = Falling(
            FORWARD,
            seed=seed,
            guess=guess,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            num=num,
        )
        super().__init__(
            falling, forward, show=show, lock=lock, predict=predict, large=large, **unknown
        )
