"""Many: a belief in units of the exact one, or two weights as ellipses; and what size does."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..history import decimate
from ..scenarios import Gaussian, batches, together
from ..scenarios.many import of_readings
from ..text import fixed, say
from .parts import curve, dots, figure, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

ROUND = np.linspace(0.0, 2.0 * math.pi, 121)
"""Angles of an ellipse."""
MOST = 20
"""Weights on the axis that counts them."""


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """The plots of the chosen case."""
    plots = _readings(drawing) if of_readings(drawing.controls) else _weights(drawing)
    return filled(plots, frame(drawing))


def _readings(drawing: "Drawing") -> dict[str, Figure]:
    exact, learned, forgotten = say("trace.exact"), say("trace.learned"), say("trace.no_scale")
    belief = [
        trace("expected", "belief.forgotten", forgotten, label=forgotten, at="left"),
        trace("exact", "belief.exact", exact, label=exact, at="right"),
        trace("learned", "belief.learned", learned, label=learned, at="right"),
    ]
    width = [
        trace("expected", "width.forgotten", forgotten, label=forgotten, at="end"),
        trace("exact", "width.exact", exact, label="", at="start"),
        dots("learned", "width.run", say("trace.run"), 10.0),
    ]
    slope = [
        trace("likelihood", "slope.theory", say("trace.theory")),
        dots("learned", "slope.run", say("trace.run"), 10.0),
    ]
    course = [
        trace("expected", "course.forgotten"),
        trace("exact", "course.exact"),
        trace("learned", "course.learned", label="", at="end", mode="lines"),
    ]
    return {
        "first": figure(drawing, "belief", belief, "sds", "density", key=True),
        "second": _log(figure(drawing, "width", width, "batch", "width")),
        "third": _log(figure(drawing, "slope", slope, "batch", "slope")),
        "fourth": _log(figure(drawing, "narrowing", course, "step", "width"), ("yaxis",)),
    }


def _weights(drawing: "Drawing") -> dict[str, Figure]:
    exact, learned, prior = say("trace.exact"), say("trace.learned"), say("trace.prior")
    claimed = say("trace.claimed")
    pair = [
        trace("prior", "pair.prior", prior),
        trace("exact", "pair.exact", exact),
        trace("learned", "pair.learned", learned, mode="lines"),
    ]
    sds = [
        trace("expected", "claimed.field", claimed, label=claimed, at="end"),
        trace("exact", "claimed.exact", exact, label=exact, at="end"),
        dots("learned", "claimed.run", say("trace.run"), 10.0),
    ]
    lost = [
        trace("expected", "lost.field", claimed, label=claimed, at="left"),
        trace("exact", "lost.full", say("option.case.full")),
        dots("learned", "lost.run", say("trace.run"), 10.0),
    ]
    faint: dict[str, Any] = {
        "line": {**theme.series("learned")["line"], "width": 1},
        "opacity": 0.6,
    }
    loss = [
        trace("forbidden", "loss.forbidden"),
        trace("learned", "loss.draws", mode="lines", **faint),
        trace("expected", "loss.field", label="", at="end"),
        trace("exact", "loss.floor", label="", at="end"),
    ]
    return {
        "first": figure(drawing, "pair", pair, "first", "second", key=True),
        "second": figure(drawing, "claimed", sds, "weights", "sd"),
        "third": figure(drawing, "lost", lost, "weights", "gap"),
        "fourth": figure(drawing, "loss", loss, "step", "loss"),
    }


def _log(picture: Figure, axes: tuple[str, ...] = ("xaxis", "yaxis")) -> Figure:
    """The same figure with logarithmic axes, whose ranges count decades."""
    for axis in axes:
        picture["layout"][axis] |= {"type": "log", "dtick": 1}
    return picture


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace of the chosen case now."""
    move = _move_readings if of_readings(drawing.controls) else _move_weights
    return move(drawing)


def _move_readings(drawing: "Drawing") -> dict[str, Points]:
    controls, steps, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    exact, guide = batches.exact(controls), batches.guide_of(controls, steps)
    forgotten, (number, batch) = batches.ends_at(controls), batches.size(controls)
    sizes = np.geomspace(1.0, number, 60)
    trust = (controls["prior_sd"] ** -2 + sizes * controls["noise_sd"] ** -2) ** -0.5
    noise = [exact.sd * batches.slope_sd(controls, size, exact) for size in sizes]
    seen = exact.sd * batches.seen_slope_sd(steps)
    sds = steps.get("b", np.empty(0))
    return {
        "belief.forgotten": curve(_in_units(forgotten, exact).density, ranges["sds"]),
        "belief.exact": curve(Gaussian(0.0, 1.0).density, ranges["sds"]),
        "belief.learned": curve(_in_units(guide, exact).density, ranges["sds"]),
        "width.forgotten": _points(sizes, trust),
        "width.exact": _points([1.0, number], [exact.sd, exact.sd]),
        "width.run": _points([batch], [guide.sd]),
        "slope.theory": _points(sizes, noise),
        "slope.run": NOTHING if math.isnan(seen) else _points([batch], [seen]),
        "course.forgotten": _points(ranges["step"], [forgotten.sd] * 2),
        "course.exact": _points(ranges["step"], [exact.sd] * 2),
        "course.learned": _line(sds),
    }


def _in_units(what: Gaussian, exact: Gaussian) -> Gaussian:
    """A belief as seen by somebody who counts in exact sds from the exact mean."""
    return Gaussian((what.mean - exact.mean) / exact.sd, what.sd / exact.sd)


