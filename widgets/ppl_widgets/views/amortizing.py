"""One guide, all readings: its line beside the exact one, one answer, the gap by reading."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..figures import Figure, Points, filled
from ..scenarios import Gaussian
from ..scenarios import amortizing as truth
from ..text import fixed, nats, say
from .parts import belief, dots, figure, trace

if TYPE_CHECKING:
    from ..watching import Watching

ACROSS = 121
"""Points of a curve over the readings."""
SHOWN = 400
"""Points of the loss."""


def stage(watching: "Watching") -> dict[str, Figure]:
    """What the guide makes of every reading; one posterior; the gap by reading; the loss."""
    thin: dict[str, Any] = {"mode": "lines", "line": _line("learned", 1.0)}
    plain: dict[str, Any] = {"mode": "lines", "line": _line("learned", 2.5)}
    encoder = [
        trace("band", "encoder.exact_band", say("trace.width")),
        trace(
            "exact", "encoder.exact", say("trace.exact_line"), label=say("trace.exact"), at="end"
        ),
        trace("learned", "encoder.low", **thin),
        trace("learned", "encoder.high", **thin),
        trace("learned", "encoder.mean", say("trace.encoder"), **plain),
        dots("prior", "encoder.seen", say("trace.seen"), 4.0),
        trace("mark", "encoder.asked"),
        theme.grip("learned", "encoder.reading", x="reading"),
    ]
    posterior = [
        trace("exact", "posterior.exact", say("trace.exact"), label=say("trace.exact"), at="peak"),
        trace("learned", "posterior.learned", say("trace.learned"), label="", at="left"),
    ]
    gap = [
        trace("learned", "gap.now", mode="lines"),
        dots("prior", "gap.seen", None, 3.0),
        trace("mark", "gap.asked"),
    ]
    loss = [
        trace("learned", "loss.draws", mode="lines", line=_line("learned", 1.0), opacity=0.6),
        trace("exact", "loss.floor", say("trace.floor_line"), label="", at="end"),
    ]
    return filled(
        {
            "encoder": figure(watching, "encoder", encoder, "measurement", "weight", key=True),
            "posterior": figure(watching, "posterior", posterior, "weight", "density"),
            "gap": figure(watching, "gap", gap, "measurement", "gap"),
            "loss": figure(watching, "loss", loss, "step", "loss"),
        },
        frame(watching),
    )


def _line(role: str, width: float) -> dict[str, Any]:
    return {**theme.series(role)["line"], "width": width}


def frame(watching: "Watching") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, rows, ranges = watching.controls, watching.draws, watching.view.ranges
    x = np.linspace(*ranges["measurement"], ACROSS)
    offset, slope, s = truth.line(controls)
    exact, (mean, sd) = offset + slope * x, truth.learned(controls, rows, x)
    seen = truth.readings(controls).numpy()
    bottom = ranges["weight"][0] + 0.02 * (ranges["weight"][1] - ranges["weight"][0])
    asked, top = controls["reading"], ranges["density"][1]
    [here], _ = truth.learned(controls, rows, np.array([asked]))
    points: dict[str, Points] = {
        "encoder.exact_band": theme.band(x, exact - s, exact + s),
        "encoder.exact": _pair(x, exact),
        "encoder.mean": _pair(x, mean),
        "encoder.low": _pair(x, mean - sd),
        "encoder.high": _pair(x, mean + sd),
        "encoder.seen": _pair(seen, np.full(len(seen), bottom)),
        "encoder.asked": (np.array([asked], np.float32), [fixed(asked, 1)]),
        "encoder.reading": _pair(np.array([asked]), np.array([here])),
        "posterior.exact": belief(truth.posterior(controls, asked), ranges["weight"], top),
        "posterior.learned": belief(Gaussian(float(here), sd), ranges["weight"], top),
        "gap.now": _pair(x, np.minimum(truth.gaps(controls, rows, x), 1e6)),
        "gap.seen": _pair(seen, np.zeros(len(seen))),
        "gap.asked": (np.array([asked], np.float32), [""]),
        "loss.floor": _pair(np.array(ranges["step"]), np.full(2, truth.floor(controls))),
    }
    loss = rows.get("loss", np.empty(0))
    some = np.unique(np.linspace(0, max(len(loss) - 1, 0), SHOWN).astype(int))[: len(loss)]
    points["loss.draws"] = _pair(some + 1.0, loss[some])
    return points


def _pair(x: np.ndarray, y: np.ndarray) -> Points:
    return x.astype(np.float32), y.astype(np.float32)


def texts(watching: "Watching") -> dict[str, str]:
    """The rule beside the exact one, and the gap it leaves."""
    controls, rows = watching.controls, watching.draws
    offset, slope, sd = truth.line(controls)
    gap, least = nats(truth.average_gap(controls, rows)), nats(truth.least_gap(controls))
    loss = rows.get("loss", np.empty(0))[-truth.MEAN :]
    mean = fixed(float(loss.mean()), 3) if len(loss) else ""
    steps = {"steps": str(truth.MEAN), "mean": mean}
    asked = fixed(controls["reading"], 1)
    return {
        "encoder": say("caption.encoder", offset=fixed(offset), slope=fixed(slope), sd=fixed(sd)),
        "posterior": say("trace.asked", value=asked),
        "gap": say("caption.gap", gap=gap, least=least),
        "loss": say("caption.loss", **steps) if len(loss) else say("caption.start"),
        "label:posterior.learned": say("trace.learned"),
        "label:loss.floor": say("trace.floor", value=fixed(truth.floor(controls), 3)),
        "alt:encoder": say("alt.encoder", summary=watching.summary()),
        "alt:posterior": say("alt.posterior", summary=watching.summary()),
        "alt:gap": say("alt.gap", gap=gap),
        "alt:loss": say("alt.loss", caption=mean),
    }
