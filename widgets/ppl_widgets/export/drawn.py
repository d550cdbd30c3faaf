"""A panel that draws as a page: runs of its program as JavaScript, from the kernel's own noise.

What depends on a choice (a tab, which site is set) is recorded for every one of them: a *case* has
a program that draws a batch, the exact answers beside it, and what stands still in its pictures.
"""

from collections.abc import Mapping
from importlib import resources
from itertools import chain, product
from typing import Any, TypeGuard

import torch
from torch import Tensor

from ppl_core.compiled import NotCompiled
from ppl_core.handlers import block, replay, trace
from ppl_core.infer import Importance, IndependentMH, Rejection
from ppl_core.infer.elbo.base import PARTICLES, replayable
from ppl_core.infer.rows import as_rows, log_prob_by_row
from ppl_core.plates import Subsample

from ..drawing import Drawing
from ..scenarios import NUM, Controls, Question
from ..scenarios.conditioning import BATCH, who_set_what
from ..text import say
from .programs import Asked, Numbers, function
from .recorded import bare
from .sentences import Slot, said_by, slots
from .truths import CURVES, TRUTHS

FIXED = (NUM,)
"""Controls that a page shows where they are: the slider of the run ends there."""
KERNELS: Mapping[type, str] = {Importance: "rows", Rejection: "envelope", IndependentMH: "chain"}
"""Algorithm -> what does the same in the page, from the same batches."""


def can_draw(session: object) -> TypeGuard[Drawing]:
    """Whether a page could draw for this session by itself: the truth of its question is known."""
    return isinstance(session, Drawing) and session.scenario.name in TRUTHS


def drawn(session: Drawing, figures: Any) -> dict[str, Any]:
    """What a page needs to draw: programs, exact answers, pictures, axes, sentences.

    Raises:
        NotCompiled: what the panel shows now has no form in JavaScript.
    """
    scenario, controls = session.scenario, dict(session.controls)
    choices = {c.name: c.options for c in scenario.controls if c.kind == "choice"}
    cases = dict[tuple[str, ...], Any]()
    for chosen in product(*choices.values()):
        there = dict(zip(choices, chosen, strict=True))
        try:
            cases[chosen] = _case(scenario, controls | there, figures)
        except NotCompiled:
            if there.items() <= controls.items():
                raise
    known = {*chain(*cases)}
    offers = {name: [o for o in options if o in known] for name, options in choices.items()}
    left_out = {*chain(*choices.values())} - known
    note = say("page.drawn", **slots("num", "time"))
    missing = say("page.missing", names=", ".join(sorted(left_out))) if left_out else ""
    return {
        "kind": "drawn",
        "choices": [*choices],
        "cases": {" ".join(chosen): case for chosen, case in cases.items()},
        "fixed": FIXED,
        "offers": offers,
        "inputs": [*scenario.inputs],
        "numbers": [c.name for c in scenario.controls if c.kind in ("float", "log")],
        "axes": {
            name: {"lows": axis.lows, "highs": axis.highs, "word": say(f"axis.{name}")}
            for name, axis in scenario.axes.items()
        },
        "start": scenario.start,
        "panel": scenario.panel,
        "sentences": said_by(_script(scenario)),
        "failed": say("page.no_envelope"),
        "note": f"{note} {missing}".rstrip(),
    }


def _script(scenario: Question) -> str:
    """What speaks in the page."""
    folder = resources.files("ppl_widgets") / "static" / "page"
    files = folder / "drawn.js", folder / "answers" / f"{scenario.name}.js"
    return "".join(file.read_text(encoding="utf-8") for file in files)


def _case(scenario: Question, controls: Controls, figures: Any) -> dict[str, Any]:
    """One choice of everything that is no number."""
    numbers = [name for name, value in controls.items() if isinstance(value, float)]
    session = Drawing(scenario, **controls)
    stage = {name: bare(figure) for name, figure in figures.stage(session).items()}
    curves = CURVES.get(scenario.name)
    ends = {"low": 0.0, "high": 1.0}
    return {
        "draws": _draws(scenario, controls, numbers),
        "facts": function(lambda at: TRUTHS[scenario.name](at, controls), controls, numbers),
        "curves": curves
        and function(lambda at: curves(at, controls), {**controls, **ends}, [*numbers, *ends]),
        "figures": stage,
        "still": {
            uid: [list(map(float, x)), list(map(float, y))]
            for uid, (x, y) in figures.frame(session).items()
            if uid.startswith("graph.")
        },
        "words": {name: text for name, text in figures.texts(session).items() if "graph" in name},
        "ledger": _ledger(controls) if "form" in controls else "",
        "code": scenario.code({**controls, **slots(*numbers)}, Slot("seed")),  # type: ignore[arg-type]
    }


def _draws(scenario: Question, controls: Controls, numbers: list[str]) -> dict[str, Any]:
    """A batch of runs, as the kernel makes them, and the noise that it takes before the first."""
    kernel = scenario.kernel(controls)
    if type(kernel) not in KERNELS:
        raise NotCompiled(f"a page has no {type(kernel).__name__}")
    with torch.random.fork_rng(devices=[]), Asked() as asked:
        kernel.init(*scenario.args(controls))
    kind = KERNELS[type(kernel)]
    before = asked.counts[:-1] if kind == "chain" else asked.counts  # whose first batch is shown

    def batch(at: Numbers) -> dict[str, Tensor]:
        given = {**controls, **at}
        kernel: Any = scenario.kernel(given)
        return rows(kernel.model, kernel.guide, scenario.args(given))

    made = function(batch, controls, numbers, torch.float32)
    return made | {"kind": kind, "before": before}


def rows(model: Any, guide: Any, args: tuple[Any, ...]) -> dict[str, Tensor]:
    """A batch of runs of the guide, scored, as `ppl_core.infer.proposals` makes it.

    Returns:
        site -> (BATCH,), and `log_weight`, `log_p` and `log_q` in nats, (BATCH,).
    """
    totals = []
    with torch.no_grad(), block():
        drawn = trace(as_rows(guide, PARTICLES, BATCH, -1)).get_trace(*args)
        given = replay(as_rows(model, PARTICLES, BATCH, -1), trace=replayable(drawn))
        scored = trace(given).get_trace(*args)
        for sites in (scored, drawn):
            total = torch.zeros(BATCH, dtype=torch.float64)
            for site in sites.samples():
                if not isinstance(site.fn, Subsample):
                    total = total + log_prob_by_row(site, BATCH, -1)
            totals.append(total)
    values = {
        site.name: site.value
        for site in drawn.samples()
        if not site.observed and not isinstance(site.fn, Subsample)
    }
    p, q = totals
    return {**values, "log_weight": p - q, "log_p": p, "log_q": q}


def _ledger(controls: Controls) -> str:
    """Who set what, in a line with a place for the reading."""
    return " · ".join(
        say("ledger.drawn", site=entry.name, who=entry.set_by)
        if entry.set_by == "prior"
        else say("ledger.entry", site=entry.name, value=Slot("measurement"), who=entry.set_by)
        for entry in who_set_what(controls)
    )
