"""The forward machine's truth by quadrature and by its own runs.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import math

import numpy as np
import pytest

import truth
from ppl_widgets.drawing import Drawing
from ppl_widgets.falling import Falling
from ppl_widgets.scenarios import FORWARD, Settings
from ppl_widgets.scenarios import forward as machine
from ppl_widgets.views import forward as view

CHANGES = [{}, {"guess": 3.0, "noise_sd": 2.0}, {"prior_sd": 0.3, "noise_sd": 0.05}]


def test_numbers_of_the_lesson():
    known = machine.exact(dict(Settings(FORWARD.controls)))
    assert (known["weight"].mean, known["weight"].sd) == (8.5, 1.0)
    assert (known["measurement"].mean, known["measurement"].sd) == (8.5, 1.25)


@pytest.mark.parametrize("changes", CHANGES)
def test_readings_by_quadrature_over_the_weight(changes):
    controls = dict(Settings(FORWARD.controls, **changes))
    known = machine.exact(controls)["measurement"]
    readings = np.linspace(known.mean - 3 * known.sd, known.mean + 3 * known.sd, 7)
    guess, prior_sd, noise_sd = (controls[name] for name in ("guess", "prior_sd", "noise_sd"))
    w = np.linspace(guess - 12 * prior_sd, guess + 12 * prior_sd, 20_001)
    for reading in readings:
        joint = truth.scale_log_joint(w, guess, reading, prior_sd, noise_sd)
        density = np.trapezoid(np.exp(joint), w)
        assert known.density(reading) == pytest.approx(density, rel=1e-6)


@pytest.mark.parametrize("changes", CHANGES)
def test_runs_have_the_exact_moments(changes):
    drawing = Drawing(FORWARD, **changes)
    drawing.run(9000)
    for site, known in machine.exact(drawing.controls).items():
        column, n = drawing.draws[site], 10_000
        assert abs(column.mean() - known.mean) < 5 * known.sd / math.sqrt(n)
        assert abs(column.std() - known.sd) < 5 * known.sd / math.sqrt(2 * n)


def test_the_newest_run_falls_from_the_guess_to_its_reading():
    drawing = Drawing(FORWARD)
    points = view.frame(drawing)
    x, y = points["runs.newest"]
    last = [drawing.draws[site][-1] for site in ("weight", "measurement")]
    np.testing.assert_allclose(x, [8.5, *last], rtol=1e-6)
    assert y.tolist() == [2.0, 1.0, 0.0]
    assert len(points["runs.past"][0]) == 4 * view.PATHS - 1
    drawing.back(10_000)
    assert len(view.frame(drawing)["runs.newest"][0]) == 0


def test_after_a_single_step_the_newest_run_falls_line_by_line():
    now = [0.0]
    falling = Falling(FORWARD, clock=lambda: now[0])
    assert falling.due() == math.inf
    falling.run(1)
    weight, reading = (f"{falling.draws[site][-1]:.2f}" for site in ("weight", "measurement"))
    seen = []
    while falling.due() < math.inf:
        seen.append(_lit(falling))
        x, y = view.frame(falling)["runs.newest"]
        assert len(x) == len(y) == falling.line + 1
        now[0] += falling.due()
        falling.advance(10.0)
    seen.append(_lit(falling))
    assert seen == [("def", "8.5"), ("weight", weight), ("return", reading)]
    assert len(view.frame(falling)["measurement.newest"][0]) == 1


def _lit(falling):
    """The first word of the line that is lit, and what it has drawn; those below are blank."""
    rows = view.table(falling).rows
    [lit] = [k for k, row in enumerate(rows) if row.mark]
    assert [row.cells[1] for row in rows[lit + 1 :]] == [view.GONE] * (2 - lit)
    return rows[lit].cells[0].split()[0], rows[lit].cells[1]


def test_many_runs_at_once_do_not_fall():
    falling = Falling(FORWARD)
    for command in (
        lambda: falling.run(100),
        lambda: (falling.play(), falling.advance(1.0), falling.pause()),
        lambda: falling.set("guess", 9.0),
        falling.reset,
        falling.back,
    ):
        falling.run(1)
        assert falling.line == 0
        command()
        assert (falling.line, falling.due()) == (2, math.inf)
