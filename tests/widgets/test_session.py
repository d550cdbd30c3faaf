"""The state machine behind a panel: no widget, no browser, a clock of its own."""

import math
import time

import numpy as np
import pytest
import torch

import ppl_core as ppl
import truth
from ppl_widgets.scenarios import WEIGHING, ControlError, Gaussian
from ppl_widgets.session import Session
from sessions import Watch, play_on, track

# ---- the machine


def test_untouched_session_is_ready_and_knows_the_truth():
    session = Session()
    assert (session.status, session.step, session.num_steps, session.seed) == ("idle", 0, 2500, 101)
    assert session.error is None
    assert session.loss is None
    assert session.learned == Gaussian(8.5, 1.0)
    assert session.exact.posterior == Gaussian(pytest.approx(9.14), pytest.approx(0.6))
    assert session.kl == pytest.approx(session.gap)
    assert session.kl == pytest.approx(truth.kl_by_quadrature(8.5, 1.0, 9.14, 0.6))


def test_play_pause_and_done():
    session = Session(num_steps=30)
    assert session.advance(5) == 0
    session.play()
    assert session.status == "running"
    assert session.advance(1e-6) == 1
    session.pause()
    assert session.status == "paused"
    assert session.advance(5) == 0
    play_on(session)
    assert (session.status, session.step) == ("done", 30)
    session.pause()
    assert session.status == "done"


def test_play_after_the_last_step_grants_as_many_again():
    session = Session(num_steps=20)
    session.run(20)
    assert session.status == "done"
    session.play()
    assert (session.status, session.num_steps) == ("running", 40)
    assert session.notice == "Continuing to step 40."
    assert session.view.ranges["step"] == (0.0, 40.0)


def test_step_buttons_go_on_after_the_last_step():
    session = Session(num_steps=20)
    session.run(20)
    assert session.run(1) == 1
    assert (session.status, session.step, session.num_steps) == ("done", 21, 21)
    assert session.view.ranges["step"] == (0.0, 40.0)


def test_raising_the_number_of_steps_lets_play_go_on():
    session = Session(num_steps=20)
    session.run(20)
    session.set("num_steps", 50)
    assert (session.status, session.num_steps) == ("paused", 50)
    session.play()
    assert session.num_steps == 50
    session.set("num_steps", 5)
    assert (session.status, session.num_steps) == ("done", 20)


def test_steps_while_playing_keep_playing():
    session = Session()
    session.play()
    assert session.run(10) == 10
    assert session.status == "running"


def test_advance_keeps_to_its_budget():
    session = Session()
    session.play()
    session.advance(5)
    taken = []
    for _ in range(30):
        start = time.thread_time()
        session.advance(8)
        taken.append(time.thread_time() - start)
    assert np.median(taken) < 0.012


def test_versions_tell_what_changed():
    session = Session()
    seen = session.version, session.exact_version, session.stage_version
    session.run(5)
    assert session.version > seen[0]
    assert (session.exact_version, session.stage_version) == seen[1:]
    session.set("measurement", 9.7)
    assert session.exact_version == seen[1] + 1
    session.set("lr", 0.01)
    assert session.exact_version == seen[1] + 1
    session.set("measurement", 15.0)
    assert session.stage_version > seen[2]


def test_drag_before_the_first_step_needs_no_new_stage():
    session = Session()
    stages, truths = session.stage_version, session.exact_version
    for measurement in (9.6, 9.7, 9.8):
        session.set("measurement", measurement)
    session.reset("same")
    assert session.stage_version == stages
    assert session.exact_version == truths + 3
    session.set("measurement", 14.0)
    assert session.stage_version == stages + 1
    assert "The weight axis now runs from 6 to 14." in session.notice
    session.set("measurement", 9.5)
    assert session.stage_version == stages + 1  # no axis jumps back under the hand
    session.set("num_steps", 500)
    assert session.view.ranges["step"] == (0.0, 500.0)


# ---- controls


