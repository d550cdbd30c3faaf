"""The VAE bench, live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ppl_widgets.decoding import Decoding
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.panels.wiring import one_thread
from ppl_widgets.scenarios import DECODING
from ppl_widgets.views import decoding


class VAEPanel(TopicPanel[Decoding]):
    """When is an encoder the exact posterior, and when only close to it?

    Drag *z1* and *z2* over the map, and watch what they decode to. Then take the *network*.

    Args:
        z1: first latent number of what is decoded.
        z2: the second one.
        decoder: "linear" or "network".
        data: "swings" of a needle, or handwritten "digits".
        latent: how many latent numbers there are.
        example: the row that is encoded and drawn again.
        rows: how many to learn from.
        lr: learning rate of Adam at the first step; each step leaves 98.5 % of it.
        num_steps: of a run.
        seed: of the noise.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        predict: whether the gap waits until you have said how large it is.
        large: large type, for a hall.

    Raises:
        ControlError: a value is not allowed, or there is no control of that name.

    Example:
        >>> panel = VAEPanel(num_steps=20)
        >>> "Best linear decoder -0.97, closed form." in panel.session.summary()
        True
        >>> panel.close()
    """

    page_grid: ClassVar[Mapping[str, Sequence[Any]]] = {
        name: [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0] for name in ("z1", "z2")
    }

    def __init__(
        self,
        z1: float = 1.0,
        z2: float = 0.0,
        decoder: str = "linear",
        data: str = "swings",
        latent: int = 2,
        example: int = 0,
        rows: int = 256,
        lr: float = 0.07,
        num_steps: int = 200,
        seed: int = 101,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        with one_thread():
            session = Decoding(
                DECODING,
                seed=seed,
                z1=z1,
                z2=z2,
                decoder=decoder,
                data=data,
                latent=latent,
                example=example,
                rows=rows,
                lr=lr,
                num_steps=num_steps,
            )
        super().__init__(
            session, decoding, show=show, lock=lock, predict=predict, large=large, **unknown
        )
