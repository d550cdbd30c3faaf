"""Whether a program is still the one that was recorded: what it says and what it refers to.

A program is told by its code, its defaults, what it closes over, the globals that it names, and so
on for every function among them. Numbers and texts count by value, tensors as the objects they are
(their numbers are read at each run). Where that cannot be told for certain, say for an object with
attributes of its own, there is no identity, and a step is recorded anew.
"""

import functools
import types
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..effects import Handled, Handler

TRUSTED = frozenset(("ppl_core", "torch", "numpy", "math", "builtins", "functools", "operator"))
"""Packages whose functions are what they were."""
PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size)
MANY = 2000
"""Things to look at before giving up."""


class NoIdentity(Exception):
    """Something may change unseen."""


class Identity:
    """The identity of some programs and values, as a key of a dictionary.

    Args:
        things: programs, losses, numbers, tensors, and containers of them.

    Attributes:
        key: equal for programs that do the same.
        tensors: those found on the way; they are kept alive by whoever keeps this.

    Raises:
        NoIdentity: one of the things may change unseen.

    >>> scale = 2.0
    >>> double = lambda x: scale * x
    >>> Identity(double).key == Identity(double).key
    True
    """

    def __init__(self, *things: Any):
        self.tensors: list[Tensor] = []
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []
        self.key = tuple(self._of(thing) for thing in things)

    def _of(self, thing: Any) -> Any:
        if isinstance(thing, PLAIN):
            return type(thing), repr(thing)
        if id(thing) in self._seen:
            return "seen", self._seen[id(thing)]
        self._seen[id(thing)] = len(self._seen)
        self._kept.append(thing)
        if len(self._seen) > MANY:
            raise NoIdentity("too much to look at")
        return self._inside(thing)

    def _inside(self, thing: Any) -> Any:
        match thing:
            case Tensor():
                self.tensors.append(thing)
                shape = tuple(thing.shape), thing.stride(), thing.storage_offset()
                return "tensor", id(thing), shape, thing.dtype, thing.requires_grad
            case types.FunctionType():
                return self._function(thing)
            case types.BuiltinFunctionType() | types.ModuleType() | type():
                return self._named(thing)
            case types.MethodType():
                return "method", self._of(thing.__func__), self._of(thing.__self__)
            case functools.partial():
                return (
                    "partial",
                    self._of(thing.func),
                    self._of(thing.args),
                    self._of(thing.keywords),
                )
            case Handled():
                return "handled", self._of(thing.handler), self._of(thing.fn)
            case Handler():
                return type(thing), self._of(type(thing)), self._of(dict(vars(thing)))
            case list() | tuple() | set() | frozenset():
                return type(thing), tuple(self._of(part) for part in thing)
            case Mapping():
                return "mapping", tuple((self._of(k), self._of(v)) for k, v in thing.items())
            case _ if hasattr(thing, "arg_constraints") and _root(type(thing)) in TRUSTED:
                return type(thing), self._of(dict(vars(thing)))  # a distribution
            case _:
                raise NoIdentity(f"a {type(thing).__name__} may change unseen")

    def _named(self, thing: Any) -> Any:
        root = thing.__name__.split(".")[0] if isinstance(thing, types.ModuleType) else _root(thing)
        if root not in TRUSTED:
            raise NoIdentity(f"{thing.__name__} may change unseen")
        return type(thing), id(thing)

    def _function(self, function: types.FunctionType) -> Any:
        trusted = _root(function) in TRUSTED
        closure = tuple(self._cell(cell) for cell in function.__closure__ or ())
        given = self._of(function.__defaults__), self._of(function.__kwdefaults__)
        if trusted and not closure:
            return "function", function.__module__, function.__qualname__, function.__code__, given
        names = {} if trusted else self._globals(function)
        code = function.__code__
        return "function", code, code.co_filename, given, closure, tuple(names.items())

    def _cell(self, cell: types.CellType) -> Any:
        try:
            return self._of(cell.cell_contents)
        except ValueError:
            return "empty"

    def _globals(self, function: types.FunctionType) -> dict[str, Any]:
        """What the global names in a function's code stand for now."""
        return {
            name: self._of(function.__globals__[name])
            for name in sorted(_names(function.__code__))
            if name in function.__globals__
        }


def _names(code: types.CodeType) -> set[str]:
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _root(thing: Any) -> str:
    return (getattr(thing, "__module__", None) or "builtins").split(".")[0]
