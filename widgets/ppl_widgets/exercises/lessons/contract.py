"""06, the contract: five guides to repair, each with the finding that the doctor makes."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.errors import InferenceError, suggestion
from ppl_core.inspect import Finding, check_guide
from ppl_core.optim import Adam

from ..asking import Told
from ..exercise import Exercise
from ..probes import Measured
from ..training import NEAR, distance, train
from .weighing import weigh

READING = 9.5


def scale(guess: float) -> Tensor:
    """The model of the lesson: the seed's, with its reading in place."""
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=READING)


def positive_scale(guess: float) -> Tensor:
    """A scale that errs by a share of the weight; a weight is above 0."""
    weight = ppl.sample("weight", dist.LogNormal(math.log(guess), 0.4))
    return ppl.sample("measurement", dist.LogNormal(weight.log(), 0.3), obs=READING)


def posterior(guess: float) -> dist.Distribution:
    """Of `scale`."""
    mean, sd = weigh(guess, READING, 1.0, 0.75)
    return dist.Normal(mean, sd)


def positive_posterior(guess: float) -> dist.Distribution:
    """Of `positive_scale`: the same rule on logs."""
    mean, sd = weigh(math.log(guess), math.log(READING), 0.4, 0.3)
    return dist.LogNormal(mean, sd)


def repaired(
    model: Callable[..., Any], posterior: Callable[[float], dist.Distribution]
) -> Callable[..., Measured]:
    """A probe: the guide has to fit its model, and then to learn."""

    def probe(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
        if not callable(answer):
            raise Told("blank" if answer is ... else "no_function", takes="guess")
        for finding in check_guide(model, answer, *setting):
            raise named(finding)
        with ppl.ParamStore():
            try:
                train(model, answer, setting, Adam({"lr": 0.02}), 1500)
            except InferenceError as error:
                raise Told("blew_up", slip=True, step=str((error.step or 0) + 1)) from error
            kl = distance(answer, setting, "weight", posterior(*setting).log_prob)
        return Measured((kl,), (NEAR,))

    return probe


def named(finding: Finding) -> Told:
    """A finding of the doctor as the slip that it is."""
    if finding.what == "crash":
        return Told("crash", where="", what=finding.message, mend="")
    near = suggestion(finding.site, ["weight"])
    misspelt = finding.what in {"extra", "missing"} and finding.site != "weight" and near
    if finding.what == "extra" and not misspelt:
        return Told("extra", slip=True, site=finding.site)
    what = "misspelt" if misspelt else finding.what
    return Told(what, slip=True, site=finding.site or "guide")


def repair(
    name: str,
    untouched: str,
    model: Callable[..., Any] = scale,
    posterior: Callable[[float], dist.Distribution] = posterior,
) -> Exercise:
    """A guide to repair; all of them share their hints."""
    return Exercise(
        name=name,
        takes=("guess",),
        parts=("KL",),
        right=lambda guess: (0.0,),
        slips=(),
        settings=((8.5,), (7.2,)),
        probe=repaired(model, posterior),
        family="06.guide",
        untouched=untouched,
    )


EXERCISES = (
    repair("06.empty", "missing"),
    repair("06.name", "misspelt"),
    repair("06.data", "observed"),
    repair("06.arguments", "signature"),
    repair("06.support", "support", positive_scale, positive_posterior),
)
