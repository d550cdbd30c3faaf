"""The condition bench's truth against a grid of the joint density, and its runs against both.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import math

import numpy as np
import pytest

import truth
from ppl_widgets.drawing import Drawing
from ppl_widgets.scenarios import CONDITIONING, Settings
from ppl_widgets.scenarios import conditioning as bench


def settings(**changes):
    return dict(Settings(CONDITIONING.controls, **changes))


def on_a_grid(controls):
    """Share, mean, sd and density of the weights within the window.

    By Gauss-Legendre over the reading and the trapezoid rule over the weight.
    """
    names = ("guess", "prior_sd", "noise_sd")
    scale = {name: controls[name] for name in names}
    nodes, shares = np.polynomial.legendre.leggauss(60)
    readings = controls["measurement"] + controls["window"] * nodes
    reach = 12 * math.hypot(scale["prior_sd"], scale["noise_sd"])
    w = np.linspace(scale["guess"] - reach, scale["guess"] + reach, 4001)
    joint = np.exp([truth.scale_log_joint(w, measurement=reading, **scale) for reading in readings])
    p = controls["window"] * shares @ joint
    share = np.trapezoid(p, w)
    mean = np.trapezoid(w * p, w) / share
    sd = math.sqrt(np.trapezoid((w - mean) ** 2 * p, w) / share)
    return share, mean, sd, w, p / share


@pytest.mark.parametrize(
    ("window", "mean", "share"),
    [(2.0, 8.77, 0.78), (1.0, 9.02, 0.445), (0.5, 9.11, 0.23), (0.1, 9.14, 0.046)],
)
def test_numbers_of_the_lesson(window, mean, share):
    known = bench.window(settings(window=window))
    assert known.mean == pytest.approx(mean, abs=5e-3)
    assert known.share == pytest.approx(share, abs=5e-3)
    assert known.limit.mean == pytest.approx(9.14)
    assert known.limit.sd == pytest.approx(0.6)


@pytest.mark.parametrize(
    "changes",
    [
        {"window": 2.0},
        {"window": 0.1},
        {"window": 3.0, "measurement": 12.0},
        {"guess": 7.0, "prior_sd": 2.0, "noise_sd": 0.3},
        {"noise_sd": 3.0, "window": 0.05},
    ],
)
def test_the_window_in_closed_form_agrees_with_quadrature(changes):
    controls = settings(**changes)
    known = bench.window(controls)
    share, mean, sd, w, density = on_a_grid(controls)
    assert known.share == pytest.approx(share, rel=1e-6)
    assert known.mean == pytest.approx(mean, abs=1e-6)
    assert known.sd == pytest.approx(sd, rel=1e-6)
    np.testing.assert_allclose(bench.window_density(controls, w), density, atol=1e-6)


def test_a_window_where_no_run_falls_shows_its_limit():
    controls = settings(measurement=20.0, guess=0.0, window=0.05, prior_sd=0.05, noise_sd=0.05)
    known = bench.window(controls)
    assert known.share == 0.0
    assert known.mean == pytest.approx(10.0)
    assert "widen the window?" in CONDITIONING.tell(controls, Drawing(CONDITIONING).draws)


@pytest.mark.parametrize("window", [2.0, 0.5])
def test_runs_that_are_kept_have_the_exact_share_and_mean(window):
    drawing = Drawing(CONDITIONING, window=window)
    drawing.run(9000)
    kept = bench.kept(drawing.controls, drawing.draws)
    known = bench.window(drawing.controls)
    n = len(kept)
    assert n == 10_000
    assert abs(kept.mean() - known.share) < 5 * math.sqrt(known.share * (1 - known.share) / n)
    weights = drawing.draws["weight"][kept]
    assert abs(weights.mean() - known.mean) < 5 * known.sd / math.sqrt(len(weights))


@pytest.mark.parametrize(
    ("form", "who"), [("condition", "condition"), ("deferred", "condition"), ("obs", "obs")]
)
def test_three_forms_and_one_ledger(form, who):
    rows = {entry.name: entry for entry in bench.who_set_what(settings(form=form))}
    assert {name: row.set_by for name, row in rows.items()} == {
        "weight": "prior",
        "measurement": who,
    }
    assert float(rows["measurement"].value) == 9.5
