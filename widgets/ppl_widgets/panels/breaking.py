"""The contract, live: eight ways to break it, and what silence costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppl_widgets.panels.tabled import TabledPanel
from ppl_widgets.scenarios import BREAKING
from ppl_widgets.views import breaking
from ppl_widgets.watching import Watching


class ContractPanel(TabledPanel[Watching]):
    """What must a guide do, and what does it cost if nobody says that it does not?

    Choose what is *broken*. The table joins the ledgers of model and guide by site, and says in one
    sentence what does not fit. With *checks* off the pair trains on in silence: a misspelt site
    lets b grow without end, and the loss falls through its floor.

    Args:
        way: "misspelt", "missing", "data twice", "unconditioned", "arguments", "support", "shape",
            "cut", or "none" for a pair that fits.
        checks: "off": the loss does not check; "on": SVI as it is.
        measurement: what the scale reads, in kg.
        guess: the prior's mean, in kg; the guide starts there.
        noise_sd: how much readings vary, in kg.
        prior_sd: how far the weight may lie from the guess, in kg.
        num_steps: steps that are trained.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = ContractPanel(way="unconditioned")
        >>> "1.131 is pure scale noise" in panel.session.summary()
        True
        >>> panel.close()
    """

    def __init__(
        self,
        way: str = "misspelt",
        checks: str = "off",
        measurement: float = 9.5,
        guess: float = 8.5,
        noise_sd: float = 0.75,
        prior_sd: float = 1.0,
        num_steps: int = 500,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        watching = Watching(
            BREAKING,
            seed=seed,
            way=way,
            checks=checks,
            measurement=measurement,
            guess=guess,
            noise_sd=noise_sd,
            prior_sd=prior_sd,
            num_steps=num_steps,
        )
        super().__init__(
            watching, breaking, show=show, lock=lock, predict=predict, large=large, **unknown
        )
