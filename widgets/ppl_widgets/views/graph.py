"""A small model graph: dots joined by arrows, and the arrows that were cut."""

from collections.abc import Iterable, Mapping

import numpy as np

from ..figures import NOTHING, Points

SHARE = 0.2
"""Of an arrow's way that is left free at each end, for the dots."""
HEAD = np.array([[-8.0, 4.0], [0.0, 0.0], [-8.0, -4.0]])
"""An arrow's head in pixels, pointing east."""
PIXELS = np.array([130.0, 60.0])
"""About so many a unit, across and up: heads look right where the plot is as large as usual."""

Place = tuple[float, float]


def arrows(ends: Iterable[tuple[str, str]], places: Mapping[str, Place]) -> Points:
    """Lines with heads from dot to dot; a gap between two strokes.

    Args:
        ends: (from, to) of each arrow.
        places: dot -> (x, y).
    """
    strokes = [stroke for one, other in ends for stroke in _arrow(places[one], places[other])]
    if not strokes:
        return NOTHING
    gap = np.full((1, 2), np.nan)
    across, up = np.concatenate([part for stroke in strokes for part in (stroke, gap)])[:-1].T
    return across.astype(np.float32), up.astype(np.float32)


def _arrow(start: Place, end: Place) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.array(start), np.array(end)
    line = np.stack([one + SHARE * (other - one), other + SHARE * (one - other)])
    along = (other - one) * PIXELS
    east = along / np.linalg.norm(along)
    turn = np.array([east, [-east[1], east[0]]])
    return line, line[1] + HEAD @ turn / PIXELS
