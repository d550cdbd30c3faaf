"""Inference as something to hold in the hand: step it, watch it, rewind it.

Every algorithm is a `Kernel`: `init` makes a state, `update` makes the next one. A state is all
that the next step needs and is never changed afterwards; the info beside it is what only a watcher
needs. `InferenceRun` drives a kernel with a random stream of its own, so that runs interleave
without touching each other, or the generator of the cell that owns them.
"""

import random
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .errors import InferenceError


class Kernel(Protocol):
    """An inference algorithm, one step at a time."""

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """The state before the first step."""
        ...

    def update(self, state: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """The next state, and what a watcher may want to know about the step."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        step: steps completed.
        state: what the kernel needs to go on.
        info: about the newest step; None before the first.
    """

    step: int
    state: Any
    info: Any


class InferenceRun:
    """A kernel at work on the same arguments, with its own random stream.

    A run of SVI begins where the kernel's parameter store is: give each run a store of its own, or
    clear it, to begin afresh.

    Args:
        kernel: the algorithm.
        args, kwargs: of the model; `run.args` may be replaced between steps.
        seed: of the run's random stream.
        max_steps: the run ends there.
        keep_every: steps between the moments that `rewind` can go back to; older ones get sparser.

    >>> class Walk:
    ...     def init(self):
    ...         return torch.zeros(())
    ...     def update(self, state):
    ...         stride = torch.randn(())
    ...         return state + stride, stride
    >>> run = InferenceRun(Walk(), seed=101, max_steps=3)
    >>> [round(snapshot.state.item(), 3) for snapshot in run]
    [-1.391, -2.206, -2.526]
    >>> run.rewind(0).step, run.advance(2), round(run.snapshot.state.item(), 3)
    (0, 2, -2.206)
    """

    def __init__(
        self,
        kernel: Kernel,
        *args: Any,
        seed: int,
        max_steps: int | None = None,
        keep_every: int = 10,
        **kwargs: Any,
    ):
        self.kernel, self.args, self.kwargs = kernel, args, kwargs
        self.seed, self.max_steps, self.keep_every = seed, max_steps, keep_every
        with _stream(_seeded(seed)) as stream:
            state = kernel.init(*args, **kwargs)
        self._stream = stream.left
        self.snapshot = Snapshot(0, state, None)
        self._kept = _Kept(self.snapshot, self._stream)

    @property
    def step(self) -> int:
        """Steps completed."""
        return self.snapshot.step

    @property
    def finished(self) -> bool:
        """Whether max_steps is reached."""
        return self.max_steps is not None and self.step >= self.max_steps

    def advance(
        self,
        num_steps: int | None = None,
        seconds: float | None = None,
        watch: Callable[[Snapshot], Any] | None = None,
    ) -> int:
        """Go on until a limit is met; at least one step unless the run is finished.

        Args:
            num_steps: at most so many steps.
            seconds: no new step after so much time.
            watch: called with the snapshot of every step, outside the run's random stream, so a
                watcher may draw as it likes.

        Returns:
            Steps done.

        Raises:
            InferenceError: a step failed; `snapshot` stays at the last good one.
        """
        if num_steps is None and seconds is None and self.max_steps is None:
            raise ValueError("advance: give num_steps, seconds, or the run a max_steps")
        deadline = None if seconds is None else time.perf_counter() + seconds
        done, late = 0, False
        while not (self.finished or late or done == num_steps):
            with _stream(self._stream) as stream:
                try:
                    while not (self.finished or late or done == num_steps):
                        self._one_step()
                        done += 1
                        late = deadline is not None and time.perf_counter() >= deadline
                        if watch is not None:
                            break
                finally:
                    stream.leave()
                    self._stream = stream.left
            if watch is not None:
                watch(self.snapshot)
        return done

    def _one_step(self) -> None:
        step = self.snapshot.step
        try:
            state, info = self.kernel.update(self.snapshot.state, *self.args, **self.kwargs)
        except InferenceError as error:
            error.step = step
            raise
        except Exception as error:
            error.add_note(f"(in step {step + 1} of the run)")
            raise
        self.snapshot = Snapshot(step + 1, state, info)
        if self.snapshot.step % self.keep_every == 0:
            self._kept.add(self.snapshot, torch.get_rng_state())

    def leap(self, leap: Callable[[Any], Snapshot]) -> Snapshot:
        """Let a function that knows a shorter way take the run from its state to a later moment.

        It draws from the run's random stream, as many numbers as the single steps would have.

        Raises:
            Exception: whatever it raises; the run and its stream stay where they were.
        """
        with _stream(self._stream) as stream:
            snapshot = leap(self.snapshot.state)
        self.snapshot, self._stream = snapshot, stream.left
        self._kept.add(snapshot, self._stream)
        return snapshot

    @property
    def stream(self) -> Tensor:
        """A copy of its random stream: the state of torch's generator before the next step."""
        return self._stream.clone()

    def arrive(self, snapshot: Snapshot, stream: Tensor) -> None:
        """Be where steps that were taken elsewhere have led, with the stream that they left."""
        self.snapshot, self._stream = snapshot, stream
        self._kept.add(snapshot, stream)

    def rewind(self, step: int) -> Snapshot:
        """Go back to the newest remembered moment at or before `step`, and forget later ones.

        The random stream goes back too, so the steps that follow are those that followed then.
        """
        self.snapshot, self._stream = self._kept.back_to(step)
        return self.snapshot

    def __iter__(self) -> Iterator[Snapshot]:
        if self.max_steps is None:
            raise ValueError("a run without max_steps never ends: give it one to iterate over it")
        return self

    def __next__(self) -> Snapshot:
        if self.finished:
            raise StopIteration
        self.advance(num_steps=1)
        return self.snapshot


class _Kept:
    """Remembered moments, at most `limit`: recent ones dense, old ones sparse, the first kept."""

    def __init__(self, first: Snapshot, stream: Tensor, limit: int = 64):
        self.moments, self.limit = [(first, stream)], limit

    def add(self, snapshot: Snapshot, stream: Tensor) -> None:
        self.moments.append((snapshot, stream))
        if len(self.moments) > self.limit:
            half = self.limit // 2
            self.moments[:half] = self.moments[:half:2]

    def back_to(self, step: int) -> tuple[Snapshot, Tensor]:
        index = bisect_right([snapshot.step for snapshot, _ in self.moments], step)
        del self.moments[max(index, 1) :]
        return self.moments[-1]


class _stream:
    """Torch's generator as a stream of one's own inside `with`; the outer one comes back.

    The generator belongs to the whole process, so runs in several threads take turns.
    """

    turn = threading.RLock()

    def __init__(self, state: Tensor):
        self.left = state

    def __enter__(self) -> "_stream":
        self.turn.acquire()
        self.outer: Tensor | None = torch.get_rng_state()
        torch.set_rng_state(self.left)
        return self

    def leave(self) -> None:
        """Put the outer stream back and keep this one where it is."""
        if self.outer is not None:
            self.left = torch.get_rng_state()
            torch.set_rng_state(self.outer)
            self.outer = None
            self.turn.release()

    def __exit__(self, *error: Any) -> None:
        self.leave()


def _seeded(seed: int) -> Tensor:
    return torch.Generator().manual_seed(seed).get_state()


def set_rng_seed(rng_seed: int) -> None:
    """Start the generators of torch, numpy and Python afresh, as before a demonstration.

    Args:
        rng_seed: a whole number from 0 to 2**32 - 1.
    """
    if not hasattr(rng_seed, "__index__"):
        raise TypeError(f"set_rng_seed: a whole number is needed, got {rng_seed!r}")
    number = int(rng_seed)
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number)
