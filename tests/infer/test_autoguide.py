"""What autoguides do: names, shapes, plates, quantiles, copies, and errors that say what to do.

Monte Carlo comparisons allow 4.5 standard errors each: a false alarm in 150,000; all are seeded.
"""

import copy
import pickle
import threading
from itertools import combinations

import pytest
import torch

import ppl_core as ppl
from ppl_core import distributions as dist
from ppl_core.distributions import constraints
from ppl_core.errors import GuideError, InferenceError, ParamError, ShapeError
from ppl_core.handlers import block, trace
from ppl_core.infer import SVI, Trace_ELBO, TraceMeanField_ELBO
from ppl_core.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoDiscreteParallel,
    AutoGuide,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
    init_to_mean,
    init_to_value,
)
from ppl_core.optim import SGD, Adam

SIGMAS = 4.5
GUIDES = [
    AutoDelta,
    AutoNormal,
    AutoDiagonalNormal,
    AutoMultivariateNormal,
    AutoLowRankMultivariateNormal,
    AutoLaplaceApproximation,
    AutoIAFNormal,
]
with_every_guide = pytest.mark.parametrize("family", GUIDES)


def schools(y=None):
    mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
    tau = ppl.sample("tau", dist.HalfCauchy(5.0))
    shares = ppl.sample("shares", dist.Dirichlet(torch.ones(3)))
    with ppl.plate("school", 4):
        theta = ppl.sample("theta", dist.Normal(mu, tau))
        ppl.factor("nudge", -0.01 * theta**2)
        with ppl.plate("term", 2, dim=-2):
            slope = ppl.sample("slope", dist.Normal(torch.zeros(3), 1.0).to_event(1))
            mean = ppl.deterministic("mean", theta + (slope * shares).sum(-1), event_dim=0)
            ppl.sample("y", dist.Normal(mean, 1.0), obs=torch.zeros(2, 4))


SHAPES = {"mu": (), "tau": (), "shares": (3,), "theta": (4,), "slope": (2, 4, 3)}


def shapes(values):
    return {name: tuple(value.shape) for name, value in values.items()}


# ---- draws, names, shapes


@with_every_guide
def test_a_draw_has_every_latent_site_and_nothing_else(family):
    guide = family(schools)
    draw = guide()
    assert shapes(draw) == SHAPES
    assert draw["tau"] > 0
    assert draw["shares"].sum().item() == pytest.approx(1.0)
    assert shapes(guide.median()) == SHAPES


@with_every_guide
@pytest.mark.parametrize("particles", [1, 3])
def test_every_guide_trains(family, particles):
    loss = Trace_ELBO(num_particles=particles, vectorize_particles=particles > 1)
    guide = family(schools)
    svi = SVI(schools, guide, Adam({"lr": 0.01}), loss=loss)
    svi.step()
    before = ppl.get_param_store().get_state()["params"]
    svi.step()
    after = ppl.get_param_store().get_state()["params"]
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    still = set(before) - set(moved)
    assert moved
    assert all("weight" in name or "tril" in name for name in still)


def test_the_model_runs_once_however_long_the_training():
    runs = []

    def model():
        runs.append(1)
        schools()

    guide = AutoNormal(model)
    for _ in range(5):
        guide()
    assert len(runs) == 1


def test_normal_has_the_sites_and_parameters_of_pyro():
    sites = trace(AutoNormal(schools)).get_trace()
    assert list(SHAPES) == [n for n in sites.stochastic_nodes if not n.endswith("_unconstrained")]
    assert {"mu_unconstrained", "slope_unconstrained", "school", "term"} <= set(sites)
    assert sites["mu_unconstrained"].infer["is_auxiliary"]
    assert isinstance(sites["tau"].fn, dist.Delta)
    assert sites["theta"].fn.batch_shape == (4,)
    assert sites["slope"].fn.event_shape == (3,)
    names = [f"AutoNormal.{kind}.{site}" for site in SHAPES for kind in ("locs", "scales")]
    assert ppl.get_param_store().keys() == names
    assert ppl.param("AutoNormal.scales.tau").item() == pytest.approx(0.1)
    assert ppl.get_param_store().constraint("AutoNormal.scales.mu") is constraints.softplus_positive
    assert ppl.param("AutoNormal.locs.shares").shape == (2,)


