"""The sampler stage, live: a chain that is watched, ride by ride."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.riding import Riding
from ppl_widgets.scenarios import SAMPLING
from ppl_widgets.views import sampling


class SamplerPanel(TopicPanel[Riding]):
    """How does a chain move, what does it accept, and what are its draws worth?

    Press *Play* at slow speed: a trajectory rolls over the contours, and its end is accepted or
    refused. Drag the *step size* beyond 0.41: on two objects that is twice the smallest sd, and
    nothing is accepted any more. In the funnel, rides run away where it is narrow.

    Args:
        step_size: of a leapfrog step, of a walk's step, or the sd of the independent guide.
        leapfrogs: steps of a trajectory of HMC.
        kernel: "random walk", "independent MH", "HMC" or "NUTS".
        target: "two objects", "ridge", "funnel" or "two peaks".
        adapt: what 200 steps of warm-up learn: "nothing", "step size", "mass" or "full mass".
        num: draws of a run.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = SamplerPanel(kernel="random walk", step_size=1.0)
        >>> "exact 20 %, quadrature" in panel.session.summary()
        True
        >>> panel.close()
    """

    page_grid: ClassVar = {
        "step_size": [0.1, 0.2, 0.3, 0.4, 0.5, 1.0],
        "kernel": ["random walk", "independent MH", "HMC", "NUTS"],
    }

    def __init__(
        self,
        step_size: float = 0.3,
        leapfrogs: int = 5,
        kernel: str = "HMC",
        target: str = "two objects",
        adapt: str = "nothing",
        num: int = 1000,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        riding = Riding(
            SAMPLING,
            seed=seed,
            step_size=step_size,
            leapfrogs=leapfrogs,
            kernel=kernel,
            target=target,
            adapt=adapt,
            num=num,
        )
        super().__init__(
            riding, sampling, show=show, lock=lock, predict=predict, large=large, **unknown
        )
