"""What the scale's pictures need beside the run itself, in tensors, so that it can be recorded.

The panel has the same from `scenarios.weighing`, in other formulas; tests hold the two together.
"""

from collections.abc import Callable, Mapping

import torch
from torch.distributions import Normal, kl_divergence

from ..figures import BELL, BELL_REACH
from ..scenarios import WEIGHING
from .programs import Facts, Numbers


def beliefs(controls: Numbers, params: Numbers) -> tuple[Normal, Normal, Normal, Normal]:
    """Prior, likelihood of the reading, exact posterior and learned one, over the weight."""
    prior = Normal(controls["guess"], controls["prior_sd"])
    likelihood = Normal(controls["measurement"], controls["noise_sd"])
    trusts = [belief.scale**-2 for belief in (prior, likelihood)]
    mean = (trusts[0] * prior.loc + trusts[1] * likelihood.loc) / sum(trusts)
    return prior, likelihood, Normal(mean, sum(trusts) ** -0.5), Normal(params["a"], params["b"])


def facts(controls: Numbers, params: Numbers) -> Facts:
    """Numbers in captions and lines, and what the axes have to hold.

    `kl` and `gap` (nats) come by different ways: the gap is what prior, data and entropy cost, less
    the floor.
    """
    prior, likelihood, exact, learned = beliefs(controls, params)
    reading = Normal(prior.loc, (prior.variance + likelihood.variance).sqrt())
    floor = -reading.log_prob(likelihood.loc)
    misfit = 0.5 * (learned.scale / likelihood.scale) ** 2 - likelihood.log_prob(learned.loc)
    two = 2.0 * exact.scale
    peaks = [
        1.0 / (belief.scale * (2.0 * torch.pi) ** 0.5) for belief in (prior, likelihood, exact)
    ]
    return {
        "params": torch.stack([learned.loc, learned.scale]),
        "perfect": torch.stack([exact.loc, exact.scale]),
        "floor": floor,
        "kl": kl_divergence(learned, exact),
        "gap": kl_divergence(learned, prior) + misfit - floor,
        "weight": torch.stack([prior.loc, likelihood.loc, exact.loc - two, exact.loc + two]),
        "density": torch.stack([torch.zeros_like(floor), *peaks]),
    }


def curves(controls: Numbers, params: Numbers) -> Facts:
    """The four bells, each as x and y, (2, BELL)."""
    names = ("prior", "likelihood", "exact", "learned")
    reach = torch.linspace(-BELL_REACH, BELL_REACH, BELL, dtype=torch.float64)
    bells = {}
    for name, belief in zip(names, beliefs(controls, params), strict=True):
        x = belief.loc + belief.scale * reach
        bells[f"posterior.{name}"] = torch.stack([x, belief.log_prob(x).exp()])
    return bells


PICTURES: Mapping[str, tuple[Callable[[Numbers, Numbers], Facts], ...]] = {
    WEIGHING.name: (facts, curves)
}
"""Scenario -> what of its pictures is computed in a page."""
