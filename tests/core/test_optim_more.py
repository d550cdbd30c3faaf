"""Torch's optimisers and schedules behind Pyro's face follow torch's own; states are saved."""

import copy
import pickle

import pytest
import torch
from torch.optim import lr_scheduler as schedules

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import ParamError, ParamStore, optim
from ppl_core.infer import SVI
from ppl_core.optim import SGD, Adam, ClippedAdam, PyroLRScheduler, PyroOptim

STEPS = 12

OPTIMISERS = [
    ("Adadelta", {"lr": 0.5, "rho": 0.8}),
    ("Adafactor", {"lr": 0.05}),
    ("Adagrad", {"lr": 0.2, "lr_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("Adamax", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "t0": 3.0}),
    ("Muon", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.5, "centered": True}),
    ("Rprop", {"lr": 0.1}),
]

SCHEDULES = [
    ("ConstantLR", {"factor": 0.5, "total_iters": 3}),
    ("CosineAnnealingLR", {"T_max": 8}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 3}),
    ("ExponentialLR", {"gamma": 0.8}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.9**epoch}),
    ("LinearLR", {"total_iters": 4}),
    ("MultiStepLR", {"milestones": [3, 6]}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.9}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 2 * STEPS}),
    ("PolynomialLR", {"total_iters": 8, "power": 2.0}),
    ("StepLR", {"step_size": 4}),
]


def gradients(shape=(3, 2)):
    return list(torch.randn(STEPS, *shape))


def ours(optimiser, grads, values=None, states=None, after_step=lambda: None):
    values, states = values or {"p": torch.full((3, 2), 0.7)}, states or {}
    path = []
    for grad in grads:
        values, states = optimiser.update(values, {"p": grad}, states)
        path.append(values["p"])
        after_step()
    return torch.stack(path)


def torchs(make, grads, schedule=None):
    leaf = torch.full((3, 2), 0.7, requires_grad=True)
    optimiser = make([leaf])
    schedule = schedule and schedule(optimiser)
    path = []
    for grad in grads:
        leaf.grad = grad.clone()
        optimiser.step()
        path.append(leaf.detach().clone())
        if schedule:
            schedule.step()
    return torch.stack(path)


# ---- torch's optimisers


def test_every_optimiser_of_torch_is_here():
    names = {
        name
        for name, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)
    }
    assert names <= set(optim.__all__)


@pytest.mark.parametrize(("name", "settings"), OPTIMISERS)
def test_adapted_rule_is_torchs_step_by_step(name, settings):
    grads = gradients()
    expected = torchs(lambda leaves: getattr(torch.optim, name)(leaves, **settings), grads)
    assert torch.allclose(ours(getattr(optim, name)(settings), grads), expected, atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), OPTIMISERS)
def test_adapted_update_changes_nothing_in_place_and_repeats(name, settings):
    rule, grad = getattr(optim, name)(settings), torch.randn(3, 2)
    values, states = rule.update({"p": torch.ones(3, 2), "q": torch.ones(2, 2)}, {"p": grad}, {})
    before = repr(states), values["p"].clone(), grad.clone()
    first, _ = rule.update(values, {"p": grad}, states)
    again, _ = rule.update(values, {"p": grad}, states)
    assert torch.equal(first["p"], again["p"])
    assert not torch.equal(first["p"], values["p"])
    assert repr(states) == before[0]
    assert torch.equal(values["p"], before[1])
    assert torch.equal(grad, before[2])
    assert first["q"] is values["q"]


def test_adapted_rule_moves_all_parameters_each_with_its_settings():
    rates = {"a": 0.1, "b": 0.3}
    rule = optim.RMSprop(lambda name: {"lr": rates[name]})
    grads = {"a": torch.ones(2), "b": torch.ones(())}
    values, states = {"a": torch.zeros(2), "b": torch.zeros(())}, {}
    for _ in range(3):
        values, states = rule.update(values, grads, states)
    alone = {
        name: ours(optim.RMSprop({"lr": rates[name]}), [grad] * 3, {"p": torch.zeros(grad.shape)})
        for name, grad in grads.items()
    }
    assert all(torch.allclose(values[name], alone[name][-1]) for name in values)


