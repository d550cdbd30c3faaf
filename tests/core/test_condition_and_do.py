"""Looking and touching: condition and do alone, nested, mixed, misspelt, and in a draught."""

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core import ModelError, condition, do, handlers
from programs import conditioned_scale, scale


def sites_of(model, *args):
    return handlers.trace(model).get_trace(*args)


# ---- condition


@pytest.mark.parametrize(
    "value", [9.5, np.float32(9.5), np.array(9.5), torch.tensor(9.5), np.float64(9.5)]
)
def test_condition_takes_numbers_arrays_and_tensors(value):
    sites = sites_of(condition(scale, data={"measurement": value}), 8.5)
    assert sites["_RETURN"].value == 9.5
    assert isinstance(sites["measurement"].value, torch.Tensor)
    assert sites["measurement"].observed
    assert sites["measurement"].set_by == "condition"
    assert sites.stochastic_nodes == ["weight"]


def test_condition_on_whole_numbers_and_lists_fits_the_site():
    assert condition(scale, data={"measurement": 9})(8.5).dtype is torch.float32
    coin = condition(lambda: ppl.sample("x", dist.Bernoulli(0.3)), data={"x": 1})
    assert sites_of(coin).log_prob_sum().exp().item() == pytest.approx(0.3)
    rows = condition(lambda: ppl.sample("x", dist.Normal(torch.zeros(2), 1.0)), {"x": [1, 2]})
    assert rows().tolist() == [1.0, 2.0]


def test_condition_nests_and_the_inner_value_reaches_the_program():
    both = condition(conditioned_scale, data={"weight": 9.0})
    assert sites_of(both, 8.5).observation_nodes == ["weight", "measurement"]
    exact = dist.Normal(8.5, 1.0).log_prob(torch.tensor(9.0)) + dist.Normal(9.0, 0.75).log_prob(
        torch.tensor(9.5)
    )
    assert sites_of(both, 8.5).log_prob_sum().item() == pytest.approx(exact.item(), rel=1e-6)


def test_condition_on_a_conditioned_model_takes_its_place():
    assert condition(conditioned_scale, data={"measurement": 1.0})(8.5) == 1.0

    def with_obs(guess):
        return ppl.sample("x", dist.Normal(guess, 1.0), obs=3.0)

    assert condition(with_obs, data={"x": 4.0})(8.5) == 4.0


def test_condition_on_a_trace_fixes_every_site_of_it():
    earlier = sites_of(scale, 8.5)
    sites = sites_of(condition(scale, data=earlier), 8.5)
    assert sites.observation_nodes == ["weight", "measurement"]
    assert sites["weight"].value is earlier["weight"].value


def test_condition_leaves_the_model_it_was_given_alone():
    condition(scale, data={"measurement": 9.5})(8.5)
    assert sites_of(scale, 8.5).observation_nodes == []


def test_condition_is_deferred_as_a_function_of_the_data():
    def deferred(measurement, *args):
        return condition(scale, data={"measurement": measurement})(*args)

    assert deferred(9.5, 8.5) == 9.5
    assert deferred(1.5, 8.5) == 1.5


@pytest.mark.parametrize("handler", [condition, do])
def test_misspelt_site_error_names_the_nearest_and_lists_all(handler):
    model = handler(scale, data={"measurment": 9.5})
    with pytest.raises(ModelError) as error:
        model(8.5)
    message = str(error.value)
    for word in ("'measurment'", "Did you mean 'measurement'?", "weight, measurement", "strict"):
        assert word in message
    assert message.startswith(handler.__name__)


@pytest.mark.parametrize("handler", [condition, do])
def test_unknown_site_may_be_allowed(handler):
    value = handler(scale, data={"measurment": 9.5}, strict=False)(8.5)
    assert value != 9.5


@pytest.mark.parametrize("handler", [condition, do])
def test_a_parameter_cannot_be_conditioned_on(handler):
    def model():
        ppl.param("b", 1.0)
        ppl.sample("x", dist.Normal(0.0, 1.0))

    with pytest.raises(ModelError, match="'b'"):
        handler(model, data={"b": 1.0})()


@pytest.mark.parametrize("handler", [condition, do])
@pytest.mark.parametrize("data", [9.5, ["measurement"], None])
def test_data_that_is_no_mapping_error(handler, data):
    with pytest.raises(TypeError, match="maps site names to values"):
        handler(scale, data=data)


@pytest.mark.parametrize("handler", [condition, do])
def test_value_that_is_no_number_error_names_the_site(handler):
    with pytest.raises((ModelError, TypeError), match="measurement"):
        handler(scale, data={"measurement": "abc"})(8.5)


