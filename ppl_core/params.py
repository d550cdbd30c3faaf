"""Learnable values with a name: unconstrained leaves, and the constraints they are seen through.

`param("b", 1.0, constraint=constraints.positive)` stores log 1.0 = 0.0 as a leaf that an optimiser
may move anywhere, and returns exp(leaf), which is positive wherever it was moved to. There is one
global store by default; `with ParamStore() as store:` makes another one for the block.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Self
from weakref import ref

import torch
from torch import Tensor
from torch.nn import Parameter

from .distributions import constraints, transform_to
from .distributions.constraints import from_spelling, spelling
from .errors import ParamError, listing, suggestion
from .storage import FileName, load_tree, save_tree
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
        self._transforms: dict[str, Any] = {}

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
            init: a number, array or tensor inside the constraint, or a function that returns one;
                an unconstrained `nn.Parameter` becomes the leaf itself, so that its module trains.
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
            self._put(name, init() if callable(init) else init, constraint, where)
        return self[name]

    def get_param(
        self,
        name: str,
        init: Any = None,
        constraint: Any = constraints.real,
        event_dim: int | None = None,
    ) -> Tensor:
        """Pyro's name for `setdefault`; `event_dim` is for plates, which a store does not know."""
        return self.setdefault(name, init, constraint)

    def _put(self, name: str, init: Any, constraint: Any, where: str = "") -> None:
        """Give a parameter a constrained value: in a new leaf, or in the one a module trains with.

        Raises:
            ParamError: the value is not finite, or not inside the constraint.
        """
        value = as_real(init).detach()
        wrong = ""
        if not bool(constraint.check(value).all()) or not bool(torch.isfinite(value).all()):
            wrong = f"is not inside the constraint {constraint}. Start from a finite value that is"
        elif _on_the_edge(value, constraint):
            wrong = f"is on the edge of {constraint}, which no step leaves. Start inside it"
        if wrong:
            shown = (
                value.tolist() if value.numel() <= 4 else f"a tensor of shape {tuple(value.shape)}"
            )
            at = where and f" at {where}"
            raise ParamError(f"param {name!r}{at}: its initial value {shown} {wrong}.")
        old = self._leaves.get(name)
        if constraint is constraints.real:
            if isinstance(init, Parameter) and init.requires_grad and old is None:
                self.adopt(name, init)
                return
            leaf = value.clone()
        else:
            leaf = _transform(name, constraint).inv(value).clone()
        if isinstance(old, Parameter):  # a module trains with it
            old.data = leaf
        else:
            self.adopt(name, leaf.requires_grad_(True), constraint)

    def adopt(self, name: str, leaf: Tensor, constraint: Any = constraints.real) -> Tensor:
        """Hold this very tensor as the unconstrained leaf of a parameter, and return it."""
        self._leaves[name] = leaf
        self._constraints[name] = constraint
        if constraint is constraints.real:
            self._transforms[name] = None
            vars(leaf)["unconstrained"] = _Leaf(leaf)
        else:
            self._transforms[name] = _transform(name, constraint)
        return leaf

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
        self._put(name, value, self._constraints.get(name, constraints.real))

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

    def param_name(self, p: Tensor) -> str | None:
        """The name of a parameter, given its leaf or its value; None if it is not one."""
        leaf = vars(p)["unconstrained"]() if "unconstrained" in vars(p) else p
        return next((name for name, known in self._leaves.items() if known is leaf), None)

    def replace_param(self, param_name: str, new_param: Any, old_param: Tensor) -> None:
        """Pyro's name for `store[param_name] = new_param`, sure of what it replaces."""
        if self.param_name(old_param) != param_name:
            raise ParamError(f"param {param_name!r}: the old value given is not its value now")
        self[param_name] = new_param

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

    def get_all_param_names(self) -> list[str]:
        """Pyro's name for `keys`."""
        return self.keys()

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
        before = dict(self._leaves)
        self.clear()
        for name, value in state["params"].items():
            leaf, value = before.get(name), value.detach().clone()
            if isinstance(leaf, Parameter):  # a module trains with it
                leaf.data = value
            else:
                leaf = value.requires_grad_(True)
            self.adopt(name, leaf, state["constraints"][name])

    def save(self, filename: FileName, optim: Any = None) -> None:
        """Write all parameters, and an optimiser's state if one is given, to a safetensors file.

        Raises:
            ParamError: a constraint is not one of `ppl_core.distributions.constraints`.
        """
        state = self.get_state()
        names = {name: spelling(kind, name) for name, kind in state["constraints"].items()}
        state = {"params": state["params"], "constraints": names}
        save_tree(filename, state if optim is None else {**state, "optim": optim.get_state()})

    def load(self, filename: FileName, map_location: Any = None, optim: Any = None) -> None:
        """Take over what `save` wrote; everything else is forgotten.

        Args:
            filename: of the file.
            map_location: device of the parameters; by default the one they were saved from.
            optim: an optimiser that is to go on from the state that was saved with them.

        Raises:
            ParamError: the file is something else, or holds no optimiser's state.
        """
        state = load_tree(filename, map_location)
        if "params" not in state or (optim is not None and "optim" not in state):
            what = "parameters" if "params" not in state else "state of an optimiser"
            raise ParamError(f"{filename}: there is no {what} in this file")
        names = state["constraints"].items()
        self.set_state(
            {**state, "constraints": {name: from_spelling(kind) for name, kind in names}}
        )
        if optim is not None:
            optim.set_state(state["optim"])

    def __enter__(self) -> Self:
        _scopes.stack.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        while _scopes.stack.pop() is not self:
            pass  # a store inside that was interrupted on its way out

    def __repr__(self) -> str:
        return f"ParamStore({listing(self._leaves)})"


class _Leaf:
    """What a leaf answers to `.unconstrained()`, as constrained values do: itself.

    The leaf is not kept alive, and copies and pickles of it forget this.
    """

    def __init__(self, leaf: Tensor | None = None):
        self._leaf = None if leaf is None else ref(leaf)

    def __call__(self) -> Tensor | None:
        return None if self._leaf is None else self._leaf()

    def __reduce__(self) -> Any:
        return _Leaf, ()


def _transform(name: str, constraint: Any) -> Any:
    try:
        return transform_to(constraint)
    except NotImplementedError:
        raise ParamError(
            f"param {name!r}: no transform leads from the reals to {constraint}, so no optimiser "
            f"can move in it. A discrete choice is a `sample` site, not a parameter."
        ) from None


def _on_the_edge(value: Tensor, constraint: Any) -> bool:
    """Whether an entry equals a bound that the constraint includes: its leaf would be infinite."""
    constraint = getattr(constraint, "base_constraint", constraint)
    bounds = (getattr(constraint, side, None) for side in ("lower_bound", "upper_bound"))
    return any(bound is not None and bool((value == bound).any()) for bound in bounds)


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
