"""The panel on a loop, with a page: it answers, keeps its pace, and survives its programs."""

import asyncio
import threading
import time

import pytest

from pages import at_rest, until
from ppl_core import PPLError
from ppl_widgets import ScalePanel
from ppl_widgets.panels import wiring
from programs import learned_guide as guide
from programs import scale

# ---- with a loop and a page


def test_play_pause_and_speed(live):
    async def scene(panel, page):
        session = panel.session
        page.say(presses=["play"])
        await until(lambda: session.step > 5)
        label = panel._desk.buttons[0]["label"]
        assert (session.status, label) == ("running", "Pause")
        page.say(presses=["play"])
        await until(lambda: session.status == "paused")
        await until(lambda: panel._desk.buttons[0]["label"] == "Play")
        page.say({"speed": "full"}, ["play"])
        await until(lambda: session.status == "done", 60.0)
        await until(lambda: at_rest(panel))
        assert panel._desk.status == "seed 101 · step 200/200"

    live(scene, num_steps=200)


@pytest.mark.parametrize(("speed", "rate"), [("slow", 20.0), ("normal", 500.0)])
def test_a_speed_is_kept_from_above(live, speed, rate):
    async def scene(panel, page):
        page.say({"speed": speed}, ["play"])
        await until(lambda: panel.session.step > 0)
        first, begin = panel.session.step, time.perf_counter()
        await asyncio.sleep(0.6)
        steps, seconds = panel.session.step - first, time.perf_counter() - begin
        assert 1 <= steps <= rate * (seconds + 4 * wiring.SLICE) + 1

    live(scene)


def test_speed_does_not_change_what_is_learned(live):
    ends = []

    async def scene(panel, page):
        page.say(presses=["play"])
        await until(lambda: panel.session.status == "done", 30.0)
        ends.append(panel.session.learned)

    live(scene, num_steps=60)
    twin = ScalePanel(num_steps=60).run()
    ends.append(twin.session.learned)
    twin.close()
    assert ends[0] == ends[1]


def test_steps_one_by_one(live):
    async def scene(panel, page):
        page.say(presses=["step"])
        page.say(presses=["step"])
        await until(lambda: panel.session.step == 2)
        page.say(presses=["step100"])
        await until(lambda: panel.session.step == 102)
        assert panel.session.status == "paused"
        page.say(presses=["back"])
        await until(lambda: panel.session.step <= 52)
        page.say(presses=["new"])
        await until(lambda: (panel.session.step, panel.session.seed) == (0, 102))
        page.say(presses=["same"])
        await until(lambda: at_rest(panel))
        assert panel.session.seed == 102

    live(scene)


def test_the_newest_value_wins_and_the_run_goes_on(live):
    async def scene(panel, page):
        page.say(presses=["play"])
        await until(lambda: panel.session.step > 0)
        for tenth in range(96, 121):
            page.say({"measurement": tenth / 10})
        await until(lambda: panel.session.controls["measurement"] == 12.0)
        assert panel.session.status == "running"
        assert panel.session.exact.mean == pytest.approx(0.64 * 12.0 + 0.36 * 8.5)
        await until(lambda: page.answers[-1] == {"p": {"n": page.number, "refused": []}})
        assert len(page.answers) == 2  # moves that came together were done together

    live(scene)


