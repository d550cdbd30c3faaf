"""Many runs at once are the runs that `svi.run` takes one by one."""

import itertools
import math
import shutil
from types import SimpleNamespace

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import ParamStore
from ppl_core.compiled import NotCompiled, engine
from ppl_core.infer import SVI, each, many, together
from ppl_core.optim import SGD, Adam, ClippedAdam, RMSprop
from programs import conditioned_scale, learned_guide

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)
SEEDS = (3, 5, 11)


@pytest.fixture(params=["floats", pytest.param("c", marks=needs_cc)])
def backend(request, monkeypatch):
    """Let only one engine be chosen."""
    monkeypatch.setattr(engine, "_entries", {})
    if request.param == "floats":
        monkeypatch.setattr(engine, "PAYS", math.inf)
        monkeypatch.setattr(engine, "is_built", lambda text: False)
    else:
        monkeypatch.setattr(engine, "PAYS", 0.0)
    return request.param


def training(optim, model=conditioned_scale, guide=learned_guide):
    return SVI(model, guide, optim, store=ParamStore())


def compare(svi, runs, args_of, steps, every=0, fresh=True, tolerance=1e-5):
    """Each of the runs against one of its own, taken by eager steps."""
    start = svi.state
    for i, seed in enumerate(runs.seeds):
        if fresh:
            alone = training(svi.optim, svi.model, svi.guide)
        else:
            alone = svi
            svi.state = start
        torch.manual_seed(seed)
        theirs = alone.run(steps, *args_of(i), compile="never", every=every, progress_bar=False)
        close = {"rtol": tolerance, "atol": tolerance}
        torch.testing.assert_close(runs.losses[i], theirs.losses, **close)
        assert runs.params.keys() == theirs.params.keys()
        for name, value in theirs.params.items():
            torch.testing.assert_close(runs.params[name][i], value, **close)
        for name, value in theirs.path.items():
            torch.testing.assert_close(runs.path[name][i], value, **close)


def test_seeds_are_the_runs_of_these_seeds(backend):
    svi, before = training(Adam({"lr": 0.02})), torch.get_rng_state()
    runs = svi.run_many(230, 8.5, seeds=SEEDS, every=20, progress_bar=False)
    assert svi.compiled.backend == backend
    assert (runs.losses.shape, runs.path["a"].shape) == ((3, 230), (3, 11))
    assert runs.steps.tolist() == [230] * 3
    assert torch.equal(torch.get_rng_state(), before)
    assert (len(svi.store), svi.state.step) == (0, 0)
    compare(svi, runs, lambda i: (8.5,), 230, every=20)


@needs_cc
def test_in_c_they_are_so_bit_for_bit():
    svi = training(Adam({"lr": 0.02}))
    runs = svi.run_many(300, 8.5, seeds=SEEDS, compile="require", progress_bar=False)
    torch.manual_seed(SEEDS[1])
    alone = svi.run(300, 8.5, compile="require", progress_bar=False)
    assert torch.equal(runs.losses[1, 1:], alone.losses[1:])
    assert torch.equal(runs.params["a"][1], alone.params["a"])


