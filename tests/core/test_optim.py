"""Update rules step by step against torch's and Pyro's; settings, clipping, purity, errors."""

import math

import numpy as np
import pytest
import torch

from ppl_core import ParamError
from ppl_core.optim import SGD, Adam, AdamW, ClippedAdam, Optimizer

STEPS = 30


def gradients(seed=0, shape=(3,)):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) * 2 for _ in range(STEPS)]


def ours(optim, grads, start):
    values, states, path = {"p": start}, {}, []
    for grad in grads:
        values, states = optim.update(values, {"p": grad}, states)
        path.append(values["p"])
    return path


def torchs(kind, settings, grads, start):
    leaf = start.clone().requires_grad_()
    optim, path = kind([leaf], **settings), []
    for grad in grads:
        leaf.grad = grad.clone()
        optim.step()
        path.append(leaf.detach().clone())
    return path


def assert_same_path(mine, other):
    for step, (a, b) in enumerate(zip(mine, other, strict=True)):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6), step


@pytest.mark.parametrize(
    ("kind", "torch_kind", "settings"),
    [
        (SGD, torch.optim.SGD, {"lr": 0.1}),
        (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
        (SGD, torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.2}),
        (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.2}),
        (Adam, torch.optim.Adam, {"lr": 0.1}),
        (Adam, torch.optim.Adam, {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-3}),
        (Adam, torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.2}),
        (AdamW, torch.optim.AdamW, {"lr": 0.1}),
        (AdamW, torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.3, "betas": (0.5, 0.8)}),
    ],
    ids=lambda it: getattr(it, "__name__", str(it)),
)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_rule_is_torchs_step_by_step(kind, torch_kind, settings, shape):
    start, grads = torch.full(shape, 0.7), gradients(shape=shape)
    assert_same_path(ours(kind(settings), grads, start), torchs(torch_kind, settings, grads, start))


def test_first_step_of_adam_is_lr_against_the_gradient():
    (first, *_) = ours(Adam({"lr": 0.1}), [torch.tensor([2.0, -3.0])], torch.zeros(2))
    assert first.tolist() == pytest.approx([-0.1, 0.1])


def clipped_adam_by_hand(grads, value, lr, clip_norm=10.0, lrd=1.0, decay=0.0, betas=(0.9, 0.999)):
    """Pyro's ClippedAdam: clip each entry, decay the rate before the step, then Adam."""
    mean = square = torch.zeros_like(value)
    for step, grad in enumerate(grads, start=1):
        lr *= lrd
        grad = grad.clamp(-clip_norm, clip_norm) + decay * value
        mean = betas[0] * mean + (1 - betas[0]) * grad
        square = betas[1] * square + (1 - betas[1]) * grad * grad
        rate = lr * math.sqrt(1 - betas[1] ** step) / (1 - betas[0] ** step)
        value = value - rate * mean / (square.sqrt() + 1e-8)
        yield value


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.1},
        {"lr": 0.1, "clip_norm": 0.5},
        {"lr": 0.1, "lrd": 0.9},
        {"lr": 0.1, "clip_norm": 1.0, "lrd": 0.95, "betas": (0.5, 0.8)},
        {"lr": 0.1, "weight_decay": 0.2},
    ],
    ids=str,
)
def test_clipped_adam_follows_pyros_formula(settings):
    grads, start = gradients(), torch.tensor([0.5, -1.0, 2.0])
    by_hand = {"decay" if name == "weight_decay" else name: it for name, it in settings.items()}
    assert_same_path(
        ours(ClippedAdam(settings), grads, start),
        list(clipped_adam_by_hand(grads, start, **by_hand)),
    )


# ---- purity and bookkeeping


@pytest.mark.parametrize("optim", [SGD({"lr": 0.1, "momentum": 0.9}), Adam(), ClippedAdam()])
def test_update_changes_nothing_in_place_and_repeats(optim):
    values, states = {"p": torch.ones(3), "q": torch.ones(())}, {}
    values, states = optim.update(values, {"p": torch.ones(3)}, states)
    frozen = ({name: it.clone() for name, it in values.items()}, repr(states))
    first = optim.update(values, {"p": torch.ones(3)}, states)
    again = optim.update(values, {"p": torch.ones(3)}, states)
    assert torch.equal(first[0]["p"], again[0]["p"])
    assert all(torch.equal(values[name], frozen[0][name]) for name in values)
    assert repr(states) == frozen[1]
    assert first[0]["q"] is values["q"]


