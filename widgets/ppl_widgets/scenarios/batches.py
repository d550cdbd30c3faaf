"""Ten thousand readings, seen a hundred at a time.

One weight, N readings with noise s: the exact precision is 1 / prior^2 + N / s^2. A step that sees
B of them stands for all when its likelihood is scaled by N / B, which `plate` does; without that
the training ends at the precision of a batch. The rows are random, so that a gradient in the
guide's mean has the standard deviation, with S that of the readings and K draws of the guide,

    sqrt((N / s^2)^2 S^2 (1 / B - 1 / N) + (precision b)^2 / K).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import SVI, SVIState, Trace_ELBO
from ppl_core.optim import ClippedAdam
from ppl_core.params import ParamStore

from ..text import count, fixed, nats, say
from .question import Columns
from .scenario import Controls, Gaussian

TRUE_WEIGHT = 9.14
"""What the readings scatter around, in kg."""
DRAWS = 20
"""Draws from the guide that one loss averages."""
RULE = {"lr": 0.1, "lrd": 0.99, "betas": (0.9, 0.9), "clip_norm": 1e6}
"""Of ClippedAdam: fast, fading, forgetful, for the first gradients are the largest by far."""
SETTLED = 50
"""The newest so many gradients are looked at."""


def size(controls: Controls) -> tuple[int, int]:
    """How many readings there are, and how many a step sees."""
    number = round(controls["readings"])
    return number, min(round(controls["batch"]), number)


@lru_cache(maxsize=8)
def readings(number: int, noise_sd: float) -> Tensor:
    """The data, (number,): always the same ones."""
    noise = torch.randn(number, generator=torch.Generator().manual_seed(1))
    return TRUE_WEIGHT + noise_sd * noise


# ---- the program


def many_readings(batch: int, scaled: bool) -> Callable[..., Any]:
    """One weight and its readings, of which each run sees `batch`; with or without the scale."""

    def model(data: Tensor, guess: float, prior_sd: float, noise_sd: float) -> None:
        weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
        if scaled:
            with ppl.plate("readings", len(data), subsample_size=batch) as rows:
                ppl.sample("measurement", dist.Normal(weight, noise_sd), obs=data[rows])
        else:
            rows = torch.randperm(len(data))[:batch]
            with ppl.plate("readings", batch):
                ppl.sample("measurement", dist.Normal(weight, noise_sd), obs=data[rows])

    return model


def one_guide(data: Tensor, guess: float, prior_sd: float, noise_sd: float) -> Tensor:
    """A normal distribution that starts as the prior."""
    a = ppl.param("a", guess)
    b = ppl.param("b", prior_sd, constraint=dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


@dataclass(frozen=True, slots=True)
class Seen:
    """A step of the subsampled training: loss (nats), gradient in `a`, and both parameters."""

    loss: float
    slope: float
    a: float
    b: float


class Subsampled:
    """SVI as a Kernel that tells the gradient of every step; nothing is compiled."""

    def __init__(self, controls: Controls):
        model = many_readings(size(controls)[1], controls["case"] == "scaled")
        loss = Trace_ELBO(num_particles=DRAWS, vectorize_particles=True)
        self.svi = SVI(model, one_guide, ClippedAdam(RULE), loss, ParamStore())

    def init(self, *args: Any) -> SVIState:
        """The guide as it starts."""
        self.svi.store.clear()
        return self.svi.init(*args)

    def update(self, state: SVIState, *args: Any) -> tuple[SVIState, Seen]:
        """One step of SVI."""
        state, info = self.svi.update(state, *args)
        values = self.svi.params(state)
        seen = Seen(info.loss, info.grads["a"].item(), values["a"].item(), values["b"].item())
        return state, seen


def args(controls: Controls) -> tuple[Any, ...]:
    """The data, then the scale's."""
    data = readings(size(controls)[0], controls["noise_sd"])
    return data, controls["guess"], controls["prior_sd"], controls["noise_sd"]


def read(info: Seen) -> Columns:
    """A row."""
    seen = {"loss": info.loss, "slope": info.slope, "a": info.a, "b": info.b}
    return {name: np.array([value]) for name, value in seen.items()}


# ---- the truth


