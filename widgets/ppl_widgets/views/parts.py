"""What the pictures of draws are made of: step outlines, curves, clouds of dots."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points
from ..scenarios import Gaussian, Range
from ..text import say

if TYPE_CHECKING:
    from ..drawing import Drawing

BARS = 28
"""Of a histogram, over the range of its axis."""
CURVE = 281
"""Points of a curve."""
CROSS = 0.012
"""Half the size of a cross, as a share of the picture."""
DOTS = 1500
"""The newest so many draws are shown as dots."""


def trace(role: str, uid: str, name: str | None = None, **style: Any) -> dict[str, Any]:
    """A live trace without points yet."""
    return theme.trace(role, uid, *NOTHING, name, **style)


def grips(role: str, plot: str, mean: str, sd: str) -> list[dict[str, Any]]:
    """Rings on a normal density: the top moves its mean, the end of one sd its width."""
    return [
        theme.grip(role, f"{plot}.{mean}", x=mean),
        theme.grip(role, f"{plot}.{sd}", reach=sd),
    ]


def outline(uid: str) -> dict[str, Any]:
    """The outline of a histogram of draws."""
    label = {"label": say("trace.draw"), "at": "left"}
    return trace("learned", uid, say("trace.draw"), mode="lines", **label)


def dots(role: str, uid: str, name: str | None, size: float = 4.0, **style: Any) -> dict[str, Any]:
    """A cloud of dots."""
    colour = theme.PALETTE["light"][role]
    marker = {"size": size, "color": colour}
    return trace(role, uid, name, mode="markers", marker=marker, **style)


def crosses(uid: str, name: str | None = None) -> dict[str, Any]:
    """Crosses, for what has gone astray: `crossed` makes their points."""
    line = {"width": 2, "dash": "solid", "color": theme.PALETTE["light"]["forbidden"]}
    return trace("forbidden", uid, name, line=line, fill="none", fillpattern={})


def figure(
    drawing: "Drawing", plot: str, traces: list[dict[str, Any]], x: str, y: str, **layout: Any
) -> Figure:
    """One plot over two axes of the view."""
    ranges = drawing.view.ranges
    names = {"x": say(f"axis.{x}"), "y": say(f"axis.{y}")}
    sides = {"x_range": ranges[x], "y_range": ranges[y]}
    made = theme.layout(say(f"plot.{plot}"), **names, **sides, **layout)
    made["meta"] |= {"axes": [x, y]}  # by name, for a page that ranges them itself
    return {"data": traces, "layout": made}


def bars(values: np.ndarray, ends: Range, weights: np.ndarray | None = None) -> Points:
    """The outline of a histogram, as a density: its area is the share that lies within the ends."""
    total = float(len(values) if weights is None else weights.sum())
    if not total > 0.0:
        return NOTHING
    heights, edges = np.histogram(values, BARS, ends, weights=weights)
    heights = heights / (total * (edges[1] - edges[0]))
    across = np.repeat(edges, 2)
    up = np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    return across.astype(np.float32), up.astype(np.float32)


def curve(density: Callable[[np.ndarray], np.ndarray], ends: Range) -> Points:
    """A density over the range of an axis."""
    x = np.linspace(*ends, CURVE)
    return x.astype(np.float32), density(x).astype(np.float32)


def belief(what: Gaussian, ends: Range, top: float) -> Points:
    """A normal density, or a spike where there is no width left."""
    if what.sd <= 1e-9:
        return np.full(2, what.mean, np.float32), np.array([0.0, top], np.float32)
    fine = what.mean + what.sd * np.linspace(-5.0, 5.0, 161)
    x = np.union1d(np.linspace(*ends, 41), fine)
    return x.astype(np.float32), what.density(x).astype(np.float32)


def crossed(x: np.ndarray, y: np.ndarray, across: Range, up: Range) -> Points:
    """A cross at every point, as one line with gaps; the axes say how large."""
    if not len(x):
        return NOTHING
    wide, high = (CROSS * (ends[1] - ends[0]) for ends in (across, up))
    falling = x[:, None] + wide * np.array([-1.0, 1.0, np.nan, -1.0, 1.0, np.nan])
    rising = y[:, None] + high * np.array([-1.0, 1.0, np.nan, 1.0, -1.0, np.nan])
    return falling.ravel().astype(np.float32), rising.ravel().astype(np.float32)


def pairs(x: np.ndarray, y: np.ndarray) -> Points:
    """Dots, the newest only."""
    return x[-DOTS:].astype(np.float32), y[-DOTS:].astype(np.float32)


def held(what: Gaussian, plot: str, mean: str, sd: str) -> dict[str, Points]:
    """Where the rings of `grips` are."""
    heights = what.density(what.mean + np.array([0.0, what.sd])).astype(np.float32)
    side = np.array([what.mean + what.sd, what.mean], np.float32)
    return {
        f"{plot}.{mean}": (side[1:], heights[:1]),
        f"{plot}.{sd}": (side, np.repeat(heights[1:], 2)),
    }
