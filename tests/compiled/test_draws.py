"""Draws are torch's own, number by number, and leave the generator where torch does."""

import math
import shutil

import pytest
import torch

import ppl_core.distributions as dist
from ppl_core.compiled import NotCompiled, record
from ppl_core.compiled.build import Build
from ppl_core.compiled.c import Source
from ppl_core.compiled.engine import Engine
from ppl_core.compiled.floats import Floats
from ppl_core.compiled.native import Native

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)
LOC = torch.tensor([0.5, -1.0, 2.0])
SCALE = torch.tensor([0.5, 1.0, 2.5])
CHANCE = torch.tensor([0.2, 0.5, 0.9])
WEIGHTS = torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
DRAWS = {
    "Normal": lambda: dist.Normal(LOC, SCALE).rsample(),
    "torch.normal": lambda: torch.normal(LOC, SCALE),
    "Uniform": lambda: dist.Uniform(LOC, LOC + SCALE).rsample(),
    "uniform_": lambda: torch.empty(5).uniform_(-2.0, 3.0),
    "Laplace": lambda: dist.Laplace(LOC, SCALE).rsample(),
    "Cauchy": lambda: dist.Cauchy(LOC, SCALE).rsample(),
    "HalfCauchy": lambda: dist.HalfCauchy(SCALE).rsample(),
    "Exponential": lambda: dist.Exponential(SCALE).rsample(),
    "Weibull": lambda: dist.Weibull(SCALE, SCALE).rsample(),
    "Pareto": lambda: dist.Pareto(SCALE, SCALE).rsample(),
    "Gumbel": lambda: dist.Gumbel(LOC, SCALE).rsample(),
    "Kumaraswamy": lambda: dist.Kumaraswamy(SCALE, SCALE).rsample(),
    "Bernoulli": lambda: dist.Bernoulli(CHANCE).sample(),
    "double": lambda: dist.Bernoulli(CHANCE.double()).sample().float(),
    "RelaxedBernoulli": lambda: dist.RelaxedBernoulli(torch.tensor(0.5), CHANCE).rsample(),
    "Geometric": lambda: dist.Geometric(CHANCE).sample(),
    "Categorical": lambda: dist.Categorical(WEIGHTS).sample().float(),
    "OneHotCategorical": lambda: dist.OneHotCategorical(WEIGHTS).sample(),
    "one row": lambda: dist.Categorical(WEIGHTS[0]).sample().float(),
    "Mixture": lambda: dist.MixtureSameFamily(
        dist.Categorical(WEIGHTS), dist.Normal(LOC.expand(2, 3), 1.0)
    ).sample(),
    "MultivariateNormal": lambda: dist.MultivariateNormal(
        LOC, scale_tril=torch.diag(SCALE)
    ).rsample(),
}
STEPS = 4


def eager(names):
    torch.manual_seed(8)
    rows = [torch.cat([DRAWS[name]().flatten() for name in names]) for _ in range(STEPS)]
    return torch.stack(rows), torch.get_rng_state()


def program(names):
    size = len(eager(names)[0][0])
    state = {"sums": torch.zeros(size), "last": torch.zeros(size)}

    def step():
        new = torch.cat([DRAWS[name]().flatten() for name in names])
        return [state["sums"] + new, new + 0.0, torch.zeros(())]

    return record(step, state, {}), [torch.zeros(size) for _ in state]


def check(engine, recorded, state, names):
    torch.manual_seed(8)
    data = [v.tensor.as_strided((v.size,), (1,), 0) for v in recorded.inputs("data")]
    engine.run(recorded, STEPS, state, data, math.inf)
    rows, end = eager(names)
    torch.testing.assert_close(state[1], rows[-1], rtol=2e-6, atol=1e-6)
    torch.testing.assert_close(state[0], rows.sum(0), rtol=1e-5, atol=1e-5)
    torch.manual_seed(8)
    for _ in range(STEPS):
        [DRAWS[name]() for name in names]
    assert torch.equal(end, torch.get_rng_state())


@pytest.mark.parametrize("name", DRAWS)
def test_in_floats(name):
    recorded, state = program([name])
    check(Engine("floats", Floats(recorded)), recorded, state, [name])


@needs_cc
def test_all_in_one_c_program():
    recorded, state = program(DRAWS)
    source = Source(recorded)
    native = Native(source, Build(source.text, ("-O1",)).library())
    check(Engine("c", native), recorded, state, DRAWS)


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (lambda: dist.Gamma(SCALE, SCALE).rsample(), "_standard_gamma takes a number of tries"),
        (lambda: dist.Poisson(SCALE).sample(), "poisson takes a number of tries"),
        (lambda: dist.Categorical(WEIGHTS).sample((5,)), "several draws at once by multinomial"),
        (lambda: torch.empty(3).normal_(1.0, 2.0), "normal_ with other arguments"),
        (lambda: torch.zeros(2, 3)[0].uniform_(), "a part of a tensor"),
        (lambda: torch.randperm(3), "randperm has no compiled form"),
        (lambda: torch.rand(3, generator=torch.Generator()), "a generator of its own"),
    ],
)
def test_what_is_refused_says_why(draw, reason):
    with pytest.raises(NotCompiled, match=reason):
        record(lambda: [draw().float().sum()], {}, {})
