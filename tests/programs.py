"""The seed tutorial's programs, as many tests use them, and the guide that SVI trains."""

import math

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints


def scale(guess=8.5):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


conditioned_scale = ppl.condition(scale, data={"measurement": 9.5})


def perfect_guide(guess=8.5):
    loc = (0.75**2 * guess + 9.5) / (1 + 0.75**2)
    return ppl.sample("weight", dist.Normal(loc, math.sqrt(0.75**2 / (1 + 0.75**2))))


def learned_guide(guess=8.5):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))
