"""Solutions to notebook 01."""

from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist


def readings(guess: float, noise_sd: float) -> Tensor:
    """Many parcels at once, each weighed once: a plate instead of a loop."""
    with ppl.plate("parcels", 2_000):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        return ppl.sample("measurement", dist.Normal(weight, noise_sd))


def apart(noise_sd: float) -> float:
    """The parcel drops out of the difference, both errors stay: variances add."""
    return (noise_sd**2 + noise_sd**2) ** 0.5


ANSWERS = {"01.readings": readings, "01.twice": apart}
