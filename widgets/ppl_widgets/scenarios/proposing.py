"""One guide, four uses: its draws weighted, sieved, proposed to a chain, or begun with.

The guide is N(a, b), the posterior N(m, s), the evidence Z. How well the two fit is known:

    importance   ESS / N = s sqrt(v) / b^2 exp(-(m - a)^2 / v),  v = 2 b^2 - s^2;  0 if v <= 0
    rejection    kept = s / b exp(-(m - a)^2 / (2 (b^2 - s^2))),  for b > s
    chain        accepted = integral of min(posterior(x) guide(y), posterior(y) guide(x)) dx dy

The tail of the weights falls as t^(-1/k), k = 1 - b^2 / s^2, for b < s.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.diagnostics import psis, weight_ess
from ppl_core.infer import (
    Importance,
    ImportanceInfo,
    IndependentMH,
    MetropolisInfo,
    Rejection,
    RejectionInfo,
)

from ..text import count, fixed, percent, say
from . import particles
from .axis import Axis, Range
from .conditioning import BATCH, args
from .control import spoken
from .question import Columns, Question, num_control
from .scenario import Controls, Gaussian
from .weighing import exact, scale

TABS = ("importance", "rejection", "chain", "particles")
LEVEL = 1e-4
"""Weights whose logs differ by less (nats) are all the same, but for rounding."""


def guide(controls: Controls) -> Gaussian:
    """What is proposed."""
    return Gaussian(controls["a"], controls["b"])


def guide_program(controls: Controls) -> Callable[..., Any]:
    """The same as a program."""

    def proposed(guess: float, prior_sd: float, noise_sd: float) -> Any:
        return ppl.sample("weight", dist.Normal(controls["a"], controls["b"]))

    return proposed


def kernel(controls: Controls) -> Importance | Rejection | IndependentMH | particles.Clouds:
    """The algorithm of the chosen tab."""
    pair = (
        ppl.condition(scale, data={"measurement": controls["measurement"]}),
        guide_program(controls),
    )
    match controls["tab"]:
        case "particles":
            return particles.Clouds(controls)
        case "importance":
            return Importance(*pair, batch_size=BATCH, vectorize=True)
        case "rejection":
            return Rejection(*pair, batch_size=BATCH, vectorize=True)
        case _:
            return IndependentMH(*pair, batch=BATCH, vectorize=True)


def read(
    controls: Controls, info: ImportanceInfo | RejectionInfo | MetropolisInfo | particles.Cloud
) -> Columns:
    """The rows of a step: the weight, and what became of it."""
    if isinstance(info, particles.Cloud):
        return particles.read(controls, info)
    if isinstance(info, ImportanceInfo):
        return {"weight": info.values["weight"].numpy(), "log_weight": info.log_weights.numpy()}
    if isinstance(info, RejectionInfo):
        return {
            "weight": info.values["weight"].numpy(),
            "height": info.log_height.exp().numpy(),
            "accepted": info.accepted.numpy(),
        }
    return {
        "weight": np.array([info.values["weight"].item()]),
        "proposal": np.array([info.proposal["weight"].item()]),
        "accepted": np.array([info.accepted]),
    }


# ---- the truth


def target(controls: Controls) -> Gaussian:
    """The posterior that the chosen use draws from."""
    return particles.last(controls) if controls["tab"] == "particles" else exact(controls).posterior


def ess_share(controls: Controls) -> float:
    """ESS / N of infinitely many draws; 0 where the variance of the weights is infinite."""
    q, p = guide(controls), exact(controls)
    spare = 2.0 * q.sd**2 - p.sd**2
    if spare <= 0.0:
        return 0.0
    return p.sd * math.sqrt(spare) / q.sd**2 * math.exp(-((p.mean - q.mean) ** 2) / spare)


def tail_k(controls: Controls) -> float:
    """Shape of the tail of the weights, 0 for a light one."""
    return max(0.0, 1.0 - (controls["b"] / exact(controls).sd) ** 2)


def log_lift(controls: Controls) -> float:
    """Log of the largest ratio of posterior to guide, in nats; infinite if there is none."""
    q, p = guide(controls), exact(controls)
    apart, spare = (p.mean - q.mean) ** 2, q.sd**2 - p.sd**2
    if spare <= 1e-9:
        return 0.0 if spare > -1e-9 and apart < 1e-12 else math.inf
    return math.log(q.sd / p.sd) + 0.5 * apart / spare


def chain_share(controls: Controls) -> float:
    """Share of proposals that a chain accepts once it has forgotten its start, by quadrature.

    On a grid sorted by the ratio of posterior to guide, with C the posterior's cumulated mass, the
    integral of the smaller of the two products is the sum of guide * (2 C before + posterior).
    """
    q, p = guide(controls), exact(controls).posterior
    low = min(q.mean - 9.0 * q.sd, p.mean - 9.0 * p.sd)
    high = max(q.mean + 9.0 * q.sd, p.mean + 9.0 * p.sd)
    x = np.linspace(low, high, 8001)
    log_ratio = 0.5 * (((x - q.mean) / q.sd) ** 2 - ((x - p.mean) / p.sd) ** 2)
    order = np.argsort(log_ratio)
    guided, posterior = q.density(x)[order], p.density(x)[order]
    guided, posterior = guided / guided.sum(), posterior / posterior.sum()
    return float((guided * (2.0 * np.cumsum(posterior) - posterior)).sum())


def share(controls: Controls) -> float:
    """What the gauge of the chosen tab would read after infinitely many draws."""
    match controls["tab"]:
        case "importance":
            return ess_share(controls)
        case "rejection":
            return math.exp(-log_lift(controls))
        case "particles":
            return 1.0
        case _:
            return chain_share(controls)


# ---- what the draws say


def gauge(draws: Columns) -> np.ndarray:
    """What the gauge reads after each draw: ESS / N, a share, or estimated by exact evidence."""
    if "ratio" in draws:
        return np.cumsum(draws["ratio"]) / np.arange(1, len(draws["ratio"]) + 1)
    if "accepted" in draws:
        return np.cumsum(draws["accepted"]) / np.arange(1, len(draws["accepted"]) + 1)
    log_weights = draws.get("log_weight", np.empty(0))
    if not len(log_weights):
        return log_weights
    w = np.exp(log_weights - log_weights.max())
    sums, squares = np.cumsum(w), np.cumsum(w * w)
    ess = np.divide(sums**2, squares, out=np.ones_like(sums), where=squares > 0.0)
    return ess / np.arange(1, len(w) + 1)


def pareto_k(log_weights: np.ndarray) -> float:
    """Shape of the tail as fitted to the draws; -inf where all weights are equal."""
    if len(log_weights) and np.ptp(log_weights) < LEVEL:
        return -math.inf
    return float(psis(log_weights).k)


def histogram(draws: Columns) -> tuple[np.ndarray, np.ndarray | None]:
    """The draws that stand for the posterior, and their weights if they have any."""
    weight = draws.get("weight", np.empty(0))
    if "log_weight" in draws and len(weight):
        return weight, np.exp(draws["log_weight"] - draws["log_weight"].max())
    if "height" in draws:
        return weight[draws["accepted"] > 0.0], None
    return weight, None


# ---- the picture

AXES = {
    "weight": Axis(lows=(5.0, 3.0, 0.0, -10.0, -20.0), highs=(12.0, 14.0, 20.0, 30.0, 40.0)),
    "density": Axis(lows=(0.0,), highs=(1.0, 1.5, 2.0, 4.0, 10.0)),
    "height": Axis(lows=(0.0,), highs=(0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0)),
    "ago": Axis(lows=(-200.0,), highs=(0.0,)),
    "share": Axis(lows=(0.0,), highs=(1.05,)),
    "ratio": Axis(lows=(0.0,), highs=(2.0,)),
    "reading": Axis(lows=(0.8,), highs=(5.4,)),
    "level": Axis(lows=(6.0, 3.0, 0.0, -10.0, -20.0), highs=(12.0, 14.0, 20.0, 30.0, 40.0)),
    "draw": Axis(lows=(0.0,), highs=(1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """Two sds of guide and posterior, their peaks, and the envelope's."""
    q, p = guide(controls), exact(controls)
    both = (q, target(controls))
    ends = [g.mean + side * g.sd for g in both for side in (-2.0, 2.0)]
    lift = log_lift(controls)
    lift = lift if lift < 5.0 else 0.0  # a higher envelope leaves the picture
    return {
        "weight": (min(ends), max(ends)),
        "density": (0.0, 1.2 * max(g.peak for g in both)),
        "level": (min(ends), max(ends)),
        "height": (0.0, 1.05 * math.exp(p.log_evidence + lift) * q.peak),
    }


