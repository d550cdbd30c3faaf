"""11, many weights and many readings: what a plate counts, and what mean field leaves out."""

from math import sqrt
from typing import Any

import torch

import ppl_core as ppl
from ppl_core.errors import ShapeError
from ppl_core.handlers import log_prob_of

from ..asking import Told, call
from ..exercise import Exercise, Slip
from ..probes import Measured

WIDTH = Exercise(
    name="11.width",
    takes=("num", "noise_sd"),
    parts=("sd",),
    right=lambda num, n: (1.0 / sqrt(1.0 + num / n**2),),
    slips=(
        Slip("no_prior", lambda num, n: (n / sqrt(num),)),
        Slip("one", lambda num, n: (1.0 / sqrt(1.0 + 1.0 / n**2),)),
        Slip("sds", lambda num, n: (1.0 / sqrt(1.0 + num / n),)),
        Slip("variance", lambda num, n: (1.0 / (1.0 + num / n**2),)),
        Slip("root_num", lambda num, n: (1.0 / sqrt(1.0 + sqrt(num) / n**2),)),
        Slip("precision", lambda num, n: (1.0 + num / n**2,)),
        Slip("average", lambda num, n: (sqrt(1.0 + n**2 / num),)),
        Slip("square", lambda num, n: (1.0 / sqrt(1.0 + num**2 / n**2),)),
    ),
    settings=((1, 0.75), (5, 1.2), (40, 2.0), (3, 0.4)),
)


# ---- a model that looks at some of its readings

SEEN = 100


def counted(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """How many readings the model's log density counts: its curvature in the weight says so.

    d^2/dw^2 log p(w, readings) = -(1 + count / 0.75^2), whatever the readings are.
    """
    [readings] = setting
    model = answer
    if answer is ...:
        raise Told("blank")

    def density(weight: float) -> tuple[float, int]:
        torch.manual_seed(1)  # the same readings each time
        given = ppl.condition(model, data={"weight": weight}, strict=False)
        with ppl.handlers.trace() as sites:
            returned = call(given, setting, exercise.takes)
        if returned is ... or (not sites.samples() and returned is None):
            raise Told("blank")
        if "weight" not in sites:
            raise Told("no_site", slip=True)
        data = [site for site in sites.samples() if site.observed and site.name != "weight"]
        if not data:
            raise Told("no_data", slip=True)
        if any(log_prob_of(site).numel() > site.value.numel() for site in data):
            raise Told("shapes", slip=True)
        return float(sites.log_prob_sum()), max(int(site.value.numel()) for site in data)

    try:
        (low, rows), (middle, _), (high, _) = (density(weight) for weight in (7.5, 8.5, 9.5))
    except Told as told:
        if isinstance(told.__cause__, ShapeError):
            raise Told("shapes", slip=True) from told
        raise
    count = (2.0 * middle - low - high - 1.0) * 0.75**2
    if rows == len(readings) and abs(count / len(readings) - 1.0) < 0.01:
        raise Told("whole", slip=True, given=f"{rows:,}")
    return Measured((count,), (0.01,))


SUBSAMPLE = Exercise(
    name="11.subsample",
    takes=("readings",),
    parts=("count",),
    right=lambda readings: (float(len(readings)),),
    slips=(
        Slip("unscaled", lambda readings: (float(SEEN),)),
        Slip("scaled_twice", lambda readings: (len(readings) ** 2 / SEEN,)),
        Slip("downscaled", lambda readings: (SEEN**2 / len(readings),)),
        Slip("one", lambda readings: (1.0,)),
    ),
    settings=((torch.linspace(7.0, 11.0, 10_000),), (torch.linspace(6.0, 9.0, 4_000),)),
    probe=counted,
)

TWO = Exercise(
    name="11.two",
    takes=("prior_sd", "noise_sd"),
    parts=("sd", "correlation"),
    right=lambda p, n: (p * sqrt((p**2 + n**2) / (2 * p**2 + n**2)), -(p**2) / (p**2 + n**2)),
    slips=(
        Slip("mean_field", lambda p, n: (p * n / sqrt(p**2 + n**2), None)),
        Slip("prior", lambda p, n: (p, None)),
        Slip("variance", lambda p, n: (p**2 * (p**2 + n**2) / (2 * p**2 + n**2), None)),
        Slip("sum", lambda p, n: (p * n * sqrt(2.0 / (2 * p**2 + n**2)), None)),
        Slip("half", lambda p, n: (0.5 * p, None)),
        Slip("independent", lambda p, n: (None, 0.0)),
        Slip("positive", lambda p, n: (None, p**2 / (p**2 + n**2))),
        Slip("covariance", lambda p, n: (None, -(p**4) / (2 * p**2 + n**2))),
        Slip("perfect", lambda p, n: (None, -1.0)),
        Slip("share", lambda p, n: (None, -(p**2) / (2 * p**2 + n**2))),
    ),
    settings=((1.0, 0.75), (0.5, 1.2), (2.0, 0.4), (1.5, 0.9)),
)

EXERCISES = (WIDTH, SUBSAMPLE, TWO)
