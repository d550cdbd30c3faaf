"""A panel as a web page: its data, packed, beside the very scripts that draw it in a notebook.

    page = data (base64 of gzip of JSON) + scripts (desk, plot, what thinks) + style sheets

The canvas draws the axes too, so that plotly's 4.8 MB stay away; zooming stays away with them.
"""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from ppl_core.compiled import NotCompiled
from ppl_core.compiled.js import LIBRARY

from .. import theme
from ..controls import Desk, row_of
from ..plot import LivePlot, plain_json
from ..scenarios import SEED, Control
from ..scenarios.training import MODE
from ..text import language, say
from .drawn import can_draw, drawn
from .recorded import Grid, bare, recorded
from .trained import can_train, trained
from .truths import TRUTHS

THOUGHTS = {
    "trained": ("programs", "others", "trained"),
    "drawn": ("programs", "parts", "pareto", "kernels", "drawn"),
    "recorded": ("recorded",),
}
"""Kind of page -> the files of what thinks in it, in the order of the script."""
_STATIC = resources.files("ppl_widgets") / "static"


def page_data(
    session: Any,
    figures: Any,
    desk: Desk,
    grid: Grid | None = None,
    usual: Grid | None = None,
) -> dict[str, Any]:
    """What a page of this panel has to know.

    It trains or draws by itself where it can and no grid is asked for; else it is precomputed.

    Args:
        session: as in `panels.shown.Shown`.
        figures: its view.
        desk: the panel's, for what a reader may move.
        grid: control -> its values in a page that is to be precomputed.
        usual: the same for a page that has to be.

    Raises:
        ControlError: the grid names no control of the panel, or a value it cannot take.
    """
    rows = [dict(row) for row in desk.rows if row["place"] in ("face", "drawer")]
    rows = [row for row in rows if row["name"] != MODE]  # a page has one way to answer
    data = None if grid else _alive(session, figures)
    if data is not None:
        rows = [_in_page(row, data) for row in rows]
    else:
        data = recorded(session, figures, rows, grid or usual or {})
        rows = [_on_grid(row, dict(data["grid"])) for row in rows]
    shown = Control("shown", say(f"page.shown.{session.act}"), 0, 0, session.num_steps, 1, "int")
    scenario = session.scenario
    defaults = {control.name: control.value for control in scenario.controls}
    return data | {
        "rows": [*rows, row_of(shown, "run", False) | {"help": say("page.help.shown")}],
        "words": {key: word for key, word in desk.words.items() if not key.startswith("save")},
        "title": desk.title,
        "label": scenario.name,
        "theme": theme.front(),
        "buttons": _buttons(data["kind"]),
        "refusals": {row["name"]: _refusal(row) for row in rows if row["min"] is not None},
        "values": dict(session.controls),
        "defaults": defaults | {"seed": SEED.value},
        "seed": session.seed,
        "step": session.step,
        "status": session.status,
    }


def _alive(session: Any, figures: Any) -> dict[str, Any] | None:
    """A page that trains or draws by itself; None if this session has no such page."""
    try:
        if can_train(session):
            stage = figures.stage(session)
            still = {name: bare(figure) for name, figure in stage.items()}
            return trained(session) | {"figures": still}
        return drawn(session, figures) if can_draw(session) else None
    except NotCompiled:
        return None


