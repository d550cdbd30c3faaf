"""Chains in machine code: those of Python, draw by draw, until rounding parts them.

In double precision two chains of one seed agree to 1e-9 over the first transitions, across the
window in which the mass is learned; over hundreds only their statistics do. Where a model is
closed-form, moments are held against that (false alarm 1e-4 a number, see chance.py).
"""

import ctypes
import math
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core import InferenceError, InferenceRun
from ppl_core.compiled import NotCompiled, driver
from ppl_core.compiled.build import Build
from ppl_core.infer import HMC, MCMC, NUTS, Posterior, init_to_value, machine, spans
from programs import conditioned_scale

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler"
)


@pytest.fixture(params=[torch.float64, torch.float32], ids=["double", "float"])
def dtype(request):
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def schools():
    mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
    tau = ppl.sample("tau", dist.HalfCauchy(5.0))
    with ppl.plate("schools", 4):
        z = ppl.sample("z", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(mu + tau * z, 10.0), obs=torch.tensor([28.0, 8.0, -3.0, 7.0]))


def wide():
    """More than 16 numbers: torch draws them in another way."""
    with ppl.plate("rows", 19):
        ppl.sample("x", dist.Normal(torch.arange(19.0), torch.linspace(0.5, 3.0, 19)))


def line(x, y, width):
    slope = ppl.sample("slope", dist.Normal(0.0, width))
    ppl.sample("y", dist.Normal(slope * x, 1.0).to_event(1), obs=y)


def both(kernel, steps, *args, seed=5):
    """The states and infos of a chain in Python, and the span from the same beginning."""
    run = InferenceRun(kernel, *args, seed=seed)
    begin = run.snapshot.state
    found = []
    run.advance(steps, watch=found.append)
    fast = type(kernel)(kernel.model, jit_compile=True)
    for name, value in vars(kernel).items():
        if name not in ("jit_compile", "compiled"):
            setattr(fast, name, value)
    start = InferenceRun(fast, *args, seed=seed)
    torch.testing.assert_close(start.snapshot.state.point.position, begin.point.position)
    stream = start.stream
    state, span = fast.span(start.snapshot.state, steps, stream, args)
    assert fast.compiled.reason == ""
    return found, state, span, stream, run


def next_numbers(stream):
    """What comes next: the odd normal number that may wait in a stream, and what follows it."""
    generator = torch.Generator()
    generator.set_state(stream)
    return torch.cat([torch.randn(3, generator=generator), torch.rand(3, generator=generator)])


# ---- the chain of Python


