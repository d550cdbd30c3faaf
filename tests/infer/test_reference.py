"""The best available truth: found where it exists, checked by another route, never claimed."""

import itertools
import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core.errors import ModelError
from ppl_core.infer import reference
from ppl_core.infer.references import search
from ppl_core.infer.references.affine import is_affine
from ppl_core.infer.references.estimate import estimate
from ppl_core.infer.references.quadrature import quadrature
from programs import conditioned_scale

SHARES = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.double)


def bend(response=lambda w: w, width=lambda w: 0.75, reading=9.5):
    """A scale with any response and any noise."""

    def model():
        weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
        ppl.sample("measurement", dist.Normal(response(weight), width(weight)), obs=reading)

    return model


# ---- linear Gaussian programs


def test_scale_is_found_in_closed_form():
    found, exact = reference(conditioned_scale, 8.5), truth.weigh()
    weight = found["weight"]
    assert found.kind == "closed form"
    assert found.is_exact
    assert float(weight.mean) == pytest.approx(exact.mean, abs=1e-6)
    assert float(weight.sd) == pytest.approx(exact.sd, abs=1e-6)
    assert found.log_evidence == pytest.approx(exact.log_evidence, abs=1e-6)
    assert found.log_evidence_error == 0.0
    normal = dist.Normal(weight.mean, weight.sd)
    assert torch.allclose(weight.quantile(SHARES), normal.icdf(SHARES), atol=1e-4)
    at = torch.linspace(7.0, 11.0, 9)
    assert torch.allclose(weight.density(at), normal.log_prob(at.double()).exp(), atol=1e-4)
    assert_average(found.sample(4000)["weight"], exact.mean)


def test_kalman_by_one_solve_and_by_a_filter():
    class Level:
        def init(self, state, reading):
            state["kg"] = ppl.sample("kg", dist.Normal(8.5, 1.0))
            ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)

        def step(self, state, reading):
            state["kg"] = ppl.sample("kg", dist.Normal(state["kg"], 0.3))
            ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)

    readings = [9.5, 9.1, 9.9, 9.3, 9.6]
    for so_far in (1, 3, 5):
        found = reference(Level(), readings[:so_far], sites=[f"{so_far - 1}/kg"])
        exact = truth.kalman(readings)[so_far - 1]
        assert found.kind == "Kalman"
        assert float(found[f"{so_far - 1}/kg"].mean) == pytest.approx(exact.mean, abs=1e-5)
        assert float(found[f"{so_far - 1}/kg"].sd) == pytest.approx(exact.sd, abs=1e-5)
        assert found.log_evidence == pytest.approx(exact.log_evidence, abs=1e-5)


def test_regression_with_vectors_plates_and_masks_agrees_with_the_textbook():
    torch.manual_seed(3)
    x = torch.randn(20, 3)
    y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.3 * torch.randn(20)
    seen = torch.arange(20) % 4 != 0

    def model(x, y):
        w = ppl.sample("w", dist.Normal(torch.zeros(3), 2.0).to_event(1))
        with ppl.plate("rows", len(x)), ppl.handlers.mask(mask=seen):
            ppl.sample("y", dist.Normal(x @ w + 1.0, 0.3), obs=y)

    found = reference(model, x, y)
    assert found.kind == "closed form"
    X, r = x[seen].double(), y[seen].double() - 1.0
    covariance = torch.linalg.inv(X.T @ X / 0.09 + torch.eye(3) / 4)
    assert torch.allclose(found["w"].mean, covariance @ X.T @ r / 0.09, atol=1e-5)
    assert torch.allclose(found["w"].sd, covariance.diagonal().sqrt(), atol=1e-5)
    total = 4 * X @ X.T + 0.09 * torch.eye(len(X), dtype=torch.double)
    marginal = dist.MultivariateNormal(torch.zeros(len(X), dtype=torch.double), total)
    assert found.log_evidence == pytest.approx(marginal.log_prob(r).item(), abs=1e-3)


