"""Seeing and setting: what a value tells of the sites before it, and of those after it.

All sites are linear in the ones before them, with normal noise of their own:

    draught ~ N(0, 1), or none        weight ~ N(guess + draught, prior sd)
                                      measurement ~ N(weight + draught, noise sd)

Setting a site cuts its arrows: its row becomes a constant. Seeing it conditions the joint normal
distribution, with mean mu and covariance C:

    mu + C[:, i] (value - mu[i]) / C[i, i],        C - C[:, i] C[i, :] / C[i, i].
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import Importance, ImportanceInfo

from ..text import fixed, normal, say
from .axis import Axis, Range
from .conditioning import BATCH, args
from .control import spoken
from .question import Columns, Question, num_control
from .scenario import Controls, Gaussian
from .weighing import scale

SITES = ("draught", "weight", "measurement")


def draughty(guess: float, prior_sd: float, noise_sd: float) -> Any:
    """The scale in a draught, which lifts or presses both the object and the needle."""
    draught = ppl.sample("draught", dist.Normal(0.0, 1.0))
    weight = ppl.sample("weight", dist.Normal(guess + draught, prior_sd))
    return ppl.sample("measurement", dist.Normal(weight + draught, noise_sd))


def sites(controls: Controls) -> tuple[str, ...]:
    """Those of the present program, in its order."""
    return SITES if controls["draught"] == "on" else SITES[1:]


def draws_of(controls: Controls) -> Importance:
    """Runs of the program, looked at or touched; looking weighs them."""
    program = draughty if controls["draught"] == "on" else scale
    given = {controls["site"]: controls["value"]}
    if controls["site"] != "none":
        program = (ppl.condition if controls["how"] == "look" else ppl.do)(program, data=given)
    return Importance(program, batch_size=BATCH, vectorize=True)


def read(controls: Controls, info: ImportanceInfo) -> Columns:
    """Where the runs fell, with the value that was seen or set; weights relative to the peak."""
    columns = {name: info.values[name].numpy() for name in sites(controls) if name in info.values}
    log_weights = info.log_weights.numpy()
    if controls["site"] != "none":
        columns[controls["site"]] = np.full(len(log_weights), controls["value"])
    return {**columns, "log_weight": log_weights}


def weights(draws: Columns) -> np.ndarray:
    """Of the draws, the largest one 1."""
    log_weights = draws.get("log_weight", np.empty(0))
    return np.exp(log_weights - log_weights.max()) if len(log_weights) else log_weights


# ---- the truth


def exact(controls: Controls, how: str | None = None) -> Mapping[str, Gaussian]:
    """Every site after it was seen or set (`how`: "look", "touch", "none"; as chosen if None)."""
    guess, prior_sd, noise_sd = args(controls)
    how = controls["how"] if how is None else how
    gust = 1.0 if controls["draught"] == "on" else 0.0
    # Each row: what a site takes from those before it, its own mean, its own sd.
    arrows = np.array([[0.0, 0.0, 0.0], [gust, 0.0, 0.0], [gust, 1.0, 0.0]])
    own, sd = np.array([0.0, guess, 0.0]), np.array([gust, prior_sd, noise_sd])
    at = SITES.index(controls["site"]) if controls["site"] != "none" else None
    if at is not None and how == "touch":
        arrows[at], own[at], sd[at] = 0.0, controls["value"], 0.0
    spread = np.linalg.inv(np.eye(3) - arrows)
    mean, cov = spread @ own, spread @ np.diag(sd**2) @ spread.T
    if at is not None and how == "look":
        column, variance = cov[:, at].copy(), cov[at, at]
        mean = mean + column * (controls["value"] - mean[at]) / variance
        cov = cov - np.outer(column, column) / variance
    sds = np.sqrt(np.clip(np.diag(cov), 0.0, None))
    return {
        name: Gaussian(float(mean[k]), float(sds[k]) if sds[k] > 1e-7 else 0.0)
        for k, name in enumerate(SITES)
        if name in sites(controls)
    }


# ---- the picture

AXES = {
    "kg": Axis(lows=(4.0, 2.0, 0.0, -10.0, -20.0), highs=(13.0, 15.0, 20.0, 30.0, 40.0)),
    "kg_off": Axis(lows=(-4.0, -8.0, -20.0), highs=(4.0, 8.0, 20.0)),
    "density": Axis(lows=(0.0,), highs=(0.8, 1.6, 4.0, 9.0)),
    "across": Axis(lows=(-0.45,), highs=(1.45,)),
    "up": Axis(lows=(-0.85,), highs=(1.6,)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """Two sds around every site, before and after."""
    known = [exact(controls, how) for how in ("none", "look", "touch")]
    spans = {"kg": list[float](), "kg_off": list[float]()}
    peaks = [0.7]
    for site, belief in (pair for beliefs in known for pair in beliefs.items()):
        span = spans["kg_off" if site == "draught" else "kg"]
        span += [belief.mean - 2.0 * belief.sd, belief.mean + 2.0 * belief.sd]
        if belief.sd > 0.0:
            peaks.append(belief.peak)
    ends = {name: (min(span), max(span)) for name, span in spans.items() if span}
    return {**ends, "density": (0.0, max(peaks))}


def tell(controls: Controls, draws: Columns) -> str:
    """Every other site now, and how it was before."""
    before, after = exact(controls, "none"), exact(controls)
    parts = [
        say(
            "looking.site",
            site=say(f"fall.{site}"),
            before=normal(before[site].mean, before[site].sd),
            after=normal(after[site].mean, after[site].sd),
        )
        for site in sites(controls)
        if site != controls["site"]
    ]
    return " ".join([deed(controls), *parts, say("looking.source", source=say("source.closed"))])


def deed(controls: Controls) -> str:
    """What is done, in a sentence."""
    if controls["site"] == "none":
        return say("looking.none")
    site, value = say(f"fall.{controls['site']}"), fixed(controls["value"])
    return say(f"looking.{controls['how']}", site=site, value=value)


def average(draws: Columns, site: str) -> float:
    """Weighted mean of a site's draws; nan if there are none."""
    shares = weights(draws)
    return float(np.average(draws[site], weights=shares)) if len(shares) else math.nan


