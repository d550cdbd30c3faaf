"""Several guides for one model."""

import copy
import pickle

import pytest
import torch

import ppl_core as ppl
from ppl_core import distributions as dist
from ppl_core.errors import GuideError
from ppl_core.handlers import block, trace
from ppl_core.infer import SVI, Trace_ELBO, TraceEnum_ELBO
from ppl_core.infer.autoguide import (
    AutoCallable,
    AutoDelta,
    AutoDiagonalNormal,
    AutoDiscreteParallel,
    AutoGuideList,
    AutoNormal,
)
from ppl_core.optim import SGD, Adam


def model():
    mean = ppl.sample("mean", dist.Normal(0.0, 2.0))
    scale = ppl.sample("scale", dist.LogNormal(0.0, 1.0))
    with ppl.plate("data", 6, subsample_size=2) as rows:
        z = ppl.sample("z", dist.Normal(mean, scale))
        ppl.sample("y", dist.Normal(z, 1.0), obs=torch.arange(6.0)[rows])


def parts():
    guide = AutoGuideList(model)
    guide.append(AutoDiagonalNormal(block(model, expose=["mean", "scale"])))
    guide.append(AutoNormal(block(model, hide=["mean", "scale"])))
    return guide


def test_parts_draw_together_and_number_their_parameters():
    guide = parts()
    assert set(guide()) == {"mean", "scale", "z"}
    assert ppl.get_param_store().keys() == [
        "AutoGuideList.0.loc",
        "AutoGuideList.0.scale",
        "AutoGuideList.1.locs.z",
        "AutoGuideList.1.scales.z",
    ]
    assert len(guide) == 2
    assert guide[0].loc.shape == (2,)
    assert guide[1].locs.z.shape == (6,)
    assert [type(part) for part in guide] == [AutoDiagonalNormal, AutoNormal]
    assert len(list(guide.parameters())) == 4


def test_parts_share_the_rows_of_a_subsample():
    def more():
        with ppl.plate("data", 6, subsample_size=2):
            ppl.sample("a", dist.Normal(0.0, 1.0))
            ppl.sample("b", dist.Normal(0.0, 1.0))

    guide = AutoGuideList(more)
    guide.append(AutoNormal(block(more, hide=["b"])))
    guide.append(AutoNormal(block(more, hide=["a"])))
    sites = trace(guide).get_trace()
    rows = sites["data"].value
    assert torch.equal(sites["a_unconstrained"].fn.loc, guide[0].locs.a[rows])
    assert torch.equal(sites["b_unconstrained"].fn.loc, guide[1].locs.b[rows])
    svi = SVI(more, guide, SGD({"lr": 0.1}))
    for _ in range(3):
        svi.step()


def test_a_list_says_what_its_parts_say():
    guide = parts()
    assert {n: tuple(v.shape) for n, v in guide.median().items()} == {
        "mean": (),
        "scale": (),
        "z": (6,),
    }
    assert guide.quantiles([0.1, 0.9])["z"].shape == (2, 6)
    sites = trace(guide).get_trace()
    draw = {**sites["_RETURN"].value, "data": sites["data"].value}
    assert guide.log_density(draw).item() == pytest.approx(sites.log_prob_sum().item(), rel=1e-4)


def test_a_plain_function_becomes_a_part():
    def mine():
        loc = ppl.param("my_loc", 1.0)
        ppl.sample("mean", dist.Normal(loc, 0.1))

    guide = AutoGuideList(model)
    guide.append(mine)
    guide.append(AutoNormal(block(model, hide=["mean"])))
    svi = SVI(model, guide, Adam({"lr": 0.01}))
    svi.step()
    assert isinstance(guide[0], AutoCallable)
    assert {"my_loc", "AutoGuideList.1.locs.z"} <= set(ppl.get_param_store())
    assert set(guide.median()) == {"scale", "z"}


def test_a_callable_may_bring_its_median():
    part = AutoCallable(model, lambda: {"mean": 1.0}, lambda: {"mean": torch.tensor(1.0)})
    assert part() == {"mean": 1.0}
    assert part.median() == {"mean": torch.tensor(1.0)}


