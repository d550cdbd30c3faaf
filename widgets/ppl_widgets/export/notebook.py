"""A notebook that has been run, as the body of a page: prose, code, and what came out of it.

Formulas become MathML, which browsers set by themselves; pictures move into the page.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from nbconvert.filters.ansi import ansi2html, strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import PythonLexer, TextLexer

from ..text import say

SHADES = {"light": "xcode", "dark": "github-dark"}
"""Shade -> pygments' style."""
MARKS = (".ppl-code", ".highlight")
"""Classes of code cells, and of code in prose."""


class Prose(IPythonRenderer):
    """Markdown as HTML: formulas as MathML, links to notebooks as links to their pages."""

    def inline_math(self, body: str) -> str:
        """A formula in a line."""
        return convert(body)

    def block_math(self, body: str) -> str:
        """A formula of its own."""
        return convert(body, display="block")

    def latex_environment(self, name: str, body: str) -> str:
        """Several lines of formulas."""
        return convert(f"\\begin{{{name}}}{body}\\end{{{name}}}", display="block")

    def block_code(self, code: str, info: str | None = None) -> str:
        """Code in prose, in colours if it is Python's."""
        return _code(code, PythonLexer() if info == "python" else TextLexer(), "highlight")

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link; one to a notebook leads to its page."""
        page = re.sub(r"^([\w-]+)\.ipynb", r"\1.html", url)
        return super().link(text, page, title)


def _code(code: str, lexer: Lexer, name: str) -> str:
    """Code in colours, which the keyboard can scroll."""
    coloured = highlight(code, lexer, HtmlFormatter(cssclass=name))
    return coloured.replace("<pre>", '<pre tabindex="0">', 1)


def body(notebook: Mapping[str, Any], folder: Path) -> str:
    """The cells of a notebook as HTML.

    Args:
        notebook: with its outputs.
        folder: where its pictures lie.
    """
    prose = MarkdownWithMath(Prose(embed_images=True, path=str(folder), exclude_anchor_links=True))
    return "\n".join(part for cell in notebook["cells"] for part in _cell(cell, prose))


def title(notebook: Mapping[str, Any]) -> str:
    """The first heading."""
    text = "\n".join(
        cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"
    )
    found = re.search(r"^#\s+(.+)$", text, re.M)
    return _plain(found[1]) if found else ""


def lead(notebook: Mapping[str, Any]) -> str:
    """The first paragraph, in words alone."""
    first = next(
        (cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"), ""
    )
    paragraphs = [part for part in re.split(r"\n\s*\n", first) if not part.startswith("#")]
    return _plain(paragraphs[0]) if paragraphs else ""


def _plain(text: str) -> str:
    """A text without its marks."""
    return " ".join(re.sub(r"[*_`$]", "", text).split())


def _cell(cell: Mapping[str, Any], prose: MarkdownWithMath) -> Iterator[str]:
    if cell["cell_type"] == "markdown":
        yield f'<section class="ppl-prose">{prose.render(cell["source"])}</section>'
    elif cell["cell_type"] == "code":
        yield _code(cell["source"], PythonLexer(), "ppl-code")
        for output in cell["outputs"]:
            yield _output(output)


def _output(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return _lines(ansi2html(output["text"]))
    if output["output_type"] == "error":
        return _lines(escape(strip_ansi("\n".join(output["traceback"]))))
    data = output.get("data", {})
    if "ppl-export" in data.get("text/html", ""):
        return str(data["text/html"])
    if "text/html" in data:
        return f'<div class="ppl-out">{data["text/html"]}</div>'
    text = escape(str(data.get("text/plain", "")))
    if "image/svg+xml" in data:
        return f'<div class="ppl-out">{data["image/svg+xml"]}</div>'
    if "image/png" in data:
        still = say("page.still") if "application/vnd.jupyter.widget-view+json" in data else ""
        source = f"data:image/png;base64,{data['image/png'].strip()}"
        return f'<figure class="ppl-out"><img alt="{text}" src="{source}">{still}</figure>'
    return _lines(text)


def _lines(text: str) -> str:
    """What was printed, already as HTML, which the keyboard can scroll."""
    return f'<pre class="ppl-out" tabindex="0">{text}</pre>'


def code_style() -> str:
    """The colours of code, light and dark."""
    sheets: list[str] = []
    for shade, name in SHADES.items():
        formatter = HtmlFormatter(style=name)
        scope = f'body[data-jp-theme-light="{str(shade == "light").lower()}"]'
        sheets += [formatter.get_style_defs(f"{scope} {mark}") for mark in MARKS]
    return "\n".join(sheets)