def born_from_the_guess(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", lambda: torch.ones(()), constraint=dist.constraints.positive)
    ppl.sample("weight", dist.Normal(a, b))


@pytest.mark.parametrize(
    "optim",
    [
        SGD({"lr": 0.01, "momentum": 0.5}),
        SGD({"lr": 0.01, "momentum": 0.5, "dampening": 0.1}),
        ClippedAdam({"lr": 0.02, "lrd": 0.99}),
        RMSprop({"lr": 0.01, "momentum": 0.5}),
    ],
    ids=lambda optim: type(optim).__name__,
)
def test_settings_side_by_side_share_a_seed(optim, monkeypatch):
    monkeypatch.setattr(engine, "PAYS", math.inf)
    svi, guesses = training(optim, guide=born_from_the_guess), [7.0, 8.5, 9.0]
    runs = svi.run_many(120, each(guesses), seeds=4, progress_bar=False)
    assert svi.compiled.backend == "floats"
    assert runs.seeds == (4, 4, 4)
    compare(svi, runs, lambda i: (guesses[i],), 120)


def regression(x, y):
    slope = ppl.sample("slope", dist.Normal(0.0, 1.0))
    with ppl.plate("rows", len(x), subsample_size=3) as rows:
        ppl.sample("y", dist.Normal(slope * x[rows], 0.5), obs=y[rows])


def drawn_guide(x, y):
    loc = ppl.param("loc", lambda: 0.1 * torch.randn(()))
    ppl.sample("slope", dist.Normal(loc, ppl.param("sd", 0.5, dist.constraints.positive)))


def test_other_data_and_first_values_that_are_drawn(backend):
    svi = training(Adam({"lr": 0.02}), regression, drawn_guide)
    x = torch.linspace(-1.0, 1.0, 8)
    ys = torch.stack([slope * x for slope in (0.5, 1.0, -2.0)])
    runs = svi.run_many(130, x, each(ys), seeds=SEEDS, every=1, progress_bar=False)
    assert svi.compiled.backend == backend
    compare(svi, runs, lambda i: (x, ys[i]), 130, every=1)


@needs_cc
def test_small_groups_call_the_compiler_once_all_together_were_worth_it(monkeypatch):
    """As repeated runs do: what groups spend without a compiler counts towards it."""
    monkeypatch.setattr(engine, "_entries", {})
    monkeypatch.setattr(engine, "is_built", lambda text: False)
    monkeypatch.setattr(engine, "PAYS", 5.0)
    clock = itertools.count()  # of whole seconds; every look at it takes one
    monkeypatch.setattr(together, "time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    backends = []
    for _ in range(4):
        svi = training(Adam({"lr": 0.02}))
        svi.run_many(100, 8.5, seeds=SEEDS[:2], progress_bar=False)
        backends.append(svi.compiled.backend)
    assert backends == ["floats", "floats", "c", "c"]


@needs_cc
def test_a_group_that_is_slower_than_thought_gets_the_compiler_on_its_way(monkeypatch):
    monkeypatch.setattr(engine, "_entries", {})
    monkeypatch.setattr(engine, "is_built", lambda text: False)
    monkeypatch.setattr(engine, "PAYS", 1.5)
    clock = itertools.count()
    monkeypatch.setattr(together, "time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    taken, many_steps = [], engine.Engine.many

    def noted(self, *rest):
        taken.append(self.name)
        many_steps(self, *rest)

    monkeypatch.setattr(engine.Engine, "many", noted)
    svi = training(Adam({"lr": 0.02}))
    runs = svi.run_many(100, 8.5, seeds=SEEDS, progress_bar=False)
    assert (taken[0], taken[-1], svi.compiled.backend) == ("floats", "c", "c")
    compare(svi, runs, lambda i: (8.5,), 100)


def test_they_go_on_from_where_the_training_is():
    svi = training(Adam({"lr": 0.02}))
    torch.manual_seed(1)
    svi.run(60, 8.5, progress_bar=False)
    runs = svi.run_many(120, 8.5, seeds=SEEDS, progress_bar=False)
    assert svi.state.step == 60
    compare(svi, runs, lambda i: (8.5,), 120, fresh=False)


def test_an_interrupt_leaves_everything_where_it_was(monkeypatch):
    monkeypatch.setattr(engine, "PAYS", math.inf)
    svi = training(Adam({"lr": 0.02}))
    svi.run(30, 8.5, progress_bar=False)
    before, stream = svi.state, torch.get_rng_state()

    def interrupted(steps):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        many.train_many(svi, many.Plan(120, (8.5,), {}, SEEDS, 0), "auto", interrupted)
    assert svi.state.step == before.step
    assert all(torch.equal(svi.state.values[name], it) for name, it in before.values.items())
    assert torch.equal(torch.get_rng_state(), stream)


def test_seeds_are_drawn_if_none_are_given():
    svi = training(Adam({"lr": 0.02}))
    torch.manual_seed(9)
    first = svi.run_many(5, each([8.0, 9.0]), progress_bar=False)
    second = svi.run_many(5, each([8.0, 9.0]), progress_bar=False)
    torch.manual_seed(9)
    again = svi.run_many(5, each([8.0, 9.0]), progress_bar=False)
    assert first.seeds == again.seeds != second.seeds
    assert torch.equal(first.losses, again.losses)


def risky(spread):
    weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
    ppl.sample("reading", dist.Normal(weight, spread), obs=9.5)


def risky_guide(spread):
    ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), 0.6))


