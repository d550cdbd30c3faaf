"""What a loss is made of, and how far one estimate strays.

The average loss is cut in two ways: floor and gap, misfit and complexity. With the guide N(a, b)
and one draw e ~ N(0, 1), d = (a - m) / s and r = b / s,

    loss = c + d r e + (r^2 - 1) e^2 / 2,         c = -log Z - log r + d^2 / 2.

An estimate averages K of them. With M the mean of the K draws, N(0, 1/K), and S the mean square
around it, chi-square with K - 1 degrees of freedom over K and independent of M (Cochran), it is

    c + d r M + (r^2 - 1) (M^2 + S) / 2,

so its distribution function is an average of that of S over M.
"""

import math

import numpy as np
import torch

import ppl_core as ppl
from ppl_core.infer import Importance, ImportanceInfo

from ..text import count, fixed, nats, say
from .axis import Axis, Range
from .conditioning import BATCH, args
from .control import spoken
from .proposing import guide, guide_program
from .question import Columns, Question, num_control
from .scenario import Controls
from .weighing import exact, expected_loss, kl, loss_sd, scale

SIGNS = ("loss", "ELBO")
SAME = 1e-6
"""Guides whose r^2 differs less from 1 are as wide as the posterior."""
NODES = 801
"""Points of the quadrature over M."""
REACH = 7.0
"""How far it goes, in sds of M."""


def kernel(controls: Controls) -> Importance:
    """Draws of the guide; minus the log weight of each is one draw of the loss."""
    model = ppl.condition(scale, data={"measurement": controls["measurement"]})
    many = BATCH * controls["particles"]
    return Importance(model, guide_program(controls), batch_size=many, vectorize=True)


def read(controls: Controls, info: ImportanceInfo) -> Columns:
    """Estimates of the loss, each the average of K draws, in nats."""
    draws = -info.log_weights.numpy().astype(float)
    return {"loss": draws.reshape(-1, controls["particles"]).mean(axis=1)}


# ---- the truth


def loss(controls: Controls) -> float:
    """The average of all estimates: minus the ELBO, in nats."""
    return expected_loss(guide(controls), controls)


def floor(controls: Controls) -> float:
    """Minus the log evidence, in nats."""
    return exact(controls).floor


def gap(controls: Controls) -> float:
    """KL(guide, exact) in nats."""
    return kl(guide(controls), exact(controls))


def misfit(controls: Controls) -> float:
    """Minus the guide's average log likelihood, in nats."""
    q, noise_sd = guide(controls), controls["noise_sd"]
    square = (controls["measurement"] - q.mean) ** 2 + q.sd**2
    return 0.5 * (math.log(2.0 * math.pi * noise_sd**2) + square / noise_sd**2)


def complexity(controls: Controls) -> float:
    """KL(guide, prior) in nats."""
    q, prior_sd = guide(controls), controls["prior_sd"]
    square = (q.mean - controls["guess"]) ** 2 + q.sd**2
    return 0.5 * (square / prior_sd**2 - 1.0) - math.log(q.sd / prior_sd)


def sd(controls: Controls) -> float:
    """Of one estimate, in nats; zero for the perfect guide."""
    return loss_sd(guide(controls), controls)


def chance_below(controls: Controls, x: np.ndarray) -> np.ndarray:
    """The share of estimates at or below each x (nats), by quadrature over M."""
    q, p, particles = guide(controls), exact(controls), controls["particles"]
    d, r = (q.mean - p.mean) / p.sd, q.sd / p.sd
    least = p.floor - math.log(r) + 0.5 * d * d
    bend = 0.5 * (r * r - 1.0)
    if abs(2.0 * bend) < SAME:
        tilt = abs(d * r) / math.sqrt(particles)
        return _normal_below((x - least) / tilt) if tilt > SAME else 1.0 * (x >= least)
    if particles == 1:
        return _parabola_below((x - least) / bend, 0.5 * d * r / bend, bend > 0.0)
    z = np.linspace(-REACH, REACH, NODES)
    share = np.exp(-0.5 * z * z)
    mean = z / math.sqrt(particles)
    spare = (x[:, None] - least - d * r * mean) / bend - mean**2
    below = _chi_square_below(particles * spare, particles - 1)
    return (below if bend > 0.0 else 1.0 - below) @ (share / share.sum())


def _parabola_below(level: np.ndarray, half: float, opens_up: bool) -> np.ndarray:
    """The chance that e^2 + 2 half e <= level, or >= it if it does not open upwards."""
    root = np.sqrt(np.maximum(half * half + level, 0.0))
    between = _normal_below(root - half) - _normal_below(-root - half)
    return between if opens_up else 1.0 - between


