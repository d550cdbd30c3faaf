"""Notebooks as pages: run, written as HTML, with nothing to fetch from anywhere."""

import re
from pathlib import Path

import nbformat
import pytest

import ppl_widgets.export.site as site
from ppl_widgets.export import notebook as written

TUTORIALS = Path(__file__).parents[2] / "tutorials"


def test_every_formula_of_every_notebook_becomes_mathml():
    for path in sorted(TUTORIALS.glob("*.ipynb")):
        notebook = nbformat.read(path, 4)
        prose = "".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        page = written.body(notebook, TUTORIALS)
        outside = re.sub(r"<(pre|code|math)\b.*?</\1>", "", page, flags=re.S)
        assert "$" not in outside, path.name
        assert page.count("<math ") == 0 or "$" in prose
        assert "<merror" not in page


def test_what_came_out_of_a_cell_is_shown_as_what_it_is():
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "\x1b[31mred\x1b[0m < blue"},
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["line <1>", "E"]},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg></svg>"}},
        {"output_type": "execute_result", "data": {"text/html": "<table></table>"}},
        {"output_type": "execute_result", "data": {"text/plain": "tensor(<1>)"}},
        {
            "output_type": "execute_result",
            "data": {
                "application/vnd.jupyter.widget-view+json": {},
                "image/png": "AAAA",
                "text/plain": "a panel",
            },
        },
    ]
    cells = [{"cell_type": "code", "source": "1 < 2", "outputs": outputs}]
    page = written.body({"cells": cells}, TUTORIALS)
    for part in ("red</span> &lt; blue", "line &lt;1&gt;", "<svg></svg>", "<table></table>"):
        assert part in page
    assert "tensor(&lt;1&gt;)" in page
    assert 'alt="a panel"' in page  # a widget without a page of its own: its picture, and a word
    assert "This panel needs a kernel" in page


def cell(kind, source):
    make = {"m": nbformat.v4.new_markdown_cell, "c": nbformat.v4.new_code_cell}[kind]
    return make(source)


CELLS = (
    (
        "m",
        "# The *scale*\n\nYou weigh a `parcel`, or $\\sqrt{2}$.\n\nGo [on](02_next.ipynb).",
    ),
    ("c", "from ppl_widgets import ScalePanel\npanel = ScalePanel(num_steps=40).run()\npanel"),
    ("c", "print('two < three'); panel.session.step"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A site of two notebooks, the second one empty."""
    root = tmp_path_factory.mktemp("site")
    for name, cells in (("01_first", CELLS), ("02_next", [("m", "# Next")])):
        notebook = nbformat.v4.new_notebook(cells=[cell(*each) for each in cells])
        nbformat.write(notebook, root / f"{name}.ipynb")
    site.main([str(root), str(root / "pages")])
    return root / "pages"


def test_a_site_is_an_index_a_script_a_style_and_a_page_for_each_notebook(folder):
    names = {"index.html", "panels.js", "panels.css", "01_first.html", "02_next.html"}
    assert {path.name for path in folder.iterdir()} == names
    index = (folder / "index.html").read_text("utf-8")
    assert '<a href="01_first.html">The scale</a><p>You weigh a parcel, or' in index
    page = (folder / "01_first.html").read_text("utf-8")
    assert '<a href="02_next.html" rel="next">Next</a>' in page
    assert 'Go <a href="02_next.html">on</a>' in page
    assert "<msqrt>" in page
    assert "two &lt; three" in page
    assert page.count('class="ppl-export"') == 1
    assert page.index('class="ppl-export"') < page.index(
        '<pre class="ppl-out" tabindex="0">40<'
    )  # the output below it


def test_a_page_of_a_site_fetches_its_neighbours_only(folder):
    for path in folder.glob("*.html"):
        page = path.read_text("utf-8")
        links = re.findall(r'(?:src|href)="([^"]*)"', page)
        assert {"panels.js", "panels.css"} <= set(links)
        far = [link for link in links if not (link.startswith("data:") or (folder / link).exists())]
        assert not far
    for name in ("panels.js", "panels.css"):
        text = (folder / name).read_text("utf-8")
        assert "import(" not in text
        assert "@import" not in text
        assert "url(" not in text
