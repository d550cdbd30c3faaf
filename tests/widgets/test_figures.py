"""What the pictures show, as data: no browser, no plotly."""

import json
import math

import numpy as np
import pytest

import truth
from ppl_widgets.figures import BELL, NOTHING, bell, frame, stage, texts
from ppl_widgets.forecast import Forecast
from ppl_widgets.scenarios import Gaussian
from ppl_widgets.session import Session

LIVE = {
    "posterior.prior",
    "posterior.likelihood",
    "posterior.exact",
    "posterior.learned",
    "posterior.guess",
    "posterior.measurement",
    "loss.forbidden",
    "loss.band",
    "loss.draws",
    "loss.expected",
    "loss.floor",
    "loss.mean",
    "loss.marks",
    "a.band",
    "a.expected",
    "a.exact",
    "a.learned",
    "a.marks",
    "b.band",
    "b.expected",
    "b.exact",
    "b.learned",
    "b.marks",
}


@pytest.fixture(scope="module")
def trained():
    """A run with one change of the truth at step 300, and a forecast from there."""
    session = Session(num_steps=1000)
    session.run(300)
    session.set("measurement", 10.3)
    session.settle()
    session.run(300)
    return session


def traces(figures):
    return {trace["uid"]: trace for figure in figures.values() for trace in figure["data"]}


def test_stage_has_the_plots_of_the_panel_with_fixed_axes():
    figures = stage(Session())
    assert list(figures) == ["posterior", "loss", "a", "b"]
    ranges = {
        name: (figure["layout"]["xaxis"]["range"], figure["layout"]["yaxis"]["range"])
        for name, figure in figures.items()
    }
    assert ranges == {
        "posterior": ([6.0, 11.0], [0.0, 0.8]),
        "loss": ([0.0, 2500.0], [0.0, 5.0]),
        "a": ([0.0, 2500.0], [8.0, 10.0]),
        "b": ([0.0, 2500.0], [0.0, 1.2]),
    }
    assert figures["posterior"]["layout"]["meta"]["key"] is True


def test_every_trace_is_live_and_in_the_frame():
    session = Session()
    drawn = traces(stage(session))
    assert set(drawn) == set(frame(session)) == LIVE
    assert all(trace["meta"]["live"] for trace in drawn.values())
    assert drawn["posterior.exact"]["meta"] == {
        "role": "exact",
        "live": True,
        "label": {"text": "exact", "at": "peak"},
    }
    assert drawn["loss.forbidden"]["fillpattern"]["shape"] == "/"
    assert drawn["posterior.prior"]["line"]["dash"] == "dash"
    assert drawn["posterior.learned"]["mode"] == "lines+markers"
    assert [trace for uid, trace in drawn.items() if not uid.startswith("posterior")]


def test_figures_are_plain_plotly_dicts(trained):
    for figure in stage(trained).values():
        plain = json.loads(json.dumps(figure, default=lambda array: array.tolist()))
        for trace in plain["data"]:
            assert len(trace["x"]) == len(trace["y"])
    go = pytest.importorskip("plotly.graph_objects")
    for figure in stage(trained).values():
        go.Figure(figure)


def test_frame_is_small_and_float32(trained):
    for uid, (x, y) in frame(trained).items():
        assert x.dtype == np.float32
        assert len(x) == len(y) <= 420
        if not uid.endswith("marks"):
            assert y.dtype == np.float32


def test_curves_are_the_densities(trained):
    points = frame(trained)
    exact = truth.weigh(measurement=10.3)
    for uid, mean, sd in [
        ("posterior.prior", 8.5, 1.0),
        ("posterior.likelihood", 10.3, 0.75),
        ("posterior.exact", exact.mean, exact.sd),
        ("posterior.learned", trained.learned.mean, trained.learned.sd),
    ]:
        x, y = points[uid]
        assert len(x) == BELL
        np.testing.assert_allclose(y, np.exp(truth.normal_log_density(x, mean, sd)), rtol=1e-3)
        assert np.trapezoid(y, x) == pytest.approx(1.0, abs=1e-4)


def test_rings_to_take_hold_of_stand_on_the_tops_of_their_curves():
    session = Session(guess=7.0, measurement=10.0)
    points = frame(session)
    for name, sd in {"guess": 1.0, "measurement": 0.75}.items():
        [x], [y] = points[f"posterior.{name}"]
        assert x == pytest.approx(session.controls[name])
        assert y == pytest.approx(1.0 / (sd * math.sqrt(2.0 * math.pi)), rel=1e-6)


def test_exact_lines_step_where_the_truth_moved(trained):
    points = frame(trained)
    before, after = truth.weigh(), truth.weigh(measurement=10.3)
    for uid, old, new in [
        ("loss.floor", -before.log_evidence, -after.log_evidence),
        ("a.exact", before.mean, after.mean),
    ]:
        x, y = points[uid]
        assert x.tolist() == [0, 300, 300, 1000]
        np.testing.assert_allclose(y, [old, old, new, new], rtol=1e-6)
    assert points["b.exact"][1].tolist() == pytest.approx([0.6] * 4)


