"""The optimiser race: paths over contours of the KL, the mean's course, the KL by step."""

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points, filled
from ..scenarios import Columns
from ..scenarios import racing as truth
from ..text import count, fixed, say
from .parts import dots, figure, trace

if TYPE_CHECKING:
    from ..racing import Racing

ROLES = {"sgd": "learned", "momentum": "expected", "adam": "likelihood"}
LEVELS = (0.02, 0.1, 0.3, 0.6, 1.0)
"""Contours, in nats."""
SHOWN = 400
"""Points of a path."""


def stage(race: "Racing") -> dict[str, Figure]:
    """The plane of guides, and both courses by step."""
    thin = {"line": {"width": 1, "dash": "solid"}, "opacity": 0.7}
    plane = [
        trace("prior", "paths.contours", say("trace.contours"), mode="lines", **thin),
        *(
            trace(role, f"paths.{lane}", say(f"trace.{lane}"), mode="lines", line=_line(role, 1.5))
            for lane, role in ROLES.items()
        ),
        *(dots(role, f"paths.{lane}.now", None, 9.0) for lane, role in ROLES.items()),
        dots("exact", "paths.exact", say("trace.exact"), 9.0, label=say("trace.exact"), at="end"),
    ]
    course = [
        trace("band", "course.ball"),
        *(
            trace("prior", f"course.{lane}.expected", mode="lines", line=_line("prior", 1.5))
            for lane in truth.MOMENTA
        ),
        trace("exact", "course.exact", say("trace.exact"), label="", at="end"),
        *(
            trace(role, f"course.{lane}", mode="lines", line=_line(role, 1.5))
            for lane, role in ROLES.items()
        ),
    ]
    left = [
        trace("exact", "left.good", label=say("trace.good"), at="end", line=_line("exact", 1.0)),
        *(
            trace(role, f"left.{lane}", mode="lines", line=_line(role, 1.0))
            for lane, role in ROLES.items()
        ),
    ]
    figures = {
        "paths": figure(race, "paths", plane, "a", "log_b", key=True),
        "course": figure(race, "a", course, "step", "a", grow=1),
        "left": figure(race, "left", left, "step", "log_kl", grow=1),
    }
    figures["left"]["layout"]["yaxis"] |= {
        "tickvals": [-4, -2, 0],
        "ticktext": ["0.0001", "0.01", "1"],
    }
    return filled(figures, frame(race))


def _line(role: str, width: float) -> dict[str, object]:
    return {**theme.series(role)["line"], "width": width}


def frame(race: "Racing") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, rows, steps = race.controls, race.draws, race.view.ranges["step"]
    exact = truth.exact(controls)
    across = np.array(steps, np.float32)
    ball = 2.0 * min(truth.ball(controls, "sgd"), 1e3)
    points: dict[str, Points] = {
        "paths.contours": _contours(controls),
        "paths.exact": _dot(exact.mean, math.log(exact.sd)),
        "course.exact": (across, np.full(2, exact.mean, np.float32)),
        "course.ball": theme.zone(*steps, exact.mean - ball, exact.mean + ball),
        "left.good": (across, np.full(2, math.log10(truth.GOOD), np.float32)),
    }
    some = np.unique(np.linspace(0, race.step, SHOWN + 1).astype(int))
    for lane in truth.LANES:
        points |= _lane(race, rows, lane, some)
        if lane in truth.MOMENTA:
            path = truth.expected_path(controls, lane, race.num_steps)
            every = np.unique(np.linspace(0, race.num_steps, 121).astype(int))
            inside = np.clip(path[every], -1e6, 1e6)
            points[f"course.{lane}.expected"] = (
                every.astype(np.float32),
                inside.astype(np.float32),
            )
    return points


def _lane(race: "Racing", rows: Columns, lane: str, some: np.ndarray) -> dict[str, Points]:
    """One lane from its start to the step that is shown."""
    controls = race.controls
    a = np.concatenate([[controls["guess"]], rows.get(f"{lane}.a", np.empty(0))])[some]
    b = np.concatenate([[1.0], rows.get(f"{lane}.b", np.empty(0))])[some]
    with np.errstate(all="ignore"):
        log_b, log_kl = np.log(b), np.log10(np.maximum(truth.distance(controls, a, b), 1e-9))
    learned = truth.answer(controls, rows, lane)
    now = _dot(learned.mean, math.log(learned.sd)) if learned and learned.sd > 0.0 else NOTHING
    return {
        f"paths.{lane}": (a.astype(np.float32), log_b.astype(np.float32)),
        f"paths.{lane}.now": now,
        f"course.{lane}": (some.astype(np.float32), a.astype(np.float32)),
        f"left.{lane}": (some.astype(np.float32), log_kl.astype(np.float32)),
    }


def _contours(controls: truth.Controls) -> Points:
    """All contours as one line with gaps."""
    lines = [truth.contour(controls, level) for level in LEVELS]
    a = np.concatenate([np.append(x, np.nan) for x, _ in lines])
    b = np.concatenate([np.append(y, np.nan) for _, y in lines])
    return a.astype(np.float32), b.astype(np.float32)


def _dot(x: float, y: float) -> Points:
    return np.array([x], np.float32), np.array([y], np.float32)


def texts(race: "Racing") -> dict[str, str]:
    """What the formulas say of SGD, and what other seeds say of every lane."""
    controls = race.controls
    known, seen = race.half_life("sgd")
    asked = min((it.runs for it in race.scatters.values()), default=0)
    written = {
        "course": say("caption.half_life", known=_steps(known)),
        "left": say("racing.ball", known=fixed(truth.ball(controls, "sgd"), 4)),
        "paths": say("racing.asking"),
        "label:course.exact": say("trace.exact_value", value=fixed(truth.exact(controls).mean)),
        "alt:paths": say("alt.paths", summary=race.summary()),
        "alt:course": say("alt.course", known=_steps(known)),
        "alt:left": say("alt.left", summary=race.summary()),
    }
    if asked:
        balls = {lane: fixed(it.sd, 4) for lane, it in race.scatters.items()}
        written["paths"] = say("racing.asked", runs=count(asked), **balls)
        written["course"] += " " + say("caption.half_life_seen", seen=_steps(seen))
    return written


def _steps(number: float) -> str:
    return count(round(number)) if math.isfinite(number) else "∞"
