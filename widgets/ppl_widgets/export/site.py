"""All notebooks as pages beside one script: `python -m ppl_widgets.export.site tutorials pages`.

Each notebook is run from top to bottom; its panels become pages' panels. The folder that is written
needs no server: open `index.html`.
"""

import sys
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path

import nbclient
import nbformat
from nbformat import NotebookNode

from ..text import say
from . import notebook as written
from .page import document, script, style

HOOK = "from ppl_widgets.export.outputs import announce; announce()"
LIMIT = 600
"""Seconds that a cell may take: a panel's page may be some hundred pictures."""
HEAD = ('<link rel="stylesheet" href="panels.css">', '<script src="panels.js" defer></script>')
SHEET = resources.files("ppl_widgets") / "static" / "page" / "site.css"


def run(path: Path) -> NotebookNode:
    """A notebook with its outputs.

    Raises:
        CellExecutionError: a cell raises.
    """
    notebook = nbformat.read(path, 4)
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return notebook
    notebook.cells.insert(0, nbformat.v4.new_code_cell(HOOK))
    client = nbclient.NotebookClient(
        notebook,
        timeout=LIMIT,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=[
            "--IPKernelApp.log_level=40"
        ],  # errors; no word on sockets of this machine
    )
    client.execute()
    del notebook.cells[0]
    return notebook


def build(notebooks: Sequence[Path], folder: Path) -> None:
    """Write a page for each notebook, an index, the script and the style sheet that they share."""
    folder.mkdir(parents=True, exist_ok=True)
    sheets = [style(), SHEET.read_text(encoding="utf-8"), written.code_style()]
    (folder / "panels.css").write_text("\n".join(sheets), encoding="utf-8")
    (folder / "panels.js").write_text(script(), encoding="utf-8")
    titles = {path.stem: escape(written.title(nbformat.read(path, 4))) for path in notebooks}
    entries = []
    for path in notebooks:
        _tell(f"{path.name} ... ")
        page, done = folder / f"{path.stem}.html", run(path)
        page.write_text(_page(done, path, titles), encoding="utf-8")
        _tell(f"{page.stat().st_size / 1e3:,.0f} kB\n")
        entries.append(f"<li>{_link(path.stem, titles)}<p>{escape(written.lead(done))}</p></li>")
    heading = f"<h1>{say('page.index')}</h1><p>{say('page.lead')}</p>"
    listed = f'<ol start="0" class="ppl-index">{"".join(entries)}</ol>'
    body = f'<main><section class="ppl-prose">{heading}{listed}</section></main>'
    (folder / "index.html").write_text(document(say("page.index"), body, HEAD), encoding="utf-8")


def _page(notebook: NotebookNode, path: Path, titles: Mapping[str, str]) -> str:
    order = list(titles)
    at = order.index(path.stem)
    links = [f'<a href="index.html">{say("page.all")}</a>']
    links += [_link(name, titles, "prev") for name in order[max(0, at - 1) : at]]
    links += [_link(name, titles, "next") for name in order[at + 1 : at + 2]]
    top, end = (
        f'<nav class="ppl-way" aria-label="{say(f"page.way.{place}")}">{"".join(links)}</nav>'
        for place in ("top", "end")
    )
    lesson = f"<main>{written.body(notebook, path.parent)}</main>"
    aside = f"<noscript>{say('page.no_script')}</noscript>"
    return document(written.title(notebook), f"{top}\n{lesson}\n{aside}\n{end}", HEAD)


def _link(name: str, titles: Mapping[str, str], place: str = "") -> str:
    rel = f' rel="{place}"' if place else ""
    return f'<a href="{name}.html"{rel}>{titles[name]}</a>'


def _tell(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()


def main(words: Sequence[str]) -> None:
    """Read notebooks from the first folder, write pages into the second."""
    source, folder = map(Path, words)
    build(sorted(source.glob("*.ipynb")), folder)
    _tell(f"{folder / 'index.html'}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
