"""Solutions to notebook 06: five guides that fit."""

from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints


def normal_guide(guess: float) -> Tensor:
    """Draws each latent site by its name, takes what the model takes, and leaves data alone."""
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def positive_guide(guess: float) -> Tensor:
    """A weight is above 0, and so are all draws of a log-normal distribution."""
    a = ppl.param("a", 2.0)
    b = ppl.param("b", 0.5, constraint=constraints.positive)
    return ppl.sample("weight", dist.LogNormal(a, b))


ANSWERS = {
    "06.empty": normal_guide,
    "06.name": normal_guide,
    "06.data": normal_guide,
    "06.arguments": normal_guide,
    "06.support": positive_guide,
}
