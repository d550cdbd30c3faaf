"""The contract: both supports under the beliefs, what the training does, both ledgers joined."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl_core.inspect import Entry
from ppl_core.inspect.ledger import shown

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..history import decimate, running_mean
from ..rows import Row, Table
from ..scenarios import breaking as truth
from ..scenarios.joining import Pairing, joined
from ..scenarios.ways import pair
from ..scenarios.weighing import prior
from ..text import count, fixed, say
from .parts import belief, figure, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

MEAN = 50
"""Steps that the loss's mean is taken over."""
FAR = 1e6
"""Further out than any axis."""
MODEL, GUIDE = -0.08, -0.17
"""Heights of the bars of the two supports."""
GONE = "–"
"""A cell for what is not there."""


# ---- pictures


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """Beliefs over supports; loss, a and b by step."""
    thick = {"width": 6, "dash": "solid"}
    beliefs = [
        trace("forbidden", "weight.outside"),
        trace("prior", "weight.prior", say("trace.prior"), label=say("trace.prior"), at="left"),
        trace("exact", "weight.exact", say("trace.exact"), label=say("trace.exact"), at="peak"),
        trace("learned", "weight.guide", say("trace.guide"), label=say("trace.guide"), at="right"),
        trace("exact", "weight.model_support", label="", at="start", line=thick),
        trace("learned", "weight.guide_support", mode="lines", label="", at="start", line=thick),
    ]
    faint: dict[str, Any] = {
        "mode": "lines",
        "line": {**theme.series("learned")["line"], "width": 1},
    }
    loss = [
        trace("forbidden", "loss.forbidden", label=say("trace.forbidden"), at="inside"),
        trace("learned", "loss.draws", opacity=0.4, **faint),
        trace("learned", "loss.mean", mode="lines"),
        trace("expected", "loss.average", say("breaking.trace_average"), label="", at="end"),
        trace("exact", "loss.floor", label="", at="start"),
    ]
    figures = {
        "weight": figure(drawing, "weight", beliefs, "weight", "density", key=True),
        "loss": figure(drawing, "loss", loss, "step", "loss", grow=2),
    }
    for name in ("a", "b"):
        traces = [
            trace("exact", f"{name}.exact", label="", at="end"),
            trace("learned", f"{name}.learned", mode="lines", label="", at="end"),
        ]
        figures[name] = figure(drawing, name, traces, "step", name)
    figures["b"]["layout"]["yaxis"] |= {"type": "log", "nticks": 5}
    for plot in (figures["a"], figures["b"]):  # no room for titles: the captions name them
        for axis in ("xaxis", "yaxis"):
            plot["layout"][axis]["title"]["text"] = ""
    top = drawing.view.ranges["density"][1]
    ticks = [0.0, 0.25 * top, 0.5 * top, 0.75 * top, top]
    figures["weight"]["layout"]["yaxis"] |= {"tickvals": ticks, "zeroline": True}
    return filled(figures, frame(drawing))


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, steps, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    q, exact, ends = truth.guide_at(controls, steps), truth.exact(controls), ranges["weight"]
    across, top = np.array(ranges["step"], np.float32), ranges["density"][1]
    loss = steps.get("loss", np.empty(0))
    points: dict[str, Points] = {
        "weight.prior": _prior(drawing),
        "weight.exact": belief(exact.posterior, ends, top),
        "weight.guide": belief(q, ends, top),
        "weight.model_support": _level((max(truth.lowest(controls), ends[0]), ends[1]), MODEL),
        "weight.guide_support": _level((ends[0], ends[1] if _draws(drawing) else ends[0]), GUIDE),
        "weight.outside": NOTHING,
        "loss.forbidden": theme.zone(0.0, FAR, -FAR, exact.floor),
        "loss.floor": (across, np.full(2, exact.floor, np.float32)),
        "loss.draws": _line(loss),
        "loss.mean": _line(running_mean(np.empty(0), loss, MEAN) if len(loss) else loss),
        "loss.average": _averages(drawing),
    }
    if controls["way"] == "support":
        points["weight.exact"] = _cut(belief(exact.posterior, ends, top), exact.posterior)
        points["weight.outside"] = theme.zone(-FAR, 0.0, -FAR, FAR)
    for name, value in _goals(drawing):
        points[f"{name}.exact"] = (across, np.full(2, value, np.float32))
        points[f"{name}.learned"] = _line(steps.get(name, np.empty(0)))
    return points


def _draws(drawing: "Drawing") -> bool:
    """Whether the guide proposes weights at all."""
    return drawing.controls["way"] not in ("missing", "misspelt", "arguments")


def _goals(drawing: "Drawing") -> list[tuple[str, float]]:
    """Mean and sd of the exact posterior, by the parameter that should be it."""
    moments = truth.moments(drawing.controls)
    return [("a", moments.mean), ("b", moments.sd)]


def _prior(drawing: "Drawing") -> Points:
    controls = drawing.controls
    if controls["way"] != "support":
        ends = drawing.view.ranges["weight"]
        return belief(prior(controls), ends, drawing.view.ranges["density"][1])
    guess = controls["guess"]
    x = np.linspace(0.0, 40.0, 161)
    heights = np.exp(-x / guess) / guess
    return np.append(0.0, x).astype(np.float32), np.append(0.0, heights).astype(np.float32)


