"""The parameter store: what it remembers, and where a constraint lets its number go.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import math

import numpy as np
import pytest
import torch

import truth
from ppl_widgets.scenarios import Settings
from ppl_widgets.scenarios import storing as store
from ppl_widgets.scenarios.storing import STORING
from ppl_widgets.storing import Storing
from ppl_widgets.views import storing as view

MAPS = {
    "none": lambda u: u,
    "abs": abs,
    "exp": math.exp,
    "softplus": lambda u: math.log1p(math.exp(u)),
}


def settings(**changes):
    return dict(Settings(STORING.controls, **changes))


@pytest.mark.parametrize("name", MAPS)
def test_loss_on_both_axes_is_that_of_the_other_route(name):
    for u in (-1.5, -0.6, 0.6, 1.3):
        b = MAPS[name](u)
        [known] = store.loss_at(name, np.array([u]))
        if b <= 0.0:
            assert known == math.inf
            continue
        mean = truth.weigh().mean
        assert known == pytest.approx(truth.expected_loss(mean, b), abs=1e-12)
        x = mean + b * np.linspace(-12.0, 12.0, 20_001)  # quadrature
        log_q = truth.normal_log_density(x, mean, b)
        loss = np.trapezoid(np.exp(log_q) * (log_q - truth.scale_log_joint(x)), x)
        assert known == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_optima_are_the_lowest_points_of_the_loss(name):
    grid = np.linspace(-2.0, 3.0, 50_001)
    loss = store.loss_at(name, grid)
    inner = (loss[1:-1] < loss[:-2]) & (loss[1:-1] < loss[2:])
    np.testing.assert_allclose(grid[1:-1][inner], store.optima(name), atol=1e-4)
    for u in store.optima(name):
        assert MAPS[name](u) == pytest.approx(truth.weigh().sd, abs=1e-12)


@pytest.mark.parametrize("name", MAPS)
def test_rows_are_the_steps_of_svi(name):
    one = Storing(STORING, constraint=name, lr=0.003)
    svi = store.trainer(one.controls)
    torch.manual_seed(101)
    for _ in range(60):
        loss = svi.step(1.0)
    assert one.draws["u"][59] == pytest.approx(svi.store.unconstrained("b").item(), abs=1e-5)
    assert one.draws["loss"][59] == pytest.approx(loss, abs=1e-5)
    one.back(one.step - 60)
    now = store.held(one.given, one.draws)
    assert now.b == pytest.approx(MAPS[name](svi.store.unconstrained("b").item()), abs=1e-5)
    assert now.updates == 60
    before = one.draws["u"][58]
    assert now.gradient * 0.003 == pytest.approx(before - now.u, abs=1e-9)


@pytest.mark.parametrize(("steps", "lesson"), [(500, 0.134), (2500, 0.393)])
def test_runs_of_abs_end_at_the_mirror_optimum(steps, lesson):
    known = store.mirrored(settings(num_steps=steps))
    assert known == pytest.approx(lesson, abs=5e-4)
    ends = store.ends(settings(num_steps=steps), range(1000))
    error = math.sqrt(known * (1.0 - known) / len(ends))
    assert abs(np.mean(ends < 0.0) - known) < 5 * error


@pytest.mark.parametrize(("lr", "init"), [(0.02, 0.1), (0.04, 2.5)])
def test_the_quadrature_over_signs_is_that_of_runs_step_by_step(lr, init):
    known = store.mirrored(settings(lr=lr, init=init, num_steps=300))
    random, u, s = np.random.default_rng(1), np.full(20_000, init), truth.weigh().sd
    for _ in range(300):  # by hand: the gradient of -log|u| + (u^2 / s^2 - 1) e^2 / 2
        u -= lr * (u * (random.standard_normal(len(u)) / s) ** 2 - 1.0 / u)
    error = math.sqrt(known * (1.0 - known) / len(u))
    assert abs(np.mean(u < 0.0) - known) < 5 * error


def test_only_abs_has_a_mirror():
    assert {store.mirrored(settings(constraint=name)) for name in MAPS if name != "abs"} == {0.0}


def test_exp_stays_above_zero_and_no_constraint_does_not():
    assert np.isfinite(store.ends(settings(constraint="exp", lr=0.2), range(200))).all()
    left = np.isnan(store.ends(settings(constraint="none"), range(200)))
    assert 0.3 < left.mean() < 0.8  # half of them: 0.54, 5 standard errors are 0.18
    one = Storing(STORING, constraint="none", seed=int(np.flatnonzero(left)[0]))
    assert "b left (0, ∞)" in one.summary()
    assert store.held(one.given, one.draws).failed


def test_init_is_ignored_until_the_store_is_cleared():
    one = Storing(STORING)
    before = one.draws["u"].copy()
    one.set("init", 2.0)
    assert np.array_equal(one.draws["u"], before)
    assert "init 2.0 is ignored" in view.table(one).caption
    one.set("lr", 0.003)  # trains anew, from where b was born
    assert abs(one.draws["u"][0] - 1.0) < 0.1
    one.reset()
    one.run(1)
    assert abs(one.draws["u"][0] - 2.0) < 0.1
    assert one.born_in == 2
    assert "Born in run 2 at 2.0." in view.table(one).caption


def test_a_second_run_begins_where_the_first_one_ended():
    one = Storing(STORING, constraint="exp", lr=0.001)
    last = one.draws["u"][-1]
    one.play()
    one.advance(1e6)
    assert one.step == 5000
    assert abs(one.draws["u"][2500] - last) < 0.02
    assert "Run 2 began where the last one ended." in view.table(one).caption
    assert one.born_in == 1


def test_other_seeds_are_asked_once_the_hand_rests():
    now = [0.0]
    one = Storing(STORING, clock=lambda: now[0])
    assert one.due() == pytest.approx(0.25)
    now[0] = 1.0
    one.advance(10.0)
    assert len(one.ends) == store.GROUP
    one.settle()
    assert one.due() == math.inf
    assert "200 seeds" in view.texts(one)["rails"]
    x, y = view.frame(one)["rails.ends"]
    assert len(x) == len(y) > 0
