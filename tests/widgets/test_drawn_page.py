"""Pages that draw: their runs, pictures and sentences are those of the kernel; by node."""

import json
from functools import cache

import numpy as np
import pytest
import torch

from exported import node, page_of, said
from ppl_core.compiled import NotCompiled
from ppl_widgets.drawing import Drawing
from ppl_widgets.export.drawn import drawn
from ppl_widgets.export.truths import TRUTHS
from ppl_widgets.scenarios import CONDITIONING, FORWARD, LOOKING, PROPOSING
from ppl_widgets.scenarios import conditioning as conditioning_truth
from ppl_widgets.scenarios import forward as forward_truth
from ppl_widgets.scenarios import looking as looking_truth
from ppl_widgets.scenarios import proposing as proposing_truth
from ppl_widgets.views import conditioning, forward, looking, proposing

QUESTIONS = (FORWARD, CONDITIONING, LOOKING, PROPOSING)
VIEWS = {
    "forward": forward,
    "conditioning": conditioning,
    "looking": looking,
    "proposing": proposing,
}
MOVES = {
    "forward": (FORWARD, {"guess": 6.5, "noise_sd": 2.0}, 1000),
    "conditioning": (CONDITIONING, {"measurement": 10.2, "window": 0.15, "form": "obs"}, 1730),
    "conditioning, nothing kept": (CONDITIONING, {"measurement": 19.0, "window": 0.05}, 40),
    "looking": (LOOKING, {"value": 11.5, "how": "look", "draught": "on"}, 1000),
    "looking at the weight": (LOOKING, {"value": 7.0, "site": "weight", "noise_sd": 0.3}, 251),
    "importance": (PROPOSING, {"a": 9.0, "b": 0.4}, 3000),
    "a perfect guide": (PROPOSING, {"a": 9.14, "b": 0.6}, 1000),
    "rejection": (PROPOSING, {"tab": "rejection", "b": 1.3, "measurement": 10.0}, 1000),
    "chain": (PROPOSING, {"tab": "chain", "a": 9.5, "b": 0.8}, 1400),
}


@cache
def page_at_defaults(name):
    [question] = [known for known in QUESTIONS if known.name == name]
    return page_of(Drawing(question), VIEWS[name])


@node
@pytest.mark.parametrize(("question", "moves", "steps"), MOVES.values(), ids=MOVES)
def test_a_page_draws_and_writes_what_the_panel_does(question, moves, steps):
    """The page is made at the defaults, and its controls are moved.

    One draw more or less in a bar, where it lies on the edge, would be the processor's rounding.
    """
    page, written = said(
        page_at_defaults(question.name),
        f"""const mind = new Drawn(data);
        for (const [name, value] of Object.entries({json.dumps(moves)})) mind.change(name, value);
        mind.change("shown", {steps});
        const {{ draws, figures, frame, texts, traits }} = mind;
        console.log(tell([{{ draws, figures, frame, texts }}, traits]));""",
    )
    drawing = Drawing(question)
    for name, value in moves.items():
        drawing.set(name, value)
    drawing.run(max(0, steps - drawing.step))
    drawing.back(drawing.step - steps)
    drawing.notice = ""
    assert written["status"] == drawing.status_line()
    assert written["code"] == drawing.code()
    assert written["line"] == drawing.copy_state()
    for name, column in drawing.draws.items():
        if name in page["draws"] and name != drawing.controls.get("site"):
            assert page["draws"][name] == pytest.approx(column, rel=1e-5, abs=1e-5), name
    view = VIEWS[question.name]
    frame = view.frame(drawing)
    assert page["frame"].keys() == frame.keys()
    for uid, (x, y) in frame.items():
        one = 0.0
        if uid.endswith(".draws") and len(y):
            one = 1.001 * float(np.diff(np.unique(y)).min())
        for found, numbers, slack in zip(page["frame"][uid], (x, y), (0.0, one), strict=True):
            found = [np.nan if number is None else number for number in found]
            if len(numbers) and isinstance(numbers[0], str):
                assert found == numbers, uid
            else:
                near = pytest.approx(numbers, rel=1e-5, abs=1e-5 + slack, nan_ok=True)
                assert found == near, uid
    for name, figure in view.stage(drawing).items():
        for axis in ("xaxis", "yaxis"):
            found = page["figures"][name]["layout"][axis]["range"]
            assert found == pytest.approx(figure["layout"][axis]["range"]), (name, axis)
    assert written["summary"] == drawing.summary()
    assert page["texts"] == view.texts(drawing)


