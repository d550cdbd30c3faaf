"""Modules in programs: parameters and random weights as statements; Bayesian networks; errors."""

import copy
import pickle
import threading

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
    clear,
    module,
    pyro_method,
    to_pyro_module_,
)
from ppl_core.optim import SGD, ClippedAdam


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
