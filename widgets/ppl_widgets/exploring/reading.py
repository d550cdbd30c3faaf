"""A program, read: what of it is understood, and what its reader is told of the rest."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ppl_core.values import as_real

from ..learner import explain
from ..scenarios import ControlError
from .abbreviations import Input, narrowed
from .face import NAMES, Face, face
from .sites import Sites, look
from .subject import Program, Subject, name_of


@dataclass(frozen=True)
class Source:
    """What `explore` was given.

    Attributes:
        model: the program.
        guide: of the user's own, or None.
        given: arguments of the model.
        named: arguments and sites by name, among controls of the panel's own.
        name: what the model is called in a line of code.
        names: of other things that were given, by `id`.
    """

    model: Program
    guide: Any = None
    given: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """How far a program is understood.

    Attributes:
        subject: the program with its inputs; None where it could not be read.
        sites: what a first run has shown; None where it did not run.
        face: the controls.
        error: what stands in the way, or "".
        settings: where controls are to start.
    """

    subject: Subject | None
    sites: Sites | None
    face: Face
    error: str
    settings: Mapping[str, Any]


def read(source: Source) -> Reading:
    """Read a program, and run it once.

    Raises:
        ControlError: a name is neither an argument, a site nor a control of the panel's own.
    """
    subject, sites, error = None, None, ""
    named = dict(source.named)
    taken = _arguments(source.model)
    settings = {name: named.pop(name) for name in NAMES if name in named and name not in taken}
    guide = source.guide
    if isinstance(guide, type):
        guide = guide.__name__
    if isinstance(guide, str):
        settings, guide = settings | {"guide": guide}, None
    try:
        subject = Subject(source.model, guide, source.given, named)
        start = {control.name: control.value for control in subject.controls}
        sites = look(subject.model, subject.args(start), 0)
        subject.check_signatures(start)
        subject.inputs = tuple(_narrowed(subject, sites, start))
    except ControlError:
        raise
    except Exception as raised:  # a program of the user's may raise anything
        error = explain(raised)
    made = face(subject, sites, name_of(source.model))
    values = {made.names.get(name, name): value for name, value in settings.items()}
    return Reading(subject, sites, made, error, values)


def _narrowed(subject: Subject, sites: Sites, start: Mapping[str, Any]) -> Iterator[Input]:
    """The inputs, their sliders ending where the program or the site's support ends."""
    for place, given in enumerate(subject.inputs):
        observed = sites.observed.get(given.name) if place < subject.sites else None
        if observed is not None:
            support = observed.fn.support
            allows = partial(_holds, support)
            yield narrowed(given, allows, bool(support.is_discrete))
        else:
            yield narrowed(given, lambda v, name=given.name: _runs(subject, {**start, name: v}))


def _holds(support: Any, value: float) -> bool:
    return bool(support.check(as_real(value)).all())


def _runs(subject: Subject, settings: Mapping[str, Any]) -> bool:
    """Whether the program runs where its inputs stand so."""
    try:
        look(subject.model, subject.args(settings), 0)
    except Exception:  # a program of the user's may raise anything
        return False
    return True


def unread(source: Source, error: str) -> Reading:
    """A program that cannot be read any more, and why."""
    return Reading(None, None, face(None, None, name_of(source.model)), error, {})


def _arguments(model: Program) -> set[str]:
    try:
        return set(inspect.signature(model).parameters)
    except (TypeError, ValueError):
        return set()