def test_joint_guides_have_one_auxiliary_site_and_few_parameters():
    for family, names in (
        (AutoDiagonalNormal, {"loc", "scale"}),
        (AutoMultivariateNormal, {"loc", "scale", "scale_tril"}),
        (AutoLowRankMultivariateNormal, {"loc", "scale", "cov_factor"}),
        (AutoLaplaceApproximation, {"loc"}),
    ):
        guide = family(schools)
        sites = trace(guide).get_trace()
        prefix = family.__name__
        assert sites[f"_{prefix}_latent"].infer["is_auxiliary"]
        assert {n for n in ppl.get_param_store() if n.startswith(prefix)} == {
            f"{prefix}.{name}" for name in names
        }
        assert guide.latent_dim == guide.loc.numel() == 1 + 1 + 2 + 4 + 24


def test_delta_keeps_constrained_values_as_parameters():
    guide = AutoDelta(schools)
    guide()
    store = ppl.get_param_store()
    assert store.keys() == [f"AutoDelta.{site}" for site in SHAPES]
    assert store["AutoDelta.tau"] > 0
    assert torch.equal(guide.tau, store["AutoDelta.tau"])


def test_parameters_are_read_as_attributes():
    guide = AutoNormal(schools, init_scale=0.3)
    guide()
    assert guide.scales.mu.item() == pytest.approx(0.3)
    assert torch.equal(guide.locs["theta"], ppl.param("AutoNormal.locs.theta"))
    assert guide.locs.theta.requires_grad
    with pytest.raises(AttributeError, match=r"Did you mean 'locs.theta'"):
        guide.locs.thta  # noqa: B018


def test_a_site_with_a_dot_in_its_name():
    guide = AutoNormal(lambda: ppl.sample("layer.weight", dist.Normal(0.0, 1.0)))
    guide()
    assert "AutoNormal.locs.layer.weight" in ppl.get_param_store()
    assert torch.equal(guide.locs.layer.weight, guide.locs["layer.weight"])


def test_parameters_can_be_listed_and_frozen():
    guide = AutoDiagonalNormal(schools)
    guide()
    ppl.param("other", 1.0)
    assert [name for name, _ in guide.named_parameters()] == [
        "AutoDiagonalNormal.loc",
        "AutoDiagonalNormal.scale",
    ]
    assert guide.requires_grad_(False) is guide
    assert not any(leaf.requires_grad for leaf in guide.parameters())


def test_a_prefix_of_ones_own_keeps_two_guides_apart():
    first, second = AutoNormal(schools), AutoNormal(schools)
    second.prefix = "again"
    first()
    second()
    assert "again.locs.mu" in ppl.get_param_store()
    assert "AutoNormal.locs.mu" in ppl.get_param_store()


def test_a_guide_with_arguments_passes_them_to_its_model():
    def model(n, scale=1.0):
        with ppl.plate("rows", n):
            ppl.sample("x", dist.Normal(0.0, scale))

    assert AutoNormal(model)(3, scale=2.0)["x"].shape == (3,)


def test_blocked_sites_are_left_alone():
    guide = AutoNormal(block(schools, hide=["slope", "shares"]))
    assert set(guide()) == {"mu", "tau", "theta"}
    guide = AutoNormal(block(schools, expose=["mu"]))
    assert set(guide()) == {"mu"}


def test_a_model_without_latent_sites():
    def data_only():
        ppl.sample("y", dist.Normal(0.0, 1.0), obs=1.0)

    assert AutoNormal(data_only)() == {}
    assert AutoDelta(data_only)() == {}
    with pytest.raises(GuideError, match="no latent site"):
        AutoDiagonalNormal(data_only)()


def test_float64_models_get_float64_guides():
    def model():
        ppl.sample("x", dist.Normal(torch.zeros(2, dtype=torch.float64), 1.0).to_event(1))

    for family in GUIDES:
        guide = family(model)
        assert guide()["x"].dtype == torch.float64
        assert all(leaf.dtype == torch.float64 for leaf in guide.parameters())


def test_ordered_and_other_registered_supports():
    def model():
        ppl.sample("cuts", dist.ImproperUniform(constraints.ordered_vector, (), (4,)))

    for family in (AutoNormal, AutoDelta, AutoMultivariateNormal):
        cuts = family(model)()["cuts"]
        assert (cuts.diff() > 0).all()


# ---- medians and quantiles


def one_of_each():
    ppl.sample("real", dist.Normal(0.0, 1.0))
    ppl.sample("positive", dist.LogNormal(0.0, 1.0))
    ppl.sample("below", dist.ImproperUniform(constraints.less_than(3.0), (), ()))
    with ppl.plate("rows", 2):
        ppl.sample("unit", dist.Beta(2.0, 2.0))


