"""Many weights on one scale, which tells only their sum.

D weights, N(guess, prior) each, and one reading with noise s: precision I / prior^2 + 1 1' / s^2.
A guide of independent normals keeps the diagonal of the precision, not that of the covariance:

    exact sd = prior sqrt(1 - prior^2 / (D prior^2 + s^2))
    mean-field sd = prior s / sqrt(prior^2 + s^2)
    gap = (D log(1 + prior^2 / s^2) - log(1 + D prior^2 / s^2)) / 2

For two weights the gap is -log(1 - rho^2) / 2, with rho their exact correlation.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import Trace_ELBO
from ppl_core.optim import Adam

from ..text import fixed, nats, say
from .fitting import Fitting, Stretch
from .question import Columns
from .scenario import Controls

EXCESS = 1.0
"""By how much the sum reads more than was guessed, in kg."""
DRAWS = 20
"""Draws from the guide that one loss averages."""
LR = 0.01


# ---- the programs


def many_weights(number: int) -> Callable[..., Any]:
    """Weights that are put on the scale together."""

    def model(total: float, guess: float, prior_sd: float, noise_sd: float) -> None:
        weights = ppl.sample("weights", dist.Normal(guess, prior_sd).expand([number]).to_event(1))
        ppl.sample("measurement", dist.Normal(weights.sum(-1), noise_sd), obs=total)

    return model


def mean_field(number: int) -> Callable[..., Any]:
    """Independent normals, one for each weight."""

    def guide(total: float, guess: float, prior_sd: float, noise_sd: float) -> Tensor:
        loc = ppl.param("loc", lambda: torch.full((number,), float(guess)))
        scale = ppl.param("scale", lambda: torch.ones(number), constraint=dist.constraints.positive)
        return ppl.sample("weights", dist.Normal(loc, scale).to_event(1))

    return guide


def full(number: int) -> Callable[..., Any]:
    """A joint normal with every covariance."""

    def guide(total: float, guess: float, prior_sd: float, noise_sd: float) -> Tensor:
        loc = ppl.param("loc", lambda: torch.full((number,), float(guess)))
        tril = ppl.param(
            "tril", lambda: torch.eye(number), constraint=dist.constraints.lower_cholesky
        )
        return ppl.sample("weights", dist.MultivariateNormal(loc, scale_tril=tril))

    return guide


def kernel(controls: Controls) -> Fitting:
    """The training, compiled."""
    number = controls["weights"]
    guide = (mean_field if controls["case"] == "mean-field" else full)(number)
    loss = Trace_ELBO(num_particles=DRAWS, vectorize_particles=True)
    how = "auto" if controls["case"] == "mean-field" else "never"  # no compiled triangular solve
    return Fitting(many_weights(number), guide, Adam({"lr": LR}), loss, how)


def args(controls: Controls) -> tuple[Any, ...]:
    """What the scale reads, then the scale's."""
    total = controls["weights"] * controls["guess"] + EXCESS
    return total, controls["guess"], controls["prior_sd"], controls["noise_sd"]


def read(controls: Controls, info: Stretch) -> Columns:
    """Loss, gap, and mean and covariance of the first two weights, a row for each step."""
    loc = info.params["loc"].astype(float)
    if "tril" in info.params:
        tril = info.params["tril"].astype(float)
        cov = tril @ tril.swapaxes(-1, -2)
    else:
        cov = info.params["scale"].astype(float)[..., None] ** 2 * np.eye(loc.shape[-1])
    return {
        "loss": info.losses,
        "m0": loc[:, 0],
        "m1": loc[:, 1],
        "v00": cov[:, 0, 0],
        "v01": cov[:, 0, 1],
        "v11": cov[:, 1, 1],
        "gap": apart(loc, cov, controls),
    }


# ---- the truth


