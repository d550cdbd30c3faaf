"""Logistic regression on ten columns, small and large, on all rows and on 256 at a time."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from . import mean_field
from .benchmark import Benchmark, Leaves, Program

COLUMNS = 10
CHOSEN = 256


def data(rows: int) -> tuple[Tensor, Tensor]:
    """Standard normal inputs (rows, 10) and labels 0 or 1 (rows,)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, COLUMNS, generator=generator)
    weights = torch.randn(COLUMNS, generator=generator)
    chances = torch.sigmoid(x @ weights)
    return x, (torch.rand(rows, generator=generator) < chances).float()


def by_hand(x: Tensor, y: Tensor) -> tuple[Leaves, Callable[[], Tensor]]:
    """All rows at every step."""
    leaves, draw = mean_field.by_hand(w=(COLUMNS,), b=())

    def loss() -> Tensor:
        (w, b), log_q = draw()
        log_prior = mean_field.normal(w, 0.0, 1.0) + mean_field.normal(b, 0.0, 10.0)
        misfit = binary_cross_entropy_with_logits(x @ w + b, y, reduction="sum")
        return log_q - log_prior + misfit

    return leaves, loss


def by_hand_rows(x: Tensor, y: Tensor) -> tuple[Leaves, Callable[[], Tensor]]:
    """A few rows a step, drawn with replacement, which is unbiased and cheapest by hand."""
    leaves, draw = mean_field.by_hand(w=(COLUMNS,), b=())

    def loss() -> Tensor:
        (w, b), log_q = draw()
        log_prior = mean_field.normal(w, 0.0, 1.0) + mean_field.normal(b, 0.0, 10.0)
        rows = torch.randint(len(x), (CHOSEN,))
        misfit = binary_cross_entropy_with_logits(x[rows] @ w + b, y[rows], reduction="sum")
        return log_q - log_prior + len(x) / CHOSEN * misfit

    return leaves, loss


def program(ppl: Any, dist: Any, chosen: int | None = None) -> tuple[Program, Program]:
    """Rows in a plate, all of them or a few."""
    knobs = mean_field.knobs(ppl, dist)

    def model(x: Tensor, y: Tensor) -> None:
        w = ppl.sample("w", dist.Normal(0.0, 1.0).expand([COLUMNS]).to_event(1))
        b = ppl.sample("b", dist.Normal(0.0, 10.0))
        with ppl.plate("rows", len(x), subsample_size=chosen) as rows:
            if chosen is not None:
                x, y = x[rows], y[rows]
            ppl.sample("y", dist.Bernoulli(logits=x @ w + b), obs=y)

    def guide(x: Tensor, y: Tensor) -> None:
        ppl.sample("w", dist.Normal(*knobs("w", COLUMNS)).to_event(1))
        ppl.sample("b", dist.Normal(*knobs("b")))

    return model, guide


def _benchmark(name: str, rows: int, chosen: int | None = None) -> Benchmark:
    return Benchmark(
        name,
        partial(data, rows),
        by_hand if chosen is None else by_hand_rows,
        partial(program, chosen=chosen),
        "Adam",
        {"lr": 0.01},
        own_rows=chosen is not None,
    )


LOGISTIC = _benchmark("logistic-1k", 1_000)
LOGISTIC_ROWS = _benchmark("logistic-1k-256", 1_000, CHOSEN)
LOGISTIC_LARGE = _benchmark("logistic-100k", 100_000)
LOGISTIC_LARGE_ROWS = _benchmark("logistic-100k-256", 100_000, CHOSEN)
