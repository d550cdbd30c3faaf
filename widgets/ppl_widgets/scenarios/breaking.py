"""What silence costs: a guide that breaks its contract, trained by a loss that does not check.

The weight N(g, p), the reading m ~ N(weight, s), the guide q = N(a, b). A site that the guide does
not draw is drawn from the prior; one that the model does not have counts all the same. With
L(q) the average loss of a guide that fits, H an entropy and D = E_prior[-log p(weight, m)]:

    misspelt        D - H(q)              data twice      L(q) - H(noise)
    missing         D                     unconditioned   KL(q, prior) + H(noise)
    shape           3 L(q)                cut             L(q), where a stays at its start

For `support` the prior is exponential with mean g. Unchecked, its density goes on below 0, so that
the average is taken over the whole line.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ppl_core.errors import PPLError
from ppl_core.handlers import replay, trace
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.inspect import Finding, check_guide
from ppl_core.optim import Adam
from ppl_core.params import ParamStore
from ppl_core.values import validation

from ..text import fixed, percent, say
from .axis import Axis, Range
from .blocks import Block, Blocks
from .control import spoken
from .question import Columns, Question
from .scenario import Controls, Exact, Gaussian, Program
from .ways import WAYS, pair, text
from .weighing import exact as exact_scale
from .weighing import expected_loss, kl, prior

LR = 0.01
STEPS = 100
"""Of a block."""


def unchecked(model: Program, guide: Program, *args: float) -> Tensor:
    """A loss as Pyro computes it, whatever the two programs draw: log q - log p, in nats."""
    with validation(False), trace() as drawn:
        guide(*args)
    with validation(False), trace() as scored, replay(trace=drawn):
        model(*args)
    with validation(False):
        return drawn.log_prob_sum() - scored.log_prob_sum()


def kernel(controls: Controls) -> Blocks:
    """The training: by SVI as it is, or by a loss that does not check.

    Raises:
        PPLError: not even Python can call the guide.
    """
    programs, checked = pair(controls), controls["checks"] == "on"
    if controls["way"] == "arguments" and not checked:
        raise PPLError(say("breaking.python"))
    loss = Trace_ELBO() if checked else unchecked
    svi = SVI(programs.model, programs.guide, Adam({"lr": LR}), loss, ParamStore())
    return Blocks(svi, STEPS)


def args(controls: Controls) -> tuple[float]:
    """Of both programs."""
    return (controls["guess"],)


def read(controls: Controls, info: Block) -> Columns:
    """Loss and parameters after every step."""
    return {"loss": info.losses, "a": info.leaves["a"], "b": np.exp(info.leaves["b"])}


def guide_at(controls: Controls, steps: Columns) -> Gaussian:
    """The guide's distribution after the steps that are shown."""
    if not len(steps.get("a", ())):
        return Gaussian(controls["guess"], 1.0)
    return Gaussian(float(steps["a"][-1]), float(steps["b"][-1]))


# ---- what the core says


