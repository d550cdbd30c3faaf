"""What the panels of the course share: all that is found under the name of their topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppl_widgets.panels.base import OPTIONS, LivePanel, known
from ppl_widgets.panels.shown import Figures
from ppl_widgets.panels.wiring import S
from ppl_widgets.scenarios import SEED
from ppl_widgets.scenarios.predictions import PREDICTIONS
from ppl_widgets.text import say


class TopicPanel(LivePanel[S]):
    """A live panel whose drawer and whose prediction stand under the name of its topic.

    A subclass has its controls as arguments, makes the session of them, and hands on the rest.

    Args:
        session: what is explored.
        figures: how it looks.
        show: names of the controls to show; all if None.
        lock: names of controls to show without letting them change.
        predict: whether the answer waits until the reader has said a number.
        large: large type, for a hall.
        unknown: what the panel was given beyond its arguments.

    Raises:
        ControlError: `unknown` is not empty, or a name in `show` or `lock` is no control.
    """

    def __init__(
        self,
        session: S,
        figures: Figures[S],
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: bool = False,
        large: bool = False,
        **unknown: Any,
    ) -> None:
        topic = session.scenario
        known(unknown, [*(control.name for control in topic.controls), SEED.name, *OPTIONS])
        super().__init__(
            session,
            figures,
            drawer=say(f"drawer.{topic.name}"),
            show=show,
            lock=lock,
            predict=PREDICTIONS[topic.name] if predict else None,
            large=large,
        )