def test_gradients_are_clipped_before_an_adapted_rule():
    clipped = ours(optim.Adagrad({"lr": 0.1}, {"clip_value": 0.5}), [torch.full((3, 2), 7.0)])
    assert torch.equal(clipped, ours(optim.Adagrad({"lr": 0.1}), [torch.full((3, 2), 0.5)]))


def test_norm_is_clipped_before_values_as_in_pyro():
    grad = torch.tensor([3.0, -4.0])
    rule = SGD({"lr": 1.0}, clip_args={"clip_norm": 1.0, "clip_value": 0.7})
    values, _ = rule.update({"p": torch.zeros(2)}, {"p": grad}, {})
    assert values["p"].tolist() == pytest.approx([-0.6, 0.7])


def test_pyro_optim_takes_torchs_class_with_all_its_settings():
    grads, settings = gradients(), {"lr": 0.1, "amsgrad": True}
    expected = torchs(lambda leaves: torch.optim.Adam(leaves, **settings), grads)
    rule = PyroOptim(torch.optim.Adam, settings)
    assert torch.allclose(ours(rule, grads), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: optim.RMSprop({"lr": 0.1, "momentun": 0.9}), ["RMSprop", "mean 'momentum'"]),
        (lambda: optim.RMSprop({"lr": -1.0}), ["RMSprop", "-1.0"]),
        (lambda: optim.NAdam({"betas": (0.9, 2.0)}), ["NAdam", "2.0"]),
        (lambda: Adam({"amsgrad": True}), ["'amsgrad'", "PyroOptim(torch.optim.Adam"]),
        (lambda: Adam({"lr": 0.1}, clip_args=len), ["clip_args", "clip_norm", "len"]),
        (lambda: optim.LBFGS({"lr": 1.0}), ["LBFGS", "several", "Adam"]),
        (lambda: PyroOptim(torch.optim.LBFGS, {"lr": 1.0}), ["LBFGS", "several"]),
        (lambda: ours(optim.Muon(), [torch.ones(2)], {"p": torch.ones(2)}), ["Muon", "2D"]),
        (lambda: optim.ExponentialLR({"gamma": 0.9}), ["ExponentialLR", '"optimizer"']),
        (lambda: optim.StepLR({"optimizer": SGD, "optim_args": {"lr": 0.1}}), ["StepLR", "step_s"]),
        (
            lambda: optim.ExponentialLR({"optimizer": SGD, "optim_args": {"rate": 1}, "gamma": 1}),
            ["SGD", "'lr'"],
        ),
        (lambda: optim.ExponentialLR({"optimizer": "Adam", "gamma": 0.9}), ["'Adam'", "class"]),
    ],
)
def test_impossible_settings_error(make, words):
    with pytest.raises(ParamError) as error:
        make()
    assert all(word in str(error.value) for word in words), error.value


# ---- schedules


def test_every_schedule_of_torch_is_here_but_those_made_of_others():
    names = {
        name
        for name in schedules.__all__
        if issubclass(getattr(schedules, name), schedules.LRScheduler)
    }
    assert names - {"LRScheduler", "SequentialLR", "ChainedScheduler"} <= set(optim.__all__)


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES)
@pytest.mark.parametrize("rule", ["SGD", "Adam", "RMSprop"])
def test_schedule_moves_settings_as_torchs_does(name, arguments, rule):
    grads, settings = gradients(), {"lr": 0.1}
    if rule == "SGD":
        settings["momentum"] = 0.5
    make = getattr(torch.optim, rule)
    if name in ("CyclicLR", "OneCycleLR") and rule == "RMSprop":
        arguments = {**arguments, "cycle_momentum": False}
    expected = torchs(
        lambda leaves: make(leaves, **settings),
        grads,
        lambda optimiser: getattr(schedules, name)(optimiser, **arguments),
    )
    for given in (make, getattr(optim, rule)):
        scheduled = getattr(optim, name)({"optimizer": given, "optim_args": settings, **arguments})
        path = ours(scheduled, grads, after_step=scheduled.step)
        assert torch.allclose(path, expected, atol=1e-6)