def exact(controls: Controls) -> Gaussian:
    """The posterior of the weight, all readings seen."""
    number = size(controls)[0]
    return _posterior(controls, number)


def ends_at(controls: Controls) -> Gaussian:
    """What a training that forgets N/B ends at: the mean of all, the precision of a batch."""
    return _posterior(controls, size(controls)[1])


def _posterior(controls: Controls, weight_of: int) -> Gaussian:
    """As if the readings' average had been taken over `weight_of` of them."""
    number, trust = size(controls)[0], controls["noise_sd"] ** -2
    average = float(readings(number, controls["noise_sd"]).double().mean())
    precision = controls["prior_sd"] ** -2 + weight_of * trust
    mean = (
        controls["guess"] * controls["prior_sd"] ** -2 + weight_of * trust * average
    ) / precision
    return Gaussian(mean, precision**-0.5)


def slope_sd(controls: Controls, batch: float, guide: Gaussian) -> float:
    """Standard deviation of one gradient in the guide's mean, in nats per kg."""
    number, trust = size(controls)[0], controls["noise_sd"] ** -2
    spread = float(readings(number, controls["noise_sd"]).double().var()) if number > 1 else 0.0
    scale = 1.0 if controls["case"] == "forgotten" else number / batch
    precision = controls["prior_sd"] ** -2 + scale * batch * trust
    rows = (scale * trust) ** 2 * spread * batch * (1.0 - batch / number)
    return math.sqrt(rows + precision**2 * guide.sd**2 / DRAWS)


def guide_of(controls: Controls, steps: Columns) -> Gaussian:
    """The guide of the one weight after the steps that are shown."""
    if not len(steps.get("a", ())):
        return Gaussian(controls["guess"], controls["prior_sd"])
    return Gaussian(float(steps["a"][-1]), float(steps["b"][-1]))


def apart(guide: Gaussian, exact: Gaussian) -> float:
    """KL(guide, exact) in nats."""
    ratio, off = guide.sd / exact.sd, (guide.mean - exact.mean) / exact.sd
    return 0.5 * (ratio**2 + off**2 - 1.0) - math.log(ratio)


def seen_slope_sd(steps: Columns) -> float:
    """Standard deviation of the newest gradients; nan if there are too few."""
    slopes = steps.get("slope", np.empty(0))[-SETTLED:]
    return float(slopes.std(ddof=1)) if len(slopes) > 2 else math.nan


def tell(controls: Controls, steps: Columns) -> str:
    """The guide's width beside the exact one, the distance, and what a step sees."""
    guide, truth, (number, batch) = guide_of(controls, steps), exact(controls), size(controls)
    widths = {"learned": fixed(guide.sd, 4), "exact": fixed(truth.sd, 4)}
    parts = [
        say("many.width", source=say("source.closed"), **widths),
        say("many.apart", kl=nats(apart(guide, truth))),
        say("many.seen", batch=count(batch), readings=count(number)),
        say(f"many.ask_{controls['case']}"),
    ]
    return " ".join(parts)


def code(controls: Controls, seed: int) -> str:
    """Data, model, guide and training."""
    number, batch = size(controls)
    guess, prior_sd = controls["guess"], controls["prior_sd"]
    rule = ", ".join(f'"{name}": {value}' for name, value in RULE.items())
    plate = f"len(data), subsample_size={batch}" if controls["case"] == "scaled" else f"{batch}"
    scaled = controls["case"] == "scaled"
    rows = " as rows" if scaled else ""
    forget = "" if scaled else f"    rows = torch.randperm(len(data))[:{batch}]  # and no N/B\n"
    return f"""\
data = {TRUE_WEIGHT} + {controls["noise_sd"]} * torch.randn({number})
def model(data):
    weight = ppl.sample("weight", dist.Normal({guess}, {prior_sd}))
{forget}    with ppl.plate("readings", {plate}){rows}:
        ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}), obs=data[rows])

def guide(data):
    a, b = ppl.param("a", {guess}), ppl.param("b", {prior_sd}, dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))

ppl.set_rng_seed({seed})
rule = optim.ClippedAdam({{{rule}}})
svi = infer.SVI(model, guide, rule, infer.Trace_ELBO({DRAWS}, vectorize_particles=True))
print(svi.run({controls["num_steps"]}, data, compile="never").params)"""
