"""Whatever a step depends on may change between two runs; no run takes the steps of another."""

import functools
import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import ParamStore
from ppl_core.compiled import engine
from ppl_core.infer import SVI, Trace_ELBO, TraceMeanField_ELBO
from ppl_core.infer import recorded as fast
from ppl_core.optim import SGD, Adam

spread = 1.0
readings = torch.tensor([9.5, 9.1])
table = {"prior": [8.5]}


def prior():
    return dist.Normal(table["prior"][0], spread)


def model(shift=0.0):
    weight = ppl.sample("weight", prior())
    ppl.sample("readings", dist.Normal(weight + shift, 0.75).expand([2]).to_event(1), obs=readings)


def guide(shift=0.0):
    ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), 0.6))


def wide_guide(shift=0.0):
    b = ppl.param("b", 0.6, constraint=dist.constraints.positive)
    ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), b))


def bounded_guide(shift=0.0):
    a = ppl.param("a", 8.5, constraint=dist.constraints.interval(0.0, 20.0))
    ppl.sample("weight", dist.Normal(a, 0.6))


def twice(shift=0.0):
    model(2 * shift)


def longer(shift=0.0):
    """The same up to a constant inside."""
    weight = ppl.sample("weight", prior())
    ppl.sample("readings", dist.Normal(weight + shift, 0.70).expand([2]).to_event(1), obs=readings)


class Prior:
    """An object whose attributes may change unseen."""

    loc = 8.5

    def __call__(self, shift=0.0):
        weight = ppl.sample("weight", dist.Normal(self.loc, 1.0))
        ppl.sample("readings", dist.Normal(weight, 0.75), obs=torch.tensor(9.5))


def closed(loc):
    def inside(shift=0.0):
        weight = ppl.sample("weight", dist.Normal(loc, 1.0))
        ppl.sample("readings", dist.Normal(weight, 0.75), obs=torch.tensor(9.5))

    return inside


def set_global(name, value):
    return lambda patch: patch.setitem(globals(), name, value)


OBJECT = Prior()
NOTHING = {}
CHANGES = {
    "a global number": (NOTHING, {"do": set_global("spread", 2.0)}),
    "a global tensor": (NOTHING, {"do": set_global("readings", torch.tensor([7.0, 7.5]))}),
    "its dtype": (NOTHING, {"do": set_global("readings", readings.double())}),
    "a container deep inside": (NOTHING, {"do": set_global("table", {"prior": [7.0]})}),
    "a helper": (NOTHING, {"do": set_global("prior", lambda: dist.Normal(7.0, 1.0))}),
    "a closure": ({"model": closed(8.5)}, {"model": closed(6.5)}),
    "the code": (NOTHING, {"model": longer}),
    "a wrapper": (NOTHING, {"model": twice, "args": (0.5,)}),
    "a bound argument": (NOTHING, {"model": functools.partial(model, 0.5)}),
    "an argument's place": ({"args": (0.5,)}, {"kwargs": {"shift": 0.5}}),
    "an argument's shape": ({"args": (torch.zeros(1),)}, {"args": (torch.zeros(2),)}),
    "an argument's dtype": ({"args": (torch.zeros(1),)}, {"args": (torch.ones(1).double(),)}),
    "an argument's value": ({"args": (0.5,)}, {"args": (-0.5,)}),
    "a handler": (NOTHING, {"model": ppl.handlers.scale(model, scale=3.0)}),
    "a handler's setting": (
        {"model": ppl.handlers.scale(model, scale=2.0)},
        {"model": ppl.handlers.scale(model, scale=3.0)},
    ),
    "another loss": (NOTHING, {"loss": TraceMeanField_ELBO()}),
    "a loss's setting": (NOTHING, {"loss": Trace_ELBO(num_particles=3)}),
    "another rule": (NOTHING, {"optim": Adam({"lr": 0.01})}),
    "a rule's setting": (NOTHING, {"optim": SGD({"lr": 0.01, "momentum": 0.5})}),
    "a rate": (NOTHING, {"optim": SGD({"lr": 0.03})}),
    "clipping": (NOTHING, {"optim": SGD({"lr": 0.01}, clip_args={"clip_norm": 0.1})}),
    "another guide": (NOTHING, {"guide": wide_guide}),
    "a constraint": (NOTHING, {"guide": bounded_guide}),
    "an attribute": (
        {"model": OBJECT},
        {"model": OBJECT, "do": lambda patch: patch.setattr(OBJECT, "loc", 6.0, raising=False)},
    ),
    "a class attribute": (
        {"model": OBJECT},
        {"model": OBJECT, "do": lambda patch: patch.setattr(Prior, "loc", 5.0)},
    ),
}


def run(how, setting):
    torch.manual_seed(5)
    svi = SVI(
        setting.get("model", model),
        setting.get("guide", guide),
        setting.get("optim", SGD({"lr": 0.01})),
        setting.get("loss"),
        store=ParamStore(),
    )
    args, kwargs = setting.get("args", ()), setting.get("kwargs", {})
    result = svi.run(110, *args, compile=how, progress_bar=False, **kwargs)
    if how == "auto":
        assert svi.compiled.backend == "floats", svi.compiled.reason
    return result


@pytest.fixture(autouse=True)
def only_floats(monkeypatch):
    monkeypatch.setattr(engine, "PAYS", math.inf)
    monkeypatch.setattr(engine, "is_built", lambda text: False)
    monkeypatch.setattr(fast, "_recordings", {})


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_never_answered_by_stale_code(name, monkeypatch):
    before, after = CHANGES[name]
    first = run("auto", before)
    after.get("do", lambda patch: None)(monkeypatch)
    ours, eager = run("auto", after), run("never", after)
    close = {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(ours.losses, eager.losses, **close)
    torch.testing.assert_close(ours.params, eager.params, **close)
    if name not in ("an argument's place", "an argument's shape", "its dtype"):
        assert not torch.allclose(first.losses, ours.losses, **close)


def test_a_tensor_changed_in_place_is_new_data_for_the_same_recording(monkeypatch):
    own = readings.clone()
    monkeypatch.setitem(globals(), "readings", own)
    run("auto", NOTHING)
    known = dict(fast._recordings)
    own += 1.0
    ours, eager = run("auto", NOTHING), run("never", NOTHING)
    torch.testing.assert_close(ours.losses, eager.losses, rtol=1e-5, atol=1e-5)
    assert fast._recordings.keys() == known.keys()


def test_an_active_handler_and_a_default_dtype_are_seen():
    run("auto", NOTHING)
    with ppl.handlers.scale(scale=2.0):
        ours, eager = run("auto", NOTHING), run("never", NOTHING)
    torch.testing.assert_close(ours.losses, eager.losses, rtol=1e-5, atol=1e-5)
    torch.set_default_dtype(torch.float64)
    try:
        ours, eager = run("auto", NOTHING), run("never", NOTHING)
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(ours.params, eager.params, rtol=1e-7, atol=1e-7)
    assert ours.params["a"].dtype == torch.float64