def test_lists_nest():
    inner = AutoGuideList(block(model, hide=["mean"]))
    inner.append(AutoDelta(block(model, expose=["scale"])))
    inner.append(AutoNormal(block(model, hide=["mean", "scale"])))
    guide = AutoGuideList(model)
    guide.append(AutoNormal(block(model, expose=["mean"])))
    guide.append(inner)
    assert set(guide()) == {"mean", "scale", "z"}
    assert "AutoGuideList.1.0.scale" in ppl.get_param_store()
    assert "AutoGuideList.1.1.locs.z" in ppl.get_param_store()


def test_two_parts_for_one_site_error():
    guide = AutoGuideList(model)
    guide.append(AutoNormal(block(model, hide=["z"])))
    guide.append(AutoNormal(block(model, hide=["scale"])))
    with pytest.raises(GuideError, match=r"'mean' is drawn by AutoGuideList.0 and by AutoGuideL"):
        guide()


def test_a_site_that_no_part_draws_error():
    guide = AutoGuideList(model)
    guide.append(AutoNormal(block(model, hide=["z"])))
    with pytest.raises(GuideError, match=r"draws 'z'.*the guide does not"):
        SVI(model, guide, SGD({"lr": 0.1})).step()


def test_parts_with_plates_of_their_own_or_added_twice_error():
    guide = AutoGuideList(model)
    part = AutoNormal(block(model, hide=["z"]))
    guide.append(part)
    with pytest.raises(GuideError, match="already"):
        guide.append(part)
    with pytest.raises(GuideError, match="create_plates"):
        guide.append(AutoNormal(model, create_plates=list))


def test_copies_of_a_list():
    guide = parts()
    guide()
    ppl.get_param_store()["AutoGuideList.0.loc"] = torch.tensor([5.0, 0.0])
    for twin in (copy.deepcopy(guide), pickle.loads(pickle.dumps(guide))):
        with ppl.ParamStore():
            assert twin.median()["mean"].item() == 5.0
            assert twin[0] is not guide[0]
            assert set(twin()) == {"mean", "scale", "z"}


def mixture():
    weight = ppl.sample("weight", dist.Beta(2.0, 2.0))
    with ppl.plate("data", 3):
        kind = ppl.sample("kind", dist.Bernoulli(weight))
        ppl.sample("y", dist.Normal(3.0 * kind, 1.0), obs=[-0.5, 1.0, 3.5])


def test_tables_beside_a_normal_are_summed_over():
    guide = AutoGuideList(mixture)
    guide.append(AutoDelta(block(mixture, hide=["kind"])))
    guide.append(AutoDiscreteParallel(block(mixture, expose=["kind"])))
    guide()
    store = ppl.get_param_store()
    store["AutoGuideList.0.weight"] = 0.4
    probs = store["AutoGuideList.1.kind_probs"] = torch.tensor([0.1, 0.5, 0.8])
    y = torch.tensor([-0.5, 1.0, 3.5])
    log_p = torch.stack(
        [
            dist.Bernoulli(0.4).log_prob(k) + dist.Normal(3.0 * k, 1.0).log_prob(y)
            for k in (torch.zeros(3), torch.ones(3))
        ]
    )
    q = torch.stack([1 - probs, probs])
    exact = -(q * (log_p - q.log())).sum() - dist.Beta(2.0, 2.0).log_prob(0.4)
    loss = TraceEnum_ELBO(max_plate_nesting=1)
    assert loss.loss(mixture, guide) == pytest.approx(exact.item(), rel=1e-5)
    svi = SVI(mixture, guide, Adam({"lr": 0.1}), loss=loss)
    for _ in range(150):
        svi.step()
    weight = guide.median()["weight"]
    odds = torch.stack(
        [
            torch.log1p(-weight) + dist.Normal(0.0, 1.0).log_prob(y),
            weight.log() + dist.Normal(3.0, 1.0).log_prob(y),
        ]
    ).softmax(0)[1]
    assert torch.allclose(guide[1].kind_probs, odds, atol=0.02)


def test_a_particle_dimension_runs_through_every_part():
    guide = parts()
    loss = Trace_ELBO(num_particles=5, vectorize_particles=True)
    svi = SVI(model, guide, SGD({"lr": 0.01}), loss=loss)
    for _ in range(2):
        svi.step()
