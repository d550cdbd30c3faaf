"""A scale whose needle answers in a bent way: no formula for the posterior, and a guide too simple.

    weight ~ N(guess, prior sd)        measurement ~ N(f(weight), noise sd)

What is exact is found on a fine grid; what a normal guide N(a, b) costs, by Gauss and Hermite.
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
from ppl_core.handlers import log_prob_of, replay, trace
from ppl_core.infer import Trace_ELBO
from ppl_core.optim import Adam

from ..text import fixed, listed, nats, normal, say, setting
from .axis import Axis, Range
from .control import spoken
from .fitting import Fitting, Stretch
from .question import Columns, Question
from .scenario import Controls, Gaussian

RESPONSES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "folded": ("8.5 + (weight - 8.5) ** 2", lambda w: 8.5 + (w - 8.5) ** 2),
    "bent": ("weight + (weight - 9).exp()", lambda w: w + _exp(w - 9.0)),
    "straight": ("weight", lambda w: w),
}
"""Name -> how the needle's mean follows the weight: as code, and as a function."""
GENTLE = {"response": "bent", "measurement": 11.0, "noise_sd": 0.75}
"""Where the gentle bend is felt: at less noise, or further down, its posterior is almost normal."""
DIRECTIONS = ("exclusive", "inclusive")
DRAWS = 20
"""Draws from the guide that one loss averages."""
TRIES = 200
"""Draws from the model that the inclusive loss weighs."""
LR, BETAS = 0.01, (0.9, 0.95)
"""Of Adam, with a short memory: the first gradients, far from the hills, are a thousand times the
later ones."""
WIDTH = 0.3
"""The sd that every guide starts with, in kg."""
GRID = 20_001
"""Points that stand for the posterior."""


def _exp(x: Any) -> Any:
    return x.exp() if isinstance(x, Tensor) else np.exp(x)


# ---- the programs


def scale_of(response: str) -> Callable[..., Any]:
    """The scale with this response."""
    f = RESPONSES[response][1]

    def scale(start: Any, measurement: Any, noise_sd: Any, guess: Any, prior_sd: Any) -> Any:
        weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
        return ppl.sample("measurement", dist.Normal(f(weight), noise_sd), obs=measurement)

    return scale


