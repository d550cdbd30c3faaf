import base64
import gc
import gzip
import json
import threading
import weakref

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances as widgets_alive

from ppl_widgets import theme
from ppl_widgets.plot import LivePlot
from ppl_widgets.plotlyjs import plotly_script, plotly_version


def figure(name, *uids, **layout):
    traces = [theme.trace("learned", uid, [0, 1, 2], [0, 0, 0], uid) for uid in uids]
    return {"data": traces, "layout": theme.layout(name, x_range=(0, 2), y_range=(0, 1), **layout)}


class Browser:
    """Stands for the page: what it has been sent, and what it says."""

    def __init__(self, plot):
        self.plot = plot
        self.messages = []
        plot.send = lambda content, buffers=None: self.messages.append((content, buffers or []))

    def says(self, **content):
        message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
        self.plot._handle_msg(message)

    def opens(self, view="view", have=0):
        self.says(hello=view, word=1, have=have)

    def paints(self, view="view"):
        self.says(ack=self.plot.frames, id=view)

    def take(self):
        messages, self.messages = self.messages, []
        return messages


def numbers(message):
    content, (buffer, *_) = message
    every, at, curves = np.frombuffer(buffer, np.float32), 0, {}
    for uid, *lengths, words in content["series"]:
        pair = []
        for length in lengths:
            pair.append(every[at : at + length].tolist() if length >= 0 else None)
            at += max(length, 0)
        curves[uid] = (*pair, words) if words is not None else tuple(pair)
    assert at == len(every)
    return curves


@pytest.fixture
def plot():
    made = LivePlot(
        {"main": figure("main", "u", "v"), "side": figure("side", "w")}, "Title", "demo"
    )
    yield made
    made.close()


@pytest.fixture
def browser(plot):
    page = Browser(plot)
    page.opens()
    page.take()
    plot.draw({})
    page.paints()
    page.take()
    return page


def test_nothing_is_sent_while_nobody_looks(plot):
    page = Browser(plot)
    assert plot.draw({"u": ([0, 1], [1, 2])}) is False
    assert not page.messages
    assert not plot.seen
    assert not plot.ready


def test_what_was_kept_leaves_when_somebody_comes(plot):
    page = Browser(plot)
    plot.draw({"u": ([0, 1], [1, 2])}, {"status": "step 1"})
    page.opens()
    ((content, _),) = page.messages
    assert content["op"] == "frame"
    assert content["texts"] == {"status": "step 1"}
    assert numbers(page.messages[0])["u"] == ([0, 1], [1, 2])


def test_only_what_changed_travels(plot, browser):
    x = np.array([0, 1, 2], np.float32)
    assert plot.draw({"u": (x, [0, 0, 0]), "v": (x, [0, 0, 0])}) is False  # as it was
    assert plot.draw({"u": (x, [1, 2, 3]), "v": (x, [0, 0, 0])}, {"main": "KL 0.1"}) is True
    (message,) = browser.take()
    assert numbers(message) == {"u": (None, [1, 2, 3])}
    assert message[0]["texts"] == {"main": "KL 0.1"}
    assert "figures" not in message[0]
    assert len(message[1]) == 1
    assert len(message[1][0]) == 12


def test_at_most_two_frames_are_on_their_way_and_the_last_state_arrives(plot, browser):
    sent = [plot.draw({"u": ([0], [float(k)])}) for k in range(10)]
    assert sent == [True, True] + [False] * 8
    browser.take()
    browser.paints()
    (message,) = browser.take()
    assert numbers(message) == {"u": (None, [9])}
    browser.paints()
    assert not browser.take()


def test_frames_are_numbered_without_gaps(plot, browser):
    for k in range(20):
        plot.draw({"u": ([0], [float(k)])})
        if k % 3 == 0:
            browser.paints()
    browser.paints()
    seqs = [content["seq"] for content, _ in browser.messages]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_a_new_view_with_an_old_state_gets_the_whole_of_the_newest(plot, browser):
    plot.draw({"u": ([5], [6])}, {"status": "now"})
    browser.take()
    browser.opens("second", have=0)
    content, _ = message = browser.take()[0]
    assert content["op"] == "state"
    assert content["seq"] == plot.frames
    assert numbers(message)["u"] == ([5], [6])
    assert content["texts"] == {"status": "now"}
    assert set(content["figures"]) == {"main", "side"}
    assert json.dumps(content, allow_nan=False)


def test_a_view_that_has_everything_gets_nothing(plot, browser):
    browser.opens("second", have=plot.frames)
    assert not browser.take()


def test_the_model_carries_the_newest_state_for_a_page_that_reloads(plot):
    plot.draw({"u": ([7, 8], [9, 10])}, {"status": "step 7"})
    start = plot.get_state()["_start"]
    message = start, [start["numbers"]]
    assert numbers(message)["u"] == ([7, 8], [9, 10])
    assert start["texts"] == {"status": "step 7"}


def test_a_gap_can_be_healed_by_asking(plot, browser):
    browser.says(want="state")
    assert browser.take()[0][0]["op"] == "state"


def test_a_hidden_page_is_left_alone_and_served_when_it_comes_back(plot, browser):
    browser.says(away="view", word=2)
    assert not plot.seen
    assert plot.draw({"u": ([0], [1])}) is False
    assert not browser.take()
    browser.says(here="view", word=3)
    assert plot.seen
    assert numbers(browser.take()[0])["u"] == ([0], [1])


def test_a_knock_is_answered(plot):
    page = Browser(plot)
    plot.knock()
    assert page.take() == [({"op": "knock"}, [])]
    assert not plot.seen
    page.says(here="view", word=2)
    assert plot.seen
    assert plot.unseen_for == 0.0


