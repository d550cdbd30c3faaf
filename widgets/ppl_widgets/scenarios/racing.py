"""The optimiser race: one program, one noise, one learning rate, three ways to use a gradient.

The loss of a draw is quadratic in the guide's mean, so its course under SGD is known. With rate lr,
momentum mu and K particles, eta = lr / (1 - mu), and posterior N(m, s),

    mean of a     moves along its expected gradient (a - m) / s^2, whatever the noise
    half-life     s^2 ln 2 / eta steps, for small eta / s^2
    noise ball    a ends up scattered around m with sd sqrt(eta / (2 K)), whatever s

(Mandt, Hoffman & Blei 2017, equation 13, for one dimension). Adam divides by a running mean of the
gradient's size; nobody has its formulas, so a thousand runs are asked.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled import NotCompiled
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.optim import SGD, Adam, Optimizer

from ..text import fixed, say
from .axis import Axis, Range
from .control import spoken
from .question import Columns, Question
from .reruns import Rerun, whole
from .scenario import Controls, Gaussian
from .training import MOMENTUM, NUM_STEPS
from .weighing import exact, guide, kl

MUCH = 0.9
"""The momentum of the second lane; the first has the original tutorial's."""
LANES: dict[str, Callable[[float], Optimizer]] = {
    "sgd": lambda lr: SGD({"lr": lr, "momentum": MOMENTUM}),
    "momentum": lambda lr: SGD({"lr": lr, "momentum": MUCH}),
    "adam": lambda lr: Adam({"lr": lr}),
}
MOMENTA = {"sgd": MOMENTUM, "momentum": MUCH}
BLOCK = 2500
"""Rows that a block has."""
TAIL = 500
"""Steps that an average takes in."""
VIEWS = ("last step", f"mean of last {TAIL}")
RUNS = 1000
"""Trainings from other seeds that are asked how far they scatter."""
FEW = 100
"""So many for each setting of a page: the sd of the noise is off by 7 % then (1 / sqrt(2 FEW))."""
GROUP = 50
"""So many of them at once."""
GOOD = 0.02
"""Nats from the posterior at which a guide counts as learned."""


# ---- the trainings


def weighed(guess: float, measurement: float, prior_sd: float, noise_sd: float) -> None:
    """The scale's program with its reading as an argument: a slider is no new program."""
    weight = ppl.sample("weight", dist.Normal(guess, prior_sd))
    ppl.sample("measurement", dist.Normal(weight, noise_sd), obs=measurement)


def proposed(guess: float, measurement: float, prior_sd: float, noise_sd: float) -> None:
    """The scale's guide with the same arguments."""
    guide(guess)


def args(controls: Controls) -> tuple[float, ...]:
    """What the programs are called with."""
    return tuple(controls[name] for name in ("guess", "measurement", "prior_sd", "noise_sd"))


def trainer(controls: Controls, lane: str) -> SVI:
    """Program and guide under one lane's optimiser, in a store of their own."""
    particles = controls["particles"]
    loss = Trace_ELBO(num_particles=particles, vectorize_particles=particles > 1)
    rule = LANES[lane](controls["lr"])
    return SVI(weighed, proposed, rule, loss=loss, store=ppl.ParamStore())


class Race(Rerun):
    """Blocks of a and b of every lane."""

    size = BLOCK

    def rows(self, seed: int, start: int, end: int, *given: float) -> Columns:
        """Columns `LANE.a` and `LANE.b`."""
        rows: dict[str, np.ndarray] = {}
        for lane in LANES:
            runs = whole(trainer(self.controls, lane), seed, end, *given)
            rows[f"{lane}.a"] = runs.path["a"][0, start:].numpy()
            rows[f"{lane}.b"] = runs.path["b"][0, start:].numpy()
        return rows


@dataclass(frozen=True, slots=True)
class Scatter:
    """What many seeds say of a lane.

    Attributes:
        sd: of a over the seeds, after the last step.
        half_life: steps after which the mean of a has gone half of its way; infinite if it has not.
        runs: how many were asked.
    """

    sd: float
    half_life: float
    runs: int


