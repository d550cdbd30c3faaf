"""07, parameters and state: the first call wins, constraints, and a store that remembers."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import ppl_core as ppl
from ppl_core.distributions import constraints
from ppl_core.errors import InferenceError
from ppl_core.inspect import check_guide
from ppl_core.optim import Adam

from ..asking import Told, call
from ..exercise import Exercise, Slip
from ..probes import FORMULA, Measured, numbers
from ..training import NEAR, distance, train
from .contract import named, posterior, scale

SECOND = Exercise(
    name="07.second",
    takes=(),
    parts=("value",),
    right=lambda: (8.5,),
    slips=(
        Slip("last", lambda: (100.0,)),
        Slip("sum", lambda: (108.5,)),
        Slip("average", lambda: (54.25,)),
        Slip("difference", lambda: (91.5,)),
        Slip("nothing", lambda: (0.0,)),
    ),
)


# ---- a guide whose width cannot leave its range


def moves(guide: Any, setting: tuple[Any, ...], name: str, leaf: Tensor) -> tuple[bool, bool]:
    """Whether a parameter moves the mean and the sd of the guide's weight."""
    before, old = spread(guide, setting), leaf.data.clone()
    leaf.data = old + 0.3
    after = spread(guide, setting)
    leaf.data = old
    return before[0] != after[0], before[1] != after[1]


def spread(guide: Any, setting: tuple[Any, ...]) -> tuple[float, float]:
    """Mean and sd of the guide's weight, at the store as it is."""
    with torch.no_grad(), ppl.handlers.trace() as sites:
        guide(*setting)
    fn = sites["weight"].fn
    return float(fn.mean.detach()), float(fn.stddev.detach())


def mirrored(guide: Any, setting: tuple[Any, ...], leaf: Tensor) -> str:
    """What a width's parameter does below 0: "mirror", "leaves" its range, or "" if it is safe."""
    old = leaf.data.clone()
    above = spread(guide, setting)[1]
    leaf.data = -old
    try:
        below = spread(guide, setting)[1]
    except ValueError:
        return "leaves"
    finally:
        leaf.data = old
    if not below > 0.0:
        return "leaves"
    return "mirror" if math.isclose(above, below, rel_tol=1e-5) and above != 0.0 else ""


def positive(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """A guide with two knobs in the store, whose width stays above 0; then it has to learn."""
    if not callable(answer):
        raise Told("blank" if answer is ... else "no_function", takes="guess")
    for finding in check_guide(scale, answer, *setting):
        raise named(finding) if finding.what == "crash" else Told("guide", slip=True)
    with ppl.ParamStore() as store:
        spread(answer, setting)
        leaves = dict(store.named_parameters())
        moved = {name: moves(answer, setting, name, leaf) for name, leaf in leaves.items()}
        if not any(mean for mean, _ in moved.values()):
            raise Told("plain_mean", slip=True)
        if not any(sd for _, sd in moved.values()):
            raise Told("plain_sd", slip=True)
        for name, (_, sd) in moved.items():
            if sd and store.constraint(name) is constraints.real:
                found = mirrored(answer, setting, leaves[name])
                if found:
                    raise Told(found, slip=True, name=name)
    with ppl.ParamStore():
        try:
            train(scale, answer, setting, Adam({"lr": 0.02}), 1500)
        except InferenceError as error:
            raise Told("leaves", slip=True, name="b") from error
        kl = distance(answer, setting, "weight", posterior(*setting).log_prob)
    return Measured((kl,), (NEAR,))


POSITIVE = Exercise(
    name="07.positive",
    takes=("guess",),
    parts=("KL",),
    right=lambda guess: (0.0,),
    slips=(),
    settings=((8.5,), (7.2,)),
    probe=positive,
    untouched="mirror",
)


# ---- two runs, each from the start


@dataclass
class Training:
    """Stands for a training: its first loss tells where the store stood, then the store has learnt.

    Attributes:
        guess, reading: of the scale.
        calls: how often it was called.
    """

    guess: float
    reading: float
    calls: int = field(default=0, compare=False)

    def loss(self, a: float, b: float) -> float:
        """Minus the ELBO of N(a, b) in nats: cross, cross, entropy."""
        prior = 0.5 * (math.log(2 * math.pi) + (a - self.guess) ** 2 + b * b)
        fit = 0.5 * (math.log(2 * math.pi * 0.5625) + ((self.reading - a) ** 2 + b * b) / 0.5625)
        return prior + fit - 0.5 * math.log(2 * math.pi * math.e * b * b)

    @property
    def fresh(self) -> float:
        """The first loss of a run from the start."""
        return self.loss(self.guess, 1.0)

    @property
    def floor(self) -> float:
        """The first loss of a run that goes on from where another one ended."""
        return self.loss(0.36 * self.guess + 0.64 * self.reading, 0.6)

    def __call__(self) -> float:
        self.calls += 1
        a = ppl.param("a", self.guess)
        b = ppl.param("b", 1.0, constraint=constraints.positive)
        first = self.loss(a.item(), b.item())
        store = ppl.get_param_store()
        store["a"] = torch.tensor(0.36 * self.guess + 0.64 * self.reading)
        store["b"] = torch.tensor(0.6)
        return first


def twice(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """Both first losses; the training has to have run twice."""
    training: Training = setting[0]
    training.calls = 0
    with ppl.ParamStore():
        values = numbers(call(answer, setting, exercise.takes), 2)
    if training.calls != 2:
        raise Told("calls", slip=True, given=str(training.calls))
    return Measured(values, (FORMULA, FORMULA))


TWICE = Exercise(
    name="07.twice",
    takes=("train",),
    parts=("first", "second"),
    right=lambda train: (train.fresh, train.fresh),
    slips=(
        Slip("went_on", lambda train: (train.fresh, train.floor)),
        Slip("order", lambda train: (train.floor, train.fresh)),
    ),
    settings=((Training(8.5, 9.5),), (Training(7.0, 8.2),), (Training(10.0, 9.1),)),
    probe=twice,
)


EXERCISES = (SECOND, POSITIVE, TWICE)
