"""The forecast of a session comes, shares the time and goes."""

import math

import pytest

from ppl_widgets.forecast import SETTLED
from ppl_widgets.session import Session
from sessions import Watch


def test_forecast_comes_once_changes_have_settled_and_goes_with_the_next():
    watch = Watch()
    session = Session(clock=watch, num_steps=40)
    assert session.due() == pytest.approx(SETTLED)
    session.advance(5)
    assert session.forecast is None
    watch.now += SETTLED
    assert session.due() == 0.0
    session.advance(5)
    session.settle()
    assert session.due() == math.inf
    assert session.forecast.stop == 40
    session.reset("same")
    assert session.forecast is not None
    session.set("measurement", 9.9)
    assert session.forecast is None
    session.run(10)
    watch.now += SETTLED
    session.settle()
    assert session.forecast.start == 10
    session.back(50)
    assert session.forecast is None


def test_forecast_of_a_long_run_looks_ahead_only_so_far_and_is_renewed_there(monkeypatch):
    monkeypatch.setattr("ppl_widgets.forecast.HORIZON", 20)
    session = Session(num_steps=100)
    session.settle()
    assert session.forecast.stop == 20
    session.play()
    session.run(25)
    session.settle()
    assert (session.forecast.start, session.forecast.stop) == (25, 45)


def test_forecast_shares_the_slices_of_a_run():
    session = Session(num_steps=2000)
    session.play()
    session.run(3)
    steps = reached = 0
    while session.status == "running":
        steps += session.advance(12)
        if session.forecast is not None and not session.forecast.done:
            reached = session.step
    assert steps == 1997
    assert reached > 3  # both went on side by side
    session.settle()
    assert session.forecast.done
    assert session.due() == math.inf
