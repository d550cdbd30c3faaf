"""What a compiled training costs, next to the same training written by hand.

    python benchmarks/fast.py [model ...] [--rounds 9] [--steps 2500]

Each model of `benchmarks/models` is fitted by a hand-written torch loop (see `svi_step.py`) and by
`SVI.run`, from the same values, with the same optimiser, in turns: in every round a block of
hand-written steps, then a whole compiled run. Times are CPU times of this thread, medians over the
rounds; only the ratio hardly depends on the machine and the hour.

Columns: a step by hand; a compiled step, its noise included, and how many times faster that is; all
steps of a compiled run; a whole `SVI.run` of a program that ran before, as after a slider moved;
the first one of all, on the clock, compiler included; the largest drift of a parameter from an
eager run of 500 steps.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from statistics import median
from time import perf_counter, thread_time

import torch
from models import BENCHMARKS, Benchmark
from svi_step import hand

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled import Engines
from ppl_core.infer import SVI
from ppl_core.infer.recorded import Training


def program(benchmark: Benchmark) -> SVI:
    """A training that has not begun."""
    ppl.clear_param_store()
    model, guide = benchmark.program(ppl, dist)
    return SVI(model, guide, getattr(ppl.optim, benchmark.rule)(dict(benchmark.settings)))


def drift(benchmark: Benchmark, steps: int = 500) -> float:
    """Largest relative difference of a parameter between a compiled and an eager run."""
    ends = []
    for how in ("require", "never"):
        torch.manual_seed(1)
        run = program(benchmark).run(steps, *benchmark.data(), compile=how, progress_bar=False)
        ends.append(run.params)
    ours, theirs = ends
    scales = {name: it.abs().max().clamp(min=1e-3) for name, it in theirs.items()}
    return max(float(abs(ours[name] - it).max() / scales[name]) for name, it in theirs.items())


def row(benchmark: Benchmark, steps: int, rounds: int) -> str:
    """A line of the table."""
    data = benchmark.data()
    started = perf_counter()
    torch.manual_seed(1)
    program(benchmark).run(steps, *data, compile="require", progress_bar=False)
    cold = perf_counter() - started
    step = hand(benchmark)
    svi = program(benchmark)
    svi.step(*data)
    training = Training(svi, data, {})
    engine = Engines(training.program, training.trial).choose(float("inf"))
    assert engine is not None
    by_hand, alone, whole = [], [], []
    count = max(5, min(100, int(0.05 / _time(step, 5))))
    for _ in range(rounds):
        by_hand.append(_time(step, count))
        alone.append(_time(lambda: training.run(engine, steps), 1) / steps)
        whole.append(_time(lambda: _whole(svi, steps, data), 1))
    hand_time, own = median(by_hand), median(alone)
    ratio = median(h / a for h, a in zip(by_hand, alone, strict=True))
    return (
        f"{benchmark.name:18}{hand_time * 1e6:7.0f} µs{own * 1e6:9.2f} µs{ratio:8.0f} x"
        f"{own * steps * 1e3:9.2f} ms{median(whole) * 1e3:9.1f} ms{cold:8.2f} s"
        f"{drift(benchmark):10.0e}"
    )


def _whole(svi: SVI, steps: int, data: tuple[object, ...]) -> None:
    """A training from the start, as after a slider has moved."""
    ppl.clear_param_store()
    SVI(svi.model, svi.guide, svi.optim).run(steps, *data, progress_bar=False)


def _time(what: object, count: int) -> float:
    start = thread_time()
    for _ in range(count):
        what()  # type: ignore[operator]
    return (thread_time() - start) / count


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the models named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="*", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=2500)
    given = parser.parse_args(arguments)
    unknown = [name for name in given.model if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no model named {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # nothing is known yet
        print(
            f"{'model':18}{'by hand':>10}{'compiled':>12}{'faster':>10}"
            f"{f'{given.steps} steps':>12}{'run':>12}{'cold':>10}{'drift':>10}"
        )
        for name in given.model or BENCHMARKS:
            print(row(BENCHMARKS[name], given.steps, given.rounds), flush=True)


if __name__ == "__main__":
    main()
