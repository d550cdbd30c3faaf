"""A panel on anybody's program, without its widgets: train it, draw from it, and know the truth.

It is a `Machine` as the sessions of lessons are. What it is about is not known beforehand: the
program is read and run once, then a `Learning`, a `Sampling` or a `Cloud` takes the steps. Prior,
truth and predictions are worked out `Beside` them.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..history import Mark
from ..machine import Status
from ..scenarios import SEED, ControlError, optimiser
from ..text import count, say
from .beside import Beside
from .explored import Explored
from .face import Face, carried_over, face, settings_of
from .learning import Learning
from .reading import Reading, Source, read, unread
from .room import Room
from .sites import Sites, look
from .subject import Program, name_of
from .workshop import Work, Workshop, rates

GROWTH = 0.1
"""Seconds between two looks at the axes while a run is on."""
FEW = 50
"""Draws from which the axes follow them rather than the prior, where no truth is known."""
SHARE = 1 / 3
"""Of a slice, for what is worked out beside the steps."""
MARKS = 32
"""Changes that are remembered on the step axis."""
STEERED = ("lr", "optimiser", "particles")
"""Controls that a training takes over as it goes."""
LOOKS = ("site", "against", "view")
"""Controls that change only what is looked at."""


class Exploration(Explored):
    """One program being explored: what a reader may do with it. What it is: see `Explored`.

    Args:
        model: the program, conditioned or not.
        guide: of the user's own, or the name of one that is made.
        given: arguments of the model, as values or abbreviations of controls.
        truth: see `Truth`.
        name: what the model is called in a line of code.
        names: of other things that were given, by `id`.
        seed: of the noise.
        clock: the time in seconds.
        named: arguments and sites by name, and where the panel's own controls start.

    Raises:
        ControlError: a name is neither an argument, a site nor a control of the panel's own.

    Example:
        >>> import ppl_core as ppl
        >>> def scale(guess):
        ...     weight = ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))
        ...     return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
        >>> told = Exploration(ppl.condition(scale, data={"measurement": 9.5}), given=(8.5,))
        >>> [control.name for control in told.scenario.controls][:3]
        ['measurement', 'guess', 'inference']
        >>> told.settle()
        >>> round(told.beside.truth.marginal(told.coordinate).mean, 2), told.beside.truth.label
        (9.14, 'closed form')
    """

    grants = "num_steps"

    def __init__(
        self,
        model: Program,
        guide: Any = None,
        given: tuple[Any, ...] = (),
        *,
        truth: Any = "auto",
        name: str = "",
        names: Mapping[int, str] | None = None,
        seed: int = SEED.value,
        clock: Callable[[], float] = time.perf_counter,
        **named: Any,
    ):
        name = name or name_of(model)
        self.source = Source(model, guide, given, named, name, names or {})
        self.beside, self.room = Beside(truth, clock), Room()
        self.rows_version, self.work = 0, None
        self._take_in(read(self.source))
        super().__init__(self._reading.face, seed, clock, **self._reading.settings)
        self.begun = dict(self.controls)

    # ---- commands

    def play(self) -> None:
        """Go on in `advance`; after the last step, for as many again."""
        if self.work is not None and self.work.finished and self.status != "failed":
            self._change("done")
            self.notice = say("explore.finished", step=count(self.step))
        else:
            super().play()

    def set(self, name: str, value: Any) -> bool:
        """Move a control. Whether anything changed.

        Training goes on from where it is, with a mark; draws start over with the same noise.

        Raises:
            ControlError: the value is not allowed, or there is no such control; nothing changes.
        """
        if not self.controls.move(name, value):
            return False
        own = next((k for k, v in self.scenario.names.items() if v == name), "")
        if own in LOOKS:
            self._change(self.status)
            self._statement = "" if own == "site" else self._statement
            self.room.forget("x", "y", "density", "progress", "values")
            self.stage_version += 1
            self._foresee()
        elif own == self.grants:
            self._change(self.status)
            self._grant(max(value, self.step))
        elif own in STEERED and isinstance(self.work, Learning) and self.step:
            self._steer(self.work, name)
        elif own:
            self._start_over(self._afresh, keep_view=True)
        else:
            self._move_input(name)
        self._fit()
        return True

    def advance(self, budget_ms: float, num_steps: int | None = None) -> int:
        """Train or draw, and work on what stands beside it, for about so long; the steps done."""
        begin, done = self._clock(), 0
        end = begin + budget_ms / 1e3
        aside = self.beside.due() == 0.0
        if self.status == "running":
            left = self.num_steps - self.step
            until = begin + (1.0 - SHARE if aside else 1.0) * (end - begin)
            done = self._work_on(left if num_steps is None else min(left, num_steps), until)
        while aside:
            self._one_piece()
            aside = self.beside.pending and self._clock() < end
        return done

    def settle(self, brief: bool = False) -> None:
        """Finish what is worked out beside the steps."""
        while self.beside.pending:
            self._one_piece()
        self._foresee()
        while self.beside.pending:
            self._one_piece()

    def back(self, num_steps: int = 50) -> int:
        """Go back about so many steps, or show so many draws less; the step reached."""
        if self.work is not None:
            self.work.back(self.step - num_steps)
            self.marks = [mark for mark in self.marks if mark.step < self.step]
            self._went_back()
            self.notice = self._words("back", step=count(self.step))
            self._fit()
        return self.step

    def look_at(self, site: str) -> None:
        """Look at a site, by the name of its statement; data has a way, but no posterior."""
        self._statement = site
        self.version += 1
        places = () if self.sites is None else self.sites.coordinates
        place = next((each.name for each in places if each.site == site), None)
        now = self.coordinate
        if place is not None and (now is None or now.site != site):
            self.set(self.scenario.names["site"], place)
            self._statement = site

    def stand_at(self, values: Mapping[str, Any], strictly: bool = True) -> None:
        """Move controls to where they are to start.

        Args:
            values: by name.
            strictly: whether a value that does not fit is an error, or left out.

        Raises:
            ControlError: it is an error, and one does not fit.
        """
        for name, value in values.items():
            try:
                self.set(name, value)
            except ControlError:
                if strictly:
                    raise

    def bind(self, model: Program, guide: Any = None) -> None:
        """Start over with other programs; seed and controls stay, as far as they still fit."""
        before = dict(self.controls)
        self.source = replace(self.source, model=model, guide=guide)
        try:
            self._take_in(read(self.source))
        except ControlError as error:
            self._take_in(unread(self.source, str(error)))
        self._renew_controls(self._reading.face, before)
        self._start_over("idle")
        if self.status != "failed":
            self.notice = say("notice.bound")

    # ---- how it comes about

    @property
    def _ready(self) -> bool:
        return self.work is not None or (self.sites is not None and self.status != "failed")

    def _take_in(self, reading: Reading) -> None:
        self._reading, self.sites = reading, reading.sites
        self.workshop = None if reading.subject is None else Workshop(reading.subject)

    def _renew_controls(self, onto: Face, before: dict[str, Any]) -> None:
        """Other controls in place of these, standing where they stood if they can."""
        self.rows_version += onto.controls != self.scenario.controls
        self.scenario = onto
        self.controls = settings_of(onto, carried_over(before, onto))

    def _start_over(self, status: Status, keep_view: bool = False) -> None:
        """A new run from step 0 under the present controls, seed and programs.

        Samplers are made when the first draw is wanted: that may take a moment.
        """
        self._change(status)
        self.act = "train" if self.method == "SVI" else "draw"
        self.work: Work | None = None
        self.marks: list[Mark] = []
        self._posterior_at = -1
        self.stage_version += 1
        self.room = self.room if keep_view else Room()
        self.room.forget("loss", "values", "step")
        self.num_steps: int = self.setting(self.grants)
        try:
            if self._reading.error:
                self._stop(self._reading.error)
                self.beside.forget()
                return
            self._look_again()
            if self.method == "SVI":
                self.work = self._made()
            self._renew_truth()
        except Exception as error:  # a program of the user's may raise anything
            self.beside.forget()
            self._fail(error)
        self._fit()

    def _look_again(self) -> None:
        """Run the program as its inputs are now; other sites than before are other controls."""
        assert self.workshop is not None
        sites, known = look(self.workshop.subject.model, self.args, self.seed), self.sites
        self.sites = sites
        if known is None or sites.coordinates != known.coordinates:
            onto = face(self.workshop.subject, sites, self.scenario.title)
            self._renew_controls(onto, dict(self.controls))
            self.room = Room()

    def _made(self) -> Work:
        assert self.workshop is not None
        assert self.sites is not None
        return self.workshop.work(self.sites, self.target, self.setting, self.args)

    def _renew_truth(self) -> None:
        """Have prior and truth found, unless they are those of this very target already."""
        if self.beside.knows(self.target):
            self._foresee()
        elif self.beside.renew(self.target):
            self.room.forget("x", "y", "density")
            self._foresee()

    def _move_input(self, name: str) -> None:
        """An input of the program has moved: training goes on, draws start over."""
        if not isinstance(self.work, Learning) or not self.step or self.status == "failed":
            self._start_over(self._afresh, keep_view=True)
            return
        shapes = _shapes(self.sites)
        try:
            self._look_again()
        except Exception as error:  # a program of the user's may raise anything
            self._fail(error)
            return
        if _shapes(self.sites) != shapes:
            self._start_over(self._afresh)
        else:
            self._steer(self.work, name)
            self._renew_truth()

    def _steer(self, work: Learning, name: str) -> None:
        self._change(self.status)
        work.steer(self.args, optimiser(rates(self.setting)), self.setting("particles"))
        control = self.controls.control(name)
        label = say("mark.value", label=control.label, value=control.text(self.controls[name]))
        kept = [m for m in self.marks if (m.step, m.control) != (self.step, name)]
        self.marks = [*kept, Mark(self.step, name, label, self._clock())][-MARKS:]

    def _grant(self, num_steps: int) -> None:
        self._end_or_go_on(num_steps)
        self.stage_version += 1

    def _take(self, num_steps: int) -> int:
        return self._work_on(num_steps, math.inf)

    def _work_on(self, num_steps: int, deadline: float) -> int:
        """Take steps until a limit is met; a failure changes the status."""
        self.version += 1
        before = self.step
        try:
            if self.work is None:
                self.work = self._made()
            done = self.work.advance(num_steps, deadline)
        except Exception as error:  # a program of the user's may raise anything
            self._fail(error)
            return 0
        if isinstance(self.work, Learning) and self.workshop and self.workshop.trained:
            self.workshop.trained.steps = self.step
        if self.status == "running" and (self.work.finished or self.step >= self.num_steps):
            self.status = "done"
        if self.act == "draw" and before < FEW <= self.step and self.beside.truth.found is None:
            self.room.forget("x", "y", "density", "values")
        self._foresee(again=self.status == "running")
        if self.status != "running" or self._clock() >= self._fitted_at + GROWTH:
            if self.status != "running":
                self.room.forget("loss")
            self._fit()
        return done


def _shapes(sites: Sites | None) -> dict[str, Any]:
    return {} if sites is None else {n: tuple(s.value.shape) for n, s in sites.latent.items()}
