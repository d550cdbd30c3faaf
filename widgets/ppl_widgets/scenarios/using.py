"""What a posterior is for: the chance of an event, and a decision that hangs on it.

The weight is N(m, s), learned by SVI; the next reading adds the scale's noise to every draw of it:
N(m, sqrt(s^2 + noise^2)). Who plugs in the mean instead believes in N(m, noise), which is too sure.

Taking care costs the same in either case; taking the risk costs only if the limit is passed. So
care pays where P(over the limit) * cost if over > cost of care.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import SVI, Predictive, Trace_ELBO
from ppl_core.optim import Adam
from ppl_core.params import ParamStore

from ..text import fixed, say, setting
from .axis import Axis, Range
from .conditioning import args as scale_args
from .control import spoken
from .question import Columns, Question, num_control
from .scenario import Controls, Gaussian
from .weighing import exact as weighed
from .weighing import scale

BATCH = 250
"""Draws that are made at once."""
LR, PARTICLES = 0.01, 10
"""Of the training that comes before the first draw."""
DOTS = 100
"""Quantile dots: each stands for one chance in a hundred."""
SITES = {"weight": "weight", "next reading": "measurement"}
"""What may be asked about -> the site it is."""


def guide(guess: float, prior_sd: float, noise_sd: float) -> Tensor:
    """A normal guide with the model's arguments."""
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Draws of a trained guide, and of the next reading after each, (BATCH,)."""

    weight: Tensor
    measurement: Tensor


class Use:
    """A Kernel: train a guide, compiled, before the first step; then draw from it, and read on.

    Args:
        measurement: the reading that the guide is trained on.
        steps: of the training.
    """

    def __init__(self, measurement: float, steps: int):
        self._steps, self._store = steps, ParamStore()
        model = ppl.condition(scale, data={"measurement": measurement})
        loss = Trace_ELBO(num_particles=PARTICLES, vectorize_particles=True)
        self.svi = SVI(model, guide, Adam({"lr": LR}), loss, self._store)
        self._draw = Predictive(scale, guide=guide, num_samples=BATCH, parallel=True)

    def init(self, *args: Any) -> dict[str, Tensor]:
        """The trained parameters."""
        self._store.clear()
        self.svi.init(*args)
        return dict(self.svi.run(self._steps, *args, progress_bar=False).params)

    def update(self, state: dict[str, Tensor], *args: Any) -> tuple[dict[str, Tensor], Drawn]:
        """Some draws; the parameters stay as they are."""
        with self._store:
            draws = self._draw(*args)
        return state, Drawn(draws["weight"], draws["measurement"])


def kernel(controls: Controls) -> Use:
    """The training and the draws."""
    return Use(controls["measurement"], controls["steps"])


def read(controls: Controls, info: Drawn) -> Columns:
    """A weight and the next reading in each row."""
    return {"weight": info.weight.numpy(), "measurement": info.measurement.numpy()}


# ---- the truth


def exact(controls: Controls) -> Gaussian:
    """What is asked about: the weight, or the next reading."""
    posterior = weighed(controls).posterior
    if controls["asked"] == "weight":
        return posterior
    return Gaussian(posterior.mean, math.hypot(posterior.sd, controls["noise_sd"]))


def plugged(controls: Controls) -> Gaussian:
    """The same for somebody who takes the posterior's mean for the weight itself."""
    sd = 0.0 if controls["asked"] == "weight" else controls["noise_sd"]
    return Gaussian(weighed(controls).mean, sd)


def over(belief: Gaussian, limit: Any) -> Any:
    """The chance of more than `limit`; any shape."""
    if belief.sd == 0.0:
        return 1.0 * (belief.mean > np.asarray(limit))
    z = (np.asarray(limit, float) - belief.mean) / (belief.sd * math.sqrt(2.0))
    return 0.5 * np.vectorize(math.erfc)(z)


def chance(controls: Controls) -> float:
    """The exact chance of more than the chosen limit."""
    return float(over(exact(controls), controls["threshold"]))


def even(controls: Controls) -> float:
    """The chance at which care and risk cost the same; at most 1."""
    return min(controls["care"] / controls["fine"], 1.0)


def cares(chance: float, controls: Controls) -> bool:
    """Whether taking care is the cheaper choice for somebody who believes in this chance."""
    return chance * controls["fine"] > controls["care"]


# ---- what the draws say


def asked(controls: Controls, draws: Columns) -> np.ndarray:
    """The draws of what is asked about."""
    return draws.get(SITES[controls["asked"]], np.empty(0))


def share(controls: Controls, draws: Columns) -> float:
    """Share of the draws that are over the limit; nan if there are none."""
    values = asked(controls, draws)
    return float((values > controls["threshold"]).mean()) if len(values) else math.nan


