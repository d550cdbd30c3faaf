"""Many, live: readings in small batches, weights on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.scenarios import MANY
from ppl_widgets.scenarios.many import CASES
from ppl_widgets.subsampling import Subsampling
from ppl_widgets.views import many


class ManyPanel(TopicPanel[Subsampling]):
    """What becomes of a belief when there is too much to look at, or too much to believe?

    Ten thousand readings, a hundred at a time: who forgets to scale by N/B believes in a hundred.
    Two weights on one scale: a guide that keeps them apart is surer of each than it may be.

    Subsampled steps run live, one by one; those of many weights are compiled, a run at each move.

    Args:
        readings: how many of one weight.
        batch: how many of them a step sees.
        case: "forgotten" or "scaled" (many readings); "mean-field" or "full" (many weights).
        weights: how many stand on the scale together.
        guess: the prior's mean, in kg.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far a weight may lie from the guess, in kg.
        num_steps: steps of a training.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = ManyPanel(case="mean-field")
        >>> "exact 0.781, closed form" in panel.session.summary()
        True
        >>> panel.close()
    """

    page_grid: ClassVar[Mapping[str, Sequence[Any]]] = {
        "batch": [10.0, 100.0, 1000.0],
        "case": CASES,
    }

    def __init__(
        self,
        readings: float = 10_000.0,
        batch: float = 100.0,
        case: str = "forgotten",
        weights: int = 2,
        guess: float = 8.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        num_steps: int = 200,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        session = Subsampling(
            MANY,
            seed=seed,
            readings=readings,
            batch=batch,
            case=case,
            weights=weights,
            guess=guess,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            num_steps=num_steps,
        )
        super().__init__(
            session, many, show=show, lock=lock, predict=predict, large=large, **unknown
        )
