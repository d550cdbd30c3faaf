"""Sessions that draw: no widget, no browser. Seeds are fixed; nothing here is left to chance."""

import math

import numpy as np
import pytest

from ppl_widgets.drawing import Drawing, Pool
from ppl_widgets.scenarios import CONDITIONING, NUM, QUESTIONS, ControlError


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_untouched_session_has_drawn_already():
    drawing = Drawing(CONDITIONING)
    assert (drawing.status, drawing.step, drawing.num_steps) == ("idle", 1000, 5000)
    assert {name: len(column) for name, column in drawing.draws.items()} == {
        "weight": 1000,
        "measurement": 1000,
    }
    assert drawing.advance(5) == 0
    assert drawing.due() == math.inf


def test_play_pause_done_and_on():
    drawing = Drawing(CONDITIONING, num=1200)
    drawing.play()
    assert drawing.due() == 0.0
    assert drawing.advance(1000, 7) == 7
    drawing.pause()
    assert (drawing.status, drawing.advance(5)) == ("paused", 0)
    drawing.play()
    while drawing.status == "running":
        drawing.advance(20)
    assert (drawing.status, drawing.step) == ("done", 1200)
    drawing.play()
    assert (drawing.status, drawing.num_steps) == ("running", 2400)
    assert drawing.notice == "Continuing to draw 2,400."


def test_pace_and_way_back_do_not_change_the_draws():
    slow, quick = Drawing(CONDITIONING), Drawing(CONDITIONING)
    slow.play()
    for _ in range(300):
        slow.advance(1000, 1)
    slow.back(100)
    slow.run(100)
    quick.run(300)
    assert slow.step == quick.step == 1300
    assert same(slow.draws, quick.draws)
    assert slow.back(10_000) == 0
    assert slow.status == "running"


def test_same_and_new_noise():
    drawing = Drawing(CONDITIONING)
    before = {name: column.copy() for name, column in drawing.draws.items()}
    drawing.run(10)
    drawing.reset("same")
    assert drawing.step == 1000
    assert same(before, drawing.draws)
    drawing.reset("new")
    assert drawing.seed == 102
    assert drawing.notice == "New noise: seed 102."
    assert not same(before, drawing.draws)
    with pytest.raises(ValueError, match="'same' or 'new'"):
        drawing.reset("old")


def test_a_control_of_the_program_starts_over_with_the_same_noise():
    drawing = Drawing(CONDITIONING)
    before = drawing.draws["weight"].copy()
    drawing.run(50)
    assert drawing.set("guess", 9.5)
    assert drawing.step == 1000
    np.testing.assert_allclose(drawing.draws["weight"], before + 1.0, atol=1e-5)


def test_a_control_of_the_look_keeps_the_draws():
    drawing = Drawing(CONDITIONING)
    drawing.run(50)
    version = drawing.version
    assert drawing.set("window", 0.1)
    assert (drawing.step, drawing.status) == (1050, "paused")
    assert drawing.version > version
    assert not drawing.set("window", 0.1)
    with pytest.raises(ControlError, match=r"window: 9\.0 is out of range"):
        drawing.set("window", 9.0)


def test_number_of_draws_may_be_raised_and_lowered():
    drawing = Drawing(CONDITIONING, num=1000)
    assert drawing.status == "idle"
    drawing.run(5)
    assert (drawing.status, drawing.num_steps) == ("done", 1005)
    drawing.set("num", 1500)
    assert (drawing.status, drawing.num_steps) == ("paused", 1500)
    drawing.set("num", 10)
    assert (drawing.status, drawing.num_steps) == ("done", 1005)


def test_the_pool_has_an_end(monkeypatch):
    monkeypatch.setattr(Drawing, "limit", 2500)
    drawing = Drawing(CONDITIONING, num=2000)
    assert drawing.run(1000) == 1000
    drawing.play()
    assert drawing.num_steps == 2500
    while drawing.status == "running":
        drawing.advance(20)
    drawing.play()
    assert (drawing.status, drawing.step, drawing.run(5)) == ("done", 2500, 0)
    drawing.play()
    assert drawing.notice == "No more than 2,500 draws are kept. Start again for others."


def test_axes_grow_in_steps_and_say_so():
    drawing = Drawing(CONDITIONING)
    staged = drawing.stage_version
    drawing.set("guess", 8.6)
    assert drawing.stage_version == staged
    drawing.set("guess", 16.0)
    assert drawing.stage_version == staged + 1
    assert "The weight axis now runs from 5 to 20." in drawing.notice
    drawing.reset()
    assert drawing.view.ranges["weight"] == (5.0, 20.0)


def test_a_fault_is_told_and_can_be_taken_back(monkeypatch):
    drawing = Drawing(CONDITIONING)

    def broken(*args):
        raise ValueError("the spring broke")

    with monkeypatch.context() as patch:
        patch.setattr(drawing._run.kernel, "update", broken)
        drawing.play()
        drawing.run(500)
    assert drawing.status == "failed"
    assert "the spring broke" in drawing.error
    assert drawing.step == 1000
    assert drawing.error in drawing.summary()
    drawing.play()
    assert (drawing.status, drawing.error, drawing.step) == ("running", None, 1000)


def test_words():
    drawing = Drawing(CONDITIONING, seed=7, window=0.1)
    assert drawing.status_line() == "seed 7 · draw 1,000/5,000"
    assert drawing.summary().startswith("Ready. Kept ")
    assert drawing.copy_state() == "ConditionPanel(window=0.1, seed=7)"


def test_a_pool_remembers_rows_in_order():
    pool = Pool()
    for start in range(0, 1000, 10):
        pool.add({"x": np.arange(start, start + 10)})
    assert pool.size == 1000
    assert np.array_equal(pool.first(990)["x"], np.arange(990))


DRAWN = {
    name: question
    for name, question in QUESTIONS.items()
    if NUM in [control.name for control in question.controls]
}
"""Those that runs of a program answer; the others have sessions of their own."""


@pytest.mark.parametrize("question", DRAWN.values(), ids=DRAWN)
def test_every_control_can_be_moved(question):
    drawing = Drawing(question, num=300)
    for control in question.controls:
        ends = control.options or (control.min, control.max, control.value)
        for value in ends:
            drawing.set(control.name, value)
            assert drawing.summary()
        drawing.set(control.name, control.value)
        for name, (low, high) in drawing.view.ranges.items():
            assert low < high, name
    assert drawing.status in ("idle", "paused")
