"""Seeing and setting: the lesson's numbers, the joint density on a grid, and the draws.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import math

import numpy as np
import pytest

import truth
from ppl_widgets.drawing import Drawing
from ppl_widgets.scenarios import LOOKING, Gaussian, Settings
from ppl_widgets.scenarios import looking as look
from ppl_widgets.views import looking as view


def settings(**changes):
    return dict(Settings(LOOKING.controls, **changes))


def near(mean, sd, within=5e-3):
    return Gaussian(pytest.approx(mean, abs=within), pytest.approx(sd, abs=within))


def test_numbers_of_the_lesson():
    assert look.exact(settings())["weight"] == near(8.5, 1.0)
    assert look.exact(settings(how="look"))["weight"] == near(9.14, 0.6)
    gust = {"site": "weight", "value": 10.0, "draught": "on"}
    assert look.exact(settings(how="look", **gust))["measurement"] == near(10.75, 1.03)
    assert look.exact(settings(how="touch", **gust))["measurement"] == near(10.0, 1.25)
    assert look.exact(settings(how="look", **gust))["draught"] == near(0.75, math.sqrt(0.5))
    assert look.exact(settings(how="touch", **gust))["draught"] == near(0.0, 1.0)


def on_a_grid(controls):
    """Mean and sd of every site from the joint density on a grid of draught and weight.

    A site that was seen has its density in the product, one that was set has it taken out.
    """
    guess, prior_sd, noise_sd = (controls[name] for name in ("guess", "prior_sd", "noise_sd"))
    gust = controls["draught"] == "on"
    site, value, seen = controls["site"], controls["value"], controls["how"] == "look"
    h = np.linspace(-8, 8, 801)[:, None] if gust else np.zeros((1, 1))
    p = np.exp(truth.normal_log_density(h, 0.0, 1.0)) if gust else np.ones((1, 1))
    if site == "weight":
        w = np.array([[value]])
        if seen:
            p = p * np.exp(truth.normal_log_density(w, guess + h, prior_sd))
    else:
        w = guess + np.linspace(-12, 12, 2401)[None, :]
        p = p * np.exp(truth.normal_log_density(w, guess + h, prior_sd))
    noise = noise_sd**2
    m = w + h
    if site == "measurement":
        if seen:
            p = p * np.exp(truth.normal_log_density(value, w + h, noise_sd))
        m, noise = np.array([[value]]), 0.0
    p = p / p.sum()
    moments = {}
    for name, x, more in (("draught", h, 0.0), ("weight", w, 0.0), ("measurement", m, noise)):
        mean = (p * x).sum()
        moments[name] = (mean, math.sqrt((p * (x - mean) ** 2).sum() + more))
    return moments


@pytest.mark.parametrize("draught", ["off", "on"])
@pytest.mark.parametrize("how", ["look", "touch"])
@pytest.mark.parametrize("site", ["weight", "measurement", "none"])
def test_closed_form_agrees_with_a_grid_of_the_joint(site, how, draught):
    controls = settings(site=site, how=how, draught=draught, value=10.0, prior_sd=1.2, noise_sd=0.6)
    grid = on_a_grid(controls)
    for name, known in look.exact(controls).items():
        assert known.mean == pytest.approx(grid[name][0], abs=1e-6)
        assert known.sd == pytest.approx(grid[name][1], abs=1e-6)


@pytest.mark.parametrize("draught", ["off", "on"])
@pytest.mark.parametrize("how", ["look", "touch"])
@pytest.mark.parametrize("site", ["weight", "measurement", "none"])
def test_runs_of_the_programs_have_the_exact_means(site, how, draught):
    drawing = Drawing(LOOKING, site=site, how=how, draught=draught, value=9.0)
    drawing.run(9000)
    share = look.weights(drawing.draws)
    share = share / share.sum()
    for name, known in look.exact(drawing.controls).items():
        column = drawing.draws[name]
        error = math.sqrt((share**2 * (column - known.mean) ** 2).sum())
        assert abs(look.average(drawing.draws, name) - known.mean) <= 5 * error + 1e-9
        variance = (share * (column - known.mean) ** 2).sum()
        spread = math.sqrt((share**2 * ((column - known.mean) ** 2 - variance) ** 2).sum())
        assert abs(variance - known.sd**2) <= 5 * spread + 1e-9


def test_the_main_plot_shows_what_is_asked_and_cut_arrows_are_told():
    drawing = Drawing(LOOKING, draught="on")
    assert view.places(drawing)["first"] == "weight"
    assert view.texts(drawing)["graph"] == "draught → weight ↛ measurement ↚ draught"
    staged = drawing.stage_version
    drawing.set("site", "weight")
    assert drawing.stage_version > staged
    assert view.places(drawing)["first"] == "measurement"
    assert view.texts(drawing)["graph"] == "draught ↛ weight → measurement ← draught"
    drawing.set("how", "look")
    assert "touched: N(9.50, 1.25)" in view.texts(drawing)["label:first.other"]


def count_arrows(points):
    """Arrows are a line and a head, five points, with a gap after both."""
    return (len(points[0]) + 1) // 7


@pytest.mark.parametrize(
    ("changes", "whole", "cut"),
    [
        ({}, 0, 1),
        ({"how": "look"}, 1, 0),
        ({"site": "none"}, 1, 0),
        ({"draught": "on"}, 1, 2),
        ({"draught": "on", "site": "weight"}, 2, 1),
        ({"draught": "on", "how": "look"}, 3, 0),
    ],
)
def test_setting_cuts_the_arrows_into_a_site(changes, whole, cut):
    points = view.frame(Drawing(LOOKING, **changes))
    assert count_arrows(points["graph.arrows"]) == whole
    assert count_arrows(points["graph.cut"]) == cut
