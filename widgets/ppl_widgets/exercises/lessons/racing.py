"""09, SVI: still moving or only noise; and what a learned guide is good for."""

from math import erfc, hypot, log, sqrt
from typing import Any

import ppl_core as ppl
from ppl_core.distributions import Normal, constraints
from ppl_core.errors import InferenceError
from ppl_core.optim import SGD

from ..asking import Told
from ..exercise import Exercise, Slip
from ..probes import Measured, numbers, within
from ..training import NEAR, distance, train
from .contract import posterior, scale

HALF_LIFE = Exercise(
    name="09.half_life",
    takes=("lr", "momentum", "posterior_sd"),
    parts=("steps",),
    right=lambda lr, m, s: (s**2 * log(2.0) * (1.0 - m) / lr,),
    slips=(
        Slip("no_log", lambda lr, m, s: (s**2 * (1.0 - m) / lr,)),
        Slip("no_momentum", lambda lr, m, s: (s**2 * log(2.0) / lr,)),
        Slip("momentum_slows", lambda lr, m, s: (s**2 * log(2.0) / (1.0 - m) / lr,)),
        Slip("momentum_slows", lambda lr, m, s: (s**2 * log(2.0) * (1.0 + m) / lr,)),
        Slip("momentum_alone", lambda lr, m, s: (s**2 * log(2.0) * m / lr,)),
        Slip("sd", lambda lr, m, s: (s * log(2.0) * (1.0 - m) / lr,)),
        Slip("precision", lambda lr, m, s: (log(2.0) * (1.0 - m) / lr / s**2,)),
        Slip("no_posterior", lambda lr, m, s: (log(2.0) * (1.0 - m) / lr,)),
        Slip("rate", lambda lr, m, s: (lr / (s**2 * log(2.0) * (1.0 - m)),)),
        Slip("log_two", lambda lr, m, s: (s**2 * (1.0 - m) / lr / log(2.0),)),
        Slip("half", lambda lr, m, s: (0.5 * s**2 * (1.0 - m) / lr,)),
    ),
    settings=((0.001, 0.1, 0.6), (0.01, 0.5, 0.9), (0.003, 0.8, 0.4), (0.02, 0.3, 1.7)),
)


# ---- choose a learning rate and a number of steps

MOST = 20_000
SEEDS = ((101,), (102,), (103,))


def guide(guess: float) -> Any:
    """The guide of the lesson."""
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", Normal(a, b))


def chosen(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """The KL of the last 500 steps' average, after a training with SGD as it was chosen."""
    lr, num_steps = numbers(answer, 2)
    if not 0.0 < lr < 100.0 or not 1.0 <= num_steps <= MOST or num_steps != int(num_steps):
        raise Told("range", slip=True, lr=f"{lr:g}", steps=f"{num_steps:g}")
    half_life = 0.36 * log(2.0) / lr
    ppl.set_rng_seed(setting[0])
    with ppl.ParamStore():
        try:
            train(scale, guide, (8.5,), SGD({"lr": lr}), int(num_steps))
        except InferenceError as error:
            raise Told("nan", slip=True, step=f"{(error.step or 0) + 1:,}") from error
        kl = distance(guide, (8.5,), "weight", posterior(8.5).log_prob)
    if not kl < NEAR:
        if num_steps < 6.0 * half_life:
            words = {"given": f"{half_life:,.0f}", "lr": f"{lr:g}", "kl": f"{kl:.3f}"}
            raise Told("moving", slip=True, **words)
        raise Told("wandering", slip=True, ball=f"{sqrt(lr / 2.0):.2g}", kl=f"{kl:.3f}")
    return Measured((kl,), (NEAR,))


RATE = Exercise(
    name="09.rate",
    takes=(),
    parts=("lr", "steps"),
    right=lambda seed: (0.0,),
    slips=(),
    settings=SEEDS,
    probe=chosen,
)


# ---- what a guide is good for


def above(mean: float, sd: float, limit: float) -> float:
    """P(N(mean, sd) > limit)."""
    return 0.5 * erfc((limit - mean) / (sd * sqrt(2.0)))


TAIL = Exercise(
    name="09.tail",
    takes=("mean", "sd", "limit"),
    parts=("probability",),
    right=lambda m, s, t: (above(m, s, t),),
    slips=(
        Slip("plugged", lambda m, s, t: (above(m, 0.75, t),)),
        Slip("next", lambda m, s, t: (above(m, hypot(s, 0.75), t),)),
        Slip("below", lambda m, s, t: (1.0 - above(m, s, t),)),
        Slip("variance", lambda m, s, t: (above(m, s * s, t),)),
        Slip("both_sides", lambda m, s, t: (min(1.0, 2.0 * above(m, s, t)),)),
        Slip("prior", lambda m, s, t: (above(8.5, 1.0, t),)),
        Slip("point", lambda m, s, t: (float(m > t),)),
        Slip("density", lambda m, s, t: (float(Normal(m, s).log_prob(t).exp()),)),
        Slip("unscaled", lambda m, s, t: (above(m, 1.0, t),)),
    ),
    settings=((9.14, 0.6, 10.0), (8.0, 0.4, 7.7), (9.0, 1.3, 11.0), (10.2, 0.9, 9.0)),
    probe=within(0.005),
)

EXERCISES = (HALF_LIFE, RATE, TAIL)
