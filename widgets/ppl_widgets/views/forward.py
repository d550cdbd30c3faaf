"""The forward machine: runs that fall from the guess to the weight to the reading."""

from typing import TYPE_CHECKING

import numpy as np

from ..falling import LINES, Falling
from ..figures import NOTHING, Figure, Points, filled
from ..rows import Row, Table
from ..scenarios import forward as truth
from ..text import fixed, normal, say, setting
from .parts import bars, belief, figure, outline, trace

if TYPE_CHECKING:
    from ..drawing import Drawing

PATHS = 80
"""The newest so many runs are shown falling."""
SITES = ("weight", "measurement")
GONE = "–"
"""What the newest run has not drawn yet."""


def stage(drawing: "Drawing") -> dict[str, Figure]:
    """The fall of the newest runs, and a histogram of each site over all of them."""
    thin = {"line": {"width": 1, "dash": "solid"}, "opacity": 0.4}
    fall = [
        trace("prior", "runs.past", say("trace.past"), mode="lines", **thin),
        trace("learned", "runs.newest", say("trace.newest")),
    ]
    runs = figure(drawing, "runs", fall, "kg", "fall", key=True)
    floors = {"tickvals": [2, 1, 0], "ticktext": [say(f"fall.{f}") for f in ("guess", *SITES)]}
    runs["layout"]["yaxis"] |= floors
    runs["layout"]["margin"] |= {"l": 96}
    figures = {"runs": runs}
    for site in SITES:
        traces = [
            trace("exact", f"{site}.exact", say("trace.exact"), label="", at="peak"),
            outline(f"{site}.draws"),
            trace("mark", f"{site}.newest"),
        ]
        figures[site] = figure(drawing, site, traces, "kg", "density")
    return filled(figures, frame(drawing))


def frame(drawing: "Drawing") -> dict[str, Points]:
    """The points of every live trace now."""
    draws, ranges = drawing.draws, drawing.view.ranges
    known, guess = truth.exact(drawing.controls), drawing.controls["guess"]
    columns = [draws.get(site, np.empty(0)) for site in SITES]
    points = {
        "runs.past": _paths(guess, *(column[-PATHS - 1 : -1] for column in columns)),
        "runs.newest": _fallen(drawing, _paths(guess, *(column[-1:] for column in columns))),
    }
    for site, column in zip(SITES, columns, strict=True):
        points[f"{site}.exact"] = belief(known[site], ranges["kg"], ranges["density"][1])
        points[f"{site}.draws"] = bars(column, ranges["kg"])
        newest = column[-1:].astype(np.float32) if site in _sites(drawing) else NOTHING[0]
        points[f"{site}.newest"] = (newest, [fixed(float(value)) for value in newest])
    return points


def _paths(guess: float, weight: np.ndarray, measurement: np.ndarray) -> Points:
    """From the guess to the weight to the reading, a gap between two runs."""
    if not len(weight):
        return NOTHING
    ends = np.full(len(weight), guess), weight, measurement, np.full(len(weight), np.nan)
    across = np.stack(ends, 1).ravel()[:-1]
    up = np.tile([2.0, 1.0, 0.0, np.nan], len(weight))[:-1]
    return across.astype(np.float32), up.astype(np.float32)


def _fallen(drawing: "Drawing", path: Points) -> Points:
    """As far as the newest run has come."""
    x, y = path
    return x[: _line(drawing) + 1], y[: _line(drawing) + 1]


def _line(drawing: "Drawing") -> int:
    """The line that the newest run is on: the last one, where runs do not fall."""
    return drawing.line if isinstance(drawing, Falling) else LINES - 1


def _sites(drawing: "Drawing") -> tuple[str, ...]:
    """Those at which the newest run has been."""
    return SITES[: _line(drawing)]


def _newest(drawing: "Drawing") -> dict[str, str]:
    """The values of the newest run so far."""
    if not drawing.step:
        return dict.fromkeys(SITES, GONE)
    been = _sites(drawing)
    draws = drawing.draws
    return {site: fixed(float(draws[site][-1])) if site in been else GONE for site in SITES}


def table(drawing: "Drawing") -> Table:
    """The program line by line: where the newest run is, and what it has drawn."""
    values = (setting(drawing.controls["guess"]), *_newest(drawing).values())
    lit = _line(drawing) if drawing.step else None
    rows = [
        Row((line, value), "learned" if number == lit else "")
        for number, (line, value) in enumerate(
            zip(truth.program(drawing.controls), values, strict=True)
        )
    ]
    heads = (say("forward.head_line"), say("forward.head_value"))
    return Table(heads, rows, numbers={1}, code={0})


def texts(drawing: "Drawing") -> dict[str, str]:
    """The newest run, and each histogram's moments beside the exact ones."""
    draws, known = drawing.draws, truth.exact(drawing.controls)
    written = {"alt:runs": say("alt.fall", summary=drawing.summary()), "runs": ""}
    if drawing.step:
        written["runs"] = say("caption.fall", **_newest(drawing))
    for site in SITES:
        exact, column = normal(known[site].mean, known[site].sd), draws.get(site, np.empty(0))
        seen = ""
        if len(column) > 1:
            seen = normal(float(column.mean()), float(column.std(ddof=1)))
        written[f"label:{site}.exact"] = say("trace.exact_value", value=exact)
        written[site] = say("caption.site", seen=seen) if seen else ""
        written[f"alt:{site}"] = say("alt.site", site=say(f"fall.{site}"), seen=seen, exact=exact)
    return written
