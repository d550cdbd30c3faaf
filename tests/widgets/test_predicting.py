"""Predict, then reveal: nothing tells the answer before the reply; afterwards both stay."""

import math
import re
from functools import partial

import numpy as np
import pytest

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from pages import until
from ppl_widgets import (
    ConditionPanel,
    ContractPanel,
    ElboPanel,
    EncoderPanel,
    ForwardPanel,
    LookPanel,
    ManyPanel,
    NoFormulaPanel,
    ProposalPanel,
    RacePanel,
    SamplerPanel,
    ScalePanel,
    StorePanel,
    UsePanel,
)
from ppl_widgets.predicting import GAP, MARK
from ppl_widgets.scenarios import ControlError
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
    "sampling": SamplerPanel,
    "breaking": partial(ContractPanel, way="unconditioned"),
    "storing": StorePanel,
    "balancing": ElboPanel,
    "racing": RacePanel,
    "bending": NoFormulaPanel,
    "amortizing": EncoderPanel,
    "many": ManyPanel,
    "using": partial(UsePanel, asked="weight"),
}


CONTEXT = (
    "use.",
    "posterior.",
    "weight.",
    "rails.",
    "loss_",
    "course.",
    "paths.",
    "belief.",
    "dots.",
    "x.",
    "y.",
)
"""Plots whose exact line is no answer to what is asked."""


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
    rows = str(panel._table.table) if hasattr(panel, "_table") else ""
    return " ".join(
        [*panel._view.texts(panel.session).values(), desk.summary, desk.message, repr(panel), rows]
    )


def test_before_the_reply_nothing_tells_the_answer_and_the_reply_is_drawn(asked):
    reply, session = asked.reply, asked.session
    exact = reply.prediction.exact(session)
    number = re.compile(rf"\b{re.escape(f'{exact:.{reply.prediction.digits}f}')}\b")
    assert reply.prediction.question in told(asked)
    assert not number.search(told(asked))
    frame = asked._view.frame(session)
    stage = asked._view.stage(session)
    kept = [uid for uid, (x, _) in frame.items() if len(x)]
    assert (MARK in kept) == bool(reply.prediction.plot)
    assert set(kept) - {MARK}, "something is there to predict from"
    for uid in kept:
        assert not uid.endswith(".exact") or uid.startswith(CONTEXT)
    for figure in stage.values():
        for trace in figure["data"]:
            assert len(trace["x"]) == len(frame[trace["uid"]][0])
    if reply.prediction.plot:
        layout = stage[reply.prediction.plot]["layout"]
        side, other = "xy" if reply.prediction.across == "x" else "yx"
        axis, middle = layout[f"{side}axis"], np.mean(layout[f"{other}axis"]["range"])
        low, high = (10.0**end if axis.get("type") == "log" else end for end in axis["range"])
        places = reply.prediction.places(session, reply.value, middle)
        assert all(low <= place <= high for place in places)
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
    assert asked._desk.line.endswith("predict=True)")
    if not reply.prediction.plot:
        return
    along, over = asked._view.frame(session)[GAP]
    if reply.prediction.across == "y":
        along, over = over, along
    assert over[0] == over[1]
    places = reply.prediction.places
    ends = [places(session, value, over[0])[-1] for value in (reply.value, exact)]
    assert along.tolist() == pytest.approx(ends, rel=1e-5)


def test_what_is_asked_is_true_by_a_second_route():
    """The exact answers are quadratures and ratios of them here, formulas there."""
    x = np.linspace(-10.0, 30.0, 4001)
    weight = np.exp(-0.5 * (x - 8.5) ** 2)
    panels = {name: make(predict=True) for name, make in list(PANELS.items())[:5]}
    exact = {name: it.reply.prediction.exact(it.session) for name, it in panels.items()}
    for panel in panels.values():
        panel.close()
    assert exact["weighing"] == pytest.approx(truth.weigh().mean)
    reading = np.exp(-0.5 * ((x[:, None] - x[None, ::20]) / 0.75) ** 2)  # weight by reading
    joint = weight[:, None] * reading
    mass, at = joint.sum(axis=0), x[::20]
    mean = (mass * at).sum() / mass.sum()
    assert exact["forward"] == pytest.approx(
        math.sqrt((mass * (at - mean) ** 2).sum() / mass.sum()), rel=1e-6
    )
    inside = np.linspace(9.0, 10.0, 201)
    agree = np.exp(-0.5 * ((x[:, None] - inside) / 0.75) ** 2)
    in_window = weight * np.trapezoid(agree, inside)
    assert exact["conditioning"] == pytest.approx((in_window * x).sum() / in_window.sum(), rel=1e-4)
    assert exact["looking"] == pytest.approx((weight * x).sum() / weight.sum())  # glued: the prior
    posterior = weight * np.exp(-0.5 * ((9.5 - x) / 0.75) ** 2)
    ratio = posterior / weight  # the guide is the prior
    first, second = (weight * ratio).sum(), (weight * ratio**2).sum()
    assert exact["proposing"] == pytest.approx(100.0 * first**2 / (second * weight.sum()), rel=1e-6)


