"""The expected course and the noise band, against real runs of the program and exact gradients.

Statistical tests: fixed seeds; bounds are 5 standard errors (false alarms below 1e-6 each), and
where a count is tested its binomial tail is stated.
"""

import math
import time

import numpy as np
import pytest
import torch

import truth
from ppl_core.infer import SVIState
from ppl_widgets.forecast import SETTLED, Forecast, Forecaster
from ppl_widgets.learner import Learner
from ppl_widgets.scenarios import WEIGHING, Gaussian, optimiser

DEFAULTS = {control.name: control.value for control in WEIGHING.controls}
START = SVIState({"a": torch.tensor(8.5), "b": torch.tensor(0.0)})


def forecast(stop=2500, state=START, **changes):
    controls = DEFAULTS | changes
    made = Forecast(WEIGHING, controls, optimiser(controls), state, stop)
    while not made.done:
        made.advance(10.0)
    return made


def exact_gradient_course(steps, lr, momentum):
    """SGD with momentum on the closed-form loss in (a, log b), by central differences."""
    theta, velocity, h = np.array([8.5, 0.0]), None, 1e-5
    path = [theta]
    for _ in range(steps):
        grad = np.array(
            [
                truth.expected_loss(theta[0] + h, math.exp(theta[1]))
                - truth.expected_loss(theta[0] - h, math.exp(theta[1])),
                truth.expected_loss(theta[0], math.exp(theta[1] + h))
                - truth.expected_loss(theta[0], math.exp(theta[1] - h)),
            ]
        ) / (2 * h)
        velocity = grad if velocity is None else momentum * velocity + grad
        theta = theta - lr * velocity
        path.append(theta)
    return np.array(path)


def test_expected_course_of_sgd_is_that_of_the_exact_gradient():
    made = forecast()
    path = exact_gradient_course(2500, lr=0.001, momentum=0.1)
    steps, expected, low, high = made.course("a")
    # The mean of a follows the exact gradient, which is linear in a; its standard error is an
    # ensemble's of 400.
    error = np.abs(expected - path[steps.astype(int), 0])
    assert (error <= 5 * (high - low) / 3.92 / 20 + 1e-4).all()
    steps, expected, low, high = made.course("b")
    # b is a curved function of the state: its mean departs by a share of the noise's variance.
    assert np.abs(expected - np.exp(path[steps.astype(int), 1])).max() < 0.01


def test_half_life_of_sgd_is_the_textbooks():
    made = forecast()
    steps, expected, *_ = made.course("a")
    half = truth.sgd_half_life(0.001)
    assert half == pytest.approx(225, abs=0.5)
    reached = np.interp(half, steps, expected)
    assert reached == pytest.approx(8.82, abs=0.01)  # half of the way from 8.5 to 9.14


def test_noise_ball_of_sgd_has_the_stated_size():
    # sd of a: sqrt(lr / 2) = 0.0236 with lr / (1 - momentum); 5 standard errors of an sd from 400.
    steps, _, low, high = forecast(stop=4000).course("a")
    late = steps > 2500
    sd = ((high - low)[late] / 3.92).mean()
    assert sd == pytest.approx(0.0236, rel=5 / math.sqrt(2 * 400))


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": 0.01},
        {"lr": 0.02, "optimiser": "Adam"},
        {"lr": 0.02, "optimiser": "ClippedAdam", "particles": 3},
    ],
)
def test_real_runs_follow_the_forecast(changes):
    runs, stop = 24, 60
    controls = DEFAULTS | changes
    ends, losses = [], []
    for seed in range(runs):
        learner = Learner(WEIGHING, controls, seed)
        learner.advance(stop)
        rows = np.array(learner.take_rows())
        ends.append(rows[-1, 2:])
        losses.append(rows[20:, 1])
    made = forecast(stop=stop, **changes)
    for place, name in enumerate(WEIGHING.params):
        _, expected, low, high = made.course(name)
        found = np.array(ends)[:, place]
        spread = (high[-1] - low[-1]) / 3.92
        # Means of 24 runs against the ensemble's, with the ensemble's own standard error.
        assert abs(found.mean() - expected[-1]) < 5 * spread * math.sqrt(1 / runs + 1 / 400)
        # More than 7 of 24 outside a true 95 % band: probability 1e-5.
        assert ((found < low[-1]) | (found > high[-1])).sum() <= 7
    _, expected, low, high = made.course("loss")
    drawn = np.array(losses)
    inside = (drawn > low[20:]) & (drawn < high[20:])
    assert 0.88 < inside.mean() < 0.99  # 960 correlated draws
    standard_error = drawn.mean(axis=1).std() / math.sqrt(runs)
    assert abs(drawn.mean() - expected[20:].mean()) < 5 * standard_error