def joint(controls: Controls) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance (D, D) of all weights, given the reading of their sum."""
    number: int = controls["weights"]
    prior, noise = controls["prior_sd"] ** 2, controls["noise_sd"] ** 2
    total = number * prior + noise
    mean = np.full(number, controls["guess"] + prior / total * EXCESS)
    return mean, prior * np.eye(number) - prior**2 / total * np.ones((number, number))


def exact_sd(controls: Controls, number: Any) -> Any:
    """Of each of so many weights."""
    prior, noise = controls["prior_sd"] ** 2, controls["noise_sd"] ** 2
    return np.sqrt(prior * (1.0 - prior / (np.asarray(number) * prior + noise)))


def claimed_sd(controls: Controls) -> float:
    """What the best mean-field guide says of each, however many there are."""
    return (controls["prior_sd"] ** -2 + controls["noise_sd"] ** -2) ** -0.5


def claimed_gap(controls: Controls, number: Any) -> Any:
    """What the best mean-field guide of so many weights lacks of the log evidence, in nats."""
    ratio = (controls["prior_sd"] / controls["noise_sd"]) ** 2
    number = np.asarray(number)
    return 0.5 * (number * np.log1p(ratio) - np.log1p(number * ratio))


def floor(controls: Controls) -> float:
    """Minus the log evidence of the sum, in nats."""
    variance = controls["weights"] * controls["prior_sd"] ** 2 + controls["noise_sd"] ** 2
    return 0.5 * (math.log(2.0 * math.pi * variance) + EXCESS**2 / variance)


def claimed_floor(controls: Controls) -> float:
    """The lowest average loss that a mean-field guide can have, in nats."""
    return floor(controls) + float(claimed_gap(controls, controls["weights"]))


def apart(loc: np.ndarray, cov: np.ndarray, controls: Controls) -> np.ndarray:
    """KL(guide, exact) in nats, for each row."""
    mean, exact_cov = joint(controls)
    precision = np.linalg.inv(exact_cov)
    off = loc - mean
    inside = np.einsum("...ij,ji->...", cov, precision) + ((off @ precision) * off).sum(-1)
    logs = np.linalg.slogdet(exact_cov)[1] - np.linalg.slogdet(cov)[1]
    return 0.5 * (inside - len(mean) + logs)


def pair(controls: Controls, steps: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Mean (2,) and covariance (2, 2) of the guide's first two weights, after what is shown."""
    if not len(steps.get("m0", ())):
        return np.full(2, controls["guess"]), np.eye(2)
    now = {name: column[-1] for name, column in steps.items()}
    mean = np.array([now["m0"], now["m1"]])
    return mean, np.array([[now["v00"], now["v01"]], [now["v01"], now["v11"]]])


def tell(controls: Controls, steps: Columns) -> str:
    """The width of one weight beside the exact one, the gap, and what the weights share."""
    _, cov = pair(controls, steps)
    truth, gaps = joint(controls)[1], steps.get("gap", np.empty(0))
    widths = {"learned": fixed(cov[0, 0] ** 0.5, 3), "exact": fixed(truth[0, 0] ** 0.5, 3)}
    parts = [say("many.width", source=say("source.closed"), **widths)]
    parts += [say("many.gap", gap=nats(max(float(gaps[-1]), 0.0)))] if len(gaps) else []
    parts += [
        say("many.correlation", exact=fixed(truth[0, 1] / truth[0, 0])),
        say("many.ask_mean" if controls["case"] == "mean-field" else "many.ask_full"),
    ]
    return " ".join(parts)


def code(controls: Controls, seed: int) -> str:
    """Model, guide and training."""
    number = controls["weights"]
    guide = "AutoDiagonalNormal" if controls["case"] == "mean-field" else "AutoMultivariateNormal"
    total = number * controls["guess"] + EXCESS
    prior = f"dist.Normal({controls['guess']}, {controls['prior_sd']})"
    return f"""\
def model():
    w = ppl.sample("weights", {prior}.expand([{number}]).to_event(1))
    ppl.sample("measurement", dist.Normal(w.sum(-1), {controls["noise_sd"]}), obs={total})

guide = infer.autoguide.{guide}(model, init_scale=1.0)
ppl.set_rng_seed({seed})
loss = infer.Trace_ELBO(num_particles={DRAWS}, vectorize_particles=True)
svi = infer.SVI(model, guide, optim.Adam({{"lr": {LR}}}), loss)
print(svi.run({controls["num_steps"]}).params)"""
