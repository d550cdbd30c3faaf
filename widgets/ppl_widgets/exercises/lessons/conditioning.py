"""02, conditioning: what the runs that agree say about the weight."""

from math import erf, exp, hypot, pi, sqrt
from typing import Any

import ppl_core as ppl
from ppl_core.infer import reference

from ...text import say
from ..asking import Told, call, explained
from ..exercise import Exercise, Formula, Slip, Values
from ..probes import FORMULA, Measured, drawn


def posterior(measurement: float, guess: float, noise: float = 0.75) -> Values:
    """Mean and sd of the weight: precisions add."""
    trust = 1.0 / (1.0 + noise**2)
    return guess + trust * (measurement - guess), noise * sqrt(trust)


def window(width: float) -> Formula:
    """Mean and sd of the weights whose readings are so near: a reading cut at both ends."""

    def kept(measurement: float, guess: float) -> Values:
        spread = 1.25
        low, high = ((measurement + side * width - guess) / spread for side in (-1, 1))
        density = [exp(-0.5 * z * z) / sqrt(2.0 * pi) for z in (low, high)]
        share = 0.5 * (erf(high / sqrt(2.0)) - erf(low / sqrt(2.0)))
        mean = (density[0] - density[1]) / share
        variance = 1.0 + (low * density[0] - high * density[1]) / share - mean**2
        return guess + 0.64 * spread * mean, sqrt(0.36 + 0.64**2 * spread**2 * variance)

    return kept


POSTERIOR = Exercise(
    name="02.posterior",
    takes=("measurement", "guess"),
    parts=("mean", "sd"),
    right=posterior,
    slips=(
        Slip("prior", lambda reading, guess: (guess, 1.0)),
        Slip("noise", lambda reading, guess: posterior(reading, guess, 1.0)),
        Slip("fixed", lambda reading, guess: (reading, 0.0)),
        Slip("likelihood", lambda reading, guess: (reading, 0.75)),
        Slip("next", lambda reading, guess: (posterior(reading, guess)[0], hypot(0.6, 0.75))),
        Slip("forgotten", lambda reading, guess: (guess, 1.25)),
        *(Slip("wide", window(width)) for width in (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)),
        Slip("readings", lambda reading, guess: (reading, None)),
    ),
    settings=((9.5, 8.5), (7.0, 8.0), (10.0, 11.5), (8.2, 7.0)),
    probe=drawn(20_000, slack=0.004),
)


def believed(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """What a conditioned program makes of the weight: the reference knows its posterior.

    Raises:
        Told: the program is another one than was asked for.
    """
    with ppl.handlers.trace() as sites:
        returned = call(answer, setting, exercise.takes)
    names = sites.stochastic_nodes
    if returned is ...:
        raise Told("blank")
    if not sites.samples():
        if callable(returned):
            raise Told("uncalled", slip=True)
        raise Told("no_site" if returned is not None else "nothing", slip=returned is not None)
    if "weight" not in names:
        touched = "weight" in sites
        raise Told("fixed" if touched else "no_site", slip=True, given=say("part.sd", value="0"))
    try:
        weight = reference(answer, *setting)["weight"]
    except Exception as error:
        raise explained(error, answer) from error
    return Measured((float(weight.mean), float(weight.sd)), (FORMULA, FORMULA))


DEFERRED = Exercise(
    name="02.deferred",
    takes=("measurement", "guess"),
    parts=("mean", "sd"),
    right=posterior,
    slips=(
        Slip("prior", lambda reading, guess: (guess, 1.0)),
        Slip("noise", lambda reading, guess: posterior(reading, guess, 1.0)),
        Slip("swapped", lambda reading, guess: posterior(guess, reading)),
        Slip("baked", lambda reading, guess: posterior(9.5, guess)),
        Slip("guess_baked", lambda reading, guess: posterior(reading, 8.5)),
    ),
    settings=((9.5, 8.5), (7.0, 8.0), (10.0, 11.5), (8.2, 7.0)),
    probe=believed,
)


EXERCISES = (POSTERIOR, DEFERRED)
