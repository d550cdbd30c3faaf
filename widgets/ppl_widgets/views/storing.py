"""The parameter store: u and b on two rails, the loss over both, u by step, the store's table."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..figures import FAR, NOTHING, Figure, Points, filled
from ..history import decimate
from ..rows import Row, Table
from ..scenarios import storing as truth
from ..text import count, fixed, say
from .parts import dots, figure, trace

if TYPE_CHECKING:
    from ..storing import Storing

UPPER, LOWER = 1.0, 0.0
"""Heights of the two rails."""
BINS = 50
"""Of the histogram over the rail of u."""
HEADS = ("name", "u", "map", "value", "gradient", "updates", "born")


def stage(storing: "Storing") -> dict[str, Figure]:
    """Two rails; the loss by u and by b; u by step."""
    thin: dict[str, Any] = {"mode": "lines", "line": {**theme.series("prior")["line"], "width": 1}}
    line = {**theme.series("learned")["line"], "width": 2}
    rails = [
        trace("forbidden", "rails.outside", label=say("storing.no_sd"), at="inside"),
        trace("prior", "rails.map", say("storing.trace_map"), **thin),
        trace("likelihood", "rails.ends", say("storing.trace_ends"), mode="lines"),
        dots("prior", "rails.born", say("storing.trace_born"), 8.0),
        trace("exact", "rails.exact", say("trace.exact")),
        trace("learned", "rails.path", mode="lines", line=line),
        dots("learned", "rails.now", say("storing.trace_now"), 11.0, label="", at="end"),
    ]
    over_u = [
        trace("exact", "loss_u.average", say("trace.expected"), label="", at="end"),
        dots("exact", "loss_u.exact", None, 9.0),
        dots("learned", "loss_u.now", None, 10.0),
    ]
    over_b = [
        trace("forbidden", "loss_b.outside"),
        trace("exact", "loss_b.average", say("trace.expected"), label="", at="end"),
        dots("exact", "loss_b.exact", None, 9.0),
        dots("learned", "loss_b.now", None, 10.0),
    ]
    course = [
        trace("exact", "course.exact", label="", at="end"),
        trace("exact", "course.twin", label="", at="end"),
        trace("learned", "course.u", mode="lines", line={**line, "width": 1.5}),
    ]
    figures = {
        "rails": figure(storing, "rails", rails, "u", "rail", key=True),
        "loss_u": figure(storing, "loss_u", over_u, "u", "loss"),
        "loss_b": figure(storing, "loss_b", over_b, "b", "loss"),
        "course": figure(storing, "course", course, "step", "u"),
    }
    figures["rails"]["layout"]["yaxis"] |= {"tickvals": [LOWER, UPPER], "ticktext": ["b", "u"]}
    figures["rails"]["layout"]["yaxis"]["title"]["text"] = ""
    figures["rails"]["layout"]["xaxis"]["title"]["text"] = say("storing.number")
    return filled(figures, frame(storing))


def frame(storing: "Storing") -> dict[str, Points]:
    """The points of every live trace now."""
    given, rows, ranges = storing.given, storing.draws, storing.view.ranges
    name, now = given["constraint"], truth.held(given, rows)
    best, start = truth.optima(name), truth.moved(name, np.array([given["init"]]))
    grid = np.linspace(*ranges["u"], 281)
    sds = np.linspace(1e-3, ranges["b"][1], 281)
    steps = ranges["step"]
    bare = name == "none"
    floor = truth.exact(truth.SCALE).floor
    points: dict[str, Points] = {
        "rails.outside": theme.zone(-9.0, 0.0, -9.0, 0.45) if not bare else _half(),
        "rails.map": _rungs(name, np.linspace(*ranges["u"], 21)),
        "rails.ends": _histogram(storing.ends, ranges["u"]),
        "rails.born": _pair(start, [UPPER]),
        "rails.exact": _rungs(name, np.array(best)),
        "rails.path": _pair([now.u, now.b], [UPPER, LOWER]),
        "rails.now": _pair([now.u, now.b], [UPPER, LOWER]),
        "loss_u.average": _average(grid, truth.loss_at(name, grid)),
        "loss_u.exact": _pair(best, np.full(len(best), floor)),
        "loss_u.now": _pair([now.u], truth.loss_at(name, np.array([now.u]))),
        "loss_b.outside": theme.zone(-9.0, 0.0, -1e3, 1e3),
        "loss_b.average": _average(sds, truth.loss_at("none", sds)),
        "loss_b.exact": _pair([truth.exact(truth.SCALE).sd], [floor]),
        "loss_b.now": _pair([now.b], truth.loss_at("none", np.array([now.b]))),
        "course.exact": _pair(steps, [best[-1]] * 2),
        "course.twin": _pair(steps, [best[0]] * 2) if len(best) > 1 else NOTHING,
        "course.u": _course(np.concatenate([start, rows.get("u", np.empty(0))])),
    }
    return points


def _half() -> Points:
    """Without a map both rails are forbidden below 0."""
    return theme.zone(-9.0, 0.0, -9.0, 9.0)


def _rungs(name: str, u: np.ndarray) -> Points:
    """A line from each u down to its b, with gaps between."""
    x = np.stack([u, truth.MAPS[name](u), np.full(len(u), np.nan)], 1).ravel()
    return _pair(x, np.tile([UPPER, LOWER, np.nan], len(u)))


def _histogram(values: np.ndarray, ends: tuple[float, float]) -> Points:
    """The outline of a histogram that stands on the rail of u, its highest bar 1 high."""
    good = values[np.isfinite(values)]
    heights, edges = np.histogram(good, BINS, ends)
    if not heights.any():
        return NOTHING
    up = np.concatenate([[0.0], np.repeat(heights / heights.max(), 2), [0.0]])
    return _pair(np.repeat(edges, 2), UPPER + 0.05 + up)


def _average(x: np.ndarray, loss: np.ndarray) -> Points:
    """A loss; where it is infinite the line ends."""
    return _pair(x[np.isfinite(loss)], loss[np.isfinite(loss)])


def _course(u: np.ndarray) -> Points:
    good = u[np.isfinite(u)].astype(np.float32)
    return decimate(np.arange(len(good), dtype=np.float32), good)


def _pair(x: Any, y: Any) -> Points:
    return _inside(x), _inside(y)


def _inside(values: Any) -> np.ndarray:
    """What float32 can hold, however far a run has gone astray."""
    return np.clip(np.asarray(values), -FAR, FAR).astype(np.float32)


# ---- words


def texts(storing: "Storing") -> dict[str, str]:
    """Where other seeds end, and every level in numbers."""
    given = storing.given
    now, best = truth.held(given, storing.draws), truth.optima(given["constraint"])
    asked = len(storing.ends)
    written = {
        "rails": say("storing.asking", runs=count(truth.RUNS)),
        "loss_u": say("storing.at", name="u", value=fixed(now.u)),
        "loss_b": say("storing.at", name="b", value=fixed(now.b)),
        "course": say(f"storing.map_{given['constraint']}"),
        "label:rails.now": say("storing.at", name="b", value=fixed(now.b)),
        "label:loss_u.average": say("source.closed"),
        "label:loss_b.average": say("source.closed"),
        "label:course.exact": fixed(best[-1]),
        "label:course.twin": fixed(best[0]),
        "alt:rails": say("storing.alt_rails", summary=storing.summary()),
        "alt:loss_u": say("storing.alt_loss", name="u", value=fixed(now.u)),
        "alt:loss_b": say("storing.alt_loss", name="b", value=fixed(now.b)),
        "alt:course": say("storing.alt_course", value=fixed(now.u)),
    }
    if asked:
        below = np.mean(storing.ends < 0.0)
        left = np.mean(np.isnan(storing.ends))
        written["rails"] = say(
            "storing.asked",
            runs=count(asked),
            below=f"{100.0 * below:.0f} %",
            left=f"{100.0 * left:.0f} %",
        )
    return written


def table(storing: "Storing") -> Table:
    """What the store holds, when it was born, and what becomes of the slider."""
    given = storing.given
    now, born = truth.held(given, storing.draws), given["init"]
    cells = (
        "b",
        fixed(now.u, 3),
        say(f"storing.map_{given['constraint']}"),
        fixed(now.b, 3),
        fixed(now.gradient, 3) if math.isfinite(now.gradient) else "–",
        count(now.updates),
        say("storing.run", run=count(storing.born_in)),
    )
    init, run = storing.controls["init"], count(storing.born_in)
    what = "ignored" if init != born else "taken"
    caption = say(f"storing.{what}", init=fixed(init, 1), born=fixed(born, 1), run=run)
    if storing.run_number > storing.born_in:
        caption += " " + say("storing.continuing", run=count(storing.run_number))
    heads = tuple(say(f"storing.head_{head}") for head in HEADS)
    return Table(heads, [Row(cells, "learned")], caption=caption, numbers={1, 3, 4, 5})
