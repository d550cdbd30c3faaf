"""The other losses: mean field, graph with baselines, Renyi and IWAE, against exact values.

Unbiasedness is judged by `assert_average`: false alarms 1e-4 a test, all seeded.
"""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from gradients import assert_unbiased, draws, enumerated
from ppl_core.distributions import constraints
from ppl_core.errors import GuideError
from ppl_core.infer import (
    IWAE,
    RenyiELBO,
    Trace_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
)
from programs import conditioned_scale, learned_guide, perfect_guide
from truth import normal_log_density

FLOOR = 1.4620819  # minus the log evidence of the scale at 8.5 and 9.5


def exact_loss(a, b):
    """KL(N(a, b) || posterior) minus the log evidence, in nats."""
    mean, sd = 9.14, 0.6
    return torch.log(sd / b) + (b**2 + (a - mean) ** 2) / (2 * sd**2) - 0.5 + FLOOR


# ---- mean field


def test_mean_field_is_unbiased():
    ppl.param("a", 9.0)
    ppl.param("b", 0.8, constraint=constraints.positive)
    elbo = TraceMeanField_ELBO()
    assert_unbiased(exact_loss, conditioned_scale, learned_guide, 8.5, elbo=elbo)


def test_mean_field_noise_is_the_likelihood_s_alone():
    """At the prior the sampled densities cancel, so both losses are the same draw by draw."""

    def guide(guess):
        ppl.sample("weight", dist.Normal(guess, 1.0))

    for seed in range(5):
        losses = []
        for elbo in (Trace_ELBO(), TraceMeanField_ELBO()):
            torch.manual_seed(seed)
            losses.append(elbo.loss(conditioned_scale, guide, 8.5))
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_mean_field_of_a_site_without_a_closed_form_is_estimated():
    def model():
        ppl.sample("w", dist.Gamma(3.0, 2.0))

    def guide():
        loc = ppl.param("loc", 0.2)
        ppl.sample("w", dist.LogNormal(loc, 0.5))

    def exact(loc):
        grid = np.linspace(-6, 6, 4001)
        z = loc.item() + 0.5 * grid
        log_q = normal_log_density(z, loc.item(), 0.5) - z
        w = np.exp(z)
        log_p = 3 * math.log(2) - math.lgamma(3) + 2 * np.log(w) - 2 * w
        weight = np.exp(-0.5 * grid**2) / math.sqrt(2 * math.pi)
        return np.trapezoid(weight * (log_q - log_p), grid)

    losses, _ = draws(model, guide, elbo=TraceMeanField_ELBO())
    assert_average(losses, exact(ppl.param("loc")))


def test_mean_field_of_a_discrete_site_error():
    def program():
        ppl.sample("coin", dist.Bernoulli(ppl.param("p", 0.4)))

    with pytest.raises(GuideError, match="'coin'"):
        TraceMeanField_ELBO().loss(program, program)


# ---- graph


def two_coins():
    first = ppl.sample("first", dist.Bernoulli(0.3))
    second = ppl.sample("second", dist.Bernoulli(0.2 + 0.5 * first))
    ppl.sample("x", dist.Normal(first + 2 * second, 1.0), obs=1.7)


def two_coins_guide(baseline=None):
    wish = {"baseline": baseline} if baseline else {}
    p = ppl.param("p", 0.4, constraint=constraints.unit_interval)
    odds = ppl.param("odds", [0.3, 0.8], constraint=constraints.unit_interval)
    first = ppl.sample("first", dist.Bernoulli(p), infer=wish)
    ppl.sample("second", dist.Bernoulli(odds[first.long()]), infer=wish)


def two_coins_exact(p, odds):
    """The exact loss over the four outcomes."""
    log_q, log_p = [], []
    for first in (0, 1):
        for second in (0, 1):
            q = (p if first else 1 - p) * (odds[first] if second else 1 - odds[first])
            chance = 0.2 + 0.5 * first
            prior = (0.3 if first else 0.7) * (chance if second else 1 - chance)
            log_q.append(q.log())
            log_p.append(math.log(prior) + normal_log_density(1.7, first + 2 * second, 1.0))
    return enumerated(torch.stack(log_q), torch.tensor(log_p, dtype=torch.float32))


