"""One guide for all readings: a function that reads what the scale says, instead of two numbers.

The posterior of a reading m is N(c + k m, s): a line, and a width that is the same for all readings
(c = 3.06, k = 0.64, s = 0.6 on the start settings). A constant guide cannot follow it. Trained on
readings with mean g and sd t it pays k^2 t^2 / (2 s^2) nats on average, its mean at c + k g and its
sd at s.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.optim import Adam

from ..text import fixed, nats, say
from .axis import Axis, Range
from .control import spoken
from .question import Columns, Question
from .reruns import Rerun, whole
from .scenario import Controls, Gaussian
from .training import NUM_STEPS

ENCODERS = ("constant", "line", "network")
HIDDEN = 8
"""Units of the network."""
NUM = 64
"""Readings to train on."""
BLOCK = 1500
"""Rows that a block has."""
MEAN = 100
"""Steps whose losses are averaged."""


# ---- the programs


def weigh(readings: Tensor, guess: float, prior_sd: float, noise_sd: float) -> None:
    """Many objects, each weighed once."""
    with ppl.plate("objects", len(readings)):
        weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
        ppl.sample("measurement", dist.Normal(weight, noise_sd), obs=readings)


def read_with(encoder: str) -> Callable[..., None]:
    """The guide that draws each weight from what this encoder makes of its reading."""

    def guide(readings: Tensor, guess: float, prior_sd: float, noise_sd: float) -> None:
        centred = readings - guess  # networks learn best around 0
        shift = encode(encoder, centred)
        sd = ppl.param("sd", 1.0, constraint=constraints.positive)
        with ppl.plate("objects", len(readings)):
            ppl.sample("weight", dist.Normal(guess + shift, sd))

    return guide


def encode(encoder: str, centred: Tensor) -> Tensor:
    """How far the mean is moved from the guess by a reading that is so far off."""
    offset = ppl.param("offset", 0.0)
    if encoder == "constant":
        return offset.expand(centred.shape)
    if encoder == "line":
        return offset + ppl.param("slope", 0.0) * centred
    inner = ppl.param("inner", lambda: torch.randn(HIDDEN))
    at = ppl.param("at", lambda: torch.randn(HIDDEN))
    outer = ppl.param("outer", lambda: torch.randn(HIDDEN))
    return offset + (centred[:, None] * inner + at).tanh() @ outer


def readings(controls: Controls) -> Tensor:
    """The readings to train on: evenly through a normal, their mean the guess, their sd exact."""
    level = (torch.arange(NUM, dtype=torch.float64) + 0.5) / NUM
    z = torch.special.ndtri(level)
    z = z / z.square().mean().sqrt()
    return (controls["guess"] + controls["spread"] * z).float()


def trainer(controls: Controls) -> SVI:
    """Model and guide in a store of their own."""
    rule = Adam({"lr": controls["lr"]})
    return SVI(weigh, read_with(controls["encoder"]), rule, store=ppl.ParamStore())


def args(controls: Controls) -> tuple[Any, ...]:
    """What the programs are called with."""
    return readings(controls), controls["guess"], controls["prior_sd"], controls["noise_sd"]


class Lesson(Rerun):
    """Blocks of the loss and of every number of the guide."""

    size = BLOCK

    def rows(self, seed: int, start: int, end: int, *given: Any) -> Columns:
        """The loss, and every number of the guide."""
        runs = whole(trainer(self.controls), seed, end, *given)
        rows = {"loss": runs.losses[0, start:].numpy() / NUM}
        for name, trace in runs.path.items():
            columns = trace[0, start:].reshape(end - start, -1).numpy()
            rows |= {f"{name}.{i}": column for i, column in enumerate(columns.T)}
        return rows


# ---- what has been learned


def learned(controls: Controls, rows: Columns, at: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean of the guide for each reading in `at`, and its sd, at the last row."""
    guess, centred = controls["guess"], at - controls["guess"]
    now = {name: float(column[-1]) for name, column in rows.items() if len(column)}
    if not now:
        return np.full(len(at), guess), 1.0
    shift = np.full(len(at), now["offset.0"])
    if controls["encoder"] == "line":
        shift += now["slope.0"] * centred
    for unit in range(HIDDEN if controls["encoder"] == "network" else 0):
        angle = centred * now[f"inner.{unit}"] + now[f"at.{unit}"]
        shift += now[f"outer.{unit}"] * np.tanh(angle)
    return guess + shift, now["sd.0"]


# ---- the truth


def line(controls: Controls) -> tuple[float, float, float]:
    """Offset and slope of the posterior mean as a function of the reading, and its sd."""
    trust_guess, trust_scale = controls["prior_sd"] ** -2, controls["noise_sd"] ** -2
    slope = trust_scale / (trust_guess + trust_scale)
    return (1.0 - slope) * controls["guess"], slope, (trust_guess + trust_scale) ** -0.5


def posterior(controls: Controls, reading: float) -> Gaussian:
    """The exact answer for one reading."""
    offset, slope, sd = line(controls)
    return Gaussian(offset + slope * reading, sd)


def gaps(controls: Controls, rows: Columns, at: np.ndarray) -> np.ndarray:
    """KL of the guide from the posterior of each reading, in nats."""
    offset, slope, s = line(controls)
    mean, sd = learned(controls, rows, at)
    with np.errstate(all="ignore"):
        d, r = (mean - offset - slope * at) / s, sd / s
        return 0.5 * (d * d + r * r - 1.0) - np.log(r)