@pytest.mark.parametrize("model", [schools, wide])
@pytest.mark.parametrize("full_mass", [False, True])
@pytest.mark.parametrize("kernel", [NUTS, HMC])
def test_first_transitions_are_those_of_python(double, kernel, full_mass, model):
    """25 of warm-up, in which the mass is learned once, and 3 after it."""
    settings = {"trajectory_length": 2.0} if kernel is HMC else {"max_tree_depth": 5}
    plain = kernel(model, warmup_steps=25, full_mass=full_mass, **settings)
    found, state, span, stream, run = both(plain, 28)
    assert len(span) == 28
    positions = torch.stack([at.state.point.position for at in found])
    torch.testing.assert_close(span.told.positions, positions, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(span.told.positions[:10], positions[:10], rtol=1e-9, atol=1e-9)
    for step, at in enumerate(found):
        ours, theirs = plain.info(span, step), at.info
        assert (ours.num_steps, ours.diverging) == (theirs.num_steps, theirs.diverging)
        for name in ("accept_prob", "energy", "potential", "step_size"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-5, abs=1e-6)
        torch.testing.assert_close(ours.momentum, theirs.momentum, rtol=1e-6, atol=1e-6)
        assert ours.values.keys() == theirs.values.keys()
    learned, expected = state.adaptation, run.snapshot.state.adaptation
    torch.testing.assert_close(learned.mass.inverse, expected.mass.inverse, rtol=1e-6, atol=1e-6)
    assert learned.step_size == pytest.approx(expected.step_size, rel=1e-6)
    torch.testing.assert_close(next_numbers(stream), next_numbers(run.stream))


def test_single_precision_begins_alike():
    found, _, span, _, _ = both(NUTS(schools, warmup_steps=25, max_tree_depth=5), 6)
    positions = torch.stack([at.state.point.position for at in found])
    torch.testing.assert_close(span.told.positions, positions, rtol=2e-3, atol=2e-3)


def test_steps_one_by_one_are_the_span(dtype):
    kernel = NUTS(schools, jit_compile=True, warmup_steps=30)
    run = InferenceRun(kernel, seed=3)
    begin, stream = run.snapshot.state, run.stream
    infos = []
    run.advance(50, watch=lambda at: infos.append(at.info))
    state, span = kernel.span(begin, 50, stream)
    assert torch.equal(state.point.position, run.snapshot.state.point.position)
    assert torch.equal(stream, run.stream)
    assert [info.num_steps for info in infos] == kernel.numbers(span)["num_steps"].tolist()
    for name, values in span.values.items():
        assert torch.equal(values, torch.stack([info.values[name] for info in infos]))


def test_trajectories_are_recorded_in_the_order_of_time(double):
    plain = NUTS(schools, warmup_steps=0, step_size=0.3, record_trajectory=True)
    found, _, span, _, _ = both(plain, 5)
    for step, at in enumerate(found):
        path = span.told.paths[step]
        torch.testing.assert_close(path, at.info.trajectory, rtol=1e-7, atol=1e-7)
        nearest = (path - span.told.positions[step]).abs().sum(1).min().item()
        assert nearest == 0.0


def test_room_for_trajectories_may_end_a_span_early(double, monkeypatch):
    monkeypatch.setattr(spans, "ROOM", 64)
    kernel = NUTS(schools, jit_compile=True, warmup_steps=0, step_size=0.1, record_trajectory=True)
    run = InferenceRun(kernel, seed=3)
    state, stream, lengths = run.snapshot.state, run.stream, []
    while len(lengths) < 400:
        state, span = kernel.span(state, 400 - len(lengths), stream)
        assert len(span) > 0
        lengths += [len(path) for path in span.told.paths]
    run.advance(400)
    assert torch.equal(state.point.position, run.snapshot.state.point.position)


# ---- the posterior


@pytest.mark.parametrize("kernel", [NUTS, HMC])
@pytest.mark.parametrize("full_mass", [False, True])
def test_moments_of_a_normal(kernel, full_mass, dtype):
    """Batches of 50 draws are nearly independent."""
    settings = {"trajectory_length": 2.0} if kernel is HMC else {}
    made = kernel(wide, jit_compile=True, full_mass=full_mass, **settings)
    x = Posterior(made, 20_000, 500)(seed=1).values["x"]
    exact = torch.arange(19.0), torch.linspace(0.5, 3.0, 19)
    assert_average(x.reshape(-1, 50, 19).mean(1), exact[0])
    assert_average(((x - exact[0]) ** 2).reshape(-1, 50, 19).mean(1), exact[1] ** 2)


def test_enumerated_sites_and_constrained_ones():
    """P(heads | w) summed out; w ~ 0.3 N(2, 1) + 0.7 N(0, 1) given y = 0.4 ~ N(w, 1)."""

    def coin():
        heads = ppl.sample("heads", dist.Bernoulli(0.3))
        w = ppl.sample("w", dist.Normal(2 * heads, 1.0))
        ppl.sample("y", dist.Normal(w, 1.0), obs=0.4)
        ppl.sample("share", dist.Beta(2.0, 3.0))

    ratio = 0.3 / 0.7 * math.exp((0.4**2 - 1.6**2) / 4)
    chance = ratio / (1 + ratio)
    drawn = Posterior(NUTS(coin, jit_compile=True), 20_000, 500)(seed=1).values
    assert_average(drawn["w"].reshape(-1, 50).mean(1), chance * 1.2 + (1 - chance) * 0.2)
    assert_average(drawn["share"].reshape(-1, 50).mean(1), 0.4)
    assert drawn.keys() == {"w", "share"}


def test_other_arguments_need_no_other_recording():
    x, y = torch.arange(4.0), torch.tensor([0.0, 1.0, 2.0, 4.0])
    posterior = Posterior(NUTS(line, jit_compile=True), 4000, 300)
    for data, width in ((y, 1.0), (y, 0.2), (2 * y, 0.7)):
        before = len(machine._recordings)
        slopes = posterior(x, data, width).values["slope"]
        if data is not y or width != 1.0:
            assert len(machine._recordings) == before
        precision = 1 / width**2 + (x @ x).item()
        assert_average(slopes.reshape(-1, 20).mean(1), (x @ data).item() / precision)


def test_an_edited_model_is_recorded_anew():
    def model(centre):
        return lambda: ppl.sample("x", dist.Normal(centre, 1.0))

    for centre in (0.0, 3.0):
        x = Posterior(NUTS(model(centre), jit_compile=True), 4000, 200)().values["x"]
        assert_average(x.reshape(-1, 20).mean(1), centre)


# ---- what goes wrong, and what is said then


def neck():
    width = ppl.sample("width", dist.Normal(0.0, 3.0))
    ppl.sample("x", dist.Normal(0.0, (width / 2).exp()).expand([9]).to_event(1))


def test_divergences_are_those_of_python(double):
    plain = NUTS(neck, warmup_steps=0, step_size=0.9)
    found, _, span, _, _ = both(plain, 40)
    ours = plain.numbers(span)["diverging"].tolist()
    assert ours == [at.info.diverging for at in found]
    assert any(ours)
    step = ours.index(True)
    for name, value in found[step].info.diverged_at.items():
        torch.testing.assert_close(span.diverged_at(step)[name], value, rtol=1e-5, atol=1e-5)


def brittle():
    """Above 2 the density is finite, and has no derivative."""
    x = ppl.sample("x", dist.Normal(0.0, 1.0))
    ppl.factor("bent", 0.1 * ((2.0 - x) * (x < 2.0)).sqrt())


near_zero = init_to_value(values={"x": 0.1})


def test_no_gradient_on_the_way_is_the_error_of_python(double):
    said = []
    for compile in (False, True):
        kernel = NUTS(brittle, jit_compile=compile, warmup_steps=8, init_strategy=near_zero)
        run = InferenceRun(kernel, seed=2)
        with pytest.raises(InferenceError, match="gradient of site 'x' is not finite") as caught:
            run.advance(2000)
        said.append((caught.value.step, caught.value.site))
    assert said[0] == said[1]


def test_draws_before_an_error_are_kept():
    ppl.set_rng_seed(1)
    kernel = NUTS(brittle, jit_compile=True, init_strategy=near_zero)
    mcmc = MCMC(kernel, 3000, 8, disable_progbar=True)
    with pytest.raises(InferenceError, match="gradient of site 'x'"):
        mcmc.run()
    assert 0 < len(mcmc.get_samples()["x"]) == mcmc.chains[0].run.step - 8


def test_a_posterior_without_end_is_named():
    kernel = NUTS(potential_fn=lambda at: 0.0 * at["x"].sum(), jit_compile=True, warmup_steps=30)
    kernel.initial_params = {"x": torch.zeros(1)}
    with pytest.raises(InferenceError, match="is every prior proper"):
        kernel.init()


def test_what_stays_in_python_is_said():
    class Own(NUTS):
        """Another kind of trajectory."""

    ppl.set_rng_seed(1)
    mcmc = MCMC(Own(conditioned_scale, jit_compile=True), 10, 10, disable_progbar=True)
    mcmc.run(8.5)
    assert mcmc.kernel.compiled.reason == "trajectories in Python: Own has its own"

    def asks():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(x.item(), 1.0), obs=0.0)

    kernel = NUTS(asks, jit_compile="auto", warmup_steps=5)
    InferenceRun(kernel, seed=1).advance(3)
    assert kernel.compiled.backend == "eager"
    assert "item" in kernel.compiled.reason
    with pytest.raises(NotCompiled, match="item"):
        Posterior(NUTS(asks, jit_compile=True))()
    with pytest.raises(ValueError, match="jit_compile is True, False"):
        NUTS(asks, jit_compile="yes")


