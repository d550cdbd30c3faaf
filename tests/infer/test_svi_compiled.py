"""Compiled runs of SVI are the eager ones, step by step, for one seed; or they say why not."""

import math
import shutil

import pytest
import torch
from models import BENCHMARKS

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import InferenceError
from ppl_core.compiled import NotCompiled, build, engine, record
from ppl_core.infer import SVI, Trace_ELBO, TraceEnum_ELBO, TraceGraph_ELBO
from ppl_core.infer import recorded as fast
from ppl_core.optim import SGD, Adam, AdamW, ClippedAdam, ExponentialLR, RMSprop, Rprop
from programs import conditioned_scale, learned_guide

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)


@pytest.fixture(params=["floats", pytest.param("c", marks=needs_cc)])
def backend(request, monkeypatch):
    """Let only one engine be chosen."""
    monkeypatch.setattr(engine, "_entries", {})
    if request.param == "floats":
        monkeypatch.setattr(engine, "PAYS", math.inf)
        monkeypatch.setattr(engine, "is_built", lambda text: False)
    return request.param


def compiled(backend, svi, steps, *args):
    """A run on one engine."""
    how = "auto" if backend == "floats" else "require"
    result = svi.run(steps, *args, compile=how, progress_bar=False)
    assert svi.compiled.backend == backend, svi.compiled.reason
    assert svi.compiled.error <= engine.TOLERANCE
    return result


def training(optim, loss=None):
    ppl.clear_param_store()
    torch.manual_seed(3)
    return SVI(conditioned_scale, learned_guide, optim, loss)


def assert_same(ours, theirs, tolerance=1e-5):
    torch.testing.assert_close(ours.losses, theirs.losses, rtol=tolerance, atol=tolerance)
    for name, value in theirs.params.items():
        torch.testing.assert_close(ours.params[name], value, rtol=tolerance, atol=1e-6)
    assert ours.state.step == theirs.state.step


OPTIMISERS = [
    SGD({"lr": 0.01, "momentum": 0.5, "nesterov": True, "weight_decay": 0.01}),
    Adam({"lr": 0.01, "weight_decay": 0.01}, clip_args={"clip_norm": 5.0}),
    AdamW({"lr": 0.01}),
    ClippedAdam({"lr": 0.02, "lrd": 0.999, "clip_norm": 1.0}),
    RMSprop({"lr": 0.01, "momentum": 0.5, "centered": True}),
    Adam(lambda name: {"lr": 0.02 if name == "a" else 0.01}),
]


@pytest.mark.parametrize("optim", OPTIMISERS, ids=lambda optim: type(optim).__name__)
def test_every_optimiser_walks_the_eager_path_and_goes_on_from_there(optim, backend):
    if backend == "c" and type(optim) not in (ClippedAdam, RMSprop):
        pytest.skip("floats have shown it; a compiler costs seconds")
    eager = training(optim).run(320, 8.5, compile="never", progress_bar=False)
    end = torch.get_rng_state()
    svi = training(optim)
    ours = compiled(backend, svi, 300, 8.5)
    losses = [svi.step(8.5) for _ in range(20)]
    assert_same(
        ours=svi.run(0, 8.5, progress_bar=False), theirs=svi.run(0, 8.5, progress_bar=False)
    )
    torch.testing.assert_close(ours.losses, eager.losses[:300], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.tensor(losses), eager.losses[300:], rtol=1e-5, atol=1e-5)
    assert torch.equal(end, torch.get_rng_state())


@needs_cc
@pytest.mark.parametrize("name", ["eight-schools", "logistic-1k-256", "mixture"])
def test_benchmark_models_drift_less_than_one_in_a_hundred_thousand(name):
    benchmark, runs = BENCHMARKS[name], {}
    for how in ("never", "require"):
        ppl.clear_param_store()
        torch.manual_seed(3)
        model, guide = benchmark.program(ppl, dist)
        optim = getattr(ppl.optim, benchmark.rule)(dict(benchmark.settings))
        svi = SVI(model, guide, optim)
        runs[how] = svi.run(300, *benchmark.data(), compile=how, progress_bar=False)
    assert_same(runs["require"], runs["never"])


