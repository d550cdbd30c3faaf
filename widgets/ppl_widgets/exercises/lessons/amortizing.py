"""12, networks: a guide that reads its input. Guess 8.5, sds 1 and 0.75."""

from math import log
from typing import Any

import torch
from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.errors import InferenceError, ShapeError
from ppl_core.inspect import check_guide
from ppl_core.optim import Adam

from ..asking import Told, explained
from ..exercise import Exercise, Slip, Values
from ..probes import Measured, numbers
from ..training import NEAR, train
from .contract import named


def line(guess: float, p: float, n: float) -> tuple[float, float]:
    """Slope and offset of the posterior mean as a function of the reading."""
    share = p**2 / (p**2 + n**2)
    return share, (1.0 - share) * guess


LINE = Exercise(
    name="12.line",
    takes=("guess", "prior_sd", "noise_sd"),
    parts=("slope", "offset"),
    right=line,
    slips=(
        Slip("trusting", lambda g, p, n: (1.0, None)),
        Slip("deaf", lambda g, p, n: (0.0, None)),
        Slip("swapped", lambda g, p, n: (1.0 - line(g, p, n)[0], None)),
        Slip("sds", lambda g, p, n: (p / (p + n), None)),
        Slip("no_offset", lambda g, p, n: (None, 0.0)),
        Slip("guess", lambda g, p, n: (None, g)),
        Slip("share", lambda g, p, n: (None, line(g, p, n)[0] * g)),
        Slip("share", lambda g, p, n: (None, n**2 / (p**2 + n**2))),
    ),
    settings=((8.5, 1.0, 0.75), (7.0, 0.5, 1.2), (3.0, 2.0, 0.4), (10.0, 1.5, 0.9)),
)


def cost(slope: float, offset: float, sd: float, spread: float = 1.5625) -> Values:
    """Average KL of N(slope * m + offset, sd) to the posterior, over readings N(8.5, 1.25)."""
    tilt = slope - 0.64
    miss = tilt * 8.5 + offset - 3.06
    squared = miss**2 + tilt**2 * spread
    ratio = (sd / 0.6) ** 2
    return (0.5 * (squared / 0.36 + ratio - 1.0 - log(ratio)),)


COST = Exercise(
    name="12.cost",
    takes=("slope", "offset", "sd"),
    parts=("KL",),
    right=cost,
    slips=(
        Slip("one_reading", lambda k, c, s: cost(k, c, s, 0.0)),
        Slip("sd_of_readings", lambda k, c, s: cost(k, c, s, 1.25)),
        Slip("prior_spread", lambda k, c, s: cost(k, c, s, 1.0)),
        Slip("width_alone", lambda k, c, s: cost(0.64, 3.06, s)),
        Slip("means_alone", lambda k, c, s: cost(k, c, 0.6)),
        Slip("unhalved", lambda k, c, s: (2.0 * (cost(k, c, s)[0] or 0.0),)),
    ),
    settings=((0.0, 8.5, 0.6), (1.0, 0.0, 0.75), (0.5, 4.6, 0.9), (0.7, 2.0, 0.4)),
)


# ---- a guide that reads

TRAINED = torch.linspace(6.5, 10.5, 33)
INSIDE = torch.tensor([6.9, 7.7, 8.6, 9.5, 10.3])
OUTSIDE = torch.tensor([14.0])


def parcels(readings: Tensor) -> None:
    """Many parcels, each weighed once."""
    with ppl.plate("parcels", len(readings)):
        weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
        ppl.sample("measurement", dist.Normal(weight, 0.75), obs=readings)


def believed(guide: Any, readings: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sd of the guide's weights for such readings."""
    try:
        with torch.no_grad(), ppl.handlers.trace() as sites:
            guide(readings)
        fn = sites["weight"].fn
        shape = readings.shape
        mean, sd = fn.mean.detach().double(), fn.stddev.detach().double()
        return mean.expand(shape), sd.expand(shape)
    except (RuntimeError, ShapeError) as error:
        raise Told("a_row_each", slip=True, given=str(len(TRAINED))) from error
    except Exception as error:
        raise explained(error, guide) from error


def away(mean: Tensor, sd: Tensor, readings: Tensor) -> Tensor:
    """KL to the exact posterior, reading by reading, in nats."""
    d = (mean - (3.06 + 0.64 * readings.double())) / 0.6
    return 0.5 * (d**2 + (sd / 0.6) ** 2 - 1.0) - (sd / 0.6).log()


def reading(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """A guide trained on 33 readings, asked about others, among them one that is far outside."""
    if not callable(answer):
        raise Told("blank" if answer is ... else "no_function", takes="readings")
    try:
        with ppl.ParamStore(), ppl.handlers.trace() as sites:
            answer(TRAINED)
    except Exception as error:
        raise explained(error, answer) from error
    if not sites:
        raise Told("blank")
    for finding in check_guide(parcels, answer, TRAINED):
        if finding.what == "gradient":
            continue  # a guide may keep what it does not use
        raise named(finding) if finding.what == "crash" else Told("guide", slip=True)
    ppl.set_rng_seed(setting[0])
    with ppl.ParamStore():
        try:
            train(parcels, answer, (TRAINED,), Adam({"lr": 0.02}), 2500)
        except InferenceError as error:
            raise Told("blew_up", slip=True, step=str((error.step or 0) + 1)) from error
        mean, sd = believed(answer, INSIDE)
        kl = float(away(mean, sd, INSIDE).mean())
        if kl >= NEAR and float(mean.max() - mean.min()) < 0.02:
            raise Told("deaf", slip=True, given=f"{float(mean[0]):.3g}")
        far_mean, far_sd = believed(answer, OUTSIDE)
        if kl < NEAR and float(away(far_mean, far_sd, OUTSIDE)) > 0.5:
            raise Told("outside", slip=True, given=f"{float(far_mean):.3g}")
    return Measured((kl,), (NEAR,))


GUIDE = Exercise(
    name="12.guide",
    takes=("readings",),
    parts=("KL",),
    right=lambda seed: (0.0,),
    slips=(),
    settings=((1,), (2,)),
    probe=reading,
)


def at_least_zero(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """A gap; one below 0 would be an ELBO above the evidence."""
    [value] = numbers(answer, 1)
    if value < -0.005:
        raise Told("above", slip=True, given=f"{value:g}")
    return Measured((value,), (0.005,))


LINEAR = Exercise(
    name="12.linear",
    takes=(),
    parts=("gap",),
    right=lambda: (0.0,),
    slips=(
        Slip("constant", lambda: (0.889,)),
        Slip("folded", lambda: (0.71,)),
        Slip("mean_field", lambda: (0.263,)),
    ),
    probe=at_least_zero,
)

EXERCISES = (LINE, COST, GUIDE, LINEAR)
