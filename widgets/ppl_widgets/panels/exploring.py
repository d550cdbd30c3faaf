"""explore: any model of your own on a live panel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython

from ppl_widgets.controls import Desk
from ppl_widgets.exploring import Exploration, Followed
from ppl_widgets.panels import cells
from ppl_widgets.panels.base import LivePanel
from ppl_widgets.panels.pace import SPEED
from ppl_widgets.scenarios import SEED
from ppl_widgets.sheets import Sheets
from ppl_widgets.text import say
from ppl_widgets.views import exploring
from ppl_widgets.views.exploring import sheets

FRESH = 0.5
"""Seconds between two looks at the ledger while a run is on."""


class ExplorePanel(LivePanel[Exploration]):
    """Any model on a live panel; `explore` makes one, and says what it can do.

    When the cell of the model, or of its guide, is run again, the panel goes on with the new one:
    same seed, same controls.

    Args:
        session: the model under exploration.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        large: large type, for a hall.

    Raises:
        ControlError: there is no control of a name.
    """

    def __init__(
        self,
        session: Exploration,
        *,
        show: Iterable[str] | None = None,
        lock: Iterable[str] = (),
        large: bool = False,
    ) -> None:
        self._show, self._lock = show, tuple([lock] if isinstance(lock, str) else lock)
        self._rows = session.rows_version
        self._sheeted = 0.0
        self._sheets = Sheets(
            {name: say(f"explore.tab.{name}") for name in sheets.SHEETS}, say("explore.tabs")
        )
        try:
            super().__init__(
                session,
                exploring,
                drawer=say("drawer.exploring"),
                show=show,
                lock=lock,
                large=large,
            )
        except BaseException:
            self._sheets.close()
            raise
        self._body.children = (*self._body.children, self._sheets)
        self._sheets.on_news(self._turned)
        self._shell = get_ipython()
        space = _names()
        source = session.source
        self._followed = [Followed(source.model, space), Followed(source.guide, space)]
        if self._shell is not None:
            self._shell.events.register("post_run_cell", self._look_for_new)

    # ---- the programs' own cells

    def follow(self, names: Mapping[str, Any]) -> bool:
        """Go on with the newest programs of these names; whether there were new ones."""
        fresh = [each.newest(names) for each in self._followed]
        if all(new is each.program for new, each in zip(fresh, self._followed, strict=True)):
            return False
        self._followed = [Followed(program, names) for program in fresh]
        self._command(lambda: self._session.bind(*fresh))
        return True

    def _look_for_new(self, *_: Any) -> None:
        if not self._closed:
            self.follow(_names())

    # ---- what stands under the plots

    def paint(self) -> None:
        """Draw the newest state, its controls and its sheets too."""
        if self._rows != self._session.rows_version:
            self._rows = self._session.rows_version
            self._renew_desk()
        super().paint()

    def _tell(self) -> None:
        super()._tell()
        now = perf_counter()
        if self._session.status != "running" or now - self._sheeted >= FRESH:
            self._sheeted = now
            self._sheets.show(sheets.sheet(self._session, self._sheets.opened))

    def take(self) -> None:
        """Do what the page has asked for: a site that was chosen first."""
        site = self._sheets.take()
        if site:
            self._session.look_at(site)
        super().take()

    def _turned(self) -> None:
        """Another sheet was opened, or a site chosen; on any thread."""
        self._sheeted = 0.0
        self._hear(["site"])

    def _renew_desk(self) -> None:
        """Other controls in place of those that no longer fit the model."""
        old, session = self._desk, self._session
        names = [control.name for control in session.scenario.controls]
        wanted = set(names) if self._show is None else set(self._show)
        shown = [control for control in session.scenario.controls if control.name in wanted]
        self._desk = Desk(
            shown,
            self._values(),
            run=[SPEED],
            locked=[name for name in self._lock if name in names],
            title=session.scenario.title,
            drawer=say("drawer.exploring"),
        )
        self._desk.on_news(self._hear)
        self._body.children = (self._desk, *self._body.children[1:])
        old.close()

    def close(self) -> None:
        """Free everything, the sheets' comms and the watch over cells too."""
        if self._closed:
            return
        if self._shell is not None:
            self._shell.events.unregister("post_run_cell", self._look_for_new)
        super().close()
        self._sheets.close()


