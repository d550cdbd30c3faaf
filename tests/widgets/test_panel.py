"""The panel without a browser or a loop: its arguments, what it says, what it leaves alone."""

import base64

import pytest
import torch

import ppl_core as ppl
from pages import comms
from ppl_widgets import ScalePanel
from ppl_widgets.scenarios import ControlError

# ---- arguments


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"measurement": "abc"}, "measurement: 'abc' is not a number. Give one from 0 to 20."),
        ({"noise_sd": 0}, "noise sd: 0 is out of range."),
        ({"prior_sd": -1.0}, "prior sd: -1.0 is out of range."),
        (
            {"optimiser": "Adm"},
            "optimiser: 'Adm' is not on offer. Choose SGD, Adam or ClippedAdam.",
        ),
        ({"mesurement": 9.0}, "There is no control 'mesurement'. Did you mean 'measurement'?"),
        ({"sed": 3}, "There is no control 'sed'. Did you mean 'seed'?"),
        ({"show": ["gess"]}, "There is no control 'gess'. Did you mean 'guess'?"),
        ({"lock": "noise"}, "There is no control 'noise'."),
        ({"seed": -1}, "seed: -1 is out of range."),
    ],
)
def test_a_bad_argument_is_one_sentence_and_leaves_nothing(settings, sentence):
    before = comms()
    with pytest.raises(ControlError) as caught:
        ScalePanel(**settings)
    assert str(caught.value).startswith(sentence)
    assert comms() == before


def test_show_and_lock_choose_what_a_hand_may_move():
    panel = ScalePanel(show=["measurement", "lr"], lock=["lr"])
    rows = {row["name"]: row["locked"] for row in panel._desk.rows}
    assert rows == {"measurement": False, "lr": True, "speed": False}
    panel.close()


# ---- without a loop


def test_run_trains_at_once_and_returns_the_panel():
    panel = ScalePanel(lr=0.01, num_steps=400)
    assert panel.run() is panel
    assert panel.session.status == "done"
    assert panel.session.kl < 0.05
    assert panel.run(100).session.step == 500
    assert panel._desk.status == "seed 101 · step 500/500"
    panel.close()


def test_play_without_a_loop_says_what_to_do_instead(panel):
    with pytest.raises(RuntimeError, match=r"no event loop runs.*run\(2,?500\)"):
        panel.play()


def test_messages_without_a_loop_are_done_at_once(panel):
    panel._desk.change("measurement", 10.0)
    panel._desk.press("step")
    assert panel.session.controls["measurement"] == 10.0
    assert panel._desk.values["measurement"] == 10.0


def test_text_and_picture_for_where_no_browser_is(panel):
    panel.run(100)
    bundle = panel._repr_mimebundle_()
    assert bundle["text/plain"] == repr(panel)
    assert bundle["text/plain"].startswith(
        "The unreliable scale, seed 101 · step 100/2,500. Paused"
    )
    assert "Exact N(9.14, 0.60), closed form." in bundle["text/plain"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_students_random_numbers_and_threads_stay_theirs(panel):
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    panel.run(20)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert list(ppl.get_param_store()) == []


def test_torch_has_one_thread_in_a_slice_only(panel, monkeypatch):
    seen = []
    advance = panel.session.advance

    def spy(*args):
        seen.append(torch.get_num_threads())
        return advance(*args)

    monkeypatch.setattr(panel.session, "advance", spy)
    before = torch.get_num_threads()
    panel.train(0.001)
    assert seen == [1]
    assert torch.get_num_threads() == before


def test_the_same_words_rebuild_the_panel(panel):
    panel.set(measurement=10.5, optimiser="Adam")
    twin = eval(panel._desk.line, {"ScalePanel": ScalePanel})
    assert dict(twin.session.controls) == dict(panel.session.controls)
    twin.close()