@node
def test_a_guide_without_an_envelope_says_so_and_a_wider_one_goes_on():
    failed, message, after = said(
        page_of(Drawing(PROPOSING, tab="rejection"), proposing),
        """const mind = new Drawn(data);
        mind.change("b", 0.5);
        const { status, traits, step, frame } = mind;
        mind.change("b", 0.9);
        const kept = frame["use.kept"][0].length;
        console.log(tell([[status, step, kept], traits.message, mind.step]));""",
    )
    assert failed == ["failed", 0, 0]
    assert message.endswith("A wider b?")
    assert after == 1000


@node
def test_a_page_offers_what_it_can_do_and_names_the_rest():
    data = page_at_defaults("proposing")
    tab = next(row for row in data["rows"] if row["name"] == "tab")
    assert tab["options"] == ["importance", "rejection", "chain"]
    assert len(tab["labels"]) == 3
    assert data["note"].endswith("Not in this page: particles.")
    with pytest.raises(NotCompiled, match="no Clouds"):
        drawn(Drawing(PROPOSING, tab="particles", num=1), proposing)


# ---- truths: recorded formulas in tensors beside the scenarios' in floats


def settings(question, count):
    """Random values of every slider, and random choices; seeded."""
    rng = np.random.default_rng(7)
    for _ in range(count):
        yield {
            c.name: str(rng.choice(c.options))
            if c.options
            else float(rng.uniform(max(c.min, 0.05), c.max))
            for c in question.controls
        }


def truth_of(question, controls):
    numbers = {
        name: torch.tensor(value, dtype=torch.float64)
        for name, value in controls.items()
        if isinstance(value, float)
    }
    return {name: x.tolist() for name, x in TRUTHS[question.name](numbers, controls).items()}


@pytest.mark.parametrize("question", QUESTIONS, ids=VIEWS)
def test_truths_of_pages_are_those_of_the_scenarios(question):
    for controls in settings(question, 40):
        if controls.get("tab") == "particles":
            continue
        found = truth_of(question, controls)
        reaches = question.reach(controls)
        reaches.pop("level", None)  # of particles, which no page has
        for axis, reach in reaches.items():
            assert found[f"reach {axis}"] == pytest.approx(reach, rel=1e-6, abs=1e-9), axis
        for name, value in known(question, controls).items():
            close = np.allclose(found[name], value, rtol=1e-6, atol=1e-5)
            assert close, (name, found[name], value, controls)


def known(question, controls):
    """The scenario's own answers, by the names that a page has for them."""
    if question is FORWARD:
        return {n: [b.mean, b.sd] for n, b in forward_truth.exact(controls).items()}
    if question is CONDITIONING:
        window = conditioning_truth.window(controls)
        limit = [window.limit.mean, window.limit.sd]
        return {"share": window.share, "mean": window.mean, "limit": limit}
    if question is LOOKING:
        deeds = {"before": "none", "after": controls["how"]}
        sites = looking_truth.SITES
        beliefs = {name: looking_truth.exact(controls, how) for name, how in deeds.items()}
        return {
            name: [[b[s].mean, b[s].sd] if s in b else [0.0, 0.0] for s in sites]
            for name, b in beliefs.items()
        }
    exact = proposing_truth.exact(controls)
    return {
        "posterior": [exact.mean, exact.sd],
        "evidence": exact.log_evidence,
        "lift": proposing_truth.log_lift(controls),
        "tail": proposing_truth.tail_k(controls),
        "share": proposing_truth.share(controls),
    }
