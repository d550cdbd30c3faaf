"""Trace_ELBO: values and gradients against closed forms and exact sums, for every kind of site."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from gradients import assert_unbiased, draws, enumerated
from ppl_core.distributions import constraints
from ppl_core.infer import Trace_ELBO
from programs import conditioned_scale, learned_guide, perfect_guide

FLOOR = -truth.weigh().log_evidence
NORMAL = torch.distributions.Normal


def normal_guide(a, b):
    return lambda guess: ppl.sample("weight", dist.Normal(a, b))


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


@pytest.mark.parametrize("decide", [lambda x: 1.0 if x > 0 else 2.0, float, lambda x: x.item()])
def test_particles_at_once_say_why_a_decision_by_value_cannot_be_made(decide):
    def model():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(decide(x), 1.0), obs=0.5)

    def guide():
        ppl.sample("x", dist.Normal(ppl.param("m", 0.0), 1.0))

    with ppl.ParamStore():
        assert math.isfinite(Trace_ELBO(num_particles=3).loss(model, guide))
        elbo = Trace_ELBO(num_particles=3, vectorize_particles=True)
        with pytest.raises(ppl.ModelError, match="vectorize_particles=False"):
            elbo.loss(model, guide)


def test_a_kept_graph_serves_two_losses():
    shared = torch.tensor(0.5, requires_grad=True)
    scale = shared.exp()

    def model():
        ppl.sample("x", dist.Normal(0.0, scale), obs=1.0)

    def guide():
        """Nothing is latent."""

    Trace_ELBO(retain_graph=True).loss_and_grads(model, guide)
    Trace_ELBO().loss_and_grads(model, guide)
    assert shared.grad == pytest.approx(2 * (1 - math.exp(-1.0)), rel=1e-5)
    with pytest.raises(RuntimeError, match="second time"):
        Trace_ELBO().loss_and_grads(model, guide)
