"""Attributes of a module that make statements when they are read during a call."""

import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..distributions import constraints


class PyroParam(NamedTuple):
    """A learnable attribute of a `PyroModule`, perhaps constrained.

    Assigned (`self.scale = PyroParam(torch.ones(3), constraints.positive)`), or as a decorator of a
    method that returns the initial value.

    Attributes:
        init_value: a number, array or tensor inside the constraint, or a function that returns one.
        constraint: where the value may live.
        event_dim: rightmost dimensions that a subsampling plate leaves whole; default all.
    """

    init_value: Any = None
    constraint: Any = constraints.real
    event_dim: int | None = None

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        name = _name_in(owner, self)
        if name not in instance._pyro_params:
            init = self.init_value
            value = init(instance) if callable(init) else init
            setattr(instance, name, self._replace(init_value=value))
        return instance.__getattr__(name)

    def __call__(self, init_value: Any) -> "PyroParam":
        return self._replace(init_value=init_value)


@dataclass(frozen=True, eq=False)
class PyroSample:
    """A random attribute of a `PyroModule`: read inside a call, it is a `sample` statement.

    Assigned (`self.weight = PyroSample(dist.Normal(0., 1.))`), or as a decorator of a method that
    returns the distribution.

    Attributes:
        prior: a distribution, or a function of the module that returns one (or a tensor, which
            becomes a `deterministic` statement).
    """

    prior: Any

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        name = _name_in(owner, self)
        return instance._pyro_sample(name, instance._pyro_samples.get(name, self.prior))


def _name_in(owner: type, attribute: Any) -> str:
    return next(n for kind in owner.__mro__ for n, it in vars(kind).items() if it is attribute)


class _Calls(threading.local):
    depth = 0

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}  # drawn in the call that is under way


class Context:
    """Whether a tree of modules is being called, in this thread, and what the call has drawn."""

    def __init__(self) -> None:
        self.used, self.calls = False, _Calls()

    def __enter__(self) -> None:
        self.used = True
        self.calls.depth += 1

    def __exit__(self, *error: Any) -> None:
        self.calls.depth -= 1
        if not self.calls.depth:
            self.calls.values.clear()

    def __reduce__(self) -> Any:
        return Context, ()  # copies and pickles are not being called