def test_a_slider_moves_an_input_and_nothing_is_compiled_again(backend):
    optim = SGD({"lr": 0.01})
    for guess in (8.5, 7.0):
        ours = compiled(backend, training(optim), 200, guess)
        eager = training(optim).run(200, guess, compile="never", progress_bar=False)
        assert_same(ours, eager)
    training(SGD({"lr": 0.02})).run(200, 8.5, progress_bar=False)
    assert len(engine._entries) == 1


def test_an_edited_program_is_recorded_anew(backend):
    reading = 9.5

    def model():
        weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
        ppl.sample("reading", dist.Normal(weight, 0.75), obs=torch.tensor(reading))

    def guide():
        ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), 0.6))

    ends = []
    for value in (9.5, 12.0):
        reading = value
        ppl.clear_param_store()
        svi = SVI(model, guide, Adam({"lr": 0.05}))
        ends.append(compiled(backend, svi, 300).params["a"].item())
    assert ends[1] - ends[0] == pytest.approx(2.5 * 0.64, abs=0.3)


def test_exact_sums_over_discrete_sites_are_compiled(backend):
    def model():
        fake = ppl.sample("fake", dist.Bernoulli(0.1))
        bias = ppl.param("bias", 0.3, constraint=dist.constraints.unit_interval)
        ppl.sample("heads", dist.Binomial(10, 0.5 + (bias - 0.5) * fake), obs=8.0)

    model = ppl.infer.config_enumerate(model) if hasattr(ppl.infer, "config_enumerate") else model
    runs = []
    for run in (compiled, None):
        ppl.clear_param_store()
        svi = SVI(model, lambda: None, Adam({"lr": 0.05}), TraceEnum_ELBO())
        runs.append(
            run(backend, svi, 150) if run else svi.run(150, compile="never", progress_bar=False)
        )
    assert_same(*runs)


def test_a_blow_up_is_the_eager_one(backend):
    said = []
    for how in ("never", "auto"):
        svi = training(SGD({"lr": 1.9}))
        with pytest.raises(InferenceError) as caught:
            svi.run(5000, 8.5, compile=how, progress_bar=False)
        said.append((str(caught.value), svi.state.step))
    assert said[0] == said[1]


def far_model():
    weight = ppl.sample("weight", dist.Normal(500.0, 1.0))
    ppl.sample("reading", dist.Normal(weight, 1.0), obs=502.0)


def far_guide():
    ppl.sample("weight", dist.Normal(ppl.param("a", 500.0), 0.7))


def test_parameters_may_be_large(backend):
    ppl.clear_param_store()
    svi = SVI(far_model, far_guide, Adam({"lr": 0.1}))
    assert compiled(backend, svi, 300).params["a"].item() == pytest.approx(501.0, abs=0.5)


def gamma_guide(guess):
    ppl.sample("weight", dist.Gamma(ppl.param("a", 80.0, dist.constraints.positive), 9.0))


def test_what_cannot_be_compiled_runs_eagerly_and_says_why():
    svi = SVI(conditioned_scale, gamma_guide, Adam({"lr": 0.01}))
    svi.run(120, 8.5, progress_bar=False)
    assert svi.compiled.backend == "eager"
    assert "_standard_gamma" in svi.compiled.reason
    with pytest.raises(NotCompiled, match="_standard_gamma"):
        svi.run(120, 8.5, compile="require", progress_bar=False)
    svi = training(Rprop({"lr": 0.01}))
    svi.run(120, 8.5, progress_bar=False)
    assert "Rprop has no compiled form" in svi.compiled.reason


