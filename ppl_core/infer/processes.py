"""Runs in processes of their own, whose steps come back as they are made."""

import pickle
import time
from collections.abc import Iterator, Sequence
from multiprocessing import connection, get_context
from typing import Any

import torch

from ..errors import InferenceError
from ..runs import InferenceRun, Snapshot

_EVERY = 0.2
"""Seconds between two messages of a process."""


def in_processes(
    runs: Sequence[InferenceRun], step: int, method: str
) -> Iterator[tuple[int, Snapshot]]:
    """Advance runs to a step, each in a process; yields (number of the run, snapshot) of each step.

    The runs here follow, so that they can go on later, from the newest message at least.

    Args:
        runs: to be advanced.
        step: where they end.
        method: "fork" or "spawn".

    Raises:
        InferenceError: of the first run that fails; the others end too.
    """
    context: Any = get_context(method)
    numbers: dict[Any, int] = {}
    workers = []
    try:
        for number, run in enumerate(runs):
            here, there = context.Pipe(duplex=False)
            worker = context.Process(target=_work, args=(run, step, there), daemon=True)
            _start(worker)
            there.close()
            workers.append(worker)
            numbers[here] = number
        while numbers:
            for ready in connection.wait(list(numbers)):
                number = numbers[ready]
                try:
                    message: Any = pickle.loads(ready.recv_bytes())  # type: ignore[union-attr]
                except EOFError:
                    del numbers[ready]
                    continue
                snapshots, stream, error = message
                if snapshots:
                    runs[number].snapshot, runs[number]._stream = snapshots[-1], stream
                for snapshot in snapshots:
                    yield number, snapshot
                if error is not None:
                    raise error
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    late = [number for number, run in enumerate(runs) if run.step < step]
    if late:
        raise InferenceError(f"the process of chain {late[0]} ended without a word")


def _start(worker: Any) -> None:
    try:
        worker.start()
    except (AttributeError, pickle.PicklingError, TypeError) as error:
        raise InferenceError(
            f"a chain cannot be sent to another process ({error}). Define the model at the top of "
            f'a file, or use mp_context="fork".'
        ) from error


def _work(run: InferenceRun, step: int, pipe: Any) -> None:
    torch.set_num_threads(1)
    snapshots: list[Snapshot] = []
    sent = time.monotonic()
    error: Exception | None = None
    try:
        while run.step < step:
            run.advance(1)
            snapshots.append(run.snapshot)
            if time.monotonic() - sent > _EVERY:
                _send(pipe, snapshots, run, None)
                snapshots, sent = [], time.monotonic()
    except KeyboardInterrupt:
        pass
    except Exception as failure:
        error = failure
    _send(pipe, snapshots, run, error)
    pipe.close()


def _send(pipe: Any, snapshots: list[Snapshot], run: InferenceRun, error: Exception | None) -> None:
    told = [Snapshot(each.step, None, each.info) for each in snapshots[:-1]]
    pipe.send_bytes(pickle.dumps((told + snapshots[-1:], run._stream, error)))
