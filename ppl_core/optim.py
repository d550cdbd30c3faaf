"""Optimisers with Pyro's face: `Adam({"lr": 0.01})`, or `Adam(lambda name: {...})` by parameter.

Inside, an update is a pure function of (value, gradient, state) with no object to keep in step: it
can be replayed, rewound, run for a whole ensemble at once, and recorded. The rules are
torch.optim's.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from .errors import ParamError, listing, suggestion

Settings = Mapping[str, Any]
State = tuple[Any, ...]


class Optimizer:
    """One rule for all parameters.

    Args:
        optim_args: settings such as `{"lr": 0.01}`, or a function from a parameter's name to them.
        clip_args: `{"clip_norm": ...}` or `{"clip_value": ...}`, applied to each gradient.

    Raises:
        ParamError: a setting is unknown or out of range; the nearest name is given.
    """

    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        optim_args: Settings | Callable[[str], Settings] | None = None,
        clip_args: Settings | None = None,
    ):
        self.optim_args = {} if optim_args is None else optim_args
        self.clip_args = dict(clip_args or {})
        for name in self.clip_args:
            if name not in ("clip_norm", "clip_value"):
                raise ParamError(f"clip_args: clip_norm or clip_value, got {name!r}")
        if not callable(self.optim_args):
            self._settings = self._complete(self.optim_args)
            self._of_param = None
        else:
            self._of_param = {}

    def settings(self, name: str) -> dict[str, Any]:
        """The settings for one parameter, defaults filled in."""
        if self._of_param is None:
            return self._settings
        if name not in self._of_param:
            self._of_param[name] = self._complete(self.optim_args(name))  # type: ignore[operator]
        return self._of_param[name]

    def _complete(self, given: Settings) -> dict[str, Any]:
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
                )
        settings = {**self.defaults, **given}
        lr = settings["lr"]
        if isinstance(lr, bool) or not isinstance(lr, int | float) or not 0 <= lr < math.inf:
            raise ParamError(f"{rule}: lr is a finite number >= 0, got {lr!r}")
        return settings

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
            states: name -> state; parameters without one start afresh.

        Returns:
            New values and new states, by name; nothing is changed in place.
        """
        values, states = dict(values), dict(states)
        for name, grad in grads.items():
            value = values[name]
            state = states.get(name) or self.init(value)
            if self.clip_args:
                grad = self._clipped(grad)
            values[name], states[name] = self.rule(value, grad, state, self.settings(name))
        return values, states

    def _clipped(self, grad: Tensor) -> Tensor:
        limit = self.clip_args.get("clip_value")
        if limit is not None:
            grad = grad.clamp(-limit, limit)
        limit = self.clip_args.get("clip_norm")
        if limit is not None:
            grad = grad * (limit / (grad.norm() + 1e-6)).clamp(max=1.0)
        return grad

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.optim_args!r})"


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (torch.optim.SGD)."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "momentum": 0.0,
        "dampening": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
    }

    def init(self, value: Tensor) -> State:
        """No velocity yet."""
        return (None,)

    def rule(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings
    ) -> tuple[Tensor, State]:
        """Velocity <- momentum * velocity + grad, then value <- value - lr * velocity."""
        (velocity,) = state
        momentum, decay = settings["momentum"], settings["weight_decay"]
        if decay:
            grad = grad.add(value, alpha=decay)
        if momentum:
            if velocity is None:
                velocity = grad
            else:
                damped = grad * (1 - settings["dampening"]) if settings["dampening"] else grad
                velocity = damped.add(velocity, alpha=momentum)
            grad = grad.add(velocity, alpha=momentum) if settings["nesterov"] else velocity
        return value.sub(grad, alpha=settings["lr"]), (velocity,)


class Adam(Optimizer):
    """Steps of about lr, scaled by a running root mean square (Kingma & Ba 2015; torch's Adam)."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.0,
    }

    def init(self, value: Tensor) -> State:
        """No step taken; both moments zero."""
        zero = torch.zeros_like(value)
        return (0, zero, zero)

    def rule(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings
    ) -> tuple[Tensor, State]:
        """Algorithm 1 of the paper, with its bias corrections."""
        if settings["weight_decay"]:
            grad = grad.add(value, alpha=settings["weight_decay"])
        return self._moment_step(value, grad, state, settings, settings["lr"])

    def _moment_step(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings, lr: float
    ) -> tuple[Tensor, State]:
        taken, mean, square = state
        taken += 1
        beta1, beta2 = settings["betas"]
        mean = mean.lerp(grad, 1 - beta1)
        square = square.mul(beta2).addcmul(grad, grad, value=1 - beta2)
        root = square.sqrt().div_(math.sqrt(1 - beta2**taken)).add_(settings["eps"])
        value = value.addcdiv(mean, root, value=-lr / (1 - beta1**taken))
        return value, (taken, mean, square)


class AdamW(Adam):
    """Adam whose weight decay acts on the value (Loshchilov & Hutter 2019; torch's AdamW)."""

    defaults: ClassVar[dict[str, Any]] = {**Adam.defaults, "weight_decay": 1e-2}

    def rule(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings
    ) -> tuple[Tensor, State]:
        """Decay the value, then step."""
        value = value * (1 - settings["lr"] * settings["weight_decay"])
        return self._moment_step(value, grad, state, settings, settings["lr"])


class ClippedAdam(Adam):
    """Adam with each gradient entry clipped and a rate that decays with each step (Pyro's).

    Settings besides Adam's: `clip_norm`, the largest absolute entry; `lrd`, the factor on lr per
    step.
    """

    defaults: ClassVar[dict[str, Any]] = {**Adam.defaults, "clip_norm": 10.0, "lrd": 1.0}

    def rule(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings
    ) -> tuple[Tensor, State]:
        """Clip, then step at the rate that is left."""
        grad = grad.clamp(-settings["clip_norm"], settings["clip_norm"])
        if settings["weight_decay"]:
            grad = grad.add(value, alpha=settings["weight_decay"])
        lr = settings["lr"] * settings["lrd"] ** (state[0] + 1)
        return self._moment_step(value, grad, state, settings, lr)