def test_hatch_lies_under_the_floor_and_never_hides_a_draw(trained):
    points, drawn = frame(trained), list(traces(stage(trained)))
    _, y = points["loss.forbidden"]
    np.testing.assert_allclose(np.unique(y)[1:], np.unique(points["loss.floor"][1]))
    assert y.min() < -1e5
    assert drawn.index("loss.forbidden") < drawn.index("loss.draws")
    draws = points["loss.draws"][1]
    assert draws.min() < points["loss.floor"][1].min()  # single draws do dip


def test_traces_start_at_the_guess_and_end_where_the_run_is(trained):
    points = frame(trained)
    x, y = points["a.learned"]
    assert (x[0], y[0]) == (0, 8.5)
    assert (x[-1], y[-1]) == (600, pytest.approx(trained.learned.mean))
    assert points["loss.draws"][0][0] == 1
    assert points["loss.mean"][0][-1] == 600


def test_change_is_marked_on_every_trace(trained):
    points = frame(trained)
    for plot in ("loss", "a", "b"):
        x, words = points[f"{plot}.marks"]
        assert (x.tolist(), words) == ([300], ["measurement 10.3"])


def test_changes_at_one_step_share_a_tick():
    session = Session()
    session.run(10)
    session.set("lr", 0.01)
    session.set("optimiser", "Adam")
    x, words = frame(session)["a.marks"]
    assert (x.tolist(), words) == ([10], ["learning rate 0.01 · optimiser Adam"])


def test_expected_curve_lies_in_its_band(trained):
    assert isinstance(trained.forecast, Forecast)
    points = frame(trained)
    for plot in ("a", "b"):
        x, y = points[f"{plot}.expected"]
        across, edges = points[f"{plot}.band"]
        n = len(x)
        low, high = edges[:n], edges[n:][::-1]
        assert (x[0], x[-1]) == (300, 1000)
        assert (across[:n] == x).all()
        assert ((low <= y) & (y <= high)).all()


def test_truth_moves_with_the_hand_without_a_new_stage():
    session = Session()
    stages = session.stage_version
    before = frame(session)["posterior.exact"][0].copy()
    session.run(5)
    session.set("measurement", 9.8)
    assert session.stage_version == stages
    assert not np.array_equal(frame(session)["posterior.exact"][0], before)


def test_frame_changes_nothing(trained):
    version = trained.version
    first, second = frame(trained), frame(trained)
    assert trained.version == version
    for uid, (x, y) in first.items():
        np.testing.assert_array_equal(x, second[uid][0])
        assert list(y) == list(second[uid][1])


def test_program_without_a_known_truth_is_drawn_without_one():
    session = Session()
    session.exact = None
    session.truths.turn(0, None)
    points = frame(session)
    assert points["posterior.exact"] is NOTHING
    assert np.isnan(points["a.exact"][1]).all()
    assert points["loss.forbidden"][1].max() < -1e5
    written = texts(session)
    assert written["posterior"] == "No exact answer is known for this model."
    assert (written["label:loss.floor"], written["label:a.exact"]) == ("", "")
    assert stage(session)


def test_guide_without_width_has_no_curve():
    assert bell(Gaussian(9.0, 0.0)) is NOTHING
    assert bell(Gaussian(math.inf, 1.0)) is NOTHING
    assert bell(None) is NOTHING


def test_texts_before_the_first_step():
    assert texts(Session()) == {
        "status": "seed 101 · step 0/2,500",
        "posterior": "KL 0.947 nats · gap 0.947 nats",
        "loss": "no step yet",
        "a": "the guide's mean",
        "b": "the guide's sd",
        "alt:posterior": "Densities over the weight. Ready. Learned N(8.50, 1.00). "
        "Exact N(9.14, 0.60), closed form.",
        "alt:loss": "Loss by step in nats, with its floor; no step yet.",
        "label:loss.floor": "floor 1.462",
        "label:loss.mean": "",
        "label:a.exact": "exact 9.14",
        "label:a.learned": "8.50",
        "alt:a": "Parameter a by step: now 8.50, exact 9.14.",
        "label:b.exact": "exact 0.60",
        "label:b.learned": "1.00",
        "alt:b": "Parameter b by step: now 1.00, exact 0.60.",
    }


def test_texts_of_a_run(trained):
    written = texts(trained)
    assert written["loss"].startswith("mean of last 300: ")
    assert written["label:loss.floor"] == "floor 2.179"
    assert written["label:a.learned"] == f"{trained.learned.mean:.2f}"
    assert written["status"] == "seed 101 · step 600/1,000"