def test_expected_loss_is_exact_for_each_replicate_and_never_under_the_floor():
    made = forecast(stop=400)
    _, expected, *_ = made.course("loss")
    assert expected[0] < WEIGHING.expected_loss(Gaussian(8.5, 1.0), DEFAULTS)
    assert (expected >= WEIGHING.exact(DEFAULTS).floor).all()
    assert (np.diff(expected) < 0.01).all()  # it falls smoothly: no single draws in it


def test_forecast_starts_where_the_run_is_with_its_moments():
    adam = {"optimiser": "Adam", "lr": 0.05}
    learner = Learner(WEIGHING, DEFAULTS | adam, seed=1)
    learner.advance(40)
    made = forecast(stop=100, state=learner.state, **adam)
    steps, expected, low, high = made.course("a")
    assert (steps[0], steps[-1]) == (40, 100)
    assert expected[0] == low[0] == high[0] == pytest.approx(learner.values["a"])
    # A first step of Adam without a past has length lr, whatever the gradient; this one has a past.
    fresh = forecast(stop=100, state=SVIState(learner.state.values, step=40), **adam)
    _, _, low_fresh, high_fresh = fresh.course("a")
    assert high_fresh[1] - low_fresh[1] == pytest.approx(0.1, rel=1e-3)
    assert high[1] - low[1] < 0.05


@pytest.mark.parametrize("lr", [2.0, 100.0])
def test_forecast_of_a_blow_up_ends_where_runs_leave_the_finite_numbers(lr):
    made = forecast(lr=lr)
    assert made.blown_up
    assert made.step < 2500
    for name in ("loss", "a", "b"):
        assert np.isfinite(made.course(name)).all()


def test_forecast_keeps_to_its_time():
    controls = DEFAULTS
    made = Forecast(WEIGHING, controls, optimiser(controls), START, 2500)
    slices = []
    while not made.done:
        start = time.thread_time()
        made.advance(0.004)
        slices.append(time.thread_time() - start)
    assert len(slices) > 5
    assert np.median(slices) < 0.008


def test_course_grows_while_it_is_worked_out_and_stays_bounded():
    made = Forecast(WEIGHING, DEFAULTS, optimiser(DEFAULTS), START, 100_000)
    assert len(made.course("a")[0]) == 1
    assert len(made.course("loss")[0]) == 0
    while made.step < 600:
        made.advance(0.05)
    assert 2 <= len(made.course("a")[0]) <= 201
    assert made.cell == 500


def test_forecaster_waits_until_changes_have_settled():
    forecaster = Forecaster(WEIGHING)
    assert forecaster.due(0.0) == math.inf
    forecaster.change(10.0, DEFAULTS, 0, 20)
    assert forecaster.due(10.0) == pytest.approx(SETTLED)
    forecaster.change(10.05, DEFAULTS, 0, 20)
    assert forecaster.due(10.05 + SETTLED / 4) == pytest.approx(0.75 * SETTLED)
    assert forecaster.due(10.05 + SETTLED) == 0.0
    assert forecaster.work(1.0, START)
    made = forecaster.current
    assert (made.start, made.stop) == (0, 20)
    assert forecaster.due(11.0) == 0.0
    while not made.done:
        assert forecaster.work(1.0, START)
    assert forecaster.due(11.0) == math.inf
    forecaster.change(12.0, DEFAULTS, 0, 20)  # the same question: the answer stays
    assert forecaster.current is made
    forecaster.change(12.0, DEFAULTS | {"guess": 9.0}, 0, 20)
    assert forecaster.current is None
    forecaster.stop()
    assert forecaster.due(99.0) == math.inf
