"""How a panel is wired: page, desk, session, pictures, plot and clock.

    page -> desk -> take() -> session -> figures -> paint() -> plot -> page
                                 ^
                      clock -> train()

A panel decides nothing about inference and draws nothing itself. What it does, it does on the loop
of the cell that made it; what arrives on other threads is kept by desk and plot, and only wakes the
clock. Where no loop runs it works at once, in the caller's thread.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterable, Sequence
from time import perf_counter
from typing import Any, Generic, TypeVar

import ipywidgets
import torch

from ppl_core.errors import suggestion
from ppl_widgets.clock import SLICE, Clock
from ppl_widgets.controls import Button, Desk, News
from ppl_widgets.panels import cells
from ppl_widgets.panels.pace import SPEED, Pace
from ppl_widgets.panels.prints import Prints
from ppl_widgets.panels.shown import Figures, Shown
from ppl_widgets.plot import LivePlot
from ppl_widgets.predicting import Reply, Veil
from ppl_widgets.scenarios import ControlError
from ppl_widgets.scenarios.prediction import SAID, Prediction
from ppl_widgets.text import say

PATIENCE = 60.0
"""Seconds that a run goes on while nobody looks."""
TELL = 0.25
"""Seconds between two changes of the sentences around a plot, while a run is on."""
KNOCK = 1.0
"""Seconds between two questions whether anybody looks, while a run is on that nobody sees."""

S = TypeVar("S", bound=Shown)


@contextlib.contextmanager
def one_thread() -> Generator[None]:
    """Let torch work on one thread inside, and leave the student's cells their number of threads.

    The setting belongs to the whole process, so it is made for a slice only; it costs 3 µs. Small
    models gain nothing from a second thread and lose much where the machine is busy.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Wired(ipywidgets.VBox, Generic[S]):
    """A panel as the page and the clock know it (a `Player`); for its arguments see `LivePanel`."""

    patience: float = PATIENCE
    _closed = True

    def __init__(
        self,
        session: S,
        figures: Figures[S],
        *,
        drawer: str = "",
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        predict: Prediction | None = None,
        large: bool = False,
    ) -> None:
        controls = session.scenario.controls
        names = [control.name for control in controls]
        shown = names if show is None else known(show, names)
        locked = known(lock, names)
        cells.close_old()
        self._session, self._figures = session, figures
        self.reply = None if predict is None else Reply(predict)
        self._view: Figures[S] = figures if self.reply is None else Veil(figures, self.reply)
        self._large = large
        self._pace = Pace(ration=SLICE)
        self._owed = 0  # steps that were asked for one by one
        self._drawn, self._staged = self._version, session.stage_version
        self._told = self._started = self._knocked = 0.0
        self._note = ""
        self._done, self._refused = News(), list[str]()  # not yet answered
        self._prints = Prints()
        self._plot = LivePlot(self._view.stage(session), label=session.scenario.name)
        self._plot.add_class("ppl-view")
        self._desk = Desk(
            [control for control in controls if control.name in shown],
            self._values(),
            run=[SPEED],
            ask=[] if predict is None else [predict.control],
            locked=locked,
            title=session.scenario.title,
            drawer=drawer,
        )
        self._body = ipywidgets.Box([self._desk, self._plot])
        self._body.add_class("ppl-body")
        super().__init__([self._body])
        self.add_class("ppl-panel")
        if large:
            self.add_class("ppl-large")
        self._closed = False
        self._clock: Clock | None = None
        self._join()
        self._desk.on_news(self._hear)
        self._plot.on_ready(self._looked)
        cells.remember(self)
        self.paint()

    # ---- what the clock asks for (a Player)

    def take(self) -> None:
        """Do what the page has asked for; the answer follows the drawing, which goes first."""
        news, refused = self._desk.take(), list[str]()
        if news.changes or news.presses:
            self._note = ""
        with one_thread(), self._prints.capture():
            for name, value in news.changes.items():
                try:
                    self._change(name, value)
                except ControlError as error:
                    refused.append(name)
                    self._note = str(error)
            for name in news.presses:
                self._press(name)
        self._done.asked |= news.asked
        self._refused += refused
        if not self.stale():
            self._tell()

    def due(self, now: float) -> float:
        """Seconds until a slice is wanted: for steps, or for the forecast."""
        if self._owed:
            return 0.0
        if self._session.status != "running":
            return self._session.due() if self._plot.seen else math.inf
        return self._pace.wait(now)

    def train(self, seconds: float) -> None:
        """Train and forecast for about so long, as fast as the speed allows."""
        session, now = self._session, perf_counter()
        with one_thread(), self._prints.capture():
            if self._owed:
                end = now + seconds
                while self._owed and perf_counter() < end:
                    session.run(1)
                    self._owed = 0 if session.status == "failed" else self._owed - 1
            else:
                done = session.advance(1e3 * seconds, self._pace.steps(now))
                self._pace.spend(done, now)
        if session.status == "running" and now - self._knocked >= KNOCK and not self._plot.seen:
            self._knocked = now
            self._look_out()

    @property
    def racing(self) -> bool:
        """Whether training at full speed is on."""
        return self._session.status == "running" and self._pace.free

    def stale(self) -> bool:
        """Whether the page shows something old and may be sent something new."""
        return self._drawn != self._version and self._plot.ready

    def paint(self) -> None:
        """Draw the newest state and say what there is to say."""
        session = self._session
        self._drawn = self._version
        figures, stage = self._view, None
        if self._staged != session.stage_version:
            self._staged = session.stage_version
            stage = figures.stage(session)
        texts = figures.texts(session)
        texts.pop("status", None)  # stands over the whole panel, in the desk
        self._plot.draw(figures.frame(session), texts, stage)
        self._tell()

    def failed(self, error: BaseException) -> None:
        """The interrupt button, or a fault of the panel's own: pause and say so."""
        self._session.pause()
        self._owed = 0
        if isinstance(error, KeyboardInterrupt):
            self._note = say("panel.interrupted")
        else:
            self._note = say("panel.fault", error=f"{type(error).__name__}: {error}")
        self._tell()

    # ---- how it comes about

    @property
    def _version(self) -> int:
        """Grows with every visible change."""
        return self._session.version + (0 if self.reply is None else self.reply.version)

    def _summary(self) -> str:
        told = self._session.summary()
        return told if self.reply is None else self.reply.summary(told)

    def _state(self) -> str:
        """One line of Python that makes this panel again."""
        line = self._session.copy_state()
        if self.reply is not None:
            line = f"{line.removesuffix(')')}, predict=True)".replace("(, ", "(")
        return f"{line}.enlarge()" if self._large else line

    def _join(self) -> None:
        if self._clock is None and not self._closed:
            self._clock = Clock.here()
            if self._clock is not None:
                self._clock.join(self)

    def _hear(self, changed: Sequence[str]) -> None:
        """The page has said something; on any thread."""
        if self._clock is None:
            self.take()
            self.paint()
        else:
            self._clock.post(self, hurry=bool(changed))

    def _looked(self) -> None:
        """A frame may be drawn again, or somebody looks again; on any thread."""
        self._post()

    def _post(self) -> None:
        if self._clock is not None:
            self._clock.post(self)

    def _command(self, command: Callable[[], object]) -> None:
        """Do what Python asked for and show it."""
        self._note, session = "", self._session
        with one_thread():
            command()
            if self._clock is None and session.status == "running":  # nobody else will go on
                session.run(session.num_steps - session.step)
        self.paint()
        self._post()

    def _change(self, name: str, value: Any) -> None:
        if name == SPEED.name:
            self._pace.choose(value)
        elif name == SAID and self.reply is not None:
            self.reply.say(value)
        else:
            self._session.set(name, value)

    def _press(self, name: str) -> None:
        session = self._session
        self._owed = 0 if name not in ("step", "step100") else self._owed
        match name:
            case "play" if session.status == "running":
                session.pause()
            case "play":
                self._start()
            case "step" | "step100":
                session.pause()
                self._owed += 1 if name == "step" else 100
            case "same" | "new":
                self._prints.clear()
                session.reset(name)
            case "back":
                session.back(50)
            case "reveal" if self.reply is not None:
                self.reply.turn(session)

    def _start(self) -> None:
        self._started = self._knocked = perf_counter()
        self._pace.start(self._started)
        self._session.play()

    def _look_out(self) -> None:
        """Nobody looks at a run: ask again, and stop it in the end."""
        if min(self._plot.unseen_for, perf_counter() - self._started) >= self.patience:
            self._session.pause()
            self._note = say("panel.unseen", seconds=f"{self.patience:g}")
        else:
            self._plot.knock()
        self._tell()

    def _values(self) -> dict[str, Any]:
        said = {} if self.reply is None else {SAID: self.reply.value}
        return dict(self._session.controls) | {SPEED.name: self._pace.speed} | said

    def _tell(self) -> None:
        """Write what stands around the plot; while a run is on, the longer texts seldom."""
        session, desk, now = self._session, self._desk, perf_counter()
        with desk.hold_sync():
            desk.values = self._values()
            desk.answer(self._done, self._refused)
            self._done, self._refused = News(), []
            desk.status = session.status_line()
            desk.message = self._note or session.error or ""
            desk.question = "" if self.reply is None else self.reply.sentence()
            desk.show_buttons(self._buttons())
            if session.status != "running" or now - self._told >= TELL:
                self._told = now
                desk.summary = self._summary()
                desk.code = session.code()
                desk.line = self._state()
                desk.prints = self._prints.text

    def _buttons(self) -> list[Button]:
        session = self._session
        running = session.status == "running"
        play = ("pause", "pause") if running else ("play", "play")
        looks = {
            "play": play,
            "step": ("step", "step"),
            "step100": ("step100", "steps"),
            "same": ("same", "again"),
            "new": ("new", "dice"),
            "back": ("back", "back"),
        }
        waits = self.reply is not None and self.reply.holds
        buttons = [
            Button(
                name,
                say(f"button.{label}"),
                icon,
                say(f"help.{session.act}.{name}"),
                disabled=waits or (name == "back" and session.step == 0),
            )
            for name, (label, icon) in looks.items()
        ]
        if self.reply is None:
            return buttons
        act = "reveal" if self.reply.hidden else "again"
        return [Button("reveal", say(f"reveal.{act}"), act, say(f"reveal.{act}.help")), *buttons]


def known(given: Iterable[str], names: Sequence[str]) -> list[str]:
    """The names given, each of which has to be one of `names`.

    Raises:
        ControlError: one is not; the nearest name is suggested.
    """
    chosen = [given] if isinstance(given, str) else list(given)
    for name in chosen:
        if name not in names:
            near = suggestion(name, names)
            parts = {"given": repr(name), "suggestion": near, "names": ", ".join(names)}
            raise ControlError(say("control.unknown", **parts))
    return chosen