def _in_page(row: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """A control of a page that is alive: what the page cannot do is not offered."""
    offers = data.get("offers", {}).get(row["name"])
    if offers is not None:
        labels = dict(zip(row["options"], row["labels"], strict=True))
        return dict(row) | {"options": offers, "labels": [labels[offer] for offer in offers]}
    return dict(row) | {"locked": row["locked"] or row["name"] in data["fixed"]}


def _on_grid(row: Mapping[str, Any], grid: Grid) -> dict[str, Any]:
    """A control of a precomputed page: it ends where its grid does, and moves by its even steps."""
    values = grid.get(row["name"])
    if values is None:
        return dict(row) | {"locked": True}
    if row["min"] is None or len(values) < 2:
        return dict(row) | {"locked": row["locked"] or len(values) < 2}
    gaps = [round(high - low, 9) for low, high in pairwise(values)]
    even = row["kind"] != "log" and len({*gaps}) == 1
    tick = 0.01 if row["kind"] == "log" else row["step"]
    return dict(row) | {"min": values[0], "max": values[-1], "step": gaps[0] if even else tick}


def _refusal(row: Mapping[str, Any]) -> str:
    control = Control(
        row["name"], row["label"], row["min"], row["min"], row["max"], kind=row["kind"]
    )
    ends = {"low": control.text(row["min"]), "high": control.text(row["max"])}
    return say("control.range", label=row["label"], given="{given}", **ends)


def _buttons(kind: str) -> list[dict[str, Any]]:
    """The buttons of a page; `when` is whether it plays, for the two that share a place."""

    def button(name: str, label: str, icon: str, help: str, when: bool | None = None) -> Any:
        found = {"name": name, "label": label, "icon": icon, "help": help}
        return found if when is None else found | {"when": when}

    play = [
        button("play", say("button.play"), "play", say("page.help.play"), False),
        button("play", say("button.pause"), "pause", say("page.help.play"), True),
    ]
    if kind == "recorded":
        return [
            *play,
            button("step", say("button.step"), "step", say("page.help.frame")),
            button("back", say("page.button.before"), "back", say("page.help.before")),
            button("same", say("page.again"), "again", say("page.help.again")),
        ]
    return [
        *play,
        button("step", say("button.step"), "step", say("page.help.step")),
        button("step100", say("button.step100"), "steps", say("page.help.step100")),
        button("same", say("button.same"), "again", say("page.help.same")),
        button("new", say("button.new"), "dice", say("page.help.new")),
        button("back", say("button.back"), "back", say("page.help.back")),
    ]


# ---- the files


def mind(*pages: Mapping[str, Any]) -> str:
    """What thinks in these pages, or in all there are; it needs nothing but JavaScript."""
    names = ["words"]
    names += [name for page in pages for name in THOUGHTS[page["kind"]]]
    names += [f"answers/{page['label']}" for page in pages if page["kind"] == "drawn"]
    if not pages:
        names += [name for thoughts in THOUGHTS.values() for name in thoughts]
        names += [f"answers/{question}" for question in TRUTHS]
    engine = f"const engine = (() => {{\n{LIBRARY}\nreturn {{ Twister, inside, m }};\n}})();"
    return "\n".join([engine, *(_page_file(f"{name}.js") for name in dict.fromkeys(names))])


def script(*pages: Mapping[str, Any]) -> str:
    """The scripts of these pages as one, or of all there are; it opens every panel on its page."""
    desk = (_STATIC / "controls.js").read_text(encoding="utf-8")
    shown = f"const desk = {_inner(desk)};\nconst plot = {_inner(LivePlot._esm)};"
    whole = "\n".join(["(() => {", mind(*pages), shown, _page_file("page.js"), "})();\n"])
    assert "</script" not in whole
    return whole


def _page_file(name: str) -> str:
    return (_STATIC / "page" / name).read_text(encoding="utf-8")


def _inner(module: str) -> str:
    """A module as a function that returns what it exports: names stay apart, no file is fetched."""
    assert module.count("export default") == 1
    return "(() => {\n" + module.replace("export default", "return") + "\n})()"


def style() -> str:
    """All style sheets as one."""
    panel = (_STATIC / "controls.css").read_text(encoding="utf-8")
    return "\n".join([_page_file("page.css"), LivePlot._css, panel])


def fragment(data: Mapping[str, Any]) -> str:
    """The place of a panel in a page, its data inside."""
    text = json.dumps(plain_json(data), ensure_ascii=False, separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
    return f'<div class="ppl-export"><script type="text/plain">{packed}</script></div>'


def document(title: str, body: str, head: Sequence[str] = (), lang: str = "en") -> str:
    """A whole page; the notebooks are written in English, a panel speaks `text.language`."""
    return f"""<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
{chr(10).join(head)}
</head>
<body>
{body}
</body>
</html>
"""


def standalone(data: Mapping[str, Any]) -> str:
    """One panel as one file, with all it needs."""
    heading = f'<h1 class="ppl-desk-hidden">{escape(data["title"])}</h1>'
    body = f"<main>{heading}{fragment(data)}</main>\n<noscript>{say('page.no_script')}</noscript>"
    head = [f"<style>\n{style()}</style>"]
    scripts = f"<script>\n{script(data)}</script>"
    return document(data["title"], f"{body}\n{scripts}", head, language)


def save(path: Path | str, session: Any, figures: Any, desk: Desk, grid: Grid, usual: Grid) -> Path:
    """Write a panel as one file, for whose grids see `page_data`; where it lies."""
    whole = standalone(page_data(session, figures, desk, grid, usual))
    place = Path(path)
    place.write_text(whole, encoding="utf-8")
    return place
