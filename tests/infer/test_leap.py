"""Many updates at once are the updates one by one, with the same noise; or nothing is taken."""

import math
import shutil

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled import NotCompiled, build, engine
from ppl_core.errors import InferenceError
from ppl_core.infer import SVI
from ppl_core.infer.leap import NotYet, leap
from ppl_core.optim import SGD, Adam
from ppl_core.params import ParamStore
from ppl_core.runs import InferenceRun
from programs import conditioned_scale, learned_guide

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)


@pytest.fixture(params=["floats", pytest.param("c", marks=needs_cc)])
def backend(request, monkeypatch, tmp_path):
    """Let only one engine be chosen."""
    monkeypatch.setattr(engine, "_entries", {})
    if request.param == "floats":
        monkeypatch.setattr(engine, "PAYS", math.inf)
        monkeypatch.setattr(engine, "is_built", lambda text: False)
        yield request.param
        return
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build.cache_folder.cache_clear()
    choose = engine.Engines.choose
    monkeypatch.setattr(engine.Engines, "choose", lambda it, *_: choose(it, math.inf))
    yield request.param
    build.cache_folder.cache_clear()


def fresh(optim):
    return SVI(conditioned_scale, learned_guide, optim, store=ParamStore())


@pytest.mark.parametrize("optim", [SGD({"lr": 0.001, "momentum": 0.1}), Adam({"lr": 0.01})])
def test_a_leap_passes_the_updates_one_by_one(backend, optim):
    svi = fresh(optim)
    run = InferenceRun(svi, 8.5, seed=101)
    losses, path = [], []
    for _ in range(300):
        run.advance(1)
        losses.append(run.snapshot.info.loss)
        path.append([float(run.snapshot.state.values[name]) for name in ("a", "b")])
    svi = fresh(optim)
    leaping = InferenceRun(svi, 8.5, seed=101)
    leaping.advance(1)
    parts = []
    for steps in (99, 200):

        def far(state, steps=steps):
            parts.append(leap(svi, state, steps, 8.5))
            return ppl.runs.Snapshot(parts[-1].state.step, parts[-1].state, None)

        leaping.leap(far)
    assert {part.backend for part in parts} == {backend}
    assert leaping.step == 300
    ours = torch.cat([part.losses for part in parts]).tolist()
    assert ours == pytest.approx(losses[1:], rel=1e-5, abs=1e-5)
    for place, name in enumerate(("a", "b")):
        ours = torch.cat([part.path[name] for part in parts]).tolist()
        assert ours == pytest.approx([at[place] for at in path[1:]], rel=1e-5, abs=1e-5)
    # Single updates go on from there as if nothing had been left out.
    run.advance(20)
    leaping.advance(20)
    for name, value in run.snapshot.state.values.items():
        assert float(leaping.snapshot.state.values[name]) == pytest.approx(float(value), rel=1e-5)


def test_a_leap_stops_before_the_step_that_would_not_be_finite(backend):
    svi = fresh(SGD({"lr": 0.001, "momentum": 0.1}))
    state, _ = svi.update(svi.init(8.5), 8.5)
    state = leap(svi, state, 50, 8.5).state
    svi.optim = SGD({"lr": 50.0, "momentum": 0.1})
    far = leap(svi, state, 500, 8.5)
    assert len(far.losses) < 500
    assert far.state.step == 51 + len(far.losses)
    assert all(torch.isfinite(value).all() for value in far.state.values.values())
    with pytest.raises(InferenceError):
        svi.update(far.state, 8.5)


def test_an_engine_that_could_not_be_tried_is_tried_again(backend):
    svi = fresh(SGD({"lr": 0.001}))
    state, _ = svi.update(svi.init(8.5), 8.5)
    svi.optim = SGD({"lr": 100.0})
    with pytest.raises(NotYet, match="no eager step to compare with"):
        leap(svi, state, 10, 8.5)
    svi.optim = SGD({"lr": 0.001})
    assert leap(svi, state, 10, 8.5).backend == backend


def test_a_program_that_asks_for_its_numbers_is_not_taken_error():
    def moody(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        noise = 0.75 if weight.item() > 0 else 1.0
        return ppl.sample("measurement", dist.Normal(weight, noise), obs=torch.tensor(9.5))

    svi = SVI(moody, learned_guide, Adam({"lr": 0.01}), store=ParamStore())
    state, _ = svi.update(svi.init(8.5), 8.5)
    with pytest.raises(NotCompiled):
        leap(svi, state, 100, 8.5)
    after, _ = svi.update(state, 8.5)
    assert after.step == 2


def test_a_leap_that_raises_leaves_the_run_and_its_stream_where_they_were():
    run = InferenceRun(fresh(Adam({"lr": 0.01})), 8.5, seed=101)
    run.advance(5)
    before, outer = run.snapshot, torch.get_rng_state()

    def far(state):
        torch.randn(3)
        raise NotCompiled("no")

    with pytest.raises(NotCompiled):
        run.leap(far)
    assert run.snapshot is before
    assert torch.equal(torch.get_rng_state(), outer)
    run.advance(5)
    other = InferenceRun(fresh(Adam({"lr": 0.01})), 8.5, seed=101)
    other.advance(10)
    assert run.snapshot.info.loss == other.snapshot.info.loss
