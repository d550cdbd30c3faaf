"""Modules in programs: parameters and random weights as statements; Bayesian networks; errors."""

import copy
import pickle

import pytest
import torch
from torch import nn

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core import ModelError, ParamError, ParamStore, handlers
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.nn import (
    PyroModule,
    PyroModuleList,
    PyroParam,
    PyroSample,
    module,
    pyro_method,
    to_pyro_module_,
)
from ppl_core.optim import SGD


def record(program, *args):
    """Names of a run's statements, by kind, and the record itself."""
    sites = handlers.trace(program).get_trace(*args)
    return sites.param_nodes, [site.name for site in sites.samples()], sites


# ---- module(name, net)


def test_parameters_get_names_and_are_the_leaves_themselves():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False))
    params, _, sites = record(lambda: module("net", net))
    assert params == ["net$$$0.weight", "net$$$0.bias", "net$$$2.weight"]
    assert sites["_RETURN"].value is net
    store = ppl.get_param_store()
    assert store.unconstrained("net$$$0.weight") is net[0].weight
    assert sites["net$$$0.bias"].value is net[0].bias


def test_module_trains_in_place_as_torch_would():
    x, y = torch.randn(20, 2), torch.randn(20, 1)
    net = nn.Linear(2, 1)
    twin = copy.deepcopy(net)

    def guide(x, y):
        pass

    def model(x, y):
        module("net", net)  # the return value may be left
        with ppl.plate("rows", len(x)):
            ppl.sample("y", dist.Normal(net(x), 1.0).to_event(1), obs=y)

    svi = SVI(model, guide, SGD({"lr": 0.01}))
    plain = torch.optim.SGD(twin.parameters(), lr=0.01)
    for _ in range(5):
        loss = svi.step(x, y)
        plain.zero_grad()
        expected = -torch.distributions.Normal(twin(x), 1.0).log_prob(y).sum()
        expected.backward()
        plain.step()
        assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(net.weight, twin.weight, atol=1e-6)
    assert torch.allclose(net.bias, twin.bias, atol=1e-6)


def test_parameters_that_need_no_gradient_stay_out():
    net = nn.Linear(2, 1)
    net.weight.requires_grad_(False)
    assert record(lambda: module("net", net))[0] == ["net$$$bias"]


def test_store_that_holds_other_values_error_or_taken_over_when_asked():
    store, first, second = ppl.get_param_store(), nn.Linear(2, 1), nn.Linear(2, 1)
    module("net", first)
    with pytest.raises(ParamError, match=r"'net\$\$\$weight'.*update_module_params=True"):
        module("net", second)
    assert module("net", second, update_module_params=True) is second
    assert torch.equal(first.weight, second.weight)
    assert store.unconstrained("net$$$weight") is second.weight
    with pytest.raises(ParamError, match=r"\(3, 2\).*\(1, 2\)"):
        module("net", nn.Linear(2, 3), update_module_params=True)


def test_module_goes_on_from_a_file(tmp_path):
    file, net = tmp_path / "net.safetensors", nn.Linear(2, 1)
    module("net", net)
    ppl.get_param_store().save(file)
    with ParamStore() as store:
        store.load(file)
        fresh = module("net", nn.Linear(2, 1), update_module_params=True)
        assert torch.equal(fresh.weight, net.weight)
    saved = net.weight.detach().clone()
    net.weight.data = torch.zeros(1, 2)
    ppl.get_param_store().load(file)  # a module that is connected follows
    assert torch.equal(net.weight, saved)
    assert ppl.get_param_store().unconstrained("net$$$weight") is net.weight


def test_assignment_in_the_store_reaches_the_module():
    net = nn.Linear(2, 1)
    module("net", net)
    ppl.get_param_store()["net$$$bias"] = [3.0]
    assert net.bias.item() == 3.0


@pytest.mark.parametrize("make", [lambda: nn.Linear(2, 2), lambda: nn.GRU(2, 2)])
def test_handlers_that_answer_parameters_get_a_copy_that_uses_them(make):
    net, x = make(), torch.randn(1, 1, 2)
    values = {f"net$$${path}": torch.zeros_like(it) for path, it in net.named_parameters()}
    with handlers.substitute(data=values):
        twin = module("net", net)
    out = twin(x)
    out = out[0] if isinstance(out, tuple) else out
    assert torch.equal(out, torch.zeros(1, 1, 2))
    assert net(x)[0].count_nonzero() > 0


