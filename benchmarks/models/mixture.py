"""A mixture of three normal distributions, 500 points, each point's component summed out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import mean_field
from .benchmark import Benchmark, Leaves, Program
from .mean_field import HALF_LOG_2PI

MIDDLES = (-2.0, 0.0, 2.0)


def data() -> tuple[Tensor]:
    """Points around -4, 0 and 4, (500,)."""
    generator = torch.Generator().manual_seed(0)
    component = torch.randint(3, (500,), generator=generator)
    return (torch.tensor([-4.0, 0.0, 4.0])[component] + torch.randn(500, generator=generator),)


def by_hand(x: Tensor) -> tuple[Leaves, Callable[[], Tensor]]:
    """Logits of the weights, means, and log standard deviations are normal."""
    leaves, draw = mean_field.by_hand(logits=(3,), mu=(3,), sd=(3,))
    column, middles = x[:, None], torch.tensor(MIDDLES)

    def loss() -> Tensor:
        (logits, mu, log_sd), log_q = draw()
        log_prior = mean_field.normal(logits, 0.0, 1.0) + mean_field.normal(log_sd, 0.0, 1.0)
        log_prior = log_prior + mean_field.normal(mu, middles, 5.0)
        z = (column - mu) / log_sd.exp()
        each = torch.log_softmax(logits, -1) - 0.5 * z * z - log_sd - HALF_LOG_2PI
        return log_q - log_prior - torch.logsumexp(each, -1).sum()

    return leaves, loss


def program(ppl: Any, dist: Any) -> tuple[Program, Program]:
    """The same, the likelihood by `MixtureSameFamily`."""
    knobs = mean_field.knobs(ppl, dist)
    middles = torch.tensor(MIDDLES)

    def model(x: Tensor) -> None:
        logits = ppl.sample("logits", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
        mu = ppl.sample("mu", dist.Normal(middles, 5.0).to_event(1))
        sd = ppl.sample("sd", dist.LogNormal(0.0, 1.0).expand([3]).to_event(1))
        mixture = dist.MixtureSameFamily(dist.Categorical(logits=logits), dist.Normal(mu, sd))
        with ppl.plate("points", len(x)):
            ppl.sample("x", mixture, obs=x)

    def guide(x: Tensor) -> None:
        ppl.sample("logits", dist.Normal(*knobs("logits", 3)).to_event(1))
        ppl.sample("mu", dist.Normal(*knobs("mu", 3)).to_event(1))
        ppl.sample("sd", dist.LogNormal(*knobs("sd", 3)).to_event(1))

    return model, guide


MIXTURE = Benchmark("mixture", data, by_hand, program, "Adam", {"lr": 0.01})
