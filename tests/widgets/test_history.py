"""Bounded memory that loses no spike, and marks."""

import numpy as np
import pytest

from ppl_widgets.history import (
    CAPACITY,
    MARKS,
    POINTS,
    RECENT,
    WINDOW,
    History,
    Mark,
    Series,
    Turns,
    decimate,
    running_mean,
)


def feed(series, values, chunk):
    steps = np.arange(1, len(values) + 1)
    for start in range(0, len(values), chunk):
        series.extend(steps[start : start + chunk], values[start : start + chunk])


def rows(start, values):
    return [(start + k, value, -value) for k, value in enumerate(values)]


@pytest.mark.parametrize("chunk", [1, 7, 100, 5000])
def test_series_keeps_every_step_until_it_is_full(chunk):
    values = np.random.default_rng(0).normal(size=1000)
    series = Series(capacity=1000)
    feed(series, values, chunk)
    steps, kept = series.points()
    np.testing.assert_array_equal(steps, np.arange(1, 1001))
    np.testing.assert_allclose(kept, values, rtol=1e-6)


@pytest.mark.parametrize("chunk", [1, 13, 640])
def test_series_stays_bounded_and_keeps_every_extreme(chunk):
    values = np.random.default_rng(1).normal(size=20_000).astype(np.float32)
    spikes = {3: 50.0, 4567: -60.0, 12_001: 70.0, 19_999: -80.0}
    for place, height in spikes.items():
        values[place] = height
    series = Series(capacity=256)
    feed(series, values, chunk)
    steps, kept = series.points()
    assert len(steps) <= 2 * 256
    assert (np.diff(steps) >= 0).all()
    for place, height in spikes.items():
        assert kept[steps == place + 1] == height
    # Old and new steps are equally dense: no half of the run is left with few points.
    assert 0.4 < (steps <= 10_000).mean() < 0.6


def test_series_forgets_what_came_after_a_step():
    series = Series(capacity=64)
    feed(series, np.arange(1000.0), chunk=17)
    series.truncate(600)
    assert series.points()[0].max() <= 600
    series.extend(np.arange(601, 605), np.full(4, 9e9))
    assert series.points()[1].max() == np.float32(9e9)


@pytest.mark.parametrize("n", [0, 1, 2, 399, 400, 401, 402, 1000, 8191, 8192, 99_999])
def test_decimation_keeps_ends_extremes_and_order_within_the_limit(n):
    x = np.arange(n, dtype=np.float32)
    y = np.random.default_rng(2).normal(size=n).astype(np.float32)
    shown_x, shown_y = decimate(x, y)
    assert len(shown_x) == len(shown_y) <= POINTS
    assert shown_x.dtype == shown_y.dtype == np.float32
    if n:
        assert (shown_x[0], shown_x[-1]) == (0, n - 1)
        assert (shown_y.min(), shown_y.max()) == (y.min(), y.max())
        assert (np.diff(shown_x) >= 0).all()
        np.testing.assert_array_equal(shown_y, y[shown_x.astype(int)])


def test_running_mean_is_that_of_a_plain_loop():
    values = np.random.default_rng(3).normal(size=350)
    together = running_mean(values[:200], values[200:], WINDOW)
    plain = [values[max(0, k - WINDOW + 1) : k + 1].mean() for k in range(200, 350)]
    np.testing.assert_allclose(together, plain)
    from_start = running_mean(values[:0], values[:5], WINDOW)
    np.testing.assert_allclose(from_start, np.cumsum(values[:5]) / np.arange(1, 6))
    np.testing.assert_allclose(running_mean(values[:0], values, 1), values)


def test_history_shows_what_was_noted():
    history = History(("loss", "a"))
    assert history.tail() == {}
    assert history.newest("a") is None
    history.begin({"a": 8.5})
    history.extend(rows(1, [3.0, 1.0]))
    history.extend(rows(3, [2.0]))
    steps, values = history.points("a")
    assert steps.tolist() == [0, 1, 2, 3]
    assert values.tolist() == [8.5, -3.0, -1.0, -2.0]
    assert history.points("mean")[1].tolist() == [3.0, 2.0, 2.0]
    assert history.tail(2) == {"steps": 2, "loss": 1.5, "a": -1.5}
    assert history.newest("loss") == 2.0
    assert history.extents == {"loss": (1.0, 3.0), "a": (-3.0, 8.5), "mean": (2.0, 3.0)}
    assert len(history.points("nothing")[0]) == 0


