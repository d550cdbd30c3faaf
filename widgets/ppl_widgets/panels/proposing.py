"""The proposal lab, live: one guide, three uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ppl_widgets.drawing import Drawing
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import PROPOSING
from ppl_widgets.views import proposing


class ProposalPanel(TopicPanel[Drawing]):
    """What makes a guide a good one, when its draws are weighted, sieved, or proposed to a chain?

    Move *a* and *b* to 9.14 and 0.6: every weight becomes the evidence, and all is accepted. Make
    *b* small: the gauge that only knows the draws it has seen goes on reading well.

    Args:
        a: the guide's mean, in kg.
        b: the guide's sd, in kg.
        num: draws of a run.
        tab: "importance", "rejection", "chain" or "particles".
        guess: the prior's mean, in kg.
        measurement: what the scale reads, in kg.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        drift: how far the weight may go between two readings, in kg; of particles.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = ProposalPanel(tab="rejection")
        >>> "exact 44 %, closed form" in panel.session.summary()
        True
        >>> panel.close()
    """

    page_grid: ClassVar = {
        "a": [8.0, 8.5, 9.0, 9.14, 9.5],
        "b": [0.4, 0.5, 0.6, 0.8, 1.0, 1.5],
        "tab": ["importance", "rejection", "chain"],
    }

    def __init__(
        self,
        a: float = 8.5,
        b: float = 1.0,
        num: int = 5000,
        tab: str = "importance",
        guess: float = 8.5,
        measurement: float = 9.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        drift: float = 0.3,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        drawing = Drawing(
            PROPOSING,
            seed=seed,
            a=a,
            b=b,
            num=num,
            tab=tab,
            guess=guess,
            measurement=measurement,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            drift=drift,
        )
        super().__init__(
            drawing, proposing, show=show, lock=lock, predict=predict, large=large, **unknown
        )
