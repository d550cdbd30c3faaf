"""The unreliable scale, as the seed's tutorial has it: one latent number, one reading."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .benchmark import Benchmark, Leaves, Program
from .mean_field import HALF_LOG_2PI

READING = 9.5


def data() -> tuple[float]:
    """The guess."""
    return (8.5,)


def by_hand(guess: float) -> tuple[Leaves, Callable[[], Tensor]]:
    """Normal prior, normal reading, normal guide."""
    a = torch.tensor(guess, requires_grad=True)
    b = torch.tensor(0.0, requires_grad=True)
    constant = 2 * HALF_LOG_2PI + math.log(0.75) - HALF_LOG_2PI

    def loss() -> Tensor:
        noise = torch.randn(())
        weight = a + b.exp() * noise
        log_q = -0.5 * noise * noise - b
        log_p = -0.5 * (weight - guess) ** 2 - 0.5 * ((READING - weight) / 0.75) ** 2
        return log_q - log_p + constant

    return {"a": a, "b": b}, loss


def program(ppl: Any, dist: Any) -> tuple[Program, Program]:
    """Model and guide of the tutorial."""

    def scale(guess: float) -> Tensor:
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        return ppl.sample("measurement", dist.Normal(weight, 0.75))

    def guide(guess: float) -> Tensor:
        a = ppl.param("a", torch.tensor(guess))
        b = ppl.param("b", torch.tensor(1.0), constraint=dist.constraints.positive)
        return ppl.sample("weight", dist.Normal(a, b))

    return ppl.condition(scale, data={"measurement": torch.tensor(READING)}), guide


SCALE = Benchmark("scale", data, by_hand, program, "SGD", {"lr": 0.001, "momentum": 0.1})
