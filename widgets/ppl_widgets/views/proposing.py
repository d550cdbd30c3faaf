"""The proposal lab: sized dots, an envelope with points under it, a chain, a tree; one gauge."""

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..scenarios import Gaussian
from ..scenarios import proposing as truth
from ..text import fixed, percent, say
from . import particles
from .parts import bars, belief, dots, figure, grips, held, outline, pairs, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

SIZES = (2.0, 4.0, 6.5, 9.0, 12.0)
"""Diameters of the dots, from the lightest fifth to the heaviest draw."""
SHOWN = 250
"""The newest so many draws are shown as dots that have a size."""
GOLDEN = 0.6180339887
"""Its multiples fall evenly between 0 and 1, so that dots fill the area under a curve."""
GAUGE = 300
"""Points of the gauge's line."""
GAUGES = {
    "importance": ("ess", "share"),
    "rejection": ("kept_share", "share"),
    "chain": ("accepted_share", "share"),
    "particles": ("evidence_ratio", "ratio"),
}
"""Tab -> title and axis of its gauge."""


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """The chosen use of the guide, the posterior as it draws it, and its gauge."""
    tab = drawing.controls["tab"]
    posterior = [
        trace("exact", "posterior.exact", say("trace.exact"), label=say("trace.exact"), at="peak"),
        outline("posterior.draws"),
    ]
    gauge = [
        trace("exact", "gauge.exact", say("trace.exact"), label="", at="end"),
        trace("learned", "gauge.seen", say("trace.draw"), label="", at="end", mode="lines"),
    ]
    title, axis = GAUGES[tab]
    return filled(
        {
            "use": _USES[tab](drawing),
            "posterior": figure(drawing, "posterior", posterior, "weight", "density"),
            "gauge": figure(drawing, title, gauge, "draw", axis),
        },
        frame(drawing),
    )


