"""How a statement gets its meaning. Start reading here.

A program says `sample("weight", ...)`; what that does is decided outside it. The statement becomes
a `Site`, which travels outward through the active handlers, innermost first. A handler may

- replace the site before it forwards it, to change what happens further out (`condition`),
- look at the settled site that comes back (`trace`),
- answer by itself, so that nobody further out ever hears of the statement (`block`).

A site that leaves the outermost handler is settled by the plain meaning of its kind: a `sample` is
drawn, a `param` is looked up. Nothing else in this package is needed to understand a handler.
"""

import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial, update_wrapper
from inspect import isgeneratorfunction
from types import MappingProxyType, MethodType
from typing import Any, Self

from torch import Tensor

from .errors import ModelError, suggestion

Forward = Callable[["Site"], "Site"]


class Site:
    """One statement on its way through the handlers: replaced, never changed.

    Read a field as an attribute (`site.value`) or by its name in Pyro (`site["value"]`,
    `site["is_observed"]`, `site["type"]`).
    """

    kind: str  # "sample" | "param" | "subsample", or a kind of your own
    name: str
    fn: Any = None  # a Distribution (sample), the initial value (param), the data (subsample)
    value: Any = None  # batch_shape + event_shape, once settled
    observed: bool = False  # the value is data: part of the likelihood
    scale: float | Tensor = 1.0  # factor on the log probability
    mask: bool | Tensor | None = None  # batch_shape; False entries do not count
    plates: tuple[Any, ...] = ()  # frames of the plates around the statement, outermost first
    scopes: tuple[Any, ...] = ()  # turns of the markov loops around it, innermost first
    dims: Mapping[int, str] = MappingProxyType({})  # enumerated sites by their batch dimension
    infer: Mapping[str, Any] = MappingProxyType({})  # wishes to the inference algorithm
    set_by: str = ""  # who gave the value: "obs", "condition", ...; "" for a draw of its own
    intervened: Any = None  # what `do` hands on downstream in place of `value`
    noise: Tensor | None = None  # the standard draw behind a reparameterised value
    constraint: Any = None  # of a param
    event_dim: int | None = None  # of a param or subsample statement
    where: str = ""  # file:line of the statement, known while validation is on
    args: tuple[Any, ...] = ()  # of the program, in a trace's "_INPUT"
    kwargs: Mapping[str, Any] = MappingProxyType({})

    _pyro_names = MappingProxyType(
        {"type": "kind", "is_observed": "observed", "cond_indep_stack": "plates"}
    )

    def __init__(self, kind: str, name: str, fn: Any = None, **fields: Any):
        self.__dict__.update(fields, kind=kind, name=name, fn=fn)

    def replace(self, **changes: Any) -> "Site":
        """A copy of this site with other fields."""
        site = object.__new__(Site)
        site.__dict__.update(self.__dict__)
        site.__dict__.pop("_log_prob", None)
        site.__dict__.update(changes)
        return site

    def __setattr__(self, field: str, value: Any) -> None:
        raise AttributeError(f"a Site is never changed: use site.replace({field}=...)")

    @property
    def log_prob(self) -> Tensor:
        """Log probability of the value in nats, scaled and masked, batch_shape; computed once."""
        known = self.__dict__.get("_log_prob")
        if known is None:
            if isinstance(self.mask, Tensor):  # masked entries may lie off the support
                log_prob = self.fn.mask(self.mask).log_prob(self.value)
                known = scale_and_mask(log_prob, self.scale)
            else:
                known = scale_and_mask(self.fn.log_prob(self.value), self.scale, self.mask)
            self.__dict__["_log_prob"] = known
        return known

    @property
    def unscaled_log_prob(self) -> Tensor:
        """Log density of the value in nats, batch_shape; before scale and mask."""
        return self.fn.log_prob(self.value)

    @property
    def log_prob_sum(self) -> Tensor:
        """The site's scalar share of the log joint, in nats."""
        return self.log_prob.sum()

    def __getitem__(self, field: str) -> Any:
        try:
            return getattr(self, self._pyro_names.get(field, field))
        except AttributeError:
            raise KeyError(f"site {self.name!r} ({self.kind}) has no field {field!r}") from None

    def __contains__(self, field: str) -> bool:
        field = self._pyro_names.get(field, field)
        return ("_log_prob" if field == "log_prob" else field) in self.__dict__

    def get(self, field: str, default: Any = None) -> Any:
        """`site[field]`, or `default` where the site has no such field."""
        return getattr(self, self._pyro_names.get(field, field), default)

    def __repr__(self) -> str:
        value = (
            self.value
            if not isinstance(self.value, Tensor) or self.value.numel() == 1
            else (f"tensor{tuple(self.value.shape)}")
        )
        seen = " observed" if self.observed else ""
        return f"Site({self.kind} {self.name!r}{seen}, {self.fn}, value={value})"


