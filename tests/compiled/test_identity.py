"""A program has the identity of what it does; what may change unseen has none."""

import functools
import random
import types

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled import Identity, NoIdentity

reading = 9.5
table = {"a": [1, 2]}


def model(guess, spread=1.0):
    weight = ppl.sample("weight", dist.Normal(guess, spread))
    return ppl.sample("reading", dist.Normal(weight, helper()), obs=reading)


def helper():
    return 0.75 + table["a"][0]


def key(*things):
    return Identity(*things).key


def test_it_stays_while_nothing_changes():
    assert key(model) == key(model)
    assert key(ppl.condition(model, data={"reading": 1.0})) == key(
        ppl.condition(model, data={"reading": 1.0})
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reading", 9.6),
        ("reading", torch.tensor(9.5)),
        ("table", {"a": [3, 2]}),
        ("helper", lambda: 0.75),
        ("dist", types.SimpleNamespace()),
    ],
)
def test_a_changed_global_is_seen_however_deep(monkeypatch, name, value):
    before = key(model)
    monkeypatch.setitem(globals(), name, value)
    try:
        after = key(model)
    except NoIdentity:
        return
    assert after != before


def test_changed_defaults_closures_arguments_and_handlers_are_seen():
    def made(scale):
        return lambda x: scale * x

    def edited(guess, spread=2.0):
        return model(guess, spread)

    assert key(made(1.0)) != key(made(2.0))
    assert key(made(1.0)) == key(made(1.0))
    assert key(edited) != key(model)
    assert key(functools.partial(model, 1.0)) != key(functools.partial(model, 2.0))
    assert key(ppl.condition(model, data={"reading": 1.0})) != key(
        ppl.condition(model, data={"reading": 2.0})
    )
    assert key(dist.Normal(0.0, 1.0)) != key(dist.Normal(0.0, 2.0))


def test_tensors_are_the_objects_they_are():
    data = torch.zeros(3)
    before = Identity(data)
    data.fill_(1.0)
    assert Identity(data).key == before.key
    assert Identity(data.clone()).key != before.key
    assert before.tensors == [data]


class Settings:
    scale = 1.0


settings = Settings()


@pytest.mark.parametrize(
    "program",
    [
        lambda x: x * settings.scale,
        lambda x: x * Settings.scale,
        lambda x: x * random.random(),
        torch.nn.Linear(2, 2),
        settings,
    ],
)
def test_what_may_change_unseen_has_no_identity(program):
    with pytest.raises(NoIdentity, match="may change unseen"):
        Identity(program)
