"""The optimiser race, live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.racing import Racing
from ppl_widgets.scenarios.racing import RACING, VIEWS
from ppl_widgets.views import racing


class RacePanel(TopicPanel[Racing]):
    """When is a run still on its way, and when is it only noise?

    Move the learning rate: each step trains three optimisers anew, on the same noise. A larger rate
    arrives sooner and wanders further; averaging the last steps wanders less.

    Args:
        lr: learning rate of all three.
        particles: draws from the guide that one loss averages.
        taken: "last step" or "mean of last 500": what counts as the answer.
        guess: the prior's mean, in kg.
        measurement: what the scale reads, in kg.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        num_steps: of a run.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = RacePanel(lr=0.01)
        >>> panel.session.step
        2500
        >>> panel.close()
    """

    page_grid: ClassVar = {"lr": [0.0003, 0.001, 0.003, 0.01], "taken": VIEWS}

    def __init__(
        self,
        lr: float = 0.001,
        particles: int = 1,
        taken: str = "last step",
        guess: float = 8.5,
        measurement: float = 9.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        num_steps: int = 2500,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        race = Racing(
            RACING,
            seed=seed,
            lr=lr,
            particles=particles,
            taken=taken,
            guess=guess,
            measurement=measurement,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            num_steps=num_steps,
        )
        super().__init__(
            race, racing, show=show, lock=lock, predict=predict, large=large, **unknown
        )
