"""The live table: rows beside a plot, brought up to date in place, so that nothing flickers."""

from __future__ import annotations

from importlib import resources

import anywidget
import traitlets

from ppl_widgets.rows import Table

_STATIC = resources.files("ppl_widgets") / "static"


class LiveTable(anywidget.AnyWidget):
    """A table on the page; `show` replaces what it says, cell by cell.

    Args:
        table: what it shows first.
        label: what a screen reader calls it.

    Example:
        >>> from ppl_widgets.rows import Row
        >>> live = LiveTable(Table(("name", "value"), [Row(("b", "1.00"))]), label="store")
        >>> live.show(Table(("name", "value"), [Row(("b", "0.60"))]))
        True
        >>> live.close()
        >>> live.show(Table(("name", "value"), []))
        False
    """

    _esm = _STATIC / "table.js"
    _css = _STATIC / "table.css"

    html = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)

    def __init__(self, table: Table, label: str) -> None:
        self.table = table
        super().__init__(html=table.html(), label=label, layout={"width": "100%"})

    def show(self, table: Table) -> bool:
        """Show this table; whether anything had to be sent."""
        html = table.html()
        self.table = table
        if self.comm is None or html == self.html:
            return False
        self.html = html
        return True

    def close(self) -> None:
        """Free both comms, the table's own and its layout's."""
        layout = self.layout
        super().close()
        layout.close()
