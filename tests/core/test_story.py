"""What handlers do to a statement, one after the other."""

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import handlers
from ppl_core.errors import ModelError
from ppl_core.inspect import story


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


def steps(model, site):
    return [(each.who, each.outward, each.back) for each in story(model, site, 8.5)]


def test_a_condition_sets_the_value_on_the_way_out():
    model = ppl.condition(scale, data={"measurement": 9.5})
    [condition, settled] = steps(model, "measurement")
    assert condition[0] == "condition"
    assert condition[1] == {"value": "9.5", "observed": "True", "set_by": "condition"}
    assert settled == ("settled", {}, {})


def test_handlers_stand_from_the_innermost_outward():
    model = handlers.scale(ppl.condition(scale, data={"measurement": 9.5}), scale=2.0)
    assert [who for who, *_ in steps(model, "weight")] == ["condition", "scale", "settled"]
    told = {who: (out, back) for who, out, back in steps(model, "weight")}
    assert told["condition"] == ({}, {})
    assert told["scale"][0] == {"scale": "2.0"}
    assert "value" in told["settled"][1]  # drawn at the end of the way


def test_what_is_hidden_is_answered_and_goes_no_further():
    model = handlers.scale(handlers.block(scale, hide=["weight"]), scale=2.0)
    [block] = story(model, "weight", 8.5)
    assert (block.who, block.answered) == ("block", True)
    assert "answers by itself" in str(story(model, "weight", 8.5))


def test_an_intervention_leaves_the_draw_alone():
    [do, settled] = steps(ppl.do(scale, data={"weight": 10.0}), "weight")
    assert do[1] == {"intervened": "10"}
    assert settled[0] == "settled"


def test_replay_puts_the_value_of_the_guide():
    model = handlers.replay(scale, trace={"weight": torch.tensor(9.0)})
    [replay, _] = steps(model, "weight")
    assert replay[1]["value"] == "9"
    assert replay[1]["set_by"] == "replay"


def test_the_run_is_what_it_would_have_been():
    model = ppl.condition(scale, data={"weight": 9.0})
    before = torch.get_rng_state()
    story(model, "measurement", 8.5)
    assert torch.equal(before, torch.get_rng_state())


def test_no_such_statement_error():
    with pytest.raises(ModelError, match=r"Did you mean 'weight'.*weight, measurement"):
        story(scale, "wieght", 8.5)
