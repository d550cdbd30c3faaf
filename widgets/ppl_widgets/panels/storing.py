"""The parameter store, live: where a number is born, and what the optimiser moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ppl_widgets.panels.tabled import TabledPanel
from ppl_widgets.scenarios.storing import MAPS, STORING
from ppl_widgets.storing import Storing
from ppl_widgets.views import storing


class StorePanel(TabledPanel[Storing]):
    """What does a parameter remember, and what does its constraint do to it?

    Move *init* after the run: nothing happens, for the store has b already. *Same noise* clears the
    store, and b is born anew. The *constraint* maps the number that the optimiser moves to an sd.

    Args:
        init: what b is born with.
        lr: learning rate of SGD.
        constraint: "none", "abs", "exp" or "softplus".
        num_steps: of a run.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the answer waits until you have said a number.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = StorePanel(constraint="exp")
        >>> before = panel.session.draws["u"][-1]
        >>> panel.set(init=2.0)
        >>> bool(panel.session.draws["u"][-1] == before)
        True
        >>> panel.close()
    """

    page_grid: ClassVar[Mapping[str, Sequence[Any]]] = {
        "constraint": tuple(MAPS),
        "lr": [0.01, 0.03, 0.1],
        "init": [0.5, 1.0, 2.0],
    }

    def __init__(
        self,
        init: float = 1.0,
        lr: float = 0.03,
        constraint: str = "abs",
        num_steps: int = 2500,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        session = Storing(
            STORING, seed=seed, init=init, lr=lr, constraint=constraint, num_steps=num_steps
        )
        super().__init__(
            session, storing, show=show, lock=lock, predict=predict, large=large, **unknown
        )
