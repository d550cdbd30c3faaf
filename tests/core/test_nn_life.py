"""Modules that change, are copied, saved, shared, used in threads, mistaken, and trained."""

import copy
import pickle
import threading

import pytest
import torch
from torch import nn

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import ModelError, ParamError, ParamStore, handlers
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.nn import (
    PyroModule,
    PyroParam,
    PyroSample,
    clear,
    to_pyro_module_,
)
from ppl_core.optim import ClippedAdam


def record(program, *args):
    """Names of a run's statements, by kind, and the record itself."""
    sites = handlers.trace(program).get_trace(*args)
    return sites.param_nodes, [site.name for site in sites.samples()], sites


class Regression(PyroModule):
    def __init__(self, inputs=2):
        super().__init__()
        self.linear = PyroModule[nn.Linear](inputs, 1)
        self.linear.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, inputs]).to_event(2))
        self.scale = PyroParam(0.5, constraint=constraints.positive)
        self.noise = PyroSample(lambda self: dist.LogNormal(0.0, self.scale))
        self.doubled = PyroSample(lambda self: 2 * self.noise)

    def forward(self, x, y=None):
        mean = self.linear(x).squeeze(-1)
        assert self.noise is self.noise  # drawn once a call
        assert self.doubled == 2 * self.noise
        with ppl.plate("rows", len(x)):
            return ppl.sample("y", dist.Normal(mean, self.noise), obs=y)


# ---- replacing, deleting, sharing


def test_a_new_kind_of_attribute_replaces_the_old_one_everywhere():
    model = Regression()
    model(torch.ones(3, 2))
    store = ppl.get_param_store()
    assert "linear.bias" in store
    model.linear.bias = PyroSample(dist.Normal(0.0, 1.0).expand([1]).to_event(1))
    assert "linear.bias" not in store
    assert "linear.bias" in record(model, torch.ones(3, 2))[1]
    model.linear.bias = nn.Parameter(torch.zeros(1))
    assert "linear.bias" in record(model, torch.ones(3, 2))[0]
    del model.scale
    assert "scale" not in store
    with pytest.raises(AttributeError, match="scale"):
        _ = model.scale
    del model.linear
    assert store.keys() == []


def test_clear_deletes_all():
    model = Regression()
    model(torch.ones(3, 2))
    clear(model)
    assert len(ppl.get_param_store()) == 0
    assert list(model.parameters()) == []


def test_two_modules_of_one_name_share_the_stores_parameter():
    first, second = Regression(), Regression()
    first(torch.ones(3, 2))
    second.scale = 0.9
    second(torch.ones(3, 2))
    assert second.scale_unconstrained is first.scale_unconstrained
    assert second.scale.item() == pytest.approx(0.5)
    wide = Regression(5)
    wide.scale = PyroParam(torch.ones(4), constraint=constraints.positive)
    with pytest.raises(ParamError, match=r"'scale'.*\(4,\).*\(\)"):
        wide(torch.ones(3, 5))


def test_module_takes_over_a_loaded_store(tmp_path):
    file, model = tmp_path / "m.safetensors", Regression()
    model.scale = 0.125
    model(torch.ones(3, 2))
    ppl.get_param_store().save(file)
    with ParamStore() as store:
        store.load(file)
        fresh = Regression()
        fresh(torch.ones(3, 2))
        assert fresh.scale.item() == pytest.approx(0.125)
        assert store.unconstrained("scale") is fresh.scale_unconstrained
        assert isinstance(fresh.scale_unconstrained, nn.Parameter)


def test_state_dict_moves_a_module_without_a_store():
    model, other = Regression(), Regression()
    model.scale = 0.125
    other.load_state_dict(model.state_dict())
    assert other.scale.item() == pytest.approx(0.125)
    assert "scale_unconstrained" in model.state_dict()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_modules_survive_copy_and_pickle(duplicate):
    net = PyroModule[nn.Sequential](PyroModule[nn.Linear](2, 1), nn.Tanh())
    net[0].weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 2]).to_event(2))
    net[0].scale = PyroParam(2.0, constraint=constraints.positive)
    net(torch.ones(2))
    other = duplicate(net)
    assert type(other) is type(net)
    with ParamStore():
        params, samples, _ = record(other, torch.ones(2))
        assert (params, samples) == (["0.bias"], ["0.weight"])
        assert other[0].bias is not net[0].bias
    assert other[0].scale.item() == pytest.approx(2.0)


