"""What autoguides draw: names, shapes, medians, quantiles.

Monte Carlo comparisons allow 4.5 standard errors each: a false alarm in 150,000; all are seeded.
"""

import pytest
import torch

import ppl_core as ppl
from autoguides import GUIDES, SHAPES, normal_pair, schools, shapes, with_every_guide
from ppl_core import distributions as dist
from ppl_core.distributions import constraints
from ppl_core.errors import GuideError
from ppl_core.handlers import block, trace
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoDiscreteParallel,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
    init_to_value,
)
from ppl_core.optim import Adam

SIGMAS = 4.5


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