def test_a_run_that_blows_up_ends_and_the_others_go_on(backend):
    svi = training(SGD({"lr": 0.05}), risky, risky_guide)
    spreads = [1.0, 0.05, 1.0]
    runs = svi.run_many(200, each(spreads), seeds=SEEDS, every=50, progress_bar=False)
    assert svi.compiled.backend == backend
    failed = int(runs.steps[1])
    assert runs.steps.tolist() == [200, failed, 200]
    assert 10 < failed < 50
    assert bool(torch.isnan(runs.losses[1, failed:]).all())
    assert bool(torch.isfinite(runs.losses[1, :failed]).all())
    assert bool(torch.isnan(runs.path["a"][1]).all())
    assert bool(torch.isfinite(runs.params["a"]).all())
    turns = svi.run_many(200, each(spreads), seeds=SEEDS, compile="never", progress_bar=False)
    assert 10 < int(turns.steps[1]) < 50
    assert bool(torch.isnan(turns.losses[1, turns.steps[1] :]).all())
    torch.testing.assert_close(runs.losses[[0, 2]], turns.losses[[0, 2]], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(runs.losses[1, :10], turns.losses[1, :10], rtol=1e-4, atol=1e-4)


def test_large_parameters_are_no_failure(backend):
    def model():
        ppl.sample("weight", dist.Normal(500.0, 1.0))

    def guide():
        ppl.sample("weight", dist.Normal(ppl.param("a", 60.0), 0.7))

    svi = training(Adam({"lr": 5.0}), model, guide)
    runs = svi.run_many(300, seeds=SEEDS, progress_bar=False)
    assert (svi.compiled.backend, runs.steps.tolist()) == (backend, [300] * 3)
    assert runs.params["a"].tolist() == pytest.approx([500.0] * 3, abs=5.0)


def test_what_cannot_be_compiled_is_run_in_turn_with_one_warning(monkeypatch):
    monkeypatch.setattr(many, "EAGER", 10)

    def guide(guess):
        ppl.sample("weight", dist.Poisson(ppl.param("a", 8.0, dist.constraints.positive)))

    svi = training(SGD({"lr": 1e-4}), guide=guide)
    with pytest.warns(UserWarning, match="run by run, because .*poisson") as said:
        runs = svi.run_many(12, 8.5, seeds=range(3), progress_bar=False)
    assert len(said) == 1
    assert (runs.losses.shape, svi.compiled.backend) == ((3, 12), "eager")
    with pytest.raises(NotCompiled, match="poisson"):
        svi.run_many(12, 8.5, seeds=range(2), compile="require", progress_bar=False)


def test_numbers_that_steer_the_program_are_run_in_turn(monkeypatch):
    monkeypatch.setattr(engine, "PAYS", math.inf)

    def model(kind):
        weight = ppl.sample("weight", dist.Normal(8.5, 1.0 if kind > 0 else 2.0))
        ppl.sample("reading", dist.Normal(weight, 1.0), obs=9.5)

    svi = training(SGD({"lr": 0.01}), model, risky_guide)
    runs = svi.run_many(110, each([1.0, -1.0]), seeds=4, every=10, progress_bar=False)
    assert "argument 0 steers" in svi.compiled.reason
    compare(svi, runs, lambda i: ([1.0, -1.0][i],), 110, every=10)


def test_a_module_begins_every_run_as_it_is():
    net = torch.nn.Linear(1, 1)

    def guide(guess):
        ppl.module("net", net)
        ppl.sample("weight", dist.Normal(net(torch.ones(1)).sum() + 8.0, 1.0))

    before = [p.detach().clone() for p in net.parameters()]
    svi = training(SGD({"lr": 0.01}), guide=guide)
    runs = svi.run_many(120, 8.5, seeds=(4, 4), progress_bar=False)
    assert torch.equal(runs.losses[0], runs.losses[1])
    for parameter, start in zip(net.parameters(), before, strict=True):
        assert torch.equal(parameter, start)


@pytest.mark.parametrize(
    ("args", "seeds", "said"),
    [
        ((8.5,), None, r"how many runs\? give seeds"),
        ((each([1.0, 2.0]),), range(3), "argument 0 has 2, seeds has 3; give all the same"),
    ],
)
def test_the_number_of_runs_must_be_clear(args, seeds, said):
    with pytest.raises(ValueError, match=said):
        training(Adam({"lr": 0.01})).run_many(10, *args, seeds=seeds, progress_bar=False)