def _move_weights(drawing: "Drawing") -> dict[str, Points]:
    controls, steps, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    mean, cov = together.joint(controls)
    sizes, number = np.arange(1.0, MOST + 1.0), controls["weights"]
    own, shape = together.pair(controls, steps)
    prior = controls["prior_sd"] ** 2 * np.eye(2)
    across = ranges["step"]
    floor = together.floor(controls)
    gaps = steps.get("gap", np.empty(0))
    claimed = together.claimed_gap(controls, sizes)
    return {
        "pair.prior": ellipse(np.full(2, controls["guess"]), prior),
        "pair.exact": ellipse(mean[:2], cov[:2, :2]),
        "pair.learned": ellipse(own, shape),
        "claimed.field": _points([1.0, MOST], [together.claimed_sd(controls)] * 2),
        "claimed.exact": _points(sizes, together.exact_sd(controls, sizes)),
        "claimed.run": _points([number], [shape[0, 0] ** 0.5]),
        "lost.field": _points(sizes, claimed),
        "lost.full": _points([1.0, MOST], [0.0, 0.0]),
        "lost.run": _points([number], gaps[-1:]) if len(gaps) else NOTHING,
        "loss.forbidden": theme.zone(*across, -1e3, floor),
        "loss.draws": _line(steps.get("loss", np.empty(0))),
        "loss.field": _points(across, [together.claimed_floor(controls)] * 2),
        "loss.floor": _points(across, [floor, floor]),
    }


def ellipse(mean: np.ndarray, cov: np.ndarray) -> Points:
    """Where a joint normal of two is as far from its mean as one sd is for one."""
    values, vectors = np.linalg.eigh(cov)
    circle = np.stack([np.cos(ROUND), np.sin(ROUND)])
    x, y = mean[:, None] + vectors @ (np.sqrt(np.clip(values, 0.0, None))[:, None] * circle)
    return _points(x, y)


def _points(x: Any, y: Any) -> Points:
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _line(values: np.ndarray) -> Points:
    """A series over the steps."""
    number = np.arange(1.0, len(values) + 1.0)
    return decimate(number.astype(np.float32), values.astype(np.float32))


def texts(drawing: "Drawing") -> dict[str, str]:
    """Every width in numbers."""
    of = _tell_readings if of_readings(drawing.controls) else _tell_weights
    return of(drawing)


def _tell_readings(drawing: "Drawing") -> dict[str, str]:
    controls, steps = drawing.controls, drawing.draws
    exact, guide = batches.exact(controls), batches.guide_of(controls, steps)
    forgotten, batch = batches.ends_at(controls), batches.size(controls)[1]
    theory = fixed(exact.sd * batches.slope_sd(controls, batch, guide))
    seen = exact.sd * batches.seen_slope_sd(steps)
    widths = {"exact": fixed(exact.sd, 4), "forgotten": fixed(forgotten.sd, 4)}
    noise = say(
        "caption.noise",
        seen=say("caption.start") if math.isnan(seen) else fixed(seen),
        theory=theory,
    )
    learned = say("caption.learned", learned=fixed(guide.sd, 4))
    return {
        "first": say(
            "caption.belief",
            mean=fixed(guide.mean, 3),
            sd=fixed(guide.sd, 4),
            exact=f"{fixed(exact.mean, 3)}, {fixed(exact.sd, 4)}",
        ),
        "second": say("caption.learned", learned=fixed(guide.sd, 4)),
        "third": noise,
        "fourth": learned,
        "label:width.exact": say("trace.exact_value", value=widths["exact"]),
        "label:course.learned": fixed(guide.sd, 4),
        "alt:first": say("alt.many", summary=drawing.summary()),
        "alt:second": say("alt.widths", caption=say("caption.widths", **widths)),
        "alt:third": say("alt.slope", caption=noise),
        "alt:fourth": say("alt.widening", caption=learned),
    }


def _tell_weights(drawing: "Drawing") -> dict[str, str]:
    controls, steps = drawing.controls, drawing.draws
    _, cov = together.pair(controls, steps)
    _, exact = together.joint(controls)
    number, gaps = controls["weights"], steps.get("gap", np.empty(0))
    sd, exact_sd = fixed(cov[0, 0] ** 0.5, 3), fixed(exact[0, 0] ** 0.5, 3)
    gap = fixed(max(float(gaps[-1]), 0.0), 3) if len(gaps) else say("caption.start")
    lost = say(
        "caption.lost", gap=gap, claimed=fixed(float(together.claimed_gap(controls, number)), 3)
    )
    return {
        "first": say(
            "caption.pair",
            sd=sd,
            rho=fixed(cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1])),
            exact_sd=exact_sd,
            exact_rho=fixed(exact[0, 1] / exact[0, 0]),
        ),
        "second": say("caption.claimed", learned=sd, exact=exact_sd),
        "third": lost,
        "fourth": "",
        "label:loss.floor": say("trace.floor", value=fixed(together.floor(controls), 3)),
        "label:loss.field": say(
            "trace.claimed_value", value=fixed(together.claimed_floor(controls), 3)
        ),
        "alt:first": say("alt.many", summary=drawing.summary()),
        "alt:second": say("alt.claimed", caption=say("caption.learned", learned=sd)),
        "alt:third": say("alt.lost", caption=lost),
        "alt:fourth": say("alt.loss", caption=gap),
    }
