"""Learnable values with a name: unconstrained leaves, and the constraints they are seen through.

`param("b", 1.0, constraint=constraints.positive)` stores log 1.0 = 0.0 as a leaf that an optimiser
may move anywhere, and returns exp(leaf), which is positive wherever it was moved to. There is one
global store by default; `with ParamStore() as store:` makes another one for the block.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import constraints, transform_to

from .errors import ParamError, listing, suggestion
from .values import as_real, validation_enabled


class ParamStore:
    """Parameters by name, as constrained values outside and unconstrained leaves inside.

    >>> store = ParamStore()
    >>> store.setdefault("b", 1.0, constraint=constraints.positive).item()
    1.0
    >>> store.setdefault("b", 100.0).item()  # the first call wins
    1.0
    """

    def __init__(self) -> None:
        self._leaves: dict[str, Tensor] = {}
        self._constraints: dict[str, Any] = {}
        self._transforms: dict[str, Callable[[Tensor], Tensor] | None] = {}

    # ---- one parameter

    def setdefault(
        self,
        name: str,
        init: Any = None,
        constraint: Any = constraints.real,
        where: str = "",
    ) -> Tensor:
        """The constrained value of a parameter, made from `init` if there is none of this name yet.

        Args:
            name: the parameter.
            init: a number, array or tensor inside the constraint, or a function that returns one.
            constraint: where the value may live; the leaf is free.
            where: file:line to blame in an error.

        Raises:
            ParamError: there is no value yet and `init` is missing, not finite or off the
                constraint.
        """
        if name not in self._leaves:
            if init is None:
                raise ParamError(
                    f"param {name!r}{where and ' at ' + where}: no value yet, and no initial value "
                    f"given.{suggestion(name, self._leaves)} Known: {listing(self._leaves)}."
                )
            self._create(name, init() if callable(init) else init, constraint, where)
        return self[name]

    def get_param(
        self, name: str, init: Any = None, constraint: Any = constraints.real, **_: Any
    ) -> Tensor:
        """Pyro's name for `setdefault`."""
        return self.setdefault(name, init, constraint)

    def _create(self, name: str, value: Any, constraint: Any, where: str = "") -> None:
        value = as_real(value).detach()
        if not bool(constraint.check(value).all()) or not bool(torch.isfinite(value).all()):
            shown = (
                value.tolist() if value.numel() <= 4 else f"a tensor of shape {tuple(value.shape)}"
            )
            raise ParamError(
                f"param {name!r}{where and ' at ' + where}: its initial value {shown} is not "
                f"inside the constraint {constraint}. Start from a finite value that is."
            )
        transform = None if constraint is constraints.real else transform_to(constraint)
        leaf = value.clone() if transform is None else transform.inv(value).clone()
        self._leaves[name] = leaf.requires_grad_(True)
        self._constraints[name] = constraint
        self._transforms[name] = transform

    def __getitem__(self, name: str) -> Tensor:
        """The constrained value, attached to its leaf for gradients."""
        leaf = self.unconstrained(name)
        transform = self._transforms[name]
        if transform is None:
            return leaf
        value = transform(leaf)
        if validation_enabled():
            vars(value)["unconstrained"] = lambda: leaf  # as Pyro's constrained values offer
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        """Give a parameter a new constrained value; it keeps its constraint, a new one is free."""
        self._create(name, value, self._constraints.get(name, constraints.real))

    def __delitem__(self, name: str) -> None:
        self.unconstrained(name)
        for table in (self._leaves, self._constraints, self._transforms):
            del table[name]

    def unconstrained(self, name: str) -> Tensor:
        """The leaf that an optimiser moves.

        Raises:
            ParamError: there is no parameter of this name.
        """
        try:
            return self._leaves[name]
        except KeyError:
            raise ParamError(
                f"no parameter named {name!r}.{suggestion(name, self._leaves)} "
                f"Known: {listing(self._leaves)}."
            ) from None

    def constrain(self, name: str, leaf_value: Tensor) -> Tensor:
        """The constrained value that an unconstrained one of this parameter stands for."""
        transform = self._transforms[name]
        return leaf_value if transform is None else transform(leaf_value)

    def constraint(self, name: str) -> Any:
        """The constraint that a parameter was made with."""
        self.unconstrained(name)
        return self._constraints[name]

    # ---- all of them, as a mapping

    def __contains__(self, name: object) -> bool:
        return name in self._leaves

    def __len__(self) -> int:
        return len(self._leaves)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._leaves))

    def __bool__(self) -> bool:
        return True  # an empty store is still a store

    def keys(self) -> list[str]:
        """Names, in the order of their first statement."""
        return list(self._leaves)

    def values(self) -> list[Tensor]:
        """Constrained values."""
        return [self[name] for name in self._leaves]

    def items(self) -> list[tuple[str, Tensor]]:
        """Names and constrained values."""
        return [(name, self[name]) for name in self._leaves]

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Names and unconstrained leaves, for an optimiser of your own."""
        return list(self._leaves.items())

    def match(self, name: str) -> dict[str, Tensor]:
        """The parameters whose names match a regular expression from their start, as in Pyro."""
        pattern = re.compile(name)
        return {name: self[name] for name in self._leaves if pattern.match(name)}

    def clear(self) -> None:
        """Forget everything."""
        for table in (self._leaves, self._constraints, self._transforms):
            table.clear()

    # ---- moving a whole store

    def get_state(self) -> dict[str, Any]:
        """A copy that later steps do not touch: `{"params": leaves, "constraints": ...}`."""
        leaves = {name: leaf.detach().clone() for name, leaf in self._leaves.items()}
        return {"params": leaves, "constraints": dict(self._constraints)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `get_state` returned; everything else is forgotten."""
        self.clear()
        for name, leaf in state["params"].items():
            constraint = state["constraints"][name]
            self._leaves[name] = leaf.detach().clone().requires_grad_(True)
            self._constraints[name] = constraint
            self._transforms[name] = (
                None if constraint is constraints.real else transform_to(constraint)
            )

    def __enter__(self) -> Self:
        _scopes.stack.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        _scopes.stack.pop()

    def __repr__(self) -> str:
        return f"ParamStore({listing(self._leaves)})"


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[ParamStore] = []


_scopes = _Scopes()
_global_store = ParamStore()


def get_param_store() -> ParamStore:
    """The store in use: the innermost `with ParamStore():` of this thread, else the global one."""
    return _scopes.stack[-1] if _scopes.stack else _global_store


def clear_param_store() -> None:
    """Forget every parameter of the current store, as one should between two trainings."""
    get_param_store().clear()