@pytest.mark.parametrize("family", [AutoNormal, AutoDiagonalNormal, AutoMultivariateNormal])
def test_quantiles_are_normal_quantiles_seen_through_the_transform(family):
    guide = family(
        one_of_each,
        init_scale=0.5,
        init_loc_fn=init_to_value(values={"real": 0.3, "positive": 2.0, "below": 1.0, "unit": 0.7}),
    )
    guide()
    levels = [0.05, 0.5, 0.95]
    z = 0.5 * torch.special.ndtri(torch.tensor(levels))
    got = guide.quantiles(levels)
    expected = {
        "real": 0.3 + z,
        "positive": 2.0 * z.exp(),
        "below": 3.0 - 2.0 * (-z).exp(),  # a falling transform: still the 5 % quantile first
        "unit": torch.sigmoid(torch.logit(torch.tensor(0.7)) + z).unsqueeze(1).expand(3, 2),
    }
    for name, value in expected.items():
        assert torch.allclose(got[name], value, atol=1e-5), name
        assert torch.allclose(guide.median()[name], value[1], atol=1e-5), name
        assert not got[name].requires_grad


@pytest.mark.parametrize("family", [AutoNormal, AutoLowRankMultivariateNormal, AutoIAFNormal])
def test_draws_fall_below_a_quantile_as_often_as_it_says(family):
    guide = family(one_of_each)
    quantiles = guide.quantiles([0.2])
    with ppl.plate("draws", 4000, dim=-2):
        draws = guide()
    slack = 3.0 if family is AutoIAFNormal else 1.0  # its quantiles come from 1,000 draws
    for name, value in quantiles.items():
        below = (draws[name] < value[0]).float().mean().item()
        rows = draws[name].numel()
        assert abs(below - 0.2) < slack * SIGMAS * (0.16 / rows) ** 0.5, name


def test_quantiles_of_a_point_and_of_a_laplace_point():
    guide = AutoDelta(schools)
    assert shapes(guide.quantiles([0.1, 0.9])) == {n: (2, *s) for n, s in SHAPES.items()}
    with pytest.raises(GuideError, match="laplace_approximation"):
        AutoLaplaceApproximation(schools).quantiles([0.1, 0.9])


def test_levels_outside_the_unit_interval_error():
    with pytest.raises(ValueError, match=r"levels lie in \[0, 1\]"):
        AutoNormal(schools).quantiles([5, 95])


# ---- plates and subsampling

ROWS = torch.arange(6.0)


def local(subset=None):
    size = {"subsample": subset} if subset is not None else {"subsample_size": 2}
    mean = ppl.sample("mean", dist.Normal(0.0, 2.0))
    with ppl.plate("data", 6, **size) as rows:
        z = ppl.sample("z", dist.Normal(mean, 1.0))
        s = ppl.sample("s", dist.LogNormal(torch.zeros(2), 1.0).to_event(1))
        ppl.sample("y", dist.Normal(z + s.sum(-1), 1.0), obs=ROWS[rows])


def whole(subset=None):
    local(torch.arange(6))


def choose(subset=None):
    return ppl.plate("data", 6, subsample=subset)


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
    assert sites["data"].value.tolist() == [5, 3] if "data" in sites else True
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


def normal_pair():
    ppl.sample("x", dist.Normal(0.0, 1.0))
    ppl.sample("s", dist.LogNormal(0.0, 1.0))


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


# ---- discrete sites


def test_tables_start_at_the_prior_and_are_parameters():
    def model():
        with ppl.plate("rows", 4):
            ppl.sample("kind", dist.Categorical(torch.tensor([0.2, 0.3, 0.5])))
        ppl.sample("rain", dist.Bernoulli(0.7))

    guide = AutoDiscreteParallel(model)
    draw = guide()
    assert shapes(draw) == {"kind": (4,), "rain": ()}
    assert torch.allclose(guide.kind_probs, torch.tensor([0.2, 0.3, 0.5]).expand(4, 3))
    assert ppl.param("AutoDiscreteParallel.rain_probs").item() == pytest.approx(0.7)
    assert trace(guide).get_trace()["kind"].infer == {"enumerate": "parallel"}
    assert guide.median()["kind"].tolist() == [1, 1, 1, 1]
    assert guide.quantiles([0.1, 0.6])["kind"][:, 0].tolist() == [0, 2]
    assert guide.median()["rain"].item() == 1.0


def test_tables_of_continuous_sites_error():
    with pytest.raises(GuideError, match=r"'x' is Normal.*hide=\['x'\]"):
        AutoDiscreteParallel(normal_pair)()
