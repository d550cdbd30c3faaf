"""The desk of a panel: sliders with number boxes, buttons, drawers, and the lines that speak.

One widget holds them all, made of native elements: keyboard, focus ring and accessible names come
from the browser, and a panel opens one comm here instead of ten a slider. The kernel is the truth
and tells the page by traits; what a hand does comes back as one message at a time, in which only
the newest value of a control is kept. Messages arrive on any thread, so the desk stores them and
rings; the owner takes them when it is ready.

    page --{changes, presses}--> inbox --ring--> owner: take() ... answer() --> page says the next
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import anywidget
import traitlets

from .scenarios.control import Control
from .text import say

_STATIC = resources.files("ppl_widgets") / "static"
WORDS = (
    "number",
    "run",
    "code",
    "codeLabel",
    "state",
    "stateLabel",
    "copied",
    "selected",
    "printed",
    "save",
    "saveHelp",
)


@dataclass(frozen=True, slots=True)
class Button:
    """One button: `name` is what a press says, `icon` one of those drawn in controls.js."""

    name: str
    label: str
    icon: str
    help: str = ""
    disabled: bool = False


@dataclass(slots=True)
class News:
    """What the page has said since it was last asked: newest values, presses in order."""

    changes: dict[str, Any] = field(default_factory=dict)
    presses: list[str] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    """The page's messages these came in: page -> number of the newest."""


class Desk(anywidget.AnyWidget):
    """The controls of one panel.

    Args:
        controls: what the reader may change; those with `drawer=True` wait in the first drawer.
        values: where they stand, by name.
        run: controls that belong to the buttons and stand under them.
        ask: what a reader is asked, which stands above everything, with a button "reveal".
        locked: names shown but not to be changed.
        title: the panel's name.
        drawer: the first drawer's name.
    """

    _esm = _STATIC / "controls.js"
    _css = _STATIC / "controls.css"

    rows = traitlets.List().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    buttons = traitlets.List().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    summary = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    line = traitlets.Unicode().tag(sync=True)
    prints = traitlets.Unicode().tag(sync=True)
    saved = traitlets.Unicode().tag(sync=True)
    answered = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        controls: Sequence[Control],
        values: Mapping[str, Any],
        *,
        run: Sequence[Control] = (),
        ask: Sequence[Control] = (),
        locked: Iterable[str] = (),
        title: str = "",
        drawer: str = "",
    ) -> None:
        self._inbox = News()
        self._lock = threading.Lock()
        self._ring: Callable[[Sequence[str]], None] | None = None
        locked = set(locked)
        super().__init__(
            rows=[
                *(row_of(c, "drawer" if c.drawer else "face", c.name in locked) for c in controls),
                *(row_of(c, "run", c.name in locked) for c in run),
                *(row_of(c, "ask", c.name in locked) for c in ask),
            ],
            words={word: say(f"desk.{word}") for word in WORDS} | {"drawer": drawer},
            values=dict(values),
            title=title,
        )
        self.on_msg(Desk._receive)

    def on_news(self, ring: Callable[[Sequence[str]], None]) -> None:
        """Call `ring(changed names)`, on any thread, whenever the page has said something."""
        self._ring = ring

    def take(self) -> News:
        """What the page has said since the last call."""
        with self._lock:
            news, self._inbox = self._inbox, News()
        return news

    def answer(self, news: News, refused: Iterable[str] = ()) -> None:
        """Tell the pages that these are done: they put refused values back and send the next."""
        if news.asked:
            done = list(refused)
            self.answered = {page: {"n": n, "refused": done} for page, n in news.asked.items()}

    def press(self, name: str) -> None:
        """Do as a click on a button does."""
        self._note({"presses": [name]})

    def change(self, name: str, value: Any) -> None:
        """Do as a slider does."""
        self._note({"changes": {name: value}})

    def show_buttons(self, buttons: Iterable[Button]) -> None:
        """Label, light or dim the buttons; those that look the same are not sent again."""
        self.buttons = [
            {
                "name": b.name,
                "label": b.label,
                "icon": b.icon,
                "help": b.help,
                "disabled": b.disabled,
            }
            for b in buttons
        ]

    def _receive(self, content: Any, buffers: Any) -> None:
        if isinstance(content, dict):
            self._note(content)

    def _note(self, content: Mapping[str, Any]) -> None:
        changes, presses = content.get("changes", {}), content.get("presses", [])
        with self._lock:
            if "page" in content:
                self._inbox.asked[content["page"]] = content["n"]
            self._inbox.changes.update(changes)
            self._inbox.presses.extend(presses)
        if self._ring is not None:
            self._ring(list(changes))

    def close(self) -> None:
        """Free both comms, the desk's own and its layout's."""
        layout, self._ring = self.layout, None
        super().close()
        layout.close()


def row_of(control: Control, place: str, locked: bool) -> dict[str, Any]:
    """A control as the page needs it; its place is "face", "run", "ask" or "drawer"."""
    return {
        "name": control.name,
        "label": control.label,
        "kind": control.kind,
        "min": control.min,
        "max": control.max,
        "step": control.step,
        "options": list(control.options),
        "labels": list(control.labels or control.options),
        "help": control.help,
        "place": place,
        "locked": locked,
    }