@pytest.mark.parametrize(
    ("name", "value"),
    [("measurement", "abc"), ("noise_sd", 0.0), ("prior_sd", -1.0), ("particles", 2.5)],
)
def test_bad_value_changes_nothing_error(name, value):
    session = Session()
    session.run(10)
    before = (dict(session.controls), session.version, session.status, track(session))
    with pytest.raises(ControlError, match=session.controls.control(name).label):
        session.set(name, value)
    assert (dict(session.controls), session.version, session.status, track(session)) == before


def test_bad_start_error():
    with pytest.raises(ControlError, match=r"guess: nan is not a finite number"):
        Session(guess=math.nan)
    with pytest.raises(ControlError, match=r"seed: 1\.5 is not a whole number"):
        Session(seed=1.5)
    with pytest.raises(ControlError, match=r"no control 'mesurement'\. Did you mean 'measurement'"):
        Session(mesurement=9.0)


def test_controls_are_read_only():
    with pytest.raises(TypeError):
        Session().controls["guess"] = 1.0


def test_same_value_is_no_change():
    session = Session()
    session.run(5)
    version = session.version
    assert session.set("guess", 8.5) is False
    assert session.version == version
    assert session.history.marks == []


def test_change_before_the_first_step_starts_the_guide_there():
    session = Session()
    session.set("guess", 7.0)
    assert session.learned == Gaussian(7.0, 1.0)
    assert (session.status, session.history.marks) == ("idle", [])


def test_change_in_mid_run_keeps_the_run_moves_the_truth_and_leaves_a_mark():
    session = Session()
    session.play()
    while session.step < 50:
        session.advance(5)
    step, a = session.step, session.learned.mean
    session.set("measurement", 10.5)
    assert (session.status, session.step, session.learned.mean) == ("running", step, a)
    assert session.exact.mean == pytest.approx(truth.weigh(measurement=10.5).mean)
    assert [(mark.step, mark.label) for mark in session.history.marks] == [
        (step, "measurement 10.5")
    ]
    session.advance(5)
    assert session.step > step


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("optimiser", "Adam", "optimiser Adam"),
        ("lr", 0.01, "learning rate 0.01"),
        ("particles", 5, "particles K 5"),
        ("noise_sd", 0.5, "noise sd 0.5"),
    ],
)
def test_run_goes_on_under_every_control(name, value, label):
    session = Session()
    session.run(20)
    session.set(name, value)
    session.run(20)
    assert (session.status, session.step) == ("paused", 40)
    assert [(mark.step, mark.label) for mark in session.history.marks] == [(20, label)]
    for optimiser in ("ClippedAdam", "SGD", "Adam"):
        session.set("optimiser", optimiser)
        session.run(2)
    assert session.status == "paused"


def test_one_move_of_a_hand_leaves_one_mark():
    watch = Watch()
    session = Session(clock=watch)
    session.run(5)
    for measurement in (9.6, 9.7, 9.8):
        session.set("measurement", measurement)
        session.run(1)
        watch.now += 0.04
    assert [mark.label for mark in session.history.marks] == ["measurement 9.8"]
    watch.now += 1.0
    session.set("measurement", 9.9)
    assert len(session.history.marks) == 2
    session.set("guess", 8.0)
    assert len(session.history.marks) == 3


def test_learned_answer_follows_the_exact_one_within_kl_02():
    session = Session(lr=0.01, num_steps=6000)
    session.run(600)
    session.set("measurement", 10.5)
    assert session.kl > 0.5
    session.run(1200)
    tail = session.history.tail()
    averaged = Gaussian(tail["a"], tail["b"])
    # Noise ball at this rate: KL about 0.01 for the last step; for the tail average far less.
    assert WEIGHING.kl(averaged, session.exact) < 0.02


# ---- noise