def average_gap(controls: Controls, rows: Columns) -> float:
    """Its mean over the readings that are trained on."""
    return float(gaps(controls, rows, readings(controls).double().numpy()).mean())


def least_gap(controls: Controls) -> float:
    """The lowest average gap that the encoder can reach: only the constant one pays."""
    _, slope, sd = line(controls)
    return (
        0.5 * (slope * controls["spread"] / sd) ** 2 if controls["encoder"] == "constant" else 0.0
    )


def floor(controls: Controls) -> float:
    """Minus the mean log evidence of the training readings, in nats: no guide's loss goes lower."""
    variance = controls["prior_sd"] ** 2 + controls["noise_sd"] ** 2
    return 0.5 * (math.log(2.0 * math.pi * variance) + controls["spread"] ** 2 / variance)


# ---- the picture

AXES = {
    "measurement": Axis(lows=(4.0, 0.0, -5.0), highs=(15.0, 20.0, 25.0)),
    "weight": Axis(lows=(4.0, 0.0, -10.0), highs=(14.0, 20.0, 30.0)),
    "density": Axis(lows=(0.0,), highs=(0.8, 1.6, 4.0, 8.0)),
    "gap": Axis(lows=(0.0,), highs=(2.0, 5.0, 10.0)),
    "loss": Axis(lows=(1.4, 1.0, 0.0, -2.0), highs=(2.6, 4.0, 8.0, 20.0, 50.0)),
    "step": Axis(lows=(0.0,), highs=(250.0, 500.0, 1e3, 1.5e3, 3e3, 6e3, 1e4, 2e4)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """Readings and weights within three sds of the training, and the one that is asked about."""
    exact, guess = posterior(controls, controls["reading"]), controls["guess"]
    three = 3.0 * controls["spread"]
    marks = [controls["reading"], guess - three, guess + three]
    base = floor(controls)
    return {
        "measurement": (min(marks), max(marks)),
        "weight": (exact.mean - 2.0 * exact.sd, exact.mean + 2.0 * exact.sd),
        "density": (0.0, 1.2 * exact.peak),
        "loss": (base - 0.2, base + 1.0),
    }


def tell(controls: Controls, rows: Columns) -> str:
    """The rule the encoder has found, what it costs, and the answer for one reading."""
    offset, slope, _ = line(controls)
    at = np.array([controls["reading"]])
    mean, sd = learned(controls, rows, at)
    exact = posterior(controls, controls["reading"])
    return say(
        "amortizing.told",
        reading=fixed(controls["reading"]),
        mean=fixed(float(mean[0])),
        sd=fixed(sd),
        exact=fixed(exact.mean),
        exact_sd=fixed(exact.sd),
        offset=fixed(offset),
        slope=fixed(slope),
        gap=nats(average_gap(controls, rows)),
        least=nats(least_gap(controls)),
        source=say("source.closed"),
    )


_SHIFTS = {
    "constant": ".expand(len(x))",
    "line": ' + ppl.param("slope", 0.0) * (x - guess)',
    "network": " + ((x - guess)[:, None] * inner + at).tanh() @ outer",
}
_UNITS = """
    inner, at, outer = (ppl.param(n, lambda: torch.randn(8)) for n in ("inner", "at", "outer"))"""


def code(controls: Controls, seed: int) -> str:
    """Model and encoder as a cell that trains as the panel does."""
    encoder, guess = controls["encoder"], controls["guess"]
    return f"""\
import torch, ppl_core as ppl
from ppl_core import distributions as dist, infer, optim

def model(x, guess):
    with ppl.plate("objects", len(x)):
        weight = ppl.sample("weight", dist.Normal(guess, {controls["prior_sd"]}))
        ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}), obs=x)

def guide(x, guess):{_UNITS if encoder == "network" else ""}
    loc = guess + ppl.param("offset", 0.0){_SHIFTS[encoder]}
    sd = ppl.param("sd", 1.0, constraint=dist.constraints.positive)
    ppl.plate("objects", len(x))(ppl.sample)("weight", dist.Normal(loc, sd))

z = torch.special.ndtri((torch.arange({NUM}) + 0.5) / {NUM})
x = {guess} + {controls["spread"]} * z / z.square().mean().sqrt()
svi = infer.SVI(model, guide, optim.Adam({{"lr": {controls["lr"]!r}}}), store=ppl.ParamStore())
print(svi.run_many({controls[NUM_STEPS]}, x, {guess}, seeds=[{seed}]).params)"""


def read(controls: Controls, info: Mapping[str, np.ndarray]) -> Columns:
    """The rows are what the kernel tells."""
    return info


AMORTIZING = Question(
    name="amortizing",
    panel="EncoderPanel",
    title=say("amortizing.title"),
    controls=(
        spoken("reading", 9.5, 0.0, 20.0, 0.1),
        spoken("spread", 1.25, 0.1, 5.0, 0.05),
        spoken("encoder", "network", kind="choice", options=ENCODERS),
        spoken("guess", 8.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        spoken("lr", 0.02, 1e-4, 1.0, 0.25, "log", drawer=True),
        spoken(NUM_STEPS, BLOCK, 1, 10_000, 100, "int", drawer=True),
    ),
    inputs=("spread", "encoder", "guess", "noise_sd", "prior_sd", "lr"),
    kernel=Lesson,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