def _weighted(drawing: "Drawing") -> Figure:
    named = {len(SIZES) // 2: say("trace.sized")}
    traces = [
        dots("learned", f"use.dots{k}", named.get(k), size, opacity=0.55)
        for k, size in enumerate(SIZES)
    ]
    traces += [
        trace("prior", "use.guide", say("trace.guide"), label=say("trace.guide"), at="left"),
        trace("exact", "use.exact", say("trace.posterior"), label=say("trace.exact"), at="peak"),
    ]
    traces += grips("prior", "use", "a", "b")
    return figure(drawing, "importance", traces, "weight", "density", key=True)


def _envelope(drawing: "Drawing") -> Figure:
    traces = [
        dots("prior", "use.refused", say("trace.refused"), 3.0, opacity=0.5),
        dots("learned", "use.kept", say("trace.kept_draws"), 3.5),
        trace("prior", "use.envelope", say("trace.envelope"), label=say("trace.mq"), at="left"),
        trace("exact", "use.joint", say("trace.joint"), label=say("trace.p"), at="right"),
    ]
    return figure(drawing, "rejection", traces, "weight", "height", key=True)


def _chain(drawing: "Drawing") -> Figure:
    traces = [
        trace("band", "use.band"),
        dots("prior", "use.refused", say("trace.refused"), 4.0),
        trace("exact", "use.mean", say("trace.exact_mean"), label="", at="start"),
        trace("learned", "use.path", say("trace.chain"), mode="lines"),
    ]
    return figure(drawing, "chain", traces, "ago", "weight", key=True)


_USES = {
    "importance": _weighted,
    "rejection": _envelope,
    "chain": _chain,
    "particles": particles.tree,
}


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace of the chosen tab now."""
    controls, draws, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    posterior, top = truth.target(controls), ranges["density"][1]
    seen, exact = truth.gauge(draws), truth.share(controls)
    points = _MOVES[controls["tab"]](drawing, posterior)
    points["posterior.exact"] = belief(posterior, ranges["weight"], top)
    points["posterior.draws"] = bars(*_split(drawing))
    points["gauge.exact"] = (np.array(ranges["draw"], np.float32), np.full(2, exact, np.float32))
    points["gauge.seen"] = NOTHING
    if len(seen):
        steps = np.unique(np.linspace(0, len(seen) - 1, GAUGE).astype(int))
        points["gauge.seen"] = ((steps + 1).astype(np.float32), seen[steps].astype(np.float32))
    return points


def _split(drawing: "Drawing") -> tuple[np.ndarray, tuple[float, float], np.ndarray | None]:
    values, weights = truth.histogram(drawing.draws)
    return values, drawing.view.ranges["weight"], weights


def _move_weighted(drawing: "Drawing", posterior: Gaussian) -> dict[str, Points]:
    """The dots lie anywhere under the guide: draws from it fill its area evenly."""
    ranges, top = drawing.view.ranges, drawing.view.ranges["density"][1]
    guide = truth.guide(drawing.controls)
    weight, log_weight = (
        drawing.draws.get(name, np.empty(0))[-SHOWN:] for name in ("weight", "log_weight")
    )
    size = np.exp(0.5 * (log_weight - log_weight.max())) if len(log_weight) else log_weight
    classes = np.minimum((size * len(SIZES)).astype(int), len(SIZES) - 1)
    number = drawing.step - len(weight) + np.arange(len(weight))
    height = guide.density(weight) * ((number * GOLDEN) % 1.0)
    points: dict[str, Points] = {
        f"use.dots{k}": pairs(weight[classes == k], height[classes == k]) for k in range(len(SIZES))
    }
    points |= held(guide, "use", "a", "b")
    points["use.guide"] = belief(guide, ranges["weight"], top)
    points["use.exact"] = belief(posterior, ranges["weight"], top)
    return points


def _move_envelope(drawing: "Drawing", posterior: Gaussian) -> dict[str, Points]:
    controls, draws, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    log_z, lift = truth.exact(controls).log_evidence, truth.log_lift(controls)
    weight, height = draws.get("weight", np.empty(0)), draws.get("height", np.empty(0))
    accepted = draws.get("accepted", np.empty(0)) > 0.0
    x, y = belief(posterior, ranges["weight"], 1.0)
    points: dict[str, Points] = {
        "use.refused": pairs(weight[~accepted], height[~accepted]),
        "use.kept": pairs(weight[accepted], height[accepted]),
        "use.joint": (x, (y * math.exp(log_z)).astype(np.float32)),
        "use.envelope": NOTHING,
    }
    if log_z + lift < 50.0:
        x, y = belief(truth.guide(controls), ranges["weight"], 1.0)
        points["use.envelope"] = (x, (y * math.exp(log_z + lift)).astype(np.float32))
    return points


def _move_chain(drawing: "Drawing", posterior: Gaussian) -> dict[str, Points]:
    draws, ends = drawing.draws, drawing.view.ranges["ago"]
    most = int(ends[1] - ends[0])
    weight, proposal, accepted = (
        draws.get(name, np.empty(0))[-most:] for name in ("weight", "proposal", "accepted")
    )
    ago = np.arange(1 - len(weight), 1, dtype=float)
    refused = accepted == 0.0
    low, high = posterior.mean - 2.0 * posterior.sd, posterior.mean + 2.0 * posterior.sd
    across = np.array(ends, np.float32)
    return {
        "use.band": theme.zone(*ends, low, high),
        "use.refused": pairs(ago[refused], proposal[refused]),
        "use.mean": (across, np.full(2, posterior.mean, np.float32)),
        "use.path": (np.repeat(ago, 2)[1:].astype(np.float32), _steps(weight)),
    }


def _steps(values: np.ndarray) -> np.ndarray:
    """The heights of a staircase: each value is held until the next."""
    return np.repeat(values, 2)[:-1].astype(np.float32)


_MOVES = {
    "importance": _move_weighted,
    "rejection": _move_envelope,
    "chain": _move_chain,
    "particles": particles.move,
}


def texts(drawing: "Drawing") -> dict[str, str]:
    """The gauge in numbers, and what the draws say of themselves."""
    controls, draws = drawing.controls, drawing.draws
    seen, tab = truth.gauge(draws), controls["tab"]
    exact = percent(truth.share(controls))
    now = percent(float(seen[-1])) if len(seen) else say("caption.no_draws")
    values, weights = truth.histogram(draws)
    mean = fixed(float(np.average(values, weights=weights))) if len(values) else ""
    perfect = truth.target(controls)
    written = {
        "posterior": say(
            "caption.kept", mean=mean or say("caption.nothing"), exact=fixed(perfect.mean)
        ),
        "gauge": say("caption.gauge", seen=now, exact=exact),
        "label:gauge.exact": say("trace.exact_value", value=exact),
        "label:gauge.seen": now if len(seen) else "",
        "alt:use": say(f"alt.{tab}", summary=drawing.summary()),
        "alt:gauge": say("alt.gauge", seen=now, exact=exact),
        "use": "",
    }
    if tab == "importance":
        if truth.tail_k(controls) > 0.0:
            written["gauge"] += " · " + say("caption.tail", k=fixed(truth.tail_k(controls)))
        written["use"] = truth.evidence(controls, draws) if len(seen) else ""
    if tab == "chain":
        written["label:use.mean"] = say("trace.exact_value", value=fixed(perfect.mean))
    return written