def scatter(controls: Controls, lane: str, seeds: range, every: int = 5) -> np.ndarray:
    """Paths of a from other seeds: (runs, steps / every); the newest ones asked for are kept."""
    names = ("lr", "particles", "guess", "measurement", "prior_sd", "noise_sd", NUM_STEPS)
    return _paths(tuple((name, controls[name]) for name in names), lane, seeds, every)


@lru_cache(maxsize=3 * FEW // GROUP)
def _paths(
    settings: tuple[tuple[str, Any], ...], lane: str, seeds: range, every: int
) -> np.ndarray:
    controls = dict(settings)
    svi, given = trainer(controls, lane), (controls[NUM_STEPS], *args(controls))
    quiet: dict[str, Any] = {"seeds": seeds, "every": every, "progress_bar": False}
    try:
        runs = svi.run_many(*given, compile="require", **quiet)
    except NotCompiled:  # no compiler here, or one that does not know this processor
        runs = svi.run_many(*given, **quiet)
    return runs.path["a"].numpy()


def measured(controls: Controls, paths: np.ndarray, every: int = 5) -> Scatter:
    """Half-life and scatter of many paths."""
    goal, mean = exact(controls).mean, paths.mean(0)
    left = (mean - goal) / (controls["guess"] - goal) if controls["guess"] != goal else 0.0 * mean
    gone = np.flatnonzero(left <= 0.5)
    half_life = math.inf
    if len(gone) and gone[0] > 0 and controls["guess"] != goal:
        here, before = left[gone[0]], left[gone[0] - 1]
        half_life = every * (gone[0] + (before - 0.5) / (before - here))
    return Scatter(float(paths[:, -1].std(ddof=1)), half_life, len(paths))


# ---- the truth


def effective_rate(controls: Controls, lane: str) -> float:
    """How far a step of SGD goes in the end: momentum repeats it."""
    return controls["lr"] / (1.0 - MOMENTA[lane])


def half_life(controls: Controls, lane: str) -> float:
    """Steps after which half of the way is gone, for SGD at a small rate."""
    return exact(controls).sd ** 2 * math.log(2.0) / effective_rate(controls, lane)


def ball(controls: Controls, lane: str) -> float:
    """Sd of a around the exact mean in the long run, for SGD at a small rate."""
    return math.sqrt(effective_rate(controls, lane) / (2.0 * controls["particles"]))


def expected_path(controls: Controls, lane: str, steps: int) -> np.ndarray:
    """The mean of a over all seeds after 0, 1, ... steps of SGD: (steps + 1,)."""
    truth, mu, lr = exact(controls), MOMENTA[lane], controls["lr"]
    pull = lr / truth.sd**2
    left, velocity = controls["guess"] - truth.mean, 0.0
    path = np.empty(steps + 1)
    for step in range(steps + 1):
        path[step] = left
        velocity = mu * velocity + pull * left
        left -= velocity
        if not abs(left) < 1e9:
            path[step + 1 :] = math.inf
            break
    return truth.mean + path


def contour(controls: Controls, level: float) -> tuple[np.ndarray, np.ndarray]:
    """All guides at a KL of `level` nats from the posterior: a and log b, a closed line."""
    truth = exact(controls)
    log_r = np.linspace(-6.0, 3.0, 1801)
    square = 2.0 * (level + log_r) - np.exp(2.0 * log_r) + 1.0
    log_r, apart = log_r[square >= 0.0], np.sqrt(square[square >= 0.0])
    a = np.concatenate([-apart, apart[::-1], -apart[:1]])
    b = np.concatenate([log_r, log_r[::-1], log_r[:1]])
    return truth.mean + truth.sd * a, math.log(truth.sd) + b


# ---- where the lanes are


def distance(controls: Controls, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """KL of N(a, b) from the posterior in nats, for arrays."""
    truth = exact(controls)
    d, r = (a - truth.mean) / truth.sd, b / truth.sd
    with np.errstate(all="ignore"):
        return 0.5 * (d * d + r * r - 1.0) - np.log(r)


def answer(controls: Controls, rows: Columns, lane: str) -> Gaussian | None:
    """What a lane has learned: its last step, or the mean of its last ones."""
    a, b = rows.get(f"{lane}.a", np.empty(0)), rows.get(f"{lane}.b", np.empty(0))
    if not len(a) or not np.isfinite(a[-1]):
        return None
    some = TAIL if controls["taken"] == VIEWS[1] else 1
    return Gaussian(float(a[-some:].mean()), float(b[-some:].mean()))


def gap(controls: Controls, rows: Columns, lane: str) -> float:
    """KL of a lane's answer in nats; infinite where it has none."""
    learned = answer(controls, rows, lane)
    return math.inf if learned is None else kl(learned, exact(controls))


# ---- the picture

AXES = {
    "a": Axis(lows=(8.0, 6.0, 3.0, 0.0, -10.0, -20.0), highs=(10.0, 12.0, 15.0, 20.0, 30.0, 40.0)),
    "log_b": Axis(lows=(-1.0, -2.0, -4.0), highs=(0.5, 1.0, 2.0)),
    "log_kl": Axis(lows=(-5.0,), highs=(1.0, 2.0, 4.0)),
    "step": Axis(lows=(0.0,), highs=(250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 2e4, 5e4, 1e5)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """The start, and four noise balls around the end."""
    truth = exact(controls)
    spread = min(4.0 * ball(controls, "momentum"), 5.0)
    logs = [math.log(truth.sd), 0.0]
    return {
        "a": (
            min(controls["guess"], truth.mean - spread),
            max(controls["guess"], truth.mean + spread),
        ),
        "log_b": (min(logs) - 0.3, max(logs) + 0.2),
    }


def tell(controls: Controls, rows: Columns) -> str:
    """How far each lane's answer is from the posterior."""
    gaps = {lane: gap(controls, rows, lane) for lane in LANES}
    said = {lane: fixed(value, 3) if math.isfinite(value) else "∞" for lane, value in gaps.items()}
    ready = sum(value < GOOD for value in gaps.values())
    source = say("source.closed")
    return say("racing.told", **said, ready=str(ready), good=fixed(GOOD), source=source)


def code(controls: Controls, seed: int) -> str:
    """The race as a cell: the same program, three optimisers."""
    particles = controls["particles"]
    many = f"num_particles={particles}, vectorize_particles=True" if particles > 1 else ""
    lr = controls["lr"]
    return f"""\
import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import distributions as dist, infer, optim

def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, {controls["prior_sd"]}))
    return ppl.sample("measurement", dist.Normal(weight, {controls["noise_sd"]}))

def guide(guess):
    a, b = ppl.param("a", guess), ppl.param("b", 1.0, constraint=dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))

model = ppl.condition(scale, data={{"measurement": {controls["measurement"]}}})
for rule in (optim.SGD({{"lr": {lr!r}, "momentum": {MOMENTUM}}}),
             optim.SGD({{"lr": {lr!r}, "momentum": {MUCH}}}), optim.Adam({{"lr": {lr!r}}})):
    svi = infer.SVI(model, guide, rule, infer.Trace_ELBO({many}), ppl.ParamStore())
    print(svi.run_many({controls[NUM_STEPS]}, {controls["guess"]}, seeds=[{seed}]).params)"""


def read(controls: Controls, info: Mapping[str, np.ndarray]) -> Columns:
    """The rows are what the kernel tells."""
    return info


RACING = Question(
    name="racing",
    panel="RacePanel",
    title=say("racing.title"),
    controls=(
        spoken("lr", 0.001, 1e-5, 1.0, 0.25, "log"),
        spoken("particles", 1, 1, 100, 1, "int"),
        spoken("taken", VIEWS[0], kind="choice", options=VIEWS),
        spoken("guess", 8.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("measurement", 9.5, 0.0, 20.0, 0.1, drawer=True),
        spoken("noise_sd", 0.75, 0.05, 5.0, 0.05, drawer=True),
        spoken("prior_sd", 1.0, 0.05, 5.0, 0.05, drawer=True),
        spoken(NUM_STEPS, BLOCK, 1, 20_000, 100, "int", drawer=True),
    ),
    inputs=("lr", "particles", "guess", "measurement", "noise_sd", "prior_sd"),
    kernel=Race,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
