"""Torch's distributions under one name, and what a probabilistic program adds to them.

Every distribution of `torch.distributions` is here with the same name and arguments, and can also
be called (`Normal(0., 1.)()` draws), reshaped (`to_event`, `expand_by`) and masked. Numbers, arrays
and lists are welcome wherever tensors are. A few are written out, because every step of every
tutorial draws and scores them: without torch's broadcasting of constants, `Normal` costs a third.
What torch lacks stands beside them: points, factors and flat priors, overdispersed and
zero-inflated counts, ordered vectors.
"""

# ruff: noqa: F401, F403
from typing import TYPE_CHECKING

from torch.distributions import kl_divergence, register_kl

if TYPE_CHECKING:  # the adopted classes, which type checkers cannot see
    from torch.distributions import *  # pyright: ignore[reportWildcardImportFromLibrary]

from . import adopted, constraints, divergence, transforms
from .adopted import *
from .counts import (
    BetaBinomial,
    GammaPoisson,
    ZeroInflatedDistribution,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)
from .distribution import Distribution, Independent, MaskedDistribution, draws_from_noise
from .improper import ImproperUniform, Unit
from .mixture import MixtureSameFamily
from .normal import Normal
from .points import Delta, Empirical
from .positive import HalfCauchy, LogNormal
from .transforms import biject_to, transform_to

TorchDistribution = Distribution  # Pyro's name for what a distribution of one's own stands on

__all__ = [
    "BetaBinomial",
    "Delta",
    "Distribution",
    "Empirical",
    "GammaPoisson",
    "HalfCauchy",
    "ImproperUniform",
    "Independent",
    "LogNormal",
    "MaskedDistribution",
    "MixtureSameFamily",
    "Normal",
    "TorchDistribution",
    "Unit",
    "ZeroInflatedDistribution",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
    "biject_to",
    "constraints",
    "kl_divergence",
    "register_kl",
    "transform_to",
    "transforms",
]
__all__ += adopted.__all__
