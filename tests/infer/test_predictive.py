"""Predictive and log_likelihood: Pyro's shapes, closed forms, rows as single runs."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core.errors import ModelError, ShapeError
from ppl_core.handlers import is_latent
from ppl_core.infer import AutoNormal, Predictive, log_likelihood
from programs import conditioned_scale, perfect_guide, scale

EXACT = truth.weigh()


def nested(x, y=None):
    a = ppl.sample("a", dist.Normal(0.0, 1.0))
    b = ppl.sample("b", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
    with ppl.plate("groups", 4, dim=-2):
        c = ppl.sample("c", dist.Normal(a, 1.0))
        with ppl.plate("rows", 5, dim=-1):
            m = ppl.deterministic("m", (x * b).sum(-1) + c)
            ppl.sample("y", dist.Normal(m, 1.0), obs=y)
    return c


def shapes(draws):
    return {name: tuple(value.shape) for name, value in draws.items()}


@pytest.mark.parametrize("parallel", [False, True])
def test_shapes_are_pyros(parallel):
    """What Pyro 1.9.2 returns for this program, written down."""
    x = torch.randn(5, 3)
    inner = {"c": (7, 4, 1), "m": (7, 4, 5), "y": (7, 4, 5)}
    everything = {"a": (7, 1, 1), "b": (7, 1, 1, 3), **inner}
    assert shapes(Predictive(nested, num_samples=7, parallel=parallel)(x)) == everything
    few = Predictive(nested, num_samples=7, return_sites=("a", "_RETURN"), parallel=parallel)
    assert shapes(few(x)) == {"a": (7, 1, 1), "_RETURN": (7, 4, 1)}
    for a, b in (((7,), (7, 3)), ((7, 1, 1), (7, 1, 1, 3))):  # plain draws, and Predictive's own
        samples = {"a": torch.zeros(a), "b": torch.zeros(b)}
        assert shapes(Predictive(nested, samples, parallel=parallel)(x)) == inner
    guide = AutoNormal(nested)
    guide(x, torch.zeros(4, 5))
    drawn = Predictive(nested, guide=guide, num_samples=7, parallel=parallel)(x)
    assert shapes(drawn) == everything


@pytest.mark.parametrize("parallel", [False, True])
def test_the_next_reading_follows_its_closed_form(parallel):
    num = 20_000 if parallel else 2000
    for settings in (
        {"guide": perfect_guide, "num_samples": num},
        {"posterior_samples": {"weight": dist.Normal(EXACT.mean, EXACT.sd).sample((num,))}},
    ):
        reading = Predictive(scale, parallel=parallel, **settings)(8.5)["measurement"]
        assert_average(reading, EXACT.mean)
        assert_average((reading - EXACT.mean) ** 2, EXACT.sd**2 + 0.75**2)


@pytest.mark.parametrize("parallel", [False, True])
def test_computed_sites_belong_to_their_own_draw(parallel):
    x, samples = torch.randn(5, 3), {"a": torch.randn(6), "b": torch.randn(6, 3)}
    drawn = Predictive(nested, samples, parallel=parallel)(x)
    mean = torch.einsum("rk,sk->sr", x, samples["b"])[:, None] + drawn["c"]
    torch.testing.assert_close(drawn["m"], mean)


def test_prior_predictive_draws_all_sites_and_observed_data_stays():
    prior = Predictive(scale, num_samples=3000, parallel=True)(8.5)
    assert_average((prior["measurement"] - 8.5) ** 2, 1.25**2)
    observed = Predictive(conditioned_scale, num_samples=5)(8.5)
    assert (observed["measurement"] == 9.5).all()


def test_a_trace_of_all_draws_scores_them():
    weights = torch.linspace(8.0, 10.0, 50)
    sites = Predictive(conditioned_scale, {"weight": weights}).get_vectorized_trace(8.5)
    sites.compute_log_prob()
    total = sites["weight"].log_prob + sites["measurement"].log_prob
    np.testing.assert_allclose(total, truth.scale_log_joint(weights.numpy()), atol=1e-5)


def test_nothing_carries_gradients_and_handlers_outside_hear_nothing():
    a = ppl.param("a", 9.0)
    with ppl.handlers.trace() as heard:
        guide = lambda guess: ppl.sample("weight", dist.Normal(a, 1.0))  # noqa: E731
        drawn = Predictive(scale, guide=guide, num_samples=3)(8.5)
    assert not drawn["weight"].requires_grad
    assert not heard


def test_programs_that_branch_are_run_in_turn():
    def model():
        heads = ppl.sample("heads", dist.Bernoulli(0.5))
        return ppl.sample("y", dist.Normal(5.0 if heads else -5.0, 0.1))

    drawn = Predictive(model, num_samples=40)()
    assert ((drawn["y"] > 0) == (drawn["heads"] == 1)).all()
    with pytest.raises(RuntimeError) as caught:
        Predictive(model, num_samples=40, parallel=True)()
    assert "run in turn: parallel=False" in caught.value.__notes__[0]


def test_draws_that_meet_each_other_in_parallel_are_an_error():
    def computed():
        a = ppl.sample("a", dist.Normal(0.0, 1.0))
        ppl.deterministic("b", a.sum())

    def drawn():
        a = ppl.sample("a", dist.Normal(0.0, 1.0))
        ppl.sample("b", dist.Normal(a.sum(), 1.0))

    for model in (computed, drawn):
        with pytest.raises(ShapeError, match=r"site 'b'.*draws meet each other"):
            Predictive(model, num_samples=3, parallel=True)()
        assert set(Predictive(model, num_samples=3)()) == {"a", "b"}


def test_a_plate_may_choose_other_rows_in_every_run():
    def model(x):
        slope = ppl.sample("slope", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 10, subsample_size=4) as rows:
            return ppl.sample("y", dist.Normal(slope * x[rows], 1.0))

    for parallel in (False, True):
        drawn = Predictive(model, num_samples=3, parallel=parallel)(torch.randn(10))
        assert shapes(drawn) == {"slope": (3, 1), "y": (3, 4)}


def test_results_that_are_no_tensors_come_as_a_list():
    def model():
        ppl.sample("a", dist.Normal(0.0, 1.0))
        return {"answer": 42}

    assert Predictive(model, num_samples=2, return_sites=["_RETURN"])() == {
        "_RETURN": [{"answer": 42}] * 2
    }


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: Predictive(scale), ValueError, "give posterior_samples, or num_samples"),
        (lambda: Predictive(scale, num_samples=0), ValueError, "whole number >= 1, got 0"),
        (lambda: Predictive(scale, {"weight": []}), ValueError, "whole number >= 1, got 0"),
        (
            lambda: Predictive(scale, {"weight": [9.0]}, guide=perfect_guide),
            ValueError,
            "not both",
        ),
        (lambda: Predictive(scale, {"a": [1.0], "b": [1.0, 2.0]}), ValueError, "as many draws"),
        (lambda: Predictive(scale, {"wieght": [9.0]})(8.5), ModelError, "Did you mean 'weight'"),
        (
            lambda: Predictive(scale, {"weight": [9.0]}, return_sites=["mesurement"])(8.5),
            ModelError,
            "Did you mean 'measurement'",
        ),
        (lambda: Predictive(scale, num_samples=1, return_sites="weight"), TypeError, "list"),
    ],
)
def test_mistakes_are_named(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_another_number_of_samples_is_a_warning():
    with pytest.warns(UserWarning, match="has 2 draws; num_samples=5 is ignored"):
        assert Predictive(scale, {"weight": [8.0, 9.0]}, num_samples=5).num_samples == 2


# ---- log_likelihood


@pytest.mark.parametrize("parallel", [False, True])
def test_log_likelihood_of_each_reading(parallel):
    x, y = torch.randn(5, 3), torch.randn(4, 5)
    samples = {"a": torch.randn(6), "b": torch.randn(6, 3), "c": torch.randn(6, 4, 1)}
    found = log_likelihood(nested, samples, x, y, parallel=parallel)
    mean = torch.einsum("rk,sk->sr", x, samples["b"])[:, None] + samples["c"]
    assert set(found) == {"y"}
    exact = truth.normal_log_density(y.numpy(), mean.numpy(), 1.0)
    np.testing.assert_allclose(found["y"], exact, atol=1e-5)


@pytest.mark.parametrize("parallel", [False, True])
def test_log_likelihood_leaves_out_masked_readings_and_ignores_scale(parallel):
    def model():
        weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
        seen = torch.tensor([True, False, True])
        with ppl.plate("rows", 3), ppl.handlers.mask(mask=seen), ppl.handlers.scale(scale=7.0):
            ppl.sample("reading", dist.Normal(weight, 1.0), obs=torch.tensor([9.0, 0.0, 10.0]))

    found = log_likelihood(model, {"weight": [9.0, 10.0]}, parallel=parallel)["reading"]
    top = truth.normal_log_density(0.0, 0.0, 1.0)
    np.testing.assert_allclose(found, [[top, 0, top - 0.5], [top - 0.5, 0, top]], atol=1e-5)


def test_log_likelihood_needs_data_and_every_latent_site():
    with pytest.raises(ModelError, match="lacks site measurement"):
        log_likelihood(scale, {"weight": [9.0]}, 8.5)
    with pytest.raises(ModelError, match="observes nothing"):
        log_likelihood(lambda: ppl.sample("x", dist.Normal(0.0, 1.0)), {"x": [0.0]})
    with pytest.raises(ModelError, match="lacks site weight"):
        log_likelihood(conditioned_scale, {"_RETURN": [9.0]}, 8.5)


def test_log_likelihood_of_posterior_draws_averages_to_the_expected_one():
    weights = dist.Normal(EXACT.mean, EXACT.sd).sample((5000,))
    found = log_likelihood(conditioned_scale, {"weight": weights}, 8.5, parallel=True)
    exact = truth.normal_log_density(9.5, EXACT.mean, 0.75) - EXACT.sd**2 / 0.75**2 / 2
    assert_average(found["measurement"], exact)
    assert math.isfinite(exact)
    assert not is_latent(ppl.handlers.trace(conditioned_scale).get_trace(8.5)["measurement"])
