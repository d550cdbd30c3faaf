"""SVI: its two faces agree, its updates are pure, and it ends where it should."""

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core import InferenceRun, ParamStore
from ppl_core.distributions import constraints
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.optim import SGD, Adam, AdamW, ClippedAdam
from programs import conditioned_scale, learned_guide

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


# ---- Pyro's face


def test_step_returns_the_loss_as_a_float_and_moves_the_store():
    svi = training()
    torch.manual_seed(1)
    loss = svi.step(8.5)
    torch.manual_seed(1)
    with ParamStore():
        assert loss == Trace_ELBO().loss(conditioned_scale, learned_guide, 8.5)
    assert isinstance(loss, float)
    assert ppl.param("a") != 8.5


@pytest.mark.parametrize(
    ("ours", "torchs", "settings"),
    [
        (SGD, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
        (Adam, torch.optim.Adam, {"lr": 0.02}),
        (AdamW, torch.optim.AdamW, {"lr": 0.02}),
    ],
)
def test_steps_are_those_of_a_hand_written_torch_loop(ours, torchs, settings):
    svi, steps = training(ours(settings)), 50
    torch.manual_seed(1)
    losses = [svi.step(8.5) for _ in range(steps)]

    a, u = torch.tensor(8.5, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    optim, by_hand = torchs([a, u], **settings), []
    torch.manual_seed(1)
    for _ in range(steps):
        weight = a + u.exp() * torch.randn(())
        normal = torch.distributions.Normal
        loss = normal(a, u.exp()).log_prob(weight) - normal(8.5, 1.0).log_prob(weight)
        loss = loss - normal(weight, 0.75).log_prob(torch.tensor(9.5))
        optim.zero_grad()
        loss.backward()
        optim.step()
        by_hand.append(loss.item())
    assert losses == pytest.approx(by_hand, rel=1e-3, abs=1e-4)
    assert ppl.param("a").item() == pytest.approx(a.item(), abs=1e-4)
    assert ppl.param("b").item() == pytest.approx(u.exp().item(), abs=1e-4)


def test_run_is_as_many_steps():
    torch.manual_seed(1)
    svi = training()
    losses = [svi.step(8.5) for _ in range(20)]
    values = {name: value.item() for name, value in ppl.get_param_store().items()}
    ppl.clear_param_store()
    torch.manual_seed(1)
    result = training().run(20, 8.5, progress_bar=False)
    assert result.losses.tolist() == pytest.approx(losses)
    assert {name: value.item() for name, value in result.params.items()} == values
    assert result.state.step == 20
    assert not any(value.requires_grad for value in result.params.values())


def test_run_shows_progress_unless_told_not_to(capfd):
    training().run(3, 8.5)
    assert "SVI" in capfd.readouterr().err
    training().run(3, 8.5, progress_bar=False)
    assert capfd.readouterr().err == ""


def test_evaluate_loss_moves_nothing():
    svi = training()
    svi.step(8.5)
    before = ppl.get_param_store().get_state()["params"]
    assert isinstance(svi.evaluate_loss(8.5), float)
    assert all(torch.equal(ppl.get_param_store().unconstrained(n), it) for n, it in before.items())


def test_arguments_and_keywords_reach_both_programs():
    svi = training()
    svi.step(guess=torch.tensor(8.5))
    assert "a" in ppl.get_param_store()


# ---- the kernel


def test_init_gives_every_parameter_its_first_value():
    svi = training(store=ParamStore())
    state = svi.init(8.5)
    assert (state.step, state.optim) == (0, {})
    assert {name: value.item() for name, value in state.values.items()} == {"a": 8.5, "b": 0.0}
    assert svi.params(state)["b"].item() == 1.0
    assert not svi.params(state)["b"].requires_grad


@pytest.mark.parametrize(
    "optim", [SGD(MOMENTUM), Adam({"lr": 0.02}), ClippedAdam({"lr": 0.02, "lrd": 0.99})]
)
def test_updates_are_the_steps(optim):
    stepping, pure = training(optim, store=ParamStore()), training(optim, store=ParamStore())
    state = pure.init(8.5)
    torch.manual_seed(1)
    losses = [stepping.step(8.5) for _ in range(20)]
    torch.manual_seed(1)
    for loss in losses:
        state, info = pure.update(state, 8.5)
        assert info.loss == loss
    assert state.values == {n: it.detach() for n, it in stepping.store.named_parameters()}
    assert state.step == stepping.state.step == 20


def test_info_tells_the_gradient_that_was_followed():
    svi = training(SGD({"lr": 0.5}), store=ParamStore())
    state = svi.init(8.5)
    after, info = svi.update(state, 8.5)
    assert set(info.grads) == {"a", "b"}
    for name, grad in info.grads.items():
        assert after.values[name].item() == pytest.approx(
            (state.values[name] - 0.5 * grad).item(), rel=1e-5
        )


@pytest.mark.parametrize("optim", [SGD(MOMENTUM), Adam({"lr": 0.02}), ClippedAdam({"lr": 0.02})])
def test_update_is_pure_so_an_old_state_is_still_good(optim):
    svi = training(optim, store=ParamStore())
    state = svi.init(8.5)
    for _ in range(5):
        state, _ = svi.update(state, 8.5)
    copy = ({n: it.clone() for n, it in state.values.items()}, repr(state.optim))

    def branch():
        torch.manual_seed(2)
        here, losses = state, []
        for _ in range(10):
            here, info = svi.update(here, 8.5)
            losses.append(info.loss)
        return losses, {n: it.item() for n, it in here.values.items()}

    first = branch()
    assert branch() == first
    assert ({n: it.clone() for n, it in state.values.items()}, repr(state.optim)) == copy


def test_update_shows_its_values_in_the_store():
    svi = training(store=ParamStore())
    state, _ = svi.update(svi.init(8.5), 8.5)
    assert svi.store["a"] == svi.params(state)["a"]


def test_changing_the_store_by_hand_does_not_reach_into_old_states():
    svi = training(store=ParamStore())
    state, _ = svi.update(svi.init(8.5), 8.5)
    before = state.values["a"].item()
    with torch.no_grad():
        svi.store.unconstrained("a").add_(1.0)
    assert state.values["a"].item() == before


# ---- runs


def test_runs_repeat_interleave_and_leave_the_generator_alone():
    def run(seed):
        return InferenceRun(training(store=ParamStore()), 8.5, seed=seed)

    lone = [watched(run(seed), 40) for seed in (7, 8)]
    assert watched(run(7), 40) == lone[0]
    before = torch.get_rng_state()
    a, b = run(7), run(8)
    both = [[], []]
    for chunk in (1, 9, 30):
        both[0] += watched(a, chunk)
        both[1] += watched(b, chunk)
    assert both == lone
    assert torch.equal(torch.get_rng_state(), before)


def test_rewound_run_repeats_bit_for_bit():
    run = InferenceRun(training(Adam({"lr": 0.02}), store=ParamStore()), 8.5, seed=7)
    first = watched(run, 55)
    assert run.rewind(25).step == 20
    assert watched(run, 35) == first[20:]


def late_guide(guess):
    """Its third parameter appears once the first has moved."""
    a = ppl.param("a", 8.5)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    if a.item() > 8.6:
        b = b * ppl.param("late", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


@pytest.mark.parametrize("optim", [SGD(MOMENTUM), Adam({"lr": 0.02})])
def test_parameters_that_appear_late_are_trained_and_rewound(optim):
    run = InferenceRun(training(optim, late_guide, store=ParamStore()), 8.5, seed=7, keep_every=1)
    first = watched(run, 40)
    born = next(i for i, (_, values) in enumerate(first) if "late" in values)
    assert 0 < born < 38
    assert first[-1][1]["late"] != 0.0
    run.rewind(born - 1)
    assert watched(run, 41 - born) == first[born - 1 :]


def test_changed_arguments_steer_a_running_training():
    def model(guess, measurement):
        return ppl.condition(conditioned_scale, data={"measurement": measurement})(guess)

    def guide(guess, measurement):
        return learned_guide(guess)

    svi = SVI(model, guide, Adam({"lr": 0.05}), store=ParamStore())
    run = InferenceRun(svi, 8.5, 9.5, seed=7)
    run.advance(300)
    assert svi.store["a"].item() == pytest.approx(9.14, abs=0.4)
    run.args = (4.0, 5.0)
    run.advance(600)
    assert svi.store["a"].item() == pytest.approx(truth.weigh(4.0, 5.0).mean, abs=0.4)


# ---- where it ends


def test_average_of_many_short_runs_follows_the_expected_path():
    """The gradient is linear in a: E[a_t] - 9.14 shrinks by (1 - lr / 0.36) each step."""
    ends = []
    for seed in range(100):
        svi = training(SGD({"lr": 0.02}), store=ParamStore())
        run = InferenceRun(svi, 8.5, seed=seed)
        run.advance(20)
        ends.append(run.snapshot.state.values["a"].item())
    exact = truth.weigh()
    assert_average(ends, exact.mean + (8.5 - exact.mean) * (1 - 0.02 / exact.sd**2) ** 20)


def test_subsampled_regression_finds_the_exact_posterior():
    """200 rows, 20 a step: slope of a line through 0, prior N(0, 1), noise 0.5.

    Counting 20 rows as 20 would give three times the sd.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, generator=generator)
    y = 1.5 * x + 0.5 * torch.randn(200, generator=generator)

    def model():
        slope = ppl.sample("slope", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 200, subsample_size=20) as index:
            ppl.sample("y", dist.Normal(slope * x[index], 0.5), obs=y[index])

    def guide():
        sd = ppl.param("sd", 0.1, constraint=constraints.positive)
        ppl.sample("slope", dist.Normal(ppl.param("loc", 0.0), sd))

    svi, tail = SVI(model, guide, ClippedAdam({"lr": 0.05, "lrd": 0.996})), []
    for step in range(800):
        svi.step()
        if step >= 600:
            tail.append((ppl.param("loc").item(), ppl.param("sd").item()))
    loc, sd = torch.tensor(tail).mean(0).tolist()
    precision = 1.0 + (x**2).sum().item() / 0.25
    assert loc == pytest.approx((x * y).sum().item() / 0.25 / precision, abs=precision**-0.5)
    assert sd == pytest.approx(precision**-0.5, rel=0.2)


def test_a_state_that_is_put_back_goes_on_as_if_nothing_had_happened():
    """`run` and `step` after `svi.state = state` take the steps that followed it."""
    svi = training(Adam({"lr": 0.05}), store=ParamStore())
    ppl.set_rng_seed(101)
    svi.run(30, 8.5, progress_bar=False)
    state, stream = svi.state, torch.get_rng_state()
    first = [svi.step(8.5) for _ in range(20)]
    svi.state = state
    torch.set_rng_state(stream)
    assert [svi.step(8.5) for _ in range(20)] == first
    svi.state = state
    torch.set_rng_state(stream)
    assert svi.run(20, 8.5, progress_bar=False).losses.tolist() == pytest.approx(first)
