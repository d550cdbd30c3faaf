"""Many: widths, noise and gaps by a second route, the lesson's numbers, and both trainings.

Statistical tests: fixed seeds; bounds are 5 standard errors, a false-alarm rate below 1e-6 each.
"""

import math

import numpy as np
import pytest
import torch

import truth
from ppl_widgets import ManyPanel
from ppl_widgets.scenarios import MANY, Gaussian, Settings, batches, together
from ppl_widgets.subsampling import Subsampling
from ppl_widgets.views import many as view
from ppl_widgets.watching import Watching


def settings(**changes):
    return dict(Settings(MANY.controls, **changes))


def one_by_one(controls, number):
    """Posterior of the weight by taking the readings in turn, as a Kalman filter without drift."""
    data = batches.readings(number, controls["noise_sd"]).double().tolist()
    scale = {"sd": controls["prior_sd"], "drift": 0.0, "noise_sd": controls["noise_sd"]}
    return truth.kalman(data, mean=controls["guess"], **scale)[-1]


def stacked(controls, number):
    """Mean and covariance of all weights by inverting their precision."""
    ones = np.ones((number, number))
    prior, noise = controls["prior_sd"] ** -2, controls["noise_sd"] ** -2
    cov = np.linalg.inv(prior * np.eye(number) + noise * ones)
    guess = np.full(number, controls["guess"])
    reading = number * controls["guess"] + together.EXCESS
    return cov @ (prior * guess + noise * reading * np.ones(number)), cov


# ---- many readings


def test_numbers_of_the_lesson_about_readings():
    controls = settings()
    assert batches.exact(controls).sd == pytest.approx(0.0075, abs=5e-5)
    assert batches.ends_at(controls).sd == pytest.approx(0.0748, abs=5e-5)


@pytest.mark.parametrize("changes", [{}, {"readings": 100, "noise_sd": 2.0, "prior_sd": 0.5}])
def test_the_posterior_is_that_of_one_reading_after_the_other(changes):
    controls = settings(**changes)
    exact = batches.exact(controls)
    known = one_by_one(controls, batches.size(controls)[0])
    assert (exact.mean, exact.sd) == pytest.approx((known.mean, known.sd), rel=1e-9)


def test_forgetting_ends_where_the_average_loss_is_flat():
    """The average over batches of the loss without N/B has its minimum at `ends_at`."""
    controls = settings(readings=1000, batch=10)
    data = batches.readings(1000, 0.75).double().numpy()
    end, h = batches.ends_at(controls), 1e-4

    def loss(a, log_b):  # a batch is 10 average readings
        b, fit = math.exp(log_b), np.mean((data - a) ** 2)
        prior = ((a - 8.5) ** 2 + b * b) / 2
        return prior + 10 * (fit + b * b) / (2 * 0.5625) - log_b

    a, log_b = end.mean, math.log(end.sd)
    assert (loss(a + h, log_b) - loss(a - h, log_b)) / (2 * h) == pytest.approx(0.0, abs=1e-5)
    assert (loss(a, log_b + h) - loss(a, log_b - h)) / (2 * h) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("case", ["forgotten", "scaled"])
@pytest.mark.parametrize("batch", [1, 10, 100])
def test_noise_of_a_gradient_is_that_of_the_program(case, batch):
    controls = settings(readings=100, batch=batch, case=case)
    guide = Gaussian(9.2, 0.1)
    kernel, args = batches.Subsampled(controls), batches.args(controls)
    kernel.init(*args)
    kernel.svi.store["a"], kernel.svi.store["b"] = torch.tensor(guide.mean), torch.tensor(guide.sd)
    here = kernel.svi.state
    torch.manual_seed(7)
    slopes = [kernel.update(here, *args)[1].slope for _ in range(300)]
    known = batches.slope_sd(controls, batch, guide)
    assert np.std(slopes, ddof=1) == pytest.approx(known, rel=5 / math.sqrt(2 * 299))


def test_a_forgotten_scale_trains_to_the_width_of_a_batch():
    watching = Watching(MANY)
    late = watching.draws["b"][-50:].mean()
    assert late == pytest.approx(0.0748, rel=0.1)
    assert "Sd 0.07" in watching.summary()
    assert "exact 0.0075, closed form" in watching.summary()
    seen = batches.seen_slope_sd(watching.draws)
    guide = batches.guide_of(watching.controls, watching.draws)
    known = batches.slope_sd(watching.controls, 100, guide)
    assert seen == pytest.approx(known, rel=5 / math.sqrt(2 * 49))


def test_a_scaled_plate_trains_to_the_exact_width():
    watching = Watching(MANY, case="scaled", num_steps=300)
    guide, exact = batches.guide_of(watching.controls, watching.draws), None
    exact = batches.exact(watching.controls)
    assert 0.9 < guide.sd / exact.sd < 1.5
    assert batches.apart(guide, exact) < 30.0
    known = truth.kl_by_quadrature(guide.mean, guide.sd, exact.mean, exact.sd)
    assert batches.apart(guide, exact) == pytest.approx(known, rel=1e-6)


