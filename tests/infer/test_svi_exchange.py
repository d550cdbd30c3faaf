"""SVI: optimiser, loss and store may change between steps; what cannot stand there is told."""

import threading

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from ppl_core import InferenceRun, ParamStore
from ppl_core.distributions import constraints
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.optim import SGD, Adam, ClippedAdam
from programs import conditioned_scale, learned_guide, perfect_guide

MOMENTUM = {"lr": 0.01, "momentum": 0.5}


def training(optim=None, guide=learned_guide, **settings):
    return SVI(conditioned_scale, guide, optim or SGD(MOMENTUM), **settings)


def watched(run, steps):
    """Loss and unconstrained values after each of some steps of a run."""
    seen = []

    def note(snapshot):
        values = {name: value.tolist() for name, value in snapshot.state.values.items()}
        seen.append((snapshot.info.loss, values))

    run.advance(steps, watch=note)
    return seen


# ---- what may be exchanged


@pytest.mark.parametrize("first", [SGD(MOMENTUM), Adam({"lr": 0.02}), ClippedAdam({"lr": 0.02})])
@pytest.mark.parametrize("second", [SGD(MOMENTUM), Adam({"lr": 0.02}), ClippedAdam({"lr": 0.02})])
def test_optimiser_may_be_replaced_between_steps(first, second):
    svi = training(first, store=ParamStore())
    run = InferenceRun(svi, 8.5, seed=7)
    run.advance(5)
    svi.optim = second
    run.advance(5)
    svi.step(8.5)
    assert run.step == 10


def test_same_rule_with_the_same_settings_goes_on_as_if_nothing_happened():
    whole = watched(InferenceRun(training(Adam({"lr": 0.02}), store=ParamStore()), 8.5, seed=7), 20)
    svi = training(Adam({"lr": 0.02}), store=ParamStore())
    run = InferenceRun(svi, 8.5, seed=7)
    seen = watched(run, 10)
    svi.optim = Adam({"lr": 0.02})
    assert seen + watched(run, 10) == whole


def test_loss_may_be_replaced_between_steps():
    svi = training(guide=perfect_guide)
    calls = []

    def loss(model, guide, *args):
        calls.append(args)
        return Trace_ELBO().differentiable_loss(model, guide, *args)

    svi.step(8.5)
    svi.loss = loss
    svi.step(8.5)
    assert calls == [(8.5,)]


def test_loss_may_be_any_function_of_the_pair():
    def squares(model, guide, guess):
        guide(guess)
        return (ppl.param("a") - 3.0) ** 2

    svi = SVI(conditioned_scale, learned_guide, SGD({"lr": 0.1}), loss=squares)
    for _ in range(100):
        svi.step(8.5)
    assert ppl.param("a").item() == pytest.approx(3.0, abs=1e-4)


def test_cleared_store_starts_the_training_afresh():
    def trained(svi):
        torch.manual_seed(1)
        return [svi.step(8.5) for _ in range(10)]

    svi = training(Adam({"lr": 0.02}))
    first = trained(svi)
    ppl.clear_param_store()
    assert trained(svi) == first


# ---- stores


def test_own_store_is_used_and_no_other():
    store = ParamStore()
    svi = training(store=store)
    svi.step(8.5)
    assert store.keys() == ["a", "b"]
    assert ppl.get_param_store().keys() == []
    assert svi.store is store


def test_current_store_is_the_one_at_the_call():
    svi = training()
    with ParamStore() as store:
        svi.step(8.5)
    assert store.keys() == ["a", "b"]
    assert ppl.get_param_store().keys() == []


def test_second_training_goes_on_from_what_the_store_holds():
    ppl.param("a", 9.14)
    training(SGD({"lr": 0.0})).step(8.5)
    assert ppl.param("a").item() == pytest.approx(9.14)


def test_two_trainings_share_one_store():
    def other_guide(guess):
        b = ppl.param("b", 1.0, constraint=constraints.positive)
        return ppl.sample("weight", dist.Normal(ppl.param("c", 7.0), b))

    one, two = training(Adam({"lr": 0.05})), training(Adam({"lr": 0.05}), other_guide)
    for _ in range(300):
        one.step(8.5)
        two.step(8.5)
    assert set(ppl.get_param_store()) == {"a", "b", "c"}
    assert ppl.param("a").item() == pytest.approx(9.14, abs=0.5)
    assert ppl.param("c").item() == pytest.approx(9.14, abs=0.5)


def test_interleaved_runs_on_one_store_keep_off_each_others_parameters():
    def other_guide(guess):
        return ppl.sample("weight", dist.Normal(ppl.param("c", 7.0), 1.0))

    store = ParamStore()
    one, two = training(store=store), training(guide=other_guide, store=store)
    a, b = InferenceRun(one, 8.5, seed=7), InferenceRun(two, 8.5, seed=8)
    for _ in range(5):
        a.advance(10)
        b.advance(10)
        assert store["a"].item() == one.params(a.snapshot.state)["a"].item()
        assert store["c"].item() == two.params(b.snapshot.state)["c"].item()
    assert set(a.snapshot.state.values) == {"a", "b"}
    assert set(b.snapshot.state.values) == {"c"}


def test_parameters_of_others_in_the_store_stay():
    ppl.param("mine", 3.0)
    training().step(8.5)
    assert ppl.param("mine") == 3.0


def test_two_threads_train_on_two_stores():
    ends = {}

    def work(guess):
        store = ParamStore()
        svi = training(Adam({"lr": 0.05}), store=store)
        for _ in range(300):
            svi.step(guess)
        ends[guess] = store["a"].item()

    threads = [threading.Thread(target=work, args=(guess,)) for guess in (8.5, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends[8.5] == pytest.approx(truth.weigh(8.5).mean, abs=0.5)
    assert ends[2.0] == pytest.approx(truth.weigh(2.0).mean, abs=0.5)


# ---- errors of construction


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": Trace_ELBO}, ["loss", "Trace_ELBO", "Trace_ELBO()"]),
        ({"optim": torch.optim.Adam([torch.zeros(1)])}, ["torch", 'ppl_core.optim.Adam({"lr"']),
        ({"optim": torch.optim.Adam}, ["Adam", '{"lr"']),
        ({"optim": Adam}, ["optim", "Adam", '{"lr"']),
        ({"optim": {"lr": 0.1}}, ["optim", "Adam("]),
        ({"optim": 0.1}, ["optim", "Adam("]),
        ({"loss": 3.0}, ["loss", "3.0"]),
        ({"model": None}, ["model", "None"]),
        ({"guide": 3}, ["guide", "3"]),
    ],
)
def test_something_else_in_place_of_an_argument_error(settings, words):
    given = {"model": conditioned_scale, "guide": learned_guide, "optim": Adam(), **settings}
    with pytest.raises(TypeError) as error:
        SVI(**given)
    assert all(word in str(error.value) for word in words), error.value


def test_loss_function_that_returns_no_tensor_error():
    svi = training(loss=lambda model, guide, *args: 1.0)
    with pytest.raises((TypeError, ppl.PPLError), match=r"tensor.*1\.0"):
        svi.step(8.5)


def test_cleared_store_in_the_middle_of_a_pure_run_error_or_fresh_start():
    svi = training()
    state = svi.init(8.5)
    ppl.clear_param_store()
    with pytest.raises(ppl.ParamError, match="'a'"):
        svi.update(state, 8.5)
