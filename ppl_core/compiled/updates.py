"""Update rules in tensor operations only, so that they can be recorded.

An optimiser counts its steps in whole numbers and corrects by powers of its rates. Here such powers
are tensors that are multiplied on from step to step; the rate of learning is an argument. Each rule
also knows how to read an optimiser's own state and how to write it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .ops import NotCompiled

Parts = dict[str, Tensor]
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """An update rule.

    Attributes:
        kind: "SGD" | "Adam" | "AdamW" | "ClippedAdam" | "RMSprop".
        settings: of the optimiser, for one parameter.
    """

    kind: str
    settings: Settings

    @property
    def key(self) -> tuple[Any, ...]:
        """What is written into a recording: all settings but the learning rate."""
        rest = {name: value for name, value in self.settings.items() if name != "lr"}
        return self.kind, tuple(sorted(rest.items()))

    # ---- from and to the optimiser's own state

    def parts(self, state: Sequence[Any]) -> Parts:
        """The tensors that the rule remembers of one parameter.

        Raises:
            KeyError: the optimiser has not seen this parameter yet.
        """
        if self.kind == "SGD":
            return {"velocity": state[1]} if self.settings["momentum"] else {}
        if self.kind == "RMSprop":
            names = ["square_avg"]
            names += ["momentum_buffer"] if self.settings["momentum"] > 0 else []
            names += ["grad_avg"] if self.settings["centered"] else []
            return {name: state[1][name] for name in names}
        return {"mean": state[2], "square": state[3]}

    def age(self, state: Sequence[Any]) -> int:
        """Steps that the optimiser has taken on one parameter."""
        return state[1] if self.kind not in ("SGD", "RMSprop") else 0

    def state(self, before: Sequence[Any], parts: Parts, steps: int) -> tuple[Any, ...]:
        """The optimiser's own state, `steps` after `before`."""
        if self.kind == "SGD":
            return (before[0], parts.get("velocity", before[1]))
        if self.kind == "RMSprop":
            return (before[0], {**before[1], **parts, "step": before[1]["step"] + steps})
        return (before[0], before[1] + steps, parts["mean"], parts["square"])

    def fresh(self, state: Sequence[Any]) -> tuple[Any, ...]:
        """A state of an optimiser that has not moved yet, whose first step is like any other.

        Raises:
            NotCompiled: the first step is unlike others.
        """
        if self.settings.get("dampening"):
            raise NotCompiled("the first step of SGD is not damped")
        kind, first, *rest = state
        if isinstance(first, dict):
            return kind, {name: torch.zeros_like(part) for name, part in first.items()}
        if isinstance(first, Tensor):
            return kind, torch.zeros_like(first)
        return kind, first and 0, *map(torch.zeros_like, rest)

    def powers(self, age: int) -> Parts:
        """Rates to the power of the age, in double precision."""
        if self.kind in ("SGD", "RMSprop"):
            return {}
        beta1, beta2 = self.settings["betas"]
        rates = {"beta1": beta1, "beta2": beta2}
        if self.settings.get("lrd", 1.0) != 1.0:
            rates["lrd"] = self.settings["lrd"]
        return {name: torch.tensor(rate**age, dtype=torch.float64) for name, rate in rates.items()}

    def next_powers(self, powers: Parts) -> Parts:
        """The same, one step later."""
        beta1, beta2 = self.settings.get("betas", (0.0, 0.0))
        rates = {"beta1": beta1, "beta2": beta2, "lrd": self.settings.get("lrd", 1.0)}
        return {name: power * rates[name] for name, power in powers.items()}

    # ---- one step

    def step(
        self, value: Tensor, grad: Tensor, parts: Parts, powers: Parts, lr: Tensor
    ) -> tuple[Tensor, Parts]:
        """New value and parts; `powers` are those after this step, `lr` is in double precision."""
        match self.kind:
            case "SGD":
                return self._sgd(value, grad, parts, lr)
            case "RMSprop":
                return self._rmsprop(value, grad, parts, lr)
            case _:
                return self._adam(value, grad, parts, powers, lr)

    def _sgd(self, value: Tensor, grad: Tensor, parts: Parts, lr: Tensor) -> tuple[Tensor, Parts]:
        momentum, decay = self.settings["momentum"], self.settings["weight_decay"]
        grad = grad + decay * value if decay else grad
        if momentum:
            damped = grad * (1 - self.settings["dampening"])
            velocity = damped + momentum * parts["velocity"]
            parts = {"velocity": velocity}
            grad = grad + momentum * velocity if self.settings["nesterov"] else velocity
        return value - lr.to(value.dtype) * grad, parts

    def _adam(
        self, value: Tensor, grad: Tensor, parts: Parts, powers: Parts, lr: Tensor
    ) -> tuple[Tensor, Parts]:
        settings, (beta1, beta2) = self.settings, self.settings["betas"]
        decay = settings["weight_decay"]
        if self.kind == "ClippedAdam":
            grad = grad.clamp(-settings["clip_norm"], settings["clip_norm"])
            lr = lr * powers["lrd"] if "lrd" in powers else lr
        if self.kind == "AdamW":
            value = value * (1 - lr * decay).to(value.dtype)
        elif decay:
            grad = grad + decay * value
        mean = parts["mean"] + (1 - beta1) * (grad - parts["mean"])
        square = beta2 * parts["square"] + (1 - beta2) * (grad * grad)
        size = (lr / (1 - powers["beta1"])).to(value.dtype)
        spread = (1 / (1 - powers["beta2"]).sqrt()).to(value.dtype)
        root = square.sqrt() * spread + settings["eps"]
        return value - size * (mean / root), {"mean": mean, "square": square}

    def _rmsprop(
        self, value: Tensor, grad: Tensor, parts: Parts, lr: Tensor
    ) -> tuple[Tensor, Parts]:
        settings = self.settings
        alpha, new = settings["alpha"], dict(parts)
        if settings["weight_decay"]:
            grad = grad + settings["weight_decay"] * value
        new["square_avg"] = alpha * parts["square_avg"] + (1 - alpha) * (grad * grad)
        spread = new["square_avg"]
        if settings["centered"]:
            new["grad_avg"] = parts["grad_avg"] + (1 - alpha) * (grad - parts["grad_avg"])
            spread = spread - new["grad_avg"] * new["grad_avg"]
        move = grad / (spread.sqrt() + settings["eps"])
        if settings["momentum"] > 0:
            move = settings["momentum"] * parts["momentum_buffer"] + move
            new["momentum_buffer"] = move
        return value - lr.to(value.dtype) * move, new
