"""Lessons open panels: every preset works, and says what it is."""

import pytest

import ppl_widgets
from ppl_widgets import ProposalPanel, RacePanel, ScalePanel
from ppl_widgets.panels.presets import COMMON, PRESETS
from ppl_widgets.scenarios import ControlError


@pytest.mark.parametrize(("panel", "name"), [(p, n) for p, some in PRESETS.items() for n in some])
def test_every_preset_opens(panel, name):
    made = getattr(ppl_widgets, panel).preset(name)
    given = PRESETS[panel][name]
    for control, value in given.items():
        if control in made.session.controls:
            assert made.session.controls[control] == value
    assert (made.reply is not None) == given.get("predict", False)
    if "show" in given:
        faces = {row["name"] for row in made._desk.rows if row["place"] in ("face", "drawer")}
        assert faces == set(given["show"])
    made.close()


def test_what_is_given_goes_on_top():
    panel = ScalePanel.preset("trained", measurement=11.0, lock=["guess"])
    assert panel.session.controls["measurement"] == 11.0
    assert {row["name"]: row["locked"] for row in panel._desk.rows}["guess"]
    panel.close()


def test_any_panel_opens_for_a_lecture():
    panel = RacePanel.preset("lecture")
    assert "ppl-large" in panel._dom_classes
    panel.close()


def test_large_type_is_a_class_on_the_panel():
    panel = ProposalPanel.preset("lecture")
    assert "ppl-large" in panel._dom_classes
    assert panel._desk.line == "ProposalPanel().enlarge()"
    panel.close()
    other = ScalePanel(large=True, predict=True)
    assert "ppl-large" in other._dom_classes
    assert other._desk.line == "ScalePanel(predict=True).enlarge()"
    other.close()
    assert COMMON["lecture"] == {"large": True}


def test_a_lesson_that_is_not_there_error():
    with pytest.raises(ControlError, match=r"no preset 'traned'\. Did you mean 'trained'\?"):
        ScalePanel.preset("traned")
