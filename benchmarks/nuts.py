"""What NUTS costs: one gradient beside a hand-written one, and effective draws per second.

    python benchmarks/nuts.py [model ...] [--rounds 25] [--draws 300] [--seeds 2] [--only gradient]

The models are eight schools (non-centred) and logistic regression (1,000 rows, 11 coefficients),
written once for all libraries.

First table: CPU time of one potential and gradient, of `ppl_core` as it is and compiled, and of the
same potential written by hand in plain torch (`torch.autograd.grad`, `.item()`), in turns on one
torch thread; the median of their ratio over rounds, and in brackets its quartiles.

Second table: warm-up and draws by the NUTS of each library, all with its defaults, the same numbers
of steps, one chain, from several seeds; libraries take turns. The smallest bulk effective size of
all coordinates per second of CPU and per second of wall time, warm-up included. NumPyro compiles
in the run of its first seed; the next ones repeat the compiled program.
"""

import argparse
import importlib
import importlib.util
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from models import BENCHMARKS
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

import ppl_core
import ppl_core.distributions
from ppl_core.diagnostics import ess_bulk
from ppl_core.infer import MCMC, NUTS


def eight_schools_by_hand(q: Tensor, y: Tensor, sd: Tensor) -> Tensor:
    """Potential in nats up to a constant; q is mu, log tau, z (8,)."""
    mu, log_tau, z = q[0], q[1], q[2:]
    tau = log_tau.exp()
    prior = -0.5 * (mu / 5) ** 2 - torch.log1p((tau / 5) ** 2) + log_tau - 0.5 * (z * z).sum()
    return 0.5 * (((y - mu - tau * z) / sd) ** 2).sum() - prior


