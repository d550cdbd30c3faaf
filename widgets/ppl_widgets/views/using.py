"""Use it: a hundred quantile dots, the chance over every limit, and what the draws settle at."""

from typing import TYPE_CHECKING

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..history import decimate
from ..scenarios import using as truth
from ..text import fixed, say, setting
from .parts import CURVE, belief, dots, figure, trace

if TYPE_CHECKING:
    from ..drawing import Drawing


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """The dots on the exact density, the tails, and the share by draws."""
    exact, name = say("trace.exact"), say("trace.plugged")
    hundred = [
        dots("learned", "dots.under", say("trace.under"), 8.0),
        dots("expected", "dots.over", say("trace.over"), 8.0),
        trace("prior", "dots.plugged", name),
        trace("exact", "dots.exact", exact, label=exact, at="left"),
        trace("exact", "dots.limit", label="", at="start", line={"width": 1, "dash": "dot"}),
        theme.grip("exact", "dots.threshold", x="threshold"),
    ]
    tail = [
        trace("prior", "tail.plugged", name),
        trace("learned", "tail.draws", say("trace.draw"), mode="lines"),
        trace("exact", "tail.exact", exact, label=exact, at="right"),
        trace("likelihood", "tail.even", label="", at="start"),
        trace("exact", "tail.limit", line={"width": 1, "dash": "dot"}),
    ]
    share = [
        trace("prior", "estimate.plugged", label="", at="end"),
        trace("likelihood", "estimate.even"),
        trace("exact", "estimate.exact", label="", at="end"),
        trace("learned", "estimate.seen", mode="lines"),
    ]
    return filled(
        {
            "dots": figure(drawing, "dots", hundred, "kg", "density", key=True),
            "tail": figure(drawing, "tail", tail, "kg", "chance", grow=2),
            "estimate": figure(drawing, "estimate", share, "draw", "estimate", grow=2),
        },
        frame(drawing),
    )


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, draws, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    exact, plugged = truth.exact(controls), truth.plugged(controls)
    ends, top, limit = ranges["kg"], ranges["density"][1], controls["threshold"]
    x, height, high = truth.dots(controls, draws)
    grid = np.linspace(*ends, CURVE)
    return {
        "dots.under": _points(x[~high], height[~high]),
        "dots.over": _points(x[high], height[high]),
        "dots.plugged": belief(plugged, ends, top),
        "dots.exact": belief(exact, ends, top),
        "dots.limit": _points([limit, limit], [top, 0.0]),
        "dots.threshold": _points([limit], [0.9 * top]),
        "tail.plugged": _points(grid, truth.over(plugged, grid)),
        "tail.draws": _tail(truth.asked(controls, draws)),
        "tail.exact": _points(grid, truth.over(exact, grid)),
        "tail.even": _level(ends, truth.even(controls)),
        "tail.limit": _points([limit, limit], [1.0, 0.0]),
        "estimate.plugged": _level(ranges["draw"], float(truth.over(plugged, limit))),
        "estimate.even": _level(ranges["draw"], truth.even(controls)),
        "estimate.exact": _level(ranges["draw"], float(truth.over(exact, limit))),
        "estimate.seen": _running(truth.asked(controls, draws) > limit),
    }


def _points(x: object, y: object) -> Points:
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _level(ends: tuple[float, float], value: float) -> Points:
    return _points(ends, [value, value])


def _tail(values: np.ndarray) -> Points:
    """The share of the draws over each of them, from the smallest to the largest."""
    if not len(values):
        return NOTHING
    chances = 1.0 - (np.arange(len(values)) + 0.5) / len(values)
    return decimate(np.sort(values).astype(np.float32), chances.astype(np.float32))


def _running(hits: np.ndarray) -> Points:
    """The share of hits after each draw."""
    if not len(hits):
        return NOTHING
    number = np.arange(1.0, len(hits) + 1.0)
    return decimate(number.astype(np.float32), (np.cumsum(hits) / number).astype(np.float32))


def texts(drawing: "Drawing") -> dict[str, str]:
    """The chances in numbers, and the decision."""
    controls, draws, limit = drawing.controls, drawing.draws, drawing.controls["threshold"]
    exact = fixed(float(truth.over(truth.exact(controls), limit)), 3)
    plugged = fixed(float(truth.over(truth.plugged(controls), limit)), 3)
    count = len(truth.asked(controls, draws))
    seen = fixed(truth.share(controls, draws), 3) if count else say("caption.no_draws")
    over = int(truth.dots(controls, draws)[2].sum())
    care = say("trace.even", chance=fixed(truth.even(controls), 3))
    both = {"exact": exact, "plugged": plugged}
    return {
        "dots": say("caption.dots", dots=str(over), verdict=truth.verdict(controls)),
        "tail": say("trace.exact_value", value=exact),
        "estimate": say("caption.estimate", seen=seen, exact=exact),
        "label:dots.limit": say("trace.limit_value", limit=setting(limit)),
        "label:tail.even": care,
        "label:estimate.plugged": say("trace.plugged_value", plugged=plugged),
        "label:estimate.exact": say("trace.exact_value", value=exact),
        "alt:dots": say("alt.dots", summary=drawing.summary()),
        "alt:tail": say("alt.tail", limit=setting(limit), **both),
        "alt:estimate": say("alt.estimate", seen=seen, exact=exact),
    }
