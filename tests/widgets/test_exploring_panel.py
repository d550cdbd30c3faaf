"""The panel of `explore` without a browser: as code, as a desk, in cells that run again."""

import contextlib
import io
from types import SimpleNamespace

import pytest

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from pages import comms
from ppl_core.errors import PPLError
from ppl_widgets import explore
from ppl_widgets.exploring import Exploration
from ppl_widgets.panels import cells
from ppl_widgets.panels import exploring as panels
from ppl_widgets.scenarios import ControlError

METHODS = ("SVI", "importance", "rejection", "independent MH", "SMC", "HMC", "NUTS")


def scale(guess, prior_sd=1.0):
    weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


def guide(guess, prior_sd=1.0):
    a, b = ppl.param("a", guess), ppl.param("b", 1.0, constraint=dist.constraints.positive)
    ppl.sample("weight", dist.Normal(a, b))


model = ppl.condition(scale, data={"measurement": 9.5})


def told(**settings):
    return Exploration(model, guide, (8.5,), **settings)


# ---- as code


@pytest.mark.parametrize("method", METHODS)
def test_its_code_runs_and_is_short(method):
    one = told(inference=method, num_steps=300)
    one.settle()
    code = one.code()
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    assert max(map(len, code.splitlines())) <= 100
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, {"scale": scale, "guide": guide, "model": model})
    assert said.getvalue()


def test_one_line_makes_it_again():
    one = Exploration(model, guide, ((0.0, 20.0),), seed=103, name="model")
    one.set("guess", 9.0)
    one.set("inference", "NUTS")
    line = one.copy_state()
    assert (
        line
        == "explore(model, guide, (0.0, 20.0), at={'guess': 9.0, 'inference': 'NUTS'}, seed=103)"
    )
    twin = eval(line, {"explore": explore, "model": model, "guide": guide})
    assert dict(twin.session.controls) == dict(one.controls)
    assert twin.session.seed == 103
    twin.close()


# ---- the panel


@pytest.fixture
def panel():
    made = explore(model, guide, 8.5)
    yield made
    made.close()


def test_face_has_two_sliders_and_the_rest_waits_in_the_drawer(panel):
    face = [row["name"] for row in panel._desk.rows if row["place"] == "face"]
    assert face == ["measurement", "guess", "inference", "site", "view"]
    assert sum(row["place"] == "drawer" for row in panel._desk.rows) >= 6


def test_it_says_what_it_shows_where_no_browser_is(panel):
    panel.run(200)
    bundle = panel._repr_mimebundle_()
    assert "Exact N(9.14, 0.60), closed form." in bundle["text/plain"]
    assert "image/png" in bundle


def test_lines_rows_and_curves_are_one_site(panel):
    def two(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        draught = ppl.sample("draught", dist.Normal(0.0, 1.0))
        ppl.sample("measurement", dist.Normal(weight + draught, 0.75), obs=9.5)

    panel._session.bind(two)
    panel.paint()
    panel._sheets.choose("draught")
    assert panel.session.coordinate.site == "draught"
    html = panel._sheets.html
    assert 'data-mark="learned"' in html.split("draught")[-2] or "aria-current" in html
    assert panel._plot._stages["main"]["layout"]["title"]["text"] == "draught"
    panel._sheets.choose("measurement")  # data has no posterior: nothing moves
    assert panel.session.coordinate.site == "draught"
    panel.set(site="weight")
    lit = [line for line in panel._sheets.html.split("<li") if "aria-current" in line]
    assert ["weight" in line for line in lit] == [True]


def test_every_sheet_can_be_opened(panel):
    panel._sheets.turn_to("graph")
    assert "<svg" in panel._sheets.html
    panel._sheets.turn_to("guide")
    assert "no finding" in panel._sheets.html
    with pytest.raises(ValueError, match="no sheet 'grap'"):
        panel._sheets.turn_to("grap")


def test_a_rewritten_cell_is_followed(panel):
    def wider(guess, prior_sd=1.0):
        weight = ppl.sample("weight", dist.Normal(guess, 2 * prior_sd))
        return ppl.sample("measurement", dist.Normal(weight, 0.75))

    names = {"model": model, "guide": guide, "scale": scale}
    panel._followed = [panels.Followed(model, names), panels.Followed(guide, names)]
    assert not panel.follow(names)
    panel.set(guess=8.0)
    assert panel.follow({**names, "scale": wider})
    assert panel.session.controls["guess"] == 8.0
    panel.session.settle()
    exact = truth.weigh(guess=8.0, prior_sd=2.0)
    known = panel.session.beside.truth.marginal(panel.session.coordinate)
    assert known.mean == pytest.approx(exact.mean)


def test_other_controls_are_another_desk(panel):
    desk = panel._desk

    def other(guess, noise_sd=0.75):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        ppl.sample("measurement", dist.Normal(weight, noise_sd), obs=9.5)

    panel._command(lambda: panel.session.bind(other))
    assert panel._desk is not desk
    assert desk.comm is None
    assert "noise_sd" in [row["name"] for row in panel._desk.rows]
    panel._desk.change("noise_sd", 0.5)
    assert panel.session.controls["noise_sd"] == 0.5


def test_its_own_cell_run_again_keeps_seed_and_controls(monkeypatch):
    def in_run(run):
        parent = {"metadata": {"cellId": "one"}, "header": {"msg_id": run}}
        shell = SimpleNamespace(
            kernel=SimpleNamespace(get_parent=lambda: parent), user_ns={}, user_ns_hidden={}
        )
        monkeypatch.setattr(cells, "get_ipython", lambda: shell)

    in_run("1")
    first = explore(model, guide, 8.5)
    first.set(measurement=10.0, inference="HMC")
    first.reset("new")
    in_run("2")
    second = explore(model, guide, 8.5)
    assert first._closed
    assert second.session.seed == 102
    assert second.session.controls["measurement"] == 10.0
    assert second.session.method == "HMC"
    in_run("3")
    third = explore(model, guide, 8.5, seed=101, at={"measurement": 9.0})  # what is said, counts
    assert (third.session.seed, third.session.controls["measurement"]) == (101, 9.0)
    third.close()


def test_it_leaves_nothing_behind():
    before = comms()
    made = explore(model, guide, 8.5)
    made.run(5)
    made.close()
    made.close()
    assert comms() == before


def test_a_name_that_is_neither_argument_nor_site_error():
    with pytest.raises(ControlError, match="Did you mean 'measurement'"):
        explore(scale, None, 8.5, measurment=9.5)
    with pytest.raises(ControlError, match="'NUT' is not on offer"):
        explore(model, None, 8.5, inference="NUT")


def test_a_failing_run_is_an_error_for_python():
    made = explore(scale)
    try:
        with pytest.raises(PPLError, match="asks for 'guess'"):
            made.run(1)
    finally:
        made.close()