def test_condition_off_the_support_error_names_the_site():
    model = condition(lambda: ppl.sample("rate", dist.Gamma(1.0, 1.0)), data={"rate": -1.0})
    with pytest.raises(ModelError, match=r"'rate'.*support"):
        sites_of(model).log_prob_sum()


# ---- do


def test_intervention_is_seen_downstream_and_the_site_stays_as_it_was():
    sites = sites_of(do(scale, data={"weight": 0.0}), 8.5)
    assert abs(sites["measurement"].value) < 5
    assert sites["measurement"].fn.loc == 0.0
    assert sites["weight"].value > 4
    assert sites["weight"].fn.loc == 8.5
    assert not sites["weight"].observed
    assert sites.stochastic_nodes == ["weight", "measurement"]


def test_gluing_the_needle_says_nothing_about_the_object():
    model = do(scale, data={"measurement": 9.5})
    assert model(8.5) == 9.5
    weights = torch.stack([sites_of(model, 8.5)["weight"].value for _ in range(1500)])
    assert_average(weights, 8.5)
    assert_average((weights - 8.5) ** 2, 1.0)


@pytest.mark.parametrize(
    "model",
    [
        condition(do(scale, data={"weight": 0.0}), data={"measurement": 9.5}),
        do(conditioned_scale, data={"weight": 0.0}),
    ],
)
def test_do_and_condition_on_two_sites_in_either_order(model):
    sites = sites_of(model, 8.5)
    likelihood = sites.log_prob_sum(lambda name, site: site.observed).item()
    assert likelihood == pytest.approx(dist.Normal(0.0, 0.75).log_prob(torch.tensor(9.5)).item())
    assert sites.stochastic_nodes == ["weight"]


@pytest.mark.parametrize(
    "model",
    [
        condition(do(scale, data={"weight": 0.0}), data={"weight": 9.0}),
        do(condition(scale, data={"weight": 9.0}), data={"weight": 0.0}),
    ],
)
def test_do_and_condition_on_one_site_in_either_order(model):
    """The data stay the site's own; what follows sees the intervention."""
    sites = sites_of(model, 8.5)
    assert sites["weight"].value == 9.0
    assert sites["weight"].observed
    assert sites["weight"].log_prob.item() == pytest.approx(
        dist.Normal(8.5, 1.0).log_prob(torch.tensor(9.0)).item()
    )
    assert sites["measurement"].fn.loc == 0.0


def test_inner_intervention_wins():
    model = do(do(scale, data={"weight": 0.0}), data={"weight": 100.0})
    assert sites_of(model, 8.5)["measurement"].fn.loc == 0.0


def test_replay_gives_the_site_its_own_value_not_the_intervention():
    earlier = sites_of(do(scale, data={"weight": 0.0}), 8.5)
    again = sites_of(handlers.replay(do(scale, data={"weight": 0.0}), trace=earlier), 8.5)
    assert again["weight"].value is earlier["weight"].value
    assert again["measurement"].fn.loc == 0.0


def test_do_in_a_plate_reaches_every_row():
    def model():
        with ppl.plate("rows", 3):
            x = ppl.sample("x", dist.Normal(0.0, 1.0))
            return ppl.sample("y", dist.Normal(x, 1e-6))

    assert do(model, data={"x": [1.0, 2.0, 3.0]})().tolist() == pytest.approx([1, 2, 3], abs=1e-3)
    assert do(model, data={"x": 5.0})().tolist() == pytest.approx([5, 5, 5], abs=1e-3)


# ---- a draught that moves both the weight and the reading: seeing is not setting


def draught(runs):
    with ppl.plate("runs", runs):
        air = ppl.sample("air", dist.Normal(0.0, 1.0))
        weight = ppl.sample("weight", dist.Normal(8.5 + air, 1.0))
        return ppl.sample("reading", dist.Normal(weight + air, 0.75))


def test_seeing_a_weight_of_10_foretells_a_reading_of_10_75():
    """Given weight 10: air ~ N(.75, sqrt .5), so the reading is N(10.75, sqrt(.5 + .75^2))."""
    runs = 40_000
    sites = sites_of(condition(draught, data={"weight": torch.full((runs,), 10.0)}), runs)
    share = (sites["weight"].log_prob - sites["weight"].log_prob.logsumexp(0)).exp() * runs
    reading = sites["reading"].value
    assert_average(share * (reading - 10.75), 0.0)
    assert_average(share * ((reading - 10.75) ** 2 - (0.5 + 0.75**2)), 0.0)


def test_setting_a_weight_of_10_foretells_a_reading_of_10():
    """Nothing is learned about the air: the reading is N(10, sqrt(1 + .75^2)) = N(10, 1.25)."""
    reading = do(draught, data={"weight": 10.0})(40_000)
    assert_average(reading, 10.0)
    assert_average((reading - 10.0) ** 2, 1.25**2)