@pytest.mark.parametrize(
    "baseline",
    [
        None,
        {"use_decaying_avg_baseline": True, "baseline_beta": 0.8},
        {"baseline_value": torch.tensor(1.5)},
    ],
    ids=["none", "average", "value"],
)
def test_graph_gradient_is_unbiased_with_any_baseline(baseline):
    def guide():
        two_coins_guide(baseline)

    guide()
    assert_unbiased(two_coins_exact, two_coins, guide, number=1500, elbo=TraceGraph_ELBO())


def test_graph_and_baseline_reduce_the_noise():
    spreads = []
    for elbo, baseline in (
        (Trace_ELBO(), None),
        (TraceGraph_ELBO(), None),
        (TraceGraph_ELBO(), {"use_decaying_avg_baseline": True}),
    ):

        def guide(baseline=baseline):
            two_coins_guide(baseline)

        with ppl.ParamStore():
            _, grads = draws(two_coins, guide, number=1000, elbo=elbo)
        spreads.append(sum(torch.stack(grad).var(0).sum().item() for grad in grads.values()))
    assert spreads[2] < 0.8 * spreads[0]
    assert spreads[1] < 1.1 * spreads[0]


def test_learned_baseline_learns_the_cost_and_leaves_the_loss_alone():
    net = torch.nn.Linear(1, 1)

    def guide():
        two_coins_guide({"nn_baseline": net, "nn_baseline_input": torch.ones(1)})

    elbo = TraceGraph_ELBO()
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        elbo.loss_and_grads(two_coins, guide)
        optimiser.step()
    losses, _ = draws(two_coins, guide, elbo=elbo)
    store = ppl.get_param_store()
    assert_average(losses, two_coins_exact(store["p"], store["odds"]))
    assert 1.0 < net(torch.ones(1)).item() < 3.5  # about the mean cost of the two sites


def test_misspelt_baseline_setting_error():
    with pytest.raises(GuideError, match="use_decaying_avg_baseline"):
        TraceGraph_ELBO().differentiable_loss(
            two_coins, lambda: two_coins_guide({"use_decaying_average_baseline": True})
        )


# ---- Renyi and IWAE


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0, -1.0])
def test_perfect_guide_meets_every_bound_exactly(alpha):
    loss = RenyiELBO(alpha, num_particles=3).loss(conditioned_scale, perfect_guide, 8.5)
    assert loss == pytest.approx(FLOOR, abs=1e-5)


def test_importance_weighted_bound_of_the_prior_is_its_quadrature():
    """With two draws: E[-log mean(w1, w2)] over a grid of two independent standard normals."""
    z = np.linspace(-7, 7, 701)
    weight = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    log_w = normal_log_density(9.5, 8.5 + z, 0.75)
    pair = np.logaddexp(log_w[:, None], log_w[None, :]) - math.log(2)
    exact = -(weight[:, None] * weight[None, :] * pair).sum()

    def prior(guess):
        ppl.sample("weight", dist.Normal(guess, 1.0))

    for vectorize in (False, True):
        bound = IWAE(num_particles=2, vectorize_particles=vectorize)
        losses = [bound.loss(conditioned_scale, prior, 8.5) for _ in range(1500)]
        assert_average(losses, exact)


def test_bounds_tighten_with_draws_and_with_order():
    """Means over 600 seeded estimates; the exact gaps are several times their errors."""

    def prior(guess):
        ppl.sample("weight", dist.Normal(guess, 1.0))

    def mean(loss):
        return np.mean([loss.loss(conditioned_scale, prior, 8.5) for _ in range(600)])

    elbo = mean(Trace_ELBO())
    few = mean(IWAE(2, vectorize_particles=True))
    many = mean(IWAE(50, vectorize_particles=True))
    between = mean(RenyiELBO(0.5, 50, vectorize_particles=True))
    assert elbo > few > many > FLOOR - 0.02
    assert many < between < elbo


def test_importance_weighted_gradient_is_the_slope_of_its_quadrature():
    a = 9.0
    z = np.linspace(-7, 7, 501)
    weight = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) * (z[1] - z[0])

    def bound(a):
        w = a + 0.8 * z
        log_w = normal_log_density(w, 8.5, 1.0) + normal_log_density(9.5, w, 0.75)
        log_w = log_w - normal_log_density(w, a, 0.8)
        pair = np.logaddexp(log_w[:, None], log_w[None, :]) - math.log(2)
        return -(weight[:, None] * weight[None, :] * pair).sum()

    slope = (bound(a + 1e-3) - bound(a - 1e-3)) / 2e-3

    def guide(guess):
        ppl.sample("weight", dist.Normal(ppl.param("a", 9.0), 0.8))

    losses, grads = draws(conditioned_scale, guide, 8.5, number=1500, elbo=IWAE(2))
    assert_average(losses, bound(a))
    assert_average(grads["a"], slope)


