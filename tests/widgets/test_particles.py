"""Particles: the Kalman filter by two other routes, the lesson's numbers, and what clouds say.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import math

import numpy as np
import pytest

import truth
from ppl_widgets.drawing import Drawing
from ppl_widgets.scenarios import PROPOSING, Settings, particles
from ppl_widgets.views import proposing as view


def settings(**changes):
    return dict(Settings(PROPOSING.controls, tab="particles", **changes))


def test_numbers_of_the_lesson():
    controls = settings()
    assert particles.readings(controls) == (9.5, 9.1, 9.9, 9.3, 9.6)
    last = particles.last(controls)
    assert (last.mean, last.sd) == pytest.approx((9.451, 0.436), abs=5e-4)
    assert particles.log_evidence(controls) == pytest.approx(-5.311, abs=5e-4)


@pytest.mark.parametrize("changes", [{}, {"guess": 7.0, "drift": 1.0, "noise_sd": 0.3}])
def test_the_filter_agrees_with_a_joint_covariance(changes):
    controls = settings(**changes)
    walk = {
        "mean": controls["guess"],
        "sd": controls["prior_sd"],
        "drift": controls["drift"],
        "noise_sd": controls["noise_sd"],
    }
    known = truth.gaussian_walk(particles.readings(controls), **walk)
    beliefs, log_evidence = particles.filtered(controls)
    assert (beliefs[-1].mean, beliefs[-1].sd) == pytest.approx((known.mean, known.sd))
    assert log_evidence == pytest.approx(known.log_evidence)
    for belief, step in zip(
        beliefs, truth.kalman(particles.readings(controls), **walk), strict=True
    ):
        assert (belief.mean, belief.sd) == pytest.approx((step.mean, step.sd))


@pytest.mark.parametrize(("a", "b"), [(8.5, 1.0), (9.14, 0.6)])
def test_clouds_estimate_the_evidence_without_bias(a, b):
    drawing = Drawing(PROPOSING, tab="particles", a=a, b=b)
    drawing.run(9000)
    ratios = drawing.draws["ratio"][:: particles.CLOUD]
    assert len(ratios) == 200
    assert abs(ratios.mean() - 1.0) < 5 * ratios.std(ddof=1) / math.sqrt(len(ratios))
    weights = np.exp(drawing.draws["log_weight"])
    mean = np.average(drawing.draws["weight"], weights=weights)
    clouds = weights.reshape(200, -1)
    parts = (drawing.draws["weight"].reshape(200, -1) * clouds).sum(1) - 9.4515 * clouds.sum(1)
    error = parts.std(ddof=1) / math.sqrt(200) / clouds.sum(1).mean()
    assert abs(mean - 9.4515) < 5 * error
    assert view.texts(drawing)["posterior"].endswith("exact 9.45")


def test_a_tree_ends_in_today_and_begins_with_few():
    drawing = Drawing(PROPOSING, tab="particles")
    levels, parents = particles.newest(drawing.draws)
    alive = particles.living(parents)
    assert levels.shape == alive.shape == (5, 50)
    assert alive[-1].all()
    paths = np.arange(50)
    for t in range(3, -1, -1):
        paths = parents[t][paths]
        assert set(np.flatnonzero(alive[t])) == set(paths)
    assert alive[0].sum() < 25
    assert f"{alive[0].sum()} of 50 beginnings have descendants" in drawing.summary()


def test_a_branch_leads_from_a_parent_to_its_child():
    drawing = Drawing(PROPOSING, tab="particles")
    levels, parents = particles.newest(drawing.draws)
    points = view.frame(drawing)
    x, y = (np.concatenate([points["use.alive"][k], points["use.dead"][k]]) for k in (0, 1))
    assert len(x) == 3 * 4 * 50
    drawn = {
        (t, round(float(parent), 3), round(float(child), 3))
        for t, parent, child in zip(x[::3], y[::3], y[1::3], strict=True)
    }
    expected = {
        (t, round(float(levels[t - 1][parents[t - 1][k]]), 3), round(float(levels[t][k]), 3))
        for t in range(1, 5)
        for k in range(50)
    }
    assert drawn == expected
    low, high = points["use.band"][1][4], points["use.band"][1][5]
    assert (low, high) == pytest.approx((9.451 - 0.872, 9.451 + 0.872), abs=2e-3)


def test_without_a_whole_cloud_nothing_is_drawn():
    drawing = Drawing(PROPOSING, tab="particles")
    drawing.back(960)
    assert len(view.frame(drawing)["use.particles"][0]) == 0
    drawing.back(100)
    assert drawing.summary().endswith("Log evidence -5.311, closed form; at the end N(9.45, 0.44).")
    view.texts(drawing)