def logistic_by_hand(q: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Potential in nats up to a constant; q is w (10,), b."""
    w, b = q[:10], q[10]
    prior = -0.5 * (w * w).sum() - 0.005 * b * b
    return binary_cross_entropy_with_logits(x @ w + b, y, reduction="sum") - prior


@dataclass(frozen=True)
class Posterior:
    """A model to be sampled: its program's name among the benchmarks, and its potential by hand."""

    program: str
    by_hand: Callable[..., Tensor]
    size: int


POSTERIORS = {
    "eight-schools": Posterior("eight-schools", eight_schools_by_hand, 10),
    "logistic-1k": Posterior("logistic-1k", logistic_by_hand, 11),
}


# ---- one gradient


def gradients(posterior: Posterior) -> dict[str, Callable[[], Any]]:
    """One potential and gradient by hand and by the library."""
    benchmark = BENCHMARKS[posterior.program]
    data = benchmark.data()
    model, _ = benchmark.program(ppl_core, ppl_core.distributions)
    position = 0.3 * torch.randn(posterior.size)

    def hand() -> tuple[float, Tensor]:
        leaf = position.detach().requires_grad_()
        energy = posterior.by_hand(leaf, *data)
        [gradient] = torch.autograd.grad(energy, [leaf])
        return energy.item(), gradient

    target = NUTS(model, warmup_steps=0).init(*data).target
    ours = target.at(position).gradient
    torch.testing.assert_close(ours, hand()[1], rtol=1e-3, atol=1e-3)
    fast = NUTS(model, warmup_steps=0, jit_compile=True).init(*data).target
    torch.testing.assert_close(fast.at(position).gradient, hand()[1], rtol=1e-3, atol=1e-3)
    return {
        "hand": hand,
        "ppl_core": lambda: target.at(position),
        "compiled": lambda: fast.at(position),
    }


def gradient_row(name: str, rounds: int) -> str:
    """A line of the first table."""
    steps = gradients(POSTERIORS[name])
    costs: dict[str, list[float]] = {each: [] for each in steps}
    order = list(steps)
    shuffle = random.Random(0).shuffle
    for turn in range(rounds + 1):
        shuffle(order)
        for each in order:
            start = time.thread_time()
            for _ in range(30):
                steps[each]()
            if turn:  # the first warms up
                costs[each].append((time.thread_time() - start) / 30)
    row = f"{name:16}{median(costs['hand']) * 1e6:9.0f} µs"
    for each in ("ppl_core", "compiled"):
        ratios = [o / h for o, h in zip(costs[each], costs["hand"], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        row += f"{median(costs[each]) * 1e6:9.0f} µs{middle:7.2f} [{low:.2f} {high:.2f}]"
    return row


# ---- effective draws per second

Draws = dict[str, Any]


def ours(posterior: Posterior, draws: int, jit_compile: bool = False) -> Callable[[int], Draws]:
    """A chain of ppl_core, as a function of the seed."""
    benchmark = BENCHMARKS[posterior.program]
    model, _ = benchmark.program(ppl_core, ppl_core.distributions)

    def run(seed: int) -> Draws:
        ppl_core.set_rng_seed(seed)
        mcmc = MCMC(NUTS(model, jit_compile=jit_compile), draws, draws, disable_progbar=True)
        mcmc.run(*benchmark.data())
        return mcmc.get_samples()

    return run


def compiled(posterior: Posterior, draws: int) -> Callable[[int], Draws]:
    """The same on a compiled potential."""
    return ours(posterior, draws, jit_compile=True)


def pyro(posterior: Posterior, draws: int) -> Callable[[int], Draws]:
    """A chain of Pyro."""
    language = importlib.import_module("pyro")
    infer = importlib.import_module("pyro.infer")
    benchmark = BENCHMARKS[posterior.program]
    model, _ = benchmark.program(language, importlib.import_module("pyro.distributions"))

    def run(seed: int) -> Draws:
        language.set_rng_seed(seed)
        mcmc = infer.MCMC(infer.NUTS(model), draws, draws, disable_progbar=True)
        mcmc.run(*benchmark.data())
        return mcmc.get_samples()

    return run


def numpyro(posterior: Posterior, draws: int) -> Callable[[int], Draws]:
    """A chain of NumPyro, compiled in the first call."""
    language = importlib.import_module("numpyro")
    infer = importlib.import_module("numpyro.infer")
    random_keys = importlib.import_module("jax.random")
    benchmark = BENCHMARKS[posterior.program]
    model, _ = benchmark.program(language, importlib.import_module("numpyro.distributions"))
    data = [part.numpy() for part in benchmark.data()]
    mcmc = infer.MCMC(infer.NUTS(model), num_warmup=draws, num_samples=draws, progress_bar=False)

    def run(seed: int) -> Draws:
        mcmc.run(random_keys.PRNGKey(seed), *data)
        return mcmc.get_samples()

    return run


def worst_ess(draws: Draws) -> float:
    """The smallest bulk effective size of any coordinate."""
    return min(ess_bulk(_tensor(each)[None]).min().item() for each in draws.values())


def _tensor(draws: Any) -> Tensor:
    return draws if isinstance(draws, Tensor) else torch.from_numpy(np.array(draws))


def chains(name: str, draws: int, seeds: int) -> list[str]:
    """The lines of the second table."""
    posterior = POSTERIORS[name]
    libraries = {"ppl_core": ours, "compiled": compiled}
    libraries |= {each.__name__: each for each in (pyro, numpyro) if _installed(each.__name__)}
    runs = {each: make(posterior, draws) for each, make in libraries.items()}
    lines = []
    for seed in range(seeds):
        for each, run in runs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            found = run(seed)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            ess = worst_ess(found)
            lines.append(
                f"{name:16}{seed:5}{each:>10}{ess:8.0f}{cpu:9.2f} s{wall:9.2f} s"
                f"{ess / cpu:10.1f}{ess / wall:10.1f}"
            )
            print(lines[-1], flush=True)
    return lines


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the models named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="*", help=f"of {', '.join(POSTERIORS)}; default: all")
    parser.add_argument("--rounds", type=int, default=25, help="of gradients; default: 25")
    parser.add_argument("--draws", type=int, default=300, help="and warm-up steps; default: 300")
    parser.add_argument("--seeds", type=int, default=2, help="chains of each; default: 2")
    parser.add_argument("--only", choices=["gradient", "chains"], help="one of the two tables")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.model if name not in POSTERIORS]
    if unknown:
        parser.error(f"no model named {unknown[0]!r}; there are {', '.join(POSTERIORS)}")
    torch.set_num_threads(1)
    torch.manual_seed(101)
    names = given.model or list(POSTERIORS)
    if given.only != "chains":
        print(f"{'one gradient':16}{'hand':>12}{'ppl_core / hand':>31}{'compiled / hand':>31}")
        for name in names:
            print(gradient_row(name, given.rounds), flush=True)
    if given.only != "gradient":
        columns = f"{'ESS':>8}{'CPU':>11}{'wall':>11}{'ESS/CPU s':>10}{'ESS/s':>10}"
        print(f"{f'{given.draws} draws':16}{'seed':>5}{'library':>10}{columns}")
        for name in names:
            chains(name, given.draws, given.seeds)


if __name__ == "__main__":
    main()
