"""Compiled potentials: the points of the plain ones, and chains from the same posterior."""

import shutil

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core import InferenceRun
from ppl_core.compiled import NotCompiled
from ppl_core.infer import HMC, MCMC, NUTS
from ppl_core.infer.autoguide.initialization import init_to_uniform
from ppl_core.infer.machine import CompiledTarget
from ppl_core.infer.starts import Start
from programs import conditioned_scale

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler"
)


def rates():
    rate = ppl.sample("rate", dist.Gamma(3.0, 1.0))
    ppl.sample("count", dist.Poisson(rate), obs=4.0)


def line():
    w = ppl.sample("w", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    spread = ppl.sample("spread", dist.HalfCauchy(2.0))
    with ppl.plate("rows", 3):
        mean = w[0] + w[1] * torch.arange(3.0)
        ppl.sample("y", dist.Normal(mean, spread), obs=torch.tensor([0.1, 0.9, 2.3]))


def coin():
    heads = ppl.sample("heads", dist.Bernoulli(0.3))
    w = ppl.sample("w", dist.Normal(2 * heads, 1.0))
    ppl.sample("y", dist.Normal(w, 1.0), obs=0.4)


@pytest.mark.parametrize("model", [rates, line, coin])
def test_points_are_those_of_the_plain_target(model):
    ppl.set_rng_seed(2)
    plain, point = Start(model, init_to_uniform).find((), {})
    fast = CompiledTarget(plain, point.position)
    for _ in range(5):
        position = torch.randn_like(point.position)
        one, other = fast.at(position), plain.at(position).detached()
        assert one.potential == pytest.approx(other.potential, rel=1e-5, abs=1e-5)
        assert torch.allclose(one.gradient, other.gradient, rtol=1e-4, atol=1e-5)
        assert one.values.keys() == other.values.keys()
        assert all(torch.equal(one.values[name], other.values[name]) for name in other.values)


@pytest.mark.parametrize("kernel", [NUTS, HMC])
def test_chain_samples_the_posterior(kernel):
    """The scale, N(9.14, 0.6); draws in batches of 20, which are nearly independent."""
    ppl.set_rng_seed(3)
    mcmc = MCMC(
        kernel(conditioned_scale, jit_compile=True), 2000, warmup_steps=200, disable_progbar=True
    )
    mcmc.run(8.5)
    draws = mcmc.get_samples()["weight"].reshape(-1, 20)
    assert_average(draws.mean(1), 9.14)
    assert_average(((draws - 9.14) ** 2).mean(1), 0.36)


def test_other_arguments_are_compiled_anew():
    run = InferenceRun(NUTS(conditioned_scale, jit_compile=True, warmup_steps=50), 8.5, seed=1)
    run.advance(100)
    run.args = (7.5,)
    draws = []
    run.advance(1500, watch=lambda at: draws.append(at.info.values["weight"].item()))
    assert_average(torch.tensor(draws).reshape(-1, 20).mean(1), 0.36 * 7.5 + 0.64 * 9.5)


def test_what_cannot_be_compiled_says_why():
    def model():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(x.item(), 1.0), obs=0.0)

    with pytest.raises(NotCompiled, match="item"):
        NUTS(model, jit_compile=True).init()
