"""The update rules of every day, written out as pure functions."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import ParamError
from .optimizer import Optimizer, Settings, State

_DENSE = torch.contiguous_format


class _Rule(Optimizer):
    def _elsewhere(self, setting: str) -> str:
        torch_class = getattr(torch.optim, type(self).__name__, None)
        if torch_class is None or setting not in torch_class.__init__.__annotations__:
            return ""
        name = f"torch.optim.{torch_class.__name__}"
        return f" Torch's own rule knows it: PyroOptim({name}, {{...}})."


class SGD(_Rule):
    """Stochastic gradient descent, with momentum (torch.optim.SGD)."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "momentum": 0.0,
        "dampening": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
    }
    kind = "SGD"

    def _complete(self, given: Settings) -> dict[str, Any]:
        settings = super()._complete(given)
        if settings["nesterov"] and (not settings["momentum"] or settings["dampening"]):
            raise ParamError("SGD: nesterov needs a momentum > 0 and no dampening")
        return settings

    def init(self, value: Tensor) -> State:
        """No velocity yet."""
        return (self.kind, None)

    def rule(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings
    ) -> tuple[Tensor, State]:
        """Velocity <- momentum * velocity + grad, then value <- value - lr * velocity."""
        _, velocity = state
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
        return value.sub(grad, alpha=settings["lr"]), (self.kind, velocity)


class Adam(_Rule):
    """Steps of about lr, scaled by a running root mean square (Kingma & Ba 2015; torch's Adam)."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.0,
    }
    kind = "Adam"

    def init(self, value: Tensor) -> State:
        """No step taken; both moments zero."""
        zero = torch.zeros_like(value)
        return (self.kind, 0, zero, zero)

    def rule(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings
    ) -> tuple[Tensor, State]:
        """Algorithm 1 of the paper, with its bias corrections."""
        if settings["weight_decay"]:
            grad = grad.add(value, alpha=settings["weight_decay"])
        return self._moment_step(value, grad, state, settings, settings["lr"])

    def _move(
        self,
        values: Mapping[str, Tensor],
        grads: Mapping[str, Tensor],
        states: Mapping[str, State],
    ) -> tuple[dict[str, Tensor], dict[str, State]]:
        """The same rule for all parameters in one call, where nothing sets them apart."""
        if type(self).rule is not Adam.rule or not self._are_alike(values, grads, states):
            return super()._move(values, grads, states)
        settings, age = self.settings(next(iter(grads))), states[next(iter(grads))][1]
        old = [[values[name] for name in grads], *([states[n][i] for n in grads] for i in (2, 3))]
        new, means, squares = ([tensor.clone(memory_format=_DENSE) for tensor in of] for of in old)
        torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage]
            new,
            [grad.contiguous() for grad in grads.values()],
            means,
            squares,
            [],
            [torch.full((), age + 1.0, device=new[0].device)] * len(new),
            lr=settings["lr"],
            beta1=settings["betas"][0],
            beta2=settings["betas"][1],
            weight_decay=settings["weight_decay"],
            eps=settings["eps"],
            amsgrad=False,
            maximize=False,
        )
        parts = zip(grads, new, means, squares, strict=True)
        after = {name: (self.kind, age + 1, mean, square) for name, _, mean, square in parts}
        return dict(zip(grads, new, strict=True)), after

    def _are_alike(
        self,
        values: Mapping[str, Tensor],
        grads: Mapping[str, Tensor],
        states: Mapping[str, State],
    ) -> bool:
        """Whether one call may move all: it takes their memory as it lies and checks nothing."""
        ages, kinds = set[int](), set[Any]()
        for name, grad in grads.items():
            value, (_, age, mean, square) = values[name], states[name]
            if not value.shape == grad.shape == mean.shape == square.shape:
                return False  # an ensemble that begins with the moments of one run
            ages.add(age)
            kinds |= {(each.dtype, each.device) for each in (value, grad, mean, square)}
        first, *others = map(self.settings, grads) if grads else ({},)
        return len(ages) == len(kinds) == 1 and all(other == first for other in others)

    def _moment_step(
        self, value: Tensor, grad: Tensor, state: State, settings: Settings, lr: float
    ) -> tuple[Tensor, State]:
        _, taken, mean, square = state
        taken += 1
        beta1, beta2 = settings["betas"]
        mean = mean.lerp(grad, 1 - beta1)
        square = square.mul(beta2).addcmul(grad, grad, value=1 - beta2)
        root = square.sqrt().div_(math.sqrt(1 - beta2**taken)).add_(settings["eps"])
        value = value.addcdiv(mean, root, value=-lr / (1 - beta1**taken))
        return value, (self.kind, taken, mean, square)


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
        lr = settings["lr"] * settings["lrd"] ** (state[1] + 1)
        return self._moment_step(value, grad, state, settings, lr)
