"""The ELBO in balance: the lesson's numbers, both cuts by quadrature, and the noise of estimates.

Statistical tests: fixed seeds; averages by `chance`, shares within 5 standard errors, a
false-alarm rate below 1e-6 each.
"""

import math

import numpy as np
import pytest

import ppl_core as ppl
import truth
from chance import assert_average
from ppl_core.infer import Trace_ELBO
from ppl_widgets.drawing import Drawing
from ppl_widgets.scenarios import BALANCING, Settings
from ppl_widgets.scenarios import balancing as lab
from ppl_widgets.scenarios.proposing import guide_program
from ppl_widgets.scenarios.weighing import scale
from ppl_widgets.views import balancing as view

GUIDES = [(8.5, 1.0), (9.0, 0.8), (9.14, 0.6), (9.14, 0.9), (8.0, 0.3), (9.6, 0.6)]


def settings(**changes):
    return dict(Settings(BALANCING.controls, **changes))


def test_numbers_of_the_lesson():
    start, near, best = settings(), settings(a=9.0, b=0.8), settings(a=9.14, b=0.6)
    assert [lab.loss(c) for c in (start, near, best)] == pytest.approx(
        [2.409, 1.591, 1.462], abs=5e-4
    )
    assert lab.sd(start) == pytest.approx(2.18, abs=5e-3)
    assert lab.sd(best) == pytest.approx(0.0, abs=1e-9)
    assert lab.gap(near) == pytest.approx(0.128, abs=5e-4)
    assert lab.misfit(near) == pytest.approx(1.422, abs=5e-4)  # the fit only


@pytest.mark.parametrize(("a", "b"), GUIDES)
def test_the_bar_cut_in_two_ways_agrees_with_quadrature(a, b):
    controls = settings(a=a, b=b)
    mean, variance = truth.loss_moments_by_quadrature(a, b, truth.scale_log_joint)
    exact = truth.weigh()
    assert lab.loss(controls) == pytest.approx(mean, abs=1e-9)
    assert lab.sd(controls) == pytest.approx(math.sqrt(max(variance, 0.0)), abs=1e-6)
    assert lab.floor(controls) == pytest.approx(-exact.log_evidence, abs=1e-12)
    kl = truth.kl_by_quadrature(a, b, exact.mean, exact.sd)
    assert lab.gap(controls) == pytest.approx(kl, abs=1e-9)
    fit = truth.normal_average(lambda w: truth.normal_log_density(9.5, w, 0.75), a, b)
    assert lab.misfit(controls) == pytest.approx(-fit, abs=1e-9)
    assert lab.complexity(controls) == pytest.approx(
        truth.kl_by_quadrature(a, b, 8.5, 1.0), abs=1e-9
    )
    assert lab.floor(controls) + lab.gap(controls) == pytest.approx(mean, abs=1e-9)
    assert lab.misfit(controls) + lab.complexity(controls) == pytest.approx(mean, abs=1e-9)


def by_many_draws(controls, x, shape):
    """Share of estimates below x, from numpy's normals and the log densities alone."""
    a, b = controls["a"], controls["b"]
    w = a + b * np.random.default_rng(5).standard_normal(shape)
    losses = (truth.normal_log_density(w, a, b) - truth.scale_log_joint(w)).mean(axis=1)
    return (losses[:, None] <= x).mean(axis=0)


@pytest.mark.parametrize("particles", [1, 2, 3, 10])
@pytest.mark.parametrize(("a", "b"), [(8.5, 1.0), (8.8, 0.45), (9.6, 0.6)])
def test_shares_of_estimates_agree_with_other_draws(a, b, particles):
    controls = settings(a=a, b=b, particles=particles)
    x = lab.loss(controls) + lab.sd(controls) * np.array([-1.5, -0.7, -0.2, 0.3, 1.0, 2.5])
    share, number = lab.chance_below(controls, x), 40_000
    seen = by_many_draws(controls, x, (number, particles))
    errors = np.sqrt(np.maximum(share * (1.0 - share), 1.0 / number) / number)
    assert (np.abs(seen - share) < 5.0 * errors).all()
    assert (np.diff(share) >= -1e-12).all()


def test_shares_of_the_perfect_guide_jump_at_the_floor():
    controls = settings(a=9.14, b=0.6)
    floor = lab.floor(controls)
    jump = lab.chance_below(controls, np.array([floor - 1e-3, floor + 1e-3]))
    assert jump.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("a", "b", "particles"), [(8.5, 1.0, 1), (9.0, 0.8, 5), (8.0, 0.3, 3)])
def test_the_panel_s_estimates_are_those_of_trace_elbo(a, b, particles):
    drawing = Drawing(BALANCING, a=a, b=b, particles=particles)
    drawing.run(3000)
    losses = drawing.draws["loss"]
    assert_average(losses, lab.loss(drawing.controls))
    assert_average((losses - lab.loss(drawing.controls)) ** 2, lab.sd(drawing.controls) ** 2)
    model = ppl.condition(scale, data={"measurement": 9.5})
    elbo = Trace_ELBO(num_particles=particles, vectorize_particles=True)
    ppl.set_rng_seed(7)
    guide = guide_program(drawing.controls)
    estimates = [elbo.loss(model, guide, 8.5, 1.0, 0.75) for _ in range(500)]
    assert_average(estimates, lab.loss(drawing.controls))


def test_at_the_perfect_guide_the_histogram_is_a_spike():
    drawing = Drawing(BALANCING, a=9.14, b=0.6)
    assert np.ptp(drawing.draws["loss"]) < 1e-4
    points = view.frame(drawing)
    for outline in ("estimates.draws", "estimates.exact"):
        assert points[outline][1].max() == pytest.approx(1.0, abs=1e-6)
    assert "which guide is this?" in drawing.summary()


def test_single_estimates_dip_under_the_floor_and_averages_do_not():
    drawing = Drawing(BALANCING)
    below = (drawing.draws["loss"] < lab.floor(drawing.controls)).mean()
    exact = lab.chance_below(drawing.controls, np.array([lab.floor(drawing.controls)]))[0]
    assert exact > 0.3
    assert abs(below - exact) < 5 * math.sqrt(exact * (1 - exact) / drawing.step)
    for a in np.linspace(6.0, 12.0, 13):
        for b in (0.1, 0.4, 0.6, 1.0, 3.0):
            assert lab.loss(settings(a=a, b=b)) >= lab.floor(settings()) - 1e-12


def test_the_sign_mirrors_every_picture_in_nats():
    loss, elbo = Drawing(BALANCING, a=9.0, b=0.8), Drawing(BALANCING, a=9.0, b=0.8, sign="ELBO")
    straight, mirrored = view.frame(loss), view.frame(elbo)
    for uid in straight:
        if uid.startswith(("estimates.", "balance.")):
            np.testing.assert_array_equal(straight[uid][0], -mirrored[uid][0], err_msg=uid)
            np.testing.assert_array_equal(straight[uid][1], mirrored[uid][1], err_msg=uid)
    assert "ELBO -1.591 on average, log evidence -1.462, gap 0.128 nats" in elbo.summary()
    assert view.texts(elbo)["alt:balance"] == "-1.591 = -1.462 \u2212 0.128 = -1.422 \u2212 0.168"
    for s, drawing in ((1, loss), (-1, elbo)):
        low, high = sorted(s * np.array(drawing.view.ranges["nats"]))
        assert view.stage(drawing)["balance"]["layout"]["xaxis"]["range"] == [low, high]