def test_hierarchy_with_multivariate_sites_agrees_with_quadrature():
    root = torch.tensor([[1.0, 0.0], [0.5, 1.0]])

    def model():
        z = ppl.sample("z", dist.MultivariateNormal(torch.zeros(2), scale_tril=root))
        ppl.sample("y", dist.MultivariateNormal(2 * z - 1, torch.eye(2)), obs=[1.0, 0.0])

    found, other = reference(model), quadrature(model, (), {}, 1e-6)
    assert found.kind == "closed form"
    assert other is not None
    assert found.log_evidence == pytest.approx(other.log_evidence, abs=1e-5)
    assert torch.allclose(found["z"].mean, other["z"].mean, atol=1e-5)
    assert torch.allclose(found["z"].sd, other["z"].sd, atol=1e-5)


NEAR_MISSES = {
    "bend": (lambda w: w + 1e-3 * w**2, lambda w: 0.75),
    "abs": (torch.abs, lambda w: 0.75),
    "where": (lambda w: torch.where(w > 0, w, -w), lambda w: 0.75),
    "if": (lambda w: w if w > 7.5 else 7.5 + 0.9 * (w - 7.5), lambda w: 0.75),
    "times a truth": (lambda w: w * (w > 0), lambda w: 0.75),
    "far if": (lambda w: w if w < 1e6 else 1e6, lambda w: 0.75),
    "bump": (lambda w: w + 0.01 * ((w - 9.3).abs() < 0.1), lambda w: 0.75),
    "float": (lambda w: w + 0.01 * (9.29 < w.item() < 9.3), lambda w: 0.75),
    "hidden square": (lambda w: w * w.detach(), lambda w: 0.75),
    "clamp": (lambda w: w.clamp(min=4.0), lambda w: 0.75),
    "exp": (lambda w: torch.exp(w / 4), lambda w: 0.75),
    "round": (torch.round, lambda w: 0.75),
    "hidden width": (lambda w: w, lambda w: 0.75 if w > 8 else 0.8),
    "width": (lambda w: w, lambda w: 0.75 + 1e-3 * w.abs()),
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_what_merely_looks_conjugate_is_never_called_closed_form(name):
    # a jump in the density leaves quadrature an error of its own, which it tells
    found = reference(bend(*NEAR_MISSES[name]), tolerance=1e-2)
    assert found.kind == "quadrature"


def test_data_that_depends_on_a_latent_value_is_not_data():
    def model():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(w, 1.0), obs=0.5 * w)

    assert reference(model).kind == "quadrature"


def test_affine_proof_knows_products_from_sums():
    w = torch.randn(3, requires_grad=True)
    c = torch.randn(3)
    affine = [w + 1, 2 - w, c * w, w / 3, c @ w, w.sum(), w[1:], torch.stack([w[0], w[2] - w[1]])]
    curved = [w * w, 1 / w, w @ w, w.exp(), w.relu(), w**2, c / w, w * w.sum(), w.max()]
    assert all(is_affine(output) for output in affine)
    assert not any(is_affine(output) for output in curved)


# ---- conjugate pairs


def pairs():
    days = torch.tensor([3.0, 5.0, 4.0, 6.0])
    flips = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0])

    def gamma(likelihood, response=lambda r: r):
        def model():
            rate = ppl.sample("x", dist.Gamma(2.0, 1.0))
            with ppl.plate("rows", 4):
                ppl.sample("y", likelihood(response(rate)), obs=days)

        return model

    def beta(likelihood, response=lambda p: p, y=flips):
        def model():
            p = ppl.sample("x", dist.Beta(2.0, 3.0))
            with ppl.plate("rows", len(y)):
                ppl.sample("y", likelihood(response(p)), obs=y)

        return model

    right = {
        "poisson": gamma(dist.Poisson),
        "poisson with exposure": gamma(lambda r: dist.Poisson(torch.tensor([1.0, 2, 1, 3]) * r)),
        "exponential": gamma(dist.Exponential),
        "gamma": gamma(lambda r: dist.Gamma(3.0, 2 * r)),
        "bernoulli": beta(dist.Bernoulli),
        "binomial": beta(lambda p: dist.Binomial(7, p), y=days),
        "geometric": beta(dist.Geometric, y=days),
    }
    wrong = {
        "bent rate": gamma(dist.Poisson, lambda r: r + 1e-3 * r**2),
        "shifted rate": gamma(dist.Poisson, lambda r: r + 1e-2),
        "clamped rate": gamma(dist.Poisson, lambda r: r.clamp(min=0.5)),
        "rate as shape": gamma(lambda r: dist.Gamma(r, 1.0)),
        "shrunk p": beta(dist.Bernoulli, lambda p: 0.999 * p),
        "clamped p": beta(dist.Bernoulli, lambda p: p.clamp(0.01, 0.99)),
        "squared p": beta(dist.Bernoulli, lambda p: p**2),
    }
    return right, wrong