@lru_cache(maxsize=64)
def _diagnosis(source: str, controls: tuple[tuple[str, object], ...]) -> tuple[str, list[Finding]]:
    settings = dict(controls)
    programs, inputs = pair(settings), args(settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        svi = SVI(programs.model, programs.guide, Adam({"lr": LR}), store=ParamStore())
        try:
            svi.step(*inputs)
            refusal = ""
        except PPLError as error:
            refusal = str(error)
        with ParamStore():
            return refusal, list(check_guide(programs.model, programs.guide, *inputs))


def diagnosis(controls: Controls) -> tuple[str, list[Finding]]:
    """The error in which SVI refuses the pair ("" if it trains), and all that the doctor finds."""
    return _diagnosis(text(controls), tuple(controls.items()))


def verdict(controls: Controls) -> str:
    """The one clear sentence that the core has for this pair."""
    refusal, found = diagnosis(controls)
    if refusal:
        return say("breaking.refuses", error=refusal)
    if found:
        return say("breaking.finds", error=found[0].message)
    return say("breaking.fits")


# ---- the truth


def entropy(sd: float) -> float:
    """Of a normal distribution, in nats."""
    return 0.5 * math.log(2.0 * math.pi * math.e * sd * sd)


def misfit(q: Gaussian, controls: Controls) -> float:
    """The average of -log p(reading | weight) over the weights of q, in nats."""
    noise = controls["noise_sd"]
    square = (controls["measurement"] - q.mean) ** 2 + q.sd**2
    return 0.5 * (math.log(2.0 * math.pi * noise**2) + square / noise**2)


def average(controls: Controls, q: Gaussian) -> float:
    """The average loss that does not check, in nats."""
    own, noise = prior(controls), entropy(controls["noise_sd"])
    apart = entropy(own.sd) + misfit(own, controls)
    match controls["way"]:
        case "misspelt":
            return apart - entropy(q.sd)
        case "missing":
            return apart
        case "data twice":
            return expected_loss(q, controls) - noise
        case "unconditioned":
            return kl(q, Exact(own, 0.0, "")) + noise
        case "shape":
            return 3.0 * expected_loss(q, controls)
        case "support":
            guess = controls["guess"]
            return math.log(guess) + q.mean / guess + misfit(q, controls) - entropy(q.sd)
        case _:
            return expected_loss(q, controls)


def settles(controls: Controls) -> float | None:
    """What the average loss comes to in the end, in nats; -inf if it falls without end.

    None where nothing is trained: Python or SVI refuses the pair.
    """
    if controls["way"] == "arguments" or (controls["checks"] == "on" and diagnosis(controls)[0]):
        return None
    match controls["way"]:
        case "misspelt":
            return -math.inf
        case "unconditioned":
            return average(controls, prior(controls))
        case "cut":
            return average(controls, Gaussian(controls["guess"], exact(controls).sd))
        case _:
            return average(controls, exact(controls).posterior)


def exact(controls: Controls) -> Exact:
    """What was asked: the posterior of the weight, given the reading.

    For `support` it is this normal distribution, cut off at 0.
    """
    if controls["way"] != "support":
        return exact_scale(controls)
    guess, noise, reading = (controls[name] for name in ("guess", "noise_sd", "measurement"))
    mean = reading - noise**2 / guess
    log_evidence = 0.5 * (noise / guess) ** 2 - reading / guess - math.log(guess)
    log_evidence += _log_normal_below(mean / noise)
    return Exact(Gaussian(mean, noise), log_evidence, say("source.closed"))


def moments(controls: Controls) -> Gaussian:
    """Mean and sd of the exact posterior.

    Source: Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions, sec. 13.10.1.
    """
    whole = exact(controls).posterior
    if controls["way"] != "support":
        return whole
    depth = whole.mean / whole.sd
    hazard = math.exp(-0.5 * depth**2 - _log_normal_below(depth)) / math.sqrt(2.0 * math.pi)
    spread = math.sqrt(max(1.0 - depth * hazard - hazard**2, 0.0))
    return Gaussian(whole.mean + whole.sd * hazard, whole.sd * spread)


def lowest(controls: Controls) -> float:
    """Where the weights begin that the model allows."""
    return 0.0 if controls["way"] == "support" else -math.inf


def outside(controls: Controls, q: Gaussian) -> float:
    """The share of the guide's draws that the model does not allow."""
    return math.exp(_log_normal_below((lowest(controls) - q.mean) / q.sd))


def _log_normal_below(x: float) -> float:
    return float(torch.special.log_ndtr(torch.tensor(x, dtype=torch.float64)))


# ---- the picture

AXES = {
    "weight": Axis(lows=(5.0, 3.0, 0.0, -3.0, -10.0, -20.0), highs=(12.0, 14.0, 20.0, 30.0, 40.0)),
    "density": Axis(lows=(-0.25,), highs=(0.8, 1.6, 4.0, 9.0)),
    "step": Axis(lows=(0.0,), highs=(500.0, 1e3, 2e3, 5e3, 1e4, 1e5)),
    "loss": Axis(lows=(-4.0, -10.0, -25.0), highs=(6.0, 10.0, 25.0, 100.0, 250.0, 1e3, 1e4, 1e5)),
    "a": Axis(lows=(8.0, 6.0, 3.0, 0.0, -10.0), highs=(10.0, 12.0, 15.0, 20.0)),
    "b": Axis(lows=(-1.0, -2.0), highs=(3.0, 6.0)),
}
"""That of b is in powers of ten."""


def reach(controls: Controls) -> dict[str, Range]:
    """Start, prior and posterior, and for a guide without a site its endless growth."""
    truth, start = exact(controls), Gaussian(controls["guess"], 1.0)
    span = [belief.mean + side * belief.sd for belief in (truth, start) for side in (-2.0, 2.0)]
    peaks = [1.05 * belief.peak for belief in (truth.posterior, prior(controls))]
    losses = [truth.floor, average(controls, start)]
    if controls["way"] == "misspelt":
        losses.append(average(controls, start) - LR * controls["num_steps"])
    return {
        "weight": (min(span), max(span)),
        "density": (-0.25, max(peaks)),
        "loss": (min(losses) - 1.0, max(losses) + 1.0),
        "a": (min(truth.mean, start.mean) - 0.4, max(truth.mean, start.mean) + 0.4),
        "b": (math.log10(0.9 * min(truth.sd, 1.0)), 2.5),
    }


def tell(controls: Controls, steps: Columns) -> str:
    """The average loss beside its floor, what became of the guide, and a question."""
    q, truth, way = guide_at(controls, steps), exact(controls), controls["way"]
    parts = {
        "loss": fixed(average(controls, q), 3),
        "floor": fixed(truth.floor, 3),
        "a": fixed(q.mean),
        "b": fixed(q.sd),
        "noise": fixed(entropy(controls["noise_sd"]), 3),
        "outside": percent(outside(controls, q)),
        "source": truth.source,
    }
    key = way.replace(" ", "_")
    return " ".join([say("breaking.loss", **parts), say(f"breaking.ask_{key}", **parts)])


def code(controls: Controls, seed: int) -> str:
    """The pair, and what the doctor says of it, or the training that does not check."""
    guess, way, given = controls["guess"], controls["way"], text(controls)
    if controls["checks"] == "on" or way == "arguments":
        return f"{given}print(ppl.inspect.check_guide(model, guide, {guess}))"
    train = f"svi.run({controls['num_steps']}, {guess}).params"
    shown = f"svi.step({guess}), svi.params(svi.state)" if way == "missing" else train
    return f"""\
{given}
from ppl_widgets.scenarios.breaking import unchecked
ppl.set_rng_seed({seed})
svi = infer.SVI(model, guide, optim.Adam({{"lr": {LR}}}), unchecked, ppl.ParamStore())
print({shown})"""


BREAKING = Question(
    name="breaking",
    panel="ContractPanel",
    title=say("breaking.title"),
    controls=(
        spoken("way", "misspelt", kind="choice", options=WAYS),
        spoken("checks", "off", kind="choice", options=("off", "on")),
        spoken("measurement", 9.5, 0.0, 20.0, 0.1),
        spoken("guess", 8.5, 0.5, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        spoken("num_steps", 500, 1, 10_000, 100, "int", drawer=True),
    ),
    inputs=("way", "checks", "measurement", "guess", "noise_sd", "prior_sd"),
    kernel=kernel,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
