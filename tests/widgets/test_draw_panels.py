"""Every panel that draws, without a browser: it shows its point untouched, and can be rebuilt."""

import base64
import contextlib
import io

import numpy as np
import pytest

import ppl_widgets
from ppl_widgets.scenarios import QUESTIONS, ControlError

MAKERS = {question.panel: getattr(ppl_widgets, question.panel) for question in QUESTIONS.values()}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def maker(request):
    return request.param


@pytest.fixture
def panel(maker):
    made = maker()
    yield made
    made.close()


def test_it_shows_its_point_untouched(panel):
    assert panel.session.status == "idle"
    assert panel.session.step >= 200
    frame = panel._figures.frame(panel.session)
    drawn = [points for uid, points in frame.items() if len(points[0])]
    assert len(drawn) >= 4


def test_face_has_two_sliders_and_the_rest_waits_in_the_drawer(panel):
    face = [row for row in panel._desk.rows if row["place"] == "face"]
    assert sum(row["kind"] != "choice" for row in face) <= 2
    assert len(face) <= 3
    assert any(row["place"] == "drawer" for row in panel._desk.rows)


def test_its_code_runs_and_is_short(panel):
    session = panel.session
    codes = {session.code()}
    for control in session.scenario.controls:
        for option in control.options:
            session.set(control.name, option)
            codes.add(session.code())
        session.set(control.name, control.value)
    for code in codes:
        assert len([line for line in code.splitlines() if line.strip()]) <= 15, code
        assert max(map(len, code.splitlines())) <= 100
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(code.replace("=5000)", "=500)"), {})
        assert said.getvalue()


def test_one_line_rebuilds_it(panel, maker):
    session = panel.session
    for control in session.scenario.controls:
        value = control.options[-1] if control.options else control.value + control.step
        session.set(control.name, value)
    session.reset("new")
    twin = eval(session.copy_state(), {maker.__name__: maker})
    assert dict(twin.session.controls) == dict(session.controls)
    assert twin.session.seed == 102
    session.run(twin.session.step - session.step)  # a training that is watched begins at 0 anew
    for name, column in twin.session.draws.items():  # a faster engine rounds otherwise
        np.testing.assert_allclose(column, session.draws[name], rtol=1e-3, atol=1e-3)
    twin.close()


def test_text_and_picture_for_where_no_browser_is(panel):
    bundle = panel._repr_mimebundle_()
    assert panel.session.summary() in bundle["text/plain"]
    assert any(word in bundle["text/plain"] for word in ("closed form", "quadrature"))
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_every_choice_can_be_drawn(panel):
    for control in panel.session.scenario.controls:
        for value in control.options or (control.min, control.max):
            panel.set(**{control.name: value})
            assert panel._drawn == panel.session.version
            assert panel._staged == panel.session.stage_version
        panel.set(**{control.name: control.value})
    panel.run(10).back()
    panel.reset("new")


def test_a_bad_argument_is_one_sentence(maker):
    with pytest.raises(ControlError, match=r"There is no control 'sed'\. Did you mean 'seed'\?"):
        maker(sed=3)