@pytest.mark.parametrize("name", pairs()[0])
def test_conjugate_pairs_agree_with_quadrature(name):
    model = pairs()[0][name]
    found, other = reference(model), quadrature(model, (), {}, 1e-7)
    assert found.kind == "closed form"
    assert other is not None
    assert found.log_evidence == pytest.approx(other.log_evidence, abs=2e-5)
    assert float(found["x"].mean) == pytest.approx(float(other["x"].mean), rel=1e-5)
    assert float(found["x"].sd) == pytest.approx(float(other["x"].sd), rel=1e-5)
    assert torch.allclose(found["x"].quantile(SHARES), other["x"].quantile(SHARES), rtol=1e-3)
    assert_average(found.sample(2000)["x"], found["x"].mean)


@pytest.mark.parametrize("name", pairs()[1])
def test_near_conjugate_pairs_go_to_quadrature(name):
    assert reference(pairs()[1][name]).kind == "quadrature"


def test_dirichlet_counts_are_added_in_rows():
    y = torch.tensor([1, 1, 0, 2, 1, 1])

    def model():
        p = ppl.sample("p", dist.Dirichlet(torch.tensor([1.0, 2.0, 1.0])))
        with ppl.plate("rows", len(y)):
            ppl.sample("y", dist.Categorical(p), obs=y)

    found = reference(model)
    counts = torch.tensor([2.0, 6.0, 2.0])
    posterior = dist.Dirichlet(counts)
    assert found.kind == "closed form"
    assert torch.allclose(found["p"].mean.float(), posterior.mean)
    assert torch.allclose(found["p"].sd.float(), posterior.stddev)
    lg = torch.lgamma
    prior = torch.tensor([1.0, 2.0, 1.0])
    exact = lg(prior.sum()) - lg(prior).sum() + lg(counts).sum() - lg(counts.sum())
    assert found.log_evidence == pytest.approx(exact.item(), abs=1e-4)


def test_several_conjugate_sites_in_a_plate():
    def model():
        with ppl.plate("coins", 3):
            p = ppl.sample("p", dist.Beta(2.0, 2.0))
            ppl.sample("heads", dist.Binomial(10, p), obs=torch.tensor([1.0, 5.0, 9.0]))

    found = reference(model)
    assert found.kind == "closed form"
    assert torch.allclose(found["p"].mean.float(), torch.tensor([3.0, 7.0, 11.0]) / 14)
    assert found["p"].quantile(SHARES).shape == (5, 3)


# ---- enumeration


def test_enumeration_agrees_with_brute_force():
    y = torch.tensor([0.0, 1.0, 3.0])

    def model():
        shift = ppl.sample("shift", dist.Bernoulli(0.3))
        with ppl.plate("rows", 3):
            kind = ppl.sample("kind", dist.Categorical(torch.tensor([0.5, 0.3, 0.2])))
            ppl.sample("y", dist.Normal(kind + 2 * shift, 1.0), obs=y)

    found = reference(model)
    joint = {}
    for shift, *kinds in itertools.product((0.0, 1.0), range(3), range(3), range(3)):
        values = {"shift": torch.tensor(shift), "kind": torch.tensor(kinds)}
        joint[shift, *kinds] = ppl.log_density(model, values).double().exp().item()
    total = sum(joint.values())
    assert found.kind == "exact enumeration"
    assert found.log_evidence == pytest.approx(math.log(total), abs=1e-5)
    up = sum(p for key, p in joint.items() if key[0] == 1) / total
    last = sum(p for key, p in joint.items() if key[3] == 2) / total
    assert float(found["shift"].mean) == pytest.approx(up, abs=1e-5)
    assert float(found["kind"].density(2.0)[2]) == pytest.approx(last, abs=1e-5)
    assert_average([d.double() for d in found.sample(300)["shift"]], up)


