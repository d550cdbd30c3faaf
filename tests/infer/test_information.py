"""PSIS-LOO and WAIC against closed forms and arviz-stats; the way to ArviZ."""

import math
import warnings

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from ppl_core.errors import ModelError
from ppl_core.infer import Importance, Predictive, Rejection, log_likelihood, loo, to_arviz, waic
from programs import conditioned_scale

READINGS = torch.tensor([9.5, 9.1, 9.9, 9.3, 9.6, 8.8])
NOISE = 0.75


def weighings():
    weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
    with ppl.plate("readings", len(READINGS)):
        return ppl.sample("reading", dist.Normal(weight, NOISE), obs=READINGS)


def normal_posterior(readings):
    precision = 1 + len(readings) / NOISE**2
    mean = (8.5 + sum(readings) / NOISE**2) / precision
    return mean, precision**-0.5


def draws(num=20_000):
    mean, sd = normal_posterior(READINGS.tolist())
    return {"weight": dist.Normal(mean, sd).sample((num,))}


def test_loo_is_the_probability_of_each_reading_given_the_others():
    samples = draws()
    score = loo(log_likelihood(weighings, samples, parallel=True))
    readings = READINGS.tolist()
    exact = []
    for left, reading in enumerate(readings):
        mean, sd = normal_posterior(readings[:left] + readings[left + 1 :])
        exact.append(truth.normal_log_density(reading, mean, math.hypot(sd, NOISE)))
    # importance weights of 20,000 draws: errors near sd(w) / sqrt(draws), under 0.01 nats
    np.testing.assert_allclose(score.pointwise, exact, atol=0.01)
    assert score.elpd == pytest.approx(sum(exact), abs=0.03)
    assert score.readings == 6
    assert (score.pareto_k < 0.5).all()


def test_waic_follows_its_closed_form():
    """Log likelihoods are quadratic in the weight: their variance has a formula."""
    score = waic(log_likelihood(weighings, draws(), parallel=True)["reading"])
    mean, sd = normal_posterior(READINGS.tolist())
    y = READINGS.numpy().astype(float)
    fitted = truth.normal_log_density(y, mean, math.hypot(sd, NOISE))
    spread = (2 * sd**4 + 4 * sd**2 * (y - mean) ** 2) / (4 * NOISE**4)
    np.testing.assert_allclose(score.pointwise, fitted - spread, atol=0.01)
    assert score.effective_parameters == pytest.approx(spread.sum(), abs=0.01)
    assert score.pareto_k is None


def test_loo_agrees_with_arviz():
    import arviz_stats

    log_lik = 0.8 * torch.randn(1000, 12, dtype=torch.float64) - 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = loo(log_lik)
        tree = to_arviz({"x": torch.randn(1000)}, num_chains=4, log_likelihood={"y": log_lik})
        theirs = arviz_stats.loo(tree, reff=1.0, pointwise=True)
    assert ours.elpd == pytest.approx(float(theirs.elpd), rel=1e-9)
    assert ours.error == pytest.approx(float(theirs.se), rel=1e-9)
    assert ours.effective_parameters == pytest.approx(float(theirs.p), rel=1e-6)
    np.testing.assert_allclose(ours.pareto_k, theirs.pareto_k.values.ravel(), rtol=1e-6)


def test_models_of_the_same_readings_are_compared_reading_by_reading():
    near = loo(log_likelihood(weighings, draws(4000), parallel=True))
    far = waic(log_likelihood(weighings, {"weight": dist.Normal(7.0, 0.3).sample((4000,))}))
    difference, error = near - far
    assert difference == pytest.approx(near.elpd - far.elpd)
    assert difference > 2 * error > 0
    with pytest.raises(ValueError, match="different readings"):
        _ = near - waic(torch.randn(100, 2))


def test_an_influential_reading_is_a_warning():
    log_lik = torch.randn(1000, 3)
    log_lik[:, 1] *= 8
    with pytest.warns(UserWarning, match="Pareto k is above 0.67 for 1 of 3 readings"):
        loo(log_lik)


@pytest.mark.parametrize(
    ("log_lik", "said"),
    [
        (torch.zeros(0, 3), "none given"),
        (0.0, "none given"),
        (torch.tensor([[0.0, math.nan]]), "1 of 2 log likelihoods are not finite"),
        ({"a": torch.zeros(3), "b": torch.zeros(3)}, r"\['a', 'b'\]"),
        (torch.zeros(1, 3), "draws are"),
    ],
)
@pytest.mark.parametrize("criterion", [loo, waic])
def test_log_likelihoods_that_say_nothing_are_errors(criterion, log_lik, said):
    with pytest.raises(ValueError, match=said):
        criterion(log_lik)


# ---- to ArviZ


def test_everything_goes_to_arviz_with_its_labels():
    samples = draws(40)
    tree = to_arviz(
        samples,
        num_chains=4,
        posterior_predictive=Predictive(
            ppl.handlers.uncondition(weighings), samples, parallel=True
        )(),
        log_likelihood=log_likelihood(weighings, samples),
        observed_data={"reading": READINGS},
        coords={"day": [f"day {i}" for i in range(6)]},
        dims={"reading": ["day"]},
    )
    assert dict(tree.posterior.sizes) == {"chain": 4, "draw": 10}
    np.testing.assert_array_equal(tree.posterior.weight[0], samples["weight"][:10])
    for group in (tree.posterior_predictive, tree.log_likelihood):
        assert dict(group.sizes) == {"chain": 4, "draw": 10, "day": 6}
    assert tree.observed_data.reading.sel(day="day 1").item() == pytest.approx(9.1)


def test_posteriors_of_other_algorithms_go_to_arviz():
    kept = Rejection(conditioned_scale, num_samples=50).run(8.5)
    assert to_arviz(kept).posterior.weight.shape == (1, 50)
    weighted = Importance(conditioned_scale, num_samples=50).run(8.5)
    assert to_arviz(weighted.resample(20)).posterior.weight.shape == (1, 20)
    with pytest.raises(ModelError, match=r"give posterior.resample\(\)"):
        to_arviz(weighted)


def test_what_arviz_cannot_hold_is_named():
    with pytest.raises(ValueError, match=r"posterior\['x'\] of shape \(5,\) is no number of draws"):
        to_arviz({"x": torch.zeros(5)}, num_chains=2)
    with pytest.raises(ValueError, match="nothing is given"):
        to_arviz()
