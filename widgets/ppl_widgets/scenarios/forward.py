"""Running forward: a weight near the guess, a reading near the weight, again and again.

Independent variances add: the reading is N(guess, sqrt(prior sd^2 + noise sd^2)).
"""

import math
from collections.abc import Mapping

from ..text import count, fixed, normal, say
from .axis import Axis, Range
from .conditioning import args, read, runs
from .control import spoken
from .question import Columns, Question, num_control
from .scenario import Controls, Gaussian


def exact(controls: Controls) -> Mapping[str, Gaussian]:
    """What each site is distributed like, over all runs."""
    guess, prior_sd, noise_sd = args(controls)
    return {
        "weight": Gaussian(guess, prior_sd),
        "measurement": Gaussian(guess, math.hypot(prior_sd, noise_sd)),
    }


AXES = {
    "kg": Axis(lows=(4.0, 2.0, 0.0, -10.0, -20.0), highs=(13.0, 15.0, 20.0, 30.0, 40.0)),
    "fall": Axis(lows=(-0.15,), highs=(2.15,)),
    "density": Axis(lows=(0.0,), highs=(0.6, 1.2, 4.0, 9.0)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """Three sds of the readings on both sides of the guess, and the higher curve."""
    known = exact(controls)
    reading = known["measurement"]
    side = 3.0 * reading.sd
    return {
        "kg": (reading.mean - side, reading.mean + side),
        "density": (0.0, 1.1 * known["weight"].peak),
    }


def tell(controls: Controls, draws: Columns) -> str:
    """Mean and sd of the readings, beside the exact ones."""
    truth, readings = exact(controls)["measurement"], draws.get("measurement", ())
    if len(readings) < 2:
        return say("forward.few", exact=normal(truth.mean, truth.sd), source=say("source.closed"))
    return say(
        "forward.told",
        num=count(len(readings)),
        mean=fixed(float(readings.mean())),
        sd=fixed(float(readings.std(ddof=1))),
        exact=normal(truth.mean, truth.sd),
        source=say("source.closed"),
    )


def program(controls: Controls) -> tuple[str, str, str]:
    """Its lines: the call, the weight, the reading."""
    return (
        "def scale(guess):",
        f'    weight = ppl.sample("weight", dist.Normal(guess, {controls["prior_sd"]}))',
        f'    return ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}))',
    )


def code(controls: Controls, seed: int) -> str:
    """The program, and what all its readings are like."""
    lines = "\n".join(program(controls))
    return f"""\
import torch, ppl_core as ppl
from ppl_core import distributions as dist

{lines}

ppl.set_rng_seed({seed})
readings = torch.stack([scale({controls["guess"]}) for _ in range({controls["num"]})])
print("mean", readings.mean(), "sd", readings.std())"""


FORWARD = Question(
    name="forward",
    panel="ForwardPanel",
    title=say("forward.title"),
    controls=(
        spoken("guess", 8.5, 0.0, 20.0, 0.1),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        num_control(5000),
    ),
    inputs=("guess", "noise_sd", "prior_sd"),
    kernel=runs,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
