"""The unreliable scale: how much does it weigh, given a guess and one noisy reading?

The truth is worked out in units of the posterior N(m, s): with d = (a - m) / s and r = b / s the
guide N(a, b) sees one draw e ~ N(0, 1) as

    loss = -log Z - log r + d^2 / 2 + d r e + (r^2 - 1) e^2 / 2,

from which the average (the KL on top of the floor -log Z), the variance and both gradients can be
read off. An estimate from K particles needs only the averages of e and of e^2.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints

from ..text import say
from .axis import Axis, Range
from .control import spoken
from .scenario import Controls, Exact, Gaussian, Scenario
from .training import loss_code, mode_control, optimiser_code, training_controls


def scale(guess: float, prior_sd: float = 1.0, noise_sd: float = 0.75) -> Tensor:
    """The seed's program: a weight near the guess, a reading near the weight."""
    weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
    return ppl.sample("measurement", dist.Normal(weight, noise_sd))


def guide(guess: float) -> Tensor:
    """A normal distribution with two knobs; it starts at the guess with sd 1."""
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


# ---- beliefs


def prior(controls: Controls) -> Gaussian:
    """What is believed before the reading."""
    return Gaussian(controls["guess"], controls["prior_sd"])


def likelihood(controls: Controls) -> Gaussian:
    """The likelihood of the reading, normalised as a density of the weight."""
    return Gaussian(controls["measurement"], controls["noise_sd"])


def exact(controls: Controls) -> Exact:
    """The posterior of the weight: precisions add, means are averaged by precision."""
    trust_guess = controls["prior_sd"] ** -2
    trust_scale = controls["noise_sd"] ** -2
    trust = trust_guess + trust_scale
    mean = (trust_guess * controls["guess"] + trust_scale * controls["measurement"]) / trust
    spread = 1.0 / trust_guess + 1.0 / trust_scale
    surprise = (controls["measurement"] - controls["guess"]) ** 2 / spread
    log_evidence = -0.5 * (surprise + math.log(2.0 * math.pi * spread))
    return Exact(Gaussian(mean, trust**-0.5), log_evidence, say("source.closed"))


def learned(params: Mapping[str, float]) -> Gaussian:
    """The guide's distribution at its parameters."""
    return Gaussian(params["a"], params["b"])


def perfect(exact: Exact) -> dict[str, float]:
    """The parameters of the guide that equals the posterior."""
    return {"a": exact.mean, "b": exact.sd}


# ---- the loss


def kl(q: Gaussian, exact: Exact) -> float:
    """KL(q || posterior) in nats."""
    d, r = (q.mean - exact.mean) / exact.sd, q.sd / exact.sd
    return 0.5 * (d * d + r * r - 1.0) - math.log(r) if r > 0.0 else math.inf


def expected_loss(q: Gaussian, controls: Controls) -> float:
    """Minus the ELBO in nats: what q costs against the prior, against the data, less its entropy.

    It does not know the posterior, so that the gap to the log evidence is a second way to the KL.
    """
    if q.sd <= 0.0:
        return math.inf
    two_logs = [
        math.log(2.0 * math.pi * sd * sd) + ((q.mean - mean) ** 2 + q.sd**2) / (sd * sd)
        for mean, sd in (
            (controls["guess"], controls["prior_sd"]),
            (controls["measurement"], controls["noise_sd"]),
        )
    ]
    return 0.5 * (sum(two_logs) - math.log(2.0 * math.pi * math.e * q.sd**2))


def loss_sd(q: Gaussian, controls: Controls) -> float:
    """Standard deviation of one loss estimate in nats: zero for the perfect guide."""
    truth = exact(controls)
    d, r = (q.mean - truth.mean) / truth.sd, q.sd / truth.sd
    return math.sqrt((d * d * r * r + 0.5 * (r * r - 1.0) ** 2) / controls["particles"])


