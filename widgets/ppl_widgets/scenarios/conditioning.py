"""Conditioning by keeping: many runs of the scale, of which those that agree with it are kept.

With s = prior sd, r = noise sd and t^2 = s^2 + r^2 a reading is N(guess, t). Given a reading m the
weight is N(guess + k (m - guess), s sqrt(1 - k)) with k = s^2 / t^2; a window of readings averages
that over a normal distribution cut off at both ends, whose mean and variance are known.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import Importance, ImportanceInfo
from ppl_core.inspect import Ledger, ledger

from ..text import count, fixed, percent, say
from .axis import Axis, Range
from .control import spoken
from .question import Columns, Question, num_control
from .scenario import Controls, Gaussian
from .weighing import scale

BATCH = 250
"""Runs of the program that are made at once."""


def runs(controls: Controls) -> Importance:
    """The program as it is, nothing conditioned: its own prior proposes, every weight is 1."""
    return Importance(scale, batch_size=BATCH, vectorize=True)


def args(controls: Controls) -> tuple[Any, ...]:
    """The scale's."""
    return controls["guess"], controls["prior_sd"], controls["noise_sd"]


def read(controls: Controls, info: ImportanceInfo) -> Columns:
    """Where the runs fell."""
    return {name: info.values[name].numpy() for name in ("weight", "measurement")}


def kept(controls: Controls, draws: Columns) -> np.ndarray:
    """Which runs read what the scale did, give or take the window."""
    return np.abs(draws["measurement"] - controls["measurement"]) < controls["window"]


# ---- three ways to say it


def conditioned(measurement: float) -> Callable[..., Any]:
    """A program and data beside it."""
    return ppl.condition(scale, data={"measurement": measurement})


def deferred(measurement: float) -> Callable[..., Any]:
    """A function that is handed its data when it is called."""

    def deferred_scale(*args: float) -> Any:
        return ppl.condition(scale, data={"measurement": measurement})(*args)

    return deferred_scale


def observed(measurement: float) -> Callable[..., Any]:
    """The data written into the program."""

    def scale_obs(guess: float, prior_sd: float, noise_sd: float) -> Any:
        weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
        return ppl.sample("measurement", dist.Normal(weight, noise_sd), obs=measurement)

    return scale_obs


FORMS = {"condition": conditioned, "deferred": deferred, "obs": observed}
"""Form -> the conditioned program."""


def who_set_what(controls: Controls) -> Ledger:
    """The ledger of one run in the chosen form."""
    program = FORMS[controls["form"]](controls["measurement"])
    return ledger(program, *args(controls))


# ---- the truth


@dataclass(frozen=True, slots=True)
class Window:
    """What is known of the runs within the window.

    Attributes:
        share: of all runs.
        mean, sd: of their weights.
        limit: the posterior for a window of no width.
    """

    share: float
    mean: float
    sd: float
    limit: Gaussian


def window(controls: Controls) -> Window:
    """Share, mean and sd within the window, in closed form."""
    guess, prior_sd, noise_sd = args(controls)
    total = math.hypot(prior_sd, noise_sd)
    k = (prior_sd / total) ** 2
    limit = Gaussian(guess + k * (controls["measurement"] - guess), prior_sd * math.sqrt(1.0 - k))
    low, high = ((end - guess) / total for end in _ends(controls))
    share = float(_between(low, high))
    if share < 1e-300:  # so far out that doubles know no such run
        return Window(0.0, limit.mean, limit.sd, limit)
    centre = (_bell(low) - _bell(high)) / share
    square = max(0.0, 1.0 + (low * _bell(low) - high * _bell(high)) / share - centre**2)
    mean = guess + k * total * centre
    return Window(share, mean, math.sqrt(limit.sd**2 + k**2 * total**2 * square), limit)


def window_density(controls: Controls, x: np.ndarray) -> np.ndarray:
    """Density at x of the weights within the window."""
    guess, prior_sd, noise_sd = args(controls)
    low, high = _ends(controls)
    known = window(controls)
    if known.share == 0.0:
        return known.limit.density(x)
    agree = _between((low - x) / noise_sd, (high - x) / noise_sd)
    return Gaussian(guess, prior_sd).density(x) * agree / known.share


