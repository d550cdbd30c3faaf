"""Pages without a kernel say and draw what the kernel would: run by node, held against Python."""

import json
import re

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import ppl_widgets
from exported import node, page_of, said
from ppl_widgets import ConditionPanel, ScalePanel, figures
from ppl_widgets.export import page_data, standalone
from ppl_widgets.export.beliefs import facts
from ppl_widgets.export.recorded import around
from ppl_widgets.export.trained import code
from ppl_widgets.forecast import Forecast
from ppl_widgets.scenarios import WEIGHING, ControlError, optimiser
from ppl_widgets.session import Session
from ppl_widgets.views import conditioning, exploring

# ---- a page that trains

RUNS = [
    {},
    {"measurement": 7.0, "guess": 12.0, "noise_sd": 0.3, "prior_sd": 2.0, "lr": 0.0005},
    {"optimiser": "Adam", "lr": 0.01, "measurement": 10.2},
    {"optimiser": "ClippedAdam", "lr": 0.02},
]


@node
@pytest.mark.parametrize("particles", [1, 20])
def test_a_page_trains_as_the_kernel_does(particles):
    """The page is made once, at the first setting; the others are moves of its controls."""
    start = Session(particles=particles, num_steps=1000 if particles == 1 else 300)
    runs = said(
        page_of(start),
        f"""const runs = {json.dumps(RUNS)}.map((moved) => {{
            const mind = new Trained({{ ...data, step: 100 }});
            for (const [name, value] of Object.entries(moved)) mind.change(name, value);
            return [mind.run.losses, ...mind.run.tracks];
        }});
        console.log(tell(runs));""",
    )
    for moved, (losses, *tracks) in zip(RUNS, runs, strict=True):
        session = Session(**{**start.controls, **moved})
        session.run(session.num_steps)
        assert losses == pytest.approx(
            session.history.points("loss", 10_000)[1], rel=1e-5, abs=1e-5
        )
        for name, track in zip(WEIGHING.params, tracks, strict=True):
            assert track == pytest.approx(session.history.points(name, 10_000)[1], rel=1e-5)


@node
def test_a_page_draws_and_writes_what_the_panel_does():
    session = Session(measurement=9.2, num_steps=800)
    for steps in (1, 699):  # as somebody would who looks at the first step, too
        session.run(steps)
        figures.frame(session)
    page, written, line = said(
        page_of(session) | {"step": 0},
        """const mind = new Trained(data);
        mind.change("measurement", 9.2);
        mind.change("shown", 700);
        const { figures, frame, texts, traits } = mind;
        console.log(tell([{ figures, frame, texts, traits }, traits.code, traits.line]));""",
    )
    assert written == session.code()
    assert line == session.copy_state()
    for name in ("status", "summary"):
        assert page["traits"][name] == getattr(session, {"status": "status_line"}.get(name, name))()
    expected = figures.texts(session)
    del expected["status"]
    assert page["texts"] == expected
    frame = figures.frame(session)
    assert page["frame"].keys() == frame.keys()
    for uid, (x, y) in frame.items():
        if uid.endswith((".expected", ".band")):
            continue  # these come later, from other runs
        drawn_x, drawn_y = page["frame"][uid]
        if len(x) < len(drawn_x):  # the panel thins out what is longer than its plot is wide
            places = np.searchsorted(drawn_x, x)
            drawn_x, drawn_y = np.take(drawn_x, places), np.take(drawn_y, places)
        assert drawn_x == pytest.approx(x, rel=1e-5), uid
        assert drawn_y == pytest.approx(y, rel=1e-5, abs=1e-6), uid
    for name, figure in figures.stage(session).items():
        for axis in ("xaxis", "yaxis"):
            drawn = page["figures"][name]["layout"][axis]["range"]
            assert drawn == pytest.approx(figure["layout"][axis]["range"]), (name, axis)


@node
def test_what_to_expect_is_the_forecast_of_the_panel():
    """200 real runs in the page, 400 forecast ones in the panel: their averages agree."""
    session = Session(num_steps=600)
    courses = said(
        page_of(session),
        """const mind = new Trained(data);
        while (mind.expect(100) === "busy") {}
        const { courses, others: { tracks } } = mind;
        console.log(tell([courses, tracks.map((track) => track.at(-1))]));""",
    )
    (courses, ends) = courses
    forecast = Forecast(
        WEIGHING, session.controls, optimiser(session.controls), session._learner.state, 600
    )
    forecast.advance(60.0)
    for name, end in zip(WEIGHING.params, ends, strict=True):
        _, expected, low, high = forecast.course(name)
        error = np.std(end) * np.sqrt(1 / 200 + 1 / 400)
        assert (
            abs(courses[name]["centre"][-1] - expected[-1]) < 4 * error
        )  # 1 false alarm in 16,000
        # the edges of the middle 95 % of 200: 3 sds of a quantile there are about 0.45 sds
        assert abs(courses[name]["low"][-1] - low[-1]) < 0.6 * np.std(end)
        assert abs(courses[name]["high"][-1] - high[-1]) < 0.6 * np.std(end)
    assert courses["loss"]["centre"][-1] == pytest.approx(forecast.course("loss")[1][-1], abs=0.03)


