"""What a step of SVI costs, next to the same step written by hand.

    python benchmarks/svi_step.py [model ...] [--rounds 25] [--no-pyro]

Each model is fitted by a hand-written torch loop (plain operations, `torch.optim`, `backward`,
`loss.item()`: what somebody writes who needs this one model and no library), by `ppl_core` and, if
it is installed (`pip install ".[bench]"`), by Pyro. The two libraries run one and the same program
text, as they come, with their checks. All three start from the same values, use the same optimiser
and take turns: in every round each implementation runs a block of steps, in a new order, on one
torch thread. A block's cost is the CPU time of this thread, so that other processes count little,
and only costs of one round are compared.

The table gives the median over rounds of the ratio to the hand-written loop (1.00 is as fast, below
is faster), and in brackets the quartiles: half of the rounds lay between them. Microseconds of CPU
a step (median) stand beside them as an aside; they depend on the machine and the hour, the ratios
hardly do.
"""

import argparse
import importlib
import importlib.util
import platform
import random
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from time import thread_time
from typing import Any

import torch
from models import BENCHMARKS, Benchmark

HAND, OURS, PYRO = "hand", "ppl_core", "pyro"
BLOCK = 0.02
"""CPU seconds that one block of steps should take."""

Step = Callable[[], float]


def hand(benchmark: Benchmark) -> Step:
    """The hand-written loop's body."""
    leaves, draw_loss = benchmark.by_hand(*benchmark.data())
    optimizer = getattr(torch.optim, benchmark.rule)(leaves.values(), **benchmark.settings)

    def step() -> float:
        optimizer.zero_grad()
        loss = draw_loss()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def library(benchmark: Benchmark, ppl: str) -> Step:
    """`SVI.step` of a library, ppl_core or pyro, from an empty parameter store."""
    part = {name: importlib.import_module(f"{ppl}.{name}") for name in ("infer", "optim")}
    language: Any = importlib.import_module(ppl)
    language.clear_param_store()
    model, guide = benchmark.program(language, importlib.import_module(f"{ppl}.distributions"))
    optim = getattr(part["optim"], benchmark.rule)(dict(benchmark.settings))
    svi = part["infer"].SVI(model, guide, optim, loss=part["infer"].Trace_ELBO())
    data = benchmark.data()
    return lambda: svi.step(*data)


def contestants(benchmark: Benchmark, with_pyro: bool) -> dict[str, Step]:
    """Every implementation's step, ready to be taken."""
    steps = {HAND: hand(benchmark), OURS: library(benchmark, OURS)}
    return steps | {PYRO: library(benchmark, PYRO)} if with_pyro else steps


def measure(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """CPU seconds per step of every implementation, one figure a round."""
    counts = {name: _steps_per_block(step) for name, step in steps.items()}
    costs: dict[str, list[float]] = {name: [] for name in steps}
    order = list(steps)
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            costs[name].append(_cost(steps[name], counts[name]))
    return costs


def _steps_per_block(step: Step) -> int:
    for _ in range(10):  # to warm up
        step()
    return max(3, round(BLOCK / _cost(step, 10)))


def _cost(step: Step, count: int) -> float:
    start = thread_time()
    for _ in range(count):
        step()
    return (thread_time() - start) / count


def row(name: str, costs: dict[str, list[float]]) -> str:
    """A line of the table."""
    cells = [f"{name:18}{median(costs[HAND]) * 1e6:9.0f} µs"]
    for library_name in list(costs)[1:]:
        ratios = [ours / base for ours, base in zip(costs[library_name], costs[HAND], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        micros = median(costs[library_name]) * 1e6
        cells.append(f"{middle:7.2f}  [{low:4.2f} {high:4.2f}]{micros:7.0f} µs")
    return "".join(cells)


def head(names: Sequence[str], rounds: int) -> str:
    """The lines above the table."""
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    about = f"SVI steps, {versions}, one thread, {rounds} rounds: median [quartiles]"
    columns = "".join(f"{f'{name} / hand':>18}{'':11}" for name in names if name != HAND)
    return f"{about}\n{'model':18}{HAND:>12}{columns}".rstrip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the models named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="*", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--rounds", type=int, default=25, help="at least 2; default: 25")
    parser.add_argument("--no-pyro", action="store_true", help="leave Pyro out")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.model if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no model named {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    if given.rounds < 2:
        parser.error("--rounds: at least 2, or there is no spread")
    with_pyro = not given.no_pyro and importlib.util.find_spec("pyro") is not None
    torch.set_num_threads(1)
    torch.manual_seed(101)
    for line, name in enumerate(given.model or BENCHMARKS):
        steps = contestants(BENCHMARKS[name], with_pyro)
        if line == 0:
            print(head(list(steps), given.rounds))
        print(row(name, measure(steps, given.rounds)), flush=True)
    if not with_pyro and not given.no_pyro:
        print('Pyro is not installed: pip install ".[bench]" to have it in the table.')


if __name__ == "__main__":
    main()
