"""A whole run at every tick has the numbers of the live run; where it cannot be, that is said."""

import math
import time

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from ppl_core.compiled import engine
from ppl_widgets import retraining
from ppl_widgets.retraining import Retraining
from ppl_widgets.session import Session
from programs import learned_guide as guide
from programs import scale
from sessions import play_on


def track(session, name="a"):
    """Every step of a series, where `sessions.track` gives what a plot shows."""
    return session.history.points(name, 10_000)[1].tolist()


def trained(**controls):
    return Retraining(mode="trained", **controls)


@pytest.mark.parametrize(
    "controls",
    [
        {"measurement": 11.0, "guess": 7.0, "num_steps": 1000},
        {"optimiser": "Adam", "lr": 0.01, "num_steps": 600},
        {"particles": 5, "noise_sd": 0.4, "num_steps": 600},
    ],
)
def test_the_trained_answer_is_the_one_a_live_run_comes_to(controls):
    ours, live = trained(seed=7, **controls), Session(seed=7, **controls)
    play_on(live)
    assert (ours.status, ours.step) == ("done", live.step)
    for name in ("loss", "mean", "a", "b"):
        assert track(ours, name) == pytest.approx(track(live, name), rel=1e-5, abs=1e-5)
    assert ours.kl == pytest.approx(live.kl, rel=1e-3, abs=1e-6)
    assert ours.history.tail()["steps"] == 500


def test_the_whole_run_is_laid_over_its_forecast():
    session = trained(num_steps=400)
    session.settle()
    steps, expected, low, high = session.forecast.course("a")
    assert (steps[0], steps[-1]) == (0.0, 400.0)
    session.set("measurement", 9.6)
    assert session.forecast is None
    session.settle()
    assert session.forecast.course("a")[0][-1] == 400.0
    a = np.array(track(session))[steps.astype(int)]
    # 95 % of all runs are within the band at one step; this one leaves it at fewer than half.
    assert np.mean((low <= a) & (a <= high)) > 0.5
    assert expected[0] == 8.5


def test_every_tick_is_a_whole_run_with_the_same_noise():
    session = trained()
    for measurement in (9.6, 9.8, 10.4):
        session.set("measurement", measurement)
        assert (session.status, session.step) == ("done", 2500)
        assert session.exact.mean == pytest.approx(truth.weigh(measurement=measurement).mean)
        # The noise ball's sd is 0.024; 5 of them are left once in two million seeds.
        assert abs(session.learned.mean - session.exact.mean) < 0.12
    again = trained(measurement=10.4)
    assert track(again) == pytest.approx(track(session))
    assert session.history.marks == []
    session.reset("new")
    assert (session.seed, session.step, session.notice) == (102, 2500, "New noise: seed 102.")
    assert track(session) != pytest.approx(track(again))


def test_ticks_are_done_within_a_frame():
    session = trained()
    session.set("measurement", 9.6)
    taken = []
    for tick in range(30):
        start = time.thread_time()
        session.set("measurement", 9.0 + tick / 20)
        taken.append(time.thread_time() - start)
    assert np.median(taken) < 0.050


def test_a_live_run_takes_strides_with_the_same_numbers():
    ours, live = Retraining(num_steps=1000), Session(num_steps=1000)
    play_on(live)
    ours.run(1)
    ours.play()
    slices = 0
    while ours.status == "running":
        ours.advance(20)
        slices += 1
    assert ours.step == 1000
    for name in ("loss", "a", "b"):
        assert track(ours, name) == pytest.approx(track(live, name), rel=1e-5, abs=1e-5)
    assert ours.back(70) == 930
    assert track(ours)[-1] == pytest.approx(track(live)[930], rel=1e-5)
    ours.play()
    ours.advance(1e3, 7)
    assert ours.step == 937


def test_a_stride_stops_where_single_steps_would():
    for first in (0, 60):
        session, live = Retraining(seed=5), Session(seed=5)
        for it in (session, live):
            it.run(first)
            it.set("lr", 3.0)
            play_on(it)
        assert session.status == "failed"
        assert session.step == live.step
        assert math.isfinite(session.kl)
        assert session.error.split()[:2] == live.error.split()[:2]  # the step; losses are huge


def test_an_edited_program_is_run_at_every_step_of_a_live_run():
    calls = []

    def counted(guess):
        calls.append(1)
        return scale(guess)

    session = Retraining()
    session.bind(counted, guide)
    calls.clear()
    session.run(300)
    assert len(calls) == 300