def test_a_schedule_moves_an_input(backend):
    ends = []
    for run in (compiled, None):
        optim = ExponentialLR({"optimizer": Adam, "optim_args": {"lr": 0.1}, "gamma": 0.5})
        svi = training(optim)
        for _ in range(3):
            if run:
                last = run(backend, svi, 110, 8.5)
            else:
                last = svi.run(110, 8.5, compile="never", progress_bar=False)
            optim.step()
        ends.append(last)
    assert_same(*ends)
    assert len(engine._entries) == 1


def test_few_steps_are_eager_and_so_is_never():
    svi = training(Adam({"lr": 0.01}))
    svi.run(5, 8.5, progress_bar=False)
    assert (svi.compiled.backend, svi.compiled.reason) == ("eager", "few steps")
    svi.run(500, 8.5, compile="never", progress_bar=False)
    assert svi.compiled.backend == "eager"
    with pytest.raises(ValueError, match="'auto', 'never' or 'require', got 'always'"):
        svi.run(5, 8.5, compile="always")


def test_numbers_that_steer_a_program_are_kept_as_they_are(backend):
    def model(kind):
        scale = 1.0 if kind > 0 else 2.0
        weight = ppl.sample("weight", dist.Normal(8.5, scale))
        ppl.sample("reading", dist.Normal(weight, 1.0), obs=9.5)

    def guide(kind):
        ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), 0.6))

    optim = SGD({"lr": 0.01})
    for kind in (1.0, -1.0):
        runs = []
        for how in (backend, "never"):
            ppl.clear_param_store()
            torch.manual_seed(5)
            svi = SVI(model, guide, optim)
            runs.append(
                compiled(backend, svi, 200, kind)
                if how == backend
                else svi.run(200, kind, compile="never", progress_bar=False)
            )
        assert_same(*runs)


def test_a_program_is_recorded_once_for_many_trainings(backend, monkeypatch):
    monkeypatch.setattr(fast, "_recordings", {})
    made = []
    monkeypatch.setattr(fast, "record", lambda *it: made.append(it) or record(*it))
    for guess, lr in ((8.5, 0.01), (7.0, 0.02), (6.0, 0.03)):
        eager = training(Adam({"lr": lr})).run(150, guess, compile="never", progress_bar=False)
        assert_same(compiled(backend, training(Adam({"lr": lr})), 150, guess), eager)
    assert len(made) == 2  # the second one only shows that the first can be trusted


def test_a_program_that_counts_its_calls_is_not_compiled():
    calls = []

    def guide(guess):
        calls.append(1)
        ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), 1.0 / len(calls)))

    svi = SVI(conditioned_scale, guide, Adam({"lr": 0.01}))
    svi.run(120, 8.5, progress_bar=False)
    assert "another one at each call" in svi.compiled.reason


@needs_cc
def test_a_run_begins_in_floats_and_goes_on_in_c(monkeypatch):
    monkeypatch.setattr(engine, "_entries", {})
    monkeypatch.setattr(engine, "PAYS", 0.0)
    asked = []

    def ready(making):
        asked.append(1)
        if len(asked) == 3:  # the compiler is done between two blocks of steps
            making._process.wait()
        return len(asked) >= 3

    monkeypatch.setattr(build.Build, "ready", ready)
    optim = Adam({"lr": 0.011, "eps": 1e-7})
    eager = training(optim).run(1600, 8.5, compile="never", progress_bar=False)
    svi = training(optim)
    ours = svi.run(1600, 8.5, progress_bar=False)
    assert svi.compiled.backend == "c"
    [entry] = engine._entries.values()
    assert entry.floats is not None
    assert_same(ours, eager)


@needs_cc
def test_a_compiler_that_is_killed_costs_a_run_its_speed_and_no_more(monkeypatch):
    monkeypatch.setattr(engine, "_entries", {})
    monkeypatch.setattr(engine, "PAYS", 0.0)
    begin = build.Build._start

    def killed(making, text, flags):
        begin(making, text + "/* to be killed */", flags)
        making._process.kill()
        making._process.wait()

    monkeypatch.setattr(build.Build, "_start", killed)
    optim = Adam({"lr": 0.012, "eps": 2e-7})
    svi = training(optim)
    ours = svi.run(700, 8.5, progress_bar=False)
    assert (svi.compiled.backend, "ended with -9" in svi.compiled.reason) == ("floats", True)
    assert_same(ours, training(optim).run(700, 8.5, compile="never", progress_bar=False))
    assert not list(build.cache_folder().glob("build-*"))


