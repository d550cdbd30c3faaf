"""Eight schools (Rubin 1981), non-centred: ten latent numbers behind eight noisy effects."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import mean_field
from .benchmark import Benchmark, Leaves, Program
from .mean_field import HALF_LOG_2PI


def data() -> tuple[Tensor, Tensor]:
    """Effects and their standard errors, both (8,)."""
    effects = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    return effects, torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def by_hand(y: Tensor, sd: Tensor) -> tuple[Leaves, Callable[[], Tensor]]:
    """Normal mean, half-Cauchy spread, standard normal schools."""
    leaves, draw = mean_field.by_hand(mu=(), tau=(), z=(8,))
    constant = -math.log(math.pi * 5 / 2) - sd.log().sum().item() - 8 * HALF_LOG_2PI

    def loss() -> Tensor:
        (mu, log_tau, z), log_q = draw()
        tau = log_tau.exp()
        log_prior = mean_field.normal(mu, 0.0, 5.0) + mean_field.normal(z, 0.0, 1.0)
        log_prior = log_prior - torch.log1p((tau / 5) ** 2) + log_tau
        log_likelihood = -0.5 * (((y - mu - tau * z) / sd) ** 2).sum()
        return log_q - log_prior - log_likelihood - constant

    return leaves, loss


def program(ppl: Any, dist: Any) -> tuple[Program, Program]:
    """The spread's guide is log-normal; schools share a plate."""
    knobs = mean_field.knobs(ppl, dist)

    def model(y: Tensor, sd: Tensor) -> None:
        mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
        tau = ppl.sample("tau", dist.HalfCauchy(5.0))
        with ppl.plate("schools", 8):
            z = ppl.sample("z", dist.Normal(0.0, 1.0))
            ppl.sample("y", dist.Normal(mu + tau * z, sd), obs=y)

    def guide(y: Tensor, sd: Tensor) -> None:
        ppl.sample("mu", dist.Normal(*knobs("mu")))
        ppl.sample("tau", dist.LogNormal(*knobs("tau")))
        with ppl.plate("schools", 8):
            ppl.sample("z", dist.Normal(*knobs("z", 8)))

    return model, guide


EIGHT_SCHOOLS = Benchmark("eight-schools", data, by_hand, program, "Adam", {"lr": 0.01})
