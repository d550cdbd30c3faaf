"""The parameter store: where a number is born, what the optimiser moves, what the guide sees.

The guide is N(m, b) around the exact posterior mean m, so that one number is learned: its sd b. The
optimiser moves an unconstrained u, and a map makes b from it. With exact sd s the average loss is

    floor - log(b / s) + ((b / s)^2 - 1) / 2,    b = u, |u|, exp u or log(1 + exp u):

one optimum in b; in u two of them for |u|, at s and at -s. For b = u half of the axis is forbidden.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled import NotCompiled
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.optim import SGD

from ..text import count, fixed, say
from .axis import Axis, Range
from .control import spoken
from .question import Columns, Question
from .reruns import Rerun, whole
from .scenario import Controls, Gaussian
from .training import NUM_STEPS
from .weighing import exact, expected_loss

MAPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda u: u,
    "abs": np.abs,
    "exp": np.exp,
    "softplus": lambda u: np.logaddexp(0.0, u),
}
"""Constraint -> b as a function of u."""
CONSTRAINTS: dict[str, Any] = {
    "none": constraints.real,
    "abs": constraints.real,
    "exp": constraints.positive,
    "softplus": constraints.softplus_positive,
}
"""What the store is told; for "abs" it is told nothing, and the guide takes the size itself."""
SCALE = {"guess": 8.5, "measurement": 9.5, "prior_sd": 1.0, "noise_sd": 0.75}
BLOCK = 2500
"""Rows that a block has."""
RUNS = 200
"""Trainings from other seeds that are asked where they end."""
GROUP = 50
"""So many of them at once."""
CELLS, REACH = 160, 6.5
"""Of the quadrature over |u|: cells, and asinh of 20 times the last one's end."""


# ---- the programs


def weighed(init: float) -> None:
    """The scale's program with its data."""
    weight = ppl.sample("weight", dist.Normal(SCALE["guess"], SCALE["prior_sd"]))
    reading = dist.Normal(weight, SCALE["noise_sd"])
    ppl.sample("measurement", reading, obs=SCALE["measurement"])


def with_param(constraint: str) -> Callable[[float], None]:
    """The guide whose sd is a parameter under this constraint."""
    mean, support = exact(SCALE).mean, CONSTRAINTS[constraint]

    def guide(init: float) -> None:
        stored = ppl.param("b", init, constraint=support)
        ppl.sample("weight", dist.Normal(mean, stored.abs() if constraint == "abs" else stored))

    return guide


def trainer(controls: Controls) -> SVI:
    """Model and guide in an empty store."""
    rule = SGD({"lr": controls["lr"]})
    return SVI(weighed, with_param(controls["constraint"]), rule, store=ppl.ParamStore())


def args(controls: Controls) -> tuple[float, ...]:
    """What the programs are called with."""
    return (controls["init"],)


class Stored(Rerun):
    """Blocks of u and the loss; nan where b is no sd any more."""

    size = BLOCK

    def rows(self, seed: int, start: int, end: int, *given: float) -> Columns:
        """Columns `u` and `loss`."""
        runs = whole(trainer(self.controls), seed, end, *given)
        u = moved(self.controls["constraint"], runs.path["b"][0, start:].double().numpy())
        return {"u": u, "loss": runs.losses[0, start:].numpy()}


def moved(constraint: str, stored: np.ndarray) -> np.ndarray:
    """The unconstrained number behind a stored value: what the optimiser moves."""
    with np.errstate(all="ignore"):
        if constraint == "exp":
            return np.log(stored)
        return stored + np.log(-np.expm1(-stored)) if constraint == "softplus" else stored


def ends(controls: Controls, seeds: range) -> np.ndarray:
    """Where u stands after the last step from other seeds; nan for a failed run: (runs,)."""
    svi, given = trainer(controls), (controls[NUM_STEPS], *args(controls))
    quiet: dict[str, Any] = {"seeds": seeds, "every": controls[NUM_STEPS], "progress_bar": False}
    try:
        runs = svi.run_many(*given, compile="require", **quiet)
    except NotCompiled:  # no compiler here, or one that does not know this processor
        runs = svi.run_many(*given, **quiet)
    return moved(controls["constraint"], runs.path["b"][:, -1].double().numpy())


