"""A table as plain rows, as HTML and as text; `table` is the same on the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from . import theme


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the first cell names it.

    Args:
        cells: as they are to be read; numbers are written already.
        mark: a role of `theme`, whose colour stands as a bar before the row; "" for none. A mark
            only underlines what a cell says in words.
    """

    cells: tuple[str, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Heads, rows and a caption.

    Args:
        heads: of the columns.
        rows: one below the other, each with a cell for every head.
        caption: a sentence over the table.
        groups: a line over the heads: (name, columns it spans), from the left; "" for no name.
        numbers: columns that hold numbers, set flush right.
        code: columns that hold code, whose blanks count.

    Raises:
        ValueError: a row has not as many cells as there are heads, the groups do not span them, or
            the palette knows no such mark.

    Example:
        >>> store = Table(("name", "value"), [Row(("b", "0.60"))], numbers={1})
        >>> store.html()[-82:]
        '<tbody><tr><th scope="row">b</th><td class="number">0.60</td></tr></tbody></table>'
        >>> print(store.text())
        name  value
        b     0.60
    """

    heads: tuple[str, ...]
    rows: Sequence[Row]
    caption: str = ""
    groups: Sequence[tuple[str, int]] = ()
    numbers: frozenset[int] | set[int] = field(default_factory=frozenset)
    code: frozenset[int] | set[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.heads):
                cells, heads = len(row.cells), len(self.heads)
                raise ValueError(f"row {row.cells[:1]} has {cells} cells, the table {heads} heads")
            if row.mark and row.mark not in theme.ROLES:
                raise ValueError(f"no role {row.mark!r}; the roles are {', '.join(theme.ROLES)}")
        if self.groups and sum(span for _, span in self.groups) != len(self.heads):
            raise ValueError(f"the groups {list(self.groups)} do not span {len(self.heads)} heads")

    def html(self) -> str:
        """The table as HTML: every text escaped, every head tied to its row or column.

        A long name may go on in another line behind its bracket.
        """
        over = "".join(
            f'<th scope="colgroup" colspan="{span}">{escape(name)}</th>'
            if name
            else f'<td colspan="{span}"></td>'
            for name, span in self.groups
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        heads = "".join(self._cell(k, head, "th", "col") for k, head in enumerate(self.heads))
        body = "".join(f"<tr{_marked(row)}>{self._cells(row)}</tr>" for row in self.rows)
        over = f"<tr>{over}</tr>" if over else ""
        top = f"<thead>{over}<tr>{heads}</tr></thead>"
        return f"<table>{caption}{top}<tbody>{body}</tbody></table>"

    def text(self) -> str:
        """The same in lines of plain text."""
        lines = [self.heads, *(row.cells for row in self.rows)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.heads))]
        written = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join(([self.caption] if self.caption else []) + written)

    def _cells(self, row: Row) -> str:
        return "".join(
            self._cell(k, cell, "td" if k else "th", "" if k else "row")
            for k, cell in enumerate(row.cells)
        )

    def _cell(self, column: int, text: str, tag: str, scope: str) -> str:
        tied = f' scope="{scope}"' if scope else ""
        kind = "number" if column in self.numbers else "code" if column in self.code else ""
        kind = f' class="{kind}"' if kind else ""
        inside = escape(text) if kind else escape(text).replace("(", "(<wbr>")
        return f"<{tag}{tied}{kind}>{inside}</{tag}>"


def _marked(row: Row) -> str:
    if not row.mark:
        return ""
    light, dark = (theme.PALETTE[shade][row.mark] for shade in ("light", "dark"))
    return f' data-mark="{row.mark}" style="--light:{light};--dark:{dark}"'