def test_two_threads_have_each_their_own_call():
    class Slow(PyroModule):
        def __init__(self):
            super().__init__()
            self.z = PyroSample(dist.Normal(0.0, 1.0))

        def forward(self):
            first = self.z
            gate.wait(5)
            return first is self.z

    gate, model, kept = threading.Barrier(2), Slow(), []
    threads = [threading.Thread(target=lambda: kept.append(model())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept == [True, True]


def test_call_that_fails_leaves_no_draw_behind():
    class Fails(PyroModule):
        def __init__(self):
            super().__init__()
            self.z = PyroSample(dist.Normal(0.0, 1.0))
            self.fail = True

        def forward(self):
            z = self.z
            if self.fail:
                raise ValueError("mine")
            return z

    model = Fails()
    with pytest.raises(ValueError, match="mine"):
        model()
    model.fail = False
    assert record(model)[1] == ["z"]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: PyroModule[torch.tensor], TypeError, ["PyroModule[nn.Linear]"]),
        (lambda: to_pyro_module_(torch.tensor), TypeError, ["torch.nn.Module"]),
        (
            lambda: setattr(
                PyroModule(), "net", nn.Sequential(PyroModule[nn.Linear](1, 1))
            ),
            ModelError,
            ["PyroModule.net", "PyroModule[nn.Sequential]", "to_pyro_module_"],
        ),
        (
            lambda: setattr(PyroModule(), "x", PyroParam(-1.0, constraints.positive)),
            ParamError,
            ["'x'", "-1.0"],
        ),
        (lambda: Forgetful(), AttributeError, ["Forgetful.x", "super().__init__()"]),
    ],
)  # fmt: skip
def test_mistakes_are_named(make, error, words):
    with pytest.raises(error) as raised:
        make()
    assert all(word in str(raised.value) for word in words), raised.value


class Forgetful(PyroModule):
    def __init__(self):
        self.x = PyroParam(1.0)


# ---- in inference


def test_local_parameters_of_a_subsampling_plate():
    class Guide(PyroModule):
        def __init__(self):
            super().__init__()
            self.locs = PyroParam(torch.zeros(10), event_dim=0)

        def forward(self):
            with ppl.plate("rows", 10, subsample=torch.tensor([1, 4])):
                return self.locs

    guide = Guide()
    assert guide().shape == (2,)
    guide().sum().backward()
    assert guide.locs.grad.nonzero().flatten().tolist() == [1, 4]


def test_bayesian_regression_finds_its_exact_posterior():
    """Weights with a conjugate prior: posterior mean and sd in closed form (Bishop 2006, 3.53)."""
    x = torch.randn(40, 2)
    y = x @ torch.tensor([1.0, -2.0]) + 0.5 * torch.randn(40)
    precision = torch.eye(2) + x.T @ x / 0.25
    mean = torch.linalg.solve(precision, x.T @ y / 0.25)

    class Model(PyroModule):
        def __init__(self):
            super().__init__()
            self.linear = PyroModule[nn.Linear](2, 1, bias=False)
            prior = dist.Normal(0.0, 1.0).expand([1, 2]).to_event(2)
            self.linear.weight = PyroSample(prior)

        def forward(self, x, y):
            mean = self.linear(x).squeeze(-1)
            with ppl.plate("rows", len(x)):
                ppl.sample("y", dist.Normal(mean, 0.5), obs=y)

    class Guide(PyroModule):
        def __init__(self):
            super().__init__()
            self.loc = PyroParam(torch.zeros(2))
            self.tril = PyroParam(0.1 * torch.eye(2), constraint=constraints.lower_cholesky)

        def forward(self, x, y):
            normal = dist.MultivariateNormal(self.loc, scale_tril=self.tril)
            flat = ppl.sample("flat", normal, infer={"is_auxiliary": True})
            weight = dist.Delta(flat.reshape(1, 2), event_dim=2)
            ppl.sample("linear.weight", weight)

    guide = Guide()
    svi = SVI(Model(), guide, ClippedAdam({"lr": 0.1, "lrd": 0.985}))
    for _ in range(300):
        svi.step(x, y)
    # the rate has decayed to a hundredth, so what is left of Adam's wandering is small
    assert torch.allclose(guide.loc, mean, atol=0.02)
    sd = (guide.tril @ guide.tril.T).diagonal().sqrt()
    assert torch.allclose(sd, precision.inverse().diagonal().sqrt(), rtol=0.15)