def test_a_batch_is_never_larger_than_the_data():
    watching = Watching(MANY, readings=10, batch=1000, num_steps=20)
    assert batches.size(watching.controls) == (10, 10)
    assert "A step sees 10 of 10 readings." in watching.summary()
    one = settings(readings=1, batch=1)
    assert batches.slope_sd(one, 1, Gaussian(9.0, 0.5)) > 0.0


# ---- many weights


def test_numbers_of_the_lesson_about_weights():
    controls = settings(case="mean-field")
    _, cov = together.joint(controls)
    assert math.sqrt(cov[0, 0]) == pytest.approx(0.781, abs=5e-4)
    assert cov[0, 1] / cov[0, 0] == pytest.approx(-0.64, abs=5e-4)
    assert together.claimed_sd(controls) == pytest.approx(0.6)
    gap = float(together.claimed_gap(controls, 2))
    assert gap == pytest.approx(0.263, abs=5e-4)
    assert gap == pytest.approx(-0.5 * math.log(1 - 0.64**2), rel=1e-3)


@pytest.mark.parametrize("changes", [{}, {"weights": 7, "noise_sd": 0.3, "prior_sd": 2.0}])
def test_weights_agree_with_an_inverted_precision(changes):
    controls = settings(case="full", **changes)
    number = controls["weights"]
    mean, cov = together.joint(controls)
    known_mean, known_cov = stacked(controls, number)
    np.testing.assert_allclose(mean, known_mean, rtol=1e-9)
    np.testing.assert_allclose(cov, known_cov, rtol=1e-9)
    assert together.exact_sd(controls, number) == pytest.approx(known_cov[0, 0] ** 0.5)
    field = np.diag(1.0 / np.diag(np.linalg.inv(known_cov)))  # the best of independent normals
    assert together.claimed_sd(controls) == pytest.approx(field[0, 0] ** 0.5)
    gap = 0.5 * (np.linalg.slogdet(known_cov)[1] - np.linalg.slogdet(field)[1])
    assert together.claimed_gap(controls, number) == pytest.approx(gap)
    both = together.apart(known_mean[None], field[None], controls)
    assert both[0] == pytest.approx(gap)
    sd = math.sqrt(number * controls["prior_sd"] ** 2 + controls["noise_sd"] ** 2)
    total = number * controls["guess"]
    known = truth.normal_log_density(total + together.EXCESS, total, sd)
    assert together.floor(controls) == pytest.approx(-known)


def test_mean_field_is_too_sure_of_each_weight():
    watching = Watching(MANY, case="mean-field")
    late = {name: column[-50:].mean() for name, column in watching.draws.items()}
    assert math.sqrt(late["v00"]) == pytest.approx(0.6, abs=0.03)
    assert late["v01"] == 0.0
    assert late["gap"] == pytest.approx(0.263, abs=0.02)
    watching.set("weights", 10)
    watching.run(150)
    known = float(together.claimed_gap(watching.controls, 10))
    assert watching.draws["gap"][-1] == pytest.approx(known, abs=0.3)
    assert watching.draws["gap"].min() > known - 1e-6  # no independent normals can do better


def test_a_full_guide_finds_what_the_weights_share():
    watching = Watching(MANY, case="full")
    _, cov = together.pair(watching.controls, watching.draws)
    assert cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1]) == pytest.approx(-0.64, abs=0.1)
    assert 0.0 < watching.draws["gap"][-1] < 0.03


# ---- the pictures


def test_ellipses_have_the_sds_of_their_covariance():
    _, cov = together.joint(settings())
    x, y = view.ellipse(np.array([9.0, 8.0]), cov)
    assert (x.max() - 9.0, y.max() - 8.0) == pytest.approx([cov[0, 0] ** 0.5] * 2, rel=2e-3)


@pytest.mark.parametrize("case", MANY.controls[2].options)
def test_every_case_has_its_pictures(case):
    watching = Watching(MANY, case=case, num_steps=20)
    figures, points = view.stage(watching), view.frame(watching)
    drawn = {trace["uid"] for figure in figures.values() for trace in figure["data"]}
    assert drawn == points.keys()
    assert {name for name in view.texts(watching) if ":" not in name} == figures.keys()
    watching.reset()
    assert watching.step == 0
    view.frame(watching), view.texts(watching)


def test_readings_that_moved_train_on_the_clock_and_weights_at_once():
    now = [0.0]
    session = Subsampling(MANY, clock=lambda: now[0], num_steps=40)
    assert (session.status, session.step) == ("idle", 40)
    session.set("batch", 50.0)
    assert (session.status, session.step) == ("running", 0)
    session.advance(1.0)  # no time passes on this clock: one block of rows is made at least
    assert session.step > 0
    session.advance(1e3)
    session.set("guess", 9.0)
    assert (session.status, session.step) == ("running", 0)
    session.run(40)
    before = session.draws["b"]
    assert np.array_equal(before, Watching(MANY, **session.controls).draws["b"])
    session.set("case", "mean-field")
    session.run(40 - session.step)
    session.set("guess", 8.0)
    assert session.step == 40


def test_where_no_clock_ticks_a_move_is_trained_to_its_end():
    panel = ManyPanel(num_steps=40)
    panel.set(batch=50.0)
    assert (panel.session.status, panel.session.step) == ("done", 40)
    panel.close()
