"""Predict, then reveal: nothing tells the answer before the reply; afterwards both stay."""

import math
import re

import numpy as np
import pytest

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from pages import until
from ppl_widgets import ConditionPanel, ForwardPanel, LookPanel, ProposalPanel, ScalePanel
from ppl_widgets.predicting import GAP, MARK, Reply, Veil
from ppl_widgets.scenarios import ControlError
from ppl_widgets.scenarios.prediction import PREDICTIONS
from programs import learned_guide as guide


def blunt(guess):
    """A worse scale than the panel's."""
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 1.0))


PANELS = {
    "weighing": ScalePanel,
    "forward": ForwardPanel,
    "conditioning": ConditionPanel,
    "looking": LookPanel,
    "proposing": ProposalPanel,
}


@pytest.fixture(params=PANELS)
def asked(request):
    panel = PANELS[request.param](predict=True)
    yield panel
    panel.close()


@pytest.fixture
def scale():
    panel = ScalePanel(predict=True)
    yield panel
    panel.close()


def told(panel):
    """All that can be read or heard."""
    desk = panel._desk
    return " ".join(
        [*panel._view.texts(panel.session).values(), desk.summary, desk.message, repr(panel)]
    )


def test_before_the_reply_nothing_tells_the_answer(asked):
    reply, session = asked.reply, asked.session
    exact = reply.prediction.exact(session)
    number = re.compile(rf"\b{re.escape(f'{exact:.{reply.prediction.digits}f}')}\b")
    assert reply.prediction.question in told(asked)
    assert not number.search(told(asked))
    frame = asked._view.frame(session)
    stage = asked._view.stage(session)
    kept = [uid for uid, (x, _) in frame.items() if len(x)]
    assert MARK in kept
    assert kept, "something is there to predict from"
    for uid in kept:
        assert not uid.endswith(".exact") or uid.startswith(("use.", "posterior.", "weight."))
    for figure in stage.values():
        for trace in figure["data"]:
            assert len(trace["x"]) == len(frame[trace["uid"]][0])
    asked.reveal()
    assert number.search(told(asked))
    assert set(kept) <= {uid for uid, (x, _) in asked._view.frame(session).items() if len(x)}


def test_after_the_reply_the_own_gap_stays_and_is_said(asked):
    reply, session = asked.reply, asked.session
    exact = reply.prediction.exact(session)
    asked.reveal()
    assert reply.exact == exact
    assert reply.off == pytest.approx(abs(reply.value - exact))
    sentence = reply.sentence()
    assert asked._desk.summary.startswith(sentence)
    assert asked._desk.question == sentence
    along, over = asked._view.frame(session)[GAP]
    if reply.prediction.across == "y":
        along, over = over, along
    ends = [reply.prediction.places(session, value)[-1] for value in (reply.value, exact)]
    assert along.tolist() == pytest.approx(ends, rel=1e-6)
    assert over[0] == over[1]
    assert asked._desk.line.endswith("Panel(predict=True)")


def test_what_is_asked_is_true_by_a_second_route():
    """The exact answers are quadratures and ratios of them here, formulas there."""
    x = np.linspace(-10.0, 30.0, 40_001)
    weight = np.exp(-0.5 * (x - 8.5) ** 2)
    panels = {name: make(predict=True) for name, make in PANELS.items()}
    exact = {name: it.reply.prediction.exact(it.session) for name, it in panels.items()}
    for panel in panels.values():
        panel.close()
    assert exact["weighing"] == pytest.approx(truth.weigh().mean)
    reading = np.exp(-0.5 * ((x[:, None] - x[None, ::200]) / 0.75) ** 2)  # weight by reading
    joint = weight[:, None] * reading
    mass, at = joint.sum(axis=0), x[::200]
    mean = (mass * at).sum() / mass.sum()
    assert exact["forward"] == pytest.approx(
        math.sqrt((mass * (at - mean) ** 2).sum() / mass.sum()), rel=1e-6
    )
    inside = np.linspace(9.0, 10.0, 2001)
    in_window = weight * np.exp(-0.5 * ((x[:, None] - inside) / 0.75) ** 2).sum(axis=1)
    assert exact["conditioning"] == pytest.approx((in_window * x).sum() / in_window.sum(), rel=1e-4)
    assert exact["looking"] == pytest.approx((weight * x).sum() / weight.sum())  # glued: the prior
    posterior = weight * np.exp(-0.5 * ((9.5 - x) / 0.75) ** 2)
    ratio = posterior / weight  # the guide is the prior
    first, second = (weight * ratio).sum(), (weight * ratio**2).sum()
    assert exact["proposing"] == pytest.approx(100.0 * first**2 / (second * weight.sum()), rel=1e-6)


