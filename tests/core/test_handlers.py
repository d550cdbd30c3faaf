"""Trace, replay, substitute, block, scale, mask, seed, lift, infer_config, uncondition."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import ModelError, handlers
from ppl_core.distributions import constraints
from programs import conditioned_scale, scale


def learner(guess=8.5):
    """One site of each kind: a parameter, a latent and an observed one."""
    sd = ppl.param("sd", 0.75, constraint=constraints.positive)
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, sd), obs=9.5)


def names(model, *args):
    """What a trace around a model records, without input and output."""
    return [name for name in handlers.trace(model).get_trace(*args) if name[0] != "_"]


def total(model, *args):
    return handlers.trace(model).get_trace(*args).log_prob_sum()


# ---- trace


def test_trace_records_sites_in_order_with_input_and_output():
    sites = handlers.trace(learner).get_trace(8.0)
    assert list(sites.nodes) == ["_INPUT", "sd", "weight", "measurement", "_RETURN"]
    assert sites.nodes["_INPUT"]["args"] == (8.0,)
    assert sites.nodes["_INPUT"]["kwargs"] == {}
    assert sites.nodes["_RETURN"]["value"] == 9.5
    assert sites.stochastic_nodes == ["weight"]
    assert sites.observation_nodes == ["measurement"]
    assert sites.param_nodes == ["sd"]
    assert [name for name, _ in sites.iter_stochastic_nodes()] == ["weight"]


def test_log_joint_is_the_sum_of_its_sites_and_a_filter_chooses():
    sites = handlers.trace(learner).get_trace(8.5)
    weight = sites["weight"].value
    prior = dist.Normal(8.5, 1.0).log_prob(weight)
    likelihood = dist.Normal(weight, 0.75).log_prob(torch.tensor(9.5))
    assert sites.log_prob_sum().item() == pytest.approx((prior + likelihood).item(), rel=1e-6)
    assert sites.log_prob_sum(lambda name, site: site.observed).item() == pytest.approx(
        likelihood.item(), rel=1e-5
    )
    assert sites.log_prob_sum(lambda name, site: name == "weight").item() == pytest.approx(
        prior.item(), rel=1e-5
    )
    assert sites.log_prob_sum(lambda name, site: False) == 0.0


def test_compute_log_prob_lets_pyro_readers_read():
    sites = handlers.trace(learner).get_trace(8.5)
    sites.compute_log_prob()
    for name in ("weight", "measurement"):
        node = sites.nodes[name]
        assert node["log_prob"] == node["log_prob_sum"] == node["unscaled_log_prob"]
    assert "log_prob" in sites.nodes["weight"]


def test_trace_in_a_block_and_trace_of_the_newest_run():
    with handlers.trace() as sites:
        scale(8.5)
    assert list(sites) == ["weight", "measurement"]
    traced = handlers.trace(scale)
    traced(8.5)
    assert traced.trace["measurement"].value is not None
    with handlers.trace(param_only=True) as sites:
        learner()
    assert list(sites) == ["sd"]


def test_trace_copy_and_detach():
    sites = handlers.trace(learner).get_trace(torch.tensor(8.5, requires_grad=True))
    other = sites.copy()
    other.detach_()
    assert sites["weight"].value.requires_grad
    assert not other["weight"].value.requires_grad


def test_two_sites_of_one_name_error_says_how_to_number_them():
    def model():
        for _ in range(2):
            ppl.sample("x", dist.Normal(0.0, 1.0))

    with pytest.raises(ModelError) as error:
        handlers.trace(model).get_trace()
    assert all(word in str(error.value) for word in ("'x'", "x_{i}", "plate", "test_handlers.py"))


def test_site_named_like_a_parameter_error():
    def model():
        ppl.param("x", 1.0)
        ppl.sample("x", dist.Normal(0.0, 1.0))

    with pytest.raises(ModelError, match=r"'x'.*param.*[Rr]ename"):
        handlers.trace(model).get_trace()


def test_parameter_asked_for_twice_is_one_node():
    assert names(lambda: ppl.param("a", 1.0) + ppl.param("a", 2.0)) == ["a"]


# ---- replay, substitute, uncondition


def test_replay_repeats_the_draws_but_not_the_data():
    earlier = handlers.trace(scale).get_trace(8.5)
    again = handlers.trace(handlers.replay(conditioned_scale, trace=earlier)).get_trace(8.5)
    assert again["weight"].value is earlier["weight"].value
    assert again["measurement"].value == 9.5
    assert again["weight"].set_by == "replay"
    assert not again["weight"].observed


def test_replay_takes_numbers_by_name_and_parameters():
    model = handlers.replay(learner, trace={"weight": 9}, params={"sd": 2.0})
    sites = handlers.trace(model).get_trace(8.5)
    assert sites["weight"].value == 9.0
    assert sites["measurement"].log_prob.item() == pytest.approx(
        dist.Normal(9.0, 2.0).log_prob(torch.tensor(9.5)).item()
    )


def test_replay_of_data_as_draws_error():
    earlier = handlers.trace(conditioned_scale).get_trace(8.5)
    with pytest.raises(ModelError, match=r"'measurement'.*observed"):
        handlers.replay(scale, trace=earlier)(8.5)


def test_replay_draws_sites_that_the_earlier_run_had_not():
    earlier = handlers.trace(lambda: ppl.sample("weight", dist.Normal(0.0, 1.0))).get_trace()
    assert handlers.replay(scale, trace=earlier)(8.5) is not None


def test_substitute_fixes_parameters_and_draws_without_observing():
    model = handlers.substitute(learner, data={"sd": 2.0, "weight": 9.0, "measurement": 1.0})
    sites = handlers.trace(model).get_trace(8.5)
    assert sites["sd"].value == 2.0
    assert sites["weight"].value == 9.0
    assert sites["measurement"].value == 9.5
    assert sites.stochastic_nodes == ["weight"]
    assert "sd" not in ppl.get_param_store()


def test_uncondition_draws_again_and_remembers_the_data():
    sites = handlers.trace(handlers.uncondition(conditioned_scale)).get_trace(8.5)
    assert sites.stochastic_nodes == ["weight", "measurement"]
    assert sites["measurement"].value != 9.5
    assert sites["measurement"].infer["was_observed"]
    assert sites["measurement"].infer["obs"] == 9.5


def test_uncondition_leaves_factors_and_computed_values():
    def model():
        ppl.factor("f", -1.0)
        return ppl.deterministic("d", 2.0)

    sites = handlers.trace(handlers.uncondition(model)).get_trace()
    assert sites.log_prob_sum() == -1.0
    assert sites["d"].value == 2.0


# ---- block: what stays visible


@pytest.mark.parametrize(
    ("settings", "visible"),
    [
        ({}, []),
        ({"hide_all": True}, []),
        ({"expose_all": True, "hide_all": False}, ["sd", "weight", "measurement"]),
        ({"hide": ["weight"]}, ["sd", "measurement"]),
        ({"hide": []}, ["sd", "weight", "measurement"]),
        ({"hide": ["nobody"]}, ["sd", "weight", "measurement"]),
        ({"expose": ["weight"]}, ["weight"]),
        ({"expose": []}, []),
        ({"hide_types": ["param"]}, ["weight", "measurement"]),
        ({"hide_types": ["sample"]}, ["sd", "measurement"]),
        ({"hide_types": ["observe"]}, ["sd", "weight"]),
        ({"expose_types": ["sample"]}, ["weight"]),
        ({"expose_types": ["param", "observe"]}, ["sd", "measurement"]),
        ({"hide_fn": lambda site: site["name"] == "weight"}, ["sd", "measurement"]),
        ({"hide_fn": lambda site: site["is_observed"]}, ["sd", "weight"]),
        ({"expose_fn": lambda site: site["type"] == "param"}, ["sd"]),
    ],
)
def test_block_hides_what_pyro_hides(settings, visible):
    assert names(handlers.block(learner, **settings)) == visible


def test_hidden_sites_are_settled_inside():
    hidden = handlers.block(learner, hide=["weight", "sd"])
    assert handlers.condition(hidden, data={"measurement": 1.0})(8.5) == 1.0
    assert "sd" in ppl.get_param_store()
    with handlers.trace() as sites, handlers.block():
        scale(8.5)
    assert list(sites) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hide": "weight"}, "list"),
        ({"hide": ["weight"], "expose": ["weight"]}, "hidden and exposed"),
        ({"hide_fn": bool, "expose_fn": bool}, "not both"),
        ({"hide_types": ["smaple"]}, "smaple"),
    ],
)
def test_block_settings_that_contradict_error(settings, words):
    with pytest.raises((TypeError, ValueError), match=words):
        handlers.block(scale, **settings)


# ---- scale and mask


def test_scales_multiply_and_reach_every_sample_site():
    model = handlers.scale(handlers.scale(learner, scale=2.0), scale=torch.tensor(3.0))
    sites = handlers.trace(model).get_trace(8.5)
    plain = handlers.trace(handlers.replay(learner, trace=sites)).get_trace(8.5)
    assert sites.log_prob_sum().item() == pytest.approx(6 * plain.log_prob_sum().item(), rel=1e-5)


def test_scale_may_differ_by_row():
    by_row = handlers.scale(scale=torch.tensor([1.0, 10.0]))
    with handlers.trace() as sites, by_row, ppl.plate("rows", 2):
        ppl.sample("x", dist.Normal(0.0, 1.0), obs=torch.zeros(2))
    assert sites["x"].log_prob[1] == 10 * sites["x"].log_prob[0]


@pytest.mark.parametrize("factor", [0.0, -1.0, torch.tensor([1.0, 0.0])])
def test_scale_that_is_not_positive_error(factor):
    with pytest.raises(ValueError, match="positive"):
        handlers.scale(scale, scale=factor)


def test_masks_meet():
    with handlers.trace() as sites, handlers.mask(mask=torch.tensor([True, True, False])):
        with handlers.mask(mask=torch.tensor([True, False, True])), ppl.plate("rows", 3):
            ppl.sample("x", dist.Normal(0.0, 1.0), obs=torch.zeros(3))
        with handlers.mask(mask=False), ppl.plate("more", 3):
            ppl.sample("y", dist.Normal(0.0, 1.0))
        with handlers.mask(mask=True), ppl.plate("rest", 3):
            ppl.sample("z", dist.Normal(0.0, 1.0))
    assert (sites["x"].log_prob != 0).tolist() == [True, False, False]
    assert (sites["y"].log_prob != 0).tolist() == [False] * 3
    assert (sites["z"].log_prob != 0).tolist() == [True, True, False]


def test_masked_rows_may_be_missing_and_carry_no_gradient():
    data = torch.tensor([1.0, math.nan, math.inf])
    loc = torch.zeros((), requires_grad=True)

    def model():
        with ppl.plate("rows", 3), handlers.mask(mask=data.isfinite()):
            ppl.sample("x", dist.Normal(loc, 1.0), obs=data)

    log_prob = total(model)
    assert log_prob.item() == pytest.approx(-1.418938533, rel=1e-6)
    (grad,) = torch.autograd.grad(log_prob, loc)
    assert grad == 1.0


@pytest.mark.parametrize("mask", [1, 0.5, torch.ones(2), None])
def test_mask_that_is_no_truth_value_error(mask):
    with pytest.raises(ValueError, match="boolean"):
        handlers.mask(scale, mask=mask)


# ---- seed, lift, infer_config


def test_seeded_runs_repeat_and_leave_the_generator_alone():
    seeded = handlers.seed(scale, rng_seed=7)
    before = torch.get_rng_state()
    assert seeded(8.5) == seeded(8.5)
    assert torch.equal(torch.get_rng_state(), before)
    assert handlers.seed(scale, rng_seed=8)(8.5) != seeded(8.5)
    with handlers.seed(rng_seed=7):
        assert scale(8.5) == seeded(8.5)
    with pytest.raises(TypeError, match="whole number"):
        handlers.seed(scale, rng_seed="7")


def test_seed_puts_the_generator_back_after_an_error():
    @handlers.seed(rng_seed=7)
    def fails():
        torch.rand(3)
        raise ValueError("mine")

    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="mine"):
        fails()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("prior", [dist.Exponential(2.0), {"sd": dist.Exponential(2.0)}])
def test_lift_makes_random_variables_of_parameters(prior):
    sites = handlers.trace(handlers.lift(learner, prior=prior)).get_trace(8.5)
    assert sites.stochastic_nodes == ["sd", "weight"]
    assert "sd" not in ppl.get_param_store()
    assert names(handlers.lift(learner, prior={"other": dist.Exponential(2.0)})) == names(learner)


def test_infer_config_adds_wishes():
    model = handlers.infer_config(learner, config_fn=lambda site: {"wish": site["name"]})
    sites = handlers.trace(model).get_trace(8.5)
    assert [sites[name].infer["wish"] for name in ("sd", "weight")] == ["sd", "weight"]


def test_replay_keeps_wishes_of_both_runs():
    def model():
        ppl.sample("x", dist.Normal(0.0, 1.0), infer={"a": 1})

    earlier = handlers.trace(
        lambda: ppl.sample("x", dist.Normal(0.0, 1.0), infer={"b": 2})
    ).get_trace()
    again = handlers.trace(handlers.replay(model, trace=earlier)).get_trace()
    assert dict(again["x"].infer) == {"a": 1, "b": 2}


def test_trace_tells_draws_with_gradients_from_those_without():
    with handlers.trace() as sites, ppl.plate("rows", 2):
        ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.sample("k", dist.Bernoulli(0.5))
        ppl.sample("y", dist.Normal(0.0, 1.0), obs=torch.zeros(2))
    assert sites.reparameterized_nodes == ["x"]
    assert sites.nonreparam_stochastic_nodes == ["k"]