def _normal_below(x: np.ndarray) -> np.ndarray:
    return torch.special.ndtr(torch.as_tensor(x, dtype=torch.float64)).numpy()


def _chi_square_below(x: np.ndarray, degrees: int) -> np.ndarray:
    half = torch.as_tensor(np.maximum(x, 0.0) / 2.0)
    return torch.special.gammainc(torch.full_like(half, degrees / 2.0), half).numpy()


# ---- the picture

TOPS = (8.0, 12.0, 25.0, 50.0, 100.0, 1e3, 1e4)
AXES = {
    "loss": Axis(lows=(0.0, -2.0, -5.0, -20.0), highs=TOPS),
    "share": Axis(lows=(0.0,), highs=(0.4, 1.05)),
    "nats": Axis(lows=(0.0, -2.0, -5.0), highs=(3.0, 5.0, *TOPS)),
    "bars": Axis(lows=(0.0,), highs=(2.0,)),
    "weight": Axis(lows=(5.0, 3.0, 0.0, -10.0, -20.0), highs=(12.0, 14.0, 20.0, 30.0, 40.0)),
    "density": Axis(lows=(0.0,), highs=(0.8, 1.6, 4.0, 9.0)),
    "draw": Axis(lows=(0.0,), highs=(1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5)),
}
BINS = 40
"""Of the histogram of estimates."""


def bins(ends: Range) -> np.ndarray:
    """The edges of the histogram, (BINS + 1,), in nats."""
    return np.linspace(*ends, BINS + 1)


def reach(controls: Controls) -> dict[str, Range]:
    """Two sds of the estimates, both ways of cutting the loss, and every belief."""
    q, p, average = guide(controls), exact(controls), loss(controls)
    spread = 2.0 * sd(controls)
    parts = (0.0, floor(controls), misfit(controls), average)
    beliefs = (q, p.posterior)
    ends = [belief.mean + side * belief.sd for belief in beliefs for side in (-2.0, 2.0)]
    return {
        "loss": (floor(controls) - 0.25 * spread, average + spread),
        "share": (0.0, 0.5 if sd(controls) < 0.25 else 0.2),
        "nats": (min(parts), 1.05 * max(parts)),
        "weight": (min(ends), max(ends)),
        "density": (0.0, max(belief.peak for belief in beliefs)),
    }


def tell(controls: Controls, draws: Columns) -> str:
    """The average, what it is made of, and how far one estimate strays."""
    seen = draws.get("loss", np.empty(0))
    sign = -1.0 if controls["sign"] == "ELBO" else 1.0
    name = controls["sign"]
    said = [
        say(
            f"balancing.{name}",
            loss=fixed(sign * loss(controls), 3),
            floor=fixed(sign * floor(controls), 3),
            gap=nats(gap(controls)),
            source=say("source.closed"),
        ),
        say("balancing.sd", sd=fixed(sd(controls))),
    ]
    if len(seen):
        mean, spread = fixed(sign * float(seen.mean()), 3), fixed(float(seen.std()))
        said.append(say("balancing.seen", num=count(len(seen)), mean=mean, sd=spread))
    said.append(say("balancing.spike" if sd(controls) < 0.005 else "balancing.ask"))
    return " ".join(said)


def code(controls: Controls, seed: int) -> str:
    """The program, its guide, and many estimates of the loss."""
    particles = controls["particles"]
    many = f"num_particles={particles}, vectorize_particles=True" if particles > 1 else ""
    minus = "-" if controls["sign"] == "ELBO" else ""
    return f"""\
import torch
import ppl_core as ppl
from ppl_core import distributions as dist, infer

def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {controls["prior_sd"]}))
    return ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}))

def guide(guess):
    return ppl.sample("weight", dist.Normal({controls["a"]}, {controls["b"]}))

model = ppl.condition(scale, data={{"measurement": {controls["measurement"]}}})
ppl.set_rng_seed({seed})
elbo, several = infer.Trace_ELBO({many}), range({min(controls["num"], 1000)})
losses = torch.tensor([elbo.loss(model, guide, {controls["guess"]}) for _ in several])
print({minus}losses.mean(), losses.std())"""


BALANCING = Question(
    name="balancing",
    panel="ElboPanel",
    title=say("balancing.title"),
    controls=(
        spoken("a", 8.5, 0.0, 20.0, 0.02),
        spoken("b", 1.0, 0.05, 5.0, 0.05),
        spoken("sign", "loss", kind="choice", options=SIGNS),
        spoken("particles", 1, 1, 100, 1, "int", drawer=True),
        spoken("guess", 8.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("measurement", 9.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        num_control(5000),
    ),
    inputs=("a", "b", "particles", "guess", "measurement", "noise_sd", "prior_sd"),
    staging=("sign",),
    kernel=kernel,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
