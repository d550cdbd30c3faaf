"""The pictures of a session, as plain functions of it.

`stage` is what stands still: axes, styles, labels, as plotly figures by name. `frame` is what
moves: the points of every live trace by its uid, float32. `texts` is what is written beside the
pictures. Since the truth moves with the reader's hand, it belongs to the frame, not to the stage.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from . import theme
from .history import WINDOW
from .scenarios import Exact, Gaussian
from .text import count, fixed, nats, say

if TYPE_CHECKING:
    from .session import Session

Figure = dict[str, Any]
Points = tuple[np.ndarray, Any]

BELL = 161
"""Points of a density curve."""
BELL_REACH = 5.0
"""Half its width in sds."""
FAR = 1e6
"""Further out than any axis."""

_GRIPS = {"guess": "prior", "measurement": "likelihood"}
"""Controls that a hand may move at the top of a curve, and whose curve it is."""

NOTHING: Points = (np.empty(0, np.float32), np.empty(0, np.float32))


# ---- what stands still


def stage(session: "Session") -> dict[str, Figure]:
    """Every plot as a plotly figure, the main one first; live traces hold their present points."""
    figures = {"posterior": _posterior(session), "loss": _loss(session)}
    figures |= {name: _param(session, name) for name in session.scenario.params}
    return filled(figures, frame(session))


def filled(figures: dict[str, Figure], points: Mapping[str, Points]) -> dict[str, Figure]:
    """The figures, their live traces holding these points."""
    for figure in figures.values():
        for trace in figure["data"]:
            trace["x"], trace["y"] = points[trace["uid"]]
            if trace["meta"]["role"] == "mark":
                trace["y"] = [0.0] * len(trace["x"])  # the words of marks are no plotly numbers
    return figures


def _posterior(session: "Session") -> Figure:
    places = {"prior": "left", "likelihood": "right", "exact": "peak", "learned": "left"}
    traces = [
        _trace(role, f"posterior.{role}", say(f"trace.{role}"), label=say(f"trace.{role}"), at=at)
        for role, at in places.items()
    ]
    traces += [theme.grip(role, f"posterior.{name}", x=name) for name, role in _GRIPS.items()]
    return _figure(session, "posterior", traces, x="weight", y="density", key=True)


def _loss(session: "Session") -> Figure:
    window = say("trace.mean", window=str(WINDOW))
    faint = {
        "mode": "lines",
        "line": {**theme.series("learned")["line"], "width": 1},
        "opacity": 0.4,
    }
    traces = [
        _trace("forbidden", "loss.forbidden", label=say("trace.forbidden"), at="inside"),
        _trace("band", "loss.band"),
        _trace("learned", "loss.draws", say("trace.draws"), **faint),
        _trace("expected", "loss.expected", say("trace.expected")),
        _trace("exact", "loss.floor", say("trace.floor_line"), label="", at="end"),
        _trace("learned", "loss.mean", window, label="", at="end"),
        _trace("mark", "loss.marks"),
    ]
    return _figure(session, "loss", traces, x="step", y="loss", grow=2)


def _param(session: "Session", name: str) -> Figure:
    traces = [
        _trace("band", f"{name}.band"),
        _trace("expected", f"{name}.expected", say("trace.expected")),
        _trace("exact", f"{name}.exact", say("trace.exact"), label="", at="end"),
        _trace("learned", f"{name}.learned", say("trace.learned"), label="", at="end"),
        _trace("mark", f"{name}.marks"),
    ]
    # There is no room for axis titles: the caption names the parameter.
    return _figure(session, name, traces, x="step", y=name, named=False)


def _trace(role: str, uid: str, name: str | None = None, **style: Any) -> dict[str, Any]:
    return theme.trace(role, uid, *NOTHING, name, **style)


def _figure(
    session: "Session",
    plot: str,
    traces: list[dict[str, Any]],
    x: str,
    y: str,
    named: bool = True,
    **layout: Any,
) -> Figure:
    """One plot; without `named` its axes have no titles, to save their room."""
    ranges = session.view.ranges
    names = {"x": say(f"axis.{x}"), "y": say(f"axis.{y}")} if named else {}
    return {
        "data": traces,
        "layout": theme.layout(
            say(f"plot.{plot}"), **names, x_range=ranges[x], y_range=ranges[y], **layout
        ),
    }


# ---- what moves


def frame(session: "Session") -> dict[str, Points]:
    """The points of every live trace now; marks have their words in place of y."""
    history, floor = session.history, _level(session, lambda exact: exact.floor)
    points = {f"posterior.{name}": bell(belief) for name, belief in _beliefs(session).items()}
    for name, role in _GRIPS.items():
        points[f"posterior.{name}"] = top(_beliefs(session)[role])
    points["loss.forbidden"] = _under(floor)
    points["loss.draws"] = history.points("loss")
    points["loss.floor"] = floor
    points["loss.mean"] = history.points("mean")
    for name in session.scenario.params:
        points[f"{name}.exact"] = _level(session, partial(_perfect_value, session, name))
        points[f"{name}.learned"] = history.points(name)
    marks = _marks(session)
    for plot in ("loss", *session.scenario.params):
        points[f"{plot}.expected"], points[f"{plot}.band"] = _outlook(session, plot)
        points[f"{plot}.marks"] = marks
    return points


def bell(belief: Gaussian | None) -> Points:
    """A density curve over the middle of a belief; nothing for none, or for one without width."""
    if belief is None or not 0.0 < belief.sd < np.inf or not np.isfinite(belief.mean):
        return NOTHING
    x = belief.mean + belief.sd * np.linspace(-BELL_REACH, BELL_REACH, BELL)
    return x.astype(np.float32), belief.density(x).astype(np.float32)


def top(belief: Gaussian | None) -> Points:
    """The highest point of a density curve, where a hand may take it; nothing for none."""
    x, y = bell(belief)
    return x[BELL // 2 : BELL // 2 + 1], y[BELL // 2 : BELL // 2 + 1]


def _level(session: "Session", value_of: Callable[[Exact], float]) -> Points:
    """What was exact at each step, to the end of the step axis; a gap where it was not known."""
    turns = [(step, math.nan if e is None else value_of(e)) for step, e in session.truths.values]
    ends = [*(step for step, _ in turns[1:]), session.view.ranges["step"][1]]
    pieces = [
        (x, value) for (step, value), end in zip(turns, ends, strict=True) for x in (step, end)
    ]
    across, up = np.array(pieces, np.float32).reshape(-1, 2).T.copy()
    return across, up


def _under(level: Points) -> Points:
    """The outline of all that lies under a level."""
    across, up = level
    return theme.band(across, np.full_like(up, -FAR), np.nan_to_num(up, nan=-FAR))


def _beliefs(session: "Session") -> dict[str, Gaussian | None]:
    scenario, controls = session.scenario, session.controls
    return {
        "prior": scenario.prior(controls),
        "likelihood": scenario.likelihood(controls),
        "exact": None if session.exact is None else session.exact.posterior,
        "learned": session.learned,
    }


def _perfect_value(session: "Session", name: str, exact: Exact) -> float:
    return session.scenario.perfect(exact)[name]


def _outlook(session: "Session", plot: str) -> tuple[Points, Points]:
    """The expected course and the outline of the noise band."""
    if session.forecast is None:
        return NOTHING, NOTHING
    steps, expected, low, high = session.forecast.course(plot)
    return (steps, expected), theme.band(steps, low, high)


def _marks(session: "Session") -> Points:
    """Where something changed, and what; changes at one step share their tick."""
    words: dict[int, str] = {}
    for mark in session.history.marks:
        before = words.get(mark.step)
        words[mark.step] = f"{before} · {mark.label}" if before else mark.label
    return np.array(list(words), np.float32), list(words.values())


# ---- what is written


def texts(session: "Session") -> dict[str, str]:
    """Header, captions and direct labels, by the place they stand in."""
    exact, average = session.exact, _average(session)
    written = {
        "status": session.status_line(),
        "posterior": _distance(session),
        "loss": average,
        "alt:posterior": say("alt.posterior", summary=session.summary()),
        "alt:loss": say("alt.loss", caption=average),
        "label:loss.floor": "",
        "label:loss.mean": "",
    }
    if exact is not None:
        written["label:loss.floor"] = say("trace.floor", value=fixed(exact.floor, 3))
    mean = session.history.newest("mean")
    if mean is not None:
        written["label:loss.mean"] = fixed(mean, 3)
    for name in session.scenario.params:
        label = ""
        if exact is not None:
            value = _perfect_value(session, name, exact)
            label = say("trace.exact_value", value=fixed(value))
        newest = session.history.newest(name)
        now = "" if newest is None else fixed(newest)
        written[f"label:{name}.exact"] = label
        written[f"label:{name}.learned"] = now
        written[name] = say(f"caption.{name}")
        written[f"alt:{name}"] = say("alt.param", name=name, now=now, exact=label)
    return written


def _distance(session: "Session") -> str:
    kl, gap = session.kl, session.gap
    if kl is None or gap is None:
        return say("caption.no_truth")
    return say("caption.posterior", kl=nats(kl), gap=nats(max(gap, 0.0)))


def _average(session: "Session") -> str:
    tail = session.history.tail()
    if not tail:
        return say("caption.changed" if session.step else "caption.start")
    return say("caption.loss", steps=count(int(tail["steps"])), mean=fixed(tail["loss"], 3))