@node
def test_before_the_first_step_a_slider_shows_the_trained_answer():
    steps = said(
        page_of(Session(num_steps=50)),
        """const mind = new Trained(data), steps = [mind.step];
        mind.change("guess", 9.0); steps.push(mind.step);
        mind.press("back"); mind.change("guess", 8.0); steps.push(mind.step);
        mind.press("same"); steps.push(mind.step, mind.seed);
        mind.press("new"); mind.press("step"); steps.push(mind.step, mind.seed);
        mind.press("play"); mind.tick(0.02); steps.push(mind.step, mind.status);
        mind.tick(60); steps.push(mind.step, mind.status);
        console.log(tell(steps));""",
    )
    assert steps == [0, 50, 50, 0, 101, 1, 102, 11, "running", 50, "done"]


@node
def test_a_run_that_blows_up_ends_where_the_kernel_stops_and_says_so():
    session = Session(lr=10.0, num_steps=200)
    session.run(200)
    assert session.status == "failed"
    end, status, message = said(
        page_of(Session(num_steps=200)) | {"step": 1},
        """const mind = new Trained(data);
        mind.change("lr", 10.0); mind.change("shown", 200);
        console.log(tell([mind.end, mind.status, mind.traits.message]));""",
    )
    assert status == "failed"
    assert abs(end - session.step) <= 2  # the kernel also stops at a parameter off its range
    assert f"Step {end}" in message


def test_truth_of_a_page_is_the_scenario_s():
    """Recorded formulas in tensors beside the scenario's in floats, 200 settings, seeded."""
    rng = np.random.default_rng(7)
    for row in rng.uniform([0, 0, 0.05, 0.05, 0, 0.05], [20, 20, 5, 5, 20, 5], (200, 6)):
        names = ("guess", "measurement", "noise_sd", "prior_sd", "a", "b")
        given = dict(zip(names, row.tolist(), strict=True))
        tensors = {name: torch.tensor(x, dtype=torch.float64) for name, x in given.items()}
        found = {name: value.tolist() for name, value in facts(tensors, tensors).items()}
        exact, learned = WEIGHING.exact(given), WEIGHING.learned(given)
        assert found["perfect"] == pytest.approx([exact.mean, exact.sd])
        assert found["floor"] == pytest.approx(exact.floor)
        assert found["kl"] == pytest.approx(WEIGHING.kl(learned, exact), rel=1e-6)
        gap = WEIGHING.expected_loss(learned, given) - exact.floor
        assert found["gap"] == pytest.approx(gap, rel=1e-6, abs=1e-9)
        reach = WEIGHING.reach(given, exact, None, {})
        assert (min(found["weight"]), max(found["weight"])) == pytest.approx(reach["weight"])
        assert max(found["density"]) == pytest.approx(reach["density"][1])


@pytest.mark.parametrize("rule", ["SGD", "Adam", "ClippedAdam"])
def test_the_code_of_a_page_has_a_place_for_every_number(rule):
    controls = dict(Session(guess=9.25, lr=0.03, optimiser=rule, particles=3).controls)
    text = code(WEIGHING, controls)
    filled = re.sub(r"{(\w+)}", lambda place: str({**controls, "seed": 7}[place[1]]), text)
    assert filled == WEIGHING.code(controls, 7)
    assert text.count("{seed}") == text.count("{lr}") == 1


# ---- a page that was computed before


@node
def test_a_precomputed_page_shows_the_panel_s_own_pictures():
    panel = ConditionPanel(num=2000)
    grid = {"measurement": [9.0, 9.5, 10.5], "window": [0.2, 0.5]}
    data = page_of(panel.session, conditioning, grid)
    moved, home, played = said(
        data,
        """const mind = new Recorded(data);
        const at = () => ({ frame: mind.frame, texts: mind.texts, traits: mind.traits });
        mind.change("measurement", 10.2); mind.change("window", 0.3);
        const moved = at();
        mind.press("play");
        const home = [mind.traits.message, mind.playing];
        mind.press("same"); mind.press("play"); mind.tick(60);
        console.log(tell([moved, home, at()]));""",
    )
    assert data["kind"] == "recorded"
    assert home == [data["away"], False]
    panel.set(measurement=10.5, window=0.2)
    for page, steps in ((moved, 0), (played, 1000)):
        if steps:
            panel.set(measurement=9.5, window=0.5)
            panel.session.run(steps)
        for uid, (x, y) in conditioning.frame(panel.session).items():
            for drawn, numbers in zip(page["frame"][uid], (x, y), strict=True):
                spread = float(np.ptp(numbers)) if len(numbers) else 0.0
                assert drawn == pytest.approx(numbers, abs=spread / 65_000 + 1e-6), uid
        assert page["traits"]["code"] == panel.session.code()
        assert page["traits"]["status"] == panel.session.status_line()
        texts = conditioning.texts(panel.session)
        assert page["texts"]["runs"] == texts["runs"]
    panel.close()