def explore(
    model: Callable[..., Any],
    guide: Any = None,
    *args: Any,
    truth: Any = "auto",
    at: Mapping[str, Any] | None = None,
    seed: int | None = None,
    show: Iterable[str] | None = None,
    lock: Iterable[str] = (),
    large: bool = False,
    **controls: Any,
) -> ExplorePanel:
    """A live panel on any model: its arguments become controls, its sites and parameters plots.

    Arguments are abbreviations, as ipywidgets' `interact` reads them: a number becomes a slider
    around it, `(low, high)` or `(low, high, step)` a slider, a list or dict a choice, a bool a
    check box; tensors, arrays and anything else are passed on as they are. A site that the model
    is conditioned on a single number becomes a slider too, and so does any other site that is given
    by name. The answer comes by SVI, importance sampling, rejection, independent
    Metropolis-Hastings, SMC, HMC or NUTS, beside the best truth that there is.

    Run in its own cell again, it keeps seed and controls; so it does when the cell of the model is.

    Args:
        model: the program, conditioned or not.
        guide: your own, or the name of a ready-made one; AutoNormal if None.
        args: arguments of the model.
        truth: "auto" looks for the best there is, None for none; or a function of (model, *args)
            that returns a `Reference`.
        at: where controls are to start, by name.
        seed: of the noise; 101 if None.
        show: controls to show, by name; all if None.
        lock: controls to show without letting them change.
        large: large type, for a hall.
        controls: arguments and sites by name, and where the panel's own controls start, such as
            `inference="NUTS"`.

    Raises:
        ControlError: a name is neither an argument, a site nor a control of the panel's own.

    Example:
        >>> import ppl_core as ppl
        >>> def scale(guess):
        ...     weight = ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))
        ...     return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
        >>> panel = explore(scale, None, 8.5, measurement=(5.0, 14.0), inference="NUTS")
        >>> panel.set(measurement=9.5)
        >>> "Exact N(9.14, 0.60), closed form." in panel.run(100).session.summary()
        True
        >>> panel.close()
    """
    space = _names()
    held = {id(value): name for name, value in space.items() if not name.startswith("_")}
    named = {name: _unfixed(value) for name, value in controls.items()}
    before = _kept_from_this_cell(model)
    at = {**before.get("at", {}), **(at or {})}
    session = Exploration(
        model,
        guide,
        tuple(_unfixed(value) for value in args),
        truth=truth,
        name=Followed(model, space).name,
        names=held,
        seed=before.get("seed", SEED.value) if seed is None else seed,
        **named,
    )
    session.stand_at(at, strictly=not before)
    return ExplorePanel(session, show=show, lock=lock, large=large)


def _names() -> dict[str, Any]:
    """The names of the user's cells."""
    shell = get_ipython()
    return dict(shell.user_ns) if shell is not None else {}


def _unfixed(value: Any) -> Any:
    """What `ipywidgets.fixed` holds, as `interact` passes it on."""
    return value.value if isinstance(value, ipywidgets.fixed) else value


def _kept_from_this_cell(model: Any) -> dict[str, Any]:
    """Seed and moved controls of the panel that this cell made before, on a model of this name."""
    for old in cells.left_here():
        if isinstance(old, ExplorePanel):
            session: Exploration = old.session
            name = getattr(model, "__name__", type(model).__name__)
            was = getattr(session.source.model, "__name__", type(session.source.model).__name__)
            if name == was:
                return {"seed": session.seed, "at": session.moved()}
    return {}
