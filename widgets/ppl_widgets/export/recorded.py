"""A panel that cannot train in a page: its run as frames, and its answers over a grid of settings.

What was drawn for one setting is drawn for all: a frame is what the panel's own figures made of a
copy of its session. Numbers are kept to 1/65,534 of the span of their array, far below a pixel.
"""

import base64
import copy
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from ..plot import plain_json
from ..scenarios import Control
from ..text import say

FRAMES = 40
"""Of a run, the first included."""
SETTINGS = 64
"""Of a grid, about."""
SPAN = 0.25
"""Of its range that a slider covers in a page, around where it stands."""
LEVELS = 65_534
"""Steps between the lowest and the highest number of an array; one more stands for a gap."""

Grid = Mapping[str, Sequence[Any]]
"""Control -> the values it has in the page."""


def recorded(session: Any, figures: Any, rows: Sequence[Mapping[str, Any]], grid: Grid) -> Any:
    """Frames and settings of a page, with everything that they share written once.

    Args:
        session: as in `panels.shown.Shown`.
        figures: its view.
        rows: the desk's, by which a reader can move something.
        grid: control -> its values; if empty, some for each control on the face.

    Raises:
        ControlError: the grid names no control, or a value that it cannot take.
    """
    session.settle(brief=True)  # what is half worked out cannot be copied
    pools = Pools()
    named = {name: session.controls.control(name) for name in grid}
    chosen = {name: with_present(session, named[name], grid[name]) for name in grid}
    chosen = chosen or around(session, [row["name"] for row in rows if is_free(row)])
    start = anew(session)
    settings = [
        snapshot(answer(start, dict(zip(chosen, values, strict=True))), figures, pools)
        for values in product(*chosen.values())
    ]
    return {
        "kind": "recorded",
        "grid": list(chosen.items()),
        "frames": [snapshot(moment, figures, pools) for moment in moments(session)],
        "settings": settings,
        "arrays": pools.arrays,
        "figures": pools.figures,
        "note": say("page.recorded", settings=str(len(settings))),
        "away": say("page.away", again=say("page.again")),
    }


def anew(session: Any) -> Any:
    """A copy of a session at the start of its run."""
    fresh = copy.deepcopy(session)
    if fresh.status != "idle":
        fresh.reset("same")
    return fresh


def moments(session: Any) -> Iterator[Any]:
    """A run under the present controls: the same session again and again, further on each time."""
    run = anew(session)
    if run.step >= run.num_steps:  # it opens where it ends
        run.reset("same")
    yield run
    start, end = run.step, run.num_steps
    for number in range(1, FRAMES):
        wanted = start + round((end - start) * number / (FRAMES - 1))
        if wanted > run.step and run.status != "failed":
            run.run(wanted - run.step)
            yield run


def answer(start: Any, values: Mapping[str, Any]) -> Any:
    """What a session shows at other settings: as it opens, or if that is nothing, at its end."""
    other = copy.deepcopy(start)
    for name, value in values.items():
        other.set(name, value)
    if not other.step and other.status != "failed":
        other.run(other.num_steps)
    return other


# ---- where


def with_present(session: Any, control: Control, values: Sequence[Any]) -> list[Any]:
    """Values that a control can take, and where it stands now, in order."""
    checked = [control.check(value) for value in values]
    present = session.controls[control.name]
    checked += [present] if present not in checked else []
    return checked if control.min is None else sorted(checked)


def is_free(row: Mapping[str, Any]) -> bool:
    """Whether a page can move this control: it is on the face, and not locked."""
    return row["place"] == "face" and not row["locked"]


def around(session: Any, names: Iterable[str]) -> dict[str, list[Any]]:
    """A grid of about `SETTINGS` settings around the present one, in round numbers.

    >>> from ppl_widgets.drawing import Drawing
    >>> from ppl_widgets.scenarios import FORWARD
    >>> grid = around(Drawing(FORWARD), ["guess", "noise_sd"])
    >>> grid["guess"][0], grid["guess"][-1], len(grid["guess"]) * len(grid["noise_sd"])
    (6.5, 10.5, 81)
    """
    free = [control for control in session.scenario.controls if control.name in names]
    offers = {c.name: (False, True) if c.kind == "bool" else c.options for c in free}
    choices = math.prod(len(options) for options in offers.values() if options)
    sliders = sum(not options for options in offers.values())
    number = max(3, round((SETTINGS / choices) ** (1 / max(1, sliders)))) | 1
    return {
        c.name: list(offers[c.name]) or values_around(c, session.controls[c.name], number)
        for c in free
    }