# ---- where the number is


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of b.

    Attributes:
        u: the unconstrained number.
        b: what the guide takes as its sd.
        gradient: of the last loss in u; nan before the first step.
        updates: good steps since it was born.
        failed: whether the step after these left the sds.
    """

    u: float
    b: float
    gradient: float
    updates: int
    failed: bool


def held(controls: Controls, rows: Columns) -> Held:
    """The store at the last good row; `init` among the controls is what b was born with."""
    name, all_u = controls["constraint"], rows.get("u", np.empty(0))
    good = all_u[np.isfinite(all_u)]
    born = moved(name, np.array([controls["init"]]))
    u = np.concatenate([born, good])
    gradient = (u[-2] - u[-1]) / controls["lr"] if len(u) > 1 else math.nan
    b = float(MAPS[name](u[-1:])[0])
    failed = len(good) < len(all_u) or not b > 0.0
    return Held(float(u[-1]), b, float(gradient), len(good), failed)


# ---- the truth


def loss_at(constraint: str, u: np.ndarray) -> np.ndarray:
    """The average loss in nats at each u; infinite where b is no sd."""
    mean = exact(SCALE).mean
    b = MAPS[constraint](np.asarray(u, float))
    return np.array([expected_loss(Gaussian(mean, float(sd)), SCALE) for sd in b])


def optima(constraint: str) -> list[float]:
    """Every u of least average loss."""
    sd = exact(SCALE).sd
    [u] = moved(constraint, np.array([sd])).tolist()
    return [-u, u] if constraint == "abs" else [u]


def mirrored(controls: Controls) -> float:
    """The chance that a run ends near the mirrored optimum of |u|, by quadrature.

    With a draw e ~ N(0, 1) of the guide, a step of SGD takes u to u + lr / u - lr u e^2 / s^2. That
    is odd in u, so the sign is all there is to follow: in the matrix K[i, j] of moves between cells
    of |u|, a move across 0 counts as -1, and the sum of K^steps from the start is the chance of
    u > 0 less that of u < 0.
    """
    if controls["constraint"] != "abs":
        return 0.0
    lr, variance = controls["lr"], exact(SCALE).sd ** 2
    edges = 0.05 * np.sinh(np.linspace(0.0, REACH, 2 * CELLS + 1))
    edges, middles = edges[::2], edges[1::2]
    furthest, fall = middles + lr / middles, lr * middles / variance

    def below(u: np.ndarray) -> np.ndarray:
        """The chance that a step from each middle (rows) ends below each u (columns)."""
        square = np.maximum((furthest[:, None] - u) / fall[:, None], 0.0)
        return torch.special.erfc(torch.as_tensor(square / 2.0).sqrt()).numpy()

    ends = np.append(edges[:-1], math.inf)
    moves = np.diff(below(ends)) + np.diff(below(-ends))
    [start] = np.searchsorted(edges, [controls["init"]]) - 1
    return 0.5 - 0.5 * float(np.linalg.matrix_power(moves, controls[NUM_STEPS])[start].sum())


# ---- the picture

AXES = {
    "u": Axis(lows=(-2.0,), highs=(3.0,)),
    "rail": Axis(lows=(-0.35,), highs=(2.2,)),
    "b": Axis(lows=(-0.1,), highs=(3.0,)),
    "loss": Axis(lows=(1.0,), highs=(4.0, 8.0)),
    "step": Axis(lows=(0.0,), highs=(250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 2e4, 5e4, 1e5)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """All axes stay as they are: every start and every optimum lies on them."""
    return {}


def tell(controls: Controls, rows: Columns) -> str:
    """The number, the map, the sd, the exact one."""
    now, sd = held(controls, rows), exact(SCALE).sd
    told = say(
        "storing.told",
        u=fixed(now.u),
        b=fixed(now.b),
        map=say(f"storing.map_{controls['constraint']}"),
        exact=fixed(sd),
        source=say("source.closed"),
    )
    if now.failed:
        return told + " " + say("storing.left", step=count(now.updates))
    return (
        told
        + " "
        + say(
            "storing.ask_mirror"
            if now.u < 0.0 and controls["constraint"] == "abs"
            else f"storing.ask_{controls['constraint']}"
        )
    )


_SUPPORTS = {
    "none": "",
    "abs": "",
    "exp": ", constraint=dist.constraints.positive",
    "softplus": ", constraint=dist.constraints.softplus_positive",
}


def code(controls: Controls, seed: int) -> str:
    """Model and guide as a cell that trains as the panel does."""
    size = ".abs()" if controls["constraint"] == "abs" else ""
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer, optim

def model(init):
    weight = ppl.sample("weight", dist.Normal({SCALE["guess"]}, {SCALE["prior_sd"]}))
    ppl.sample("measurement", dist.Normal(weight, {SCALE["noise_sd"]}), obs={SCALE["measurement"]})

def guide(init):  # the store asks for init once, when b is born
    b = ppl.param("b", init{_SUPPORTS[controls["constraint"]]}){size}
    ppl.sample("weight", dist.Normal({exact(SCALE).mean!r}, b))

svi = infer.SVI(model, guide, optim.SGD({{"lr": {controls["lr"]!r}}}), store=ppl.ParamStore())
print(svi.run_many({controls[NUM_STEPS]}, {controls["init"]}, seeds=[{seed}]).params)"""


def read(controls: Controls, info: Mapping[str, np.ndarray]) -> Columns:
    """The rows are what the kernel tells."""
    return info


STORING = Question(
    name="storing",
    panel="StorePanel",
    title=say("storing.title"),
    controls=(
        spoken("init", 1.0, 0.1, 2.5, 0.1),
        spoken("lr", 0.03, 1e-3, 1.0, 0.25, "log"),
        spoken("constraint", "abs", kind="choice", options=tuple(MAPS)),
        spoken(NUM_STEPS, BLOCK, 1, 20_000, 100, "int", drawer=True),
    ),
    inputs=("lr", "constraint"),
    kernel=Stored,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)
