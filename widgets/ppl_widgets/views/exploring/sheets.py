"""What stands under the plots, as HTML: code and ledger, the model's graph, the guide doctor."""

from html import escape
from typing import TYPE_CHECKING

import torch

from ppl_core.inspect import Entry, check_guide, graph
from ppl_core.inspect.ledger import shown

from ...exploring.guard import limited
from ...exploring.learning import short
from ...exploring.ledger import Account, Line, account, lines_of, set_by, story_of
from ...learner import explain
from ...rows import Row, Table
from ...text import fixed, say

if TYPE_CHECKING:
    from ...exploring.explored import Explored

FEW = 24
"""Sites that have a button of their own."""
SHEETS = ("program", "handlers", "graph", "guide")
"""Names of the sheets, the one that is open first at the left."""


def sheet(told: "Explored", name: str) -> str:
    """One sheet as HTML; every text escaped."""
    if told.subject is None or told.sites is None:
        return _note(say("explore.sheet.nothing"))
    try:
        return {"program": _program, "handlers": _handlers, "graph": _graph, "guide": _guide}[name](
            told
        )
    except Exception as error:  # a program of the user's may raise anything
        return _note(explain(error))


def _note(text: str) -> str:
    return f'<p class="ppl-note">{escape(text)}</p>'


# ---- code and ledger


def _program(told: "Explored") -> str:
    assert told.subject is not None
    found, looked_at = account(told), "" if told.coordinate is None else told.coordinate.site
    code = [_code(say("explore.sheet.model"), lines_of(told.subject.own_model, found), looked_at)]
    if told.subject.own_guide is not None and found.log_guide is not None:
        lines = lines_of(told.subject.own_guide, found, guide=True)
        code.append(_code(say("explore.sheet.guide_code"), lines, looked_at))
    table = ledger_table(found, looked_at).html()
    return f'<div class="ppl-code">{"".join(code)}</div><div class="ppl-table">{table}</div>'


def ledger_table(found: Account, looked_at: str = "") -> Table:
    """Model and guide in one table, a row a site; the one that is looked at is marked."""
    model = tuple(say(f"explore.head.{head}") for head in ("site", "model", "value", "log_p", "by"))
    with_guide = found.log_guide is not None
    both = (say("explore.head.guide"), say("explore.head.log_q")) if with_guide else ()
    heads = (*model, *both, say("explore.head.line"))
    rows = []
    for row in found.rows:
        known = row.model or row.guide
        assert known is not None
        cells = _cells(row.model, found) if row.model else ("", shown(known.value), "", "")
        theirs = (_drawn_by(row.guide), _nats(row.guide)) if with_guide else ()
        line = known.where.rpartition(":")[2]
        mark = "learned" if row.name == looked_at else ""
        name = short(row.name) if known.kind == "param" else row.name
        rows.append(Row((name, *cells, *theirs, line), mark))
    sums = {"model": fixed(found.log_model)}
    said = say("explore.caption.model", **sums)
    if found.log_guide is not None:
        one = found.log_guide - found.log_model
        said = say("explore.caption.both", **sums, guide=fixed(found.log_guide), loss=fixed(one))
    return Table(heads, rows, caption=said, numbers={2, 3, 6} if with_guide else {2, 3})


def _cells(entry: Entry, found: Account) -> tuple[str, ...]:
    return _drawn_by(entry), shown(entry.value), _nats(entry), set_by(entry, found)


def _drawn_by(entry: Entry | None) -> str:
    if entry is None:
        return ""
    return say("explore.param") if entry.kind == "param" else entry.distribution


def _nats(entry: Entry | None) -> str:
    if entry is None or entry.log_prob is None:
        return ""
    scale = f" ×{entry.scale:g}" if entry.scale != 1.0 else ""
    return f"{fixed(entry.log_prob)}{scale}"


def _code(title: str, lines: list[Line], looked_at: str) -> str:
    written = "".join(_line(line, line.site == looked_at and line.site != "") for line in lines)
    return f"<h4>{escape(title)}</h4><ol>{written}</ol>"


def _line(line: Line, lit: bool) -> str:
    text = escape(line.text) or " "
    if not line.site:
        return f'<li value="{line.number}"><code>{text}</code></li>'
    site = escape(line.site, quote=True)
    current = ' aria-current="true"' if lit else ""
    return (
        f'<li value="{line.number}"{current}><button type="button" data-site="{site}">'
        f"<code>{text}</code></button></li>"
    )


# ---- one statement's way through the handlers


def _handlers(told: "Explored") -> str:
    """Every site as a button, and the way of the one that is looked at."""
    assert told.sites is not None
    every, chosen = [*told.sites.latent, *told.sites.observed], told.statement
    buttons = "".join(
        f'<button type="button" data-site="{escape(site, quote=True)}"'
        f"{' aria-current=true' if site == chosen else ''}>{escape(site)}</button>"
        for site in every[:FEW]
    )
    rows = [Row(each.cells) for each in story_of(told, chosen)]
    heads = tuple(say(f"explore.head.{head}") for head in ("handler", "out", "back"))
    table = Table(heads, rows, say("explore.caption.story", site=chosen)).html()
    return f'<div class="ppl-sites">{buttons}</div><div class="ppl-table">{table}</div>'


# ---- the graph, and the doctor


def _graph(told: "Explored") -> str:
    assert told.subject is not None
    with limited(), told.target.store, torch.random.fork_rng(devices=[]):
        torch.manual_seed(told.seed)
        found = graph(told.subject.model, *told.args)
    return f'<div class="ppl-graph">{found.to_svg()}</div>'


def _guide(told: "Explored") -> str:
    assert told.subject is not None
    trained = None if told.workshop is None else told.workshop.trained
    if trained is None:
        return _note(say("explore.sheet.no_guide"))
    with limited(), trained.store:
        findings = check_guide(trained.pair.model, trained.pair.guide, *told.args)
    summed = set() if told.sites is None else set(told.sites.discrete)
    left = [f for f in findings if not (f.what == "missing" and f.site in summed)]
    name = {"guide": trained.name}
    if not left:
        return _note(say("explore.sheet.healthy", **name))
    rows = [Row((finding.what, finding.site, finding.message)) for finding in left]
    heads = tuple(say(f"explore.head.{head}") for head in ("what", "site", "message"))
    caption = say("explore.sheet.findings", **name, count=str(len(left)))
    return f'<div class="ppl-table">{Table(heads, rows, caption).html()}</div>'


_SHEETS = {"program": _program, "handlers": _handlers, "graph": _graph, "guide": _guide}
