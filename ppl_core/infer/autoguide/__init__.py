"""Guides made from their model.

A latent site in unconstrained space and where it starts: `latent`, `initialization`, `bounds`. What
all guides share: `guide`. Site by site: `delta`, `normal`, `discrete`. All coordinates at once:
`continuous`, with the normals of `gaussian` and `laplace` and the networks of `flow` and
`autoregressive`. Several guides for one model: `combine`.
"""

from .combine import AutoCallable, AutoGuideList
from .continuous import AutoContinuous
from .delta import AutoDelta
from .discrete import AutoDiscreteParallel
from .flow import AutoIAFNormal
from .gaussian import AutoDiagonalNormal, AutoLowRankMultivariateNormal, AutoMultivariateNormal
from .guide import AutoGuide
from .initialization import (
    init_to_feasible,
    init_to_generated,
    init_to_mean,
    init_to_median,
    init_to_sample,
    init_to_uniform,
    init_to_value,
)
from .laplace import AutoLaplaceApproximation
from .normal import AutoNormal

__all__ = [
    "AutoCallable",
    "AutoContinuous",
    "AutoDelta",
    "AutoDiagonalNormal",
    "AutoDiscreteParallel",
    "AutoGuide",
    "AutoGuideList",
    "AutoIAFNormal",
    "AutoLaplaceApproximation",
    "AutoLowRankMultivariateNormal",
    "AutoMultivariateNormal",
    "AutoNormal",
    "init_to_feasible",
    "init_to_generated",
    "init_to_mean",
    "init_to_median",
    "init_to_sample",
    "init_to_uniform",
    "init_to_value",
]