@node
def test_a_tick_of_the_keyboard_reaches_the_next_value_of_an_uneven_grid():
    panel = ConditionPanel(num=1000)
    grid = {"window": [0.1, 0.5, 0.6, 2.0], "measurement": [9.0]}
    seen = said(
        page_of(panel.session, conditioning, grid),
        """const mind = new Recorded(data), seen = [];
        for (const value of [0.65, 0.65, 1.2, 1.5, 1.95, 0.55, 0.45, 0.45, 0.05]) {
            mind.change("window", value);
            seen.push([mind.picture.values.window, mind.picture.values.measurement]);
        }
        console.log(tell(seen));""",
    )
    windows = [0.6, 2.0, 0.6, 2.0, 0.6, 0.5, 0.1, 0.5, 0.1]
    assert seen == [[window, 9.5] for window in windows]
    panel.close()


def test_a_bound_program_is_precomputed_for_nobody_knows_its_picture():
    panel = ScalePanel(num_steps=60)
    panel.bind(WEIGHING.model, WEIGHING.guide)
    data = page_of(panel.session, grid={"measurement": [9.0, 9.5]})
    assert data["kind"] == "recorded"
    assert [setting["step"] for setting in data["settings"]] == [60, 60]  # trained to the end
    locked = {row["name"] for row in data["rows"] if row["locked"]}
    assert locked == {row["name"] for row in data["rows"]} - {"measurement", "shown"}
    panel.close()


def test_a_page_of_any_model_holds_its_answers():
    def scale(guess=8.5):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=9.5)

    panel = ppl_widgets.explore(scale, num_steps=200)
    grid = {"inference": ["SVI", "importance"]}
    data = page_of(panel.session, exploring, grid)
    trained, weighed = data["settings"]
    assert panel.session.step == 0
    assert (trained["step"], weighed["step"]) == (200, 200)
    assert trained["values"]["inference"] == "SVI"
    assert "exact N(9.14, 0.60)" in trained["texts"]["main"]
    panel.close()


def test_a_grid_names_controls_and_values_of_the_panel():
    session = Session()
    with pytest.raises(ControlError, match="Did you mean 'guess'"):
        page_of(session, grid={"gues": [1.0]})
    with pytest.raises(ControlError, match="out of range"):
        page_of(session, grid={"guess": [100.0]})


def test_a_grid_that_a_panel_names_is_one_that_it_can_take():
    """And it opens on the grid, so that no page moves a slider by itself."""
    kinds = [getattr(ppl_widgets, name) for name in ppl_widgets.__all__ if name.endswith("Panel")]
    for kind in [kind for kind in kinds if kind.page_grid]:
        panel = kind()
        for control, values in kind.page_grid.items():
            known = panel.session.controls.control(control)
            assert [known.check(value) for value in values] == list(values)
            assert panel.session.controls[control] in values
        panel.close()


@node
def test_a_long_run_is_drawn_by_its_extremes_and_is_not_kept_two_hundred_times():
    lines, highs, kept = said(
        page_of(Session(num_steps=10_000)) | {"step": 10_000},
        """const mind = new Trained(data);
        while (mind.expect(1000) === "busy") {}
        const drawn = mind.frame["loss.draws"][1];
        const highs = [mind.run.losses, drawn].map((some) => Math.max(...some));
        const lines = Object.values(mind.frame).map(([x]) => x.length);
        console.log(tell([lines, highs, mind.others.losses.map((some) => some.length)]));""",
    )
    assert max(lines) <= 3002
    assert highs[0] == highs[1]
    assert max(kept) <= 200 * 25


def test_a_grid_is_even_holds_the_present_value_and_stays_in_range():
    panel = ConditionPanel(window=0.1)
    grid = around(panel.session, ["measurement", "window"])
    for name, values in grid.items():
        control = panel.session.controls.control(name)
        assert panel.session.controls[name] in values
        assert control.min <= values[0] < values[-1] <= control.max
        assert np.ptp(np.diff(values)) < 1e-8
    panel.close()


# ---- the file


def test_a_page_asks_for_nothing_but_itself(tmp_path):
    panel = ScalePanel()
    page = panel.save_html(tmp_path / "scale.html").read_text(encoding="utf-8")
    assert page == standalone(page_data(panel.session, figures, panel._desk))  # nothing by chance
    assert len(page) < 150_000
    for word in (" src=", "@import", "url(", "fetch(", "import("):
        assert word not in page
    panel.close()