def _cut(points: Points, whole: truth.Gaussian) -> Points:
    """A density that ends at 0, where the model's support does."""
    x, y = points
    share = 1.0 - truth.outside({"way": "support"}, whole)
    inside = x > 0.0
    x, y = x[inside], y[inside] / np.float32(max(share, 1e-6))
    edge = np.zeros(2, np.float32)
    first = whole.density(np.zeros(1)).astype(np.float32) / np.float32(max(share, 1e-6))
    return np.concatenate([edge, x]), np.concatenate([edge[:1], first, y])


def _level(ends: tuple[float, float], height: float) -> Points:
    return np.array(ends, np.float32), np.full(2, height, np.float32)


def _line(values: np.ndarray) -> Points:
    if not len(values):
        return NOTHING
    steps = np.arange(1.0, len(values) + 1.0)
    return decimate(steps.astype(np.float32), values.astype(np.float32))


def _averages(drawing: "Drawing") -> Points:
    """The exact average loss at the parameters of some of the steps."""
    controls, steps = drawing.controls, drawing.draws
    number = len(steps.get("a", ()))
    if not number:
        return NOTHING
    chosen = np.unique(np.linspace(0, number - 1, 60).astype(int))
    levels = [
        truth.average(controls, truth.Gaussian(float(a), float(b)))
        for a, b in zip(steps["a"][chosen], steps["b"][chosen], strict=True)
    ]
    return (chosen + 1).astype(np.float32), np.array(levels, np.float32)


# ---- words


def texts(drawing: "Drawing") -> dict[str, str]:
    """What the core says, and every level in numbers."""
    controls, steps = drawing.controls, drawing.draws
    q, exact = truth.guide_at(controls, steps), truth.exact(controls)
    loss = steps.get("loss", np.empty(0))[-MEAN:]
    mean = fixed(float(loss.mean()), 3) if len(loss) else ""
    now = {"a": fixed(q.mean), "b": fixed(q.sd)}
    allowed = "positive" if controls["way"] == "support" else "line"
    written = {
        "weight": _state(drawing),
        "loss": say("breaking.caption_loss", steps=count(len(loss)), mean=mean) if mean else "",
        "a": say("caption.a"),
        "b": say("caption.b"),
        "label:weight.model_support": say(f"breaking.allows_{allowed}"),
        "label:weight.guide_support": say(
            "breaking.proposes" if _draws(drawing) else "breaking.proposes_none"
        ),
        "label:loss.average": fixed(truth.average(controls, q), 3) if mean else "",
        "label:loss.floor": say("trace.floor", value=fixed(exact.floor, 3)),
        "alt:weight": say("breaking.alt_weight", summary=drawing.summary()),
        "alt:loss": say("alt.loss", caption=mean),
    }
    for name, value in _goals(drawing):
        label = say("trace.exact_value", value=fixed(value))
        written[f"label:{name}.exact"] = label
        written[f"label:{name}.learned"] = now[name] if mean else ""
        written[f"alt:{name}"] = say("alt.param", name=name, now=now[name], exact=label)
    return written


def _state(drawing: "Drawing") -> str:
    way = drawing.controls["way"]
    if drawing.controls["checks"] == "on":
        refused = truth.diagnosis(drawing.controls)[0]
        return say("breaking.refused" if refused else "breaking.trained")
    return say(f"breaking.off_{way if way in ('arguments', 'support', 'shape') else 'else'}")


def table(drawing: "Drawing") -> Table:
    """Both ledgers of one run at the present parameters, and what the core finds at each site."""
    controls = drawing.controls
    q, programs = truth.guide_at(controls, drawing.draws), pair(controls)
    params = {"a": q.mean, "b": q.sd}
    found = {finding.site: finding.what for finding in reversed(truth.diagnosis(controls)[1])}
    pairings = joined(programs.model, programs.guide, truth.args(controls), params, drawing.seed)
    return Table(
        tuple(say(f"breaking.head_{head}") for head in _HEADS),
        [_row(pairing, found.get(pairing.name, "")) for pairing in pairings],
        caption=truth.verdict(controls),
        groups=[("", 1), (say("breaking.model"), 3), (say("breaking.guide"), 3), ("", 1)],
        numbers={2, 3, 5, 6},
    )


_HEADS = ("site", "fn", "value", "log_p", "fn", "value", "log_q", "verdict")


def _row(pairing: Pairing, what: str) -> Row:
    what = what or _fit(pairing)
    mark = "" if what in ("param", "data", "fits") else "forbidden"
    sides = (*_side(pairing.model), *_side(pairing.guide))
    return Row((pairing.name, *sides, say(f"breaking.site_{what}")), mark)


def _fit(pairing: Pairing) -> str:
    """What there is to say of a site at which the core finds nothing."""
    if pairing.kind == "param":
        return "param"
    if pairing.model is not None and pairing.model.set_by == "condition":
        return "data"
    return "fits" if pairing.guide is not None else "idle"


def _side(entry: Entry | None) -> tuple[str, str, str]:
    if entry is None:
        return (GONE, GONE, GONE)
    log_p = GONE if entry.log_prob is None else fixed(entry.log_prob, 3)
    if not math.isfinite(entry.log_prob or 0.0):
        log_p = str(entry.log_prob)
    name = say("breaking.param") if entry.kind == "param" else entry.distribution
    return (name, shown(entry.value), log_p)
