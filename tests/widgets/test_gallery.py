"""The gallery: a card for every panel, opened and closed in place, nothing left behind."""

import ipywidgets
import pytest

import ppl_widgets
from ppl_widgets.messages.english import MESSAGES as ENGLISH
from ppl_widgets.panels.gallery import ENTRIES, Gallery, picture_of
from ppl_widgets.panels.presets import COMMON, PRESETS


@pytest.fixture
def gallery():
    made = Gallery()
    yield made
    made.close()


def cards(gallery):
    [place] = gallery._place.children
    return place.children


def test_every_panel_has_a_card_and_a_picture():
    panels = {
        name
        for name in ppl_widgets.__all__
        if name.endswith("Panel") and name not in ("LivePanel", "ExplorePanel")
    }
    assert panels == set(ENTRIES)
    for name in ENTRIES:
        picture = picture_of(name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 20_000


def test_every_lesson_has_a_name_on_the_screen():
    for lesson in {name for lessons in (*PRESETS.values(), COMMON) for name in lessons}:
        assert f"gallery.lesson.{lesson}" in ENGLISH, "name it in messages/english/gallery.py"


def test_a_press_opens_a_panel_and_another_brings_the_cards_back(gallery):
    button = cards(gallery)[2].children[-1]
    assert button.description == "Open The condition bench"
    button.click()
    [panel] = gallery._place.children
    assert type(panel).__name__ == "ConditionPanel"
    back = gallery._bar.children[0]
    back.click()
    assert panel._closed
    assert len(cards(gallery)) == len(ENTRIES)


def test_a_lesson_opens_the_panel_in_its_way(gallery):
    gallery.present("ProposalPanel")
    choice = gallery._bar.children[1]
    assert set(choice.options.values()) == {"", "lecture", *PRESETS["ProposalPanel"]}
    choice.value = "liar"
    [panel] = gallery._place.children
    assert panel.session.controls["b"] == 0.4
    gallery._bar.children[1].value = "lecture"
    assert "ppl-large" in gallery._place.children[0]._dom_classes


def test_nothing_is_left_behind():
    before = set(ipywidgets.widgets.widget._instances)
    gallery = Gallery()
    for name in ("ScalePanel", "LookPanel", "ContractPanel"):
        gallery.present(name)
    gallery.show()
    gallery.close()
    assert set(ipywidgets.widgets.widget._instances) <= before