def test_a_driver_that_is_off_is_not_used(monkeypatch):
    """The trial bites: a driver with another threshold draws other points."""

    def other(dtype):
        text = driver.source(dtype).replace(
            "uniform(r) < 0.5 ? 1 : -1", "uniform(r) < 0.1 ? 1 : -1"
        )
        return driver.Driver(Build(text, ("-O1",)).library())

    monkeypatch.setattr("ppl_core.compiled.chains.driver", other)
    kernel = NUTS(lambda: ppl.sample("alone", dist.Normal(0.3, 1.2)), jit_compile=True)
    state = InferenceRun(kernel, seed=1).snapshot.state
    assert not kernel.strides(state)
    after, span = kernel.span(state, 5, torch.get_rng_state())
    assert span is None
    assert after.point is state.point
    assert "a trial of trajectories" in kernel.compiled.reason


# ---- several chains, interrupts


def test_chains_in_threads_are_those_in_turn():
    """One after the other with a hook, side by side without."""
    drawn = []
    for hook in (None, lambda *about: None):
        ppl.set_rng_seed(4)
        kernel = NUTS(schools, jit_compile=True)
        mcmc = MCMC(kernel, 40, 40, num_chains=3, hook_fn=hook, disable_progbar=True)
        mcmc.run()
        mcmc.resume(10)
        drawn.append(mcmc.get_samples(group_by_chain=True)["mu"])
        assert mcmc.get_extra_fields(group_by_chain=True)["tree_depth"].shape == (3, 50)
    assert drawn[0].shape == (3, 50)
    assert torch.equal(*drawn)


