"""Losses: how far a guide is from the posterior, in nats.

base        what all share: particles, Pyro's methods, the run of a pair
trace       Trace_ELBO: from whole runs
mean_field  TraceMeanField_ELBO: with KL divergences in closed form
graph       TraceGraph_ELBO: score-function terms that know what depends on what; baselines
renyi       RenyiELBO and IWAE: tighter bounds from several draws
enum        TraceEnum_ELBO: exact sums over discrete sites
"""

from .base import ELBO, ELBOModule
from .enum import TraceEnum_ELBO
from .graph import TraceGraph_ELBO
from .mean_field import TraceMeanField_ELBO
from .renyi import IWAE, RenyiELBO
from .trace import Trace_ELBO

__all__ = [
    "ELBO",
    "IWAE",
    "ELBOModule",
    "RenyiELBO",
    "TraceEnum_ELBO",
    "TraceGraph_ELBO",
    "TraceMeanField_ELBO",
    "Trace_ELBO",
]
