"""The desk without a browser: what it tells a page, what it hears, what it leaves behind."""

import threading

import comm
import pytest

from ppl_widgets.controls import Button, Desk
from ppl_widgets.scenarios.control import Control, ControlError

GUESS = Control("guess", "guess", 8.5, 0.0, 20.0, 0.1, help="what you believe")
RATE = Control("lr", "learning rate", 0.001, 1e-5, 1.0, 0.1, kind="log", drawer=True)
RULE = Control("optimiser", "optimiser", "SGD", kind="choice", options=("SGD", "Adam"), drawer=True)
SPEED = Control("speed", "speed", "normal", kind="choice", options=("slow", "normal"))


@pytest.fixture
def desk():
    made = Desk(
        [GUESS, RATE, RULE],
        {"guess": 8.5, "lr": 0.001, "optimiser": "SGD", "speed": "normal"},
        run=[SPEED],
        locked=["lr"],
        title="Scale",
        drawer="more",
    )
    yield made
    made.close()


def hear(desk, **content):
    """A message of a page, as the comm would deliver it."""
    desk._handle_custom_msg({"page": "p1", "n": 1, "changes": {}, "presses": []} | content, [])


def test_rows_say_where_they_stand(desk):
    places = {row["name"]: row["place"] for row in desk.rows}
    assert places == {"guess": "face", "lr": "drawer", "optimiser": "drawer", "speed": "run"}
    assert [row["name"] for row in desk.rows if row["locked"]] == ["lr"]


def test_the_newest_value_wins_and_presses_keep_their_order(desk):
    for number, value in enumerate([8.6, 8.7, "abc"], start=1):
        hear(desk, n=number, changes={"guess": value}, presses=["step"])
    hear(desk, n=4, presses=["play"])
    news = desk.take()
    assert news.changes == {"guess": "abc"}
    assert news.presses == ["step", "step", "step", "play"]
    assert desk.take().changes == {}


def test_every_page_is_answered_once_with_its_newest_message(desk):
    hear(desk, page="a", n=3, changes={"guess": 9.0})
    hear(desk, page="b", n=1, presses=["play"])
    news = desk.take()
    hear(desk, page="a", n=4, changes={"guess": 9.1})  # came too late for these news
    desk.answer(news, refused=["guess"])
    assert desk.answered == {
        "a": {"n": 3, "refused": ["guess"]},
        "b": {"n": 1, "refused": ["guess"]},
    }
    desk.answer(desk.take())
    assert desk.answered == {"a": {"n": 4, "refused": []}}


def test_it_rings_on_the_thread_of_the_message(desk):
    rings = []
    desk.on_news(lambda names: rings.append((threading.current_thread().name, list(names))))
    thread = threading.Thread(target=hear, args=(desk,), kwargs={"changes": {"guess": 9.0}})
    thread.name = "subshell"
    thread.start()
    thread.join()
    hear(desk, presses=["play"])
    assert rings == [("subshell", ["guess"]), ("MainThread", [])]


def test_python_can_do_what_a_hand_does(desk):
    desk.press("play")
    desk.change("guess", 9.0)
    news = desk.take()
    assert (news.changes, news.presses) == ({"guess": 9.0}, ["play"])
    desk.answer(news)
    assert desk.answered == {}  # no page asked


def test_a_message_that_is_no_mapping_is_ignored(desk):
    desk._handle_custom_msg("hello", [])
    assert desk.take().changes == {}


def test_buttons_travel_only_when_they_look_different(desk, monkeypatch):
    updates = []
    monkeypatch.setattr(desk, "send_state", lambda key=None: updates.append(key))
    play = Button("play", "Play", "play", "train")
    desk.show_buttons([play])
    desk.show_buttons([play])
    desk.show_buttons([Button("play", "Pause", "pause", "stop")])
    assert updates == ["buttons", "buttons"]


def test_it_opens_two_comms_and_frees_them():
    before = len(comm.get_comm_manager().comms)
    desk = Desk([GUESS, RATE, RULE], {})
    assert len(comm.get_comm_manager().comms) == before + 2
    desk.close()
    desk.close()
    assert len(comm.get_comm_manager().comms) == before


def test_yes_or_no_takes_nothing_else():
    told = Control("centred", "centred", True, kind="bool")
    assert told.check(False) is False
    assert (told.text(True), told.text(False)) == ("on", "off")
    with pytest.raises(ControlError, match="centred: 1 is neither True nor False"):
        told.check(1)
