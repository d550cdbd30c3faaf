"""A program, read: what of it is understood, and what its reader is told of the rest."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..learner import explain
from ..scenarios import ControlError
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
    except ControlError:
        raise
    except Exception as raised:  # a program of the user's may raise anything
        error = explain(raised)
    made = face(subject, sites, source.name or name_of(source.model))
    values = {made.names.get(name, name): value for name, value in settings.items()}
    return Reading(subject, sites, made, error, values)


def unread(source: Source, error: str) -> Reading:
    """A program that cannot be read any more, and why."""
    return Reading(None, None, face(None, None, source.name), error, {})


def _arguments(model: Program) -> set[str]:
    try:
        return set(inspect.signature(model).parameters)
    except (TypeError, ValueError):
        return set()
