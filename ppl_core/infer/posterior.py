"""Draws of a posterior now: for other data, or another position of a slider, within a frame."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..compiled import Compiled, NotCompiled, Stop
from ..errors import InferenceError
from ..runs import InferenceRun
from .hmc import HMC
from .spans import Span


@dataclass(frozen=True)
class Drawn:
    """What one call of a `Posterior` gives.

    Attributes:
        values: site name -> draws on the support, (draws, ...), the warm-up left out.
        numbers: numbers about each draw, (draws,): energy, accept_prob, diverging, num_steps, ...
        span: all steps, those of the warm-up first; with their trajectories, if those are recorded.
        complete: whether all draws are there; otherwise the time was up.
        compiled: how they were made.
        seconds: that it took, the search for a beginning included.
    """

    values: Mapping[str, Tensor]
    numbers: Mapping[str, Tensor]
    span: Span
    complete: bool
    compiled: Compiled
    seconds: float

    def __len__(self) -> int:
        return len(self.numbers["energy"])


class Posterior:
    """A posterior to be drawn from again and again while data or other arguments change.

    Each call is a chain of its own, warm-up included. The program is compiled at the first one;
    numbers and tensors among the arguments are inputs, so others of the same shape need no new
    recording. The same seed starts the same chain, so that draws move smoothly with a slider.

    Args:
        kernel: HMC or NUTS with `jit_compile=True`.
        num_samples: draws a call.
        warmup_steps: steps before them, from which the kernel learns.

    Raises:
        NotCompiled: the program, or the kernel's trajectories, have no compiled form.

    >>> from ppl_core.infer import NUTS
    >>> from ppl_core.distributions import Normal
    >>> import ppl_core as ppl
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", Normal(guess, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> posterior = Posterior(NUTS(scale, jit_compile=True), num_samples=500)  # doctest: +SKIP
    >>> posterior(8.5).values["weight"].mean()  # doctest: +SKIP
    tensor(9.1)
    """

    def __init__(self, kernel: HMC, num_samples: int = 1000, warmup_steps: int = 500):
        if not kernel.jit_compile:
            name = type(kernel).__name__
            raise ValueError(f"Posterior: a compiled kernel is needed, {name}(jit_compile=True)")
        if num_samples < 1 or warmup_steps < 0:
            raise ValueError(
                f"Posterior: at least one draw after no fewer than 0 steps of warm-up, got "
                f"num_samples={num_samples}, warmup_steps={warmup_steps}"
            )
        self.kernel, self.num_samples, self.warmup_steps = kernel, num_samples, warmup_steps

    def __call__(
        self,
        *args: Any,
        seed: int = 101,
        seconds: float = math.inf,
        stop: Stop | None = None,
        **kwargs: Any,
    ) -> Drawn:
        """Warm up and draw for these arguments of the program.

        Torch's generator stays where it is.

        Args:
            args, kwargs: of the program.
            seed: of the chain.
            seconds: no new step after so much time.
            stop: a word from another thread to stop within one gradient.

        Raises:
            InferenceError: the chain cannot begin or go on, or was stopped before its first draw.
        """
        started = time.perf_counter()
        self.kernel.warmup_steps = self.warmup_steps
        run = InferenceRun(self.kernel, *args, seed=seed, **kwargs)
        state, stream, spans = run.snapshot.state, run.stream, list[Span]()
        missing = total = self.warmup_steps + self.num_samples
        while missing:
            left = max(0.0, seconds - (time.perf_counter() - started))
            state, span = self.kernel.span(
                state, missing, stream, args, kwargs, seconds=left, stop=stop
            )
            if span is None:
                raise NotCompiled(self.kernel.compiled.reason)
            if span.error is not None:
                raise span.error
            spans.append(span)
            missing -= len(span)
            late = time.perf_counter() - started >= seconds
            if late or not len(span) or (stop is not None and stop.said):
                break
        whole = Span.joined(spans)
        drawn = whole.since(min(self.warmup_steps, len(whole)))
        if not len(drawn):
            raise InferenceError(
                f"there was no time for a draw: {len(whole)} of {self.warmup_steps} steps of "
                f"warm-up were taken. Give more seconds.",
                cause="no time",
            )
        return Drawn(
            drawn.values,
            self.kernel.numbers(drawn),
            whole,
            len(whole) == total,
            self.kernel.compiled,
            time.perf_counter() - started,
        )
