"""One statement on its way through the handlers: who saw it, and what each of them changed.

A statement travels outward, from the innermost handler to the outermost, is settled there, and
comes back the same way. A listener inside all handlers of a model hands it on to each of them in
turn, as the chain itself would, and compares what goes in with what comes out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..effects import Forward, Handled, Handler, Site, suspended
from ..errors import ModelError, listing, suggestion
from ..values import validation
from .ledger import described, shown

FIELDS = ("fn", "value", "observed", "intervened", "scale", "mask", "set_by", "infer")
"""What a handler may change."""


@dataclass(frozen=True)
class Encounter:
    """One handler, or the settling at the end, and what it did to a statement.

    Attributes:
        who: the handler's class; "settled" for the plain meaning of the statement.
        outward: what it changed before it sent the statement on, field -> new value in words.
        back: what it changed in the settled statement that came back.
        answered: whether it answered by itself, so that nobody further out heard of it.
    """

    who: str
    outward: dict[str, str]
    back: dict[str, str]
    answered: bool = False

    @property
    def cells(self) -> tuple[str, str, str]:
        """Handler, what it did on the way out, what on the way back."""
        out = "answers by itself" if self.answered else _sentence(self.outward)
        return self.who, out, _sentence(self.back)


class Story(list[Encounter]):
    """The encounters of a statement, from the innermost handler outward; prints as a table."""

    def __str__(self) -> str:
        rows = [("handler", "on the way out", "on the way back"), *(each.cells for each in self)]
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def story(model: Callable[..., Any], site: str, *args: Any, **kwargs: Any) -> Story:
    """Run a program once and tell what each of its handlers does to one statement.

    Plates, and handlers that are entered inside the program, have had their turn before.

    Args:
        model: the program with its handlers around it: `condition(scale, ...)`, say.
        site: name of the statement; its first turn is told.
        args, kwargs: of the program.

    Raises:
        ModelError: the program makes no statement of this name.

    >>> import ppl_core as ppl
    >>> def scale():
    ...     weight = ppl.sample("weight", ppl.distributions.Normal(8.5, 1.0))
    ...     return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
    >>> told = story(ppl.condition(scale, data={"measurement": 9.5}), "measurement")
    >>> [(each.who, each.outward.get("value", "")) for each in told]
    [('condition', '9.5'), ('settled', '')]
    """
    listener = _listener(site=site)
    quietly = torch.random.fork_rng(devices=[])
    with quietly, torch.no_grad(), validation(True), suspended():
        _inside(model, listener)(*args, **kwargs)
    if not listener.story:
        raise ModelError(
            f"story: the program makes no statement {site!r}.{suggestion(site, listener.met)} "
            f"Its statements: {listing(listener.met)}."
        )
    return listener.story


def _inside(model: Callable[..., Any], listener: Handler) -> Callable[..., Any]:
    """The same program under the same handlers, with a listener inside all of them."""
    if isinstance(model, Handled):
        return Handled(model.handler, _inside(model.fn, listener))
    return Handled(listener, model)


class _listener(Handler):
    """Hands one statement on, from handler to handler, and notes what each does."""

    def __init__(self, site: str):
        self.site, self.story, self.met = site, Story(), list[str]()

    def handle(self, site: Site, forward: Forward) -> Site:
        self.met.append(site.name)
        if site.name != self.site or self.story:
            return forward(site)
        return self._hand_on(site, forward)

    def _hand_on(self, site: Site, forward: Forward) -> Site:
        place = len(self.story)
        self.story.append(Encounter("", {}, {}))
        handler: Any = getattr(getattr(forward, "func", None), "__self__", None)
        if handler is None:
            settled = forward(site)
            self.story[place] = Encounter("settled", {}, _changes(site, settled))
            return settled
        outer: Forward = getattr(forward, "keywords", {})["forward"]
        sent: list[Site] = []
        came: list[Site] = []

        def pass_on(fresh: Site) -> Site:
            sent.append(fresh)
            came.append(self._hand_on(fresh, outer))
            return came[-1]

        settled = handler.handle(site, forward=pass_on)
        outward = _changes(site, sent[0]) if sent else {}
        back = _changes(came[-1] if came else site, settled)
        who = type(handler).__name__
        self.story[place] = Encounter(who, outward, back, answered=not sent)
        return settled


def _changes(before: Site, after: Site) -> dict[str, str]:
    """Fields that differ, and what they are now."""
    return {
        field: _worded(field, getattr(after, field))
        for field in FIELDS
        if not _same(getattr(before, field), getattr(after, field))
    }


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return False
    return bool(one == other)


def _worded(field: str, value: Any) -> str:
    return described(value) if field == "fn" else shown(value)


def _sentence(changes: dict[str, str]) -> str:
    names = {"fn": "distribution", "set_by": "set by"}
    return ", ".join(f"{names.get(field, field)}: {value}" for field, value in changes.items())
