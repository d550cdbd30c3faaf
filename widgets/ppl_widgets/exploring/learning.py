"""A guide in training on a program of somebody's own: every loss and parameter noted down.

Steps are taken one by one while somebody watches them go by. Where many are wanted at once and a
step can be compiled, `leap` takes a block of the same steps with the same noise.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppl_core.compiled import NotCompiled
from ppl_core.infer import SVI, SVIState
from ppl_core.infer.leap import leap
from ppl_core.optim import Optimizer
from ppl_core.params import ParamStore
from ppl_core.runs import InferenceRun

from ..history import WINDOW, Points, Series, decimate, running_mean
from .draws import Runs
from .guard import limited
from .guides import Pair
from .sites import whole_rows

SHOWN = 2000
"""Draws of the guide that its picture is made of."""
WORTH = 100
"""Steps from which a block is taken at once."""
TRIAL = 1000
"""Steps of the first block: enough for a compiler to be worth its while."""
LARGE = 5000
"""Numbers of all parameters from which steps are not taken in blocks: networks gain little."""
TRIES = (0.0, 1.0, 3.0, 10.0)
"""Seconds of training after which blocks are tried: a compiler may be at work beside it."""
BLOCK = 0.03
"""Seconds of steps in one block."""
ENTRIES = 12
"""Numbers of one parameter that are noted down."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What one update did.

    Attributes:
        losses: of each step in nats, (steps,).
        path: parameter name -> unconstrained values after each step, (steps, ...).
    """

    losses: np.ndarray
    path: Mapping[str, Tensor]


class Learning:
    """SVI on a model and a guide: steps, losses, parameters, and draws of the guide.

    Args:
        pair: model, guide and loss.
        args: of both.
        rule: the optimiser.
        store: of the parameters; training goes on from what it holds.
        seed: of the noise.
        subsampled: whether plates choose rows, so that draws are made with all of them.

    Attributes:
        finished: False: training may always go on.

    Raises:
        Exception: whatever the programs raise on their first run.
    """

    act = "train"
    weights = None
    finished = False

    def __init__(
        self,
        pair: Pair,
        args: tuple[Any, ...],
        rule: Optimizer,
        store: ParamStore,
        seed: int,
        subsampled: bool = False,
    ):
        self.pair, self.seed, self.store = pair, seed, store
        self.svi = SVI(pair.model, pair.guide, rule, loss=pair.loss, store=store)
        self._block, self._pace = 1, BLOCK
        self._tries, self._spent, self._fast = list(TRIES), 0.0, False
        with limited():
            self.run = InferenceRun(self, *args, seed=seed, keep_every=1)
        self._drawn = Runs(whole_rows(pair.guide) if subsampled else pair.guide, store)
        self._losses = Series()
        self._recent = np.empty(0)
        self._mean = Series()
        self._params: dict[str, Series] = {}
        self._steps = [0]  # of training, after each update of the run
        values = self.run.snapshot.state.values
        if sum(value.numel() for value in values.values()) > LARGE:
            self._tries = []
        self._note(np.zeros(1, np.int64), {name: value[None] for name, value in values.items()})

    # ---- a kernel: one update is a step, or a block of them

    def init(self, *args: Any) -> SVIState:
        """The state before the first step."""
        return self.svi.init(*args)

    def update(self, state: SVIState, *args: Any) -> tuple[SVIState, Steps]:
        """One step, or a block."""
        if self._block > 1:
            far = leap(self.svi, state, self._block, *args, pace=self._pace)
            if len(far.losses):
                return far.state, Steps(far.losses.double().numpy(), far.path)
        state, info = self.svi.update(state, *args)  # which knows to say what a block runs into
        path = {name: value[None] for name, value in state.values.items()}
        return state, Steps(np.array([info.loss]), path)

    # ---- where it stands

    @property
    def step(self) -> int:
        """Steps trained."""
        return self.run.snapshot.state.step

    @property
    def params(self) -> dict[str, Tensor]:
        """Constrained values of all parameters."""
        return self.svi.params(self.run.snapshot.state)

    @property
    def compiled(self) -> bool:
        """Whether blocks of steps run as machine code."""
        return self._fast

    def values(self) -> Mapping[str, Tensor]:
        """Draws of the guide, site -> (draws, ...), always from the same noise."""
        self.svi.state = self.run.snapshot.state
        return self._drawn(self.run.args, SHOWN, self.seed)

    def losses(self) -> Points:
        """Loss by step, thinned for drawing."""
        return _thinned(self._losses)

    def mean_losses(self) -> Points:
        """The running mean of the loss, thinned for drawing."""
        return _thinned(self._mean)

    def course(self, name: str) -> Points:
        """One entry of a parameter by step, thinned for drawing."""
        return _thinned(self._params[name])

    @property
    def entries(self) -> list[str]:
        """Names of the entries of parameters that are noted down."""
        return list(self._params)

    # ---- training

    def advance(self, num_steps: int, deadline: float) -> int:
        """Train until so many steps are done or the time is up; the steps done.

        Raises:
            Exception: a step failed; the run stays at the last good one.
        """
        before, left = self.step, num_steps
        while left > 0:
            self._block = self._size(left)
            begin = time.perf_counter()
            try:
                with limited():
                    self.run.advance(num_steps=1)
            except NotCompiled:
                self._fast = False
                continue
            self._keep(time.perf_counter() - begin)
            left = num_steps - (self.step - before)
            if time.perf_counter() >= deadline:
                break
        return self.step - before

    def steer(self, args: tuple[Any, ...], rule: Optimizer, particles: int) -> None:
        """Go on with other arguments, optimiser or particles."""
        self.run.args = args
        self.svi.optim = rule
        self.pair.loss.num_particles = particles

    def back(self, step: int) -> None:
        """Go back to the newest remembered step at or before this one."""
        updates = max((k for k, at in enumerate(self._steps) if at <= max(step, 0)), default=0)
        self.run.rewind(updates)
        del self._steps[self.run.step + 1 :]
        self.svi.state = self.run.snapshot.state
        for series in (self._losses, self._mean, *self._params.values()):
            series.truncate(self.step)
        self._recent = np.empty(0)

    def _size(self, left: int) -> int:
        """How many steps the next update takes; a block only where it may be compiled by now."""
        if left < WORTH or self.step < 2:
            return 1
        if self._fast:
            return min(left, max(WORTH, int(BLOCK / self._pace)))
        if self._tries and self._spent >= self._tries[0]:
            self._tries.pop(0)
            self._fast = True
            return min(left, TRIAL)
        return 1

    def _keep(self, seconds: float) -> None:
        """Note down what the newest update did."""
        info: Steps = self.run.snapshot.info
        self._pace, self._spent = seconds / len(info.losses), self._spent + seconds
        self._steps.append(self.step)
        steps = np.arange(self.step - len(info.losses) + 1, self.step + 1)
        self._losses.extend(steps, info.losses)
        self._mean.extend(steps, running_mean(self._recent, info.losses, WINDOW))
        self._recent = np.concatenate([self._recent, info.losses])[-WINDOW:]
        self._note(steps, info.path)

    def _note(self, steps: np.ndarray, path: Mapping[str, Tensor]) -> None:
        for name, free in path.items():
            with torch.no_grad():
                values = self.store.constrain(name, free)
            kept = values.reshape(len(values), -1)[:, :ENTRIES].double().numpy()
            for label, column in zip(_labels(name, values.shape[1:]), kept.T, strict=False):
                self._params.setdefault(label, Series()).extend(steps, column)


def _labels(name: str, shape: torch.Size) -> list[str]:
    """What the first entries of a parameter are called."""
    name = short(name)
    if not shape:
        return [name]
    places = islice(product(*(range(size) for size in shape)), ENTRIES)
    return [f"{name}[{','.join(map(str, place))}]" for place in places]


def short(name: str) -> str:
    """A parameter's name without that of the ready-made guide that it belongs to.

    >>> short("AutoNormal.locs.weight"), short("a")
    ('locs.weight', 'a')
    """
    head, dot, rest = name.partition(".")
    return rest if dot and head.startswith("Auto") else name


def _thinned(series: Series) -> Points:
    steps, values = series.points()
    return decimate(steps.astype(np.float32), values)