def guide_program(start: Any, *others: Any) -> Any:
    """A normal guide that begins at `start`."""
    a = ppl.param("a", lambda: torch.as_tensor(start).clone())
    b = ppl.param("b", WIDTH, constraint=dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def cover(model: Callable[..., Any], guide: Callable[..., Any], *args: Any) -> Tensor:
    """KL(posterior, guide) up to a constant: draws from the model, weighed by the reading.

    Source: Bornschein & Bengio 2015, Reweighted wake-sleep, eq. 6, with the prior as the proposal.
    """
    with torch.no_grad(), ppl.plate("draws", TRIES), trace() as runs:
        model(*args)
    share = log_prob_of(runs["measurement"]).detach().softmax(0)
    with ppl.plate("draws", TRIES), trace() as guided, replay(trace=runs):
        guide(*args)
    return -(share * log_prob_of(guided["weight"])).sum()


def kernel(controls: Controls) -> Fitting:
    """The training in the chosen direction."""
    elbo = Trace_ELBO(num_particles=DRAWS, vectorize_particles=True)
    loss = cover if controls["direction"] == "inclusive" else elbo
    return Fitting(
        scale_of(controls["response"]), guide_program, Adam({"lr": LR, "betas": BETAS}), loss
    )


INPUTS = ("start", "measurement", "noise_sd", "guess", "prior_sd")


def args(controls: Controls) -> tuple[Any, ...]:
    """Arguments of model and guide."""
    return tuple(controls[name] for name in INPUTS)


def read(controls: Controls, info: Stretch) -> Columns:
    """Loss and parameters, a row for each step."""
    return {"loss": info.losses, **info.params}


# ---- the truth


@dataclass(frozen=True)
class Bumpy:
    """A density on a grid.

    Attributes:
        x: where, (GRID,).
        y: the density there, (GRID,).
        log_evidence: in nats.
        moments: the normal distribution of the same mean and sd.
        peaks: where the density is locally highest.
    """

    x: np.ndarray
    y: np.ndarray
    log_evidence: float
    moments: Gaussian
    peaks: tuple[float, ...]


def exact(controls: Controls) -> Bumpy:
    """The posterior by quadrature."""
    names = ("response", "measurement", "noise_sd", "guess", "prior_sd")
    return _posterior(*(controls[name] for name in names))


@lru_cache(maxsize=64)
def _posterior(
    response: str, measurement: float, noise_sd: float, guess: float, prior_sd: float
) -> Bumpy:
    f, ends = RESPONSES[response][1], (min(guess, measurement), max(guess, measurement))
    x = np.linspace(ends[0] - 8.0 * prior_sd, ends[1] + 8.0 * prior_sd, GRID)
    with np.errstate(over="ignore"):  # e to a weight far above every reading: a density of 0
        log_p = _log_normal(x, guess, prior_sd) + _log_normal(measurement, f(x), noise_sd)
    top, dx = log_p.max(), x[1] - x[0]
    p = np.exp(log_p - top)
    mass = float(p.sum() * dx)
    y = p / mass
    mean = float((x * y).sum() * dx)
    sd = math.sqrt(float(((x - mean) ** 2 * y).sum() * dx))
    inner = (y[1:-1] > y[:-2]) & (y[1:-1] >= y[2:]) & (y[1:-1] > 0.01 * y.max())
    peaks = tuple(x[1:-1][inner].tolist())
    return Bumpy(x, y, math.log(mass) + float(top), Gaussian(mean, sd), peaks)


NODES, SHARES = np.polynomial.hermite_e.hermegauss(60)


def elbo(guide: Gaussian, controls: Controls) -> float:
    """The average of log p(weight, measurement) - log q(weight) under the guide, in nats."""
    w, f = guide.mean + guide.sd * NODES, RESPONSES[controls["response"]][1]
    log_p = _log_normal(w, controls["guess"], controls["prior_sd"])
    log_p = log_p + _log_normal(controls["measurement"], f(w), controls["noise_sd"])
    return (
        float(SHARES @ log_p / SHARES.sum())
        + 0.5 * math.log(2.0 * math.pi * math.e)
        + math.log(guide.sd)
    )


def gap(guide: Gaussian, controls: Controls) -> float:
    """KL(guide, exact) in nats: what the ELBO lacks of the log evidence."""
    return exact(controls).log_evidence - elbo(guide, controls)


def trained_gap(controls: Controls, steps: Columns) -> float:
    """The gap of the guide after the steps that are shown, in nats."""
    return max(gap(guide_of(controls, steps), controls), 0.0)


def missed(guide: Gaussian, controls: Controls) -> float:
    """KL(exact, guide) in nats."""
    truth = exact(controls)
    there = truth.y > 0.0
    x, y = truth.x[there], truth.y[there]
    with np.errstate(over="ignore"):
        ratio = np.log(y) - _log_normal(x, guide.mean, guide.sd)
    return float((y * ratio).sum() * (truth.x[1] - truth.x[0]))


def floor(controls: Controls) -> float:
    """The lowest average loss in nats: of any guide; inclusive, of any normal guide.

    The inclusive loss is the average of -log q under the posterior. Of all normal q it is lowest
    for that of the posterior's mean and sd, where it is the entropy of q.
    """
    truth = exact(controls)
    if controls["direction"] == "exclusive":
        return -truth.log_evidence
    return 0.5 * math.log(2.0 * math.pi * math.e) + math.log(truth.moments.sd)


def _log_normal(x: Any, mean: Any, sd: Any) -> Any:
    return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd) - 0.5 * math.log(2.0 * math.pi)


def guide_of(controls: Controls, steps: Columns) -> Gaussian:
    """Where the guide is after the steps that are shown."""
    if not len(steps.get("a", ())):
        return Gaussian(controls["start"], WIDTH)
    return Gaussian(float(steps["a"][-1]), float(steps["b"][-1]))


# ---- the picture

