"""What an exploration says of itself: where it is, what was found, and beside which truth."""

from typing import TYPE_CHECKING

import numpy as np

from ..text import count, fixed, normal, percent, say
from .learning import Learning
from .sampling import DIVERGED, SHARE, Cloud, Sampling

if TYPE_CHECKING:
    from .explored import Explored


def status_line(told: "Explored") -> str:
    """Where the run is: `seed 101 · step 1,240/2,000`, or how far the warm-up is."""
    seed, work = str(told.seed), told.work
    if isinstance(work, Sampling) and work.warm < work.warmup:
        steps = {"step": count(work.warm), "num_steps": count(work.warmup)}
        return say("explore.warming", seed=seed, **steps)
    if isinstance(work, Cloud):
        return say("explore.power", seed=seed, step=count(work.step), power=fixed(work.power))
    steps = {"step": count(told.step), "num_steps": count(told.num_steps)}
    return say(f"explore.status_{told.act}", seed=seed, **steps)


def moments(told: "Explored") -> tuple[float, float] | None:
    """Mean and sd of what was learned or drawn at the site that is looked at."""
    columns, weights = told.posterior
    place = told.coordinate
    if place is None or len(columns.get(place.name, ())) < 2:
        return None
    values = columns[place.name]
    if weights is not None and not weights.sum() > 0.0:
        return None
    mean = float(np.average(values, weights=weights))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def summary(told: "Explored") -> str:
    """What just happened, how it stands, and the learned beside the exact answer."""
    parts = [told.notice, say(f"explore.{told.status}", step=count(told.step)), told.error or ""]
    place, found = told.coordinate, moments(told)
    if place is not None and told.status != "failed":
        if found is not None:
            belief = normal(*found)
            parts.append(say(f"explore.told_{told.act}", site=place.name, belief=belief))
        parts += [known(told), gauge(told)]
    return " ".join(part for part in parts if part)


def known(told: "Explored") -> str:
    """The truth in a sentence, or why there is none."""
    place, truth = told.coordinate, told.beside.truth
    exact = None if place is None else truth.marginal(place)
    if exact is not None:
        return say("summary.exact", exact=normal(exact.mean, exact.sd), source=truth.label)
    if truth.found is not None and place is not None:
        return say("explore.truth.not_here", site=place.name)
    if truth.note:
        return truth.note
    return say("explore.truth.searching") if told.beside.pending else ""


def gauge(told: "Explored") -> str:
    """What the method knows of itself: effective size, share accepted, divergences."""
    work = told.work
    if isinstance(work, Learning) or work is None or not told.step:
        return ""
    if isinstance(work, Cloud):
        return say("explore.gauge.SMC", power=fixed(work.power))
    columns, weights = work.columns, work.weights
    if weights is not None and work.method == "importance":
        return say("explore.gauge.ess", ess=percent(1.0 / float(weights @ weights) / told.step))
    share = percent(float(columns[SHARE].mean()))
    kept = "kept" if work.method == "rejection" else "accepted"
    said = say(f"explore.gauge.{kept}", share=share)
    diverged = int(columns[DIVERGED].sum()) if DIVERGED in columns else 0
    return f"{said} {say('explore.gauge.diverged', number=count(diverged))}" if diverged else said
