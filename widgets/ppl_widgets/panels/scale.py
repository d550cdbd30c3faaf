"""The unreliable scale, live: the first panel a reader meets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppl_widgets import figures
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.retraining import Retraining
from ppl_widgets.scenarios import WEIGHING, Program


class ScalePanel(TopicPanel[Retraining]):
    """How heavy is it, given your guess and one reading of a scale that errs?

    Drag *guess* or *measurement*: the exact posterior moves with your hand, and the learned one
    chases it while Play is on. Or let all steps be trained at every tick, and see where they lead.

    Args:
        guess: the prior's mean, in kg.
        measurement: what the scale reads, in kg.
        noise_sd: how much its readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        lr: learning rate.
        optimiser: "SGD", "Adam" or "ClippedAdam".
        particles: draws that one loss estimate averages.
        num_steps: steps of a run.
        seed: of the noise.
        mode: "live": one run goes on while you drag; "trained": each tick is a whole new run.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = ScalePanel(measurement=9.5).run(1000)
        >>> panel.session.kl < 0.05
        True
        >>> panel.close()
    """

    def __init__(
        self,
        guess: float = 8.5,
        measurement: float = 9.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        lr: float = 0.001,
        optimiser: str = "SGD",
        particles: int = 1,
        num_steps: int = 2500,
        seed: int = 101,
        mode: str = "live",
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        session = Retraining(
            WEIGHING,
            seed=seed,
            guess=guess,
            measurement=measurement,
            mode=mode,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            lr=lr,
            optimiser=optimiser,
            particles=particles,
            num_steps=num_steps,
        )
        super().__init__(
            session, figures, show=show, lock=lock, predict=predict, large=large, **unknown
        )

    def bind(self, model: Program, guide: Program) -> None:
        """Show other programs; seed and controls stay.

        Raises:
            ModelError: a program asks for an argument that no control gives.
        """
        self._command(lambda: self._session.bind(model, guide))
