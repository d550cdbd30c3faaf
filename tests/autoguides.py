"""Models that the tests of autoguides share."""

import pytest
import torch

import ppl_core as ppl
from ppl_core import distributions as dist
from ppl_core.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)

GUIDES = [
    AutoDelta,
    AutoNormal,
    AutoDiagonalNormal,
    AutoMultivariateNormal,
    AutoLowRankMultivariateNormal,
    AutoLaplaceApproximation,
    AutoIAFNormal,
]
with_every_guide = pytest.mark.parametrize("family", GUIDES)


def schools(y=None):
    mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
    tau = ppl.sample("tau", dist.HalfCauchy(5.0))
    shares = ppl.sample("shares", dist.Dirichlet(torch.ones(3)))
    with ppl.plate("school", 4):
        theta = ppl.sample("theta", dist.Normal(mu, tau))
        ppl.factor("nudge", -0.01 * theta**2)
        with ppl.plate("term", 2, dim=-2):
            slope = ppl.sample("slope", dist.Normal(torch.zeros(3), 1.0).to_event(1))
            mean = ppl.deterministic("mean", theta + (slope * shares).sum(-1), event_dim=0)
            ppl.sample("y", dist.Normal(mean, 1.0), obs=torch.zeros(2, 4))


SHAPES = {"mu": (), "tau": (), "shares": (3,), "theta": (4,), "slope": (2, 4, 3)}


def shapes(values):
    return {name: tuple(value.shape) for name, value in values.items()}


def normal_pair():
    ppl.sample("x", dist.Normal(0.0, 1.0))
    ppl.sample("s", dist.LogNormal(0.0, 1.0))


ROWS = torch.arange(6.0)


def local(subset=None):
    size = {"subsample": subset} if subset is not None else {"subsample_size": 2}
    mean = ppl.sample("mean", dist.Normal(0.0, 2.0))
    with ppl.plate("data", 6, **size) as rows:
        z = ppl.sample("z", dist.Normal(mean, 1.0))
        s = ppl.sample("s", dist.LogNormal(torch.zeros(2), 1.0).to_event(1))
        ppl.sample("y", dist.Normal(z + s.sum(-1), 1.0), obs=ROWS[rows])


def whole(subset=None):
    local(torch.arange(6))


def choose(subset=None):
    return ppl.plate("data", 6, subsample=subset)
