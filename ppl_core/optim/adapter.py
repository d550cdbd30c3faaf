"""Torch's optimisers, used as they are, behind the same pure update.

A torch optimiser keeps its parameters and what it remembers of them in itself. Here one is made for
each step from copies of both, takes the step, and is asked for what it has changed.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor

from ..errors import ParamError
from .optimizer import Optimizer, Settings, State


class TorchOptimizer(Optimizer):
    """An optimiser of torch, with the settings of its own arguments.

    Raises:
        ParamError: torch refuses the settings, or a parameter's shape.
    """

    torch_class: ClassVar[Any]

    def _checked(self, name: str, value: Any) -> Any:
        return value  # torch checks

    def _complete(self, given: Settings) -> dict[str, Any]:
        settings = super()._complete(given)
        self._made([torch.zeros(2, 2)], settings)
        return settings

    def _made(self, leaves: list[Tensor], settings: Settings) -> Any:
        try:
            return self.torch_class(leaves, **settings)
        except (ValueError, TypeError) as error:
            raise ParamError(f"{type(self).__name__}: {error}") from None

    def init(self, value: Tensor) -> State:
        """Nothing: torch fills it in at the first step."""
        return (self.kind, {})

    def update(
        self,
        values: Mapping[str, Tensor],
        grads: Mapping[str, Tensor],
        states: Mapping[str, State],
    ) -> tuple[dict[str, Tensor], dict[str, State]]:
        """As every optimiser's; one step of torch's for all parameters with the same settings."""
        values, new_states = dict(values), dict(states)
        alike: dict[int, list[str]] = {}  # parameters by their settings
        for name in grads:
            alike.setdefault(id(self.settings(name)), []).append(name)
        for names in alike.values():
            leaves = {name: values[name].detach().clone() for name in names}
            optimizer = self._made(list(leaves.values()), self.settings(names[0]))
            for name, leaf in leaves.items():
                leaf.grad = self._clipped(grads[name]).clone()
                state = states.get(name)
                if state is None or state[0] != self.kind:
                    state = self._first_state(name, leaf)
                optimizer.state[leaf].update(_copied(state[1]))
            optimizer.step()
            for name, leaf in leaves.items():
                leaf.grad = None
                values[name], new_states[name] = leaf, (self.kind, dict(optimizer.state[leaf]))
        self.states = new_states
        return values, new_states


def _copied(remembered: Mapping[str, Any]) -> dict[str, Any]:
    return {key: it.clone() if isinstance(it, Tensor) else it for key, it in remembered.items()}


def adapted(torch_class: Any) -> type[TorchOptimizer]:
    """Torch's optimiser class with Pyro's face.

    Raises:
        ParamError: it evaluates the loss several times in a step.
    """
    if issubclass(torch_class, torch.optim.LBFGS):
        LBFGS()
    name = torch_class.__name__
    arguments = list(signature(torch_class).parameters.values())[1:]
    members = {
        "__doc__": f"`torch.optim.{name}` with Pyro's face: its arguments are the settings.",
        "__module__": __package__,
        "torch_class": torch_class,
        "kind": name,
        "defaults": {argument.name: argument.default for argument in arguments},
    }
    return type(name, (TorchOptimizer,), members)


def PyroOptim(
    optim_constructor: Any,
    optim_args: Settings | Callable[[str], Settings] | None = None,
    clip_args: Settings | None = None,
) -> TorchOptimizer:
    """Any optimiser class of torch, or of your own on `torch.optim.Optimizer`, with Pyro's face.

    >>> PyroOptim(torch.optim.Adam, {"lr": 0.01, "amsgrad": True})
    Adam({'lr': 0.01, 'amsgrad': True})
    """
    return adapted(optim_constructor)(optim_args, clip_args)


def LBFGS(*_: Any, **__: Any) -> NoReturn:
    """Not here: it evaluates the loss several times a step, where SVI has one noisy estimate.

    Raises:
        ParamError: always; it says what to use.
    """
    raise ParamError(
        "LBFGS evaluates the loss several times in a step and takes it for exact; SVI has one "
        "noisy estimate. Use Adam; for an exact loss of your own, torch.optim.LBFGS on the leaves "
        "of get_param_store().named_parameters()."
    )
