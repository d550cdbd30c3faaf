"""A live panel with a table under its plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ppl_widgets.panels.shown import Figures, Shown
from ppl_widgets.panels.topic import TopicPanel
from ppl_widgets.rows import Table
from ppl_widgets.table import LiveTable

S = TypeVar("S", bound=Shown)
T = TypeVar("T", contravariant=True)


class Tabled(Figures[T], Protocol[T]):
    """The pictures of a session, and its table."""

    @property
    def table(self) -> Callable[[T], Table]:
        """The table's present rows."""
        ...


class TabledPanel(TopicPanel[S]):
    """A panel to look at, to touch, and to read row by row.

    Args:
        session: what is explored.
        figures: how it looks, with its table.
        options: of a `TopicPanel`.

    Raises:
        ControlError: an option does not exist, or names a control that does not exist.
    """

    _table: LiveTable | None = None

    def __init__(self, session: S, figures: Tabled[S], **options: Any) -> None:
        self._tabled = figures
        super().__init__(session, figures, **options)
        self._table = LiveTable(figures.table(session), session.scenario.title)
        self._body.children = (*self._body.children, self._table)

    def paint(self) -> None:
        """Draw the newest state, the table's too."""
        super().paint()
        if self._table is not None:
            self._table.show(self._tabled.table(self._session))

    def close(self) -> None:
        """Free everything, the table's comms too."""
        super().close()
        if self._table is not None:
            self._table.close()