def test_same_noise_replays_bit_for_bit_and_new_noise_does_not():
    session = Session()
    session.run(60)
    first = track(session), track(session, "loss")
    session.reset("same")
    assert (session.status, session.step, session.notice) == (
        "idle",
        0,
        "Same noise again: seed 101.",
    )
    assert len(track(session, "loss")) == 0
    session.run(60)
    assert (track(session), track(session, "loss")) == first
    session.reset("new")
    assert (session.seed, session.notice) == (102, "New noise: seed 102.")
    session.run(60)
    assert track(session) != first[0]
    other = Session(seed=102)
    other.run(60)
    assert track(other) == track(session)


def test_slices_do_not_matter_to_the_numbers():
    whole, sliced = Session(), Session()
    whole.run(80)
    sliced.play()
    while sliced.step < 80:
        sliced.run(min(7, 80 - sliced.step))
    assert track(whole) == track(sliced)


def test_sessions_leave_the_students_noise_and_parameters_alone():
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    one, other = Session(), Session(measurement=11.0)
    for session in (one, other):
        session.run(20)
        session.settle()
        session.summary()
    assert torch.equal(torch.randn(4), expected)
    assert len(ppl.get_param_store()) == 0
    alone = Session()
    alone.run(20)
    assert track(alone) == track(one)


def test_reset_keeps_playing_and_keeps_the_controls():
    session = Session(num_steps=50)
    session.set("guess", 8.0)
    session.play()
    session.run(20)
    session.set("measurement", 9.0)
    session.reset("same")
    assert (session.status, session.step, session.history.marks) == ("running", 0, [])
    assert (session.controls["guess"], session.controls["measurement"]) == (8.0, 9.0)
    with pytest.raises(ValueError, match="'same' or 'new'"):
        session.reset("old")


# ---- what is said


def test_words():
    session = Session(seed=7)
    session.set("measurement", 9.8)
    session.run(1240)
    assert session.status_line() == "seed 7 · step 1,240/2,500"
    learned = session.learned
    assert session.summary() == (
        f"Paused at step 1,240. Learned N({learned.mean:.2f}, {learned.sd:.2f}). "
        "Exact N(9.33, 0.60), closed form."
    )
    assert session.copy_state() == "ScalePanel(measurement=9.8, seed=7)"
    assert Session().copy_state() == "ScalePanel()"
    session.play()
    assert session.summary().startswith("Running, step 1,240. ")


def test_copied_state_makes_the_same_session():
    session = Session(guess=8.0, optimiser="Adam", lr=0.02, particles=4, noise_sd=0.5, seed=9)
    made = eval(session.copy_state(), {"ScalePanel": Session})
    assert (dict(made.controls), made.seed) == (dict(session.controls), session.seed)
    made.run(5)
    session.run(5)
    assert track(made) == track(session)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_steps": 50},
        {"num_steps": 40, "optimiser": "Adam", "lr": 0.05, "particles": 3, "noise_sd": 0.5},
        {"num_steps": 40, "optimiser": "ClippedAdam", "guess": 7.25, "prior_sd": 2.0, "seed": 5},
    ],
)
def test_code_runs_as_it_is_and_gives_the_panels_numbers(settings, capsys):
    session = Session(**settings)
    code = session.code()
    assert len(code.splitlines()) <= 15
    scope = {}
    exec(compile(code, "cell", "exec"), scope)
    assert f"{settings['num_steps']} steps" in capsys.readouterr().out
    params = scope["svi"].params(scope["run"].snapshot.state)
    session.run(settings["num_steps"])
    assert session.learned == Gaussian(params["a"].item(), params["b"].item())
    assert len(ppl.get_param_store()) == 0


def test_axis_that_grows_is_announced_and_comes_back_on_reset():
    session = Session()
    session.run(5)
    session.set("measurement", 13.0)
    assert "The weight axis now runs from 6 to 14." in session.notice
    assert session.summary().startswith(session.notice)
    session.set("measurement", 9.5)
    assert session.view.ranges["weight"] == (6.0, 14.0)
    session.reset("same")
    assert session.view.ranges["weight"] == (6.0, 11.0)
    assert session.notice == "Same noise again: seed 101."
