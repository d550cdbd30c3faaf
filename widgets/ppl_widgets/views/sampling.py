"""The sampler stage: rides over contours, both marginals, the ride's energy, what is accepted."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..scenarios import sampling as truth
from ..scenarios.rides import energies
from ..scenarios.targets import SITES, TARGETS, contour, curve, moments
from ..text import count, fixed, percent, say
from .parts import bars, crossed, crosses, dots, figure, pairs, trace

if TYPE_CHECKING:
    from ..riding import Riding

SHARES = (0.2, 0.5, 0.8, 0.95)
"""Of the mass, inside the contours."""
GAUGE = 300
"""Points of the gauge's line."""
SMALL = (*SITES, "energy", "gauge")
"""Plots with room for few ticks."""
POINTS = 281
"""Of a marginal's curve."""


def stage(riding: "Riding") -> dict[str, Figure]:
    """The plane, both marginals, the energy along the ride, and the gauge."""
    thin = {"width": 1, "dash": "solid", "color": theme.PALETTE["light"]["prior"]}
    plane = [
        trace("prior", "ride.contours", say("trace.mass_lines"), line=thin, opacity=0.8),
        dots("learned", "ride.draws", say("trace.draw"), 3.5, opacity=0.45),
        trace("likelihood", "ride.behind", say("trace.behind"), **_beads("likelihood")),
        trace("expected", "ride.ahead", say("trace.ahead"), **_beads("expected")),
        crosses("ride.runaways", say("trace.ran_away")),
        dots("prior", "ride.refused", say("trace.refused"), 9.0),
        dots("learned", "ride.now", say("trace.here"), 10.0),
    ]
    energy = [
        trace("exact", "energy.zero", line={**theme.series("exact")["line"], "width": 1}),
        trace("expected", "energy.ride", **_beads("expected")),
        dots("learned", "energy.now", None, 9.0),
    ]
    gauge = [
        trace("exact", "gauge.exact", say("trace.exact"), label="", at="end"),
        trace("learned", "gauge.seen", say("trace.draw"), label="", at="end", mode="lines"),
    ]
    figures = {
        "ride": _plane(riding, plane),
        "x": _side(riding, "x"),
        "y": _side(riding, "y"),
        "energy": figure(riding, "energy", energy, "along", "energy"),
        "gauge": figure(riding, "accepted_share", gauge, "draw", "share"),
    }
    for name in SMALL:
        figures[name]["layout"]["yaxis"]["nticks"] = 3
    return filled(figures, frame(riding))


def _beads(role: str) -> dict[str, Any]:
    """A thin line with a bead at every point."""
    colour = theme.PALETTE["light"][role]
    line = {"width": 1.5, "dash": "solid", "color": colour}
    return {"mode": "lines+markers", "line": line, "marker": {"size": 5, "color": colour}}


def _plane(riding: "Riding", traces: list[dict[str, Any]]) -> Figure:
    target = truth.target(riding.controls)
    sides: dict[str, Any] = {"x_range": target.across, "y_range": target.up}
    names = {"x": say("axis.x"), "y": say("axis.y")}
    return {"data": traces, "layout": theme.layout(say("plot.ride"), **names, **sides, key=True)}


def _side(riding: "Riding", site: str) -> Figure:
    """One marginal: draws under the exact curve."""
    traces = [
        trace("exact", f"{site}.exact", say("trace.exact"), label=say("trace.exact"), at="peak"),
        trace("learned", f"{site}.draws", mode="lines", label=say("trace.draw"), at="left"),
    ]
    at, density = curve(riding.controls["target"], site)
    names = {"y": say("axis.density")}
    ends: dict[str, Any] = {"x_range": (at[0], at[-1]), "y_range": (0.0, 1.3 * density.max())}
    layout = theme.layout(say(f"plot.{site}"), **names, **ends)
    return {"data": traces, "layout": layout}


def frame(riding: "Riding") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, draws, ranges = riding.controls, riding.draws, riding.view.ranges
    target, seen = truth.target(controls), truth.gauge(draws)
    exact = truth.share(controls)
    points: dict[str, Points] = {
        "ride.contours": _contours(controls["target"]),
        "ride.draws": pairs(draws.get("x", np.empty(0)), draws.get("y", np.empty(0))),
        "ride.runaways": _runaways(riding),
        "gauge.exact": NOTHING,
        "gauge.seen": NOTHING,
        "energy.zero": _points([0.0, 1.0], [0.0, 0.0]),
    }
    for site in SITES:
        points[f"{site}.exact"] = _points(*curve(controls["target"], site))
        points[f"{site}.draws"] = bars(draws.get(site, np.empty(0)), target.range_of(site))
    if exact is not None:
        points["gauge.exact"] = _points(ranges["draw"], [exact, exact])
    if len(seen):
        steps = np.unique(np.linspace(0, len(seen) - 1, GAUGE).astype(int))
        points["gauge.seen"] = _points(steps + 1, seen[steps])
    return points | _ride(riding)