def test_parameters_without_a_gradient_stay_and_get_no_state():
    values, states = Adam().update(
        {"p": torch.ones(()), "q": torch.ones(())}, {"p": torch.ones(())}, {}
    )
    assert values["q"] == 1.0
    assert set(states) == {"p"}


@pytest.mark.parametrize("before", [SGD({"lr": 0.1, "momentum": 0.9}), Adam(), ClippedAdam()])
@pytest.mark.parametrize("after", [SGD({"lr": 0.1, "momentum": 0.9}), Adam(), AdamW()])
def test_another_rule_takes_over_in_the_middle(before, after):
    values, states = before.update({"p": torch.zeros(2)}, {"p": torch.ones(2)}, {})
    values, states = after.update(values, {"p": torch.ones(2)}, states)
    values, states = after.update(values, {"p": torch.ones(2)}, states)
    assert torch.isfinite(values["p"]).all()


@pytest.mark.parametrize(
    ("kind", "settings"), [(SGD, {"momentum": 0.9}), (Adam, {}), (ClippedAdam, {"lrd": 0.9})]
)
def test_another_object_of_the_rule_goes_on_from_what_the_first_remembers(kind, settings):
    grads, values, states = gradients(), {"p": torch.zeros(3)}, {}
    for grad in grads:
        values, states = kind({"lr": 0.1, **settings}).update(values, {"p": grad}, states)
    alone = ours(kind({"lr": 0.1, **settings}), grads, torch.zeros(3))
    assert torch.equal(values["p"], alone[-1])


# ---- settings


def test_each_parameter_may_have_its_own_settings_asked_for_once():
    asked = []

    def settings(name):
        asked.append(name)
        return {"lr": 0.1 if name == "a" else 0.0}

    optim = SGD(settings)
    values, states = {"a": torch.zeros(()), "b": torch.zeros(())}, {}
    for _ in range(3):
        values, states = optim.update(values, {"a": torch.ones(()), "b": torch.ones(())}, states)
    assert values["a"].item() == pytest.approx(-0.3)
    assert values["b"] == 0.0
    assert sorted(asked) == ["a", "b"]


def test_clip_value_limits_entries_and_clip_norm_the_length():
    grad = torch.tensor([3.0, -4.0])
    by_value = SGD({"lr": 1.0}, clip_args={"clip_value": 1.0})
    by_norm = SGD({"lr": 1.0}, clip_args={"clip_norm": 1.0})
    small = SGD({"lr": 1.0}, clip_args={"clip_norm": 10.0})
    assert ours(by_value, [grad], torch.zeros(2))[0].tolist() == [-1.0, 1.0]
    assert ours(by_norm, [grad], torch.zeros(2))[0].tolist() == pytest.approx([-0.6, 0.8])
    assert ours(small, [grad], torch.zeros(2))[0].tolist() == pytest.approx([-3.0, 4.0])