def test_ready_calls_back_without_the_lock_on_the_messages_thread(plot):
    page, called = Browser(plot), []

    def callback():
        free = threading.Thread(target=lambda: called.append(plot.ready))
        free.start()
        free.join(5)

    plot.on_ready(callback)
    page.opens()
    page.paints()
    assert called == [True, True]
    plot.on_ready(callback, remove=True)
    page.paints()
    assert len(called) == 2


def test_marks_carry_words(plot, browser):
    marked = figure("side", "w")
    marked["data"].append(theme.trace("mark", "w.marks", [], []))
    plot.draw({}, figures={"side": marked})
    browser.take()
    browser.paints()
    plot.draw({"w.marks": ([100, 200], ["lr 0.01", "guess 7"])})
    assert numbers(browser.take()[0]) == {"w.marks": ([100, 200], [], ("lr 0.01", "guess 7"))}


def test_a_new_figure_brings_its_traces_and_drops_the_old(plot, browser):
    plot.draw({"x": ([1], [2])}, figures={"side": figure("side", "x")})
    content, _ = message = browser.take()[0]
    assert set(content["figures"]) == {"side"}
    assert numbers(message)["x"] == ([1], [2])
    with pytest.raises(ValueError, match="no live trace 'w'"):
        plot.draw({"w": ([1], [2])})


def test_still_traces_stay_with_the_stage():
    still = theme.trace("exact", "s", np.array([0, np.nan], np.float32), [1, 2], live=False)
    plot = LivePlot(
        {"p": {"data": [still], "layout": theme.layout("p", x_range=(0, 1), y_range=(0, 1))}}
    )
    try:
        (trace,) = plot.get_state()["_start"]["figures"]["p"]["data"]
        assert trace["x"] == [0, None]
        with pytest.raises(ValueError, match="no live trace 's'"):
            plot.draw({"s": ([0], [0])})
    finally:
        plot.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"nobody": ([0], [0])},), "no live trace 'nobody'; there are u, v, w"),
        (({"u": ([0, 1], [0])},), r"'u'.*shape \(2,\).*\(1,\)"),
        (({"u": ([[0]], [[0]])},), "'u'"),
        (({}, {"caption": "x"}), "no place for the text 'caption'"),
        (({}, {"label:nobody": "x"}), "no place for the text 'label:nobody'"),
        (({}, {}, {"third": {}}), "no plot 'third'; there are main, side"),
    ],
)
def test_a_bad_frame_is_an_error_and_changes_nothing(plot, browser, arguments, message):
    before = plot._whole()
    with pytest.raises(ValueError, match=message):
        plot.draw(*arguments)
    assert plot._whole() == before
    assert not browser.take()


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({}, "at least one figure"),
        ({"p": figure("p", "")}, "needs a uid"),
        ({"p": figure("p", "u", "u")}, "uid 'u' is taken"),
        ({"p": figure("p", "u"), "q": figure("q", "u")}, "uid 'u' is taken"),
    ],
)
def test_a_bad_figure_is_an_error(figures, message):
    with pytest.raises(ValueError, match=message):
        LivePlot(figures)


def test_threads_may_draw_at_once(plot, browser):
    def feed(uid):
        for k in range(200):
            plot.draw({uid: ([0], [float(k)])})
            browser.paints()

    threads = [threading.Thread(target=feed, args=(uid,)) for uid in "uvw"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    browser.paints()
    seqs = [content["seq"] for content, _ in browser.messages]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    last = {uid: pair[1] for message in browser.messages for uid, pair in numbers(message).items()}
    assert last == {"u": [199], "v": [199], "w": [199]}


def test_plotly_travels_compressed_and_only_when_asked(plot, browser):
    browser.says(want="plotly", page="p1")
    ((content, (script,)),) = browser.take()
    assert content == {"op": "plotly", "page": "p1"}
    assert len(script) < 2_000_000
    source = gzip.decompress(script)
    assert f"plotly.js v{plotly_version()}".encode() in source[:200]
    assert b"window.pplPlotlyScript=(()=>" in source[:1000], "plotly.js has another header now"
    assert plotly_script() is script
    assert len(json.dumps({k: v for k, v in plot.get_state().items() if k != "_start"})) < 60_000


def test_closing_frees_everything(plot):
    page = Browser(plot)
    page.opens()
    before = len(widgets_alive)
    plot.close()
    assert len(widgets_alive) == before - 2  # itself and its layout
    page.take()
    assert plot.draw({"u": ([0], [0])}) is False
    plot.knock()
    plot.close()
    page.says(hello="late", word=1, have=0)
    page.says(want="plotly", page="late")
    assert not page.messages
    assert not plot.seen


def test_a_closed_plot_is_collected():
    def gone():
        made = LivePlot({"p": figure("p", "u")})
        made.on_ready(lambda: made.draw({}))
        made.close()
        return weakref.ref(made)

    gone()
    before = len(widgets_alive)
    dead = [gone() for _ in range(20)]
    gc.collect()
    assert [ref() for ref in dead] == [None] * 20
    assert len(widgets_alive) == before


def test_without_a_browser_there_are_words_and_a_picture(plot):
    plot.draw({}, {"status": "step 3", "main": "KL 0.1 nats", "summary": "Learned N(9, 1)."})
    data, _ = plot._repr_mimebundle_()
    assert data["text/plain"] == "Title · step 3\nmain: KL 0.1 nats\nLearned N(9, 1)."
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == plot.model_id
