"""A page that a live panel meets in tests without a browser."""

import asyncio
import time

import comm
import pytest

from ppl_widgets import ScalePanel


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