def _ride(riding: "Riding") -> dict[str, Points]:
    """The step under way, or the newest one: its way, where it ends, its energy."""
    names = ("ride.ahead", "ride.behind", "ride.refused", "ride.now", "energy.ride", "energy.now")
    points: dict[str, Points] = dict.fromkeys(names, NOTHING)
    ride, row = riding.ride, riding.draw
    if ride is None:
        return points
    first, last = ride.reached(riding.reached or len(ride))
    x, y = ride.points.T
    points["ride.ahead"] = _points(x[ride.begin : last], y[ride.begin : last])
    points["ride.behind"] = _points(x[first : ride.begin + 1], y[first : ride.begin + 1])
    if ride.begin == first:
        points["ride.behind"] = NOTHING
    here = ride.points[ride.begin] if riding.reached else np.array([row["x"], row["y"]])
    points["ride.now"] = _points(here[:1], here[1:])
    if not riding.reached and not row["accepted"]:
        points["ride.refused"] = _points(x[-1:], y[-1:])
    gained = gains(riding)
    along = np.linspace(0.0, 1.0, max(2, len(gained)))[: len(gained)]
    points["energy.ride"] = _points(along[first:last], gained[first:last])
    at = int(np.abs(ride.points - here).sum(axis=1).argmin())
    points["energy.now"] = _points(along[at : at + 1], gained[at : at + 1])
    return points


def gains(riding: "Riding") -> np.ndarray:
    """Energy gained along the ride, in nats."""
    ride, mass = riding.ride, riding.inverse_mass
    assert ride is not None
    target = TARGETS[riding.controls["target"]]
    return energies(target, ride, riding.draw["step_size"], mass)


def _contours(name: str) -> Points:
    """All contours as one line with gaps."""
    lines = [contour(name, share) for share in SHARES]
    return _points(*(np.concatenate(part) for part in zip(*lines, strict=True)))


def _runaways(riding: "Riding") -> Points:
    """A cross where each trajectory ran away."""
    draws, target = riding.draws, truth.target(riding.controls)
    chosen = draws.get("diverged", np.empty(0)) > 0.0
    x, y = (draws.get(f"at_{site}", np.empty(0))[chosen] for site in SITES)
    return crossed(x, y, target.across, target.up)


def _points(x: object, y: object) -> Points:
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def texts(riding: "Riding") -> dict[str, str]:
    """What became of the step, and what the draws know."""
    controls, draws = riding.controls, riding.draws
    seen, exact, known = truth.gauge(draws), truth.share(controls), moments(controls["target"])
    now = percent(float(seen[-1])) if len(seen) else ""
    source = say(f"source.{truth.target(controls).source}")
    written = {
        "ride": _fate(riding),
        "label:gauge.exact": "",
        "label:gauge.seen": now,
        "alt:ride": say("alt.ride", summary=riding.summary()),
    }
    for site in SITES:
        values = draws.get(site, np.empty(0))
        mean = fixed(float(values.mean())) if len(values) else say("caption.no_draws")
        parts = {"mean": mean, "exact": fixed(known[site].mean), "source": source}
        written[site] = say("caption.marginal", **parts)
    worth = {
        "seen": now or say("caption.no_draws"),
        "effective": count(round(truth.effective(controls, draws))),
    }
    written["gauge"] = say("caption.effective", **worth)
    if exact is not None:
        written["gauge"] = say("caption.effective_exact", exact=percent(exact), **worth)
        written["label:gauge.exact"] = say("trace.exact_value", value=percent(exact))
    gain = say("caption.no_ride")
    if riding.ride is not None:
        gain = fixed(float(gains(riding)[-1]))
    written["energy"] = say("caption.energy", gain=gain) if riding.ride else gain
    written["alt:energy"] = say("alt.energy", gain=gain)
    return written


def _fate(riding: "Riding") -> str:
    """What became of the step."""
    ride = riding.ride
    if ride is None:
        return say("caption.no_ride")
    points = {"points": count(len(ride))}
    if riding.reached:
        return say("caption.on_the_way", points=count(riding.reached), all=count(len(ride)))
    row = riding.draw
    if row["diverged"]:
        return say("caption.runaway", **points)
    if riding.controls["kernel"] == "NUTS":
        return say("caption.chosen", **points)
    return say("caption.taken" if row["accepted"] else "caption.refused", **points)
