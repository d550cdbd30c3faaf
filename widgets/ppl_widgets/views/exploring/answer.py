"""The main picture: the posterior of one number, of two, or the data that it predicts."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import theme
from ...exploring.extents import observed, replicas
from ...exploring.sampling import Sampling
from ...exploring.sites import Coordinate
from ...exploring.truth import Entry
from ...exploring.words import moments
from ...figures import NOTHING, Figure, Points
from ...scenarios import Range
from ...text import count, fixed, normal, say
from ..parts import bars, crossed, crosses, dots, pairs, trace

if TYPE_CHECKING:
    from ...exploring.explored import Explored

SIZES = (3.5, 5.5, 9.0)
"""Diameters of dots, from the lightest third to the heaviest draw."""
CLOUD = 600
"""Dots of each kind in a pair plot."""
EVEN = (0.6180339887, 0.4142135624)
"""Their multiples fall evenly between 0 and 1, and have nothing to do with each other."""
WIDE = 0.9
"""Of the mass, in the band of predictions."""


def stage(told: "Explored") -> Figure:
    """The picture that is looked at."""
    return _VIEWS[told.setting("view")][0](told)


def frame(told: "Explored") -> dict[str, Points]:
    """Its points."""
    return _VIEWS[told.setting("view")][1](told)


def texts(told: "Explored") -> dict[str, str]:
    """Its caption, labels and description."""
    view = told.setting("view")
    return _VIEWS[view][2](told) | {"alt:main": say(f"explore.alt.{view}", summary=told.summary())}


def layout(told: "Explored", title: str, x: str, y: str, axes: tuple[str, str]) -> dict[str, Any]:
    """The layout of the main plot over two axes of the room."""
    across, up = (told.room.get(axis) for axis in axes)
    return theme.layout(title, x=x, y=y, x_range=across, y_range=up, key=True)


# ---- one number


def _one_stage(told: "Explored") -> Figure:
    learned = say("trace.learned" if told.act == "train" else "trace.draw")
    label = {"label": learned, "at": "left"}
    traces = [
        trace("prior", "main.prior", say("trace.prior"), label=say("trace.prior"), at="right"),
        trace("exact", "main.exact", say("trace.exact"), label="", at="peak"),
        trace("learned", "main.draws", learned, mode="lines", **label),
    ]
    name = "" if told.coordinate is None else told.coordinate.name
    discrete = told.coordinate is not None and told.coordinate.discrete
    height = say("explore.axis.mass" if discrete else "axis.density")
    return {"data": traces, "layout": layout(told, name, name, height, ("x", "density"))}


def _one_frame(told: "Explored") -> dict[str, Points]:
    points: dict[str, Points] = {f"main.{kind}": NOTHING for kind in ("prior", "exact", "draws")}
    place = told.coordinate
    if place is None:
        return points
    ends, draw = told.room.get("x"), _masses if place.discrete else _outline
    columns, weights = told.posterior
    if place.name in told.beside.prior:
        points["main.prior"] = draw(told.beside.prior[place.name], ends, None)
    if len(columns.get(place.name, ())) > 1:
        points["main.draws"] = draw(columns[place.name], ends, weights)
    exact = told.beside.truth.marginal(place)
    if exact is not None:
        points["main.exact"] = _sticks(exact) if exact.discrete else _line(exact, ends)
    return points


def _outline(values: np.ndarray, ends: Range, weights: np.ndarray | None) -> Points:
    return bars(values, ends, weights)


def _masses(values: np.ndarray, ends: Range, weights: np.ndarray | None) -> Points:
    """How much lies on each whole number, as the outline of bars."""
    counts = np.ones(len(values)) if weights is None else weights
    if not counts.sum() > 0.0:
        return NOTHING
    first, last = int(np.ceil(ends[0])), int(np.floor(ends[1]))
    outcomes = np.arange(first, last + 1)
    masses = np.array([counts[values == k].sum() for k in outcomes]) / counts.sum()
    return _bars_at(outcomes, masses, 0.38)


def _sticks(exact: Entry) -> Points:
    return _bars_at(exact.grid, exact.heights, 0.3)


def _bars_at(places: np.ndarray, masses: np.ndarray, half: float) -> Points:
    across = (places[:, None] + half * np.array([-1.0, -1.0, 1.0, 1.0])).ravel()
    up = (masses[:, None] * np.array([0.0, 1.0, 1.0, 0.0])).ravel()
    return across.astype(np.float32), up.astype(np.float32)


def _line(exact: Entry, ends: Range) -> Points:
    inside = (exact.grid >= ends[0]) & (exact.grid <= ends[1])
    near = np.flatnonzero(inside)
    kept = slice(max(near[0] - 1, 0), near[-1] + 2) if len(near) else slice(0, 0)
    grid, heights = exact.grid[kept], exact.heights[kept]
    every = max(1, len(grid) // 400)
    return grid[::every].astype(np.float32), heights[::every].astype(np.float32)


def _one_texts(told: "Explored") -> dict[str, str]:
    place, found = told.coordinate, moments(told)
    exact = None if place is None else told.beside.truth.marginal(place)
    seen = say("caption.no_draws") if found is None else normal(*found)
    if exact is None:
        said = say("explore.caption.no_truth", seen=seen)
        return {"main": said, "label:main.exact": ""}
    known = normal(exact.mean, exact.sd)
    source = told.beside.truth.label
    return {
        "main": say("explore.caption.one", seen=seen, exact=known, source=source),
        "label:main.exact": source,
    }


# ---- two numbers


def _two_stage(told: "Explored") -> Figure:
    names = ["" if at is None else at.name for at in (told.coordinate, told.other)]
    learned = say("trace.learned" if told.act == "train" else "trace.draw")
    known = told.beside.truth.label or None
    traces = [dots("exact", "main.exact", known, 3.5, opacity=0.35)]
    named = {len(SIZES) // 2: learned}
    traces += [
        dots("learned", f"main.draws{k}", named.get(k), size, opacity=0.6)
        for k, size in enumerate(SIZES)
    ]
    traces.append(crosses("main.runaways", say("trace.ran_away") if _rolls(told) else None))
    title = say("explore.plot.pair", one=names[0], other=names[1])
    return {"data": traces, "layout": layout(told, title, names[0], names[1], ("x", "y"))}


def _rolls(told: "Explored") -> bool:
    """Whether the draws are those of a Hamiltonian chain, which may run away."""
    return told.method in ("HMC", "NUTS")


def _two_frame(told: "Explored") -> dict[str, Points]:
    points: dict[str, Points] = {f"main.draws{k}": NOTHING for k in range(len(SIZES))}
    points |= {"main.exact": NOTHING, "main.runaways": NOTHING}
    one, other = told.coordinate, told.other
    if one is None or other is None:
        return points
    known = told.beside.truth.pairs(one, other)
    points["main.exact"] = pairs(_apart(known[0], one), _apart(known[1], other, 1))
    columns, weights = told.posterior
    if one.name not in columns or other.name not in columns:
        return points
    astray = told.work.runaways if isinstance(told.work, Sampling) else {}
    if one.name in astray and other.name in astray:
        both = astray[one.name], astray[other.name]
        points["main.runaways"] = crossed(*both, told.room.get("x"), told.room.get("y"))
    x = _apart(columns[one.name][-CLOUD:], one)
    y = _apart(columns[other.name][-CLOUD:], other, 1)
    if weights is None:
        points["main.draws0"] = pairs(x, y)
        return points
    heavy = np.sqrt(weights[-CLOUD:] / max(float(weights.max()), 1e-300))
    classes = np.minimum((heavy * len(SIZES)).astype(int), len(SIZES) - 1)
    for k in range(len(SIZES)):
        here = (classes == k) & (heavy > 0.0)
        points[f"main.draws{k}"] = pairs(x[here], y[here])
    return points


def _apart(values: np.ndarray, place: Coordinate, shift: int = 0) -> np.ndarray:
    """Whole numbers, moved a little so that dots do not hide each other."""
    if not place.discrete:
        return values
    spots = (np.arange(len(values)) * EVEN[shift]) % 1.0
    return values + 0.5 * (spots - 0.5)


def _two_texts(told: "Explored") -> dict[str, str]:
    one, other = told.coordinate, told.other
    columns, weights = told.posterior
    if one is None or other is None or len(columns.get(one.name, ())) < 2:
        return {"main": say("caption.no_draws")}
    if other.name not in columns or (weights is not None and not weights.sum() > 0.0):
        return {"main": say("caption.no_draws")}
    pair = np.stack([columns[one.name], columns[other.name]])
    spread = np.cov(pair, aweights=weights, ddof=0)
    sds = np.sqrt(spread[0, 0] * spread[1, 1])
    if not sds > 0.0:
        return {"main": say("explore.caption.flat")}
    return {"main": say("explore.caption.pair", correlation=fixed(float(spread[0, 1] / sds)))}


# ---- what the data would look like


def _data_stage(told: "Explored") -> Figure:
    seen = observed(told)
    if len(seen) == 1:
        traces = [
            trace("learned", "main.made", say("explore.trace.made"), mode="lines"),
            trace("likelihood", "main.seen", say("explore.trace.seen"), label="", at="end"),
        ]
        title = next(iter(told.sites.observed)) if told.sites is not None else ""
        return {"data": traces, "layout": _data_layout(title, title, say("axis.density"), told)}
    traces = [
        trace("band", "main.band", say("explore.trace.band")),
        trace("learned", "main.made", say("explore.trace.made"), mode="lines"),
        dots("exact", "main.seen", say("explore.trace.seen"), 5.0),
    ]
    names = (say("explore.plot.data"), say("explore.axis.entry"), say("explore.axis.value"))
    return {"data": traces, "layout": _data_layout(*names, told)}


def _data_layout(title: str, x: str, y: str, told: "Explored") -> dict[str, Any]:
    """Values of one number across; or values up, over the numbers of the data."""
    seen, values = len(observed(told)), told.room.get("data")
    across = values if seen == 1 else (-0.5, max(seen, 2) - 0.5)
    up = told.room.get("predicted") if seen == 1 else values
    return theme.layout(title, x=x, y=y, x_range=across, y_range=up, key=True)


def _data_frame(told: "Explored") -> dict[str, Points]:
    seen, made = observed(told), replicas(told)
    places = np.arange(len(seen), dtype=np.float32)
    if len(seen) == 1:
        up = np.array(told.room.get("predicted"), np.float32)
        line = np.full(2, seen[0], np.float32), up
        drawn = bars(made[:, 0], told.room.get("data")) if made.size else NOTHING
        return {"main.seen": line, "main.made": drawn}
    points: dict[str, Points] = {"main.band": NOTHING, "main.made": NOTHING}
    points["main.seen"] = places, seen.astype(np.float32)
    if made.size:
        tail = 0.5 * (1.0 - WIDE)
        low, high = np.quantile(made, [tail, 1.0 - tail], axis=0)
        points["main.band"] = theme.band(places, low, high)
        points["main.made"] = places, made.mean(0).astype(np.float32)
    return points


def _data_texts(told: "Explored") -> dict[str, str]:
    seen, made = observed(told), replicas(told)
    if not len(seen):
        return {"main": say("explore.caption.no_data")}
    if told.beside.complaint:
        return {"main": told.beside.complaint}
    if not made.size:
        return {"main": say("explore.caption.no_replicas")}
    tail = 0.5 * (1.0 - WIDE)
    low, high = np.quantile(made, [tail, 1.0 - tail], axis=0)
    inside = int(((seen >= low) & (seen <= high)).sum())
    numbers = {"inside": count(inside), "num": count(len(seen)), "draws": count(len(made))}
    return {"main": say("explore.caption.data", **numbers)}


_VIEWS: dict[str, tuple[Callable[..., Figure], Callable[..., Any], Callable[..., Any]]] = {
    "posterior": (_one_stage, _one_frame, _one_texts),
    "pair": (_two_stage, _two_frame, _two_texts),
    "predictive": (_data_stage, _data_frame, _data_texts),
}