def test_averages_begin_anew_when_what_is_averaged_has_changed():
    history = History(("loss",))
    history.extend([(1, 8.0), (2, 6.0)])
    history.renew()
    assert history.tail() == {}
    history.extend([(3, 1.0), (4, 3.0)])
    assert history.points("mean")[1].tolist() == [8.0, 7.0, 1.0, 2.0]
    assert history.tail() == {"steps": 2, "loss": 2.0}
    history.truncate(1)
    history.extend([(2, 5.0)])
    assert history.points("mean")[1].tolist() == [8.0, 5.0]


def test_turns_keep_what_held_and_forget_what_never_did():
    turns = Turns()
    for step, value in [(0, "a"), (5, "b"), (5, "c"), (9, "c"), (12, "d")]:
        turns.turn(step, value)
    assert turns.values == [(0, "a"), (5, "c"), (12, "d")]
    turns.turn(5, "e")
    assert turns.values == [(0, "a"), (5, "e")]
    for step in range(1000):
        turns.turn(step, step)
    assert len(turns.values) == MARKS


def test_history_is_bounded_for_any_number_of_steps():
    history = History(("loss", "a"))
    for start in range(1, 200_001, 1000):
        history.extend(rows(start, np.sin(np.arange(1000)).tolist()))
    for name in ("loss", "a", "mean"):
        assert len(history.points(name, limit=10**9)[0]) <= 2 * CAPACITY
        assert len(history.points(name)[0]) <= POINTS
    assert len(history._recent) == RECENT
    assert history.tail()["steps"] == 500
    assert history._waiting <= CAPACITY


def test_history_forgets_steps_extents_and_marks_after_going_back():
    history = History(("loss", "a"))
    history.extend(rows(1, [1.0, 2.0, 90.0, 3.0]))
    for step in (1, 2, 3):
        history.mark(Mark(step, "guess", f"guess {step}"))
    gone = history.truncate(2)
    assert [mark.step for mark in gone] == [2, 3]
    assert [mark.step for mark in history.marks] == [1]
    assert history.extents["loss"] == (1.0, 2.0)
    assert history.points("loss")[0].tolist() == [1, 2]
    assert history.tail()["steps"] == 2
    history.extend(rows(3, [5.0]))
    assert history.points("mean")[1].tolist() == pytest.approx([1.0, 1.5, 8 / 3])


def test_marks_are_bounded_and_one_a_control_and_step():
    history = History(("loss",))
    history.mark(Mark(5, "lr", "learning rate 1"))
    history.mark(Mark(5, "guess", "guess 7"))
    history.mark(Mark(5, "lr", "learning rate 2"))
    assert [mark.label for mark in history.marks] == ["guess 7", "learning rate 2"]
    for step in range(1000):
        history.mark(Mark(step, "guess", "guess"))
    assert len(history.marks) == MARKS
    assert history.marks[-1].step == 999


def test_one_move_of_a_hand_is_one_mark():
    history = History(("loss",))
    for step, control, at in [(1, "lr", 0.0), (4, "lr", 0.3), (9, "lr", 0.7), (12, "lr", 1.3)]:
        history.mark(Mark(step, control, control, at))
    history.mark(Mark(13, "guess", "guess", 1.4))
    history.mark(Mark(14, "lr", "lr", 1.5))
    history.mark(Mark(14, "lr", "again"))  # one without a time stands for itself
    history.mark(Mark(15, "lr", "lr"))
    assert [(m.step, m.control) for m in history.marks] == [
        (9, "lr"),
        (12, "lr"),
        (13, "guess"),
        (14, "lr"),
        (15, "lr"),
    ]
