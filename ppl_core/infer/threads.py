"""Chains whose steps are machine code, side by side in threads of this process."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from torch import Tensor

from ..compiled import Stop
from ..runs import InferenceRun, Snapshot
from .spans import Span

EVERY = 0.1
"""Seconds between two signs of life of a chain."""

Stride = tuple[Any, Tensor, Span]


def in_threads(runs: Sequence[InferenceRun], step: int) -> Iterator[tuple[int, Span]]:
    """Advance runs to a step, several at a time; yields (number of the run, span) as they come.

    An interrupt stops all of them within one gradient; what they have drawn until then is yielded
    first.

    Args:
        runs: of a kernel with `span`, such as NUTS.
        step: where they end.

    Raises:
        InferenceError: of the first run that fails; the others stop too.
    """
    stop, jobs = Stop(), dict[Future[Stride], int]()
    waiting = [number for number, run in enumerate(runs) if run.step < step]
    with ThreadPoolExecutor(min(len(runs), os.cpu_count() or 1)) as pool:
        try:
            for number in waiting:
                jobs[pool.submit(_stride, runs[number], step, stop)] = number
            while jobs:
                try:
                    done = wait(jobs, return_when=FIRST_COMPLETED).done
                except KeyboardInterrupt:
                    stop.say()
                    for job, number in jobs.items():
                        yield number, _arrive(runs[number], job.result())
                    raise
                for job in done:
                    number = jobs.pop(job)
                    span = _arrive(runs[number], job.result())
                    yield number, span
                    if span.error is not None:
                        raise span.error
                    if runs[number].step < step:
                        jobs[pool.submit(_stride, runs[number], step, stop)] = number
        finally:
            stop.say()


def _stride(run: InferenceRun, step: int, stop: Stop) -> Stride:
    kernel: Any = run.kernel
    stream, steps = run.stream, step - run.step
    state, span = kernel.span(
        run.snapshot.state, steps, stream, run.args, run.kwargs, seconds=EVERY, stop=stop
    )
    return state, stream, span


def _arrive(run: InferenceRun, stride: Stride) -> Span:
    """Let a run be where its steps have led."""
    state, stream, span = stride
    if len(span):
        kernel: Any = run.kernel
        info = kernel.info(span, len(span) - 1)
        run.arrive(Snapshot(run.step + len(span), state, info), stream)
    return span
