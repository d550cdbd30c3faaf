"""What an exploration is at any moment: its program, its draws, its truth, and what it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from ppl_core.errors import InferenceError

from ..history import Mark
from ..learner import explain
from ..machine import Machine
from ..scenarios import Columns
from ..text import say
from . import code, words
from .beside import Beside, Target
from .extents import fit
from .learning import Learning
from .reading import Reading, Source
from .room import Room
from .sites import Coordinate, Sites, whole_rows
from .subject import Subject
from .workshop import Work, Workshop


class Explored(Machine[Any]):
    """A program under exploration, as its pictures and words see it.

    Attributes:
        source: what was given.
        sites: what a run of the program has shown; None where it did not run.
        workshop: what makes the work; None where the program could not be read.
        work: what takes the steps; None before there is anything to take them with.
        beside: prior, truth and predictions.
        begun: where controls start if nothing is said.
        room: the ranges of all axes.
        marks: changes made on the way.
        rows_version: grows when the controls themselves are other ones.
    """

    source: Source
    sites: Sites | None
    workshop: Workshop | None
    work: Work | None
    beside: Beside
    begun: dict[str, Any]
    room: Room
    marks: list[Mark]
    rows_version: int
    _statement: str = ""
    _reading: Reading
    _clock: Callable[[], float]

    # ---- what is

    @property
    def method(self) -> str:
        """The way to the answer."""
        return self.setting("inference")

    def setting(self, name: str) -> Any:
        """Where a control of the panel's own stands, whatever it is called here."""
        return self.controls[self.scenario.names[name]]

    @property
    def step(self) -> int:
        """Steps trained, or draws shown."""
        return 0 if self.work is None else self.work.step

    @property
    def coordinate(self) -> Coordinate | None:
        """The number that is looked at."""
        return None if self.sites is None else self.sites.coordinate(self.setting("site"))

    @property
    def other(self) -> Coordinate | None:
        """The number that it is paired with."""
        return None if self.sites is None else self.sites.coordinate(self.setting("against"))

    @property
    def statement(self) -> str:
        """The statement that was pointed at last; the site that is looked at if none was."""
        known = () if self.sites is None else (*self.sites.latent, *self.sites.observed)
        if self._statement in known:
            return self._statement
        return "" if self.coordinate is None else self.coordinate.site

    @property
    def subject(self) -> Subject | None:
        """The program and its inputs; None where it could not be read."""
        return self._reading.subject

    @property
    def args(self) -> tuple[Any, ...]:
        """The inputs of model and guide now."""
        return () if self.subject is None else self.subject.args(self.controls)

    @property
    def target(self) -> Target:
        """What is to be known: the program at its inputs, all rows of every plate in use."""
        assert self.workshop is not None
        assert self.sites is not None
        model = self.workshop.subject.model
        model = whole_rows(model) if self.sites.subsampled else model
        return Target(model, self.args, self.sites, self.workshop.store, self.seed)

    @property
    def posterior(self) -> tuple[Columns, np.ndarray | None]:
        """What was learned or drawn: coordinate -> draws, and what each counts.

        The draws of a guide are always made from the same noise, so that their picture moves only
        with the parameters.
        """
        if self._posterior_at != self.version:
            self._posterior = self._find_posterior()
            self._posterior_at = self.version
        return self._posterior

    def whole_draws(self, num: int) -> dict[str, Tensor]:
        """Draws of whole sites that count the same, site -> (num or fewer, ...)."""
        if self.work is None or self.sites is None:
            return {}
        drawn = self.work.values()
        size = len(next(iter(drawn.values()), ()))
        chosen = np.unique(np.linspace(0, size - 1, num).astype(int)) if size else []
        return {name: drawn[name][chosen] for name in self.sites.latent if name in drawn}

    def due(self) -> float:
        """Seconds until `advance` has something to do: 0 for now, infinite for never."""
        return 0.0 if self.status == "running" else self.beside.due()

    def moved(self) -> dict[str, Any]:
        """Controls that do not stand where they began, by name."""
        return {n: v for n, v in self.controls.items() if v != self.begun.get(n)}

    # ---- what is said

    def status_line(self) -> str:
        """Where the run is: seed and step."""
        return words.status_line(self)

    def summary(self) -> str:
        """The state in a few short sentences, for whoever listens instead of looking."""
        return words.summary(self)

    def code(self) -> str:
        """What the panel does, as a cell beside that of the model."""
        return code.cell(self)

    def copy_state(self) -> str:
        """One line of Python that makes this panel again."""
        return code.one_line(self)

    def _words(self, what: str, **parts: str) -> str:
        return say(f"{'training' if self.act == 'train' else 'drawing'}.{what}", **parts)

    # ---- how it comes about

    def _find_posterior(self) -> tuple[Columns, np.ndarray | None]:
        if self.work is None or self.sites is None:
            return {}, None
        if not isinstance(self.work, Learning):
            return self.work.columns, self.work.weights
        try:
            return self.sites.columns(self.work.values()), None
        except Exception as error:  # a guide of the user's may raise anything
            self._fail(error)
            return {}, None

    def _foresee(self, again: bool = False) -> None:
        if self.setting("view") == "predictive" and self.work is not None:
            self.beside.predict(self.whole_draws, again)

    def _one_piece(self) -> None:
        """Work out one piece of what stands beside the steps; most of them change nothing yet."""
        known, true = self.beside.known, self.beside.truth.found
        self.beside.piece()
        if self.beside.known == known:
            return
        self.version += 1
        if self.beside.truth.found is not true:
            self.room.forget("x", "y", "density", "loss")
            self.stage_version += 1
        self._fit()

    def _fit(self) -> None:
        """Let the axes hold what is to be seen."""
        self._fitted_at = self._clock()
        self.stage_version += fit(self)

    def _fail(self, error: Exception) -> None:
        """Say what went wrong; a run stays at its last good step."""
        message = " ".join(str(error).split())
        told = isinstance(error, InferenceError) and self.act == "draw"
        self._stop(say("drawing.error", message=message) if told else explain(error))