def test_score_function_gradient_of_the_weighted_bound_is_unbiased():
    def model():
        z = ppl.sample("z", dist.Bernoulli(0.3))
        ppl.sample("x", dist.Normal(2 * z, 1.0), obs=1.5)

    def guide():
        p = ppl.param("p", 0.6, constraint=constraints.unit_interval)
        ppl.sample("z", dist.Bernoulli(p))

    def exact(p):
        total = 0.0
        outcomes = []
        for z in (0, 1):
            q = p if z else 1 - p
            log_p = math.log(0.3 if z else 0.7) + float(normal_log_density(1.5, 2.0 * z, 1.0))
            outcomes.append((q, log_p - q.log()))
        for q1, w1 in outcomes:
            for q2, w2 in outcomes:
                total = total - q1 * q2 * (torch.logaddexp(w1, w2) - math.log(2))
        return total

    guide()
    assert_unbiased(exact, model, guide, number=2000, elbo=IWAE(2))


# ---- rows of their own


def row_bound(x, alpha):
    """Renyi bound of two draws from the prior for z ~ N(0, 1), x ~ N(z, 1): by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    log_w = -0.5 * (x - nodes) ** 2 - 0.5 * math.log(2 * math.pi)
    order = 1 - alpha
    two = np.logaddexp(order * log_w[:, None], order * log_w[None, :]) - math.log(2)
    return -(weights[:, None] * weights[None, :] * two).sum() / order


@pytest.mark.parametrize("vectorize", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("chosen", [None, 1, 2])
def test_rows_of_a_plate_that_holds_every_site_have_weights_of_their_own(vectorize, alpha, chosen):
    """The sum of the rows' bounds, also from a subsample, which counts as the whole."""
    x = torch.tensor([-1.0, 0.5, 2.0])

    def model():
        with ppl.plate("rows", 3, subsample_size=chosen) as row:
            z = ppl.sample("z", dist.Normal(0.0, 1.0))
            ppl.sample("x", dist.Normal(z, 1.0), obs=x[row])

    def guide():
        with ppl.plate("rows", 3, subsample_size=chosen):
            ppl.sample("z", dist.Normal(0.0, 1.0))

    ppl.set_rng_seed(7)
    bound = RenyiELBO(alpha, num_particles=2, vectorize_particles=vectorize, max_plate_nesting=1)
    losses = [bound.loss(model, guide) for _ in range(1500)]
    assert_average(losses, sum(row_bound(value, alpha) for value in x.tolist()))


def test_gradient_of_rows_is_unbiased_without_reparameterisation():
    """A Bernoulli guide in a plate: exact gradient of the bound by all outcomes of two draws."""
    y = torch.tensor([0.0, 1.0])

    def model():
        with ppl.plate("rows", 2):
            z = ppl.sample("z", dist.Bernoulli(0.3))
            ppl.sample("y", dist.Normal(2 * z, 1.0), obs=y)

    def guide():
        logits = ppl.param("logits", torch.tensor([-0.5, 0.4]))
        with ppl.plate("rows", 2):
            ppl.sample("z", dist.Bernoulli(logits=logits))

    def exact(logits):
        total = torch.zeros(())
        for row in range(2):
            q = torch.distributions.Bernoulli(logits=logits[row])
            z = torch.tensor([0.0, 1.0])
            log_q = q.log_prob(z)
            log_p = torch.tensor([0.7, 0.3]).log() + torch.distributions.Normal(2 * z, 1).log_prob(
                y[row]
            )
            log_w = log_p - log_q
            two = torch.logaddexp(log_w[:, None], log_w[None, :]) - math.log(2)
            total = total - ((log_q[:, None] + log_q[None, :]).exp() * two).sum()
        return total

    leaf = torch.tensor([-0.5, 0.4], requires_grad=True)
    (wanted,) = torch.autograd.grad(exact(leaf), leaf)
    grads = []
    ppl.set_rng_seed(3)
    for _ in range(1200):
        with ppl.ParamStore() as store:
            IWAE(2).loss_and_grads(model, guide)
            grads.append(store.unconstrained("logits").grad)
    assert_average(grads, wanted)
