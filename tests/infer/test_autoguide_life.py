"""Stores, copies and threads of autoguides, and errors that say what to do."""

import copy
import pickle
import threading

import pytest
import torch

import ppl_core as ppl
from autoguides import (
    GUIDES,
    local,
    normal_pair,
    schools,
    with_every_guide,
)
from ppl_core import distributions as dist
from ppl_core.errors import GuideError, InferenceError, ParamError, ShapeError
from ppl_core.handlers import trace
from ppl_core.infer import SVI, Trace_ELBO, TraceMeanField_ELBO
from ppl_core.infer.autoguide import (
    AutoDiagonalNormal,
    AutoGuide,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from ppl_core.optim import Adam

# ---- stores, copies, threads


def test_the_store_in_use_decides_what_a_guide_has_learned():
    guide = AutoNormal(schools)
    with ppl.ParamStore() as one:
        guide()
        one["AutoNormal.locs.mu"] = 3.0
        assert guide.median()["mu"].item() == 3.0
    with ppl.ParamStore() as two:
        assert guide.median()["mu"].item() == 0.0
        guide()
        assert "AutoNormal.locs.mu" in two


@with_every_guide
def test_parameters_survive_saving_and_loading(family, tmp_path):
    guide = family(schools)
    guide()
    for _, leaf in guide.named_parameters():
        leaf.data += 0.1 * torch.randn_like(leaf)
    ppl.get_param_store().save(tmp_path / "guide.safetensors")
    with ppl.ParamStore() as store:
        store.load(tmp_path / "guide.safetensors")
        again = family(schools)
        ppl.set_rng_seed(4)
        loaded = again()
    ppl.set_rng_seed(4)
    again = family(schools)  # which takes its first look as the loaded one did
    assert all(torch.equal(loaded[name], value) for name, value in again().items())


@with_every_guide
def test_a_pickled_guide_brings_what_it_has_learned(family):
    guide = family(normal_pair)
    guide()
    for _, leaf in guide.named_parameters():
        leaf.data += 0.5
    ppl.set_rng_seed(1)
    learned = guide.median()
    data = pickle.dumps(guide)
    with ppl.ParamStore():
        twin = pickle.loads(data)
        ppl.set_rng_seed(1)
        assert {n: v.item() for n, v in twin.median().items()} == pytest.approx(
            {n: v.item() for n, v in learned.items()}
        )
        assert set(twin()) == {"x", "s"}
        assert twin.model is None
    assert guide.model is normal_pair


def test_a_pickled_guide_that_has_not_looked_yet_asks_for_its_model():
    twin = pickle.loads(pickle.dumps(AutoNormal(normal_pair)))
    with pytest.raises(GuideError, match=r"guide\.model = model"):
        twin()
    twin.model = normal_pair
    assert set(twin()) == {"x", "s"}


def test_a_deep_copy_keeps_the_model_and_goes_its_own_way():
    guide = AutoNormal(normal_pair)
    guide()
    ppl.get_param_store()["AutoNormal.locs.x"] = 2.0
    twin = copy.deepcopy(guide)
    assert twin.model is normal_pair
    with ppl.ParamStore() as store:
        assert twin.median()["x"].item() == 2.0
        twin()
        store["AutoNormal.locs.x"] = 5.0
    assert guide.median()["x"].item() == 2.0


def test_one_guide_in_two_threads_with_two_stores():
    guide = AutoIAFNormal(normal_pair)
    guide()
    failures, ends = [], {}

    def work(lr):
        try:
            with ppl.ParamStore() as store:
                svi = SVI(normal_pair, guide, Adam({"lr": lr}))
                for _ in range(10):
                    svi.step()
                ends[lr] = store["AutoIAFNormal.transform.0.layers.1.bias"].detach()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(lr,)) for lr in (0.0, 0.1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert torch.equal(ends[0.0], torch.zeros(4))
    assert (ends[0.1] != 0).any()


# ---- errors


@pytest.mark.parametrize("family", GUIDES)
def test_a_discrete_site_is_named_with_what_to_do(family):
    def model():
        ppl.sample("kind", dist.Categorical(torch.ones(3) / 3))

    with pytest.raises(GuideError, match=r"'kind'.*discrete.*hide=\['kind'\].*TraceEnum_ELBO"):
        family(model)()


def test_a_loop_over_some_rows_error():
    def model():
        for i in ppl.plate("rows", 3, subsample_size=2):
            ppl.sample(f"x_{i}", dist.Normal(0.0, 1.0))

    with pytest.raises(GuideError, match=r"loop over plate 'rows'.*2 of 3 rows"):
        AutoNormal(model)()


def test_a_support_that_moves_with_another_site_error():
    def model():
        high = ppl.sample("high", dist.Gamma(2.0, 1.0))
        ppl.sample("part", dist.Uniform(0.0, high))

    for family in GUIDES:
        with pytest.raises(GuideError, match=r"'part'.*upper_bound.*changes.*part_share"):
            family(model)()


def test_the_look_at_supports_does_not_disturb_the_random_stream(monkeypatch):
    after = []
    for _ in range(2):
        ppl.set_rng_seed(3)
        with ppl.ParamStore():
            AutoNormal(lambda: ppl.sample("u", dist.Uniform(-1.0, 4.0)))()
        after.append(torch.randn(()).item())
        monkeypatch.setattr("ppl_core.infer.autoguide.guide.bounds", lambda support: {})
    assert after[0] == after[1]


def test_parameters_of_another_model_error():
    AutoNormal(lambda: ppl.sample("x", dist.Normal(0.0, 1.0)))()
    other = AutoNormal(lambda: ppl.sample("x", dist.Normal(torch.zeros(3), 1.0).to_event(1)))
    with pytest.raises(ParamError, match=r"'AutoNormal.locs.x' has shape \(\).*clear_param_store"):
        other()


def test_laplace_off_the_peak_error():
    def model():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.factor("saddle", x**2)

    with pytest.raises(InferenceError, match=r"no peak.*Train the guide longer"):
        AutoLaplaceApproximation(model).laplace_approximation()


def test_wrong_settings_error():
    with pytest.raises(ValueError, match="init_scale"):
        AutoNormal(schools, init_scale=0.0)
    with pytest.raises(ValueError, match="rank"):
        AutoLowRankMultivariateNormal(schools, rank=0)
    with pytest.raises(GuideError, match="create_plates returns plates"):
        AutoNormal(local, create_plates=lambda subset=None: [subset])()
    with pytest.raises(TypeError, match="AutoNormal, AutoDelta"):
        AutoGuide(schools)()


def test_log_density_of_half_a_draw_error():
    with pytest.raises(GuideError, match=r"no value for site 's'.*x, s"):
        AutoNormal(normal_pair).log_density({"x": 0.0})
    guide = AutoDiagonalNormal(local)
    with pytest.raises(ShapeError, match=r"'z' has shape \(2,\).*all rows"):
        guide.log_density(guide())


def test_rows_are_chosen_on_the_device_of_the_models_plate():
    def model():
        with ppl.plate("rows", 6, subsample_size=2, device="cpu"):
            ppl.sample("x", dist.Normal(0.0, 1.0))

    sites = trace(AutoNormal(model)).get_trace()
    assert sites["rows"].fn.device == "cpu"


@pytest.mark.parametrize("family", [AutoNormal, AutoMultivariateNormal])
def test_mean_field_elbo_counts_the_change_of_volume(family):
    guide = family(normal_pair, init_scale=0.5)
    guide()
    losses = []
    for elbo in (Trace_ELBO(), TraceMeanField_ELBO()):
        ppl.set_rng_seed(5)
        losses.append(elbo.loss(normal_pair, guide))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_log_density_of_chosen_rows():
    guide = AutoNormal(local)
    sites = trace(guide).get_trace()
    draw = {**sites["_RETURN"].value, "data": sites["data"].value}
    assert guide.log_density(draw).item() == pytest.approx(sites.log_prob_sum().item(), rel=1e-4)
