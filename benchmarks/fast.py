"""What compiled trainings cost, next to the same training written by hand, and what was promised.

    python benchmarks/fast.py [model ...] [--rounds 9] [--steps 2500] [--runs 1000]
    python benchmarks/fast.py --size

Each model of `benchmarks/models` is fitted by a hand-written torch loop (see `svi_step.py`) and by
`SVI.run`, from the same values, with the same optimiser, in turns: in every round a block of
hand-written steps, then a whole compiled run. Times are CPU times of this thread, medians over the
rounds; only the ratio hardly depends on the machine and the hour. Beside a number stands, in
brackets, what is to be reached.

First table: a step by hand; a compiled step, its noise included, and how many times faster that is;
all steps of a compiled run, as after a slider moved; the largest relative drift of a parameter from
an eager run over all steps.

Second table, on the clock, in a process of its own with torch imported: from nothing to a trained
guide with an empty cache, the same with a full one, and the memory that it took beyond an eager
run; then `SVI.run_many` over seeds, for models that are quick enough.

`--size` counts the lines of `ppl_core/compiled`, file by file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import torch
from models import BENCHMARKS, Benchmark
from svi_step import hand

import ppl_core as ppl
import ppl_core.compiled
import ppl_core.distributions as dist
from ppl_core.compiled import Engines
from ppl_core.infer import SVI
from ppl_core.infer.recorded import Training

FASTER = {
    "scale": 800,
    "eight-schools": 1000,
    "logistic-1k": 120,
    "logistic-1k-256": 100,
    "logistic-100k": 4.5,
    "logistic-100k-256": 60,
    "mixture": 140,
    "vae": 3.5,
}
"""Times the hand-written loop."""
DRAG = {"scale": 1.0}
FRAME = 16.0
"""Milliseconds of a whole training after a slider has moved; one frame, if the model has no own."""
COLD = {"scale": 0.1, "vae": 2.0}
COLD_START = 0.5
"""Seconds from nothing to a trained guide."""
DRIFT = 1e-5
SECONDS = 10.0
"""Beyond which no thousand runs are taken."""


def program(benchmark: Benchmark) -> SVI:
    """A training that has not begun."""
    ppl.clear_param_store()
    model, guide = benchmark.program(ppl, dist)
    return SVI(model, guide, getattr(ppl.optim, benchmark.rule)(dict(benchmark.settings)))


def drift(benchmark: Benchmark, steps: int) -> float:
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
    """A line of the first table."""
    data = benchmark.data()
    step, svi = hand(benchmark), program(benchmark)
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
    ratio = median(h / a for h, a in zip(by_hand, alone, strict=True))
    name, drag = benchmark.name, DRAG.get(benchmark.name, FRAME)
    return (
        f"{name:19}{median(by_hand) * 1e6:7.0f} µs{median(alone) * 1e6:9.2f} µs"
        f"{ratio:7.0f} ({FASTER[name]:g}){median(whole) * 1e3:9.1f} ms ({drag:g})"
        f"{drift(benchmark, steps):10.0e} ({DRIFT:.0e})"
    )


def _whole(svi: SVI, steps: int, data: tuple[object, ...]) -> None:
    """A training from the start, as after a slider has moved."""
    ppl.clear_param_store()
    SVI(svi.model, svi.guide, svi.optim).run(steps, *data, progress_bar=False, compile="require")


def _time(what: Callable[[], Any], count: int) -> float:
    start = thread_time()
    for _ in range(count):
        what()
    return (thread_time() - start) / count


# ---- processes that begin with nothing


def child(name: str, steps: int, how: str) -> None:
    """Train once in this very process and say how long it took, in what memory."""
    torch.set_num_threads(1)
    benchmark = BENCHMARKS[name]
    data = benchmark.data()
    program(benchmark).run(3, *data, compile="never", progress_bar=False)
    before, started = _memory(), perf_counter()
    svi = program(benchmark)
    svi.run(steps, *data, compile=how, progress_bar=False)
    took = perf_counter() - started
    backend = svi.compiled.backend if svi.compiled else ""
    print(json.dumps({"seconds": took, "mb": _memory() - before, "backend": backend}))


def _memory() -> float:
    """Memory that this process holds, in MB; 0 where Linux does not tell."""
    told = Path("/proc/self/statm")
    pages = int(told.read_text().split()[1]) if told.exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def fresh(name: str, steps: int, how: str, cache: str) -> dict[str, Any]:
    """What a new process says."""
    words = [sys.executable, __file__, "--child", how, "--steps", str(steps), name]
    environment = os.environ | {"XDG_CACHE_HOME": cache}
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return json.loads(said.stdout)


def start(benchmark: Benchmark, steps: int, runs: int) -> str:
    """A line of the second table."""
    name = benchmark.name
    with tempfile.TemporaryDirectory() as folder:
        auto = fresh(name, steps, "auto", f"{folder}/1")
        cold = fresh(name, steps, "require", f"{folder}/2")
        warm = fresh(name, steps, "auto", f"{folder}/2")
    limit = COLD.get(name, COLD_START)
    line = (
        f"{name:19}{auto['seconds']:7.2f} s ({limit:g}) {auto['backend']:7}"
        f"{cold['seconds']:7.2f} s{warm['seconds']:8.2f} s{cold['mb']:8.0f} MB"
    )
    svi, data = program(benchmark), benchmark.data()

    def many(count: int) -> float:
        started = perf_counter()
        svi.run_many(steps, *data, seeds=range(count), compile="require", progress_bar=False)
        return perf_counter() - started

    many(10)  # the first time it is recorded
    if many(10) / 10 * runs > SECONDS:
        return line
    return f"{line}{many(runs):10.2f} s"


# ---- how much there is to read


def sizes() -> list[str]:
    """Lines of each file of the fast path, and of all of them."""
    folder = Path(ppl_core.compiled.__file__).parent
    files = sorted(it for it in folder.iterdir() if it.suffix in (".py", ".c", ".js"))
    counts = {it.name: len(it.read_text("utf-8").splitlines()) for it in files}
    lines = [f"{count:6}  {name}" for name, count in counts.items()]
    return [*lines, f"{sum(counts.values()):6}  in {len(counts)} files"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the models named on the command line, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="*", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--size", action="store_true", help="count lines instead")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    unknown = [name for name in given.model if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no model named {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    chosen = [BENCHMARKS[name] for name in given.model or BENCHMARKS]
    if given.size:
        print("\n".join(sizes()))
        return
    if given.child:
        child(chosen[0].name, given.steps, given.child)
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # nothing is known yet
        steps = f"{given.steps} steps"
        print(f"{'model':19}{'by hand':>10}{'compiled':>12}{'faster':>13}{steps:>18}{'drift':>18}")
        for benchmark in chosen:
            print(row(benchmark, given.steps, given.rounds), flush=True)
        runs = f"{given.runs} runs"
        print(f"\n{'model':19}{'cold':>9}{'':14}{'in C':>9}{'warm':>10}{'memory':>11}{runs:>12}")
        for benchmark in chosen:
            print(start(benchmark, given.steps, given.runs), flush=True)


if __name__ == "__main__":
    main()
