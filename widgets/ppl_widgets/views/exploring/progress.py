"""How a run goes: the loss and the parameters of a guide, or the gauge and the mean of draws."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import theme
from ...exploring.extents import shown_params
from ...exploring.learning import Learning
from ...exploring.sampling import SHARE, WEIGHT, Cloud, Sampling
from ...figures import NOTHING, Figure, Points
from ...history import WINDOW, decimate
from ...scenarios.proposing import gauge as effective
from ...text import fixed, percent, say
from ..parts import trace

if TYPE_CHECKING:
    from ...exploring.explored import Explored

FAR = 1e6
"""Further out than any axis."""
ROLES = ("learned", "likelihood", "expected", "prior")
"""Of the parameters, in their order."""
CHAINS = ("independent MH", "HMC", "NUTS")
"""Methods whose draws are a path."""


def _plot(
    told: "Explored", title: str, traces: list[dict[str, Any]], y: str, ends: Any, **more: Any
) -> Figure:
    axes = {"x_range": told.room.get("step"), "y_range": ends}
    x = say("axis.draw" if told.act == "draw" and told.method != "SMC" else "axis.step")
    return {"data": traces, "layout": theme.layout(title, x=x, y=y, **axes, **more)}


# ---- the run


def stage(told: "Explored") -> Figure:
    """Loss by step; or the path of a chain; or what the draws say of themselves."""
    if told.method == "SVI":
        faint = {"line": {**theme.series("learned")["line"], "width": 1}, "opacity": 0.4}
        window = say("trace.mean", window=str(WINDOW))
        traces = [
            trace("forbidden", "progress.under", label=say("trace.forbidden"), at="inside"),
            trace("learned", "progress.draws", say("trace.draws"), mode="lines", **faint),
            trace("exact", "progress.floor", say("trace.floor_line"), label="", at="end"),
            trace("learned", "progress.mean", window, label="", at="end", mode="lines"),
            trace("mark", "progress.marks"),
        ]
        return _plot(told, say("plot.loss"), traces, say("axis.loss"), told.room.get("loss"))
    if told.method in CHAINS:
        traces = [
            trace("band", "progress.band"),
            trace("exact", "progress.exact", say("trace.exact"), label="", at="end"),
            trace("learned", "progress.path", say("trace.chain"), mode="lines"),
        ]
        name = "" if told.coordinate is None else told.coordinate.name
        return _plot(told, say("plot.chain"), traces, name, told.room.get("x"))
    traces = [trace("learned", "progress.gauge", label="", at="end", mode="lines")]
    if told.method == "SMC":
        traces.append(trace("likelihood", "progress.ess", label=say("plot.ess"), at="end"))
        picture = _plot(told, say("explore.plot.power"), traces, say("axis.share"), (0.0, 1.05))
        picture["layout"]["xaxis"]["range"] = [0.0, 12.0]
        return picture
    title = say("plot.kept_share" if told.method == "rejection" else "plot.ess")
    return _plot(told, title, traces, say("axis.share"), (0.0, 1.05))


def frame(told: "Explored") -> dict[str, Points]:
    """Points of the run."""
    if told.method == "SVI":
        return _loss(told)
    if told.method in CHAINS:
        return _path(told)
    points: dict[str, Points] = {"progress.gauge": NOTHING}
    work = told.work
    if told.method == "SMC":
        points["progress.ess"] = NOTHING
        if isinstance(work, Cloud) and work.course:
            table = np.array([(0.0, 1.0, 1.0), *work.course], np.float32)
            steps = np.arange(len(table), dtype=np.float32)
            points["progress.gauge"] = steps, table[:, 0].copy()
            points["progress.ess"] = steps, table[:, 1].copy()
        return points
    if isinstance(work, Sampling) and work.step:
        seen = _gauge(work)
        steps = np.unique(np.linspace(0, len(seen) - 1, 300).astype(int))
        points["progress.gauge"] = (
            (steps + 1).astype(np.float32),
            seen[steps].astype(np.float32),
        )
    return points


def _gauge(work: Sampling) -> np.ndarray:
    """Effective size by draw as a share, or the share kept so far."""
    columns = work.columns
    if work.method == "rejection":
        return np.cumsum(columns[SHARE]) / np.arange(1, work.step + 1)
    return effective({"log_weight": columns[WEIGHT]})


def _loss(told: "Explored") -> dict[str, Points]:
    points: dict[str, Points] = dict.fromkeys(
        ("progress.under", "progress.draws", "progress.floor", "progress.mean"), NOTHING
    )
    points["progress.marks"] = (
        np.array([mark.step for mark in told.marks], np.float32),
        [mark.label for mark in told.marks],
    )
    floor = told.beside.truth.floor
    if floor is not None:
        ends = np.array(told.room.get("step"), np.float32)
        points["progress.floor"] = ends, np.full(2, floor, np.float32)
        points["progress.under"] = theme.zone(ends[0], ends[1], -FAR, floor)
    if isinstance(told.work, Learning):
        points["progress.draws"] = told.work.losses()
        points["progress.mean"] = told.work.mean_losses()
    return points


def _path(told: "Explored") -> dict[str, Points]:
    names = ("progress.band", "progress.exact", "progress.path")
    points: dict[str, Points] = dict.fromkeys(names, NOTHING)
    place, ends = told.coordinate, told.room.get("step")
    if place is None:
        return points
    exact = told.beside.truth.marginal(place)
    if exact is not None:
        low, high = exact.mean - 2.0 * exact.sd, exact.mean + 2.0 * exact.sd
        points["progress.band"] = theme.zone(*ends, low, high)
        points["progress.exact"] = np.array(ends, np.float32), np.full(2, exact.mean, np.float32)
    column = told.posterior[0].get(place.name, np.empty(0))
    steps = np.arange(1, len(column) + 1, dtype=np.float32)
    points["progress.path"] = decimate(steps, column.astype(np.float32))
    return points


# ---- what moved


def values_stage(told: "Explored") -> Figure:
    """Parameters by step, or the mean of the draws so far."""
    if told.method == "SVI":
        names = shown_params(told)
        traces = [
            trace(role, f"values.{k}", name, label=name, at="end", mode="lines")
            for k, (role, name) in enumerate(zip(ROLES, names, strict=False))
        ]
        title = say("explore.plot.params")
    else:
        traces = [
            trace("exact", "values.exact", say("trace.exact_mean"), label="", at="start"),
            trace("learned", "values.mean", label="", at="end", mode="lines"),
        ]
        title = say("explore.plot.mean")
    picture = _plot(told, title, traces, "", told.room.get("values"))
    if told.method == "SMC":
        picture["layout"]["xaxis"]["range"] = [0.0, 12.0]
    return picture


def values_frame(told: "Explored") -> dict[str, Points]:
    """Points of what moved."""
    if told.method == "SVI":
        work, names = told.work, shown_params(told)
        if not isinstance(work, Learning):
            return {}
        return {f"values.{k}": work.course(name) for k, name in enumerate(names)}
    points: dict[str, Points] = {"values.exact": NOTHING, "values.mean": NOTHING}
    place = told.coordinate
    if place is None:
        return points
    exact = told.beside.truth.marginal(place)
    if exact is not None:
        ends = np.array((0.0, max(told.room.get("step")[1], 12.0)), np.float32)
        points["values.exact"] = ends, np.full(2, exact.mean, np.float32)
    if isinstance(told.work, Cloud):
        means = [each[place.name] for each in told.work.means]
        points["values.mean"] = _floats(range(len(means))), _floats(means)
    column, counts = told.posterior[0].get(place.name, np.empty(0)), told.posterior[1]
    if isinstance(told.work, Sampling) and len(column):
        shares = np.ones(len(column)) if counts is None else counts
        total = np.cumsum(shares)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.cumsum(shares * column) / total
        steps = np.arange(1, len(column) + 1, dtype=np.float32)
        known = total > 0.0
        points["values.mean"] = decimate(steps[known], means[known].astype(np.float32))
    return points


def _floats(numbers: Iterable[float]) -> np.ndarray:
    return np.array(list(numbers), np.float32)


# ---- what is written


def texts(told: "Explored") -> dict[str, str]:
    """Captions and labels of both."""
    written = {"progress": "", "values": ""}
    work, place = told.work, told.coordinate
    exact = None if place is None else told.beside.truth.marginal(place)
    if told.method == "SVI":
        written |= {"label:progress.floor": "", "label:progress.mean": ""}
        floor = told.beside.truth.floor
        if floor is not None:
            written["label:progress.floor"] = say("trace.floor", value=fixed(floor, 2))
        if isinstance(work, Learning) and work.step:
            mean = fixed(float(work.mean_losses()[1][-1]))
            written["label:progress.mean"] = mean
            window = str(min(work.step, WINDOW))
            written["progress"] = say("caption.loss", steps=window, mean=mean)
        written["alt:progress"] = say("alt.loss", caption=written["progress"])
    else:
        written["alt:progress"] = say("explore.alt.run", summary=told.summary())
        known = "" if exact is None else say("trace.exact_value", value=fixed(exact.mean))
        written["label:values.exact"] = known
        if told.method in CHAINS:
            written["label:progress.exact"] = known
        elif isinstance(work, Sampling) and work.step:
            written["label:progress.gauge"] = percent(float(_gauge(work)[-1]))
        elif isinstance(work, Cloud) and work.step:
            written["label:progress.gauge"] = say("explore.power_now", power=fixed(work.power))
    written["alt:values"] = say("explore.alt.values", summary=told.summary())
    return written
