"""The panel without a browser: it wires, answers, survives, and leaves nothing behind."""

import asyncio
import base64
import gc
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import comm
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import PPLError
from ppl_core.distributions import constraints
from ppl_widgets import ScalePanel
from ppl_widgets.clock import Clock
from ppl_widgets.panels import base, cells
from ppl_widgets.scenarios import ControlError


@pytest.fixture
def panel():
    made = ScalePanel()
    yield made
    made.close()


def comms() -> int:
    return len(comm.get_comm_manager().comms)


class Page:
    """What a page with one view of a panel would do: look, answer frames, move and press."""

    def __init__(self, panel: ScalePanel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.panel, self.frames, self.answers, self.number = panel, [], [], 0
        self.loop = asyncio.get_running_loop()
        monkeypatch.setattr(panel._plot, "send", self._frame)
        panel._desk.observe(lambda change: self.answers.append(change["new"]), "answered")
        self._plot_says({"hello": "view", "word": 1, "have": panel._plot.frames})

    def _frame(self, content, buffers=None) -> None:
        if content["op"] == "frame":
            self.frames.append(time.perf_counter())
            self.loop.call_later(0.004, self._plot_says, {"ack": content["seq"], "id": "view"})

    def _plot_says(self, content) -> None:
        self.panel._plot._handle_custom_msg(content, [])

    def leave(self) -> None:
        self._plot_says({"gone": "view"})

    def say(self, changes=None, presses=()) -> None:
        self.number += 1
        self.panel._desk._handle_custom_msg(
            {"page": "p", "n": self.number, "changes": changes or {}, "presses": list(presses)}, []
        )


def at_rest(panel) -> bool:
    """Nothing is left to train, and the page has been sent the newest state."""
    return not panel._clock.ticking and panel._drawn == panel.session.version


async def until(true, limit: float = 10.0) -> None:
    end = time.perf_counter() + limit
    while not true():
        assert time.perf_counter() < end, "it did not come about"
        await asyncio.sleep(0.005)


@pytest.fixture
def live(monkeypatch):
    """Run `scene(panel, page)` on a loop, with a panel that has a page, and look round after it."""

    def run(scene, **settings):
        async def whole():
            panel = ScalePanel(**settings)
            page = Page(panel, monkeypatch)
            try:
                await scene(panel, page)
            finally:
                panel.close()
            await asyncio.sleep(0.02)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert not Clock._clocks

        asyncio.run(whole())

    return run


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
        assert 1 <= steps <= rate * (seconds + 4 * base.SLICE) + 1

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
    monkeypatch.setattr(base, "KNOCK", 0.05)
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


def guide(guess):
    a = ppl.param("a", torch.tensor(float(guess)))
    b = ppl.param("b", torch.tensor(1.0), constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


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


# ---- life


def in_cell(monkeypatch, cell: str | None, run: str) -> None:
    metadata = {"cellId": cell} if cell else {}
    parent = {"metadata": metadata, "header": {"msg_id": run}}
    kernel = SimpleNamespace(get_parent=lambda: parent)
    shell = SimpleNamespace(kernel=kernel, user_ns={}, user_ns_hidden={})
    monkeypatch.setattr(cells, "get_ipython", lambda: shell)


def test_a_cell_that_runs_again_closes_the_panels_it_made(monkeypatch):
    in_cell(monkeypatch, "one", "run 1")
    first, second = ScalePanel(), ScalePanel()
    in_cell(monkeypatch, "two", "run 2")
    other = ScalePanel()
    assert not any(panel._closed for panel in (first, second, other))
    in_cell(monkeypatch, "one", "run 3")
    third = ScalePanel()
    assert first._closed
    assert second._closed
    assert not other._closed
    for panel in (third, other):
        panel.close()
    assert not cells._made


def test_without_cell_ids_nothing_is_closed(monkeypatch):
    in_cell(monkeypatch, None, "run 1")
    first = ScalePanel()
    in_cell(monkeypatch, None, "run 2")
    second = ScalePanel()
    assert not first._closed
    first.close()
    second.close()
    assert not cells._made


def test_close_frees_everything_and_may_be_called_twice():
    before = comms()
    panel = ScalePanel()
    assert comms() == before + 8
    panel.close()
    panel.close()
    assert comms() == before


def test_a_late_message_to_a_closed_panel_is_nothing(live):
    async def scene(panel, page):
        page.say(presses=["play"])
        panel.close()
        page.say({"measurement": 12.0})
        page._plot_says({"here": "view", "word": 2})
        await asyncio.sleep(0.05)
        assert panel.session.controls["measurement"] == 9.5

    live(scene)


def resident() -> float:
    """This process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_hundred_panels_come_and_go(record_property):
    """A thousand are counted by benchmarks/live.py; a leak of 50 kB a panel would show here too."""

    async def whole():
        threads, before = threading.active_count(), comms()

        async def cycle(number):
            for _ in range(number):
                panel = ScalePanel()
                panel._desk.press("play")
                await asyncio.sleep(0)
                panel.close()
            await asyncio.sleep(0.02)
            gc.collect()

        await cycle(20)
        start = resident()
        await cycle(100)
        grown = resident() - start
        record_property("MB grown in 100 panels", grown)
        assert comms() == before
        assert threading.active_count() == threads
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert grown < 5.0

    asyncio.run(whole())
    assert not Clock._clocks
    assert not cells._made


def test_importing_the_package_loads_neither_torch_nor_widgets():
    code = (
        "import sys, ppl_widgets; print([m for m in ('torch', 'ipywidgets') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout.replace("'", '"')) == []


def test_a_panel_needs_no_figure_widget():
    code = (
        "import sys; from ppl_widgets import ScalePanel; ScalePanel();"
        "print([m for m in ('plotly.graph_objects', 'nbformat', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_name_that_is_not_there():
    with pytest.raises(ImportError, match="ScalePanle"):
        from ppl_widgets import ScalePanle  # noqa: F401


def test_a_closed_panel_leaves_what_ipython_keeps_of_its_cell(monkeypatch):
    panel, other = ScalePanel(), object()
    shell = SimpleNamespace(
        user_ns={"_oh": {3: panel, 4: other}, "_3": panel, "_4": other, "panel": panel},
        user_ns_hidden={"_3": panel, "_4": other},
    )
    monkeypatch.setattr("ppl_widgets.panels.cells.get_ipython", lambda: shell)
    panel.close()
    assert shell.user_ns == {"_oh": {4: other}, "_4": other, "panel": panel}
    assert shell.user_ns_hidden == {"_4": other}
