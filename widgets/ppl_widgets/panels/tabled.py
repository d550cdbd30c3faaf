"""A live panel with a table under its plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from ppl_widgets.panels.base import LivePanel
from ppl_widgets.panels.shown import Figures, Shown
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


class TabledPanel(LivePanel[S]):
    """A session to look at, to touch, and to read row by row.

    Args:
        session: what is explored.
        figures: how it looks, with its table.
        label: what a screen reader calls the table.
        drawer: the name of the drawer that holds the second row of controls.
        show: names of the controls to show; all if None.
        lock: names of controls to show without letting them change.

    Raises:
        ControlError: `show` or `lock` names a control that does not exist.
    """

    _table: LiveTable | None = None

    def __init__(
        self,
        session: S,
        figures: Tabled[S],
        *,
        label: str,
        drawer: str = "",
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
    ) -> None:
        self._tabled = figures
        super().__init__(session, figures, drawer=drawer, show=show, lock=lock)
        self._table = LiveTable(figures.table(session), label)
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