def scale_and_mask(
    log_prob: Tensor, scale: float | Tensor = 1.0, mask: bool | Tensor | None = None
) -> Tensor:
    """Scale log probabilities; masked ones become zero, even where they are infinite or nan."""
    if isinstance(scale, Tensor) or scale != 1.0:
        log_prob = log_prob * scale
    if mask is None or mask is True:
        return log_prob
    if mask is False:
        return log_prob.new_zeros(log_prob.shape)
    return log_prob.where(mask, log_prob.new_zeros(()))


class Handler:
    """Another meaning for the statements of a program.

    One class is wrapper, decorator and context manager:

        condition(model, data={...})        # a new model
        @condition(data={...})              # above a def
        with condition(data={...}): ...     # around statements

    Override `handle`. A wrapped model gets a fresh copy of the handler on each call, so handled
    models nest, recurse and run in several threads.
    """

    def __new__(cls, fn: Callable[..., Any] | None = None, *settings: Any, **named: Any) -> Any:
        handler = object.__new__(cls)
        if fn is None:
            return handler
        if not callable(fn):
            raise TypeError(
                f"{cls.__name__}: the first argument is the model, got {fn!r}. "
                f"Name the other arguments: {cls.__name__}(model, ...=...)"
            )
        handler.__init__(*settings, **named)
        return handler(fn)  # a program, on which Python does not call __init__ again

    def __call__(self, fn: Callable[..., Any]) -> "Handled":
        return Handled(self, fn)

    def handle(self, site: Site, forward: Forward) -> Site:
        """Return the settled site; `forward(site)` asks everyone further out."""
        return forward(site)

    def fresh(self) -> Self:
        """A copy for one run."""
        handler = object.__new__(type(self))
        handler.__dict__.update(self.__dict__)
        return handler

    def __enter__(self) -> Any:
        _active.outer.append(_active.emit)
        _active.emit = partial(self.handle, forward=_active.emit)
        return self

    def __exit__(self, *error: Any) -> None:
        if not _active.outer:
            raise RuntimeError(
                f"more handlers were left than entered, {type(self).__name__} last. Where a "
                f"handler has an __enter__ of its own, it ends in `return super().__enter__()`."
            )
        _active.emit = _active.outer.pop()


class Handled:
    """A program with a handler around it: called like the program, with its name and signature."""

    def __init__(self, handler: Handler, fn: Callable[..., Any]):
        if isgeneratorfunction(fn):
            raise TypeError(
                f"{fn.__name__} is a generator: its statements would run when nobody listens any "
                f"more. A program returns; it does not yield."
            )
        update_wrapper(self, fn, updated=())
        self.handler, self.fn = handler, fn

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self.handler.fresh():
            return self.fn(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        found: Any = sys.modules.get(self.__module__)
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        if found is self:  # a decorated function: a pickle names it, as it names functions
            return found.__qualname__
        return super().__reduce_ex__(protocol)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"{type(self.handler).__name__}({self.fn!r})"


_meanings: dict[str, Callable[[Site], Site]] = {}


def meaning(kind: str) -> Callable[[Callable[[Site], Site]], Callable[[Site], Site]]:
    """Register what statements of a kind do when no handler answers them."""

    def register(settle_kind: Callable[[Site], Site]) -> Callable[[Site], Site]:
        _meanings[kind] = settle_kind
        return settle_kind

    return register


def settle(site: Site) -> Site:
    """The plain meaning of a statement, heard by nobody.

    Raises:
        ModelError: its kind has none, and no handler has answered it.
    """
    if site.kind not in _meanings:
        raise ModelError(
            f"{site.name!r}: nobody answers statements of kind {site.kind!r}."
            f"{suggestion(site.kind, _meanings)} A handler may, or what effects.meaning registers."
        )
    return _meanings[site.kind](site)


class _Active(threading.local):
    """The handlers at work in this thread: a chain of calls, and the chains around it."""

    def __init__(self) -> None:
        self.emit: Forward = settle
        self.outer: list[Forward] = []


_active = _Active()


def emit(site: Site) -> Site:
    """Send a statement through the active handlers of this thread; the settled site comes back."""
    return _active.emit(site)


def is_handled() -> bool:
    """Whether any handler would hear a statement of this thread, here and now."""
    return _active.emit is not settle


class suspended:
    """No handler at all inside `with suspended():`, for work that is not part of the program.

    What was active before is active after it, even if a handler inside was interrupted on its way
    out, as by Ctrl-C.
    """

    def __enter__(self) -> None:
        self._depth = len(_active.outer)
        _active.outer.append(_active.emit)
        _active.emit = settle

    def __exit__(self, *error: Any) -> None:
        _active.emit = _active.outer[self._depth]
        del _active.outer[self._depth :]
