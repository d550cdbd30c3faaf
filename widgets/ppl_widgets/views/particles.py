"""Particles on the Kalman band: the newest cloud as a tree, its dead branches grey."""

from typing import TYPE_CHECKING

import numpy as np

from .. import theme
from ..figures import NOTHING, Figure, Points
from ..scenarios import Gaussian
from ..scenarios import particles as truth
from ..text import say
from .parts import dots, figure, trace

if TYPE_CHECKING:
    from ..drawing import Drawing


def tree(drawing: "Drawing") -> Figure:
    """The picture of the tab."""
    dead = {"width": 1, "dash": "solid", "color": theme.PALETTE["light"]["prior"]}
    alive = {"width": 1, "dash": "solid", "color": theme.PALETTE["light"]["learned"]}
    traces = [
        trace("band", "use.band", say("trace.kalman")),
        trace("prior", "use.dead", say("trace.childless"), line=dead, opacity=0.5),
        trace("learned", "use.alive", say("trace.ancestors"), mode="lines", line=alive),
        dots("prior", "use.lost", None, 3.0, opacity=0.6),
        dots("learned", "use.particles", None, 4.0),
        trace("exact", "use.mean", say("trace.exact")),
        dots("likelihood", "use.readings", say("trace.readings"), 9.0),
    ]
    return figure(drawing, "particles", traces, "reading", "level", key=True)


def move(drawing: "Drawing", posterior: Gaussian) -> dict[str, Points]:
    """The points of the tab now; `posterior` is where the band ends."""
    controls = drawing.controls
    beliefs = [*truth.filtered(controls)[0][:-1], posterior]
    mean, sd = np.array([b.mean for b in beliefs]), np.array([b.sd for b in beliefs])
    time = np.arange(1.0, truth.TIMES + 1.0)
    points: dict[str, Points] = {
        "use.band": theme.band(time, mean - 2.0 * sd, mean + 2.0 * sd),
        "use.mean": _points(time, mean),
        "use.readings": _points(time, np.array(truth.readings(controls))),
    }
    levels, parents = truth.newest(drawing.draws)
    alive = truth.living(parents)
    across = np.broadcast_to(time[:, None], levels.shape)
    points["use.alive"] = _branches(levels, parents, alive)
    points["use.dead"] = _branches(levels, parents, ~alive)
    points["use.particles"] = _points(across[alive], levels[alive])
    points["use.lost"] = _points(across[~alive], levels[~alive])
    return points


def _branches(levels: np.ndarray, parents: np.ndarray, chosen: np.ndarray) -> Points:
    """A line from its parent to each chosen particle, with gaps between the lines."""
    pieces = [
        np.stack([np.full(len(child), t), levels[t - 1][parents[t - 1][child]], levels[t][child]])
        for t in range(1, len(levels))
        for child in [np.flatnonzero(chosen[t])]
    ]
    time, begin, end = np.concatenate(pieces, axis=1)
    if not len(time):
        return NOTHING
    gap = np.full(len(time), np.nan)
    x, y = np.stack([time, time + 1.0, gap], axis=1), np.stack([begin, end, gap], axis=1)
    return _points(x.ravel(), y.ravel())


def _points(x: np.ndarray, y: np.ndarray) -> Points:
    return x.astype(np.float32), y.astype(np.float32)
