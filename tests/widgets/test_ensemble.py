"""A thousand compiled runs: the band where none is predicted, and a check of the predicted one.

Bounds are 5 standard errors: false alarms below 1e-6 each.
"""

import math

import numpy as np
import pytest

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_widgets import ensemble
from ppl_widgets.ensemble import Ensemble
from ppl_widgets.forecast import Forecast
from ppl_widgets.learner import Learner
from ppl_widgets.retraining import Retraining
from ppl_widgets.scenarios import WEIGHING, Settings, optimiser
from programs import learned_guide as guide


def blunt(guess):
    """A scale that is worse than the panel's: the posterior is N((guess + reading) / 2, 1 / 2)."""
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 1.0))


def gradient_course(start, mean, variance, steps, lr=0.001, momentum=0.1):
    """Where SGD takes the guide's mean on average: the loss is quadratic in it."""
    a, velocity, path = start, None, [start]
    for _ in range(steps):
        grad = (a - mean) / variance
        velocity = grad if velocity is None else momentum * velocity + grad
        a -= lr * velocity
        path.append(a)
    return np.array(path)


@pytest.mark.parametrize("changes", [{}, {"optimiser": "Adam", "lr": 0.01}])
def test_a_thousand_runs_fill_the_predicted_band(changes):
    controls = dict(Settings(WEIGHING.controls, **changes))
    learner = Learner(WEIGHING, controls, seed=1)
    stop = 400
    predicted = Forecast(WEIGHING, controls, optimiser(controls), learner.start, stop)
    while not predicted.done:
        predicted.advance(10.0)
    runs = learner.svi.run_many(
        stop, *learner.run.args, seeds=range(1000), every=2, progress_bar=False
    )
    assert int(runs.steps.min()) == stop
    for name in ("a", "b"):
        steps, expected, low, high = predicted.course(name)
        path = runs.path[name].numpy()[:, (steps[1:] // 2 - 1).astype(int)]
        share = ((low[1:] <= path) & (path <= high[1:])).mean(axis=0)
        # Both edges are quantiles of 400 replicates, the share is a count of 1,000 runs.
        error = math.sqrt(2 * 0.025 * 0.975 / 400 + 0.95 * 0.05 / 1000)
        assert np.abs(share - 0.95).max() < 5 * error
        spread = path.std(axis=0) * math.sqrt(1 / 1000 + 1 / 400)
        assert (np.abs(path.mean(axis=0) - expected[1:]) < 5 * spread + 1e-4).all()


def test_an_edited_program_has_a_band_of_runs(monkeypatch):
    monkeypatch.setattr(ensemble, "RUNS", 200)
    session = Retraining(mode="trained", num_steps=300)
    session.bind(blunt, guide)
    assert session.forecast is None
    session.settle()
    outlook = session.forecast
    assert isinstance(outlook, Ensemble)
    assert outlook.taken >= 100  # fewer where there is no compiler
    steps, expected, low, high = outlook.course("a")
    exact = gradient_course(8.5, 9.0, 0.5, 300)[steps.astype(int)]
    assert (np.abs(expected - exact) <= 5 * (high - low) / 3.92 / math.sqrt(100) + 1e-4).all()
    assert (low[1:] < high[1:]).all()
    steps, expected, low, high = outlook.course("loss")
    assert (steps[0], steps[-1]) == (2.0, 300.0)
    assert (low < expected).mean() > 0.9
    assert expected[-20:].mean() < expected[:20].mean()


def test_it_goes_with_the_next_change_and_the_next_program(monkeypatch):
    monkeypatch.setattr(ensemble, "RUNS", 16)
    session = Retraining(mode="trained", num_steps=100)
    session.bind(blunt, guide)
    session.settle()
    first = session.forecast
    session.set("measurement", 9.9)
    assert session.forecast is None
    session.settle()
    assert session.forecast.is_about(session.controls, 0, 100)
    assert not first.is_about(session.controls, 0, 100)
    session.bind(blunt, guide)
    assert session.forecast is None
    session.set("mode", "live")
    assert math.isinf(session.due())


def test_runs_that_blow_up_have_no_course(monkeypatch):
    monkeypatch.setattr(ensemble, "RUNS", 16)
    learner = Learner(WEIGHING, dict(Settings(WEIGHING.controls, lr=3.0)), 1, blunt, guide)
    made = Ensemble(learner, 50)
    while not made.done:
        made.advance(1.0)
    assert len(made.course("loss")[0]) == 0
    assert len(made.course("a")[0]) == 0
