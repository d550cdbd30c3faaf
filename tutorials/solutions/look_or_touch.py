"""Solutions to notebook 03: the program with the draught, looked at and touched."""

from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist


def draughty(guess: float) -> Tensor:
    """A draught pushes on the parcel and on the scale."""
    draught = ppl.sample("draught", dist.Normal(0.0, 1.0))
    weight = ppl.sample("weight", dist.Normal(guess + draught, 1.0))
    return ppl.sample("measurement", dist.Normal(weight + draught, 0.75))


def glued(guess: float, reading: float) -> tuple[float, float]:
    """Setting the needle tells nothing about the parcel: its prior stays."""
    return guess, 1.0


def seen(guess: float, weight: float) -> ppl.infer.Marginal:
    """A weight that is seen speaks of the draught, which speaks of the reading."""
    looked = ppl.condition(draughty, data={"weight": weight})
    return ppl.infer.reference(looked, guess)["measurement"]


def put(guess: float, weight: float) -> ppl.infer.Marginal:
    """A weight that is set says nothing of the draught."""
    touched = ppl.do(draughty, data={"weight": weight})
    return ppl.infer.reference(touched, guess)["measurement"]


ANSWERS = {"03.glued": glued, "03.seen": seen, "03.set": put}