def test_lifted_module_is_a_bayesian_network():
    net, x = nn.Linear(1, 1), torch.ones(1)
    prior = {
        "net$$$weight": dist.Normal(1.0, 2.0).expand([1, 1]).to_event(2),
        "net$$$bias": dist.Normal(0.0, 1.0).expand([1]).to_event(1),
    }

    def model():
        return module("net", net)(x)

    lifted = handlers.lift(model, prior=prior)
    _, samples, _ = record(lifted)
    assert samples == list(prior)
    assert_average(torch.cat([lifted() for _ in range(2000)]), 1.0)  # sd sqrt(5)


def test_tied_weights_are_one_parameter():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    assert record(lambda: module("net", net))[0] == ["net$$$0.weight"]
    with handlers.substitute(data={"net$$$0.weight": 2 * torch.eye(2)}):
        assert module("net", net)(torch.ones(2)).tolist() == [4.0, 4.0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: module("net", nn.Linear), ["Linear", "Make one"]),
        (lambda: module("net", lambda x: x), ["torch.nn.Module"]),
        (lambda: module("a$$$b", nn.Linear(1, 1)), ["$$$"]),
    ],
)
def test_what_is_no_module_error(make, words):
    with pytest.raises(ModelError) as error:
        make()
    assert all(word in str(error.value) for word in words), error.value


# ---- PyroModule: attributes as statements


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


def test_names_are_the_paths_of_the_attributes():
    params, samples, sites = record(Regression(), torch.ones(3, 2))
    assert params == ["linear.bias", "scale"]
    assert [name for name in samples if name != "rows"] == [
        "linear.weight",
        "noise",
        "doubled",
        "y",
    ]
    assert sites["linear.weight"].value.shape == (1, 2)
    assert sites["doubled"].value == 2 * sites["noise"].value
    assert ppl.get_param_store()["scale"].item() == pytest.approx(0.5)


def test_name_of_the_whole_stands_in_front():
    whole = PyroModule("net")
    whole.inner = PyroModule()
    whole.inner.x = PyroParam(1.0)
    whole.run = None

    class Named(PyroModule):
        def forward(self):
            return self.inner.x

    named = Named("net")
    named.inner = whole.inner
    assert record(named)[0] == ["net.inner.x"]


def test_draws_are_kept_for_one_call_only():
    model = Regression()
    first, second = (record(model, torch.ones(3, 2))[2]["noise"].value for _ in range(2))
    assert first != second


def test_outside_a_call_attributes_are_plain_values():
    model = Regression()
    with handlers.trace() as sites:
        assert model.scale.item() == pytest.approx(0.5)
        assert model.noise != model.noise
        assert model.linear.bias.shape == (1,)
    assert not sites
    assert len(ppl.get_param_store()) == 0


def test_leaf_of_the_store_is_the_modules_own():
    model = Regression()
    model(torch.ones(3, 2))
    store = ppl.get_param_store()
    assert store.unconstrained("scale") is model.scale_unconstrained
    assert store.unconstrained("linear.bias") is model.linear.bias
    model.scale = 0.25
    assert store["scale"].item() == pytest.approx(0.25)
    store["scale"] = 0.75
    assert model.scale.item() == pytest.approx(0.75)
    with pytest.raises(ParamError, match=r"'scale'.*-1"):
        model.scale = -1.0


def test_named_pyro_params_are_constrained():
    found = dict(Regression().named_pyro_params())
    assert list(found) == ["scale", "linear.bias"]
    assert found["scale"].item() == pytest.approx(0.5)


