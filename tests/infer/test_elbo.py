"""Trace_ELBO: values and gradients against closed forms and exact sums, for every kind of site."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core import handlers
from ppl_core.distributions import constraints
from ppl_core.infer import Trace_ELBO
from programs import conditioned_scale, learned_guide, perfect_guide

FLOOR = -truth.weigh().log_evidence
NORMAL = torch.distributions.Normal


def normal_guide(a, b):
    return lambda guess: ppl.sample("weight", dist.Normal(a, b))


def draws(model, guide, *args, number=800, elbo=None):
    """Loss draws and, by name, gradient draws in the unconstrained parameters."""
    elbo = elbo or Trace_ELBO()
    elbo.differentiable_loss(model, guide, *args)
    names, leaves = zip(*ppl.get_param_store().named_parameters(), strict=True)
    losses, grads = [], []
    with ppl.values.validation(False):
        for _ in range(number):
            loss = elbo.differentiable_loss(model, guide, *args)
            losses.append(loss.item())
            grads.append(torch.autograd.grad(loss, leaves))
    by_name = {name: [grad[i] for grad in grads] for i, name in enumerate(names)}
    return losses, by_name


def assert_unbiased(exact, model, guide, *args, number=800, elbo=None):
    """Average loss and gradient are those of `exact(constrained parameters by name)`."""
    losses, grads = draws(model, guide, *args, number=number, elbo=elbo)
    store = ppl.get_param_store()
    value = exact(**dict(store.items()))
    leaves = [store.unconstrained(name) for name in grads]
    assert_average(losses, value)
    for name, grad in zip(grads, torch.autograd.grad(value, leaves), strict=True):
        assert_average(grads[name], grad)


# ---- the seed's scale: values


def test_perfect_guide_has_the_floor_as_its_loss_draw_by_draw():
    losses = [Trace_ELBO().loss(conditioned_scale, perfect_guide, 8.5) for _ in range(50)]
    assert losses == pytest.approx([FLOOR] * 50, abs=2e-5)
    assert f"{FLOOR:.3f}" == "1.462"


@pytest.mark.parametrize(("a", "b", "printed"), [(8.5, 1.0, 2.409), (9.0, 0.8, 1.591)])
def test_loss_of_another_guide_is_the_closed_form_on_average(a, b, printed):
    exact = truth.expected_loss(a, b)
    assert exact == pytest.approx(printed, abs=5e-4)
    guide = normal_guide(a, b)
    losses = [Trace_ELBO().loss(conditioned_scale, guide, 8.5) for _ in range(1000)]
    _, variance = truth.loss_moments_by_quadrature(a, b, truth.scale_log_joint)
    assert_average(losses, exact)
    assert_average([(loss - exact) ** 2 for loss in losses], variance)


def test_average_of_particles_has_the_same_mean_and_less_noise():
    exact = truth.expected_loss(8.5, 1.0)
    _, variance = truth.loss_moments_by_quadrature(8.5, 1.0, truth.scale_log_joint)
    for vectorize in (False, True):
        elbo = Trace_ELBO(num_particles=10, vectorize_particles=vectorize)
        guide = normal_guide(8.5, 1.0)
        losses = [elbo.loss(conditioned_scale, guide, 8.5) for _ in range(150)]
        assert_average(losses, exact)
        assert_average([(loss - exact) ** 2 for loss in losses], variance / 10)


def test_loss_is_a_float_and_its_forms_agree():
    values = []
    for form in ("loss", "evaluate_loss", "loss_and_grads", "differentiable_loss"):
        torch.manual_seed(5)
        values.append(getattr(Trace_ELBO(), form)(conditioned_scale, learned_guide, 8.5))
    assert all(isinstance(value, float) for value in values[:3])
    assert values[3].shape == ()
    assert [*values[:3], values[3].item()] == pytest.approx([values[0]] * 4)


def test_loss_and_grads_adds_gradients_to_the_leaves():
    Trace_ELBO().loss_and_grads(conditioned_scale, learned_guide, 8.5)
    leaf = ppl.get_param_store().unconstrained("a")
    first = leaf.grad.clone()
    torch.manual_seed(101)
    Trace_ELBO().loss_and_grads(conditioned_scale, learned_guide, 8.5)
    assert torch.allclose(leaf.grad, 2 * first)


@pytest.mark.parametrize("particles", [0, -1, 1.5])
def test_number_of_particles_that_is_none_error(particles):
    with pytest.raises(ValueError, match=r"num_particles.*whole number"):
        Trace_ELBO(num_particles=particles)


# ---- gradients: draws that carry them


def scale_loss(a, b):
    """Minus the ELBO of N(a, b) for the scale, as a tensor of its parameters."""
    prior = 0.5 * (a - 8.5) ** 2 + 0.5 * b**2 + 0.5 * truth.LOG_2PI
    fit = 0.5 * ((9.5 - a) ** 2 + b**2) / 0.75**2 + math.log(0.75) + 0.5 * truth.LOG_2PI
    return prior + fit - 0.5 * (1 + truth.LOG_2PI) - b.abs().log()


def abs_guide(guess):
    a, b = ppl.param("a", 9.0), ppl.param("b", -0.8)
    return ppl.sample("weight", dist.Normal(a, b.abs()))


@pytest.mark.parametrize("guide", [learned_guide, abs_guide])
def test_reparameterised_gradient_is_unbiased(guide):
    assert_unbiased(scale_loss, conditioned_scale, guide, 8.5)


@pytest.mark.parametrize("vectorize", [False, True])
def test_gradient_of_particles_is_unbiased(vectorize):
    elbo = Trace_ELBO(num_particles=5, vectorize_particles=vectorize)
    assert_unbiased(scale_loss, conditioned_scale, learned_guide, 8.5, number=150, elbo=elbo)


def test_gradient_of_a_draw_is_that_of_the_formula_at_its_noise():
    """With noise e the draw is a + b e, and so is the loss a function of a and log b."""
    torch.manual_seed(3)
    noise = torch.randn(()).item()
    torch.manual_seed(3)
    loss = Trace_ELBO().differentiable_loss(conditioned_scale, learned_guide, 9.0)
    a, u = (leaf for _, leaf in ppl.get_param_store().named_parameters())
    grads = [grad.item() for grad in torch.autograd.grad(loss, (a, u))]
    pull = (9.0 + noise - 9.0) - (9.5 - 9.0 - noise) / 0.75**2
    assert grads == pytest.approx([pull, pull * noise - 1.0], rel=1e-5)


def test_gamma_guide_is_reparameterised_too():
    def model():
        ppl.sample("rate", dist.Gamma(2.0, 1.0))

    def guide():
        shape = ppl.param("shape", 3.0, constraint=constraints.positive)
        rate = ppl.param("rate_", 2.0, constraint=constraints.positive)
        ppl.sample("rate", dist.Gamma(shape, rate))

    def exact(shape, rate_):
        gamma = torch.distributions.Gamma
        return torch.distributions.kl_divergence(gamma(shape, rate_), gamma(2.0, 1.0))

    assert_unbiased(exact, model, guide)


# ---- gradients: draws that carry none


def enumerated(log_q, log_p):
    """The exact loss over listed outcomes: sum of q (log q - log p)."""
    return (log_q.exp() * (log_q - log_p)).sum()


def test_bernoulli_guide_gradient_is_unbiased():
    def model():
        z = ppl.sample("z", dist.Bernoulli(0.3))
        ppl.sample("y", dist.Normal(2 * z - 1, 1.0), obs=0.5)

    def guide():
        ppl.sample("z", dist.Bernoulli(ppl.param("p", 0.6, constraint=constraints.unit_interval)))

    def exact(p):
        likelihood = NORMAL(torch.tensor([-1.0, 1.0]), 1.0).log_prob(torch.tensor(0.5))
        log_p = torch.tensor([0.7, 0.3]).log() + likelihood
        return enumerated(torch.stack([1 - p, p]).log(), log_p)

    assert_unbiased(exact, model, guide)
    elbo = Trace_ELBO(num_particles=10, vectorize_particles=True)
    assert_unbiased(exact, model, guide, number=150, elbo=elbo)


def test_vectorised_particles_share_no_score_noise():
    """Ten particles at once have about a tenth of the gradient variance of one."""

    def model():
        ppl.sample("z", dist.Bernoulli(0.3))

    def guide():
        ppl.sample("z", dist.Bernoulli(ppl.param("p", 0.6, constraint=constraints.unit_interval)))

    def variance(elbo):
        return torch.stack(draws(model, guide, number=300, elbo=elbo)[1]["p"]).var().item()

    many = variance(Trace_ELBO(num_particles=10, vectorize_particles=True))
    assert many < 0.2 * variance(Trace_ELBO())


def test_poisson_guide_gradient_is_unbiased():
    def model():
        z = ppl.sample("z", dist.Poisson(3.0))
        ppl.sample("y", dist.Normal(z, 2.0), obs=5.0)

    def guide():
        ppl.sample("z", dist.Poisson(ppl.param("rate", 4.0, constraint=constraints.positive)))

    def exact(rate):
        z = torch.arange(60.0)
        poisson = torch.distributions.Poisson
        log_p = poisson(3.0).log_prob(z) + NORMAL(z, 2.0).log_prob(torch.tensor(5.0))
        return enumerated(poisson(rate).log_prob(z), log_p)

    assert_unbiased(exact, model, guide)


def test_categorical_guide_gradient_is_unbiased():
    prior, levels = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([-1.0, 0.0, 2.0])

    def model():
        z = ppl.sample("z", dist.Categorical(prior))
        ppl.sample("y", dist.Normal(levels[z], 1.0), obs=1.0)

    def guide():
        ppl.sample("z", dist.Categorical(logits=ppl.param("logits", [0.1, 0.2, 0.3])))

    def exact(logits):
        log_p = prior.log() + NORMAL(levels, 1.0).log_prob(torch.tensor(1.0))
        return enumerated(logits.log_softmax(-1), log_p)

    assert_unbiased(exact, model, guide)


def test_discrete_and_continuous_draws_together_are_unbiased():
    def model():
        z = ppl.sample("z", dist.Bernoulli(0.4))
        x = ppl.sample("x", dist.Normal(3 * z, 1.0))
        ppl.sample("y", dist.Normal(x, 0.5), obs=1.0)

    def guide():
        p = ppl.param("p", 0.6, constraint=constraints.unit_interval)
        loc = ppl.param("loc", [0.2, 1.5])
        sd = ppl.param("sd", 0.7, constraint=constraints.positive)
        z = ppl.sample("z", dist.Bernoulli(p))
        ppl.sample("x", dist.Normal(loc[z.long()], sd))

    def exact(p, loc, sd):
        kl = torch.distributions.kl_divergence(NORMAL(loc, sd), NORMAL(torch.tensor([0.0, 3.0]), 1))
        fit = 0.5 * ((1.0 - loc) ** 2 + sd**2) / 0.25 + math.log(0.5) + 0.5 * truth.LOG_2PI
        q = torch.stack([1 - p, p])
        return (q * (q.log() - torch.tensor([0.6, 0.4]).log() + kl + fit)).sum()

    assert_unbiased(exact, model, guide, number=1000)


# ---- plates, scale, mask

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
    assert elbo.max_plate_nesting == 2


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


def test_default_float64_works_throughout():
    torch.set_default_dtype(torch.float64)
    try:
        loss = Trace_ELBO().differentiable_loss(conditioned_scale, learned_guide, 8.5)
        assert loss.dtype is torch.float64
        assert Trace_ELBO().loss(conditioned_scale, perfect_guide, 8.5) == pytest.approx(
            FLOOR, abs=1e-12
        )
    finally:
        torch.set_default_dtype(torch.float32)
