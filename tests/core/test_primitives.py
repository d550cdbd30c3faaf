"""The statements sample, param, deterministic and factor: what they return, record and refuse."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core import ModelError, handlers


def only_site(model):
    """The one sample site of a model's run."""
    (site,) = handlers.trace(model).get_trace().samples()
    return site


# ---- sample


def test_sample_outside_any_handler_draws():
    draws = torch.stack([ppl.sample("x", dist.Normal(8.5, 0.75)) for _ in range(2000)])
    assert_average(draws, 8.5)
    assert_average((draws - 8.5) ** 2, 0.75**2)


def test_sample_takes_a_class_with_its_arguments():
    assert ppl.sample("x", dist.Delta, torch.tensor(3.0)) == 3.0
    assert ppl.sample("x", dist.Normal, 0.0, scale=1e-9).item() == pytest.approx(0.0, abs=1e-6)


def test_draws_carry_gradients_where_the_distribution_can():
    a = torch.tensor(0.5, requires_grad=True)
    assert ppl.sample("x", dist.Normal(a, 1.0)).requires_grad
    assert ppl.sample("x", dist.Gamma(a, 1.0)).requires_grad
    assert not ppl.sample("x", dist.Bernoulli(a)).requires_grad


def test_a_distribution_of_torch_itself_draws_with_gradients_too():
    a = torch.tensor(0.5, requires_grad=True)
    assert ppl.sample("x", torch.distributions.Normal(a, torch.tensor(1.0))).requires_grad
    assert ppl.sample("x", torch.distributions.Poisson(torch.tensor(2.0))) >= 0


@pytest.mark.parametrize("obs", [9.5, 9, np.float64(9.5), np.array(9.5), torch.tensor(9.5)])
def test_observed_number_array_or_tensor_is_returned_and_scored(obs):
    site = only_site(lambda: ppl.sample("x", dist.Normal(8.5, 0.75), obs=obs))
    assert site.observed
    assert site.set_by == "obs"
    assert site.value == float(obs)
    exact = -0.5 * ((float(obs) - 8.5) / 0.75) ** 2 - math.log(0.75 * math.sqrt(2 * math.pi))
    assert site.log_prob.item() == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("obs", [[1.0, 2.0], [1, 2], np.array([1, 2]), (1.0, 2.0)])
def test_observed_lists_are_rows(obs):
    site = only_site(lambda: ppl.sample("x", dist.Normal(0.0, 1.0).expand([2]), obs=obs))
    assert site.value.tolist() == [1.0, 2.0]
    assert site.log_prob.shape == (2,)


@pytest.mark.parametrize(
    ("fn", "obs", "probability"),
    [
        (dist.Bernoulli(0.3), 1, 0.3),
        (dist.Bernoulli(0.3), True, 0.3),
        (dist.Bernoulli(0.3), np.int64(0), 0.7),
        (dist.Bernoulli(0.3).expand([2]), [1, 0], 0.21),
        (dist.Bernoulli(0.3).expand([2]).to_event(1), [1, 0], 0.21),
        (dist.Bernoulli(0.3).expand([2]), torch.tensor([1, 0]), 0.21),
        (dist.Categorical([0.2, 0.8]), 1, 0.8),
        (dist.Categorical([0.2, 0.8]), 1.0, 0.8),
        (dist.Poisson(2.0), 3, math.exp(-2.0) * 8 / 6),
        (dist.Binomial(3, 0.5), 2, 3 / 8),
        (dist.Geometric(0.5), 2, 1 / 8),
        (dist.OneHotCategorical([0.2, 0.8]), [0, 1], 0.8),
        (dist.Multinomial(2, torch.tensor([0.5, 0.5])), [1, 1], 0.5),
    ],
)
def test_whole_numbers_and_truth_values_are_data_of_discrete_sites(fn, obs, probability):
    site = only_site(lambda: ppl.sample("x", fn, obs=obs))
    assert site.log_prob_sum.exp().item() == pytest.approx(probability, rel=1e-5)


def test_statement_knows_its_line():
    def model():
        ppl.sample("x", dist.Normal(0.0, 1.0))

    line = model.__code__.co_firstlineno + 1
    assert only_site(model).where == f"test_primitives.py:{line}"


