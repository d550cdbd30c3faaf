"""One guide for all readings: its truth by other routes, and what three encoders learn."""

import math

import numpy as np
import pytest
import torch

import truth
from ppl_widgets.scenarios import AMORTIZING, Settings
from ppl_widgets.scenarios import amortizing as lesson
from ppl_widgets.views import amortizing as view
from ppl_widgets.watching import Watching


def settings(**changes):
    return dict(Settings(AMORTIZING.controls, **changes))


@pytest.fixture(scope="module", params=lesson.ENCODERS)
def trained(request):
    return Watching(AMORTIZING, encoder=request.param)


def test_numbers_of_the_lesson():
    offset, slope, sd = lesson.line(settings())
    assert (offset, slope, sd) == pytest.approx((3.06, 0.64, 0.6))
    assert lesson.least_gap(settings(encoder="constant")) == pytest.approx(0.889, abs=5e-4)


@pytest.mark.parametrize("reading", [4.0, 9.5, 14.0])
def test_posterior_of_every_reading(reading):
    exact = truth.weigh(measurement=reading)
    known = lesson.posterior(settings(), reading)
    assert (known.mean, known.sd) == pytest.approx((exact.mean, exact.sd))


def test_training_readings_have_the_mean_and_the_sd_that_are_asked_for():
    readings = lesson.readings(settings(guess=7.0, spread=2.0))
    assert readings.mean().item() == pytest.approx(7.0, abs=1e-5)
    assert readings.std(correction=0).item() == pytest.approx(2.0, rel=1e-5)


def test_least_gap_of_a_constant_by_search():
    """No normal does better on average over the readings, tried on a grid around the best."""
    readings = lesson.readings(settings()).double()
    exact = torch.distributions.Normal(3.06 + 0.64 * readings, 0.6)
    means, sds = torch.meshgrid(
        torch.linspace(8.0, 9.0, 101), torch.linspace(0.4, 0.9, 101), indexing="ij"
    )
    guide = torch.distributions.Normal(means[..., None].double(), sds[..., None].double())
    gaps = torch.distributions.kl_divergence(guide, exact).mean(-1)
    assert gaps.min().item() == pytest.approx(
        lesson.least_gap(settings(encoder="constant")), abs=1e-4
    )
    best = divmod(int(gaps.argmin()), 101)
    assert means[best].item() == pytest.approx(8.5, abs=0.011)
    assert sds[best].item() == pytest.approx(0.6, abs=0.006)


def test_floor_is_the_mean_evidence():
    readings = lesson.readings(settings()).tolist()
    evidence = [truth.weigh(measurement=reading).log_evidence for reading in readings]
    assert lesson.floor(settings()) == pytest.approx(-np.mean(evidence), rel=1e-5)


def test_every_encoder_comes_near_the_least_gap(trained):
    gap = lesson.average_gap(trained.controls, trained.draws)
    assert lesson.least_gap(trained.controls) - 1e-6 <= gap
    assert gap < lesson.least_gap(trained.controls) + 0.03


def test_a_line_finds_the_rule():
    rows = Watching(AMORTIZING, encoder="line").draws
    tail = {name: float(column[-500:].mean()) for name, column in rows.items()}
    assert tail["slope.0"] == pytest.approx(0.64, abs=0.03)
    assert 8.5 + tail["offset.0"] - 8.5 * tail["slope.0"] == pytest.approx(3.06, abs=0.3)
    assert tail["sd.0"] == pytest.approx(0.6, abs=0.03)


def test_a_network_has_never_seen_14():
    network, line = Watching(AMORTIZING), Watching(AMORTIZING, encoder="line")
    inside, outside = np.array([7.0, 8.5, 10.0]), np.array([14.0])
    for watching, least in ((network, 0.1), (line, 0.0)):
        controls, rows = watching.controls, watching.draws
        assert lesson.gaps(controls, rows, inside).max() < 0.1
        assert lesson.gaps(controls, rows, outside)[0] >= least
    assert (
        lesson.gaps(network.controls, network.draws, outside)[0]
        > 5 * lesson.gaps(line.controls, line.draws, outside)[0]
    )


def test_the_guide_of_the_rows_is_the_guide_of_the_program(trained):
    """The encoder is written twice, for torch and for the picture: they agree."""
    controls = trained.controls
    svi = lesson.trainer(controls)
    torch.manual_seed(101)
    for _ in range(20):
        svi.step(*lesson.args(controls))
    trained.back(trained.step - 20)
    at = np.linspace(5.0, 13.0, 9)
    mean, sd = lesson.learned(controls, trained.draws, at)
    with svi.store, torch.no_grad():
        centred = torch.tensor(at - controls["guess"], dtype=torch.float32)
        shift = lesson.encode(controls["encoder"], centred).numpy()
    np.testing.assert_allclose(mean, controls["guess"] + shift, rtol=1e-4)
    assert sd == pytest.approx(svi.params(svi.state)["sd"].item(), rel=1e-4)
    trained.run(trained.num_steps - trained.step)


def test_a_reading_is_asked_without_training_again():
    watching = Watching(AMORTIZING)
    before = watching.draws["loss"]
    watching.set("reading", 12.0)
    assert np.shares_memory(watching.draws["loss"], before)
    assert "Reading 12.00" in watching.summary()
    x, y = view.frame(watching)["posterior.exact"]
    assert x[y.argmax()] == pytest.approx(3.06 + 0.64 * 12.0, abs=0.05)


def test_gap_of_a_perfect_guide_is_nought():
    rows = {"offset.0": np.array([0.0]), "slope.0": np.array([0.64]), "sd.0": np.array([0.6])}
    gaps = lesson.gaps(settings(encoder="line"), rows, np.linspace(0.0, 20.0, 11))
    assert np.abs(gaps).max() < 1e-9
    assert math.isclose(lesson.average_gap(settings(encoder="line"), rows), 0.0, abs_tol=1e-9)
