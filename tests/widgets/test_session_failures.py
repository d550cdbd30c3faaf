"""A session that goes back, stops, or runs programs that are not its own."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from ppl_core.errors import ModelError
from ppl_widgets.learner import explain
from ppl_widgets.scenarios import WEIGHING, Gaussian
from ppl_widgets.session import Session
from programs import learned_guide as guide
from programs import scale
from sessions import play_on, track

# ---- going back, and failures


def test_back_rewinds_state_history_and_marks():
    session = Session()
    session.run(130)
    before = track(session)
    session.set("lr", 0.02)
    session.run(40)
    assert session.back(50) == 120
    assert (session.status, session.notice) == ("paused", "Back at step 120.")
    assert track(session) == before[:121]
    # The new rate is still in force, so its mark stands where it now begins.
    assert [(m.step, m.label) for m in session.history.marks] == [(120, "learning rate 0.02")]
    session.set("lr", 0.001)
    session.run(10)
    assert track(session) == before


def test_back_to_the_start():
    session = Session()
    assert session.back(50) == 0
    session.run(30)
    session.set("guess", 9.0)
    assert session.back(50) == 0
    assert (session.status, session.history.marks) == ("idle", [])
    assert track(session) == [8.5]


def test_back_over_a_change_of_optimiser_goes_on():
    session = Session()
    session.run(40)
    session.set("optimiser", "Adam")
    session.run(20)
    session.back(50)
    assert session.run(30) == 30
    assert session.status == "paused"


def test_learning_rate_100_freezes_at_the_last_usable_step_and_says_why():
    session = Session()
    session.run(120)
    session.set("lr", 100.0)
    play_on(session)
    assert session.status == "failed"
    assert 120 <= session.step <= 121
    assert math.isfinite(session.learned.mean)
    assert session.learned.sd > 0.0
    assert math.isfinite(session.kl)
    # Which of the two gives way first is a matter of the noise: b, or the weight drawn with it.
    assert "'b'" in session.error or "'weight'" in session.error
    for words in ("step 12", "the loss is inf, because", "rate (now 100)", "go back 50 steps"):
        assert words in session.error
    assert np.isfinite(track(session)).all()
    assert track(session)[-1] == pytest.approx(session.learned.mean)
    assert session.advance(5) == 0


@pytest.mark.parametrize("way", ["set", "back", "same", "new", "bind"])
def test_every_way_out_of_a_failure(way):
    session = Session(lr=100.0)
    for _ in range(2):
        play_on(session)
        assert session.status == "failed"
    session.set("lr", 0.001)
    if way == "back":
        assert session.back(50) == 0
    elif way == "bind":
        session.bind(scale, guide)
    elif way in ("same", "new"):
        session.reset(way)
    session.play()
    assert session.error is None
    assert session.run(20) == 20
    assert session.status == "running"
    assert session.step >= 20


def test_sliders_stay_alive_while_failed():
    session = Session()
    session.run(60)
    session.set("lr", 100.0)
    session.run(5)
    assert session.status == "failed"
    session.set("measurement", 12.0)
    assert session.status == "failed"
    assert session.error is not None
    assert session.exact.mean == pytest.approx(truth.weigh(measurement=12.0).mean)
    assert "Stopped at step 6" in session.summary()


def test_model_that_raises_in_mid_run_stops_it_with_type_text_and_line():
    steps = []

    def moody(guess):
        steps.append(1)
        if len(steps) > 30:
            raise ZeroDivisionError("the scale broke")
        return scale(guess)

    session = Session()
    session.bind(moody, guide)
    play_on(session)
    assert session.status == "failed"
    for part in ("Line ", "`raise ZeroDivisionError(", "ZeroDivisionError: the scale broke."):
        assert part in session.error
    step = session.step
    steps.clear()
    session.set("measurement", 9.8)
    session.play()
    session.run(3)
    assert session.step == step + 3


def test_program_that_fails_at_once_error():
    def broken(guess):
        raise RuntimeError

    session = Session()
    session.bind(broken, guide)
    assert session.status == "failed"
    assert "RuntimeError" in session.error
    assert session.learned is None
    assert session.run(5) == 0
    assert session.back() == 0
    session.play()
    assert session.status == "failed"
    session.settle()
    session.bind(scale, guide)
    assert (session.status, session.error) == ("idle", None)


def test_guide_without_the_latent_site_error():
    session = Session()
    session.bind(scale, lambda guess: ppl.sample("wieght", dist.Normal(guess, 1.0)))
    assert session.status == "failed"
    assert "weight" in session.error


def test_errors_are_explained_in_one_line():
    assert explain(ValueError("a\n  b")).startswith("ValueError: a b. Mend")
    assert explain(ModelError("Say weight.")) == "Say weight."


# ---- other programs


def test_bound_program_keeps_seed_controls_truth_and_numbers():
    session = Session(seed=7, measurement=9.8)
    session.run(10)
    session.bind(scale, guide)
    assert (session.status, session.step, session.seed) == ("idle", 0, 7)
    assert session.controls["measurement"] == 9.8
    assert session.exact == WEIGHING.exact(session.controls)
    assert session.learned == Gaussian(8.5, 1.0)
    session.run(40)
    own = Session(seed=7, measurement=9.8)
    own.run(40)
    assert track(session) == track(own)
    assert "def scale(guess" in session.code()


def test_truth_goes_when_the_program_no_longer_means_the_same():
    session = Session()
    session.bind(scale, guide)
    session.set("noise_sd", 0.5)  # which this scale has written into its text
    assert session.exact is None
    assert (session.kl, session.gap) == (None, None)
    assert session.due() == math.inf
    assert "No exact answer is known" in session.summary()
    session.set("noise_sd", 0.75)
    assert session.exact is not None


def test_other_guide_is_shown_by_its_own_distribution():
    def absolute(guess):
        a, b = ppl.param("a", guess), ppl.param("b", -0.9)
        return ppl.sample("weight", dist.Normal(a, torch.abs(b)))

    session = Session()
    session.bind(scale, absolute)
    assert session.learned == Gaussian(8.5, pytest.approx(0.9))
    assert track(session, "b") == [pytest.approx(-0.9)]
    session.bind(scale, lambda guess: ppl.sample("weight", dist.LogNormal(2.0, 0.1)))
    assert session.learned is None
    session.run(3)
    assert track(session) == []


def test_program_that_asks_for_an_unknown_argument_changes_nothing_error():
    session = Session()
    session.run(5)
    with pytest.raises(ModelError, match="asks for 'mass'"):
        session.bind(lambda mass: None, guide)
    assert session.step == 5