@pytest.mark.parametrize("lr", [0, 1, 0.5, np.float64(0.5), np.float32(0.5)])
def test_any_real_number_is_a_rate(lr):
    (value,) = ours(SGD({"lr": lr}), [torch.ones(2)], torch.zeros(2))
    assert value.tolist() == [-float(lr)] * 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SGD({"lr": 0.1, "momentun": 0.9}), ["SGD", "'momentun'", "mean 'momentum'"]),
        (lambda: Adam({"learning_rate": 0.1}), ["Adam", "'learning_rate'", "mean 'lr'"]),
        (lambda: Adam({"lr": 0.1, "momentum": 0.9}), ["Adam", "'momentum'", "betas"]),
        (lambda: SGD(0.1), ["SGD", '{"lr": 0.01}', "0.1"]),
        (lambda: SGD({"lr": -0.1}), ["SGD", "lr", "-0.1"]),
        (lambda: SGD({"lr": math.nan}), ["SGD", "lr", "nan"]),
        (lambda: SGD({"lr": math.inf}), ["SGD", "lr", "inf"]),
        (lambda: SGD({"lr": "fast"}), ["SGD", "lr", "fast"]),
        (lambda: SGD({"lr": None}), ["SGD", "lr", "None"]),
        (lambda: SGD({"lr": 0.1, "momentum": -0.5}), ["SGD", "momentum", "-0.5"]),
        (lambda: SGD({"lr": 0.1, "nesterov": True}), ["SGD", "nesterov", "momentum"]),
        (lambda: Adam({"betas": (0.9, 1.5)}), ["Adam", "betas", "1.5"]),
        (lambda: Adam({"eps": -1.0}), ["Adam", "eps", "-1"]),
        (lambda: Adam({"weight_decay": -1.0}), ["Adam", "weight_decay", "-1"]),
        (lambda: Adam({"lr": 0.1}, clip_args={"norm": 1.0}), ["clip_norm", "'norm'"]),
        (lambda: Adam(lambda name: {"rl": 0.1}).settings("a"), ["Adam", "'rl'"]),
        (lambda: Adam(lambda name: 0.1).settings("a"), ["Adam", "0.1", "mapping"]),
    ],
)
def test_settings_that_mean_nothing_error(make, words):
    with pytest.raises(ParamError) as error:
        make()
    assert all(word in str(error.value) for word in words), error.value


def test_the_bare_class_is_no_rule():
    with pytest.raises((TypeError, ParamError), match=r"SGD|lr"):
        Optimizer({}).update({"p": torch.zeros(())}, {"p": torch.ones(())}, {})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adam_of_many_parameters_moves_each_as_alone_whatever_their_ages(dtype):
    """Alike parameters move in one call; one that is born later has its own bias corrections."""
    draw = torch.Generator().manual_seed(3)
    shapes = {"a": (), "b": (4,), "c": (2, 3)}
    values = {
        name: torch.randn(shape, generator=draw, dtype=dtype) for name, shape in shapes.items()
    }
    alone = {name: value.clone() for name, value in values.items()}
    together, apart = Adam({"lr": 0.1}), {name: Adam({"lr": 0.1}) for name in shapes}
    states, own = {}, {name: {} for name in shapes}
    for step in range(6):
        born = [name for name in shapes if name != "c" or step > 2]
        grads = {n: torch.randn(shapes[n], generator=draw, dtype=dtype) for n in born}
        before = {name: value.clone() for name, value in values.items()}
        moved, states = together.update(values, grads, states)
        assert all(torch.equal(values[name], before[name]) for name in shapes)
        values = moved
        for name in born:
            one, own[name] = apart[name].update({name: alone[name]}, {name: grads[name]}, own[name])
            alone[name] = one[name]
    for name in shapes:
        assert values[name].dtype == dtype
        assert torch.allclose(values[name], alone[name], rtol=1e-6)


def test_adam_of_odd_memory_and_shapes_moves_as_written():
    """Transposed, repeated and broadcast tensors; the rule itself, name by name, is the truth."""
    draw = torch.Generator().manual_seed(5)

    def noise(*shape):
        return torch.randn(shape, generator=draw)

    def states_of(values):
        return {
            name: ("Adam", 3, noise(*value.shape), noise(*value.shape) ** 2)
            for name, value in values.items()
        }

    straight = {"a": noise(3, 4), "b": noise(5)}
    crooked = {"a": noise(4, 3).T, "b": noise(1).expand(5)}
    ensemble = {"a": noise(1, 1).expand(3, 4), "b": noise(5)}
    one = {"a": ("Adam", 3, noise(), noise() ** 2), "b": ("Adam", 3, noise(), noise() ** 2)}
    for values, grads, states in (
        (straight, crooked, states_of(straight)),
        (crooked, straight, states_of(straight)),
        (ensemble, crooked, one),
        (straight, straight, {**states_of(straight), "b": one["b"]}),
    ):
        adam = Adam({"lr": 0.1})
        moved, after = adam.update(values, grads, states)
        for name in values:
            value, state = adam.rule(values[name], grads[name], states[name], adam.settings(name))
            assert torch.allclose(moved[name], value, rtol=1e-5, atol=1e-6)
            assert after[name][1] == 4
            for mine, other in zip(after[name][2:], state[2:], strict=True):
                assert torch.allclose(mine, other, rtol=1e-5, atol=1e-6)
