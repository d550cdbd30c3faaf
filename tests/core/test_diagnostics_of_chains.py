"""R-hat, effective sizes and standard errors, against arviz-stats and the closed forms of AR(1)."""

import math

import numpy as np
import pytest
import torch

from chance import assert_average
from ppl_core import ShapeError, diagnostics
from ppl_core.distributions import MultivariateNormal, Normal
from truth import kl_by_quadrature


def autoregressive(correlation, chains, draws, seed=0, repeats=()):
    """Stationary AR(1) chains of sd 1, (chains, draws, *repeats)."""
    noise = np.random.default_rng(seed).normal(size=(chains, draws, *repeats))
    made = np.empty_like(noise)
    made[:, 0] = noise[:, 0]
    for turn in range(1, draws):
        shock = math.sqrt(1 - correlation**2) * noise[:, turn]
        made[:, turn] = correlation * made[:, turn - 1] + shock
    return torch.from_numpy(made)


OURS_AND_ARVIZ = {
    "r_hat": (diagnostics.r_hat, ("rhat", {"method": "rank"})),
    "split": (diagnostics.split_gelman_rubin, ("rhat", {"method": "split"})),
    "plain": (diagnostics.gelman_rubin, ("rhat", {"method": "identity"})),
    "ess": (diagnostics.effective_sample_size, ("ess", {"method": "mean"})),
    "ess_bulk": (diagnostics.ess_bulk, ("ess", {"method": "bulk"})),
    "ess_tail": (diagnostics.ess_tail, ("ess", {"method": "tail", "prob": (0.05, 0.95)})),
    "ess_quantile": (
        lambda draws: diagnostics.ess_quantile(draws, 0.3),
        ("ess", {"method": "quantile", "prob": 0.3}),
    ),
    "mcse_mean": (diagnostics.mcse_mean, ("mcse", {"method": "mean"})),
    "mcse_quantile": (
        lambda draws: diagnostics.mcse_quantile(draws, 0.3),
        ("mcse", {"method": "quantile", "prob": 0.3}),
    ),
}


@pytest.mark.parametrize("name", OURS_AND_ARVIZ)
@pytest.mark.parametrize(
    ("chains", "draws", "correlation"),
    [(4, 1000, 0.0), (4, 500, 0.9), (2, 101, 0.5), (4, 300, -0.6), (3, 20, 0.0)],
)
def test_agrees_with_arviz(name, chains, draws, correlation):
    stats = pytest.importorskip("arviz_stats.base").array_stats
    made = autoregressive(correlation, chains, draws)
    ours, (function, settings) = OURS_AND_ARVIZ[name]
    theirs = getattr(stats, function)(made.numpy(), chain_axis=0, draw_axis=1, **settings)
    # a Beta quantile there, its moments here: they differ by a rank or two
    rough = 0.05 if name == "mcse_quantile" else 1e-6
    assert ours(made).item() == pytest.approx(float(theirs), rel=rough)


def test_ties_agree_with_arviz():
    stats = pytest.importorskip("arviz_stats.base").array_stats
    made = (autoregressive(0.5, 4, 200) * 2).round()
    theirs = stats.ess(made.numpy(), chain_axis=0, draw_axis=1, method="bulk")
    assert diagnostics.ess_bulk(made).item() == pytest.approx(float(theirs), rel=1e-6)


def test_bfmi_agrees_with_arviz():
    stats = pytest.importorskip("arviz_stats.base").array_stats
    energy = autoregressive(0.8, 3, 400)
    theirs = [stats.bfmi(chain[None], chain_axis=0, draw_axis=1).item() for chain in energy.numpy()]
    assert diagnostics.bfmi(energy).tolist() == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("correlation", [-0.4, 0.0, 0.5, 0.9])
def test_effective_size_of_an_autoregression_is_known(correlation):
    made = autoregressive(correlation, 4, 2000, repeats=(30,))
    exact = 8000 * (1 - correlation) / (1 + correlation)
    shares = diagnostics.effective_sample_size(made) / exact
    # Geyer's cut is biased by a little: 5 %, next to the spread of 30 independent repeats
    assert shares.mean().item() == pytest.approx(1, abs=0.05 + 4 * shares.std().item() / 30**0.5)


def test_standard_errors_tell_the_spread_of_repeats():
    made = autoregressive(0.7, 4, 500, repeats=(400,))
    flat = made.flatten(0, 1)
    spread = {
        diagnostics.mcse_mean: flat.mean(0).std(),
        diagnostics.mcse_sd: flat.std(0).std(),
        lambda draws: diagnostics.mcse_quantile(draws, 0.1): flat.quantile(0.1, 0).std(),
    }
    for error, reached in spread.items():
        # an sd from 400 repeats is known to 3.5 %; 15 % is four such errors
        assert error(made).mean().item() == pytest.approx(reached.item(), rel=0.15)


def test_chains_in_different_places_are_told():
    made = autoregressive(0.0, 4, 500)
    made[3] += 1
    assert diagnostics.r_hat(made) > 1.05


