"""Trace_ELBO in plates, under scales, masks, factors and interventions, against exact losses."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from gradients import assert_unbiased, draws, enumerated
from ppl_core import handlers
from ppl_core.distributions import constraints
from ppl_core.infer import Trace_ELBO
from programs import conditioned_scale

NORMAL = torch.distributions.Normal

DATA = torch.tensor([0.5, -1.0, 2.0, 0.0, 1.5, -0.5])


def test_subsampled_plate_with_shared_and_local_draws_is_unbiased():
    def model():
        mean = ppl.sample("mean", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 6, subsample_size=2) as index:
            x = ppl.sample("x", dist.Normal(mean, 1.0))
            ppl.sample("y", dist.Normal(x, 0.5), obs=DATA[index])

    def guide():
        ppl.sample("mean", dist.Normal(ppl.param("m", 0.3), 0.5))
        with ppl.plate("rows", 6, subsample_size=2):
            loc = ppl.param("loc", torch.linspace(-1.0, 1.0, 6), event_dim=0)
            ppl.sample("x", dist.Normal(loc, 0.4))

    def exact(m, loc):
        mean = torch.distributions.kl_divergence(NORMAL(m, 0.5), NORMAL(0.0, 1.0))
        prior = 0.5 * ((loc - m) ** 2 + 0.4**2 + 0.5**2) + 0.5 * truth.LOG_2PI
        fit = 0.5 * ((DATA - loc) ** 2 + 0.4**2) / 0.25 + math.log(0.5) + 0.5 * truth.LOG_2PI
        return mean + (prior + fit - NORMAL(loc, 0.4).entropy()).sum()

    assert_unbiased(exact, model, guide)


def coins_loss(p):
    likelihood = NORMAL(torch.tensor([[0.0], [1.0]]), 1.0).log_prob(DATA)
    log_p = torch.tensor([[0.7], [0.3]]).log() + likelihood
    return enumerated(torch.stack([1 - p, p]).log(), log_p)


def coins(size):
    def model():
        with ppl.plate("rows", 6, subsample_size=size) as index:
            z = ppl.sample("z", dist.Bernoulli(0.3))
            ppl.sample("y", dist.Normal(z, 1.0), obs=DATA[index])

    def guide():
        with ppl.plate("rows", 6, subsample_size=size):
            start = torch.linspace(0.2, 0.8, 6)
            p = ppl.param("p", start, constraint=constraints.unit_interval, event_dim=0)
            ppl.sample("z", dist.Bernoulli(p))

    return model, guide


@pytest.mark.parametrize("size", [None, 2])
def test_plate_of_discrete_draws_is_unbiased(size):
    assert_unbiased(coins_loss, *coins(size), number=1000)


def test_rows_of_a_plate_do_not_add_noise_to_each_others_scores():
    """Two rows or a hundred: the gradient of the first row's parameter is as noisy."""

    def variance(rows):
        def both(fn):
            with ppl.plate("rows", rows):
                ppl.sample("z", fn())

        def guide():
            both(lambda: dist.Bernoulli(ppl.param("p", torch.full((rows,), 0.6))))

        with ppl.ParamStore():
            _, grads = draws(lambda: both(lambda: dist.Bernoulli(0.3)), guide, number=250)
        return torch.stack(grads["p"])[:, 0].var().item()

    assert variance(100) < 2 * variance(2)


def test_loop_over_a_plate_equals_its_dimension():
    def model():
        for i in ppl.plate("rows", 6):
            z = ppl.sample(f"z{i}", dist.Bernoulli(0.3))
            ppl.sample(f"y{i}", dist.Normal(z, 1.0), obs=DATA[i])

    def guide():
        p = ppl.param("p", torch.linspace(0.2, 0.8, 6), constraint=constraints.unit_interval)
        for i in ppl.plate("rows", 6):
            ppl.sample(f"z{i}", dist.Bernoulli(p[i]))

    assert_unbiased(coins_loss, model, guide, number=300)


def test_nested_plates_with_vectorised_particles_are_unbiased():
    table = torch.arange(6.0).reshape(2, 3) / 3

    def model():
        with ppl.plate("columns", 3, dim=-1), ppl.plate("rows", 2, dim=-2):
            x = ppl.sample("x", dist.Normal(0.0, 1.0))
            ppl.sample("y", dist.Normal(x, 1.0), obs=table)

    def guide():
        loc = ppl.param("loc", torch.zeros(2, 3))
        with ppl.plate("columns", 3, dim=-1), ppl.plate("rows", 2, dim=-2):
            ppl.sample("x", dist.Normal(loc, 0.7))

    def exact(loc):
        kl = torch.distributions.kl_divergence(NORMAL(loc, 0.7), NORMAL(0.0, 1.0))
        fit = 0.5 * ((table - loc) ** 2 + 0.49) + 0.5 * truth.LOG_2PI
        return (kl + fit).sum()

    elbo = Trace_ELBO(num_particles=8, vectorize_particles=True)
    assert_unbiased(exact, model, guide, number=150, elbo=elbo)
    assert elbo.plate_dims(model, guide, (), {}) == 2


