"""Discrete sites drawn from their exact conditional, the others moved by another kernel."""

import itertools
import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core import InferenceRun
from ppl_core.errors import InferenceError, ModelError
from ppl_core.infer import HMC, MCMC, NUTS, DiscreteGibbs, RandomWalkKernel, reference


def chain(kernel, steps, *args, seed=101):
    infos = []
    InferenceRun(kernel, *args, seed=seed).advance(steps, watch=lambda at: infos.append(at.info))
    return infos


def batch_means(values, batches=25):
    values = np.asarray([float(value) for value in values])
    return values[: len(values) // batches * batches].reshape(batches, -1).mean(1)


def shifted(y=1.5):
    which = ppl.sample("which", dist.Bernoulli(0.3))
    loc = ppl.sample("loc", dist.Normal(0.0, 1.0))
    ppl.sample("y", dist.Normal(loc + 2 * which, 1.0), obs=y)


def exact_shifted(y=1.5):
    """P(which = 1) and the mean of loc."""
    joint = np.array([0.7, 0.3]) * np.exp(
        truth.normal_log_density(y, np.array([0.0, 2.0]), math.sqrt(2.0))
    )
    weights = joint / joint.sum()
    return weights[1], float(weights @ np.array([y / 2, (y - 2) / 2]))


@pytest.mark.parametrize("inner", [RandomWalkKernel, lambda m: HMC(m, step_size=0.7, num_steps=3)])
def test_mixture_of_discrete_and_continuous_agrees_with_the_exact_posterior(inner):
    infos = chain(DiscreteGibbs(inner(shifted)), 900, 1.5)[100:]
    up, mean = exact_shifted()
    assert_average(batch_means([info.values["which"] for info in infos]), up)
    assert_average(batch_means([info.values["loc"] for info in infos]), mean)


def coupled(y):
    """Two layers of switches in a plate under a global one: no site is independent."""
    shift = ppl.sample("shift", dist.Bernoulli(0.4))
    with ppl.plate("rows", 2):
        kind = ppl.sample("kind", dist.Categorical(torch.tensor([0.5, 0.3, 0.2])))
        ppl.sample("y", dist.Normal(kind + shift, 1.0), obs=y)


@pytest.mark.parametrize("blocks", ["joint", "sites"])
def test_discrete_sites_alone_agree_with_brute_force(blocks):
    y = torch.tensor([0.5, 2.5])
    joint = {}
    for shift, *kinds in itertools.product((0.0, 1.0), range(3), range(3)):
        values = {"shift": torch.tensor(shift), "kind": torch.tensor(kinds)}
        joint[shift, *kinds] = ppl.log_density(coupled, values, y).exp().item()
    total = sum(joint.values())
    infos = chain(DiscreteGibbs(RandomWalkKernel(coupled), blocks=blocks), 1000, y)
    assert all(info.inner is None for info in infos)
    up = sum(p for key, p in joint.items() if key[0] == 1) / total
    both = sum(p for key, p in joint.items() if key[0] == 1 and key[2] == 2) / total
    assert_average(batch_means([info.values["shift"] for info in infos]), up)
    together = [info.values["shift"] * (info.values["kind"][1] == 2) for info in infos]
    assert_average(batch_means(together), both)


def test_gibbs_and_summing_out_agree():
    y = torch.tensor([-2.1, 1.8, 2.4, -1.7, 2.2])

    def mixture(y):
        share = ppl.sample("share", dist.Beta(2.0, 2.0))
        with ppl.plate("rows", len(y)):
            kind = ppl.sample("kind", dist.Bernoulli(share))
            ppl.sample("y", dist.Normal(4 * kind - 2, 1.0), obs=y)

    infos = chain(DiscreteGibbs(RandomWalkKernel(mixture, warmup_steps=100)), 900, y)[100:]
    exact = reference(mixture, y)  # quadrature with the kinds summed out
    assert exact.kind == "quadrature"
    assert_average(batch_means([info.values["share"] for info in infos]), exact["share"].mean)
    assert infos[0].values["kind"].shape == (5,)


def test_gibbs_runs_in_mcmc_with_nuts():
    ppl.set_rng_seed(7)
    mcmc = MCMC(
        DiscreteGibbs(NUTS(shifted)), num_samples=150, warmup_steps=50, disable_progbar=True
    )
    mcmc.run(1.5)
    samples = mcmc.get_samples()
    assert samples["loc"].shape == (150,)
    assert set(samples["which"].tolist()) == {0.0, 1.0}


def test_gibbs_rewinds():
    run = InferenceRun(DiscreteGibbs(RandomWalkKernel(shifted)), 1.5, seed=4, keep_every=1)
    seen = []
    run.advance(20, watch=lambda at: seen.append(at.info.values["loc"].item()))
    run.rewind(12)
    again = []
    run.advance(8, watch=lambda at: again.append(at.info.values["loc"].item()))
    assert again == seen[12:]


def test_what_gibbs_cannot_do_is_an_error():
    def counts():
        n = ppl.sample("n", dist.Poisson(3.0))
        ppl.sample("y", dist.Normal(n, 1.0), obs=2.0)

    with pytest.raises(ModelError, match=r"site 'n' .*\(Poisson\) and has no finite list"):
        DiscreteGibbs(RandomWalkKernel(counts)).init()
    with pytest.raises(ModelError, match="no discrete latent site"):
        DiscreteGibbs(RandomWalkKernel(lambda: ppl.sample("w", dist.Normal(0.0, 1.0)))).init()
    with pytest.raises(ValueError, match="blocks is 'joint' or 'sites'"):
        DiscreteGibbs(RandomWalkKernel(shifted), blocks="site")
    with pytest.raises(TypeError, match="the inner kernel is one for a model"):
        DiscreteGibbs(shifted)

    def impossible():
        heads = ppl.sample("heads", dist.Bernoulli(0.5))
        w = ppl.sample("w", dist.Normal(heads, 1.0))
        ppl.factor("no", torch.full((), -math.inf) + 0 * w)

    with pytest.raises(InferenceError, match="none of 20 draws of the discrete sites") as caught:
        DiscreteGibbs(RandomWalkKernel(impossible)).init()
    assert caught.value.site == "no"
