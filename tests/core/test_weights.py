"""Weighted draws: effective size, Pareto smoothing against arviz-stats, intervals, dots."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from chance import assert_average
from ppl_core import diagnostics
from ppl_core.diagnostics import (
    fit_pareto,
    hpdi,
    normalized_log_weights,
    pareto_k,
    pareto_threshold,
    pareto_verdict,
    psis,
    quantile_dots,
    resample,
    weight_ess,
)

NAN, INF = math.nan, math.inf


def test_equal_weights_count_in_full_and_impossible_draws_not_at_all():
    assert weight_ess(torch.full((7,), -3.0)).item() == pytest.approx(7)
    assert weight_ess([0.0, -INF, 0.0, 0.0]).item() == pytest.approx(3)
    assert weight_ess([[0.0, 0.0], [0.0, -INF]]).tolist() == pytest.approx([2, 1])


def test_weights_are_normalised_far_from_zero():
    log_w = normalized_log_weights(np.array([-1e5, -1e5 + math.log(3)]))
    np.testing.assert_allclose(log_w.exp(), [0.25, 0.75], rtol=1e-2)


@pytest.mark.parametrize(
    ("log_weights", "said"),
    [
        ([], "none are given"),
        (0.0, "none are given"),
        ([0.0, NAN], r"1 of 2 are nan or \+inf; the first is nan at 1"),
        ([[0.0, INF]], r"the first is inf at \[0, 1\]"),
        ([-INF, -INF], "all 2 are -inf"),
    ],
)
@pytest.mark.parametrize("judge", [weight_ess, psis, pareto_k, normalized_log_weights])
def test_broken_weights_are_one_clear_error(judge, log_weights, said):
    with pytest.raises(ValueError, match=said):
        judge(log_weights)


@pytest.mark.parametrize("draws", [30, 100, 225, 1000, 5000])
def test_smoothing_agrees_with_arviz(draws):
    from arviz_stats.base import array_stats

    log_w = 1.5 * torch.randn(draws, dtype=torch.float64)
    ours = psis(log_w)
    theirs, k = array_stats.psislw(-log_w.numpy())
    assert ours.k.item() == pytest.approx(float(k), rel=1e-9)
    np.testing.assert_allclose(ours.log_weights, theirs, atol=1e-10)


def test_columns_are_smoothed_apart():
    log_w = torch.randn(200, 3)
    together = psis(log_w)
    for column in range(3):
        alone = psis(log_w[:, column])
        assert alone.k.item() == pytest.approx(together.k[column].item())
        torch.testing.assert_close(alone.log_weights, together.log_weights[:, column])


@pytest.mark.parametrize("k", [-0.3, 0.2, 0.5, 0.9])
def test_pareto_fit_finds_the_distribution_behind_its_quantiles(k):
    """Exact quantiles of a known distribution: no noise, only the estimator's own bias."""
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    fit = fit_pareto(2.0 * torch.expm1(-k * torch.log1p(-u)) / k)
    assert fit.k.item() == pytest.approx(k, abs=0.02)
    assert fit.sigma.item() == pytest.approx(2.0, rel=0.02)


def test_k_of_equal_and_of_few_weights():
    assert pareto_k(torch.zeros(100)) == -INF
    assert pareto_k(1e-7 * torch.randn(100)) == -INF  # rounding is no tail
    assert pareto_k(torch.randn(24)).isnan()
    one = torch.full((100,), -INF)
    one[3] = 0.0
    smooth = psis(one)
    assert smooth.k.isnan()
    assert smooth.log_weights[3] == 0.0


def test_smoothed_weights_do_not_exceed_the_largest_raw_one_and_sum_to_one():
    log_w = 4 * torch.randn(1000, dtype=torch.float64)
    smooth = psis(log_w)
    assert smooth.log_weights.exp().sum().item() == pytest.approx(1)
    raw = log_w - log_w.max()
    assert (smooth.log_weights - smooth.log_weights.max()).sort().values[-1] <= raw.max() + 1e-12
    assert smooth.k > 0.7


def test_k_is_judged_by_the_number_of_draws():
    assert pareto_threshold(10**9) == 0.7
    assert pareto_threshold(1000) == pytest.approx(2 / 3)
    assert "well behaved" in pareto_verdict(0.4, 1000)
    assert "variance may be infinite" in pareto_verdict(0.6, 10_000)
    assert "too heavy" in pareto_verdict(0.8, 10_000)
    assert "a few draws carry everything" in pareto_verdict(1.2, 10_000)
    assert "unknown" in pareto_verdict(NAN, 10)


# ---- intervals and dots


def test_shortest_interval_of_a_skewed_distribution():
    """Exponential draws at their exact quantiles: the shortest interval begins at zero."""
    u = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    low, high = hpdi(-torch.log1p(-u), prob=0.9)
    assert low.item() == pytest.approx(0, abs=1e-3)
    assert high.item() == pytest.approx(math.log(10), rel=1e-3)


def test_shortest_interval_agrees_with_arviz():
    from arviz_stats.base import array_stats

    draws = torch.randn(1000, 2, dtype=torch.float64)
    ours = hpdi(draws, prob=0.89, dim=0)
    for column in range(2):
        theirs = array_stats.hdi(draws[:, column].numpy(), prob=0.89)
        np.testing.assert_allclose(ours[:, column], theirs, atol=0.02)  # they round the count down
    assert hpdi(draws.T, prob=0.89, dim=1).shape == (2, 2)


def test_interval_of_all_draws_and_of_one():
    assert hpdi([3.0, 1.0, 2.0], prob=1.0).tolist() == [1.0, 3.0]
    assert hpdi([3.0]).tolist() == [3.0, 3.0]


def test_dots_are_quantiles_of_the_draws():
    u = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    draws = torch.tensor([NormalDist(9.14, 0.6).inv_cdf(p) for p in u.tolist()])
    dots = quantile_dots(draws, 20)
    exact = [NormalDist(9.14, 0.6).inv_cdf((i + 0.5) / 20) for i in range(20)]
    np.testing.assert_allclose(dots, exact, atol=2e-3)


def test_dots_of_weighted_draws_are_dots_of_what_they_stand_for():
    draws, copies = torch.randn(50, 2), torch.randint(1, 5, (50,))
    dots = quantile_dots(draws, 40, log_weights=copies.log())
    torch.testing.assert_close(dots, quantile_dots(draws.repeat_interleave(copies, 0), 40))


def test_resampled_draws_weigh_the_same():
    draws = torch.arange(5.0)
    log_w = torch.tensor([0.0, 1.0, -INF, 2.0, -1.0])
    chosen = resample(draws, log_w, 20_000)
    assert_average(chosen, (log_w.softmax(0) * draws).sum())
    assert (chosen != 2.0).all()
    assert resample(draws, log_w).shape == (5,)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda: hpdi([]), "no draws"),
        (lambda: hpdi([1.0, NAN]), "1 of 2 values are nan"),
        (lambda: hpdi([1.0], prob=95), "a share"),
        (lambda: quantile_dots([1.0], 0), "num_dots"),
        (lambda: quantile_dots([1.0], 5, [0.0, 0.0]), "one log weight a draw"),
        (lambda: resample([1.0], [0.0], 0), "num_samples"),
        (lambda: resample([1.0, 2.0], [-INF, -INF]), "all 2 are -inf"),
    ],
)
def test_mistakes_are_named(mistake, said):
    with pytest.raises(ValueError, match=said):
        mistake()


def test_every_name_is_exported():
    assert all(hasattr(diagnostics, name) for name in diagnostics.__all__)