# ---- quadrature


def test_folded_scale_has_two_peaks_and_the_evidence_of_the_book():
    found = reference(bend(lambda w: 8.5 + (w - 8.5) ** 2, lambda w: 0.25))
    exact = truth.posterior_by_quadrature(
        lambda w: (
            truth.normal_log_density(w, 8.5, 1.0)
            + truth.normal_log_density(9.5, 8.5 + (w - 8.5) ** 2, 0.25)
        ),
        0.0,
        17.0,
    )
    assert found.kind == "quadrature"
    assert found.log_evidence == pytest.approx(exact.log_evidence, abs=1e-6)
    assert float(found["weight"].sd) == pytest.approx(exact.sd, abs=1e-6)
    assert found.log_evidence_error < 1e-4
    assert not found.is_exact


def test_quadrature_in_two_dimensions_agrees_with_the_closed_form():
    def model():
        z = ppl.sample("z", dist.Normal(torch.tensor([0.0, 3.0]), 1.0).to_event(1))
        ppl.sample("y", dist.Normal(z.sum(), 0.05), obs=1.0)

    exact, found = reference(model), quadrature(model, (), {}, 1e-5)
    assert found is not None
    assert found.log_evidence == pytest.approx(exact.log_evidence, abs=1e-4)
    assert torch.allclose(found["z"].mean, exact["z"].mean, atol=1e-4)
    assert torch.allclose(found["z"].sd, exact["z"].sd, atol=1e-4)
    assert torch.allclose(found["z"].quantile(SHARES), exact["z"].quantile(SHARES), atol=2e-3)


def test_quadrature_sums_discrete_sites_out():
    def model():
        z = ppl.sample("z", dist.Normal(0.0, 3.0))
        k = ppl.sample("k", dist.Bernoulli(0.3))
        ppl.sample("y", dist.Normal(z + 5 * k, 0.1), obs=1.0)

    found = reference(model)
    parts = np.log([0.7, 0.3]) + truth.normal_log_density(
        1.0, np.array([0.0, 5.0]), math.sqrt(9.01)
    )
    assert found.kind == "quadrature"
    assert found.log_evidence == pytest.approx(float(np.logaddexp(*parts)), abs=1e-5)


def test_sharp_and_heavy_tailed_posteriors_are_found():
    sharp = quadrature(
        ppl.condition(
            lambda: ppl.sample("y", dist.Normal(ppl.sample("w", dist.Normal(8.5, 100.0)), 1e-3)),
            data={"y": 213.5},
        ),
        (),
        {},
        1e-6,
    )
    assert sharp is not None
    assert float(sharp["w"].mean) == pytest.approx(213.5, abs=1e-3)
    heavy = reference(lambda: ppl.sample("x", dist.Cauchy(1.0, 1.0)))
    assert heavy.log_evidence == pytest.approx(0.0, abs=1e-5)
    assert torch.allclose(
        heavy["x"].quantile(SHARES), dist.Cauchy(1.0, 1.0).icdf(SHARES), rtol=2e-3, atol=3e-3
    )
    assert math.isnan(float(heavy["x"].sd))  # it has none


def test_flat_prior_is_no_obstacle():
    def model():
        w = ppl.sample("w", dist.ImproperUniform(dist.constraints.real, (), ()))
        ppl.sample("y", dist.Normal(w, 0.5), obs=2.0)

    found = reference(model)
    assert found.kind == "quadrature"
    assert float(found["w"].mean) == pytest.approx(2.0, abs=1e-6)
    assert float(found["w"].sd) == pytest.approx(0.5, abs=1e-6)