def test_the_two_sentences_and_the_buttons(scale):
    assert [button["label"] for button in scale._desk.buttons][:2] == ["Reveal", "Play"]
    waiting = {button["name"]: button["disabled"] for button in scale._desk.buttons}
    assert waiting == dict.fromkeys(waiting, True) | {"reveal": False}
    scale.reveal(9.4)
    assert scale._desk.question == "You said 9.40 kg. Exact 9.14 kg: 0.26 kg off."
    ready = {button["name"]: button["disabled"] for button in scale._desk.buttons}
    assert ready == dict.fromkeys(ready, False) | {"back": True}
    assert scale._desk.buttons[0]["label"] == "Predict again"


def test_a_reply_stands_until_one_predicts_again(scale):
    scale.reveal(9.4)
    with pytest.raises(ControlError, match="What you said stands"):
        scale.reveal(9.1)
    scale.set(measurement=12.0)
    assert scale.reply.exact == pytest.approx(9.14)  # what was true when it was said
    assert "You said 9.40 kg. Exact 9.14 kg" in scale._desk.summary
    scale._desk.press("reveal")
    assert (scale.reply.hidden, scale.reply.exact) == (True, None)
    scale.reveal(10.0)
    assert scale.reply.exact == pytest.approx(truth.weigh(measurement=12.0).mean)


@pytest.mark.parametrize("bad", ["abc", 21.0, math.nan])
def test_what_is_no_reply_error(scale, bad):
    with pytest.raises(ControlError, match="posterior mean"):
        scale.reveal(bad)
    assert scale.reply.hidden


def test_where_no_truth_is_known_that_is_said(scale):
    scale.bind(blunt, guide)
    scale.reveal(9.0)
    assert scale._desk.question == "You said 9.00 kg. No exact answer is known here."
    assert len(scale._view.frame(scale.session)[GAP][0]) == 0


def test_a_page_says_and_reveals(live):
    async def scene(panel, page):
        page.say({"said": 9.4})
        await until(lambda: panel._desk.values["said"] == 9.4)
        assert panel._plot._curves[MARK].x
        page.say(presses=["reveal"])
        await until(lambda: panel._desk.question.startswith("You said 9.40 kg."))
        page.say({"said": 9.0})
        await until(lambda: page.answers and page.answers[-1]["p"]["refused"] == ["said"])
        assert panel._desk.message == "What you said stands. Press Predict again to change it."
        assert panel._desk.values["said"] == 9.4
        page.say(presses=["play"])
        await until(lambda: panel.session.step > 0)

    live(scene, predict=True)


def test_the_trained_answer_waits_too():
    panel = ScalePanel(predict=True, mode="trained")
    assert not len(panel._view.frame(panel.session)["posterior.learned"][0])
    panel.set(measurement=10.0)
    assert "Learned" not in panel._desk.summary
    panel.reveal()
    assert len(panel._view.frame(panel.session)["posterior.learned"][0])
    assert panel._desk.line == "ScalePanel(measurement=10.0, mode='trained', predict=True)"
    panel.close()


def test_without_it_nothing_is_asked():
    panel = ScalePanel()
    assert panel.reply is None
    assert all(row["place"] != "ask" for row in panel._desk.rows)
    assert panel._desk.question == ""
    panel.reveal()
    panel.close()


def test_a_reply_is_drawn_where_it_is_said():
    sessions = {name: make() for name, make in PANELS.items()}
    for name, panel in sessions.items():
        reply = Reply(PREDICTIONS[name])
        veil = Veil(panel._figures, reply)
        stage = veil.stage(panel.session)
        x, y = veil.frame(panel.session)[MARK]
        layout = stage[reply.prediction.plot]["layout"]
        side, across = ("x", x) if reply.prediction.across == "x" else ("y", y)
        low, high = layout[f"{side}axis"]["range"]
        assert all(low <= place <= high for place in across if not np.isnan(place)), name
        panel.close()
