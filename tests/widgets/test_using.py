"""Use it: chances against integrals, the lesson's numbers, the dots, the decision, the draws.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each, plus what the training's own error may add.
"""

import math

import numpy as np
import pytest

import truth
from ppl_widgets.drawing import Drawing
from ppl_widgets.scenarios import USING, Settings
from ppl_widgets.scenarios import using as use
from ppl_widgets.views import using as view


def settings(**changes):
    return dict(Settings(USING.controls, **changes))


def chance_by_quadrature(limit, noise_sd, of_next, **scale):
    """P(what is asked about > limit) as an integral over the exact posterior on a grid."""
    x = np.linspace(-15.0, 33.0, 48_001)
    p = np.exp(truth.scale_log_joint(x, noise_sd=noise_sd, **scale))
    p = p / p.sum()
    if not of_next:
        return p[x > limit].sum() + 0.5 * p[x == limit].sum()
    tail = [0.5 * math.erfc((limit - w) / (noise_sd * math.sqrt(2))) for w in x[::10]]
    return float(np.dot(p[::10], tail) / p[::10].sum())


def test_numbers_of_the_lesson():
    weight, reading = settings(asked="weight"), settings()
    assert use.over(use.exact(weight), 10.0) == pytest.approx(0.076, abs=5e-4)
    assert use.over(use.exact(reading), 10.0) == pytest.approx(0.185, abs=5e-4)
    assert use.over(use.plugged(reading), 10.0) == pytest.approx(0.126, abs=5e-4)
    assert use.over(use.plugged(weight), 10.0) == 0.0
    assert (use.exact(reading).mean, use.exact(reading).sd) == pytest.approx(
        (9.14, 0.960), abs=5e-4
    )


@pytest.mark.parametrize("asked", use.SITES)
@pytest.mark.parametrize("changes", [{}, {"guess": 7.0, "noise_sd": 2.0, "threshold": 9.0}])
def test_chances_agree_with_quadrature(asked, changes):
    controls = settings(asked=asked, **changes)
    scale = {"guess": controls["guess"], "measurement": controls["measurement"]}
    limit, noise = controls["threshold"], controls["noise_sd"]
    known = chance_by_quadrature(limit, noise, asked == "next reading", **scale)
    assert use.over(use.exact(controls), limit) == pytest.approx(known, abs=2e-4)


@pytest.mark.parametrize("asked", use.SITES)
def test_draws_of_the_learned_guide_say_the_same(asked):
    drawing = Drawing(USING, asked=asked)
    drawing.run(4000)
    values = use.asked(drawing.controls, drawing.draws)
    exact = use.exact(drawing.controls)
    error = 5 / math.sqrt(len(values))
    assert values.mean() == pytest.approx(exact.mean, abs=error * exact.sd + 0.03)
    assert values.std() == pytest.approx(exact.sd, abs=error * exact.sd + 0.03)
    chance = float(use.over(exact, 10.0))
    bound = error * math.sqrt(chance * (1 - chance)) + 0.015
    assert use.share(drawing.controls, drawing.draws) == pytest.approx(chance, abs=bound)


def test_reading_is_drawn_after_its_own_weight():
    draws = Drawing(USING).draws
    noise = draws["measurement"] - draws["weight"]
    assert noise.std() == pytest.approx(0.75, abs=5 * 0.75 / math.sqrt(2 * len(noise)))
    assert abs(np.corrcoef(noise, draws["weight"])[0, 1]) < 5 / math.sqrt(len(noise))


def test_a_training_cut_short_is_seen_in_the_tail():
    drawing = Drawing(USING, asked="weight", steps=1)
    drawing.run(4000)
    assert use.share(drawing.controls, drawing.draws) == pytest.approx(0.067, abs=0.02)
    assert drawing.draws["weight"].mean() == pytest.approx(8.5, abs=0.1)


def test_a_hundred_dots_hold_the_area_and_none_straddles_the_limit():
    drawing = Drawing(USING)
    x, height, high = use.dots(drawing.controls, drawing.draws)
    values = use.asked(drawing.controls, drawing.draws)
    assert len(x) == 100
    assert high.sum() == pytest.approx(100 * (values > 10.0).mean(), abs=1.0)
    assert (x[high] > 10.0).all()
    assert (x[~high] < 10.0).all()
    wide = np.unique(np.round(np.diff(np.unique(x)), 6)).min()
    for column in np.unique(x):  # heights fill the column from the floor, dot on dot
        stack = np.sort(height[x == column])
        np.testing.assert_allclose(stack, (np.arange(len(stack)) + 0.5) / (100 * wide), rtol=1e-5)


def test_care_pays_where_the_risk_costs_more():
    controls = settings()
    chance, plugged = (float(use.over(what(controls), 10.0)) for what in (use.exact, use.plugged))
    assert plugged < use.even(controls) < chance
    assert use.cares(chance, controls)
    assert not use.cares(plugged, controls)
    drawing = Drawing(USING)
    assert "Care costs 1.00, risk 1.20: take care. The plugged-in mean decides otherwise." in (
        drawing.summary()
    )
    drawing.set("fine", 4.0)
    assert "Care costs 1.00, risk 0.74: take the risk." in drawing.summary()
    assert "decides alike" in drawing.summary()
    drawing.set("fine", 0.5)  # a risk that is cheaper than care, whatever comes
    assert use.even(drawing.controls) == 1.0


def test_looking_another_way_keeps_the_draws():
    drawing = Drawing(USING)
    before = drawing.draws["weight"].copy()
    for name, value in {"threshold": 9.0, "asked": "weight", "fine": 20.0, "care": 2.0}.items():
        drawing.set(name, value)
        np.testing.assert_array_equal(drawing.draws["weight"], before)
    drawing.set("measurement", 9.0)
    assert not np.array_equal(drawing.draws["weight"], before)


def test_pictures_agree_with_the_numbers():
    drawing = Drawing(USING)
    points, texts = view.frame(drawing), view.texts(drawing)
    grid, tail = points["tail.exact"]
    assert np.interp(10.0, grid, tail) == pytest.approx(0.185, abs=1e-3)
    assert texts["tail"] == "exact 0.185"
    assert texts["label:estimate.plugged"] == "plugged in 0.126"
    assert points["estimate.seen"][1][-1] == pytest.approx(
        use.share(drawing.controls, drawing.draws), abs=1e-6
    )
    drawing.back(1000)
    assert view.texts(drawing)["estimate"] == "no draws, exact 0.185"