def test_a_move_is_on_its_way_to_the_page_at_once(live):
    """While training at full speed; the plot's own message, not the whole way to the eye."""

    async def scene(panel, page):
        page.say({"speed": "full"}, ["play"])
        await until(lambda: panel.session.step > 0)
        waits = []
        for tenth in range(90, 120, 2):
            await asyncio.sleep(0.11)
            begin = time.perf_counter()
            page.say({"measurement": tenth / 10})
            await until(lambda begin=begin: page.frames and page.frames[-1] > begin)
            waits.append(time.perf_counter() - begin)
        assert sorted(waits)[len(waits) // 2] < 0.060

    live(scene, num_steps=100_000)


def test_bad_text_is_answered_in_the_panel_and_the_value_goes_back(live):
    async def scene(panel, page):
        page.say({"measurement": "abc"})
        await until(lambda: page.answers)
        assert panel._desk.message == "measurement: 'abc' is not a number. Give one from 0 to 20."
        assert page.answers[-1]["p"]["refused"] == ["measurement"]
        assert panel._desk.values["measurement"] == 9.5
        page.say({"measurement": 9.6})
        await until(lambda: panel._desk.message == "")

    live(scene)


def test_callbacks_of_any_thread_are_done_on_the_owners(live):
    threads = set()

    async def scene(panel, page):
        take = panel.session.set

        def spy(name, value):
            threads.add(threading.current_thread())
            return take(name, value)

        panel.session.set = spy
        for tenth in range(5):
            await asyncio.to_thread(page.say, {"measurement": 9.0 + tenth / 10})
        await until(lambda: panel.session.controls["measurement"] == 9.4)

    live(scene)
    assert threads == {threading.main_thread()}


def test_idle_costs_nothing(live):
    async def scene(panel, page):
        await asyncio.sleep(0.02)
        await until(lambda: at_rest(panel))  # the forecast is worked out
        frames, before = len(page.frames), time.process_time()
        await asyncio.sleep(0.5)
        assert time.process_time() - before < 0.05
        assert len(page.frames) == frames

    live(scene)


# ---- nobody looks


def test_a_run_that_nobody_sees_is_not_drawn_and_pauses_in_the_end(live, monkeypatch):
    monkeypatch.setattr(wiring, "KNOCK", 0.05)
    knocks = []

    async def scene(panel, page):
        panel.patience = 0.6
        monkeypatch.setattr(panel._plot, "knock", lambda: knocks.append(1))
        page.say(presses=["play"])
        await until(lambda: panel.session.step > 0)
        page.leave()
        await asyncio.sleep(0.1)
        frames = len(page.frames)
        await until(lambda: panel.session.status == "paused")
        assert len(page.frames) == frames
        assert panel._desk.message == "Paused: nobody looked for 0.6 s. Press Play to go on."
        await until(lambda: not panel._clock.ticking)
        page._plot_says({"hello": "again", "word": 1, "have": panel._plot.frames})
        page.say(presses=["play"])
        await until(lambda: panel._desk.message == "" and panel.session.status == "running")

    live(scene, num_steps=100_000)
    assert knocks


def test_a_page_that_comes_back_sees_the_newest_state(live):
    async def scene(panel, page):
        page.leave()
        panel.run(100)
        assert not panel._plot.ready
        page._plot_says({"hello": "again", "word": 1, "have": panel._plot.frames})
        page.say({"guess": 9.0})
        await until(lambda: at_rest(panel))

    live(scene)


# ---- programs that misbehave


def test_bind_keeps_seed_and_controls(panel):
    panel.set(measurement=10.0, lr=0.01)
    panel.run(10)
    panel.bind(scale, guide)
    assert panel.session.step == 0
    assert panel.session.controls["measurement"] == 10.0
    panel.run(200)  # nine half-lives; the seed is fixed, the noise ball's sd is 0.07
    assert panel.session.learned.mean == pytest.approx(0.64 * 10.0 + 0.36 * 8.5, abs=0.3)


def test_a_model_that_raises_in_a_live_run_is_told_in_the_panel(live):
    calls = []

    def moody(guess):
        calls.append(1)
        if len(calls) > 30:
            raise ZeroDivisionError("the scale broke")
        return scale(guess)

    async def scene(panel, page):
        panel.bind(moody, guide)
        page.say(presses=["play"])
        await until(lambda: panel.session.status == "failed")
        await until(lambda: "the scale broke" in panel._desk.message)
        step = panel.session.step
        page.say({"measurement": 11.0})  # the sliders stay alive
        await until(lambda: panel.session.controls["measurement"] == 11.0)
        await until(lambda: panel._drawn == panel.session.version)
        calls.clear()
        page.say(presses=["play"])
        await until(lambda: panel.session.step > step and panel._desk.message == "")

    live(scene)


def test_a_blow_up_freezes_and_one_can_go_back(live):
    async def scene(panel, page):
        page.say({"speed": "full"}, ["step100"])
        await until(lambda: panel.session.step == 100)
        page.say({"lr": 100.0}, ["play"])
        await until(lambda: panel.session.status == "failed")
        await until(lambda: "go back 50 steps" in panel._desk.message)
        page.say({"lr": 0.001}, ["back"])
        await until(lambda: panel.session.status == "paused")
        page.say(presses=["play"])
        await until(lambda: panel.session.step > 150)
        assert panel.session.kl < 1.0

    live(scene)


def test_what_a_model_prints_is_shown_short(live, capsys):
    def chatty(guess):
        print("guess is", guess)  # noqa: T201
        return scale(guess)

    async def scene(panel, page):
        panel.bind(chatty, guide)
        capsys.readouterr()
        page.say(presses=["step100"])
        await until(lambda: panel.session.step == 100)
        await until(lambda: panel._desk.prints.count("guess is 8.5") > 5)
        assert "earlier lines" in panel._desk.prints
        assert len(panel._desk.prints) < 2000

    live(scene)
    assert capsys.readouterr().out == ""


def test_run_raises_what_stopped_it(panel):
    def broken(guess):
        raise ZeroDivisionError("no scale here")

    panel.bind(broken, guide)
    with pytest.raises(PPLError, match="no scale here"):
        panel.run(10)
    assert "no scale here" in panel._desk.message


@pytest.mark.parametrize(
    ("error", "words"),
    [(KeyboardInterrupt(), "Interrupted."), (ValueError("odd"), "ValueError: odd")],
)
def test_an_interrupt_or_a_fault_pauses_and_says_so(live, monkeypatch, error, words):
    async def scene(panel, page):
        page.say(presses=["play"])
        await until(lambda: panel.session.step > 0)
        real = panel.session.advance

        def fail(*_):
            panel.session.advance = real
            raise error

        panel.session.advance = fail
        await until(lambda: panel.session.status == "paused")
        assert words in panel._desk.message
        page.say(presses=["play"])
        await until(lambda: panel.session.status == "running")

    live(scene)
