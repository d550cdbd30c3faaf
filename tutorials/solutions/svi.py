"""Solutions to notebook 09."""

import math
from statistics import NormalDist


def half_life(lr: float, momentum: float, posterior_sd: float) -> float:
    """Each step closes the share lr / (1 - momentum) / variance of the distance."""
    return math.log(2.0) * posterior_sd**2 * (1.0 - momentum) / lr


def tail(mean: float, sd: float, limit: float) -> float:
    """The guide's own mass above the limit."""
    return 1.0 - NormalDist(mean, sd).cdf(limit)


ANSWERS = {"09.half_life": half_life, "09.rate": (0.005, 4000), "09.tail": tail}