def test_an_interrupt_ends_all_chains_at_once_and_keeps_their_draws():
    """Rides of a million steps each would take minutes."""
    code = """
import _thread, threading, time, torch
import ppl_core as ppl, ppl_core.distributions as dist
from ppl_core.infer import MCMC, HMC
def model():
    ppl.sample("x", dist.Normal(torch.zeros(50), 1.0).to_event(1))
ppl.set_rng_seed(1)
settings = dict(jit_compile=True, adapt_step_size=False, adapt_mass_matrix=False)
warm = MCMC(HMC(model, step_size=0.5, **settings), 5, 0, disable_progbar=True)
warm.run()
kernel = HMC(model, step_size=1e-3, trajectory_length=1e6, **settings)
mcmc = MCMC(kernel, 1000, 0, num_chains=2, disable_progbar=True)
def press():
    global pressed
    time.sleep(0.5)
    pressed = time.perf_counter()
    _thread.interrupt_main()
threading.Thread(target=press).start()
try:
    mcmc.run()
except KeyboardInterrupt:
    print("late" if time.perf_counter() - pressed > 0.2 else "in time", mcmc.get_samples())
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "in time {}", said.stderr[-500:]


def test_a_word_stops_a_chain_and_it_goes_on_as_if_it_had_not():
    kernel = NUTS(schools, jit_compile=True, warmup_steps=50)
    run = InferenceRun(kernel, seed=3)
    whole, _ = kernel.span(run.snapshot.state, 20_000, run.stream)
    stop, stream = spans.Stop(), run.stream
    threading.Timer(0.02, stop.say).start()
    state, some = kernel.span(run.snapshot.state, 20_000, stream, stop=stop)
    assert len(some) < 20_000
    state, _ = kernel.span(state, 20_000 - len(some), stream)
    assert torch.equal(state.point.position, whole.point.position)


def test_the_time_that_a_posterior_may_take():
    posterior = Posterior(NUTS(schools, jit_compile=True), 1_000_000, 100)
    posterior.kernel.init()
    started = time.perf_counter()
    drawn = posterior(seconds=0.2)
    assert time.perf_counter() - started < 0.6
    assert not drawn.complete
    assert len(drawn) == len(drawn.values["mu"]) > 100
    with pytest.raises(InferenceError, match="no time for a draw"):
        posterior(seconds=0.0)


def test_torchs_generator_stays_where_it_is():
    ppl.set_rng_seed(1)
    before = torch.get_rng_state()
    one, other = (Posterior(NUTS(schools, jit_compile=True), 50, 20)(seed=7) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.values["z"], other.values["z"])


# ---- the C itself


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_sides_know_the_same_structure(dtype):
    size = driver.building(dtype).library().function("size_of_chain")
    assert size() == ctypes.sizeof(driver.Chain)


def test_the_driver_has_no_undefined_behaviour():
    """A driver under sanitizers, in a process of its own: any finding ends it with a report."""
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    code = f"""
import torch, ppl_core as ppl, ppl_core.distributions as dist
from ppl_core.compiled import chains, driver, function
from ppl_core.compiled.build import Build
from ppl_core.infer import HMC, NUTS
made = driver.Driver(Build(driver.source(torch.float32), {tuple(flags)!r}).library())
chains.driver = function.driver = lambda dtype: made
def neck():
    width = ppl.sample("width", dist.Normal(0.0, 3.0))
    ppl.sample("x", dist.Normal(0.0, (width / 2).exp()).expand([20]).to_event(1))
for kernel in (NUTS, HMC):
    for full_mass in (False, True):
        k = kernel(neck, jit_compile=True, full_mass=full_mass, record_trajectory=True,
                   warmup_steps=30)
        run = ppl.InferenceRun(k, seed=1)
        state, span = k.span(run.snapshot.state, 60, run.stream)
        assert span is not None and len(span), k.compiled
        assert span.values["x"].shape == (len(span), 20)
print("sound")
"""
    runtime = subprocess.run(
        ["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if "/" not in runtime:
        pytest.skip("this compiler has no address sanitizer")
    about = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"}
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | about,
    )
    assert said.stdout.strip() == "sound", said.stderr[-3000:]
