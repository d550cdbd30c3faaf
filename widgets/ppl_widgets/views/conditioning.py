"""The condition bench: a cloud of runs, the slice that agrees with the scale, its histogram."""

from typing import TYPE_CHECKING

import numpy as np

from .. import theme
from ..figures import Figure, Points, filled
from ..scenarios import conditioning as truth
from ..text import count, fixed, normal, percent, say, setting
from .parts import bars, belief, curve, dots, figure, outline, pairs, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

FAR = 1e3
"""Further out than any axis."""


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """The cloud, and the weights of the runs that were kept."""
    cloud = [
        trace("band", "runs.slice"),
        dots("prior", "runs.other", say("trace.other"), opacity=0.45),
        dots("learned", "runs.kept", say("trace.kept")),
        trace("likelihood", "runs.reading", say("trace.reading"), label="", at="end"),
        theme.grip("likelihood", "runs.measurement", y="measurement"),
    ]
    weights = [
        trace("expected", "kept.limit", say("trace.limit"), label=say("trace.limit"), at="right"),
        trace("exact", "kept.exact", say("trace.exact"), label=say("trace.exact"), at="peak"),
        outline("kept.draws"),
    ]
    return filled(
        {
            "runs": figure(drawing, "runs", cloud, "weight", "measurement", key=True),
            "kept": figure(drawing, "kept", weights, "weight", "density"),
        },
        frame(drawing),
    )


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, draws, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    known = truth.window(controls)
    middle, width = controls["measurement"], controls["window"]
    points = {
        "runs.slice": theme.zone(-FAR, FAR, middle - width, middle + width),
        "runs.reading": (np.array(ranges["weight"], np.float32), np.full(2, middle, np.float32)),
        "runs.measurement": pairs(
            np.array([0.03 * ranges["weight"][0] + 0.97 * ranges["weight"][1]]), np.array([middle])
        ),
        "kept.limit": belief(known.limit, ranges["weight"], ranges["density"][1]),
        "kept.exact": curve(lambda x: truth.window_density(controls, x), ranges["weight"]),
    }
    weight, reading = draws.get("weight", np.empty(0)), draws.get("measurement", np.empty(0))
    agree = np.abs(reading - middle) < width
    points["runs.other"] = pairs(weight[~agree], reading[~agree])
    points["runs.kept"] = pairs(weight[agree], reading[agree])
    points["kept.draws"] = bars(weight[agree], ranges["weight"])
    return points


def texts(drawing: "Drawing") -> dict[str, str]:
    """Shares, means, and who set what."""
    controls, draws = drawing.controls, drawing.draws
    known = truth.window(controls)
    weight = draws.get("weight", np.empty(0))
    agree = np.abs(draws.get("measurement", weight) - controls["measurement"]) < controls["window"]
    mean = fixed(float(weight[agree].mean())) if agree.any() else say("caption.nothing")
    ledger = [
        say("ledger.entry", site=e.name, value=fixed(float(e.value)), who=e.set_by)
        if e.set_by != "prior"
        else say("ledger.drawn", site=e.name, who=e.set_by)
        for e in truth.who_set_what(controls)
    ]
    limit = normal(known.limit.mean, known.limit.sd)
    share = {"kept": count(int(agree.sum())), "num": count(len(agree))}
    said = say("caption.runs", **share, share=percent(known.share), ledger=" · ".join(ledger))
    return {
        "runs": said,
        "kept": say("caption.window", mean=mean, exact=fixed(known.mean), limit=limit),
        "label:runs.reading": say("trace.reading_value", value=setting(controls["measurement"])),
        "alt:runs": say("alt.runs", summary=drawing.summary()),
        "alt:kept": say("alt.kept", summary=drawing.summary()),
    }