def test_schedule_on_a_rule_that_torch_lacks():
    scheduled = optim.ExponentialLR(
        {"optimizer": ClippedAdam({"lr": 0.1, "clip_norm": 0.5}), "gamma": 0.5}
    )
    assert scheduled.settings("p")["clip_norm"] == 0.5
    scheduled.step()
    assert scheduled.settings("p")["lr"] == pytest.approx(0.05)


def test_plateau_lowers_the_rate_when_the_loss_stays():
    scheduled = optim.ReduceLROnPlateau(
        {"optimizer": Adam, "optim_args": {"lr": 0.1}, "factor": 0.5, "patience": 1}
    )
    ours(scheduled, gradients()[:1])
    rates = []
    for loss in (3.0, 2.0, 2.0, 2.0, 1.0):
        scheduled.step(loss)
        rates.append(scheduled.settings("p")["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05])


def test_schedules_in_sequence_through_a_function():
    def warm_up_then_decay(optimiser):
        parts = [
            schedules.LinearLR(optimiser, 0.1, 1.0, 3),
            schedules.ExponentialLR(optimiser, 0.5),
        ]
        return schedules.SequentialLR(optimiser, parts, [3])

    settings = {"optimizer": SGD, "optim_args": {"lr": 1.0}}
    scheduled, rates = PyroLRScheduler(warm_up_then_decay, settings), []
    for _ in range(6):
        rates.append(scheduled.settings("p")["lr"])
        scheduled.step()
    assert rates == pytest.approx([0.1, 0.4, 0.7, 1.0, 0.5, 0.25])
    assert "optimizer" in settings


def test_each_parameter_has_its_own_schedule_from_its_own_rate():
    rates = {"a": 0.1, "b": 0.4}
    scheduled = optim.ExponentialLR(
        {"optimizer": SGD, "optim_args": lambda name: {"lr": rates.get(name, 0.1)}, "gamma": 0.5}
    )
    assert scheduled.settings("a")["lr"] == pytest.approx(0.1)
    scheduled.step()
    assert scheduled.settings("a")["lr"] == pytest.approx(0.05)
    assert scheduled.settings("b")["lr"] == pytest.approx(0.4)  # it starts when it is first seen


# ---- in a training


@pytest.mark.parametrize(
    "optimiser",
    [
        optim.RMSprop({"lr": 0.005}),
        optim.Adagrad({"lr": 0.5}),
        optim.ExponentialLR(
            {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.1}, "gamma": 0.99}
        ),
    ],
)
def test_training_reaches_the_bottom_of_a_loss_without_noise(optimiser):
    nothing = lambda: None  # noqa: E731
    svi = SVI(nothing, nothing, optimiser, loss=lambda *_: (ppl.param("a", 1.0) - 2) ** 2)
    for _ in range(300):
        svi.step()
        if isinstance(optimiser, PyroLRScheduler):
            optimiser.step()
    assert ppl.get_param_store()["a"].item() == pytest.approx(2.0, abs=0.01)


def normal_pair():
    def model():
        ppl.sample("z", dist.Normal(2.0, 0.5))

    def guide():
        a = ppl.param("a", 0.0)
        ppl.sample("z", dist.Normal(a, 0.5))

    return model, guide


def test_a_loop_of_ones_own_with_leaves_and_their_grads():
    optimiser, store = Adam({"lr": 0.1}), ppl.get_param_store()
    path = []
    for _ in range(5):
        a = ppl.param("a", 1.0)
        b = ppl.param("b", 2.0, constraint=dist.constraints.positive)
        ((a - 3) ** 2 + b).backward()
        optimiser([a.unconstrained(), b.unconstrained()])
        for leaf in (a.unconstrained(), b.unconstrained()):
            leaf.grad = None
        path.append(store["a"].item())
    leaf = torch.tensor(1.0, requires_grad=True)
    torchs_adam = torch.optim.Adam([leaf], lr=0.1)
    for value in path:
        torchs_adam.zero_grad()
        ((leaf - 3) ** 2).backward()
        torchs_adam.step()
        assert value == pytest.approx(leaf.item(), abs=1e-6)
    with pytest.raises(ParamError, match="unconstrained"):
        optimiser([b])


def test_a_leaf_born_again_under_its_old_name_starts_afresh():
    optimiser = Adam({"lr": 0.1})
    for start in (1.0, 1.0):
        ppl.clear_param_store()
        a = ppl.param("a", start)
        (100 * a if optimiser.states == {} else -a).backward()
        optimiser([a.unconstrained()])
    assert ppl.get_param_store()["a"].item() == pytest.approx(1.1)


def test_settings_are_asked_for_modules_by_their_path():
    asked = []

    def settings(name):
        asked.append(name)
        return {"lr": 0.1}

    Adam(settings).settings("net$$$layer.weight")
    assert asked == ["net.layer.weight"]


# ---- saving


ALL_KINDS = [
    lambda: SGD({"lr": 0.1, "momentum": 0.9}),
    lambda: SGD({"lr": 0.1}),
    lambda: Adam({"lr": 0.1}),
    lambda: ClippedAdam({"lr": 0.1, "lrd": 0.9}),
    *[lambda name=name, it=it: getattr(optim, name)(it) for name, it in OPTIMISERS],
    *[
        lambda name=name, it=it: getattr(optim, name)(
            {"optimizer": Adam, "optim_args": {"lr": 0.1}, **it}
        )
        for name, it in SCHEDULES
    ],
]


@pytest.mark.parametrize("make", ALL_KINDS)
def test_training_goes_on_from_a_file_as_if_it_had_never_stopped(make, tmp_path):
    grads, first = gradients(), make()
    step = getattr(first, "step", lambda: None)
    path = ours(first, grads[:5], after_step=step)
    first.save(tmp_path / "optim.safetensors")
    rest = ours(first, grads[5:], {"p": path[-1]}, first.get_state() and first.states, step)

    second = make()
    second.load(tmp_path / "optim.safetensors")
    again = ours(second, grads[5:], {"p": path[-1]}, {}, getattr(second, "step", lambda: None))
    assert torch.allclose(again, rest, atol=1e-7)


def test_parameters_and_optimiser_in_one_file(tmp_path):
    file = tmp_path / "trained.safetensors"
    model, guide = normal_pair()
    losses = []
    for steps in (20, 40):
        with ParamStore():
            svi = SVI(model, guide, Adam({"lr": 0.05}))
            torch.manual_seed(3)
            losses.append([svi.step() for _ in range(steps)][-20:])
            if steps == 20:
                ppl.get_param_store().save(file, optim=svi.optim)
    with ParamStore() as store:
        optimiser = Adam({"lr": 0.05})
        store.load(file, optim=optimiser)
        svi = SVI(model, guide, optimiser)
        torch.manual_seed(3)
        for _ in range(20):  # the same noise as the steps that were not taken again
            torch.randn(())
        again = [svi.step() for _ in range(20)]
    assert again == pytest.approx(losses[1], abs=1e-6)


def test_file_without_an_optimiser_error(tmp_path):
    file = tmp_path / "params.safetensors"
    ppl.param("a", 1.0)
    ppl.get_param_store().save(file)
    with pytest.raises(ParamError, match="no state of an optimiser"):
        Adam().load(file)
    with pytest.raises(ParamError, match="no state of an optimiser"):
        ppl.get_param_store().load(file, optim=Adam())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@pytest.mark.parametrize("make", [ALL_KINDS[2], ALL_KINDS[6], ALL_KINDS[-1]])
def test_optimisers_survive_copy_and_pickle(make, duplicate):
    grads, first = gradients(), make()
    path = ours(first, grads[:5], after_step=getattr(first, "step", lambda: None))
    second = duplicate(first)
    assert second.settings("p") == first.settings("p")
    rest = ours(first, grads[5:], {"p": path[-1]}, first.states)
    again = ours(second, grads[5:], {"p": path[-1]}, second.states)
    assert torch.equal(rest, again)