def values_around(control: Control, value: float, number: int) -> list[Any]:
    """So many values in even steps, the present one among them, within the control's range."""
    assert control.min is not None
    assert control.max is not None
    assert control.step is not None
    log = control.kind == "log"
    low, high, middle = (math.log10(x) if log else x for x in (control.min, control.max, value))
    gap = control.step * nice(SPAN * (high - low) / (number - 1) / control.step)
    places = [middle + gap * k for k in range(-number, number + 1)]
    inside = [place for place in places if low - 1e-9 <= place <= high + 1e-9]
    nearest = sorted(inside, key=lambda place: abs(place - middle))[:number]
    exact = [10.0**place if log else round(place, 9) for place in sorted(nearest)]
    return [round(x) if control.kind == "int" else x for x in exact]


def nice(ticks: float) -> int:
    """The nearest of 1, 2, 5, 10, 20, 50, ...

    >>> [nice(ticks) for ticks in (0.3, 1.8, 3.0, 3.5, 62.5)]
    [1, 2, 2, 5, 50]
    """
    offers = [step * 10**power for power in range(7) for step in (1, 2, 5)]
    return min(offers, key=lambda offer: abs(math.log(ticks / offer)))


# ---- one picture


class Pools:
    """Arrays and figures, each kept once."""

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self.figures: list[Any] = []
        self._places: dict[Any, int] = {}

    def array(self, numbers: npt.ArrayLike) -> int:
        """The place of these numbers."""
        found = np.asarray(numbers, np.float32)
        return self._place(self.arrays, found.tobytes(), lambda: packed(found))

    def figure(self, figure: Mapping[str, Any]) -> int:
        """The place of this figure, the points of its live traces left out."""
        still = bare(figure)
        return self._place(self.figures, json.dumps(still), lambda: still)

    def _place(self, pool: list[Any], key: Any, make: Any) -> int:
        if key not in self._places:
            self._places[key] = len(pool)
            pool.append(make())
        return self._places[key]


def bare(figure: Mapping[str, Any]) -> dict[str, Any]:
    """A figure in lists, dicts and numbers, its live traces without their points."""
    still = plain_json(figure)
    for trace in still["data"]:
        if trace.get("meta", {}).get("live"):
            trace["x"], trace["y"] = [], []
    return still


def packed(numbers: npt.NDArray[np.float32]) -> list[Any]:
    """Lowest number, highest, and each number between them as 16 bits in base64.

    >>> packed(np.array([1.0, np.nan, 2.0], np.float32))
    [1.0, 2.0, 'AAD///7/']
    """
    known = numbers[np.isfinite(numbers)].astype(np.float64)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    share = (numbers.astype(np.float64) - low) / ((high - low) or 1.0)
    levels = np.where(np.isfinite(numbers), np.rint(LEVELS * share), LEVELS + 1)
    return [low, high, base64.b64encode(levels.astype("<u2").tobytes()).decode()]


def snapshot(session: Any, figures: Any, pools: Pools) -> dict[str, Any]:
    """All that a panel shows of a session now, once all is worked out."""
    session.settle(brief=True)
    curves = {}
    for uid, (x, y) in figures.frame(session).items():
        words = len(y) > 0 and isinstance(y[0], str)
        curves[uid] = [pools.array(x), list(y) if words else pools.array(y)]
    texts = figures.texts(session)
    texts.pop("status", None)
    return {
        "figures": {name: pools.figure(f) for name, f in figures.stage(session).items()},
        "curves": curves,
        "texts": texts,
        "values": dict(session.controls),
        "step": session.step,
        "status": session.status_line(),
        "message": session.error or "",
        "summary": session.summary(),
        "code": session.code(),
        "line": session.copy_state(),
    }
