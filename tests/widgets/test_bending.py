"""No formula: quadrature against quadrature of another kind, the lesson's numbers, the training.

Statistical tests: fixed seeds; bounds are 5 standard errors, a false-alarm rate below 1e-6 each.
"""

import math

import numpy as np
import pytest

import truth
from ppl_widgets.panels.presets import PRESETS
from ppl_widgets.scenarios import BENDING, Gaussian, Settings
from ppl_widgets.scenarios import bending as bent
from ppl_widgets.views import bending as view
from ppl_widgets.watching import Watching

NEEDLES = {
    "folded": lambda w: 8.5 + (w - 8.5) ** 2,
    "bent": lambda w: w + np.exp(w - 9.0),
    "straight": lambda w: w,
}


def settings(**changes):
    return dict(Settings(BENDING.controls, **changes))


def log_joint(controls):
    f = NEEDLES[controls["response"]]

    def log_p(w):
        prior = truth.normal_log_density(w, controls["guess"], controls["prior_sd"])
        seen = controls["measurement"]
        return prior + truth.normal_log_density(seen, f(w), controls["noise_sd"])

    return log_p


def best_guide(controls, a, b):
    """Where the ELBO is highest near (a, b): Newton on derivatives by small differences."""
    log_p = log_joint(controls)

    nodes, shares = np.polynomial.hermite_e.hermegauss(40)

    def elbo(place):
        mean, sd = place[0], math.exp(place[1])
        w = mean + sd * nodes
        return shares @ (log_p(w) - truth.normal_log_density(w, mean, sd)) / shares.sum()

    place, h = np.array([a, math.log(b)]), 1e-3
    for _ in range(8):
        steps = h * np.eye(2)
        slope = [(elbo(place + e) - elbo(place - e)) / (2 * h) for e in steps]
        bend = [
            [
                (
                    elbo(place + e + f)
                    - elbo(place + e - f)
                    - elbo(place - e + f)
                    + elbo(place - e - f)
                )
                / (4 * h * h)
                for f in steps
            ]
            for e in steps
        ]
        place = place - np.linalg.solve(bend, slope)
    return Gaussian(place[0], math.exp(place[1]))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"measurement": 8.0, "guess": 9.0},
        {"response": "bent", "measurement": 11.0, "noise_sd": 0.75},
        {"response": "straight", "noise_sd": 0.75},
        {"prior_sd": 3.0, "measurement": 15.0, "noise_sd": 0.1},
    ],
)
def test_truth_agrees_with_another_quadrature(changes):
    controls = settings(**changes)
    log_p, exact = log_joint(controls), bent.exact(settings(**changes))
    other = truth.posterior_by_quadrature(log_p, -20.0, 19.5, 400_001)
    assert exact.log_evidence == pytest.approx(other.log_evidence, abs=1e-5)
    assert exact.moments.mean == pytest.approx(other.mean, abs=1e-5)
    assert exact.moments.sd == pytest.approx(other.sd, abs=1e-5)
    guide = Gaussian(9.3, 0.3)
    loss = truth.loss_moments_by_quadrature(9.3, 0.3, log_p)[0]
    assert bent.elbo(guide, controls) == pytest.approx(-loss, rel=1e-9)
    x = np.linspace(6.0, 12.6, 100_001)
    q = np.exp(truth.normal_log_density(x, 9.3, 0.3))
    apart = np.trapezoid(q * (np.log(q) - log_p(x) + other.log_evidence), x)
    assert bent.gap(guide, controls) == pytest.approx(apart, rel=1e-4, abs=1e-5)
    x = np.linspace(-20.0, 19.5, 400_001)
    p = np.exp(log_p(x) - other.log_evidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(p > 0, np.log(p) - truth.normal_log_density(x, 9.3, 0.3), 0.0)
    assert bent.missed(guide, controls) == pytest.approx(np.trapezoid(p * ratio, x), rel=1e-3)


def test_a_straight_needle_is_the_scale():
    controls = settings(response="straight", noise_sd=0.75)
    exact, known = bent.exact(controls), truth.weigh()
    assert exact.moments.mean == pytest.approx(known.mean)
    assert exact.moments.sd == pytest.approx(known.sd)
    assert exact.log_evidence == pytest.approx(known.log_evidence)
    assert bent.gap(exact.moments, controls) == pytest.approx(0.0, abs=1e-9)


def test_numbers_of_the_lesson():
    controls = settings()
    exact = bent.exact(controls)
    assert exact.log_evidence == pytest.approx(-1.365, abs=5e-4)
    assert exact.moments.sd == pytest.approx(0.965, abs=5e-4)
    assert exact.peaks == pytest.approx((7.516, 9.484), abs=2e-3)
    for start, mean in ((9.4, 9.458), (7.6, 7.542)):
        best = best_guide(controls, start, 0.13)
        assert best.mean == pytest.approx(mean, abs=5e-4)
        assert best.sd == pytest.approx(0.1305, abs=5e-4)
        assert bent.elbo(best, controls) == pytest.approx(-2.075, abs=5e-4)
        assert bent.gap(best, controls) == pytest.approx(0.710, abs=5e-4)
    assert bent.elbo(Gaussian(8.5, 0.965), controls) == pytest.approx(-13.45, abs=0.01)
    bend = settings(**bent.GENTLE)
    assert bent.gap(best_guide(bend, 9.3, 0.3), bend) == pytest.approx(0.019, abs=5e-4)


def test_the_gentle_bend_opens_where_it_is_felt():
    asks = "Reading 11, noise sd 0.75"
    assert asks in Watching(BENDING, response="bent").summary()
    lesson = PRESETS["NoFormulaPanel"]["gentle"]
    assert lesson == bent.GENTLE
    course = Watching(BENDING, **lesson)
    assert asks not in course.summary()
    gap = bent.trained_gap(course.controls, course.draws)
    assert 0.0185 < gap < 0.0185 + 0.03  # the least of all normal guides, and a noise ball's worth


@pytest.mark.parametrize(("start", "hill"), [(9.0, 9.458), (11.0, 9.458), (8.0, 7.542)])
def test_the_training_takes_the_nearer_hill(start, hill):
    course = Watching(BENDING, start=start)
    late = {name: column[-200:] for name, column in course.draws.items()}
    assert late["a"].mean() == pytest.approx(hill, abs=0.02)
    assert late["b"].mean() == pytest.approx(0.1305, abs=0.015)
    assert late["loss"].mean() == pytest.approx(2.075, abs=0.05)
    guide = bent.guide_of(course.controls, course.draws)
    assert 0.70 < bent.gap(guide, course.controls) < 0.76


def test_the_other_direction_covers_both_hills():
    course = Watching(BENDING, direction="inclusive")
    late = {name: column[-200:] for name, column in course.draws.items()}
    assert late["a"].mean() == pytest.approx(8.5, abs=0.1)
    assert late["b"].mean() == pytest.approx(0.965, abs=0.05)
    guide = bent.guide_of(course.controls, course.draws)
    least = bent.missed(bent.exact(course.controls).moments, course.controls)
    assert least < bent.missed(guide, course.controls) < least + 0.03
    assert bent.gap(guide, course.controls) > 8.0
    x = np.linspace(3.0, 14.0, 100_001)
    p = np.exp(log_joint(course.controls)(x))
    lowest = -(p * truth.normal_log_density(x, 8.5, 0.9652)).sum() / p.sum()
    assert bent.floor(course.controls) == pytest.approx(lowest, abs=1e-4)
    assert late["loss"].mean() == pytest.approx(lowest, abs=0.02)


def test_more_steps_leave_the_gap_where_it_is():
    course = Watching(BENDING)
    course.run(600)
    assert course.status_line() == "seed 101 · step 1,200/1,200"
    assert bent.gap(bent.guide_of(course.controls, course.draws), course.controls) > 0.70
    course.back(1100)
    assert (course.step, len(course.draws["a"])) == (100, 100)
    course.back(100)
    assert bent.guide_of(course.controls, course.draws) == Gaussian(9.0, 0.3)
    assert view.texts(course)["loss"] == ""


def test_a_slider_is_a_whole_training_with_the_same_noise():
    course, twin = Watching(BENDING, start=8.0), Watching(BENDING)
    twin.set("start", 8.0)
    # A faster engine that takes over in between rounds otherwise.
    np.testing.assert_allclose(course.draws["a"], twin.draws["a"], atol=1e-3)
    twin.set("start", 8.0)
    assert twin.step == 600


def test_the_bar_is_the_evidence():
    course = Watching(BENDING)
    points, texts = view.frame(course), view.texts(course)
    elbo, evidence = points["gap.elbo"][0].max(), points["gap.evidence"][0][0]
    assert points["gap.gap"][0].min() == elbo
    assert points["gap.gap"][0].max() == evidence == pytest.approx(-1.365192, abs=1e-6)
    assert texts["gap"].endswith("= -1.365")
    assert view.frame(Watching(BENDING, direction="inclusive"))["gap.elbo"][0].max() < -12.0
    shown = points["posterior.exact"]
    assert np.trapezoid(shown[1], shown[0]) == pytest.approx(1.0, abs=1e-3)