def tell(controls: Controls, draws: Columns) -> str:
    """The gauge beside its exact value, and what else the draws know of themselves."""
    seen, tab = gauge(draws), controls["tab"]
    if tab == "particles":
        return particles.tell(controls, draws)
    source = say("source.quadrature" if tab == "chain" else "source.closed")
    said = {"num": count(len(seen)), "exact": percent(share(controls)), "source": source}
    if not len(seen):
        return say("proposing.none", **said)
    if tab != "importance":
        return say(f"proposing.{tab}", seen=percent(float(seen[-1])), **said)
    log_weights = draws["log_weight"]
    k = pareto_k(log_weights)
    return say(
        "proposing.importance",
        seen=percent(float(weight_ess(log_weights)) / len(seen)),
        k=say("proposing.equal") if k == -math.inf else fixed(k),
        evidence=evidence(controls, draws),
        **said,
    )


def evidence(controls: Controls, draws: Columns) -> str:
    """The mean weight, beside what it estimates."""
    mean = float(np.exp(draws["log_weight"]).mean())
    known = math.exp(exact(controls).log_evidence)
    return say("proposing.evidence", mean=fixed(mean, 4), evidence=fixed(known, 4))


_USES = {
    "importance": """\
ppl.set_rng_seed({seed})
posterior = infer.Importance(model, guide, num_samples={num}).run({guess})
print(posterior.mean("weight"), posterior.get_log_normalizer().exp())
print(posterior.get_ESS() / {num}, posterior.get_pareto_k())""",
    "rejection": """\
ppl.set_rng_seed({seed})
posterior = infer.Rejection(model, guide, num_samples={num}).run({guess})
print(posterior.value("weight").mean(), posterior.acceptance_rate)""",
    "chain": """\
run = ppl.InferenceRun(infer.IndependentMH(model, guide), {guess}, seed={seed}, max_steps={num})
infos = [snapshot.info for snapshot in run]
print(sum(info.values["weight"] for info in infos) / {num})
print(sum(info.accepted for info in infos) / {num})""",
}


def code(controls: Controls, seed: int) -> str:
    """Model, guide, and the chosen use of it."""
    if controls["tab"] == "particles":
        return particles.code(controls, seed)
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer

def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {controls["prior_sd"]}))
    return ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}))

def guide(guess):
    return ppl.sample("weight", dist.Normal({controls["a"]}, {controls["b"]}))

model = ppl.condition(scale, data={{"measurement": {controls["measurement"]}}})
{_USES[controls["tab"]].format(seed=seed, num=controls["num"], guess=controls["guess"])}"""


PROPOSING = Question(
    name="proposing",
    panel="ProposalPanel",
    title=say("proposing.title"),
    controls=(
        spoken("a", 8.5, 0.0, 20.0, 0.02),
        spoken("b", 1.0, 0.05, 5.0, 0.05),
        spoken("tab", "importance", kind="choice", options=TABS),
        spoken("guess", 8.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("measurement", 9.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        spoken("drift", 0.3, 0.05, 2.0, 0.05, drawer=True),
        num_control(5000),
    ),
    inputs=("a", "b", "tab", "guess", "measurement", "noise_sd", "prior_sd", "drift"),
    staging=("tab",),
    kernel=kernel,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