def test_chains_of_different_spread_are_told_by_ranks_of_distances_only():
    made = autoregressive(0.0, 4, 500)
    made[3] *= 3
    assert diagnostics.r_hat(made) > 1.05
    assert diagnostics.split_gelman_rubin(made) < 1.01


def test_one_chain_is_judged_by_its_halves():
    still, drifting = autoregressive(0.0, 1, 1000)[0], torch.linspace(0, 3, 1000).double()
    assert diagnostics.r_hat(still) < 1.01
    assert diagnostics.r_hat(still + drifting) > 1.1


@pytest.mark.parametrize("draws", [0, 1, 2, 3])
def test_too_few_draws_are_not_judged(draws):
    made = torch.randn(2, draws, 3)
    for judge in (diagnostics.r_hat, diagnostics.ess_bulk, diagnostics.ess_tail):
        assert judge(made).shape == (3,)
        assert judge(made).isnan().all()


@pytest.mark.parametrize("value", [1.0, math.nan, math.inf])
def test_draws_that_never_change_or_are_not_finite_are_not_judged(value):
    made = torch.full((2, 50), value)
    for judge in (diagnostics.r_hat, diagnostics.ess_bulk, diagnostics.mcse_mean):
        assert judge(made).isnan()


def test_dimensions_may_come_in_another_order():
    made = autoregressive(0.5, 4, 100, repeats=(2,))
    turned = made.permute(1, 2, 0)  # draws, sites, chains
    found = diagnostics.r_hat(turned, chain_dim=2, sample_dim=0)
    assert found.tolist() == diagnostics.r_hat(made).tolist()


def test_one_number_is_no_chain():
    with pytest.raises(ValueError, match=r"shape \(chains, draws, ...\)"):
        diagnostics.r_hat(torch.tensor(1.0))


# ---- the table


def test_summary_has_a_line_for_each_number_and_prints_them():
    made = {"a": autoregressive(0.0, 2, 400), "b": autoregressive(0.5, 2, 400, repeats=(2, 2))}
    table = diagnostics.summary(made)
    lines = str(table).splitlines()
    assert lines[0].split() == [
        *("mean", "std", "median", "5.0%", "95.0%", "n_eff", "n_eff_tail", "r_hat")
    ]
    assert [line.split()[0] for line in lines[1:]] == ["a", *(f"b[{i},{j}]" for i, j in INDICES)]
    assert len({len(line) for line in lines}) == 1
    assert table["b"]["mean"].tolist() == made["b"].mean((0, 1)).tolist()


INDICES = [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_summary_of_few_draws_says_nan():
    table = diagnostics.summary({"a": torch.tensor([1.0, 2.0])}, group_by_chain=False)
    assert table["a"]["mean"] == 1.5
    assert table["a"]["r_hat"].isnan()
    assert "nan" in str(table)


def test_summary_interval_is_the_narrowest():
    made = torch.distributions.Exponential(1.0).sample((2, 5000))
    low, high = (diagnostics.summary({"a": made})["a"][end].item() for end in ("5.0%", "95.0%"))
    assert low == pytest.approx(0, abs=0.01)
    assert high == pytest.approx(math.log(10), abs=0.15)  # sd of that quantile: 0.03


# ---- Gaussians


def test_kl_of_two_normals_is_that_of_quadrature():
    found = diagnostics.gaussian_kl(
        diagnostics.gaussian_moments(Normal(8.5, 1.0)),
        diagnostics.gaussian_moments(Normal(9.14, 0.6)),
    )
    assert found.item() == pytest.approx(kl_by_quadrature(8.5, 1.0, 9.14, 0.6), abs=1e-6)


def test_kl_of_correlated_gaussians_is_that_of_torch():
    spread = torch.tensor([[1.0, 0.5], [0.5, 2.0]])
    full = MultivariateNormal(torch.tensor([1.0, 2.0]), spread)
    plain = Normal(torch.tensor([0.5, 2.5]), torch.tensor([1.0, 0.7])).to_event(1)
    found = diagnostics.gaussian_kl(*map(diagnostics.gaussian_moments, (full, plain)))
    as_full = MultivariateNormal(plain.mean, plain.variance.diag())
    exact = torch.distributions.kl_divergence(full, as_full)
    assert found.item() == pytest.approx(exact.item(), rel=1e-5)


def test_kl_to_draws_of_itself_is_the_bias_that_is_told():
    torch.manual_seed(0)
    spread = torch.tensor([[1.0, 0.8], [0.8, 1.0]])
    posterior = MultivariateNormal(torch.zeros(2), spread)
    found = [diagnostics.kl_to_draws(posterior, posterior.sample((200,))) for _ in range(400)]
    assert_average(torch.stack(found), 2 * 5 / (4 * 203))  # to first order in 1 / n


def test_gaussians_of_different_size_are_refused():
    with pytest.raises(ShapeError, match="1 dimensions met 2"):
        diagnostics.kl_to_draws(Normal(0.0, 1.0), torch.randn(10, 2))
    with pytest.raises(TypeError, match="Gaussian is needed"):
        diagnostics.kl_to_draws(torch.distributions.Gamma(1.0, 1.0), torch.randn(10))
    with pytest.raises(ShapeError, match="flatten"):
        diagnostics.moments(torch.randn(2, 3, 4))
