"""Metropolis-Hastings: proposals from a guide, and random walks that learn their steps."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core import InferenceRun
from ppl_core.errors import GuideError, InferenceError, ModelError
from ppl_core.infer import IndependentMH, RandomWalkKernel
from programs import conditioned_scale, perfect_guide

EXACT = truth.weigh()


def chain(kernel, steps, *args, seed=101, **kwargs):
    """All infos of a run."""
    run = InferenceRun(kernel, *args, seed=seed, **kwargs)
    infos = []
    run.advance(steps, watch=lambda at: infos.append(at.info))
    return infos


def batch_means(values, batches=40):
    """Averages over long stretches of a chain, nearly independent of each other."""
    values = np.asarray([float(value) for value in values])
    return values[: len(values) // batches * batches].reshape(batches, -1).mean(1)


# ---- independent proposals


def exact_acceptance():
    """How often a draw from the prior is accepted in equilibrium, on a grid of both weights."""
    w = np.linspace(2.0, 15.0, 2001)
    prior = np.exp(truth.normal_log_density(w, 8.5, 1.0))
    likelihood = np.exp(truth.normal_log_density(9.5, w, 0.75))
    posterior = prior * likelihood / (prior * likelihood).sum()
    ratio = np.minimum(1.0, likelihood[None, :] / likelihood[:, None])
    return float(posterior @ ratio @ (prior / prior.sum()))


def test_prior_as_guide_is_accepted_53_percent_of_the_time():
    exact = exact_acceptance()
    assert round(exact, 2) == 0.53
    infos = chain(IndependentMH(conditioned_scale), 20_000, 8.5)
    assert_average(batch_means([info.accept_prob for info in infos]), exact)
    assert_average(batch_means([info.accepted for info in infos]), exact)
    assert_average(batch_means([info.values["weight"] for info in infos]), EXACT.mean)
    squares = [(info.values["weight"] - EXACT.mean) ** 2 for info in infos]
    assert_average(batch_means(squares), EXACT.sd**2)


def test_perfect_guide_is_always_accepted():
    infos = chain(IndependentMH(conditioned_scale, perfect_guide), 500, 8.5)
    assert all(info.accepted for info in infos)
    assert max(abs(info.log_ratio) for info in infos) < 1e-4


def test_info_tells_the_proposal_and_where_the_chain_stays():
    before = None
    for info in chain(IndependentMH(conditioned_scale), 50, 8.5):
        assert info.accept_prob == pytest.approx(min(1.0, math.exp(info.log_ratio)))
        assert info.values == (info.proposal if info.accepted else before or info.values)
        before = info.values


def test_one_at_a_time_works_for_programs_with_branches_and_discrete_sites():
    def model():
        heads = ppl.sample("heads", dist.Bernoulli(0.5))
        loc = 1.0 if heads else -1.0
        ppl.sample("y", dist.Normal(loc, 1.0), obs=0.5)

    infos = chain(IndependentMH(model), 1000)
    exact = 1 / (1 + math.exp(-0.5 * 1.5**2 + 0.5 * 0.5**2))
    assert_average(batch_means([info.values["heads"] for info in infos]), exact)


def test_chain_rewinds_with_its_proposals():
    run = InferenceRun(IndependentMH(conditioned_scale, batch=3), 8.5, seed=5, keep_every=1)
    weights = []
    run.advance(120, watch=lambda at: weights.append(at.info.values["weight"].item()))
    run.rewind(100)
    again = []
    run.advance(20, watch=lambda at: again.append(at.info.values["weight"].item()))
    assert again == weights[100:]


def test_other_arguments_begin_a_new_chain():
    kernel = IndependentMH(conditioned_scale)
    state = kernel.init(8.5)
    state, _ = kernel.update(state, 12.0)
    assert state.called == ((12.0,), {})
    assert kernel.update(state, 12.0)[0].ahead is state.ahead


def test_guides_that_cannot_work_are_errors():
    def positive(guess):
        ppl.sample("weight", dist.Gamma(2.0, 1.0))

    with pytest.raises(GuideError, match="draws only from"):
        IndependentMH(conditioned_scale, positive).init(8.5)

    def elsewhere():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.factor("far", torch.where(w > 50, 0.0, -math.inf))

    with pytest.raises(InferenceError, match="the model allows none of 256 draws"):
        IndependentMH(elsewhere).init()
    with pytest.raises(ValueError, match="batch is a whole number >= 1, got 0"):
        IndependentMH(conditioned_scale, batch=0)


# ---- random walks


def test_random_walk_finds_the_scale_and_accepts_what_it_aims_at():
    infos = chain(RandomWalkKernel(conditioned_scale, warmup_steps=1000), 4000, 8.5)[1000:]
    weights = [info.values["weight"] for info in infos]
    assert_average(batch_means(weights), EXACT.mean)
    assert_average(batch_means([(w - EXACT.mean) ** 2 for w in weights]), EXACT.sd**2)
    assert np.mean([info.accept_prob for info in infos]) == pytest.approx(0.44, abs=0.06)


def test_random_walk_learns_the_shape_of_a_correlated_posterior():
    scales = torch.tensor([100.0, 1.0])
    correlation = torch.tensor([[1.0, 0.9], [0.9, 1.0]])
    covariance = scales[:, None] * correlation * scales

    def model():
        ppl.sample("z", dist.MultivariateNormal(torch.zeros(2), covariance))

    kernel = RandomWalkKernel(model, warmup_steps=1500)
    run = InferenceRun(kernel, seed=2)
    run.advance(1500)
    root = run.snapshot.state.root
    learned = root @ root.T
    assert learned[0, 1] / (learned[0, 0] * learned[1, 1]).sqrt() > 0.4
    assert (learned[0, 0] / learned[1, 1]).sqrt().item() == pytest.approx(100, rel=0.6)
    infos = []
    run.advance(3000, watch=lambda at: infos.append(at.info))
    assert torch.equal(run.snapshot.state.root, root)  # learnt, and kept
    draws = torch.stack([info.values["z"] for info in infos])
    assert_average(batch_means(draws[:, 0]), 0.0)
    assert_average(batch_means(draws[:, 1] ** 2), 1.0)


def test_random_walk_on_a_constrained_site_agrees_with_conjugacy():
    def model(counts):
        rate = ppl.sample("rate", dist.Gamma(2.0, 1.0))
        with ppl.plate("days", len(counts)):
            ppl.sample("count", dist.Poisson(rate), obs=counts)

    counts = torch.tensor([3.0, 5.0, 4.0, 6.0])
    infos = chain(RandomWalkKernel(model, warmup_steps=300), 2800, counts)[500:]
    rates = [info.values["rate"] for info in infos]
    assert min(rates) > 0
    assert_average(batch_means(rates), 4.0)  # Gamma(20, 5)
    assert_average(batch_means([(rate - 4.0) ** 2 for rate in rates]), 0.8)


def test_random_walk_sums_discrete_sites_out():
    def model():
        loc = ppl.sample("loc", dist.Normal(0.0, 1.0))
        which = ppl.sample("which", dist.Bernoulli(0.3))
        ppl.sample("y", dist.Normal(loc + 2 * which, 0.5), obs=1.5)

    infos = chain(RandomWalkKernel(model, warmup_steps=300), 1800)[500:]
    weights = np.array([0.7, 0.3]) * np.exp(
        truth.normal_log_density(1.5, np.array([0.0, 2.0]), math.sqrt(1.25))
    )
    exact = float(weights @ np.array([1.5 / 1.25, -0.5 / 1.25]) / weights.sum())
    assert_average(batch_means([info.values["loc"] for info in infos]), exact)


def test_random_walk_goes_on_under_new_arguments():
    kernel = RandomWalkKernel(conditioned_scale)
    run = InferenceRun(kernel, 8.5, seed=1)
    run.advance(50)
    run.args = (30.0,)
    run.advance(500)
    target = truth.weigh(guess=30.0)
    seen = []
    run.advance(3000, watch=lambda at: seen.append(at.info.values["weight"]))
    assert_average(batch_means(seen), target.mean)


def test_random_walk_refuses_and_explains():
    with pytest.raises(ValueError, match="init_step_size > 0, got 0"):
        RandomWalkKernel(conditioned_scale, init_step_size=0)
    with pytest.raises(ValueError, match="target_accept_prob lies between 0 and 1"):
        RandomWalkKernel(conditioned_scale, target_accept_prob=1.5)
    with pytest.raises(ModelError, match="no continuous latent site"):
        RandomWalkKernel(lambda: ppl.sample("coin", dist.Bernoulli(0.5))).init()

    def broken():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.factor("root", torch.where(w.abs() > 0.5, math.nan, 0.0))

    run = InferenceRun(RandomWalkKernel(broken), seed=3)
    with pytest.raises(InferenceError, match=r"step \d+: .*'root'.* is nan") as caught:
        run.advance(200)
    assert caught.value.site == "root"
    assert run.step == caught.value.step
    assert abs(run.snapshot.state.values["w"]) <= 0.5  # the last good place stays
