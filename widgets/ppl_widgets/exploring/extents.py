"""What every axis of an exploration has to hold, now."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .learning import Learning
from .room import middle
from .sampling import Cloud
from .sites import Coordinate

if TYPE_CHECKING:
    from .explored import Explored

FAR = 6.0
"""Exact sds around the exact mean: what lies further out may leave the picture."""
BARS = 28
"""Of a histogram, over the range of its axis."""
TOP = 1.3
"""The density axis ends so many times over the exact peak."""
EARLY = 0.1
"""Of the steps, whose losses may leave the picture when a run has come to rest."""

Reach = tuple[str, float, float, float | None]
"""Axis, lowest, highest, and where it has to begin if anywhere."""


def reaches(told: "Explored") -> Iterator[Reach]:
    """What the axes have to hold."""
    place, other = told.coordinate, told.other
    if place is None or other is None:
        return
    yield ("step", 0.0, float(told.num_steps), 0.0)
    low, high = _ends(told, place)
    yield ("x", low, high, None)
    yield ("y", *_ends(told, other), None)
    yield ("density", 0.0, _peak(told, place, (low, high)), 0.0)
    yield ("data", *_data(told), None)
    yield ("predicted", 0.0, _predicted(told), 0.0)
    if isinstance(told.work, Learning):
        yield ("loss", *_loss(told, told.work), None)
        for name in shown_params(told):
            steps, values = told.work.course(name)
            if len(steps):
                yield ("values", float(values.min()), float(values.max()), None)
    else:
        yield ("values", *_means(told, place), None)


def _ends(told: "Explored", place: Coordinate) -> tuple[float, float]:
    """From where to where a number lies: by the truth, by the draws, or else by the prior."""
    columns, weights = told.posterior
    exact, drawn = told.beside.truth.marginal(place), columns.get(place.name, np.empty(0))
    if place.discrete:
        prior = told.beside.prior.get(place.name, np.empty(0))
        outcomes = np.zeros(1) if exact is None else exact.grid
        every = np.concatenate([drawn, prior, outcomes])
        return float(every.min()) - 0.5, float(every.max()) + 0.5
    if exact is not None and np.isfinite(exact.sd):
        low, high = exact.quantiles(0.001, 0.999)
        seen = middle(drawn, weights, 0.95)
        bounds = exact.mean - FAR * exact.sd, exact.mean + FAR * exact.sd
        near = [float(np.clip(end, *bounds)) for end in seen if np.isfinite(end)]
        return min([low, *near]), max([high, *near])
    if len(drawn) > 1:
        return middle(drawn, weights)
    return middle(told.beside.prior.get(place.name, np.empty(0)), None, 0.9)


def _peak(told: "Explored", place: Coordinate, ends: tuple[float, float]) -> float:
    """How high densities go; spikes far over the exact one may leave the picture."""
    exact = told.beside.truth.marginal(place)
    if place.discrete:
        return 1.0
    if exact is not None:
        return TOP * float(exact.heights.max())
    columns, weights = told.posterior
    prior = told.beside.prior.get(place.name)
    for drawn, counts in ((columns.get(place.name), weights), (prior, None)):
        if drawn is not None and len(drawn) > 1 and np.isfinite(ends).all() and ends[0] < ends[1]:
            heights, edges = np.histogram(drawn, BARS, ends, weights=counts)
            total = float(len(drawn) if counts is None else counts.sum())
            return TOP * float(heights.max()) / max(total * (edges[1] - edges[0]), 1e-12)
    return np.nan


def _loss(told: "Explored", work: Learning) -> tuple[float, float]:
    _, values = work.losses()
    floor = told.beside.truth.floor
    if not len(values):
        return (np.nan, np.nan) if floor is None else (floor, floor + 1.0)
    resting = told.status in ("done", "paused")
    late = values[int(EARLY * len(values)) :] if resting else values
    low, high = (float(end) for end in np.quantile(late, [0.02, 0.98]))
    return (low, high) if floor is None else (min(low, floor), max(high, floor))


def _means(told: "Explored", place: Coordinate) -> tuple[float, float]:
    """Where the mean of the draws goes, but for its first few."""
    columns, weights = told.posterior
    exact, column = told.beside.truth.marginal(place), columns.get(place.name, np.empty(0))
    centre = [] if exact is None else [exact.mean - 0.5 * exact.sd, exact.mean + 0.5 * exact.sd]
    if isinstance(told.work, Cloud):
        means = [each[place.name] for each in told.work.means]
        return min([*centre, *means]), max([*centre, *means])
    counts = np.ones(len(column)) if weights is None else weights
    total = np.cumsum(counts)
    known = np.flatnonzero(total > 0.0)[20:]
    if len(known):
        means = np.cumsum(counts * column)[known] / total[known]
        centre += [float(means.min()), float(means.max())]
    elif not centre:
        return _ends(told, place)
    return min(centre), max(centre)


def _data(told: "Explored") -> tuple[float, float]:
    seen = observed(told)
    made = replicas(told)
    if not len(seen):
        return np.nan, np.nan
    ends = [float(seen.min()), float(seen.max())]
    if made.size:
        ends += [float(end) for end in np.quantile(made, [0.01, 0.99])]
    return min(ends), max(ends)


def _predicted(told: "Explored") -> float:
    """How high the histogram of one predicted number goes."""
    made = replicas(told)
    if made.shape[1:] != (1,):
        return 1.0
    heights, edges = np.histogram(made[:, 0], BARS, told.room.get("data"))
    return 1.2 * float(heights.max()) / (len(made) * (edges[1] - edges[0]))


MOST = 150
"""So many observed numbers are drawn at most."""


def observed(told: "Explored") -> np.ndarray:
    """The first numbers of the data, in the order of the program."""
    if told.sites is None:
        return np.empty(0)
    parts = [site.value.detach().double().reshape(-1) for site in told.sites.observed.values()]
    return np.concatenate([np.empty(0), *(part.numpy() for part in parts)])[:MOST]


def replicas(told: "Explored") -> np.ndarray:
    """What is predicted in their place, (draws, numbers)."""
    found = told.beside.replicas
    if told.sites is None or not found:
        return np.empty((0, 0))
    parts = [found[name].reshape(len(found[name]), -1) for name in told.sites.observed]
    return np.concatenate(parts, 1)[:, :MOST]


LINES = 4
"""Parameters that are drawn at most."""


def shown_params(told: "Explored") -> list[str]:
    """The entries of parameters that belong to the site looked at, or else the first few."""
    if not isinstance(told.work, Learning) or told.coordinate is None:
        return []
    place, every = told.coordinate, told.work.entries
    own = [name for name in every if name.partition(".")[2] in (place.name, f"{place.name}_probs")]
    return (own or every)[:LINES]


def fit(told: "Explored") -> bool:
    """Let every axis hold what it has to; whether one changed."""
    changed = [told.room.hold(*reach) for reach in reaches(told)]
    return any(changed)