def test_decorated_methods_are_attributes():
    class Model(PyroModule):
        @PyroParam
        def loc(self):
            return torch.zeros(2)

        @PyroParam(constraint=constraints.positive, event_dim=0)
        def scale(self):
            return torch.ones(2)

        @PyroSample
        def x(self):
            return dist.Normal(self.loc, self.scale).to_event(1)

        @PyroSample
        def y(self):
            return self.x + 1

        z = PyroSample(dist.Normal(0.0, 1.0))

        def forward(self):
            return self.y + self.z

    params, samples, _ = record(Model())
    assert (params, samples) == (["loc", "scale"], ["x", "y", "z"])
    overruled = Model()
    overruled.z = PyroSample(dist.Normal(5.0, 0.001))
    assert overruled.z.item() == pytest.approx(5.0, abs=0.1)
    other = pickle.loads(pickle.dumps(Bayesian()))
    assert record(other, torch.ones(1, 2))[1] == ["weight"]


class Bayesian(nn.Linear, PyroModule):  # as a mixin, at the top of a file so that pickle finds it
    def __init__(self, inputs=2, outputs=1):
        super().__init__(inputs, outputs)

    @PyroSample
    def weight(self):
        shape = [self.out_features, self.in_features]
        return dist.Normal(0.0, 1.0).expand(shape).to_event(2)

    def __setattr__(self, name, value):
        if name != "weight":
            super().__setattr__(name, value)


def test_pyro_method_makes_statements_too():
    class Model(PyroModule):
        def __init__(self):
            super().__init__()
            self.z = PyroSample(dist.Normal(0.0, 1.0))

        @pyro_method
        def twice(self):
            return self.z + self.z

        @pyro_method
        def whole(self):
            return self.twice() - 2 * self.z

    model = Model()
    assert record(model.twice)[1] == ["z"]
    assert model.whole() == 0.0


def test_plain_parts_are_registered_as_modules():
    class Model(PyroModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))

        def forward(self, x):
            return self.net(x)

    model = Model()
    assert record(model, torch.ones(2))[0][0] == "net$$$0.weight"
    assert ppl.get_param_store().unconstrained("net$$$1.bias") is model.net[1].bias


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_containers_see_plain_and_mixed_parts_and_slices_keep_names(kind):
    parts = [PyroModule[nn.Linear](2, 2), nn.Linear(2, 2), PyroModule[nn.Linear](2, 2)]

    class Model(PyroModule):
        def __init__(self):
            super().__init__()
            mixed = PyroModule[kind]
            self.parts = mixed(*parts) if kind is nn.Sequential else mixed(parts)

        def forward(self, x):
            for part in self.parts:
                x = part(x)
            assert len(list(self.parts[1:])) == 2
            return self.parts[1:][-1](self.parts[0](x))

    assert set(record(Model(), torch.ones(2))[0]) == {
        "parts.0.weight", "parts.0.bias", "parts.1$$$weight", "parts.1$$$bias",
        "parts.2.weight", "parts.2.bias",
    }  # fmt: skip
    assert PyroModuleList is PyroModule[nn.ModuleList]


def test_a_converted_network_may_be_wholly_random():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    to_pyro_module_(net)
    for part in net.modules():
        for name, value in list(part.named_parameters(recurse=False)):
            prior = dist.Normal(0.0, 1.0).expand(value.shape).to_event(value.dim())
            setattr(part, name, PyroSample(prior))
    params, samples, _ = record(net, torch.ones(5, 2))
    assert params == []
    assert samples == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert list(net.parameters()) == []


def test_recurrent_network_with_random_weights():
    net = PyroModule[nn.GRU](2, 2)
    net.weight_hh_l0 = PyroSample(dist.Normal(0.0, 1.0).expand([6, 2]).to_event(2))
    x = torch.randn(4, 1, 2)
    _, samples, sites = record(net, x)
    assert samples == ["weight_hh_l0"]
    plain = nn.GRU(2, 2)
    with torch.no_grad():
        for name in plain._flat_weights_names:
            value = sites[name].value
            getattr(plain, name).copy_(value)
    assert torch.allclose(sites["_RETURN"].value[0], plain(x)[0], atol=1e-6)


def test_mixed_classes_keep_their_families():
    assert issubclass(PyroModule[nn.LSTM], nn.LSTM)
    assert issubclass(PyroModule[nn.LSTM], PyroModule[nn.RNNBase])
    assert PyroModule[nn.Linear] is PyroModule[nn.Linear]
    assert PyroModule[Regression] is Regression
    assert PyroModule[nn.Module] is PyroModule
    assert PyroModule[nn.Linear].__name__ == "PyroLinear"