def fair_or_not():
    fake = ppl.sample("fake", dist.Bernoulli(0.3))
    with ppl.plate("tosses", 4):
        ppl.sample("heads", dist.Bernoulli(0.5 + 0.4 * fake), obs=torch.tensor([1.0, 1, 0, 1]))


def guess_if_fair():
    chance = ppl.param("chance", 0.4, dist.constraints.unit_interval)
    average = {"use_decaying_avg_baseline": True, "baseline_beta": 0.8}
    ppl.sample("fake", dist.Bernoulli(chance), infer={"baseline": average})


@pytest.mark.parametrize("loss", [Trace_ELBO, TraceGraph_ELBO], ids=["plain", "baseline"])
def test_discrete_draws_of_a_guide_are_scored_and_baselines_go_along(loss, backend):
    runs, averages = [], []
    for how in (backend, "never"):
        ppl.clear_param_store()
        torch.manual_seed(3)
        svi = SVI(fair_or_not, guess_if_fair, SGD({"lr": 0.01}), loss())
        if how == backend:
            runs.append(compiled(backend, svi, 250))
        else:
            runs.append(svi.run(250, compile="never", progress_bar=False))
        averages.append(dict(getattr(svi.loss, "_averages", {})))
    assert_same(*runs)
    assert averages[0].keys() == averages[1].keys()
    for name, average in averages[1].items():
        torch.testing.assert_close(averages[0][name], average)


class Diary(Trace_ELBO):
    """A loss that keeps what is no tensor."""

    def __init__(self):
        super().__init__()
        self._pages = {"count": 0}

    def differentiable_loss(self, *args, **kwargs):
        self._pages["count"] += 1
        return super().differentiable_loss(*args, **kwargs)


def test_a_loss_that_counts_is_left_as_it_was_and_not_compiled():
    svi = training(SGD({"lr": 1e-3}), Diary())
    svi.run(110, 8.5, progress_bar=False)
    assert "the loss remembers something" in svi.compiled.reason
    assert svi.loss._pages == {"count": 110}


@needs_cc
def test_a_network_is_compiled_only_on_request():
    """Gradients of large products differ in their last digits; Adam turns some into whole steps."""
    net = BENCHMARKS["vae"]
    data = net.data()

    def steps(how):
        ppl.clear_param_store()
        ppl.set_rng_seed(1)
        svi = SVI(*net.program(ppl, dist), Adam({"lr": 1e-3}))
        return svi, svi.run(120, *data, compile=how, progress_bar=False)

    svi, careful = steps("auto")
    assert (svi.compiled.backend, "matrices" in svi.compiled.reason) == ("eager", True)
    svi, eager = steps("never")
    assert torch.equal(careful.losses, eager.losses)
    svi, fast_one = steps("require")
    assert svi.compiled.backend == "c"
    torch.testing.assert_close(fast_one.losses, eager.losses, rtol=1e-3, atol=1e-3)


def test_the_way_there_is_kept_and_is_the_eager_one(backend):
    def walk(how):
        return training(Adam({"lr": 0.02})).run(230, 8.5, compile=how, progress_bar=False, every=20)

    eager = walk("never")
    ours = walk("auto" if backend == "floats" else "require")
    assert ours.path.keys() == eager.path.keys() == {"a", "b"}
    for name, way in ours.path.items():
        assert way.shape == (11,)
        torch.testing.assert_close(way, eager.path[name], rtol=1e-4, atol=1e-4)
        stops = training(Adam({"lr": 0.02})).run(220, 8.5, compile="never", progress_bar=False)
        torch.testing.assert_close(way[-1], stops.params[name], rtol=1e-4, atol=1e-4)
