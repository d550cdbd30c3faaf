"""What goes wrong during training says what, where and how to mend it, and ruins nothing."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import InferenceError, InferenceRun, ParamStore
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.optim import SGD, Adam, ClippedAdam
from programs import conditioned_scale, learned_guide


def abs_guide(guess):
    a, b = ppl.param("a", torch.tensor(guess)), ppl.param("b", 1.0)
    return ppl.sample("weight", dist.Normal(a, b.abs()))


def finite(values):
    return all(bool(torch.isfinite(value).all()) for value in values.values())


def blown(run, steps=500):
    """Advance until it fails; the error, with what must hold after any failure."""
    with pytest.raises(InferenceError) as caught:
        run.advance(steps)
    error = caught.value
    assert error.step == run.step == run.snapshot.step
    assert f"step {error.step + 1}" in str(error)
    assert error.cause in str(error)
    assert finite(run.snapshot.state.values)
    assert finite(run.kernel.params(run.snapshot.state))
    assert finite(dict(run.kernel.store.items()))
    return error


def run_of(guide=learned_guide, optim=None, model=conditioned_scale, **settings):
    svi = SVI(model, guide, optim or SGD({"lr": 0.01}), store=ParamStore())
    return InferenceRun(svi, 8.5, seed=7, keep_every=1, **settings)


@pytest.mark.parametrize("guide", [learned_guide, abs_guide])
@pytest.mark.parametrize("lr", [100.0, 1e30])
def test_huge_rate_stops_at_the_last_finite_step_and_names_step_site_and_cause(guide, lr):
    run = run_of(guide, SGD({"lr": lr}))
    error = blown(run)
    assert error.site in ("a", "b", "weight", "measurement")
    assert error.site in str(error)
    assert error.cause
    assert "learning rate" in str(error)


def test_after_a_blow_up_one_can_go_back_and_on():
    run = run_of()
    run.advance(60)
    run.kernel.optim = SGD({"lr": 1e6})
    blown(run)
    assert run.rewind(run.step - 50).step <= 60
    run.kernel.optim = SGD({"lr": 0.01})
    assert run.advance(50) == 50
    assert finite(run.snapshot.state.values)


@pytest.mark.parametrize("optim", [SGD({"lr": 0.01}), Adam({"lr": 0.01}), ClippedAdam()])
def test_gradient_that_is_no_number_moves_nothing(optim):
    """The loss is finite; the derivative of sqrt at 0 is not."""

    def model(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        ppl.factor("f", (weight - weight).abs().sqrt())

    run = run_of(optim=optim, model=model)
    error = blown(run)
    assert (error.step, error.site) == (0, "a")
    assert "gradient" in error.cause


def test_gradient_that_is_no_number_in_pyros_form_moves_nothing():
    def model(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        ppl.factor("f", (weight - weight).abs().sqrt())

    svi = SVI(model, learned_guide, Adam({"lr": 0.01}))
    for _ in range(2):
        with pytest.raises(InferenceError, match="gradient"):
            svi.step(8.5)
        assert {n: it.item() for n, it in ppl.get_param_store().items()} == {"a": 8.5, "b": 1.0}


def test_loss_that_is_no_number_names_the_site_of_the_model():
    calls = []

    def model(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        calls.append(1)
        sd = weight * math.nan if len(calls) > 3 else 1.0
        ppl.sample("late", dist.Normal(weight, sd, validate_args=False), obs=9.5)

    error = blown(run_of(model=model))
    assert error.site == "late"
    assert "nan" in str(error)
    assert "model" in error.cause


def test_sd_that_walks_below_zero_is_told():
    def guide(guess):
        ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), ppl.param("b", 0.05)))

    def model(guess):
        ppl.sample("weight", dist.Normal(guess, 1e-3))

    run = run_of(guide, SGD({"lr": 0.001}), model)
    with pytest.raises((InferenceError, ValueError)) as error:
        run.advance(500)
    assert "weight" in str(error.value) or "scale" in str(error.value)
    assert finite(run.snapshot.state.values)


@pytest.mark.parametrize("rate", [1.0, 1000.0])
def test_discrete_draws_blow_up_with_the_same_error(rate):
    def model(guess):
        z = ppl.sample("z", dist.Poisson(3.0))
        ppl.sample("y", dist.Normal(z, 0.01), obs=50.0)

    def guide(guess):
        ppl.sample("z", dist.Poisson(ppl.param("rate", 4.0, constraint=constraints.positive)))

    error = blown(run_of(guide, SGD({"lr": rate}), model))
    assert error.site in ("rate", "z", "y")


def test_impossible_data_are_told_on_the_first_step():
    def model(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        ppl.sample("y", dist.Uniform(0.0, 1.0), obs=2.0 + 0 * weight)

    with pytest.raises(ppl.ModelError, match=r"'y'.*support"):
        run_of(model=model)


def test_error_of_the_model_passes_unchanged_with_the_step():
    calls = []

    def model(guess):
        calls.append(1)
        if len(calls) > 5:
            raise ZeroDivisionError("mine")
        return conditioned_scale(guess)

    run = run_of(model=model)
    with pytest.raises(ZeroDivisionError, match="mine") as error:
        run.advance(10)
    assert run.step == 4
    assert any("step 5" in note for note in error.value.__notes__)
    assert not ppl.effects.is_handled()
    assert ppl.get_param_store() is not run.kernel.store
    calls.clear()
    assert run.advance(3) == 3


def test_interrupt_leaves_a_training_that_can_go_on():
    calls = []

    def model(guess):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return conditioned_scale(guess)

    svi = SVI(model, learned_guide, Adam({"lr": 0.01}))
    with pytest.raises(KeyboardInterrupt):
        svi.run(10, 8.5, progress_bar=False)
    assert ppl.validation_enabled()
    assert svi.state.step == 4
    svi.run(10, 8.5, progress_bar=False)
    assert svi.state.step == 14


def test_failed_step_is_repeated_after_the_mend():
    """An error keeps the optimiser's memory too: the next step is the one that failed."""
    svi = SVI(conditioned_scale, learned_guide, Adam({"lr": 0.02}))
    svi.step(8.5)
    before = svi.state
    with pytest.raises(InferenceError):
        svi.step(torch.tensor(math.inf))
    after = svi.state
    assert after.values == before.values
    assert repr(after.optim) == repr(before.optim)
    assert after.step == before.step


def test_moments_that_overflow_are_told():
    """A gradient of 1e25 is finite, its square is not: Adam would never move again."""

    def huge(model, guide, guess):
        guide(guess)
        return (ppl.param("a") * 1e25).sum() * 1e-20 * 1e20

    svi = SVI(conditioned_scale, learned_guide, Adam({"lr": 0.01}), loss=huge)
    with pytest.raises(InferenceError, match="'a'"):
        svi.step(8.5)
