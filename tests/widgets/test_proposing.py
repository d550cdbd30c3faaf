"""The proposal lab: formulas against quadrature, the lesson's numbers, and what the draws say.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import math

import numpy as np
import pytest

import truth
from ppl_widgets.drawing import Drawing
from ppl_widgets.scenarios import PROPOSING, Settings
from ppl_widgets.scenarios import proposing as lab
from ppl_widgets.views import proposing as view

GUIDES = [(8.5, 1.0), (9.14, 0.6), (9.0, 0.8), (9.5, 2.0), (8.0, 0.7)]


def settings(**changes):
    return dict(Settings(PROPOSING.controls, **changes))


def test_numbers_of_the_lesson():
    prior = settings()
    assert lab.ess_share(prior) == pytest.approx(0.60, abs=5e-3)
    assert math.exp(-lab.log_lift(prior)) == pytest.approx(0.436, abs=5e-4)
    assert lab.chain_share(prior) == pytest.approx(0.53, abs=5e-3)
    perfect = settings(a=9.14, b=0.6)
    for share in (lab.ess_share, lab.chain_share, lambda c: math.exp(-lab.log_lift(c))):
        assert share(perfect) == pytest.approx(1.0, abs=1e-6)
    weights = np.exp(Drawing(PROPOSING, a=9.14, b=0.6).draws["log_weight"])
    np.testing.assert_allclose(weights, 0.2318, atol=5e-5)
    assert lab.ess_share(settings(b=0.42)) == 0.0  # under 0.6 / sqrt(2)
    assert lab.ess_share(settings(a=9.14, b=0.43)) > 0.0
    assert lab.tail_k(settings(b=0.4)) == pytest.approx(1 - 0.16 / 0.36)


@pytest.mark.parametrize(("a", "b"), GUIDES)
def test_formulas_agree_with_quadrature(a, b):
    controls = settings(a=a, b=b)
    x = np.linspace(-15.0, 33.0, 200_001)
    log_p, log_q = truth.scale_log_joint(x), truth.normal_log_density(x, a, b)
    ratio = log_p - log_q
    evidence = np.trapezoid(np.exp(log_p), x)
    second = np.trapezoid(np.exp(log_p + ratio), x)
    assert lab.ess_share(controls) == pytest.approx(evidence**2 / second, rel=1e-6)
    assert lab.ess_share(controls) == pytest.approx(truth.ess_share(a, b), rel=1e-9)
    kept = math.exp(-lab.log_lift(controls))
    assert kept == pytest.approx(evidence / np.exp(ratio.max()), rel=1e-6)


@pytest.mark.parametrize(("a", "b"), [*GUIDES, (9.14, 0.4), (10.0, 0.3)])
def test_acceptance_of_the_chain_as_a_double_integral(a, b):
    x = np.linspace(0.0, 19.0, 1901)
    p = np.exp(truth.scale_log_joint(x))
    q = np.exp(truth.normal_log_density(x, a, b))
    p, q = p / p.sum(), q / q.sum()
    pairs = np.outer(p, q)
    assert lab.chain_share(settings(a=a, b=b)) == pytest.approx(
        np.minimum(pairs, pairs.T).sum(), abs=2e-3
    )


@pytest.mark.parametrize("tab", lab.TABS[:3])
@pytest.mark.parametrize(("a", "b"), [(8.5, 1.0), (9.0, 0.8)])
def test_draws_have_the_exact_mean_and_share(tab, a, b):
    drawing = Drawing(PROPOSING, tab=tab, a=a, b=b)
    drawing.run(4000)
    values, weights = lab.histogram(drawing.draws)
    weights = np.ones(len(values)) if weights is None else weights
    # A chain that accepts half of its proposals is worth at least a third of its draws.
    worth = weights.sum() ** 2 / (weights**2).sum() / (3.0 if tab == "chain" else 1.0)
    assert abs(np.average(values, weights=weights) - 9.14) < 5 * 0.6 / math.sqrt(worth)
    seen, exact = lab.gauge(drawing.draws)[-1], lab.share(drawing.controls)
    if tab == "importance":
        assert seen == pytest.approx(exact, rel=0.05)
    else:
        bound = 5 * math.sqrt(exact * (1 - exact) / len(values) * (3.0 if tab == "chain" else 1.0))
        assert abs(seen - exact) < bound


def test_points_fall_under_the_envelope_and_are_kept_under_the_model():
    drawing = Drawing(PROPOSING, tab="rejection", a=9.0, b=0.9)
    draws = drawing.draws
    p = np.exp(truth.scale_log_joint(draws["weight"]))
    kept = draws["accepted"] > 0
    assert (draws["height"][kept] <= p[kept] * (1 + 1e-5)).all()
    assert (draws["height"][~kept] >= p[~kept] * (1 - 1e-5)).all()
    points = view.frame(drawing)
    x, envelope = points["use.envelope"]
    model = np.exp(truth.scale_log_joint(x))
    assert (envelope >= model * (1 - 1e-5)).all()
    assert (envelope / model).min() == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(points["use.joint"][1].max(), 0.2318 * 0.665, rtol=1e-3)


def test_a_gauge_that_only_knows_its_draws_reads_well_where_the_truth_is_nought():
    drawing = Drawing(PROPOSING, a=9.14, b=0.4)
    assert lab.share(drawing.controls) == 0.0
    assert lab.gauge(drawing.draws)[-1] > 0.3
    assert "exact 0 %" in drawing.summary()


def test_no_envelope_is_told_and_a_wider_guide_mends_it():
    drawing = Drawing(PROPOSING, tab="rejection", b=0.4)
    assert drawing.status == "failed"
    assert "Widen the guide" in drawing.error
    assert len(view.frame(drawing)["use.kept"][0]) == 0
    assert view.texts(drawing)["gauge"] == "no draws, exact 0 %"
    drawing.set("b", 0.8)
    assert (drawing.status, drawing.error) == ("idle", None)


def test_equal_weights_have_no_tail():
    assert "Pareto k none" in Drawing(PROPOSING, a=9.14, b=0.6).summary()


def test_a_longer_run_has_a_longer_axis():
    drawing = Drawing(PROPOSING, num=1000)
    assert drawing.view.ranges["draw"] == (0.0, 1000.0)
    drawing.play()
    assert drawing.view.ranges["draw"] == (0.0, 2000.0)
    assert drawing.notice == "Continuing to draw 2,000."