def _ends(controls: Controls) -> Range:
    middle, width = controls["measurement"], controls["window"]
    return middle - width, middle + width


_erfc = np.vectorize(math.erfc, otypes=[float])


def _between(low: Any, high: Any) -> Any:
    """Share of N(0, 1) between two ends, precise in both tails."""
    flip = np.add(low, high) > 0.0
    low, high = np.where(flip, -high, low), np.where(flip, -low, high)
    return 0.5 * (_erfc(-high / math.sqrt(2.0)) - _erfc(-low / math.sqrt(2.0)))


def _bell(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


# ---- the picture

AXES = {
    "weight": Axis(lows=(5.0, 3.0, 0.0, -10.0, -20.0), highs=(12.0, 14.0, 20.0, 30.0, 40.0)),
    "measurement": Axis(lows=(5.0, 3.0, 0.0, -10.0, -20.0), highs=(12.0, 14.0, 20.0, 30.0, 40.0)),
    "density": Axis(lows=(0.0,), highs=(0.8, 1.6, 4.0, 8.0, 12.0)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """The guess and the reading with some room, and the highest curve."""
    guess, prior_sd, noise_sd = args(controls)
    low, high = _ends(controls)
    sides = [guess - 3.0 * prior_sd, guess + 3.0 * prior_sd]
    known = window(controls)
    total = math.hypot(prior_sd, noise_sd)
    return {
        "weight": (min(sides[0], known.limit.mean), max(sides[1], known.limit.mean)),
        "measurement": (min(guess - 2.0 * total, low), max(guess + 2.0 * total, high)),
        "density": (0.0, 1.1 * known.limit.peak),
    }


def tell(controls: Controls, draws: Columns) -> str:
    """Share and mean of what was kept, beside the exact ones."""
    agree, known = kept(controls, draws), window(controls)
    said = {
        "kept": count(int(agree.sum())),
        "num": count(len(agree)),
        "share": percent(known.share),
        "exact": fixed(known.mean),
        "source": say("source.closed"),
    }
    if not agree.any():
        return say("conditioning.none", **said)
    return say("conditioning.told", mean=fixed(float(draws["weight"][agree].mean())), **said)


_PROGRAMS = {
    "condition": """\
def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {prior_sd}))
    return ppl.sample("measurement", dist.Normal(weight, {noise_sd}))

model = ppl.condition(scale, data={{"measurement": {measurement}}})""",
    "deferred": """\
def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {prior_sd}))
    return ppl.sample("measurement", dist.Normal(weight, {noise_sd}))

def deferred(measurement, guess):
    return ppl.condition(scale, data={{"measurement": measurement}})(guess)

def model(guess): return deferred({measurement}, guess)""",
    "obs": """\
def model(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {prior_sd}))
    return ppl.sample("measurement", dist.Normal(weight, {noise_sd}), obs={measurement})
""",
}


def code(controls: Controls, seed: int) -> str:
    """The conditioned program in the chosen form, and its exact posterior by weights."""
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer, inspect

{_PROGRAMS[controls["form"]].format(**controls)}
ppl.set_rng_seed({seed})
print(inspect.ledger(model, {controls["guess"]}))
posterior = infer.Importance(model, num_samples={controls["num"]}).run({controls["guess"]})
print(posterior.mean("weight"))"""


CONDITIONING = Question(
    name="conditioning",
    panel="ConditionPanel",
    title=say("conditioning.title"),
    controls=(
        spoken("measurement", 9.5, 0.0, 20.0, 0.1),
        spoken("window", 0.5, 0.05, 3.0, 0.05),
        spoken("form", "condition", kind="choice", options=tuple(FORMS), drawer=True),
        spoken("guess", 8.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        num_control(5000),
    ),
    inputs=("guess", "noise_sd", "prior_sd"),
    kernel=runs,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
