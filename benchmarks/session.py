"""What watching costs: training through a panel's session, next to a bare SVI loop.

    python benchmarks/session.py [--slices 400] [--steps 24]

Session and bare loop train the unreliable scale with the same program, arguments and optimiser,
and take turns slice by slice, on one torch thread. The session notes down every step, keeps the
axes in view and the state to go back to; the bare loop only calls `SVI.step`. The cost of a slice
is the CPU time of this thread. Printed is the throughput of the session as a share of the bare
loop's: median over slices, with quartiles. What a frame costs, which a panel hands to its plot 20
times a second, is measured between the slices and printed beside it.

A whole run at every tick: wall time of a move of a slider in mode "trained", 2,500 steps of the
scale, and of the same for eight schools, where one school's effect is dragged; median and 95th
percentile, after ticks enough for the compiler to have come.

The noise band: seconds to predict it (`Forecast`, 400 replicates in closed form), seconds to take
a thousand compiled runs of 2,500 steps, and the share of these that lie within it, averaged over
the steps: 0.95 if the prediction is right.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from time import thread_time

import torch
from models import EIGHT_SCHOOLS

import ppl_core as ppl
from ppl_core import distributions as dist
from ppl_core.compiled import NotCompiled
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.infer.leap import leap
from ppl_core.optim import Adam
from ppl_core.params import ParamStore
from ppl_widgets import figures
from ppl_widgets.forecast import Forecast
from ppl_widgets.learner import Learner
from ppl_widgets.retraining import Retraining
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


def at_every_tick(ticks: int) -> dict[str, list[float]]:
    """Wall seconds of whole runs: the scale as its panel takes them, and eight schools."""
    session = Retraining(mode="trained")
    model, guide = EIGHT_SCHOOLS.program(ppl, dist)
    effects, sds = EIGHT_SCHOOLS.data()

    def schools(tick: int) -> None:
        y = effects.clone()
        y[0] += tick / 10
        svi = SVI(model, guide, Adam(EIGHT_SCHOOLS.settings), store=ParamStore())
        start = time.perf_counter()
        state, _ = svi.update(svi.init(y, sds), y, sds)
        leap(svi, state, 2499, y, sds, pace=time.perf_counter() - start)

    def scale(tick: int) -> None:
        session.set("measurement", round(8.0 + (tick % 40) / 20, 2))

    found: dict[str, list[float]] = {}
    for work in (scale, schools):
        for tick in range(-40, ticks):
            start = time.perf_counter()
            try:
                work(tick)
            except NotCompiled:  # the compiler is at work
                time.sleep(0.1)
            found.setdefault(work.__name__, []).append(time.perf_counter() - start)
    return {name: taken[40:] for name, taken in found.items()}


def bands() -> tuple[float, float, dict[str, float]]:
    """Seconds to predict the band and to take a thousand runs; share of the runs within it."""
    controls = dict(Session().controls)
    learner = Learner(WEIGHING, controls, seed=101)
    start = time.perf_counter()
    predicted = Forecast(WEIGHING, controls, optimiser(controls), learner.start, 2500)
    while not predicted.done:
        predicted.advance(1.0)
    to_predict = time.perf_counter() - start
    start = time.perf_counter()
    every = predicted.cell
    runs = learner.svi.run_many(
        2500, *learner.run.args, seeds=range(1000), every=every, progress_bar=False
    )
    to_take = time.perf_counter() - start
    shares: dict[str, float] = {}
    for name in learner.params:
        _, _, low, high = predicted.course(name)
        path = runs.path[name].numpy()
        low, high = low[1 : 1 + path.shape[1]], high[1 : 1 + path.shape[1]]
        shares[name] = float(((low <= path) & (path <= high)).mean())
    return to_predict, to_take, shares


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=400, help="default: 400")
    parser.add_argument("--steps", type=int, default=24, help="of one slice; default: 24 (12 ms)")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    ratios, frames = measure(max(given.slices, 10), given.steps)
    low, middle, high = quantiles(ratios, n=4)
    print(f"session / bare loop: {middle:.3f} [{low:.3f} {high:.3f}] of its throughput")
    print(f"one frame with its texts: {median(frames) * 1e3:.2f} ms")
    for name, taken in at_every_tick(max(given.slices // 4, 10)).items():
        often, late = 1e3 * median(taken), 1e3 * quantiles(taken, n=20)[-1]
        print(f"2,500 steps at every tick, {name}: {often:.1f} ms, p95 {late:.1f} ms")
    to_predict, to_take, shares = bands()
    within = ", ".join(f"{name} {share:.3f}" for name, share in shares.items())
    print(f"noise band: predicted in {to_predict:.2f} s, a thousand runs in {to_take:.2f} s")
    print(f"share of the runs within it: {within}")


if __name__ == "__main__":
    main()
