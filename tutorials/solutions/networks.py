"""Solutions to notebook 12."""

import math

from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints


def line(guess: float, prior_sd: float, noise_sd: float) -> tuple[float, float]:
    """The posterior mean is a line in the reading."""
    slope = prior_sd**2 / (prior_sd**2 + noise_sd**2)
    return slope, (1.0 - slope) * guess


def cost(slope: float, offset: float, sd: float) -> float:
    """The KL at a reading, averaged over readings N(8.5, 1.25): a square of a normal variable."""
    tilt, miss = slope - 0.64, slope * 8.5 + offset - 8.5
    squared = miss**2 + tilt**2 * 1.25**2
    return 0.5 * ((squared + sd**2) / 0.36 - 1.0) - math.log(sd / 0.6)


def guide(readings: Tensor) -> Tensor:
    """A line that reads, and one width for all."""
    slope = ppl.param("slope", 0.0)
    offset = ppl.param("offset", 0.0)
    sd = ppl.param("sd", 1.0, constraint=constraints.positive)
    with ppl.plate("parcels", len(readings)):
        mean = 8.5 + offset + slope * (readings - 8.5)
        return ppl.sample("weight", dist.Normal(mean, sd))


ANSWERS = {"12.line": line, "12.cost": cost, "12.guide": guide, "12.linear": 0.0}
