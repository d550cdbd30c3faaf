"""The ELBO in balance: single estimates over the floor, one bar cut in two ways, their average."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..scenarios import Range
from ..scenarios import balancing as truth
from ..scenarios.weighing import exact, prior
from ..text import count, fixed, nats, say
from .parts import belief, grips, held, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

FAR = 1e6
"""Further out than any axis."""
GAUGE = 300
"""Points of the running average."""
ROOM = 0.3
"""The share of the axis from which on a piece of the bar holds its own name."""
UPPER, LOWER = (1.15, 1.75), (0.25, 0.85)
"""Where the two bars lie."""
PIECES = {"floor": "exact", "gap": "learned", "misfit": "likelihood", "complexity": "prior"}
"""Piece of a bar -> its role."""


def sign(drawing: "Drawing") -> float:
    """1 where losses are shown, -1 where ELBOs are."""
    return -1.0 if drawing.controls["sign"] == "ELBO" else 1.0


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """Estimates, the bar, the running average, and the beliefs behind them."""
    estimates = [
        trace("forbidden", "estimates.forbidden", label=say("trace.forbidden"), at="inside"),
        trace("exact", "estimates.exact", say("trace.exact")),
        trace("learned", "estimates.draws", say("balancing.trace_estimates"), mode="lines"),
        trace(
            "expected", "estimates.average", say("balancing.trace_average"), label="", at="start"
        ),
        trace("exact", "estimates.floor", label="", at="start", line={"width": 2, "dash": "solid"}),
    ]
    average = [
        trace("forbidden", "average.forbidden"),
        trace("expected", "average.exact", label="", at="end"),
        trace("exact", "average.floor", label="", at="start"),
        trace("learned", "average.draws", mode="lines", label="", at="end"),
    ]
    beliefs = [
        trace("prior", "weight.prior", label=say("trace.prior"), at="left"),
        trace("exact", "weight.exact", label=say("trace.exact"), at="peak"),
        trace("learned", "weight.guide", label=say("trace.guide"), at="right"),
        *grips("learned", "weight", "a", "b"),
    ]
    name = drawing.controls["sign"]
    figures = {
        "estimates": _figure(drawing, "estimates", estimates, name, "loss", "share", key=True),
        "balance": _balance(drawing),
        "average": _figure(drawing, "average", average, "draw", "draw", "nats", up=name, grow=1.3),
        "weight": _figure(drawing, "weight", beliefs, "weight", "weight", "density", grow=1.3),
    }
    return filled(figures, frame(drawing))


def _figure(
    drawing: "Drawing",
    plot: str,
    traces: list[dict[str, Any]],
    across: str,
    x: str,
    y: str,
    up: str = "",
    **layout: Any,
) -> Figure:
    """One plot; `x` and `y` are axes of the view, `across` and `up` how they are called."""
    ends = {"x_range": _ends(drawing, x), "y_range": _ends(drawing, y)}
    names = {"x": say(f"axis.{across}"), "y": say(f"axis.{up or y}")}
    return {
        "data": traces,
        "layout": theme.layout(say(f"balancing.plot_{plot}"), **names, **ends, **layout),
    }


def _ends(drawing: "Drawing", axis: str) -> Range:
    """The range of an axis; one of nats has the sign of the panel."""
    low, high = drawing.view.ranges[axis]
    mirrored = axis in ("loss", "nats") and sign(drawing) < 0.0
    return (-high, -low) if mirrored else (low, high)


def _balance(drawing: "Drawing") -> Figure:
    solid = {"fill": "toself", "mode": "lines"}
    pieces = [
        trace(role, f"balance.{piece}", label="", at="inside", **solid)
        for piece, role in PIECES.items()
    ]
    outside = "end" if sign(drawing) < 0.0 else "start"
    beside = [
        trace(PIECES[piece], f"balance.{piece}.word", mode="lines", label="", at=outside)
        for piece in ("gap", "complexity")
    ]
    name = drawing.controls["sign"]
    picture = _figure(drawing, "balance", [*pieces, *beside], name, "nats", "bars", grow=1.4)
    bare = {"tickvals": [], "ticktext": [], "showline": False, "showgrid": False}
    picture["layout"]["yaxis"] |= bare
    return picture


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, ranges, s = drawing.controls, drawing.view.ranges, sign(drawing)
    seen, floor, loss = drawing.draws.get("loss", np.empty(0)), *_levels(drawing)
    tall, wide = ranges["share"][1], np.array(ranges["draw"], np.float32)
    edges = truth.bins(ranges["loss"])
    drawn = np.histogram(seen, edges)[0] / max(len(seen), 1)
    points: dict[str, Points] = {
        "estimates.forbidden": _mirrored(theme.zone(-FAR, floor, 0.0, FAR), s),
        "estimates.exact": _steps(s * edges, np.diff(truth.chance_below(controls, edges))),
        "estimates.draws": _steps(s * edges, drawn) if len(seen) else NOTHING,
        "estimates.average": _upright(s * loss, tall),
        "estimates.floor": _upright(s * floor, 0.86 * tall),
        "average.forbidden": theme.zone(0.0, FAR, *sorted((-s * FAR, s * floor))),
        "average.exact": (wide, np.full(2, s * loss, np.float32)),
        "average.floor": (wide, np.full(2, s * floor, np.float32)),
        "average.draws": _running(s * seen),
    }
    for name, what in (
        ("prior", prior(controls)),
        ("exact", exact(controls).posterior),
        ("guide", truth.guide(controls)),
    ):
        points[f"weight.{name}"] = belief(what, ranges["weight"], ranges["density"][1])
    points |= held(truth.guide(controls), "weight", "a", "b")
    for piece, (start, end) in _cuts(drawing).items():
        level = UPPER if piece in ("floor", "gap") else LOWER
        points[f"balance.{piece}"] = _mirrored(theme.zone(start, end, *level), s)
        if f"balance.{piece}.word" in _WORDS:
            points[f"balance.{piece}.word"] = _mirrored(_dot(max(start, end), level[0] + 0.12), s)
    return points


_WORDS = ("balance.gap.word", "balance.complexity.word")


def _levels(drawing: "Drawing") -> tuple[float, float]:
    return truth.floor(drawing.controls), truth.loss(drawing.controls)


def _cuts(drawing: "Drawing") -> dict[str, Range]:
    """Where each piece of the two bars begins and ends, as losses."""
    floor, loss = _levels(drawing)
    middle = truth.misfit(drawing.controls)
    return {
        "floor": (0.0, floor),
        "gap": (floor, loss),
        "misfit": (0.0, middle),
        "complexity": (middle, loss),
    }


def _mirrored(points: Points, s: float) -> Points:
    return (points[0] * np.float32(s), points[1])


def _dot(across: float, up: float) -> Points:
    return np.array([across], np.float32), np.array([up], np.float32)


def _upright(at: float, tall: float) -> Points:
    return np.full(2, at, np.float32), np.array([tall, 0.0], np.float32)


def _steps(edges: np.ndarray, heights: np.ndarray) -> Points:
    """The outline of bars."""
    up = np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    return np.repeat(edges, 2).astype(np.float32), up.astype(np.float32)


def _running(values: np.ndarray) -> Points:
    """The average of the first n values, over n."""
    if not len(values):
        return NOTHING
    chosen = np.unique(np.linspace(0, len(values) - 1, GAUGE).astype(int))
    average = np.cumsum(values)[chosen] / (chosen + 1)
    return (chosen + 1).astype(np.float32), average.astype(np.float32)


def texts(drawing: "Drawing") -> dict[str, str]:
    """Every line and every piece in numbers."""
    controls, s = drawing.controls, sign(drawing)
    seen, name = drawing.draws.get("loss", np.empty(0)), controls["sign"]
    cuts = _cuts(drawing).items()
    parts = {
        piece: fixed((1.0 if f"balance.{piece}.word" in _WORDS else s) * (end - start), 3)
        for piece, (start, end) in cuts
    }
    whole = {"loss": fixed(s * truth.loss(controls), 3), **parts}
    whole_sum = say(f"balancing.caption_balance_{name}", **whole)
    mean = fixed(s * float(seen.mean()), 3) if len(seen) else ""
    written = {
        "estimates": say(
            "balancing.caption_estimates", sum=whole_sum, sd=fixed(truth.sd(controls))
        ),
        "balance": "",
        "average": say("balancing.caption_average", num=count(len(seen)), mean=mean)
        if mean
        else "",
        "weight": say("balancing.caption_gap", gap=nats(truth.gap(controls))),
        "label:estimates.average": say("balancing.trace_average_value", value=whole["loss"]),
        "label:estimates.floor": say(f"balancing.trace_end_{name}", value=parts["floor"]),
        "label:average.exact": say("balancing.trace_average_value", value=whole["loss"]),
        "label:average.floor": say(f"balancing.trace_end_{name}", value=parts["floor"]),
        "label:average.draws": mean,
        "alt:estimates": say("balancing.alt_estimates", summary=drawing.summary()),
        "alt:balance": whole_sum,
        "alt:average": say(
            "balancing.alt_average", mean=mean, loss=whole["loss"], floor=parts["floor"]
        ),
        "alt:weight": say("balancing.alt_beliefs", gap=nats(truth.gap(controls))),
    }
    return written | _names(drawing, parts)


def _names(drawing: "Drawing", parts: dict[str, str]) -> dict[str, str]:
    """The pieces' names: inside where there is room, else beside the bar."""
    low, high = drawing.view.ranges["nats"]
    written = {}
    for piece, (start, end) in _cuts(drawing).items():
        said = say(f"balancing.trace_{piece}_{drawing.controls['sign']}", value=parts[piece])
        inside = abs(end - start) > ROOM * (high - low)
        written[f"label:balance.{piece}"] = said if inside else ""
        if f"balance.{piece}.word" in _WORDS:
            written[f"label:balance.{piece}.word"] = "" if inside else said
    return written