def test_play_shows_the_same_run_again_and_a_tick_ends_it():
    session = trained()
    whole = track(session)
    session.play()
    assert (session.status, session.step) == ("running", 0)
    assert session.notice == "The same run again, from its first step."
    session.advance(1e3, 60)
    assert track(session) == pytest.approx(whole[:61], rel=1e-5)
    session.set("guess", 8.0)
    assert (session.status, session.step) == ("done", 2500)


def test_back_goes_over_a_run_that_was_taken_at_once():
    session = trained()
    whole = track(session)
    assert session.back(50) == 2450
    assert session.status == "paused"
    assert session.learned.mean == pytest.approx(whole[2450], rel=1e-5)
    session.run(50)
    assert session.step == 2500
    assert session.learned.mean == pytest.approx(whole[-1], rel=1e-5)


def test_modes_change_at_any_time():
    session = Retraining()
    assert (session.status, session.step) == ("idle", 0)
    session.run(40)
    session.set("mode", "trained")
    assert (session.status, session.step) == ("done", 2500)
    session.set("mode", "live")
    assert (session.status, session.step) == ("idle", 0)
    session.run(20)
    session.set("measurement", 9.9)
    assert session.step == 20
    assert session.copy_state() == "ScalePanel(measurement=9.9)"
    assert "mode='trained'" in trained().copy_state()


def test_a_run_that_blows_up_stops_where_the_live_one_would():
    session, live = trained(lr=3.0, seed=5), Session(lr=3.0, seed=5)
    play_on(live)
    assert (session.status, live.status) == ("failed", "failed")
    assert session.step == live.step
    assert session.error.split()[:2] == live.error.split()[:2]  # the step; losses are huge
    session.set("lr", 0.001)
    assert (session.status, session.step, session.error) == ("done", 2500, None)
    assert math.isfinite(session.kl)


def test_a_rate_that_is_far_too_large_from_the_start_is_no_refusal(monkeypatch):
    monkeypatch.setattr(engine, "_entries", {})
    session = trained(lr=100.0, num_steps=300)
    session.advance(100)
    assert session.status == "failed"
    session.set("lr", 0.001)
    assert (session.status, session.step) == ("done", 300)


def test_an_edited_program_is_trained_at_once_too():
    session = trained()
    session.bind(scale, guide)
    assert (session.status, session.step) == ("done", 2500)
    assert session.notice == "New program; same seed, same controls."
    assert session.exact is not None
    session.set("measurement", 10.5)
    assert abs(session.learned.mean - truth.weigh(measurement=10.5).mean) < 0.12

    def blunt(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        return ppl.sample("measurement", dist.Normal(weight, 1.0))

    session.bind(blunt, guide)
    assert session.exact is None
    assert abs(session.learned.mean - 9.5) < 0.15  # halfway from 8.5 to 10.5


def test_a_program_without_a_compiled_form_trains_live_and_it_is_said_once():
    def moody(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        noise = 0.75 if weight.item() > -100.0 else 1.0
        return ppl.sample("measurement", dist.Normal(weight, noise))

    session = trained()
    session.bind(moody, guide)
    assert session.status == "running"
    assert session.step <= 1
    assert session.notice.startswith("Watch it learn: this program cannot train at once (")
    session.advance(1e3, 30)
    step = session.step
    session.set("measurement", 9.9)
    assert (session.status, session.step) == ("running", step)
    assert "cannot train at once" not in session.notice
    session.bind(scale, guide)
    assert (session.status, session.step) == ("done", 2500)


def test_while_the_compiler_is_at_work_a_run_is_live(monkeypatch):
    session = trained()

    def busy(*_, **__):
        raise retraining.NotYet("the compiler is at work")

    with monkeypatch.context() as patch:
        patch.setattr("ppl_widgets.learner.leap", busy)
        session.set("measurement", 9.9)
        assert session.status == "running"
    session.set("measurement", 9.8)
    assert (session.status, session.step) == ("done", 2500)


def test_without_a_compiler_floats_do_it(monkeypatch):
    monkeypatch.setattr(engine, "_entries", {})
    monkeypatch.setattr(engine, "PAYS", math.inf)
    monkeypatch.setattr(engine, "is_built", lambda text: False)
    session, live = trained(num_steps=400), Session(num_steps=400)
    play_on(live)
    assert session.status == "done"
    assert track(session) == pytest.approx(track(live), rel=1e-5)


def test_the_students_noise_and_parameters_are_left_alone():
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    session = trained()
    session.set("measurement", 10.0)
    assert torch.equal(torch.randn(4), expected)
    assert len(ppl.get_param_store()) == 0
