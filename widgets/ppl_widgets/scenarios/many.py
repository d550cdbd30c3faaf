"""Much of everything: many readings, seen in small batches, or many weights on one scale."""

import math
from typing import Any

from ..text import say
from . import batches, together
from .axis import Axis, Range
from .control import spoken
from .fitting import Fitting, Stretch
from .question import Columns, Question
from .scenario import Controls

CASES = ("forgotten", "scaled", "mean-field", "full")
"""The first two have many readings, the others many weights."""


def of_readings(controls: Controls) -> bool:
    """Whether the case is one of many readings."""
    return controls["case"] in CASES[:2]


def kernel(controls: Controls) -> batches.Subsampled | Fitting:
    """The training of the chosen case."""
    return batches.Subsampled(controls) if of_readings(controls) else together.kernel(controls)


def args(controls: Controls) -> tuple[Any, ...]:
    """Arguments of model and guide."""
    return (batches if of_readings(controls) else together).args(controls)


def read(controls: Controls, info: batches.Seen | Stretch) -> Columns:
    """The rows of one step of the kernel."""
    return batches.read(info) if isinstance(info, batches.Seen) else together.read(controls, info)


def ends_with(controls: Controls) -> float:
    """The sd of a weight in the best guide of the chosen case, in kg."""
    match controls["case"]:
        case "forgotten":
            return batches.ends_at(controls).sd
        case "scaled":
            return batches.exact(controls).sd
        case "mean-field":
            return together.claimed_sd(controls)
        case _:
            return float(together.exact_sd(controls, controls["weights"]))


# ---- the picture

AXES = {
    "sds": Axis(lows=(-25.0, -50.0, -100.0), highs=(25.0, 50.0, 100.0)),
    "density": Axis(lows=(0.0,), highs=(0.45,)),
    "batch": Axis(lows=(0.0,), highs=(4.0, 5.0)),
    "width": Axis(lows=(-2.5, -3.5), highs=(0.2, 1.0)),
    "slope": Axis(lows=(-1.0, -2.5), highs=(2.5, 3.5)),
    "step": Axis(lows=(0.0,), highs=(200.0, 400.0, 600.0, 1e3, 2e3, 5e3, 1e4, 1e5)),
    "first": Axis(lows=(7.0, 6.0, 3.0, 0.0, -10.0), highs=(10.5, 12.0, 14.0, 20.0, 30.0)),
    "second": Axis(lows=(7.0, 6.0, 3.0, 0.0, -10.0), highs=(10.5, 12.0, 14.0, 20.0, 30.0)),
    "weights": Axis(lows=(1.0,), highs=(20.5,)),
    "sd": Axis(lows=(0.0,), highs=(1.5, 3.0, 6.0)),
    "gap": Axis(lows=(0.0,), highs=(10.0, 20.0, 50.0, 100.0)),
    "loss": Axis(lows=(0.0, -5.0), highs=(6.0, 12.0, 30.0, 60.0)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """Both widths in the exact one's measure; two prior sds of a pair; the mean-field's losses."""
    number, batch = batches.size(controls)
    narrow, wide = batches.exact(controls).sd, batches.ends_at(controls).sd
    guess, prior = controls["guess"], controls["prior_sd"]
    noise = [
        batches.slope_sd(controls, k, batches.exact(controls)) * narrow for k in (1, batch, number)
    ]
    return {
        "sds": (-2.2 * wide / narrow, 2.2 * wide / narrow),
        "batch": (0.0, math.log10(number)),
        "width": (math.log10(narrow) - 0.2, math.log10(prior) + 0.1),
        "slope": (math.log10(min(noise)) - 0.2, math.log10(max(noise)) + 0.2),
        "first": (guess - 1.4 * prior, guess + 1.4 * prior),
        "second": (guess - 1.4 * prior, guess + 1.4 * prior),
        "sd": (0.0, 1.1 * prior),
        "gap": (0.0, 1.1 * float(together.claimed_gap(controls, 20))),
        "loss": (0.0, 1.5 * together.claimed_floor(controls)),
    }


def tell(controls: Controls, steps: Columns) -> str:
    """Width by width, and the distance."""
    return (batches if of_readings(controls) else together).tell(controls, steps)


def code(controls: Controls, seed: int) -> str:
    """The program behind the panel, present numbers filled in."""
    about = batches if of_readings(controls) else together
    return f"""\
import torch, ppl_core as ppl
from ppl_core import distributions as dist, infer, optim

{about.code(controls, seed)}"""


MANY = Question(
    name="many",
    panel="ManyPanel",
    title=say("many.title"),
    controls=(
        spoken("readings", 10_000.0, 1.0, 1e5, 1.0, "log"),
        spoken("batch", 100.0, 1.0, 1e4, 1.0, "log"),
        spoken("case", "forgotten", kind="choice", options=CASES),
        spoken("weights", 2, 2, 20, 1, "int", drawer=True),
        spoken("guess", 8.5, 5.0, 12.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.1, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.2, 5.0, 0.1, drawer=True),
        spoken("num_steps", 200, 1, 10_000, 50, "int", drawer=True),
    ),
    inputs=("readings", "batch", "case", "weights", "guess", "noise_sd", "prior_sd"),
    staging=("case",),
    kernel=kernel,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
