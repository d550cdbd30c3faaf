"""Solutions to notebook 02."""

from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist


def scale(guess: float) -> Tensor:
    """The program of the notebook."""
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


def posterior(measurement: float, guess: float) -> Tensor:
    """Run, keep what agrees, return the kept weights."""
    with ppl.plate("runs", 1_000_000), ppl.handlers.trace() as sites:
        scale(guess)
    near = (sites["measurement"].value - measurement).abs() < 0.1
    return sites["weight"].value[near]


def deferred(measurement: float, guess: float) -> Tensor:
    """Condition once the reading is known, then run."""
    return ppl.condition(scale, data={"measurement": measurement})(guess)


ANSWERS = {"02.posterior": posterior, "02.deferred": deferred}