# ---- estimates, and what cannot be


def test_many_bent_dimensions_are_labelled_estimate():
    def model():
        with ppl.plate("many", 3):
            z = ppl.sample("z", dist.Normal(0.0, 1.0))
            ppl.sample("y", dist.Normal(z.tanh(), 0.5), obs=torch.tensor([0.5, 0.0, -0.5]))

    found = reference(model, num_samples=150, num_chains=1)
    assert found.kind == "estimate"
    assert found.log_evidence is None
    assert not found.is_exact
    one = reference(bend(lambda w: (w - 8.5).tanh(), lambda w: 0.5, 0.5))  # entry 0, moved by 8.5
    away = found["z"].mean[0] - (one["weight"].mean - 8.5)
    assert abs(float(away)) < 5 * float(found["z"].mean_error[0])


def test_a_long_run_knows_where_a_site_ends():
    """A density that is highest at the end of its support has no tail beyond it."""

    def model():
        for name in ("a", "b", "c"):
            ppl.sample(name, dist.Exponential(1.0))
        ppl.sample("d", dist.Uniform(0.0, 1.0))

    found = estimate(model, (), {}, 500, 2, 1)
    *_, last = found
    low, high = last["a"].grid[0].item(), last["d"].grid[-1].item()
    assert low >= 0.0
    assert high <= 1.0
    assert last["a"].density(0.1).item() == pytest.approx(math.exp(-0.1), abs=0.25)
    for name in ("a", "d"):
        mass = np.trapezoid(last[name].heights, last[name].grid)
        assert mass == pytest.approx(1.0, abs=0.01)


def test_a_matrix_without_a_factor_far_out_leads_to_an_estimate():
    """At a length of 0 the kernel is not a number: no grid reaches that far."""
    away = (torch.arange(3.0)[:, None] - torch.arange(3.0)) ** 2

    def process():
        length = ppl.sample("length", dist.LogNormal(0.0, 0.5))
        kernel = torch.exp(-0.5 * away / length[..., None, None] ** 2) + 0.01 * torch.eye(3)
        y = torch.tensor([0.0, 0.5, 0.2])
        ppl.sample("y", dist.MultivariateNormal(torch.zeros(3), kernel), obs=y)

    assert reference(process, num_samples=20, num_chains=1).kind == "estimate"


def test_a_search_gives_way_after_every_step_of_a_long_run():
    def hills():
        for name in ("a", "b", "c"):
            where = ppl.sample(name, dist.Normal(0.0, 1.0))
            ppl.sample(f"{name} squared", dist.Normal(where**2, 1.0), obs=1.0)

    *pieces, found = search(hills, num_samples=10, num_chains=2, seed=3)
    assert pieces == [None] * (2 * (5 + 10))
    again = reference(hills, num_samples=10, num_chains=2, seed=3)
    assert found.kind == again.kind == "estimate"
    assert torch.equal(found["b"].mean, again["b"].mean)


def test_callers_generator_is_left_alone_and_the_seed_decides():
    before = torch.get_rng_state()
    reference(conditioned_scale, 8.5)
    assert torch.equal(before, torch.get_rng_state())


def test_requests_without_an_answer_are_errors():
    with pytest.raises(ModelError, match="has no latent site"):
        reference(lambda: ppl.sample("y", dist.Normal(0.0, 1.0), obs=1.0))
    with pytest.raises(ModelError, match=r"'n' is discrete \(Poisson\)"):
        reference(lambda: ppl.sample("n", dist.Poisson(3.0)))
    with pytest.raises(ModelError, match="Did you mean 'weight'"):
        reference(conditioned_scale, 8.5, sites=["wieght"])
    with pytest.raises(ModelError, match="Did you mean 'weight'"):
        reference(conditioned_scale, 8.5)["wieght"]

    def some():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 10, subsample_size=3):
            ppl.sample("y", dist.Normal(w, 1.0), obs=torch.zeros(3))

    with pytest.raises(ModelError, match="plate 'rows' chooses 3 of 10 rows"):
        reference(some)
