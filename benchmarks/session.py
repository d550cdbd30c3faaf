"""What watching costs: training through a panel's session, next to a bare SVI loop.

    python benchmarks/session.py [--slices 400] [--steps 24]

Session and bare loop train the unreliable scale with the same program, arguments and optimiser,
and take turns slice by slice, on one torch thread. The session notes down every step, keeps the
axes in view and the state to go back to; the bare loop only calls `SVI.step`. The cost of a slice
is the CPU time of this thread. Printed is the throughput of the session as a share of the bare
loop's: median over slices, with quartiles. What a frame costs, which a panel hands to its plot 20
times a second, is measured between the slices and printed beside it.
"""

import argparse
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from time import thread_time

import torch

from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.params import ParamStore
from ppl_widgets import figures
from ppl_widgets.scenarios import WEIGHING, optimiser
from ppl_widgets.session import Session


def bare_step() -> Callable[[], float]:
    """One step of SVI on the session's own program, with nobody watching."""
    controls = Session().controls
    programs = WEIGHING.programs(WEIGHING.model, WEIGHING.guide)
    svi = SVI(*programs, optimiser(controls), loss=Trace_ELBO(), store=ParamStore())
    args = WEIGHING.args(controls)
    return lambda: svi.step(*args)


def cost(work: Callable[[], object]) -> float:
    """CPU seconds."""
    start = thread_time()
    work()
    return thread_time() - start


def measure(slices: int, steps: int) -> tuple[list[float], list[float]]:
    """Throughput ratios by slice, and CPU seconds of single frames."""
    step, session = bare_step(), Session(num_steps=100_000)
    session.settle()
    session.play()
    ratios, frames = [], []
    for turn in range(slices):
        watched = cost(lambda: session.advance(1e6, steps))
        alone = cost(lambda: [step() for _ in range(steps)])
        ratios.append(alone / watched)
        if turn % 5 == 0:
            frames.append(cost(lambda: (figures.frame(session), figures.texts(session))))
    return ratios[1:], frames


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=400, help="default: 400")
    parser.add_argument("--steps", type=int, default=24, help="of one slice; default: 24 (12 ms)")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    ratios, frames = measure(max(given.slices, 10), given.steps)
    low, middle, high = quantiles(ratios, n=4)
    print(f"session / bare loop: {middle:.3f} [{low:.3f} {high:.3f}] of its throughput")
    print(f"one frame with its texts: {median(frames) * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
