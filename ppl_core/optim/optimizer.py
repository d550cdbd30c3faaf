"""What all optimisers share: settings by parameter, gradient clipping, the update, saving."""

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import ParamError, listing, suggestion
from ..params import get_param_store
from ..storage import FileName, load_tree, save_tree

Settings = Mapping[str, Any]
State = tuple[Any, ...]  # the kind of rule it belongs to, then what that rule remembers


class Optimizer:
    """One rule for all parameters.

    Args:
        optim_args: settings such as `{"lr": 0.01}`, or a function from a parameter's name (a
            module's as "module.weight") to them.
        clip_args: `{"clip_norm": ...}` or `{"clip_value": ...}`, applied to each gradient.

    Attributes:
        states: parameter name -> state after the newest update.

    Raises:
        ParamError: a setting is unknown or out of range; the nearest name is given.
    """

    kind: ClassVar[str] = ""
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        optim_args: Settings | Callable[[str], Settings] | None = None,
        clip_args: Settings | None = None,
    ):
        self.optim_args = {} if optim_args is None else optim_args
        clip_args = {} if clip_args is None else clip_args
        for name in clip_args if isinstance(clip_args, Mapping) else [clip_args]:
            if name not in ("clip_norm", "clip_value"):
                raise ParamError(
                    f'clip_args: {{"clip_norm": ...}} or {{"clip_value": ...}}, got {name!r}'
                )
        self.clip_args = dict(clip_args)
        self.states: Mapping[str, State] = {}
        self._first_states: Mapping[str, State] = {}
        self._leaves: dict[str, Tensor] = {}
        self._settings: dict[str, dict[str, Any]] = {}
        if not callable(self.optim_args):
            self._for_all = self._complete(self.optim_args)

    # ---- settings

    def settings(self, name: str) -> dict[str, Any]:
        """The settings for one parameter, defaults filled in."""
        if not callable(self.optim_args):
            return self._for_all
        if name not in self._settings:
            self._settings[name] = self._complete(self.optim_args(name.replace("$$$", ".")))
        return self._settings[name]

    def _complete(self, given: Settings) -> dict[str, Any]:
        """Defaults filled in, and every setting one that the rule can use."""
        rule = type(self).__name__
        if not isinstance(given, Mapping):
            raise ParamError(
                f'{rule}: settings are a mapping such as {{"lr": 0.01}}, got {given!r}'
            )
        for name in given:
            if name not in self.defaults:
                near = suggestion(name, self.defaults)
                if name in ("learning_rate", "rate", "step_size"):
                    near = " Did you mean 'lr'?"
                raise ParamError(
                    f"{rule}: no setting named {name!r}.{near} Known: {listing(self.defaults)}."
                    f"{self._elsewhere(name)}"
                )
        settings = {**self.defaults, **given}
        for name, value in settings.items():
            settings[name] = self._checked(name, value)
        return settings

    def _elsewhere(self, setting: str) -> str:
        """Where a setting that is unknown here may be had."""
        return ""

    def _checked(self, name: str, value: Any) -> Any:
        """A setting as the rule computes with it.

        Raises:
            ParamError: it is out of range.
        """
        default, wanted = self.defaults[name], "a number >= 0"
        if isinstance(default, bool):
            if isinstance(value, bool):
                return value
            wanted = "True or False"
        elif isinstance(default, tuple):
            parts = [_number(part) for part in value] if isinstance(value, list | tuple) else []
            if len(parts) == len(default) and all(0 <= part < 1 for part in parts):
                return tuple(parts)
            wanted = f"{len(default)} numbers in [0, 1)"
        else:
            number = _number(value)
            if number >= 0 and (name != "lr" or number < math.inf):
                return number
            wanted = "a finite number >= 0" if name == "lr" else wanted
        raise ParamError(f"{type(self).__name__}: {name} is {wanted}, got {value!r}")

    # ---- the rule

    def init(self, value: Tensor) -> State:
        """The state of a parameter that has not moved yet."""
        raise TypeError(f"{type(self).__name__} is no rule by itself: use SGD, Adam, ...")

    def rule(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings
    ) -> tuple[Tensor, State]:
        """One step: the new value and state, from old ones that stay as they are."""
        raise TypeError(f"{type(self).__name__} is no rule by itself: use SGD, Adam, ...")

    def update(
        self,
        values: Mapping[str, Tensor],
        grads: Mapping[str, Tensor],
        states: Mapping[str, State],
    ) -> tuple[dict[str, Tensor], dict[str, State]]:
        """Move every parameter that has a gradient; the rest stay.

        Args:
            values: name -> unconstrained value.
            grads: name -> gradient of the loss (nats per unit).
            states: name -> state; parameters without one, or with that of another rule, start
                afresh.

        Returns:
            New values and new states, by name; nothing is changed in place.
        """
        before = {name: self._state(name, values[name], states.get(name)) for name in grads}
        if self.clip_args:
            grads = {name: self._clipped(grad) for name, grad in grads.items()}
        moved, after = self._move(values, grads, before)
        self.states = {**states, **after}
        return {**values, **moved}, self.states

    def _move(
        self,
        values: Mapping[str, Tensor],
        grads: Mapping[str, Tensor],
        states: Mapping[str, State],
    ) -> tuple[dict[str, Tensor], dict[str, State]]:
        """The rule for every parameter that has a gradient, one after the other."""
        moved: dict[str, Tensor] = {}
        after: dict[str, State] = {}
        for name, grad in grads.items():
            settings = self.settings(name)
            moved[name], after[name] = self.rule(values[name], grad, states[name], settings)
        return moved, after

    def _state(self, name: str, value: Tensor, state: State | None) -> State:
        """The state that a parameter moves from; one of another rule does not count."""
        if state is None or state[0] != self.kind:
            state = self._first_state(name, value)
        return state

    def _first_state(self, name: str, value: Tensor) -> State:
        loaded = self._first_states.get(name)
        return loaded if loaded and loaded[0] == self.kind else self.init(value)

    def _clipped(self, grad: Tensor) -> Tensor:
        limit = self.clip_args.get("clip_norm")
        if limit is not None:
            grad = grad * (limit / (grad.norm() + 1e-6)).clamp(max=1.0)
        limit = self.clip_args.get("clip_value")
        if limit is not None:
            grad = grad.clamp(-limit, limit)
        return grad

    # ---- Pyro's face, for a training loop of one's own

    def __call__(self, params: Iterable[Tensor]) -> None:
        """Move leaves of the current parameter store in place, each by its `.grad`.

        Raises:
            ParamError: a tensor is no leaf of the store.
        """
        names = {id(leaf): name for name, leaf in get_param_store().named_parameters()}
        leaves: dict[str, Tensor] = {}
        for leaf in params:
            if id(leaf) not in names:
                raise ParamError(
                    f"{type(self).__name__}: a tensor of shape {tuple(leaf.shape)} is no leaf of "
                    f"the parameter store. Give it p.unconstrained() for each value p of a param."
                )
            leaves[names[id(leaf)]] = leaf
        states = {
            name: state
            for name, state in self.states.items()
            if self._leaves.get(name) is leaves.get(name)
        }
        grads = {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
        with torch.no_grad():
            moved, _ = self.update({n: leaf.data for n, leaf in leaves.items()}, grads, states)
        for name, leaf in leaves.items():
            leaf.data = moved[name]
        self._leaves.update(leaves)

    # ---- what it remembers

    def get_state(self) -> dict[str, Any]:
        """What the newest update left: parameter name -> state."""
        return dict(self.states)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Let parameters go on from what `get_state` returned, once they have no other state."""
        self.states = self._first_states = dict(state)

    def save(self, filename: FileName) -> None:
        """Write `get_state` to a safetensors file."""
        save_tree(filename, {"optim": self.get_state()})

    def load(self, filename: FileName, map_location: Any = None) -> None:
        """Take over what `save` wrote, or `ParamStore.save` with an optimiser.

        Raises:
            ParamError: the file is something else.
        """
        state = load_tree(filename, map_location)
        if "optim" not in state:
            raise ParamError(f"{filename}: there is no state of an optimiser in this file")
        self.set_state(state["optim"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.optim_args!r})"


def _number(value: Any) -> float:
    """A number of any make as a float; nan if it is none."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.item()
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