AXES = {
    "weight": Axis(lows=(5.5, 3.0, 0.0, -10.0), highs=(11.5, 14.0, 20.0, 30.0)),
    "density": Axis(lows=(0.0,), highs=(3.5, 5.0, 10.0, 20.0)),
    "needle": Axis(lows=(6.0, 3.0, 0.0, -10.0), highs=(13.0, 16.0, 20.0)),
    "evidence": Axis(lows=(-3.0, -6.0, -15.0, -50.0, -200.0), highs=(0.0, 1.0, 3.0)),
    "bar": Axis(lows=(0.0,), highs=(1.0,)),
    "loss": Axis(lows=(0.0, -2.0), highs=(5.0, 10.0, 25.0, 50.0)),
    "step": Axis(lows=(0.0,), highs=(600.0, 1200.0, 2e3, 4e3, 1e4, 2e4, 1e5)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """The hills, the start, and the ELBO of a guide that covers all of them."""
    truth = exact(controls)
    low, high = truth.moments.mean - 2 * truth.moments.sd, truth.moments.mean + 2 * truth.moments.sd
    reading, worst = controls["measurement"], truth.log_evidence - 1.2
    if controls["direction"] == "inclusive":
        worst = min(worst, elbo(truth.moments, controls) - 1.0)
    return {
        "weight": (min(low, controls["start"] - 0.5), max(high, controls["start"] + 0.5)),
        "density": (0.0, 1.05 * float(truth.y.max())),
        "needle": (reading - 1.0, reading + 1.0),
        "evidence": (worst, truth.log_evidence + 0.3),
        "loss": (min(0.0, floor(controls)), 1.2 + floor(controls)),
    }


def tell(controls: Controls, steps: Columns) -> str:
    """The gap, the guide, and the exact answer."""
    truth, guide = exact(controls), guide_of(controls, steps)
    peaks = listed([fixed(peak) for peak in truth.peaks], say("bending.and"))
    question = f"{'two' if len(truth.peaks) > 1 else 'one'}_{controls['direction']}"
    if controls["response"] == "bent" and not GENTLE.items() <= controls.items():
        question = "bent"
    felt = {"reading": setting(GENTLE["measurement"]), "noise": setting(GENTLE["noise_sd"])}
    return " ".join(
        [
            say(
                "bending.gap",
                gap=nats(max(gap(guide, controls), 0.0)),
                missed=nats(max(missed(guide, controls), 0.0)),
            ),
            say("bending.learned", learned=normal(guide.mean, guide.sd)),
            say(
                "bending.exact",
                mean=fixed(truth.moments.mean),
                sd=fixed(truth.moments.sd, 3),
                peaks=peaks,
                source=say("source.quadrature"),
            ),
            say(f"bending.ask_{question}", **felt),
        ]
    )


def code(controls: Controls, seed: int) -> str:
    """The program behind the panel: a cell that trains as it does."""
    loss, more = f"infer.Trace_ELBO(num_particles={DRAWS}, vectorize_particles=True)", ""
    if controls["direction"] == "inclusive":
        loss, more = "cover", "from ppl_widgets.scenarios.bending import cover\n"
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer, optim
{more}
def scale():
    weight = ppl.sample("weight", dist.Normal({controls["guess"]}, {controls["prior_sd"]}))
    needle = dist.Normal({RESPONSES[controls["response"]][0]}, {controls["noise_sd"]})
    return ppl.sample("measurement", needle, obs={controls["measurement"]})

def guide():
    a, b = ppl.param("a", {controls["start"]}), ppl.param("b", {WIDTH}, dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))

ppl.set_rng_seed({seed})
loss = {loss}
svi = infer.SVI(scale, guide, optim.Adam({{"lr": {LR}, "betas": {BETAS}}}), loss)
print(svi.run({controls["num_steps"]}).params)"""


BENDING = Question(
    name="bending",
    panel="NoFormulaPanel",
    title=say("bending.title"),
    controls=(
        spoken("start", 9.0, 5.0, 12.0, 0.05),
        spoken("response", "folded", kind="choice", options=tuple(RESPONSES)),
        spoken("direction", "exclusive", kind="choice", options=DIRECTIONS),
        spoken("measurement", 9.5, 5.0, 15.0, 0.1, drawer=True),
        spoken("noise_sd", 0.25, 0.1, 2.0, 0.05, drawer=True),
        spoken("guess", 8.5, 5.0, 12.0, 0.1, drawer=True),
        spoken("prior_sd", 1.0, 0.5, 3.0, 0.1, drawer=True),
        spoken("num_steps", 600, 1, 10_000, 100, "int", drawer=True),
    ),
    inputs=(*INPUTS, "response", "direction"),
    staging=(),
    kernel=kernel,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
    start=600,
)
