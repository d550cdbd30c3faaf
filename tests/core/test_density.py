"""A program as a function: log_density and the unconstrained potential against closed forms."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from ppl_core import ModelError, handlers, log_density, potential
from programs import conditioned_scale, scale


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


# ---- log_density


@pytest.mark.parametrize("weight", [9.0, 9, np.float64(9.0), torch.tensor(9.0)])
def test_log_density_of_the_scale_is_the_textbook_one(weight):
    value = log_density(conditioned_scale, {"weight": weight}, 8.5)
    assert value.shape == ()
    assert value.item() == pytest.approx(truth.scale_log_joint(9.0), rel=1e-6)


def test_log_density_integrates_to_the_evidence(float64):
    grid = np.linspace(3.0, 15.0, 161)
    log_joint = [log_density(conditioned_scale, {"weight": w}, 8.5).item() for w in grid]
    evidence = np.trapezoid(np.exp(log_joint), grid)
    assert math.log(evidence) == pytest.approx(truth.weigh().log_evidence, abs=1e-9)


def test_log_density_counts_scale_mask_plates_and_factors():
    data = torch.tensor([1.0, 2.0, 3.0])

    def model():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 3), handlers.scale(scale=2.0):
            ppl.sample("y", dist.Normal(x, 1.0), obs=data)
        with handlers.mask(mask=False):
            ppl.sample("z", dist.Normal(x, 1.0), obs=7.0)
        ppl.factor("f", -3.0)

    log_p = truth.normal_log_density
    exact = log_p(0.5, 0.0, 1.0) + 2 * log_p(data.numpy(), 0.5, 1.0).sum() - 3.0
    assert log_density(model, {"x": 0.5}).item() == pytest.approx(exact, rel=1e-6)


def test_log_density_has_the_gradient_of_its_formula():
    weight = torch.tensor(9.0, requires_grad=True)
    (grad,) = torch.autograd.grad(log_density(conditioned_scale, {"weight": weight}, 8.5), weight)
    assert grad.item() == pytest.approx(-(9.0 - 8.5) + (9.5 - 9.0) / 0.75**2, rel=1e-6)


def test_log_density_at_the_values_of_a_trace():
    sites = handlers.trace(conditioned_scale).get_trace(8.5)
    assert log_density(conditioned_scale, sites, 8.5).item() == pytest.approx(
        sites.log_prob_sum().item()
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ["no value", "'weight'"]),
        ({"wieght": 9.0}, ["'weight'"]),
        ({"weight": 9.0, "wieght": 9.0}, ["'wieght'", "Did you mean 'weight'"]),
        ({"weight": 9.0, "measurement": 9.5}, ["'measurement'", "latent"]),
    ],
)
def test_log_density_at_other_names_error(values, words):
    with pytest.raises(ModelError) as error:
        log_density(conditioned_scale, values, 8.5)
    assert all(word in str(error.value) for word in words), error.value


def test_log_density_off_the_support_error_names_the_site():
    with pytest.raises(ModelError, match=r"'rate'.*support"):
        log_density(lambda: ppl.sample("rate", dist.Gamma(1.0, 1.0)), {"rate": -1.0})


# ---- the potential: every support, with its volume change in closed form

log, logit, sigmoid = math.log, lambda p: math.log(p / (1 - p)), lambda z: 1 / (1 + math.exp(-z))
LOG_2PI = math.log(2 * math.pi)


@pytest.mark.parametrize(
    ("fn", "z", "value", "energy"),
    [
        # log density of z = log density of x + log dx/dz
        (lambda: dist.Normal(8.5, 1.0), 9.0, 9.0, 0.5 * 0.25 + 0.5 * LOG_2PI),
        (lambda: dist.Exponential(2.0), 0.3, math.exp(0.3), 2 * math.exp(0.3) - log(2) - 0.3),
        (lambda: dist.LogNormal(0.0, 1.0), 0.3, math.exp(0.3), 0.5 * 0.09 + 0.5 * LOG_2PI),
        (
            lambda: dist.Beta(2.0, 3.0),
            0.4,
            sigmoid(0.4),
            -(log(12) + 2 * log(sigmoid(0.4)) + 3 * log(sigmoid(-0.4))),
        ),
        (
            lambda: dist.Uniform(1.0, 5.0),
            0.4,
            1 + 4 * sigmoid(0.4),
            -(log(sigmoid(0.4)) + log(sigmoid(-0.4))),
        ),
        (lambda: dist.HalfNormal(1.0), -1.0, math.exp(-1.0), None),
        (lambda: dist.Gamma(2.0, 3.0), 0.1, math.exp(0.1), None),
    ],
)
def test_potential_of_one_site_is_minus_the_log_density_of_z(float64, fn, z, value, energy):
    pot = potential(lambda: ppl.sample("x", fn()))
    z = torch.tensor(z)
    assert pot.constrain({"x": z})["x"].item() == pytest.approx(value)
    if energy is not None:
        assert pot({"x": z}).item() == pytest.approx(energy)
    grid = torch.linspace(-14.0, 14.0, 281)
    mass = torch.trapezoid(torch.stack([(-pot({"x": point})).exp() for point in grid]), grid)
    assert mass.item() == pytest.approx(1.0, abs=1e-3) or fn().support is dist.constraints.real


def test_potential_of_a_simplex_integrates_to_one(float64):
    pot = potential(lambda: ppl.sample("p", dist.Dirichlet(torch.tensor([2.0, 3.0]))))
    grid = torch.linspace(-14.0, 14.0, 281)
    mass = torch.trapezoid(torch.stack([(-pot({"p": z[None]})).exp() for z in grid]), grid)
    assert mass.item() == pytest.approx(1.0, abs=1e-4)
    assert pot.start["p"].shape == (1,)


def two_level():
    """Sites with every kind of constraint, a plate, and one whose support depends on another."""
    top = ppl.sample("top", dist.Gamma(2.0, 1.0))
    ppl.sample("below", dist.Uniform(0.0, top))
    with ppl.plate("rows", 3):
        rate = ppl.sample("rate", dist.LogNormal(0.0, top))
        ppl.sample("y", dist.Poisson(rate), obs=torch.tensor([1.0, 0.0, 4.0]))
    ppl.sample("shares", dist.Dirichlet(torch.ones(3)))


def test_potential_gradient_is_that_of_finite_differences(float64):
    pot = potential(two_level)
    names = list(pot.start)

    def energy(*values):
        return pot(dict(zip(names, values, strict=True)))

    start = [pot.start[name].clone().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(energy, start)


def test_support_that_depends_on_another_site_moves_with_it(float64):
    pot = potential(two_level)
    low = {**pot.start, "top": torch.tensor(-2.0), "below": torch.tensor(5.0)}
    high = {**low, "top": torch.tensor(2.0)}
    for values in (low, high):
        constrained = pot.constrain(values)
        share = constrained["below"] / constrained["top"]
        assert share.item() == pytest.approx(sigmoid(5.0))
        exact = log_density(two_level, constrained)
        assert torch.isfinite(exact)


def test_potential_starts_at_a_run_of_the_prior():
    pot = potential(two_level)
    assert set(pot.start) == {"top", "below", "rate", "shares"}
    assert pot.start["rate"].shape == (3,)
    assert pot.start["shares"].shape == (2,)
    assert not any(value.requires_grad for value in pot.start.values())
    constrained = pot.constrain(pot.start)
    assert (constrained["rate"] > 0).all()
    assert constrained["shares"].sum().item() == pytest.approx(1.0, rel=1e-5)


def test_potential_passes_arguments_on():
    energy = potential(conditioned_scale, guess=8.5)({"weight": torch.tensor(9.0)})
    assert energy.item() == pytest.approx(-truth.scale_log_joint(9.0), rel=1e-6)


def test_potential_of_a_discrete_site_error():
    with pytest.raises(ModelError, match=r"'coin'.*discrete"):
        potential(lambda: ppl.sample("coin", dist.Bernoulli(0.5)))


def test_potential_without_latent_sites_error():
    with pytest.raises(ModelError, match="no latent site"):
        potential(lambda: ppl.condition(scale, data={"weight": 9.0, "measurement": 9.5})(8.5))
