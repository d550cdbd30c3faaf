"""What every live panel is: a session to look at and to touch, from the page and from Python."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from ppl_core.errors import PPLError
from ppl_widgets.panels import cells
from ppl_widgets.panels.presets import preset
from ppl_widgets.panels.saving import saved
from ppl_widgets.panels.wiring import S, Wired, known, one_thread
from ppl_widgets.text import count, say

OPTIONS = ("show", "lock", "predict", "large")
"""Arguments of every panel beside its controls and its seed."""

__all__ = ["OPTIONS", "LivePanel", "known"]


class LivePanel(Wired[S]):
    """A session to look at and to touch.

    Args:
        session: what is explored.
        figures: how it looks.
        drawer: the name of the drawer that holds the second row of controls.
        show: names of the controls to show; all if None.
        lock: names of controls to show without letting them change.
        predict: what the reader is to say before it is shown; nothing if None.
        large: large type, for a hall.

    Attributes:
        reply: what the reader says; None where nothing is asked.
        patience: seconds that a run goes on while nobody looks.
        page_grid: control -> its values in a precomputed page; around the present ones if empty.

    Raises:
        ControlError: `show` or `lock` names a control that does not exist.
    """

    page_grid: ClassVar[Mapping[str, Sequence[Any]]] = {}

    @classmethod
    def preset(cls, name: str, **more: Any) -> Self:
        """This panel as a lesson opens it; `presets` lists the names, `more` goes on top.

        Raises:
            ControlError: there is no such lesson.
        """
        arguments = preset(cls.__name__, name) | more
        large = arguments.pop("large", False)
        made = cls(**arguments)
        return made.enlarge() if large else made

    def enlarge(self) -> Self:
        """Large type, for a hall."""
        self._large = True
        self.add_class("ppl-large")
        self._tell()
        return self

    @property
    def session(self) -> S:
        """What the panel shows: controls, what was drawn or learned, the exact answer."""
        return self._session

    def play(self) -> None:
        """Train, as a press of Play does.

        Raises:
            RuntimeError: no event loop runs here, so nothing could train in the background.
        """
        self._join()
        if self._clock is None:
            steps = count(self._session.num_steps)
            raise RuntimeError(say("panel.no_loop", num_steps=steps))
        self._command(self._start)

    def pause(self) -> None:
        """Stop training; nothing is lost."""
        self._command(self._session.pause)

    def run(self, num_steps: int | None = None) -> Self:
        """Train at once, without a page or a loop: so many steps, or up to the last one.

        Raises:
            PPLError: training stopped; the sentence says where and how to mend it.
        """
        session = self._session
        with one_thread():
            left = session.num_steps - session.step
            self._command(lambda: session.run(left if num_steps is None else num_steps))
            if self._clock is None:
                session.settle()
                self.paint()
        if session.error is not None:
            raise PPLError(session.error)
        return self

    def set(self, **controls: Any) -> None:
        """Move controls, as a hand would.

        Raises:
            ControlError: a value is not allowed, or there is no such control.
        """
        for name, value in controls.items():
            self._command(lambda name=name, value=value: self._session.set(name, value))

    def reset(self, noise: Literal["same", "new"] = "same") -> None:
        """Start over: with the same noise, or with that of the next seed."""
        self._command(lambda: self._session.reset(noise))

    def back(self, num_steps: int = 50) -> None:
        """Go back about so many steps."""
        self._command(lambda: self._session.back(num_steps))

    def save_html(self, path: Path | str, **grid: Sequence[Any]) -> Path:
        """Write a page that shows this panel without a kernel and without a network; its path.

        It trains or draws by itself where it can. Elsewhere, or if a grid is given here, it holds
        the run, and the answers over a grid of settings. Nothing is to be predicted there.

        Args:
            path: of the file.
            grid: control -> its values in a precomputed page.

        Raises:
            ControlError: there is no such control, or it cannot take a value.
        """
        from ppl_widgets.export import save  # not before a page is wanted

        return save(path, self._session, self._figures, self._desk, grid, self.page_grid)

    def reveal(self, said: float | None = None) -> None:
        """Show the answer beside what was said, as a press of Reveal does.

        Args:
            said: the number; where the slider stands if None.

        Raises:
            ControlError: it is no number that could be said, or another stands already.
        """
        reply = self.reply
        if reply is None:
            return
        if said is not None:
            reply.say(said)
        self._command(lambda: reply.reveal(self._session))

    def _press(self, name: str) -> None:
        if name == "save":
            self._desk.saved = say("save.writing")
            self._desk.saved = saved(self.save_html, self._desk.title)
        else:
            super()._press(name)

    def close(self) -> None:
        """Free everything: the place on the clock, the comms of all parts, the cell's memory."""
        if self._closed:
            return
        self._closed = True
        if self._clock is not None:
            self._clock.leave(self)
        cells.forget(self)
        self._desk.close()
        self._plot.close()
        self._body.layout.close()
        self._body.close()
        self.layout.close()
        super().close()

    def __repr__(self) -> str:
        session = self._session
        return f"{session.scenario.title}, {session.status_line()}. {self._summary()}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any] | None:
        bundle = super()._repr_mimebundle_(**kwargs) or {}
        bundle["text/plain"] = repr(self)
        bundle["image/png"] = base64.b64encode(self._plot.picture()).decode()
        return bundle
