"""Look or touch: every site before and after, and what the other deed would have done."""

from typing import TYPE_CHECKING

import numpy as np

from ..figures import NOTHING, Figure, Points, filled
from ..scenarios import looking as truth
from ..text import fixed, normal, say
from .graph import Place, arrows
from .parts import bars, belief, dots, figure, outline, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

PLOTS = ("first", "second", "third")
SPOTS: dict[str, Place] = {"draught": (0.5, 1.0), "weight": (0.0, 0.0), "measurement": (1.0, 0.0)}
"""Of the sites in the graph."""
ABOVE, BELOW = 0.05, -0.75
"""Where their names stand, off the arrows."""
ARROWS = (("draught", "weight"), ("weight", "measurement"), ("draught", "measurement"))


def places(drawing: "Drawing") -> dict[str, str]:
    """Plot -> the site it shows; the main plot shows what is asked, not what is given."""
    scale = ("weight", "measurement")
    asked = scale[::-1] if drawing.controls["site"] == "weight" else scale
    return dict(zip(PLOTS, (*asked, "draught"), strict=True))


def _axis(site: str) -> str:
    return "kg_off" if site == "draught" else "kg"


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """One plot for each site."""
    figures: dict[str, Figure] = {}
    for plot, site in places(drawing).items():
        traces = [
            trace("prior", f"{plot}.before", say("trace.before"), label="", at="left"),
            trace("likelihood", f"{plot}.other", say("trace.other_deed"), label="", at="right"),
            trace("exact", f"{plot}.after", say("trace.exact"), label="", at="peak"),
            outline(f"{plot}.draws"),
        ]
        figures[plot] = figure(drawing, site, traces, _axis(site), "density", key=plot == "first")
    figures["graph"] = _graph(drawing)
    return filled(figures, frame(drawing))


def _graph(drawing: "Drawing") -> Figure:
    nodes = [dots("exact", f"graph.{site}", None, 12.0) for site in SPOTS]
    words = [
        trace("exact", f"graph.{site}.word", label=say(f"fall.{site}"), at="peak") for site in SPOTS
    ]
    traces = [
        trace("prior", "graph.cut"),
        trace("exact", "graph.arrows", line={"width": 2, "dash": "solid"}),
        *nodes,
        *words,
        dots("learned", "graph.given", None, 7.0),
    ]
    picture = figure(drawing, "graph", traces, "across", "up")
    for axis in ("xaxis", "yaxis"):
        bare = {"tickvals": [], "ticktext": [], "showline": False, "showgrid": False}
        picture["layout"][axis] |= bare
    return picture


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace now; sites that are not there have none."""
    controls, draws, ranges = drawing.controls, drawing.draws, drawing.view.ranges
    before, after = truth.exact(controls, "none"), truth.exact(controls)
    other = truth.exact(controls, _other(controls["how"]))
    weights, top = truth.weights(draws), 0.98 * ranges["density"][1]
    points: dict[str, Points] = {}
    for plot, site in places(drawing).items():
        there, given, ends = site in before, site == controls["site"], ranges[_axis(site)]
        asked = there and not given and controls["site"] != "none"
        drawn = draws.get(site, np.empty(0))
        points[f"{plot}.before"] = belief(before[site], ends, top) if there else NOTHING
        points[f"{plot}.other"] = belief(other[site], ends, top) if asked else NOTHING
        points[f"{plot}.after"] = belief(after[site], ends, top) if there else NOTHING
        points[f"{plot}.draws"] = NOTHING if given else bars(drawn, ends, weights[: len(drawn)])
    for site, (across, up) in SPOTS.items():
        points[f"graph.{site}"] = _dot((across, up)) if site in before else NOTHING
        word = up + (ABOVE if up > 0.0 else BELOW)
        points[f"graph.{site}.word"] = _dot((across, word)) if site in before else NOTHING
    points["graph.given"] = NOTHING if controls["site"] == "none" else _dot(SPOTS[controls["site"]])
    there = [ends for ends in ARROWS if ends[0] in before]
    points["graph.cut"] = arrows([ends for ends in there if ends[1] == _cut(drawing)], SPOTS)
    points["graph.arrows"] = arrows([ends for ends in there if ends[1] != _cut(drawing)], SPOTS)
    return points


def _dot(spot: Place) -> Points:
    return np.array(spot[:1], np.float32), np.array(spot[1:], np.float32)


def _cut(drawing: "Drawing") -> str:
    """The site whose arrows are cut, if one is."""
    return drawing.controls["site"] if drawing.controls["how"] == "touch" else ""


def _other(how: str) -> str:
    return "look" if how == "touch" else "touch"


def texts(drawing: "Drawing") -> dict[str, str]:
    """The arrows, with the cut ones, and every site in numbers."""
    controls = drawing.controls
    before, after = truth.exact(controls, "none"), truth.exact(controls)
    other = truth.exact(controls, _other(controls["how"]))
    written: dict[str, str] = {}
    for plot, site in places(drawing).items():
        written[f"alt:{plot}"] = say(
            "alt.looking", site=say(f"fall.{site}"), summary=drawing.summary()
        )
        if site not in before:
            written[plot] = say("caption.no_draught")
            continue
        given, now = site == controls["site"], normal(after[site].mean, after[site].sd)
        elsewhere = normal(other[site].mean, other[site].sd)
        mean = fixed(truth.average(drawing.draws, site))
        written[plot] = say("caption.given") if given else say("caption.after", mean=mean)
        written[f"label:{plot}.after"] = "" if given else say("trace.exact_value", value=now)
        written[f"label:{plot}.other"] = say(f"trace.if_{_other(controls['how'])}", other=elsewhere)
    written["graph"] = in_a_line(drawing)
    written["alt:graph"] = say("alt.graph", graph=written["graph"])
    return written


def in_a_line(drawing: "Drawing") -> str:
    """The graph in a line: `draught ↛ weight = 10 → measurement ← draught`."""
    controls = drawing.controls
    gust, cut = controls["draught"] == "on", _cut(drawing)
    into = {site: "↛" if site == cut else "→" for site in ("weight", "measurement")}
    back = "↚" if cut == "measurement" else "←"
    before = f"{say('fall.draught')} {into['weight']} " if gust else ""
    after = f" {back} {say('fall.draught')}" if gust else ""
    weight, measurement = say("fall.weight"), say("fall.measurement")
    return f"{before}{weight} {into['measurement']} {measurement}{after}"
