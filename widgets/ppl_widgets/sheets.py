"""Sheets under a plot, one at a time: tabs of tables, code and pictures, in one widget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import anywidget
import traitlets

_STATIC = resources.files("ppl_widgets") / "static"


class Sheets(anywidget.AnyWidget):
    """Named sheets of HTML, of which one is open; the page tells which, and which site is chosen.

    Args:
        labels: sheet -> what its tab says; the first one is open.
        label: what a screen reader calls all of them.

    Example:
        >>> sheets = Sheets({"ledger": "ledger", "graph": "graph"}, label="program")
        >>> sheets.opened, sheets.show("<p>nothing yet</p>")
        ('ledger', True)
        >>> sheets.close()
    """

    _esm = _STATIC / "sheets.js"
    _css = (_STATIC / "table.css").read_text("utf-8") + (_STATIC / "sheets.css").read_text("utf-8")

    tabs = traitlets.List().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    opened = traitlets.Unicode().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)

    def __init__(self, labels: Mapping[str, str], label: str) -> None:
        self._lock = threading.Lock()
        self._chosen = ""
        self._ring: Callable[[], None] | None = None
        tabs = [[name, said] for name, said in labels.items()]
        super().__init__(tabs=tabs, label=label, opened=tabs[0][0], layout={"width": "100%"})
        self.on_msg(Sheets._heard)

    def show(self, html: str) -> bool:
        """What the open sheet says; whether anything had to be sent."""
        if self.comm is None or html == self.html:
            return False
        self.html = html
        return True

    def on_news(self, ring: Callable[[], None]) -> None:
        """Call `ring()`, on any thread, when another sheet was opened or a site chosen."""
        self._ring = ring

    def take(self) -> str:
        """The site that was chosen since the last call; "" for none."""
        with self._lock:
            chosen, self._chosen = self._chosen, ""
        return chosen

    def choose(self, site: str) -> None:
        """Do as a click on a line or a row does."""
        with self._lock:
            self._chosen = site
        if self._ring is not None:
            self._ring()

    def turn_to(self, name: str) -> None:
        """Open another sheet, as a click on its tab does.

        Raises:
            ValueError: there is none of this name.
        """
        names = [tab for tab, _ in self.tabs]
        if name not in names:
            raise ValueError(f"no sheet {name!r}; there are {', '.join(names)}")
        self.opened = name
        if self._ring is not None:
            self._ring()

    def _heard(self, content: Any, buffers: Any) -> None:
        match content:
            case {"open": str(name)} if name in [tab for tab, _ in self.tabs]:
                self.turn_to(name)
            case {"site": str(site)}:
                self.choose(site)
            case _:
                return

    def close(self) -> None:
        """Free both comms, the sheets' own and their layout's."""
        layout, self._ring = self.layout, None
        super().close()
        layout.close()