def code(controls: Controls, seed: int) -> str:
    """The program, seen or set, and where its sites are then."""
    gust = controls["draught"] == "on"
    plus = " + draught" if gust else ""
    lines = ['    draught = ppl.sample("draught", dist.Normal(0.0, 1.0))\n'] if gust else [""]
    how = {"look": "condition", "touch": "do"}[controls["how"]]
    given = f'ppl.{how}(scale, data={{"{controls["site"]}": {controls["value"]}}})'
    others = [site for site in sites(controls) if site != controls["site"]]
    shown = ", ".join(f'posterior.mean("{site}")' for site in others)
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer

def scale(guess):
{lines[0]}    weight = ppl.sample("weight", dist.Normal(guess{plus}, {controls["prior_sd"]}))
    return ppl.sample("measurement", dist.Normal(weight{plus}, {controls["noise_sd"]}))

model = {given if controls["site"] != "none" else "scale"}
ppl.set_rng_seed({seed})
posterior = infer.Importance(model, num_samples={controls["num"]}).run({controls["guess"]})
print({shown})"""


LOOKING = Question(
    name="looking",
    panel="LookPanel",
    title=say("looking.title"),
    controls=(
        spoken("value", 9.5, 0.0, 20.0, 0.1),
        spoken("site", "measurement", kind="choice", options=("weight", "measurement", "none")),
        spoken("how", "touch", kind="choice", options=("look", "touch")),
        spoken("draught", "off", kind="choice", options=("off", "on"), drawer=True),
        spoken("guess", 8.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        num_control(5000),
    ),
    inputs=("value", "site", "how", "draught", "guess", "noise_sd", "prior_sd"),
    staging=("site",),
    kernel=draws_of,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