@pytest.mark.parametrize("where", ["both", "model"])
def test_scale_multiplies_the_cost_but_not_the_score(where):
    def model():
        with handlers.scale(scale=10.0):
            ppl.sample("z", dist.Bernoulli(0.3))

    def guide():
        p = ppl.param("p", 0.6, constraint=constraints.unit_interval)
        with handlers.scale(scale=10.0 if where == "both" else 1.0):
            ppl.sample("z", dist.Bernoulli(p))

    def exact(p):
        q = torch.stack([1 - p, p])
        weight = 10.0 if where == "both" else 1.0
        return (q * (weight * q.log() - 10 * torch.tensor([0.7, 0.3]).log())).sum()

    assert_unbiased(exact, model, guide)


def test_masked_draws_still_learn_from_what_they_lead_to():
    def model():
        with handlers.mask(mask=False):
            z = ppl.sample("z", dist.Bernoulli(0.3))
        ppl.sample("y", dist.Normal(z, 1.0), obs=2.0)

    def guide():
        p = ppl.param("p", 0.6, constraint=constraints.unit_interval)
        with handlers.mask(mask=False):
            ppl.sample("z", dist.Bernoulli(p))

    def exact(p):
        fit = -NORMAL(torch.tensor([0.0, 1.0]), 1.0).log_prob(torch.tensor(2.0))
        return (torch.stack([1 - p, p]) * fit).sum()

    assert_unbiased(exact, model, guide)


def test_masked_and_missing_rows_neither_count_nor_poison_the_gradient():
    data = torch.tensor([0.5, math.nan, 2.0])

    def model():
        mean = ppl.sample("mean", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 3), handlers.mask(mask=~data.isnan()):
            ppl.sample("y", dist.Normal(mean, 1.0), obs=data)

    def guide():
        ppl.sample("mean", dist.Normal(ppl.param("m", 0.3), 0.5))

    def exact(m):
        kl = torch.distributions.kl_divergence(NORMAL(m, 0.5), NORMAL(0.0, 1.0))
        seen = torch.tensor([0.5, 2.0])
        return kl + (0.5 * ((seen - m) ** 2 + 0.25) + 0.5 * truth.LOG_2PI).sum()

    assert_unbiased(exact, model, guide)


def test_factors_of_model_and_guide_count_with_their_signs():
    def model():
        ppl.factor("bonus", 2.0)

    def guide():
        ppl.factor("price", 0.5)

    assert Trace_ELBO().loss(model, guide) == pytest.approx(-1.5)


def test_point_guide_gives_the_map_objective():
    def guide(guess):
        ppl.sample("weight", dist.Delta(ppl.param("a", 9.0)))

    loss = Trace_ELBO().differentiable_loss(conditioned_scale, guide, 8.5)
    assert loss.item() == pytest.approx(-truth.scale_log_joint(9.0), rel=1e-6)
    (grad,) = torch.autograd.grad(loss, ppl.get_param_store().unconstrained("a"))
    assert grad.item() == pytest.approx((9.0 - 8.5) - (9.5 - 9.0) / 0.75**2, rel=1e-5)


def test_intervention_cuts_what_the_guide_can_learn():
    """Under do(weight=9) the site keeps its prior; the data are of the intervention."""

    def guide(guess):
        ppl.sample("weight", dist.Normal(ppl.param("a", 9.0), 1.0))

    def exact(a):
        return 0.5 * (a - 8.5) ** 2 - truth.normal_log_density(9.5, 9.0, 0.75)

    model = ppl.do(conditioned_scale, data={"weight": 9.0})
    assert_unbiased(exact, model, guide, 8.5, number=500)


@pytest.mark.parametrize("rows", [3, 4])
def test_scores_of_one_plate_meet_the_whole_cost_of_another(rows):
    """Two plates share a dimension number, and all rows of one lead to all rows of the other."""
    data = torch.linspace(0.0, 2.0, rows)

    def model():
        with ppl.plate("causes", 3):
            z = ppl.sample("z", dist.Bernoulli(0.3))
        with ppl.plate("effects", rows):
            ppl.sample("y", dist.Normal(z.sum(), 1.0), obs=data)

    def guide():
        with ppl.plate("causes", 3):
            p = ppl.param("p", [0.3, 0.5, 0.6], constraint=constraints.unit_interval)
            ppl.sample("z", dist.Bernoulli(p))

    def exact(p):
        z = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
        log_q = torch.distributions.Bernoulli(p).log_prob(z).sum(-1)
        log_p = torch.distributions.Bernoulli(0.3).log_prob(z).sum(-1)
        return enumerated(log_q, log_p + NORMAL(z.sum(-1, True), 1.0).log_prob(data).sum(-1))

    assert_unbiased(exact, model, guide)
