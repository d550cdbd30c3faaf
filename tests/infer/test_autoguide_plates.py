"""Autoguides under plates and subsampling plates."""

from itertools import combinations

import pytest
import torch

import ppl_core as ppl
from autoguides import GUIDES, choose, local, schools, shapes, whole
from ppl_core import distributions as dist
from ppl_core.handlers import trace
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoIAFNormal,
    AutoMultivariateNormal,
    AutoNormal,
    init_to_mean,
)
from ppl_core.optim import SGD, Adam

# ---- plates and subsampling


@pytest.mark.parametrize("family", GUIDES)
def test_subsampled_guides_have_all_rows_and_draw_the_chosen(family):
    guide = family(local)
    sites = trace(guide).get_trace()
    rows = sites["data"].value
    assert rows.shape == (2,)
    assert shapes(sites["_RETURN"].value) == {"mean": (), "z": (2,), "s": (2, 2)}
    assert shapes(guide.median()) == {"mean": (), "z": (6,), "s": (6, 2)}
    assert sites["z"].scale == 3.0
    if family is AutoNormal:
        chosen = guide.locs.z[rows]
        assert torch.equal(sites["z_unconstrained"].fn.loc, chosen)
    if family is AutoDelta:
        assert torch.equal(sites["s"].value, guide.s[rows])


def test_the_model_sees_the_rows_that_the_guide_chose():
    seen = []

    def model():
        with ppl.plate("data", 6, subsample_size=2) as rows:
            seen.append(rows)
            ppl.sample("z", dist.Normal(0.0, 1.0))

    guide = AutoNormal(model)
    guide()
    svi = SVI(model, guide, SGD({"lr": 0.1}))
    seen.clear()
    start = guide.locs.z.detach().clone()
    svi.step()
    moved = (guide.locs.z != start).nonzero().squeeze(1)
    assert moved.tolist() == sorted(seen[-1].tolist())


def test_only_the_chosen_rows_move():
    guide = AutoNormal(local, create_plates=choose, init_scale=0.5)
    svi = SVI(local, guide, SGD({"lr": 0.01}))
    guide(torch.tensor([0, 1]))
    before = guide.locs.z.detach().clone(), guide.scales.s.detach().clone()
    for _ in range(3):
        svi.step(torch.tensor([4, 2]))
    for old, new in zip(before, (guide.locs.z, guide.scales.s), strict=True):
        changed = (old != new).flatten(1).any(1) if old.dim() > 1 else old != new
        assert changed.tolist() == [False, False, True, False, True, False]


def loss_and_gradient(model, guide, rows, particles=1):
    leaves = list(guide.parameters())
    elbo = Trace_ELBO(num_particles=particles, vectorize_particles=particles > 1)
    loss = elbo.differentiable_loss(model, guide, rows)
    grads = torch.autograd.grad(loss, leaves)
    return torch.cat([loss.detach().reshape(1), *[grad.flatten() for grad in grads]])


@pytest.mark.parametrize(
    "family", [AutoDelta, AutoDiagonalNormal, AutoMultivariateNormal, AutoIAFNormal]
)
def test_all_subsets_of_one_draw_average_the_whole_exactly(family):
    guide = family(local, create_plates=choose, init_loc_fn=init_to_mean)
    guide(torch.tensor([0, 1]))
    for _, leaf in guide.named_parameters():
        leaf.data += 0.05 * torch.randn_like(leaf)
    losses = []
    for rows in combinations(range(6), 2):
        ppl.set_rng_seed(7)
        losses.append(loss_and_gradient(local, guide, torch.tensor(rows)))
    ppl.set_rng_seed(7)
    full = loss_and_gradient(whole, guide, torch.arange(6))
    assert torch.allclose(torch.stack(losses).mean(0), full, rtol=1e-3, atol=1e-3)


def test_subsets_of_local_draws_average_the_whole():
    """30 differences; |t| of 29 degrees of freedom passes 6 once in 600,000 for each of 38."""
    guide = AutoNormal(local, create_plates=choose, init_scale=0.5)
    guide(torch.tensor([0, 1]))
    subsets = [torch.tensor(rows) for rows in ([0, 1], [2, 3], [4, 5])]
    differences = []
    for _ in range(30):
        part = torch.stack([loss_and_gradient(local, guide, rows, 8) for rows in subsets]).mean(0)
        differences.append(part - loss_and_gradient(whole, guide, torch.arange(6), 30))
    difference = torch.stack(differences)
    t = difference.mean(0) / (difference.std(0) / 30**0.5)
    assert (t.abs() < 6).all()


def test_plates_of_ones_own_choose_the_rows():
    guide = AutoNormal(local, create_plates=choose)
    sites = trace(guide).get_trace(torch.tensor([5, 3]))
    assert torch.equal(sites["z_unconstrained"].fn.loc, guide.locs.z[[5, 3]])


def test_a_loop_over_all_rows_is_as_good_as_single_sites():
    def model():
        for i in ppl.plate("rows", 3):
            ppl.sample(f"x_{i}", dist.Normal(float(i), 1.0))

    guide = AutoNormal(model)
    svi = SVI(model, guide, Adam({"lr": 0.05}), loss=Trace_ELBO(num_particles=4))
    for _ in range(3):
        svi.step()
    assert set(guide()) == {"x_0", "x_1", "x_2"}


def test_nested_plates_score_as_their_normal():
    guide = AutoNormal(schools, init_scale=0.5)
    sites = trace(guide).get_trace()
    latent = sites["slope_unconstrained"]
    assert latent.fn.batch_shape == (2, 4)
    assert latent.log_prob.shape == (2, 4)
    by_hand = dist.Normal(guide.locs.slope, guide.scales.slope).log_prob(latent.value).sum()
    assert sites["slope_unconstrained"].log_prob_sum.item() == pytest.approx(by_hand.item())
