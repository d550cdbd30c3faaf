"""10, no formula: weight ~ N(8.5, 1), reading 9.5 ~ N(8.5 + (weight - 8.5)^2, 0.25): two hills.

The loss of a guide N(8.5 + c, b) needs only moments of a normal distribution, so it is exact.
"""

from functools import cache
from math import e, log, pi, sqrt
from typing import Any

import numpy as np

from ..asking import Told
from ..exercise import Exercise, Slip
from ..probes import Measured, numbers

NOISE = 0.25
PREDICTED = 0.03
"""How near a prediction read off the panel has to come."""


def log_joint(shift: Any) -> Any:
    """Log p(weight, reading) in nats, `shift` kilograms above 8.5; broadcasts."""
    fit = -0.5 * ((1.0 - shift**2) / NOISE) ** 2 - log(NOISE)
    return fit - 0.5 * shift**2 - log(2.0 * pi)


@cache
def truth() -> tuple[float, float]:
    """Log evidence in nats and sd of the posterior, on a grid."""
    shift = np.linspace(-6.0, 6.0, 120_001)
    density = np.exp(log_joint(shift))
    evidence = float(np.trapezoid(density, shift))
    variance = float(np.trapezoid(shift**2 * density, shift)) / evidence
    return log(evidence), sqrt(variance)


def loss(c: Any, b: Any) -> Any:
    """Minus the ELBO of N(8.5 + c, b) in nats; broadcasts."""
    second = c**2 + b**2
    fourth = c**4 + 6.0 * c**2 * b**2 + 3.0 * b**4
    fit = -0.5 * (1.0 - 2.0 * second + fourth) / NOISE**2 - log(NOISE)
    entropy = 0.5 * np.log(2.0 * pi * e * b**2)
    return -(fit - 0.5 * second - log(2.0 * pi)) - entropy


@cache
def best() -> tuple[float, float, float]:
    """The guide with the least loss on the upper hill: shift, sd and gap to the evidence."""
    c, b = 1.0, 0.15
    reach = 0.2
    for _ in range(30):
        cs = np.linspace(c - reach, c + reach, 21)[:, None]
        bs = np.linspace(max(b - reach, 1e-3), b + reach, 21)[None, :]
        losses = loss(cs, bs)
        i, j = np.unravel_index(int(losses.argmin()), losses.shape)
        c, b, reach = float(cs[i, 0]), float(bs[0, j]), reach * 0.5
    return c, b, float(loss(c, b)) + truth()[0]


def predicted(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """A gap and an sd; a gap that shrinks on the way to 0 tells of a hope."""
    values = numbers(answer, 2)
    if values[0] < 0.0:
        raise Told("below", slip=True, given=f"{values[0]:g}")
    if 0.05 < values[0] < best()[2] - 2.0 * PREDICTED:
        raise Told("more_steps", slip=True, given=f"{values[0]:g}")
    return Measured(values, (PREDICTED, PREDICTED))


GAP = Exercise(
    name="10.gap",
    takes=(),
    parts=("gap", "sd"),
    right=lambda: (best()[2], best()[1]),
    slips=(
        Slip("one_bump", lambda: (0.0, None)),
        Slip("evidence", lambda: (-truth()[0], None)),
        Slip("loss", lambda: (best()[2] - truth()[0], None)),
        Slip("true_sd", lambda: (None, truth()[1])),
        Slip("noise", lambda: (None, NOISE)),
        Slip("prior_sd", lambda: (None, 1.0)),
    ),
    probe=predicted,
)


def folded(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """Either hill will do: a centre below 8.5 counts as its mirror image."""
    [value] = numbers(answer, 1)
    return Measured((8.5 + abs(value - 8.5),), (0.1 * PREDICTED,))


CENTRE = Exercise(
    name="10.centre",
    takes=(),
    parts=("a",),
    right=lambda: (8.5 + best()[0],),
    slips=(
        Slip("valley", lambda: (8.5,)),
        Slip("root", lambda: (9.5,)),
        Slip("weighed", lambda: (9.14,)),
    ),
    probe=folded,
)

EXERCISES = (CENTRE, GAP)