def test_statement_in_a_notebook_knows_its_cell(monkeypatch):
    """IPython compiles a cell under a name of its own, and keeps the number beside it."""
    compiler = pytest.importorskip("IPython.core.compilerop").CachingCompiler()
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(compile=compiler))
    source = "import ppl_core as ppl\n\ndef model():\n    ppl.factor('f', 0.5)"
    name = compiler.cache(source, number=7)
    space = {}
    exec(compile(source, name, "exec"), space)
    assert only_site(space["model"]).where == "cell [7]:4"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (lambda: ppl.sample("x", 3.0), ["'x'", "distribution", "dist.Normal", "float"]),
        (lambda: ppl.sample(dist.Normal(0.0, 1.0), "x"), ["name", "text"]),
        (lambda: ppl.sample("x", dist.Normal), ["'x'", "Normal"]),
        (lambda: ppl.sample("x", lambda: torch.tensor(1.0)), ["'x'", "distribution"]),
    ],
)
def test_sample_of_no_distribution_or_no_name_error(statement, words):
    with pytest.raises(ModelError) as error:
        statement()
    assert all(word in str(error.value) for word in [*words, "test_primitives.py"]), error.value


@pytest.mark.parametrize(
    ("fn", "obs", "words"),
    [
        (dist.Gamma(1.0, 1.0), -1.0, ["'x'", "support", "Gamma"]),
        (dist.Normal(0.0, 1.0), math.nan, ["'x'", "support", "Normal"]),
        (dist.Bernoulli(0.5), 0.5, ["'x'", "support", "Bernoulli"]),
        (dist.Normal(torch.zeros(3), 1.0), torch.zeros(4), ["'x'", "(4,)", "(3,)"]),
        (dist.Dirichlet(torch.ones(3)), [0.5, 0.5], ["'x'", "Dirichlet"]),
    ],
)
def test_data_off_the_support_or_of_another_shape_error_names_site_and_line(fn, obs, words):
    trace = handlers.trace(lambda: ppl.sample("x", fn, obs=obs)).get_trace()
    with pytest.raises(ModelError) as error:
        trace.log_prob_sum()
    message = str(error.value).replace("torch.Size([4])", "(4,)").replace("torch.Size([3])", "(3,)")
    assert all(word in message for word in [*words, "test_primitives.py"]), message


# ---- deterministic and factor


def test_deterministic_is_recorded_and_counts_nothing():
    def model():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        return ppl.deterministic("double", 2 * x)

    sites = handlers.trace(model).get_trace()
    assert sites["double"].value == 2 * sites["x"].value == sites["_RETURN"].value
    assert sites.log_prob_sum() == sites["x"].log_prob
    assert sites["double"].fn.event_shape == ()
    assert sites.stochastic_nodes == ["x"]


@pytest.mark.parametrize(
    ("event_dim", "shapes"), [(None, ((), (2, 3))), (1, ((2,), (3,))), (0, ((2, 3), ()))]
)
def test_deterministic_splits_batch_from_event(event_dim, shapes):
    site = only_site(lambda: ppl.deterministic("d", torch.zeros(2, 3), event_dim=event_dim))
    assert (site.fn.batch_shape, site.fn.event_shape) == shapes
    assert site.log_prob.shape == shapes[0]


@pytest.mark.parametrize("value", [3, 2.5, [1.0, 2.0], np.arange(3.0)])
def test_deterministic_takes_numbers_lists_and_arrays(value):
    assert ppl.deterministic("d", value).tolist() == np.asarray(value).tolist()


@pytest.mark.parametrize("log_factor", [-1.5, 2, torch.tensor(-1.5), np.float64(-1.5)])
def test_factor_adds_its_nats(log_factor):
    site = only_site(lambda: ppl.factor("f", log_factor))
    assert site.log_prob_sum.item() == float(log_factor)
    assert site.observed


def test_factor_in_a_plate_is_added_once_a_row_and_scaled():
    def model():
        with ppl.plate("rows", 10, subsample_size=5), handlers.scale(scale=3.0):
            ppl.factor("f", torch.full((5,), -1.0))

    sites = handlers.trace(model).get_trace()
    assert sites.log_prob_sum().item() == pytest.approx(-1.0 * 5 * 2 * 3)


def test_factor_carries_its_gradient():
    a = torch.tensor(2.0, requires_grad=True)
    (grad,) = torch.autograd.grad(only_site(lambda: ppl.factor("f", a * a)).log_prob_sum, a)
    assert grad == 4.0


# ---- param as a statement


def test_param_is_a_statement_that_handlers_see():
    def model():
        return ppl.param("a", 2.0, constraint=dist.constraints.positive)

    sites = handlers.trace(model).get_trace()
    assert sites.param_nodes == ["a"]
    assert sites["a"].kind == "param"
    assert sites["a"].value.item() == pytest.approx(2.0)
    assert handlers.substitute(model, data={"a": 3.0})() == 3.0
    assert handlers.trace(handlers.block(model, hide=["a"])).get_trace().param_nodes == []
    assert sites.log_prob_sum() == 0.0
