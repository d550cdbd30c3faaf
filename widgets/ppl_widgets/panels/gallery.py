"""The gallery: every panel as a card, opened in place; for a live demo."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

import ppl_widgets
from ppl_widgets.panels import cells
from ppl_widgets.panels.base import LivePanel
from ppl_widgets.panels.presets import COMMON, PRESETS
from ppl_widgets.text import say

_STATIC = resources.files("ppl_widgets") / "static"
ENTRIES = {
    "ScalePanel": "weighing",
    "ForwardPanel": "forward",
    "ConditionPanel": "conditioning",
    "LookPanel": "looking",
    "ProposalPanel": "proposing",
    "SamplerPanel": "sampling",
    "ContractPanel": "breaking",
    "StorePanel": "storing",
    "ElboPanel": "balancing",
    "RacePanel": "racing",
    "UsePanel": "using",
    "NoFormulaPanel": "bending",
    "ManyPanel": "many",
    "EncoderPanel": "amortizing",
    "VAEPanel": "decoding",
}
"""Panels in the order of the course, and the part of the catalogue that names them."""


def picture_of(name: str) -> Path:
    """The small picture of a panel, as `tutorials/src/pictures.py` draws it."""
    return Path(str(_STATIC / "gallery" / f"{name}.png"))


class FullScreen(anywidget.AnyWidget):
    """A button that fills the screen with the gallery."""

    _esm = _STATIC / "fullscreen.js"
    _css = _STATIC / "gallery.css"

    enter = traitlets.Unicode(say("gallery.full")).tag(sync=True)
    leave = traitlets.Unicode(say("gallery.small")).tag(sync=True)


class Gallery(ipywidgets.VBox):
    """Every panel as a card; a press opens one in place, in large type if asked for.

    Example:
        >>> gallery = Gallery()
        >>> gallery.present("RacePanel", lesson="lecture").session.step
        2500
        >>> gallery.close()
    """

    _closed = True

    def __init__(self) -> None:
        self._panel: LivePanel[Any] | None = None
        self._parts = list[ipywidgets.Widget]()
        self._loop: asyncio.AbstractEventLoop | None = None
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        cells.close_old()
        self._bar, self._place = ipywidgets.HBox(), ipywidgets.VBox()
        super().__init__([self._bar, self._place])
        self._full = FullScreen()
        self.add_class("ppl-gallery")
        self._bar.add_class("ppl-gallery-bar")
        cells.remember(self)
        self._closed = False
        self.show()

    def show(self) -> None:
        """All cards; an open panel is closed."""
        self._clear()
        cards = ipywidgets.Box([self._card(name) for name in ENTRIES])
        cards.add_class("ppl-gallery-cards")
        cards.layout.display = ""  # a grid by its class
        self._keep(cards)
        title = self._keep(ipywidgets.HTML(f"<h2>{say('gallery.title')}</h2>"))
        self._bar.children = (title, self._full)
        self._place.children = (cards,)

    def present(self, name: str, lesson: str = "") -> LivePanel[Any]:
        """Put a panel in the place of the cards.

        Args:
            name: its class.
            lesson: a preset of it; as it comes if empty.
        """
        maker = getattr(ppl_widgets, name)
        panel: LivePanel[Any] = maker.preset(lesson) if lesson else maker()
        cells.forget(panel)  # the gallery closes it
        self._clear()
        self._panel = panel
        back = self._button(say("gallery.back"), self.show)
        presets = (*PRESETS.get(name, ()), *COMMON)
        lessons = {say("gallery.plain"): ""} | {say(f"gallery.lesson.{it}"): it for it in presets}
        choice = ipywidgets.Dropdown(options=lessons, value=lesson, description=say("gallery.as"))
        choice.observe(lambda new: self._later(partial(self.present, name, new["new"])), "value")
        self._bar.children = (back, self._keep(choice), self._full)
        self._place.children = (panel,)
        return panel

    def close(self) -> None:
        """Free everything: the open panel, the cards, their comms."""
        if self._closed:
            return
        self._closed = True
        self._clear()
        cells.forget(self)
        for part in (self._full, self._bar, self._place):
            _free(part)
        self.layout.close()
        super().close()

    def __repr__(self) -> str:
        titles = [say(f"{topic}.title") for topic in ENTRIES.values()]
        return f"{say('gallery.title')}: {', '.join(titles)}"

    # ---- parts

    def _card(self, name: str) -> ipywidgets.Widget:
        title = say(f"{ENTRIES[name]}.title")
        picture = base64.b64encode(picture_of(name).read_bytes()).decode()
        text = self._keep(
            ipywidgets.HTML(
                f'<img alt="" src="data:image/png;base64,{picture}"/>'
                f"<h3>{title}</h3><p>{say(f'gallery.{name}')}</p>"
            )
        )
        label = say("gallery.open", title=title)
        button = self._button(label, partial(self.present, name))
        card = self._keep(ipywidgets.VBox([text, button]))
        card.add_class("ppl-gallery-card")
        return card

    def _later(self, act: Callable[[], object]) -> None:
        """Do it on the loop of the cell: a press arrives on any thread."""
        if self._loop is None:
            act()
        else:
            self._loop.call_soon_threadsafe(act)

    def _button(self, label: str, act: Callable[[], object]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=label, layout={"width": "auto"})
        button.on_click(lambda _: self._later(act))
        self._keep(button)
        return button

    def _keep(self, part: Any) -> Any:
        """A part that is closed with what is shown now."""
        self._parts.append(part)
        return part

    def _clear(self) -> None:
        self._bar.children = self._place.children = ()
        if self._panel is not None:
            self._panel.close()
            self._panel = None
        for part in self._parts:
            _free(part)
        self._parts = []


def _free(part: Any) -> None:
    """Close a widget with its layout and its style, whose comms nobody else closes."""
    for own in ("layout", "style"):
        if part.has_trait(own):
            getattr(part, own).close()
    part.close()
