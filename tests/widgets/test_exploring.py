"""`explore` without its widgets: a session as a reader drives it."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from ppl_core.infer import reference
from ppl_widgets.exploring import Exploration
from ppl_widgets.exploring.words import moments
from ppl_widgets.scenarios import ControlError

METHODS = ("SVI", "importance", "rejection", "independent MH", "SMC", "HMC", "NUTS")


def scale(guess, prior_sd=1.0):
    weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


def guide(guess, prior_sd=1.0):
    a, b = ppl.param("a", guess), ppl.param("b", 1.0, constraint=dist.constraints.positive)
    ppl.sample("weight", dist.Normal(a, b))


model = ppl.condition(scale, data={"measurement": 9.5})


def told(**settings):
    return Exploration(model, guide, (8.5,), **settings)


def test_it_opens_idle_with_the_truth_still_to_come():
    one = told()
    assert (one.status, one.step, one.error) == ("idle", 0, None)
    assert one.beside.truth.found is None
    assert 0.0 < one.due() < 0.1
    one.settle()
    exact, known = truth.weigh(), one.beside.truth
    place = known.marginal(one.coordinate)
    assert (place.mean, place.sd) == pytest.approx((exact.mean, exact.sd))
    assert known.floor == pytest.approx(-exact.log_evidence)
    assert known.label == "closed form"
    assert one.due() == math.inf


def test_a_slice_is_short_and_the_truth_comes_in_slices():
    one = told()
    one.advance(0.0)  # not yet: the hand may still move
    assert one.beside.truth.found is None
    slices = 0
    while one.due() < math.inf:
        one.advance(12.0)
        slices += 1
    assert slices > 3
    assert one.beside.truth.found is not None


@pytest.mark.parametrize("method", METHODS)
def test_every_method_aims_at_the_same_posterior(method):
    one = told(inference=method)
    one.run(2500)
    seen, sd = moments(one)
    exact = truth.weigh()
    assert abs(seen - exact.mean) < 0.15, (method, seen)  # seeded; 5 standard errors of 400 draws
    assert abs(sd - exact.sd) < 0.15
    assert one.summary().startswith(("Done", "Paused"))


def test_the_guide_proposes_as_it_was_trained():
    one = told()
    one.run(2000)
    one.set("inference", "importance")
    one.run(500)
    prior = 1.0 / float(one.posterior[1] @ one.posterior[1])
    one.set("proposal", "guide")
    one.run(500)
    learned = 1.0 / float(one.posterior[1] @ one.posterior[1])
    assert prior < 0.75 * 500 < 0.9 * 500 < learned


def test_a_moved_input_leaves_a_mark_and_training_goes_on():
    one = told()
    one.run(50)
    assert one.set("measurement", 10.0)
    assert one.step == 50
    assert [mark.label for mark in one.marks] == ["measurement 10"]
    one.settle()
    exact = truth.weigh(measurement=10.0)
    assert one.beside.truth.marginal(one.coordinate).mean == pytest.approx(exact.mean)
    one.set("lr", 0.05)
    one.run(3000)
    assert moments(one)[0] == pytest.approx(exact.mean, abs=0.25)


def test_a_moved_input_starts_draws_over_with_the_same_noise():
    one, twin = told(inference="importance"), told(inference="importance")
    one.run(100)
    one.set("guess", 9.0)
    assert one.step == 0
    one.set("guess", 8.5)
    one.run(100)
    twin.run(100)
    assert np.array_equal(one.posterior[0]["weight"], twin.posterior[0]["weight"])


def test_blocks_are_the_steps_one_by_one():
    """A compiled block of steps ends where single steps end."""
    one, other = told(lr=0.01), told(lr=0.01)
    one.run(1500)
    for _ in range(30):
        other.run(50)
    assert one.work.compiled
    assert not other.work.compiled
    for name, value in one.work.params.items():
        assert torch.allclose(value, other.work.params[name], atol=1e-4)


def test_going_back_and_on_repeats_the_run():
    one = told()
    one.run(80)
    after = {name: value.clone() for name, value in one.work.params.items()}
    one.back(30)
    assert one.step == 50
    one.run(30)
    assert all(torch.equal(value, after[name]) for name, value in one.work.params.items())
    one.set("inference", "NUTS")
    one.run(40)
    one.back(30)
    assert one.step == 10
    assert len(one.posterior[0]["weight"]) == 10


def test_noise_is_new_or_the_same():
    one = told(inference="independent MH")
    one.run(50)
    first = one.posterior[0]["weight"].copy()
    one.reset("same")
    one.run(50)
    assert np.array_equal(first, one.posterior[0]["weight"])
    one.reset("new")
    one.run(50)
    assert one.seed == 102
    assert not np.array_equal(first, one.posterior[0]["weight"])


def test_rows_that_a_step_leaves_out_have_posteriors_too():
    """Theta ~ N(0, 1), y ~ N(theta, 0.5): the posterior of each row is N(0.8 y, sqrt(0.2))."""
    y = torch.tensor([1.0, -1.0, 2.0, 0.0, -2.0, 0.5])

    def rows(y):
        with ppl.plate("rows", 6, subsample_size=2) as chosen:
            theta = ppl.sample("theta", dist.Normal(0.0, 1.0))
            ppl.sample("y", dist.Normal(theta, 0.5), obs=y[chosen])

    one = Exploration(rows, given=(y,), lr=0.05)
    assert [c.name for c in one.sites.coordinates] == [f"theta[{k}]" for k in range(6)]
    one.run(3000)
    one.settle()
    assert one.beside.truth.label == "closed form"
    for k in range(6):
        one.set("site", f"theta[{k}]")
        known = one.beside.truth.marginal(one.coordinate)
        assert (known.mean, known.sd) == pytest.approx((0.8 * y[k].item(), 0.2**0.5), rel=1e-5)
        assert moments(one)[0] == pytest.approx(known.mean, abs=0.2)  # half an sd: Adam wanders
    one.set("inference", "importance")
    one.set("proposal", "guide")
    one.run(300)
    assert one.error is None


def test_a_prior_that_cannot_be_drawn_from_is_not_shown_and_no_obstacle():
    flat = dist.ImproperUniform(dist.constraints.real, (), ())

    def flatly(reading):
        x = ppl.sample("x", flat)
        ppl.sample("reading", dist.Normal(x, 0.75), obs=reading)

    one = Exploration(flatly, given=(9.5,))
    one.run(2000)
    one.settle()
    assert one.beside.prior == {}
    known = one.beside.truth.marginal(one.coordinate)
    assert (known.mean, known.sd) == pytest.approx((9.5, 0.75), abs=1e-4)
    assert moments(one)[0] == pytest.approx(9.5, abs=0.3)  # Adam wanders by less than half an sd
    one.set("inference", "NUTS")
    assert one.run(20) == 20 + 200
    one.set("inference", "importance")
    one.run(20)
    assert "ImproperUniform" in one.error


def test_a_truth_may_be_given_or_declined():
    asked = []

    def known(program, *args):
        asked.append(args)
        return reference(program, *args)

    one = Exploration(model, None, (8.5,), truth=known)
    one.settle()
    assert asked == [(9.5, 8.5, 1.0)]
    assert one.beside.truth.label == "closed form"
    one = Exploration(model, None, (8.5,), truth=None)
    one.settle()
    assert one.beside.truth.found is None
    assert "No truth was asked for." in one.summary()


def test_another_program_keeps_seed_and_controls():
    one = told(inference="importance", seed=7)
    one.set("measurement", 9.0)
    one.run(20)

    def wider(guess, prior_sd=1.0):
        weight = ppl.sample("weight", dist.Normal(guess, 2 * prior_sd))
        return ppl.sample("measurement", dist.Normal(weight, 0.75))

    one.bind(ppl.condition(wider, data={"measurement": 9.5}), guide)
    assert (one.seed, one.method, one.controls["measurement"]) == (7, "importance", 9.0)
    assert (one.status, one.step) == ("idle", 0)
    one.settle()
    exact = truth.weigh(measurement=9.0, prior_sd=2.0)
    assert one.beside.truth.marginal(one.coordinate).mean == pytest.approx(exact.mean)


def test_other_sites_are_other_controls():
    def many(n):
        with ppl.plate("all", n):
            ppl.sample("x", dist.Normal(0.0, 1.0))

    one = Exploration(many, given=((1, 5),), truth=None)
    version = one.rows_version
    one.set("n", 4)
    assert one.rows_version > version
    assert [c.name for c in one.sites.coordinates] == ["x[0]", "x[1]", "x[2]", "x[3]"]
    with pytest.raises(ControlError):
        one.set("site", "x[4]")


def test_a_step_that_fails_keeps_the_run_and_can_go_on():
    calls = []

    def shaky(guess):
        calls.append(1)
        if len(calls) == 60:
            raise RuntimeError("the sixtieth call")
        ppl.sample("weight", dist.Normal(guess, 1.0))

    one = Exploration(shaky, given=(8.5,), truth=None)
    while one.status != "failed":
        one.run(10)
    assert "the sixtieth call" in one.error
    step = one.step
    one.play()
    one.advance(5.0)
    assert one.error is None
    assert one.step > step