def test_what_the_later_panels_ask_is_true_by_a_second_route():
    """Quadratures, runs step by step and data taken one by one here; formulas there."""
    panels = {name: make(predict=True) for name, make in list(PANELS.items())[5:]}
    exact = {name: it.reply.prediction.exact(it.session) for name, it in panels.items()}
    learned = {name: columns[-1] for name, columns in panels["bending"].session.draws.items()}
    for panel in panels.values():
        panel.close()
    x = np.linspace(-6.0, 24.0, 60_001)
    noise = truth.normal_log_density(x, 9.0, 0.75)
    assert exact["breaking"] == pytest.approx(-np.trapezoid(np.exp(noise) * noise, x))
    random, u = np.random.default_rng(1), np.ones(2000)
    for _ in range(2500):
        u -= 0.03 * (u * (random.standard_normal(len(u)) / 0.6) ** 2 - 1.0 / u)
    share = exact["storing"] / 100.0
    assert abs(np.mean(u < 0.0) - share) < 5 * math.sqrt(share * (1.0 - share) / len(u))
    joint = truth.scale_log_joint(x)
    evidence = math.log(np.trapezoid(np.exp(joint), x))
    guide = truth.normal_log_density(x, 8.5, 1.0)
    apart = np.trapezoid(np.exp(guide) * (guide - joint), x) + evidence
    assert exact["balancing"] == pytest.approx(apart, abs=1e-6)
    left, velocity, course = 1.0, 0.0, [1.0]
    while left > 0.5:  # the mean of a, step by step, with the momentum of the tutorial
        velocity = 0.1 * velocity + 0.001 * left / 0.36
        left -= velocity
        course.append(left)
    assert exact["racing"] == pytest.approx(len(course) - 1, rel=0.01)  # a formula for small rates
    bent = truth.normal_log_density(x, 8.5, 1.0)
    bent += truth.normal_log_density(8.5 + (x - 8.5) ** 2, 9.5, 0.25)
    bent -= math.log(np.trapezoid(np.exp(bent), x))
    guide = truth.normal_log_density(x, learned["a"], learned["b"])
    apart = np.trapezoid(np.exp(guide) * (guide - bent), x)
    assert exact["bending"] == pytest.approx(apart, abs=1e-4)
    means = [truth.weigh(measurement=reading).mean for reading in (9.5, 10.5)]
    assert exact["amortizing"] == pytest.approx(means[1] - means[0])
    precision = 1.0  # of the prior; each reading of the batch adds its own
    for _ in range(100):
        precision += 0.75**-2
    assert exact["many"] == pytest.approx(precision**-0.5)
    over = x > 10.0
    tail = np.trapezoid(np.exp(joint[over]), x[over]) / math.exp(evidence)
    assert exact["using"] == pytest.approx(tail, abs=2e-4)


def test_what_has_no_place_is_said_and_not_drawn():
    panel = NoFormulaPanel(predict=True, direction="inclusive")
    panel.reveal(1.0)
    assert panel._desk.question.startswith("You said 1.00 nats. Exact ")
    frame = panel._view.frame(panel.session)
    assert len(frame[MARK][0]) == len(frame[GAP][0]) == 0
    panel.close()


def test_what_has_no_end_is_said_and_not_drawn():
    panel = ContractPanel(predict=True)  # misspelt: the loss falls for ever
    panel.reveal(1.0)
    said = "You said 1.000 nats. It settles nowhere: it goes on without end."
    assert panel._desk.question == said
    assert len(panel._view.frame(panel.session)[GAP][0]) == 0
    panel.close()


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
