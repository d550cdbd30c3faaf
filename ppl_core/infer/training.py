"""Many steps of SVI at once: the same steps as one by one, from a recording that runs by itself.

`svi.run` hands its steps over to here. The first one is taken by `svi.step`, with all its checks;
then a step is recorded, compiled, compared with eager ones, and runs on. Whenever a step would not
be finite, `svi.step` takes it, so that errors are the same.

Torch's own compiler is no fourth way: on the two largest models of the benchmarks its steps were
slower than eager ones (0.9 and 0.8 of their pace) after 30 and 4 seconds of compiling.
"""

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compiled import Compiled, Engine, Engines, NotCompiled, Program, View
from .progress import progress
from .recorded import Training

WORTH = 100
"""Steps from which a recording pays for itself."""
NETWORK = 2**13
"""Multiplications from which a matrix product is that of a network."""
CHUNK = 0.05
"""Seconds between two looks at the clock, the progress bar and the interrupt button."""
CHUNK_STEPS = 500
"""Steps that take no longer than that, whatever is recorded."""


class Course:
    """What a run passes on its way, and how far it is on a progress bar.

    Args:
        svi: whose run.
        num_steps: how many it will take.
        every: steps between two moments whose parameters are kept; 0 keeps none.
    """

    def __init__(self, svi: Any, num_steps: int, every: int):
        self._svi, self._num_steps, self._every = svi, num_steps, every
        self._losses: list[float] = []
        self._moments: list[dict[str, Tensor]] = []

    @contextmanager
    def shown(self, progress_bar: bool) -> Generator[None]:
        """Show a bar meanwhile, or none."""
        with progress(self._num_steps, progress_bar, "SVI") as self._bar:
            yield

    def note(self, new: list[float]) -> None:
        """Add the losses of the newest steps."""
        self._losses += new
        count, last = len(self._losses), self._losses[-50:]
        if self._every and count % self._every == 0:
            self._moments.append(self._svi.params(self._svi.state))
        if len(new) > 1 or count % 50 == 0 or count == self._num_steps:
            self._bar.set_postfix_str(f"loss {sum(last) / len(last):.4g}", refresh=False)
            self._bar.update(count - self._bar.n)

    def losses(self) -> Tensor:
        """One a step, (steps,)."""
        return torch.from_numpy(np.array(self._losses)).to(torch.get_default_dtype())

    def path(self) -> dict[str, Tensor]:
        """Parameter name -> constrained values at the moments that were kept, (kept, ...)."""
        names = self._moments[-1] if self._moments else {}
        return {name: torch.stack([at[name] for at in self._moments]) for name in names}


def train(
    svi: Any,
    num_steps: int,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    compile: str,
    watch: Callable[[list[float]], Any],
    every: int = 0,
) -> Compiled:
    """Take steps, compiled where that is possible and pays; how it went.

    Args:
        svi: whose steps.
        num_steps: how many.
        args, kwargs: of the programs.
        compile: "auto" | "never" | "require".
        watch: called with new losses.
        every: if not 0, `watch` is called at each multiple of so many steps, at least.

    Raises:
        NotCompiled: compilation is required and impossible.
    """
    if compile not in ("auto", "never", "require"):
        raise ValueError(f"compile: 'auto', 'never' or 'require', got {compile!r}")
    if compile == "never" or (compile == "auto" and num_steps < WORTH) or not num_steps:
        _eagerly(svi, num_steps, args, kwargs, watch)
        return Compiled("eager", "not asked for" if compile == "never" else "few steps")
    started = time.perf_counter()
    watch([svi.step(*args, **kwargs)])
    pace = time.perf_counter() - started
    try:
        training = Training(svi, args, kwargs)
    except NotCompiled as error:
        if compile == "require":
            raise
        _eagerly(svi, num_steps - 1, args, kwargs, watch)
        return Compiled("eager", str(error))
    if compile == "auto" and multiplies_matrices(training.program):
        _eagerly(svi, num_steps - 1, args, kwargs, watch)
        return Compiled("eager", "its rounding would differ: it multiplies matrices (see run)")
    engines = Engines(training.program, training.trial)
    if compile == "require" and engines.choose(math.inf) is None:
        raise NotCompiled(engines.report(None, 0.0).reason)
    engine = _advance(svi, training, engines, num_steps - 1, pace, watch, every)
    return engines.report(engine, training.seconds)


def _advance(
    svi: Any,
    training: Training,
    engines: Engines,
    left: int,
    pace: float,
    watch: Callable[[list[float]], Any],
    every: int,
) -> Engine | None:
    """Take the steps that are left on whatever is fastest at each moment; the last engine used."""
    args, kwargs = training.given
    chunk, engine, end = CHUNK_STEPS, None, left + 1
    while left:
        engine, started = engines.choose(left, pace), time.perf_counter()
        if engine is None:
            some = min(left, 20 if engines.waiting else left)
            _eagerly(svi, some, args, kwargs, watch)
            left -= some
        else:
            if not engines.waiting:  # for something faster
                chunk = max(chunk, int(CHUNK / 2 / engine.pace(training.program)))
            some = min(left, chunk)
            if every:
                some = min(some, every - (end - left) % every)
            losses = training.run(engine, some)
            watch(losses)
            left -= len(losses)
            if len(losses) < some:  # what this step runs into, an eager step knows to say
                watch([svi.step(*args, **kwargs)])
                left -= 1
                training.limit = max(training.limit, 2 * training.largest())
        spent = time.perf_counter() - started
        pace = spent / some if engine is None else pace
        engines.spend(spent)
        if engine is not None and spent < CHUNK / 2:
            chunk *= 2
    return engine


def multiplies_matrices(program: Program) -> bool:
    """Whether networks are at work: they gain little, and Adam makes much of their last digits."""
    products = (op.args[0] for op in program.ops if op.name == "dot")
    return any(
        isinstance(part, View)
        and len(part.shape) == 3
        and part.numel >= NETWORK
        and min(part.shape) > 1  # a matrix and a vector are a regression
        for part in products
    )


def _eagerly(
    svi: Any, steps: int, args: tuple[Any, ...], kwargs: dict[str, Any], watch: Callable[..., Any]
) -> None:
    for _ in range(steps):
        watch([svi.step(*args, **kwargs)])
