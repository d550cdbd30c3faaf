"""What a panel takes is what its topic has, and whatever else is refused by name."""

import inspect

import pytest

import ppl_widgets
from ppl_widgets import LookPanel, StorePanel
from ppl_widgets.panels.base import OPTIONS
from ppl_widgets.scenarios import QUESTIONS, SCENARIOS, SEED, ControlError
from ppl_widgets.scenarios.predictions import PREDICTIONS

TOPICS = {topic.panel: topic for topic in (*SCENARIOS.values(), *QUESTIONS.values())}


@pytest.mark.parametrize("panel", TOPICS)
def test_a_signature_names_every_control_with_its_value_at_the_start(panel):
    takes = inspect.signature(getattr(ppl_widgets, panel)).parameters
    controls = (*TOPICS[panel].controls, SEED)
    options = {*OPTIONS} if TOPICS[panel].name in PREDICTIONS else {*OPTIONS} - {"predict"}
    assert takes.keys() == {*(control.name for control in controls), *options, "unknown"}
    for control in controls:
        assert takes[control.name].default == control.value, control.name


@pytest.mark.parametrize("panel", [LookPanel, StorePanel])
def test_an_argument_that_is_none_error(panel):
    with pytest.raises(ControlError, match=r"no control 'sede'\. Did you mean 'seed'\?"):
        panel(sede=7)
