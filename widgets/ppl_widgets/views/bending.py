"""No formula: the hills and the guide, the needle's response, the gap as a bar, and the loss."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..history import decimate, running_mean
from ..scenarios import bending as truth
from ..text import count, fixed, nats, say
from .parts import belief, curve, figure, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

MEAN = 50
"""Steps that the loss's mean is taken over."""
FAR = 1e3
"""Further out than any axis."""


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """Posterior, response, the bar of the evidence, loss."""
    hills = [
        trace("prior", "posterior.prior", say("trace.prior"), label=say("trace.prior"), at="left"),
        trace("exact", "posterior.exact", say("trace.exact"), label=say("trace.exact"), at="left"),
        trace(
            "learned",
            "posterior.learned",
            say("trace.learned"),
            label=say("trace.learned"),
            at="right",
        ),
    ]
    needle = [
        trace("band", "response.noise"),
        trace("prior", "response.reading", label="", at="start"),
        trace("likelihood", "response.f", label=say("trace.response"), at="end"),
    ]
    loss = [
        trace("forbidden", "loss.forbidden", label=say("trace.forbidden"), at="inside"),
        trace(
            "learned",
            "loss.draws",
            say("trace.draws"),
            mode="lines",
            opacity=0.4,
            line={**theme.series("learned")["line"], "width": 1},
        ),
        trace("exact", "loss.floor", say("trace.floor_line"), label="", at="end"),
        trace("learned", "loss.mean", label="", at="end", mode="lines"),
    ]
    return filled(
        {
            "posterior": figure(drawing, "posterior", hills, "weight", "density", key=True),
            "gap": _bar(drawing),
            "response": figure(drawing, "response", needle, "weight", "needle", grow=2),
            "loss": figure(drawing, "loss", loss, "step", "loss", grow=2),
        },
        frame(drawing),
    )


def _bar(drawing: "Drawing") -> Figure:
    wide: dict[str, Any] = {"fill": "toself", "mode": "lines", "line": {"width": 0}}
    traces = [
        trace("forbidden", "gap.forbidden"),
        trace("learned", "gap.elbo", label=say("trace.elbo"), at="inside", **wide),
        trace("expected", "gap.gap", label=say("trace.gap"), at="inside", **wide),
        trace("exact", "gap.evidence"),
    ]
    picture = figure(drawing, "evidence", traces, "evidence", "bar")
    bare = {"tickvals": [], "ticktext": [], "showline": False, "showgrid": False}
    picture["layout"]["yaxis"] |= bare
    return picture


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, steps, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    exact, guide = truth.exact(controls), truth.guide_of(controls, steps)
    reading, noise = controls["measurement"], controls["noise_sd"]
    ends, top = ranges["weight"], ranges["density"][1]
    seen = (exact.x >= ends[0]) & (exact.x <= ends[1])
    x, y = exact.x[seen], exact.y[seen]
    step = max(1, len(x) // 800)
    elbo, most = truth.elbo(guide, controls), exact.log_evidence
    across = np.array(ranges["step"], np.float32)
    floor = np.full(2, truth.floor(controls), np.float32)
    loss = steps.get("loss", np.empty(0))
    number = np.arange(1.0, len(loss) + 1.0)
    mean = running_mean(np.empty(0), loss, MEAN) if len(loss) else loss
    response = truth.RESPONSES[controls["response"]][1]
    return {
        "posterior.prior": belief(
            truth.Gaussian(controls["guess"], controls["prior_sd"]), ends, top
        ),
        "posterior.exact": (x[::step].astype(np.float32), y[::step].astype(np.float32)),
        "posterior.learned": belief(guide, ends, top),
        "response.noise": theme.zone(*ends, reading - noise, reading + noise),
        "response.reading": (np.array(ends, np.float32), np.full(2, reading, np.float32)),
        "response.f": curve(response, ends),
        "gap.elbo": theme.zone(-FAR, elbo, 0.15, 0.85),
        "gap.gap": theme.zone(elbo, most, 0.15, 0.85),
        "gap.evidence": (np.full(2, most, np.float32), np.array([1.0, 0.0], np.float32)),
        "gap.forbidden": theme.zone(most, FAR, 0.0, 1.0),
        "loss.forbidden": _under(across, floor),
        "loss.draws": _line(number, loss),
        "loss.floor": (across, floor),
        "loss.mean": _line(number, mean),
    }


def _under(across: np.ndarray, floor: np.ndarray) -> Points:
    return theme.band(across, np.full_like(floor, -FAR), floor)


def _line(x: np.ndarray, y: np.ndarray) -> Points:
    if not len(x):
        return NOTHING
    return decimate(x.astype(np.float32), y.astype(np.float32))


def texts(drawing: "Drawing") -> dict[str, str]:
    """Both distances, and every number at its line."""
    controls, steps = drawing.controls, drawing.draws
    exact, guide = truth.exact(controls), truth.guide_of(controls, steps)
    gap, elbo = max(truth.gap(guide, controls), 0.0), truth.elbo(guide, controls)
    loss = steps.get("loss", np.empty(0))[-MEAN:]
    mean = fixed(float(loss.mean()), 3) if len(loss) else ""
    reading = fixed(controls["measurement"])
    bar = {"elbo": fixed(elbo, 3), "gap": fixed(gap, 3), "evidence": fixed(exact.log_evidence, 3)}
    written = {
        "posterior": say(
            "caption.bending", gap=nats(gap), missed=nats(max(truth.missed(guide, controls), 0.0))
        ),
        "gap": say("caption.evidence", **bar),
        "response": say("caption.response", noise=fixed(controls["noise_sd"])),
        "loss": say("caption.steps", steps=count(len(loss)), mean=mean) if mean else "",
        "label:response.reading": say("trace.reading_value", value=reading),
        "label:loss.floor": say("trace.floor", value=fixed(truth.floor(controls), 3)),
        "label:loss.mean": mean,
        "alt:posterior": say("alt.bending", summary=drawing.summary()),
        "alt:gap": say("alt.evidence", **bar),
        "alt:response": say("alt.response", reading=reading),
        "alt:loss": say("alt.loss", caption=mean),
    }
    return written
