"""Guides as proposals: their numbers on the unreliable scale, and what they cost beside Pyro.

    python benchmarks/importance.py [--rounds 5] [--no-pyro]

The first table holds effective sample sizes, Pareto k, acceptance rates and evidences of several
guides beside the exact values. The second gives CPU milliseconds of this thread, the median over
rounds in which all contestants take turns: 10,000 importance samples of the scale, and 1,000
posterior predictive draws of a regression with 10,000 rows, made at once and in turn. Where Pyro
draws one at a time it makes a tenth of the samples, and its time is multiplied by ten.
"""

import argparse
import importlib.util
import math
import warnings
from collections.abc import Callable, Sequence
from statistics import median
from time import thread_time
from typing import Any

import torch

import ppl_core as ppl
from ppl_core.infer import Importance, Predictive, Rejection

MEAN, SD, EVIDENCE = 9.14, 0.6, 0.23175
PEAK = 1 / (0.75 * math.sqrt(2 * math.pi))


def scale(language: Any, dist: Any) -> Callable[..., Any]:
    """The conditioned scale, in either library."""

    def model(guess: Any) -> Any:
        weight = language.sample("weight", dist.Normal(guess, 1.0))
        return language.sample(
            "measurement", dist.Normal(weight, 0.75), obs=torch.tensor(9.5).expand(weight.shape)
        )

    return model


def normal(language: Any, dist: Any, a: float, b: float) -> Callable[..., Any]:
    """The guide N(a, b)."""
    return lambda guess: language.sample("weight", dist.Normal(torch.tensor(a), torch.tensor(b)))


def regression(language: Any, dist: Any) -> Callable[..., Any]:
    """A line through many rows."""

    def model(x: torch.Tensor) -> Any:
        a = language.sample("a", dist.Normal(0.0, 1.0))
        b = language.sample("b", dist.Normal(0.0, 1.0))
        noise = language.sample("noise", dist.Gamma(2.0, 2.0))
        with language.plate("rows", len(x)):
            return language.sample("y", dist.Normal(a + b * x, noise))

    return model


def exact_ess(a: float, b: float) -> float:
    """ESS / N of the guide N(a, b)."""
    spare = 2 * b**2 - SD**2
    return SD * math.sqrt(spare) / b**2 * math.exp(-((MEAN - a) ** 2) / spare) if spare > 0 else 0.0


def exact_acceptance(a: float, b: float) -> float:
    """Evidence over the largest ratio of model to guide; 0 where there is none."""
    spare = b**2 - SD**2
    if spare <= 0:
        return 1.0 if (a, b) == (MEAN, SD) else 0.0
    return SD / b * math.exp(-((MEAN - a) ** 2) / (2 * spare))


def numbers(draws: int) -> None:
    """Print what each guide does, beside what it should."""
    print(
        f"{'guide':16}{'ESS/N':>8}{'exact':>8}{'k':>8}{'exact':>8}{'kept':>8}{'exact':>8}", end=""
    )
    print(f"{'evidence':>10}   (exact {EVIDENCE:.4f})")
    model = scale(ppl, ppl.distributions)
    for a, b in ((MEAN, SD), (8.5, 1.0), (9.0, 0.8), (MEAN, 0.5), (MEAN, 0.4), (MEAN, 0.3)):
        guide = normal(ppl, ppl.distributions, a, b)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            weighted = Importance(model, guide, draws).run(8.5)
        tail = 1 - b**2 / SD**2
        try:
            kept = (
                f"{Rejection(model, guide, num_samples=draws // 5).run(8.5).acceptance_rate:8.3f}"
            )
        except ppl.InferenceError:
            kept = f"{'never':>8}"
        print(
            f"N({a:.2f}, {b:.2f})   {weighted.get_ESS() / draws:8.3f}{exact_ess(a, b):8.3f}"
            f"{weighted.get_pareto_k():8.2f}{tail if b < SD else -math.inf:8.2f}{kept}"
            f"{exact_acceptance(a, b):8.3f}{weighted.get_log_normalizer().exp():10.4f}"
            f" ± {weighted.get_log_normalizer_error() * EVIDENCE:.4f}"
        )


Contestants = dict[str, tuple[Callable[[], Any], float]]


def contests(with_pyro: bool) -> dict[str, Contestants]:
    """For each question, who answers it: a call, and what its time is multiplied by."""
    x = torch.randn(10_000)
    samples = {name: torch.rand(1000, 1) + 0.5 for name in ("a", "b", "noise")}
    model, guide = scale(ppl, ppl.distributions), normal(ppl, ppl.distributions, MEAN, 0.65)
    line = regression(ppl, ppl.distributions)
    weights: Contestants = {
        "ppl_core, in rows": (lambda: Importance(model, guide, 10_000).run(8.5), 1),
        "ppl_core, one at a time": (
            lambda: Importance(model, guide, 1000, vectorize=False).run(8.5),
            10,
        ),
    }
    at_once: Contestants = {"ppl_core": (lambda: Predictive(line, samples, parallel=True)(x), 1)}
    in_turn: Contestants = {"ppl_core": (lambda: Predictive(line, samples)(x), 1)}
    if with_pyro:
        import pyro
        from pyro.infer import Importance as PyroImportance
        from pyro.infer import Predictive as PyroPredictive
        from pyro.infer.importance import vectorized_importance_weights

        theirs = scale(pyro, pyro.distributions), normal(pyro, pyro.distributions, MEAN, 0.65)
        their_line, guess = regression(pyro, pyro.distributions), torch.tensor(8.5)
        weights["pyro, vectorized_importance_weights"] = (
            lambda: vectorized_importance_weights(
                *theirs, guess, num_samples=10_000, max_plate_nesting=0
            ),
            1,
        )
        weights["pyro, Importance"] = (
            lambda: PyroImportance(*theirs, num_samples=1000).run(guess),
            10,
        )
        at_once["pyro"] = (lambda: PyroPredictive(their_line, samples, parallel=True)(x), 1)
        in_turn["pyro"] = (lambda: PyroPredictive(their_line, samples)(x), 1)
    return {
        "10,000 importance samples of the scale": weights,
        "1,000 predictive draws of 10,000 rows, at once": at_once,
        "1,000 predictive draws of 10,000 rows, in turn": in_turn,
    }


def measure(calls: Contestants, rounds: int) -> dict[str, float]:
    """CPU milliseconds of each, median over rounds."""
    costs: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, (call, times) in calls.items():
            start = thread_time()
            call()
            costs[name].append((thread_time() - start) * 1e3 * times)
    return {name: median(found[1:]) for name, found in costs.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="at least 1; default: 5")
    parser.add_argument("--draws", type=int, default=100_000, help="of the first table")
    parser.add_argument("--no-pyro", action="store_true", help="leave Pyro out")
    given = parser.parse_args(arguments)
    with_pyro = not given.no_pyro and importlib.util.find_spec("pyro") is not None
    torch.set_num_threads(1)
    ppl.set_rng_seed(101)
    numbers(given.draws)
    for question, calls in contests(with_pyro).items():
        print(f"\n{question}")
        for name, cost in measure(calls, max(given.rounds, 1)).items():
            print(f"  {name:38}{cost:10.1f} ms")


if __name__ == "__main__":
    main()