def dots(controls: Controls, draws: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quantile dots: x and height of each, (DOTS,), and whether it is over the limit.

    The k-th dot is the (k - 1/2) / DOTS quantile of the draws. Dots are stacked in columns a
    quarter of the sd wide that meet at the limit, each dot with its share of the area.

    Source: Kay et al. 2016, When (ish) is my bus?
    """
    values = asked(controls, draws)
    if not len(values):
        nothing = np.empty(0)
        return nothing, nothing, nothing > 0
    limit, wide = controls["threshold"], exact(controls).sd / 4.0
    places = np.quantile(values, (np.arange(DOTS) + 0.5) / DOTS)
    column = np.where(places > limit, np.floor((places - limit) / wide), 0)
    column = np.where(places <= limit, np.ceil((places - limit) / wide) - 1, column)
    first = np.concatenate([[True], column[1:] != column[:-1]])
    number = np.arange(DOTS) - np.maximum.accumulate(np.where(first, np.arange(DOTS), 0))
    tall = 1.0 / (DOTS * wide)
    return limit + (column + 0.5) * wide, (number + 0.5) * tall, places > limit


# ---- the picture

AXES = {
    "kg": Axis(lows=(6.0, 4.0, 0.0, -10.0, -20.0), highs=(12.5, 15.0, 20.0, 30.0, 40.0)),
    "density": Axis(lows=(0.0,), highs=(0.8, 1.6, 4.0, 9.0)),
    "chance": Axis(lows=(0.0,), highs=(1.02,)),
    "estimate": Axis(lows=(0.0,), highs=(0.3, 0.6, 1.02)),
    "draw": Axis(lows=(0.0,), highs=(1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """Three sds of what is asked about, the limit, and the chances."""
    belief, limit = exact(controls), controls["threshold"]
    low, high = belief.mean - 3.0 * belief.sd, belief.mean + 3.0 * belief.sd
    chances = [float(over(what, limit)) for what in (belief, plugged(controls))]
    return {
        "kg": (min(low, limit - 0.5), max(high, limit + 0.5)),
        "density": (0.0, 1.15 * belief.peak),
        "estimate": (0.0, min(1.0, 1.3 * max(*chances, min(even(controls), 0.4)))),
    }


def tell(controls: Controls, draws: Columns) -> str:
    """The chance by every route, and the decision."""
    limit = controls["threshold"]
    chance, plug = float(over(exact(controls), limit)), float(over(plugged(controls), limit))
    seen = share(controls, draws)
    parts = [
        say(
            "using.exact",
            chance=fixed(chance, 3),
            asked=say(f"using.{SITES[controls['asked']]}"),
            limit=setting(limit),
            source=say("source.closed"),
        ),
        "" if math.isnan(seen) else say("using.draws", seen=fixed(seen, 3)),
        say("using.plugged", plugged=fixed(plug, 3)),
        verdict(controls),
        say("using.differ" if cares(plug, controls) != cares(chance, controls) else "using.agree"),
    ]
    return " ".join(part for part in parts if part)


def verdict(controls: Controls) -> str:
    """What the exact chance says to do, with both costs."""
    chance = float(over(exact(controls), controls["threshold"]))
    costs = {"care": fixed(controls["care"]), "risk": fixed(chance * controls["fine"])}
    return say("using.care" if cares(chance, controls) else "using.risk", **costs)


def code(controls: Controls, seed: int) -> str:
    """The program behind the panel: train, draw, count."""
    wanted = SITES[controls["asked"]]
    return f"""\
import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import distributions as dist, infer, optim

def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {controls["prior_sd"]}))
    return ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}))

model = ppl.condition(scale, data={{"measurement": {controls["measurement"]}}})
guide = infer.autoguide.AutoNormal(model)
ppl.set_rng_seed({seed})
loss = infer.Trace_ELBO(num_particles={PARTICLES}, vectorize_particles=True)
svi = infer.SVI(model, guide, optim.Adam({{"lr": {LR}}}), loss)
svi.run({controls["steps"]}, {controls["guess"]})
next_time = infer.Predictive(scale, guide=guide, num_samples={controls["num"]}, parallel=True)
print((next_time({controls["guess"]})["{wanted}"] > {controls["threshold"]}).float().mean())"""


USING = Question(
    name="using",
    panel="UsePanel",
    title=say("using.title"),
    controls=(
        spoken("threshold", 10.0, 0.0, 20.0, 0.1),
        spoken("fine", 6.5, 0.5, 50.0, 0.5),
        spoken("asked", "next reading", kind="choice", options=tuple(SITES)),
        spoken("care", 1.0, 0.1, 10.0, 0.1, drawer=True),
        spoken("guess", 8.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("measurement", 9.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        spoken("steps", 500, 1, 10_000, 100, "int", drawer=True),
        num_control(5000),
    ),
    inputs=("guess", "measurement", "noise_sd", "prior_sd", "steps"),
    kernel=kernel,
    args=scale_args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
