"""The statements of one run: model and guide joined by site, and the lines that they stand in."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from ppl_core.handlers import Trace, replay, trace
from ppl_core.inspect import Entry, Story, story
from ppl_core.inspect.ledger import ledger_of, shown
from ppl_core.values import validation

from ..text import say
from .guard import limited
from .learning import Learning
from .sites import whole_rows

if TYPE_CHECKING:
    from .explored import Explored


@dataclass(frozen=True)
class Joined:
    """One site in both programs.

    Attributes:
        model: the statement in the model; None where only the guide has it.
        guide: the statement in the guide; None where only the model has it.
    """

    name: str
    model: Entry | None
    guide: Entry | None


@dataclass(frozen=True)
class Account:
    """A run of model and guide.

    Attributes:
        rows: by site, in the order of the model.
        log_model, log_guide: sums of their log probabilities, in nats; None without a guide.
        by_draw: who set what was neither data nor drawn from the prior: "guide" or "draw".
    """

    rows: tuple[Joined, ...]
    log_model: float
    log_guide: float | None
    by_draw: str


def account(told: "Explored") -> Account:
    """What every statement does in one run: at a draw of the guide, or at the newest draw.

    Raises:
        Exception: whatever the programs raise.
    """
    assert told.subject is not None
    work, guide_sites = told.work, None
    with limited(), torch.random.fork_rng(devices=[]), torch.no_grad(), validation(True):
        torch.manual_seed(told.seed)
        model, args, store = told.subject.model, told.args, told.target.store
        values: Any = {}
        if isinstance(work, Learning):
            with store, trace() as guide_sites:
                work.pair.guide(*args)
            values = guide_sites
        elif work is not None and work.step:
            model = whole_rows(model)
            values = {name: value[-1] for name, value in work.values().items()}
        with store, trace() as model_sites, replay(trace=values):
            model(*args)
    return _joined(model_sites, guide_sites)


def _joined(model_sites: Trace, guide_sites: Trace | None) -> Account:
    stated = ledger_of(model_sites)
    proposed = [] if guide_sites is None else ledger_of(guide_sites)
    theirs = _merged({entry.name: entry for entry in proposed})
    rows = [Joined(entry.name, entry, theirs.pop(entry.name, None)) for entry in stated]
    rows += [Joined(name, None, entry) for name, entry in theirs.items()]
    log_guide = None if guide_sites is None else sum(e.log_prob or 0.0 for e in proposed)
    by_draw = "draw" if guide_sites is None else "guide"
    return Account(tuple(rows), stated.log_joint, log_guide, by_draw)


def _merged(entries: dict[str, Entry]) -> dict[str, Entry]:
    """A guide's statements; where one draws a site by way of a helper, both as one."""
    for helper in [name for name in entries if name.endswith("_unconstrained")]:
        name = helper.removesuffix("_unconstrained")
        if name in entries:
            free, site = entries.pop(helper), entries[name]
            total = (free.log_prob or 0.0) + (site.log_prob or 0.0)
            same = shown(free.value) == shown(site.value)
            words = free.distribution
            words = words if same else say("explore.mapped", distribution=words)
            entries[name] = replace(site, distribution=words, log_prob=total)
    return entries


def story_of(told: "Explored", site: str) -> Story:
    """What each handler does to one statement of the model: the user's own, and those of a run.

    Raises:
        Exception: whatever the programs raise.
    """
    assert told.subject is not None
    work = told.work
    with limited(), torch.random.fork_rng(devices=[]), torch.no_grad(), told.target.store:
        torch.manual_seed(told.seed)
        model, args, kwargs = told.subject.handled(told.args)
        if isinstance(work, Learning):
            with trace() as guide_sites:
                work.pair.guide(*told.args)
            model = replay(model, trace=guide_sites)
        elif work is not None and work.step:
            model = replay(model, trace={n: v[-1] for n, v in work.values().items()})
        return story(trace(model), site, *args, **kwargs)


def set_by(entry: Entry, account: Account) -> str:
    """Who gave a site its value."""
    return account.by_draw if entry.set_by == "guide" else entry.set_by


# ---- the lines of code


@dataclass(frozen=True)
class Line:
    """A line of a program.

    Attributes:
        number: in its file or cell.
        text: of the line, as indented there.
        site: the first statement that it makes; "" for none.
    """

    number: int
    text: str
    site: str = ""


def lines_of(program: Any, account: Account | None, guide: bool = False) -> list[Line]:
    """The lines of a program, each with the site that it states; one line if they are not known."""
    try:
        text, first = inspect.getsourcelines(inspect.unwrap(program))
    except (OSError, TypeError):
        return [Line(0, say("code.elsewhere"))]
    where = {} if account is None else _sites_by_line(account, guide)
    indent = min((len(t) - len(t.lstrip()) for t in text if t.strip()), default=0)
    return [
        Line(number, line.rstrip()[indent:], where.get(number, ""))
        for number, line in enumerate(text, start=first)
    ]


def _sites_by_line(account: Account, guide: bool) -> Mapping[int, str]:
    """Line number -> the first site stated there."""
    found: dict[int, str] = {}
    for row in account.rows:
        entry = row.guide if guide else row.model
        if entry is not None and entry.where:
            number = int(entry.where.rpartition(":")[2])
            found.setdefault(number, row.name)
    return found