def noise(
    rng: np.random.Generator, controls: Controls, shape: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """The averages of e and of e^2 over K particles, both of `shape`, drawn without the particles.

    The mean of K normals and the sum of squares around it are independent (Cochran).
    """
    particles = controls["particles"]
    mean = rng.standard_normal(shape) / math.sqrt(particles)
    around = rng.chisquare(particles - 1, shape) / particles if particles > 1 else 0.0
    return mean, mean * mean + around


STILL = (0.0, 1.0)
"""The expectation of `noise`: the loss is linear in it, so this gives exact loss and gradients."""


def constrained(leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters themselves, from the unconstrained ones that the optimiser moves."""
    return {"a": leaves["a"], "b": leaves["b"].exp()}


def draw(
    leaves: Mapping[str, Tensor], noise: Sequence[Tensor], controls: Controls
) -> tuple[Tensor, dict[str, Tensor]]:
    """One loss estimate (nats) and its gradients, as SVI sees them; any batch shape.

    Args:
        leaves: unconstrained parameters: a, and log b under the name "b".
        noise: averages of e and of e^2.
        controls: the panel's.
    """
    truth = exact(controls)
    e, ee = noise
    d = (leaves["a"] - truth.mean) / truth.sd
    r = constrained(leaves)["b"] / truth.sd
    cross, square = d * r * e, r * r * ee
    loss = truth.floor - r.log() + 0.5 * (d * d + square - ee) + cross
    return loss, {"a": (d + r * e) / truth.sd, "b": cross + square - 1.0}


# ---- the picture

AXES = {
    "weight": Axis(lows=(6.0, 3.0, 0.0, -10.0, -20.0), highs=(11.0, 14.0, 20.0, 30.0, 40.0)),
    "density": Axis(lows=(0.0,), highs=(0.8, 1.6, 4.0, 8.0, 12.0)),
    "loss": Axis(lows=(0.0, -2.0), highs=(5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1e3, 1e4, 1e5)),
    "a": Axis(lows=(8.0, 6.0, 3.0, 0.0, -10.0, -20.0), highs=(10.0, 12.0, 15.0, 20.0, 30.0, 40.0)),
    "b": Axis(lows=(0.0,), highs=(1.2, 2.4, 5.0, 10.0)),
}


def reach(
    controls: Controls,
    exact: Exact | None,
    learned: Gaussian | None,
    seen: Mapping[str, Range],
) -> dict[str, Range]:
    """What each axis has to hold: every centre, two posterior sds, and where the run has been."""
    centres = [controls["guess"], controls["measurement"]]
    peaks = [prior(controls).peak, likelihood(controls).peak]
    tracks = {"loss": list(seen.get("mean", ()))}
    tracks |= {name: list(seen.get(name, ())) for name in ("a", "b")}
    if learned is not None:
        tracks["loss"].append(expected_loss(learned, controls))
        tracks["a"].append(learned.mean)
        tracks["b"].append(learned.sd)
    if exact is not None:
        centres += [exact.mean - 2.0 * exact.sd, exact.mean + 2.0 * exact.sd]
        peaks.append(exact.posterior.peak)
        tracks["loss"].append(exact.floor)
        for name, value in perfect(exact).items():
            tracks[name].append(value)
    spans = {name: (min(track), max(track)) for name, track in tracks.items() if track}
    return {"weight": (min(centres), max(centres)), "density": (0.0, max(peaks)), **spans}


def code(controls: Controls, seed: int) -> str:
    """The program behind the panel, present numbers filled in: a cell that trains as it does."""
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer, optim

def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {controls["prior_sd"]}))
    return ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}))

def guide(guess):
    a, b = ppl.param("a", guess), ppl.param("b", 1.0, constraint=dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))

svi = infer.SVI(ppl.condition(scale, data={{"measurement": {controls["measurement"]}}}), guide,
                optim.{optimiser_code(controls)}, infer.{loss_code(controls)}, ppl.ParamStore())
run = ppl.InferenceRun(svi, {controls["guess"]}, seed={seed})
print(run.advance({controls["num_steps"]}), "steps:", svi.params(run.snapshot.state))"""


WEIGHING = Scenario(
    name="weighing",
    panel="ScalePanel",
    title=say("weighing.title"),
    controls=(
        spoken("guess", 8.5, 0.0, 20.0, 0.1),
        spoken("measurement", 9.5, 0.0, 20.0, 0.1),
        mode_control(),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        *training_controls(),
    ),
    model=scale,
    guide=guide,
    inputs=("guess", "prior_sd", "noise_sd"),
    data={"measurement": "measurement"},
    latent="weight",
    params=("a", "b"),
    prior=prior,
    likelihood=likelihood,
    exact=exact,
    learned=learned,
    perfect=perfect,
    kl=kl,
    expected_loss=expected_loss,
    loss_sd=loss_sd,
    noise=noise,
    still=STILL,
    constrained=constrained,
    draw=draw,
    axes=AXES,
    reach=reach,
    code=code,
)
