"""Draws from a posterior by any of the samplers, a few at a time, kept in bounded memory."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppl_core.compiled import NotCompiled
from ppl_core.infer import (
    HMC,
    NUTS,
    Importance,
    IndependentMH,
    Rejection,
    TemperedSMC,
)
from ppl_core.params import ParamStore
from ppl_core.runs import InferenceRun

from ..drawing import Pool
from ..scenarios import Columns
from .guard import limited
from .sites import Sites

LIMIT = 20_000
"""Draws that are kept at most."""
BATCH = 50
"""Draws of one update, where a program can be run in rows."""
WARMUP = 200
"""Steps from which HMC and NUTS learn before their first draw."""
QUARTER = 1.5
"""Length of a trajectory of HMC: a quarter turn, after which a draw forgets the last one."""
PARTICLES = 500
"""Of the tempered cloud."""
WHOLE = 1000
"""The newest so many draws are kept with all their numbers, for predictions."""
WEIGHT = "log weight"
"""The column of the log weights, in nats."""
SHARE = "accepted"
"""The column that says what was accepted: 1 or 0, or the chance of it."""
DIVERGED = "diverged"
"""The column that says where a trajectory of HMC ran away: 1, or 0."""

Program = Callable[..., Any]


class Sampling:
    """Draws of one sampler, one after the other.

    Args:
        method: "importance", "rejection", "independent MH", "HMC" or "NUTS".
        model: the conditioned program.
        guide: what is proposed, for those that propose; None for the prior.
        args: of both.
        sites: of the model.
        store: their parameters.
        seed: of the noise.

    Attributes:
        step: draws shown.
        warm: steps of the warm-up that are done; `warmup` of them are needed.

    Raises:
        Exception: whatever the programs raise on their first run.
    """

    act = "draw"

    def __init__(
        self,
        method: str,
        model: Program,
        guide: Program | None,
        args: tuple[Any, ...],
        sites: Sites,
        store: ParamStore,
        seed: int,
    ):
        self.method, self.sites, self._store = method, sites, store
        self._pool, self.step, self.warm = Pool(), 0, 0
        self._whole: deque[tuple[int, Mapping[str, Tensor]]] = deque()
        self._runaways: list[tuple[int, Columns]] = []
        self.warmup = WARMUP if method in ("HMC", "NUTS") else 0
        with limited(), store:
            self.run = _begin(method, model, guide, args, seed)

    @property
    def finished(self) -> bool:
        """Whether no more draws are kept."""
        return self.step >= LIMIT

    @property
    def columns(self) -> Columns:
        """The draws that are shown: coordinate, or a column of the sampler's own -> (step,)."""
        return self._pool.first(self.step)

    @property
    def weights(self) -> np.ndarray | None:
        """What each draw counts, (step,), summing to 1; None where all count the same."""
        columns = self.columns
        if self.method == "importance" and self.step:
            log_weight = columns[WEIGHT]
            weight = np.exp(log_weight - log_weight.max())
            return weight / weight.sum()
        if self.method == "rejection" and self.step:
            kept = columns[SHARE]
            return kept / max(kept.sum(), 1.0)
        return None

    @property
    def runaways(self) -> Columns:
        """Where the trajectories of HMC ran away that are shown: coordinate -> (divergences,)."""
        shown = [rows for number, rows in self._runaways if number < self.step]
        names = shown[0] if shown else {}
        return {name: np.concatenate([rows[name] for rows in shown]) for name in names}

    def advance(self, num_steps: int, deadline: float) -> int:
        """Show so many draws more, or as many as there is time for; steps done, warm-up included.

        Raises:
            Exception: a step failed; the draws so far are kept.
        """
        done, wanted = 0, min(self.step + num_steps, LIMIT)
        if num_steps == 1 and self.warm < self.warmup:
            return self._draw()  # a step of the warm-up is a step too
        while self.step < wanted:
            if self._pool.size == self.step:
                done += self._draw()
            more = min(wanted, self._pool.size) - self.step
            self.step += more
            done += more
            if time.perf_counter() >= deadline:
                break
        return done

    def back(self, step: int) -> None:
        """Show only the first so many draws."""
        self.step = min(self.step, max(step, 0))

    def values(self) -> Mapping[str, Tensor]:
        """The newest draws of whole sites that count the same, site -> (draws, ...)."""
        shown = [(first, rows) for first, rows in self._whole if first < self.step]
        if not shown:
            return {}
        names = shown[0][1]
        together = {name: torch.cat([rows[name] for _, rows in shown]) for name in names}
        first, weights = shown[0][0], self.weights
        num = min(self.step - first, WHOLE)
        if weights is None:
            return {name: value[:num] for name, value in together.items()}
        shares = torch.from_numpy(weights[first : self.step])
        if not float(shares.sum()) > 0.0:
            return {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            chosen = torch.multinomial(shares, num, replacement=True)
        return {name: value[chosen] for name, value in together.items()}

    def _draw(self) -> int:
        """One update; the steps of warm-up it was, 0 or 1."""
        with limited(), self._store:
            self.run.advance(num_steps=1)
        if self.warm < self.warmup:
            self.warm += 1
            return 1
        values, info = _values(self.method, self.run.snapshot.info), self.run.snapshot.info
        if getattr(info, "diverging", False):
            at = {name: value[None] for name, value in info.diverged_at.items()}
            self._runaways.append((self._pool.size, self.sites.columns(at)))
        kept = {name: values[name] for name in self.sites.latent if name in values}
        self._whole.append((self._pool.size, kept))
        self._pool.add(_read(self.method, info, self.sites.columns(values)))
        while self._pool.size - self._whole[0][0] > WHOLE + BATCH:
            self._whole.popleft()
        return 0


def _begin(
    method: str, model: Program, guide: Program | None, args: tuple[Any, ...], seed: int
) -> InferenceRun:
    def begin(kernel: Any) -> InferenceRun:
        return InferenceRun(kernel, *args, seed=seed, keep_every=10**9)

    match method:
        case "importance":
            return begin(Importance(model, guide, num_samples=BATCH))
        case "rejection":
            kernel = Rejection(model, guide)
            run = begin(kernel)
            kernel.batch_size = run.snapshot.state.proposal.batch(BATCH)
            return run
        case "independent MH":
            return begin(IndependentMH(model, guide, batch=BATCH))
        case _:
            how: dict[str, Any] = {"warmup_steps": WARMUP}
            how |= {"trajectory_length": QUARTER} if method == "HMC" else {}
            kind = {"HMC": HMC, "NUTS": NUTS}[method]
            try:  # the same draws either way, some ten times as fast
                return begin(kind(model, jit_compile=True, **how))
            except NotCompiled:
                return begin(kind(model, **how))


def _values(method: str, info: Any) -> Mapping[str, Tensor]:
    """The draws of one update, site -> (draws, ...)."""
    if method in ("importance", "rejection"):
        return info.values
    return {name: value[None] for name, value in info.values.items()}


def _read(method: str, info: Any, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rows of one update, with the columns of the sampler's own."""
    if method == "importance":
        return rows | {WEIGHT: info.log_weights.double().numpy()}
    if method == "rejection":
        return rows | {SHARE: info.accepted.double().numpy()}
    accepted = float(info.accepted) if method == "independent MH" else info.accept_prob
    diverging = float(getattr(info, "diverging", False))
    return rows | {SHARE: np.array([accepted]), DIVERGED: np.array([diverging])}


class Cloud:
    """A cloud of particles on its way from the prior to the posterior, by tempering.

    Args:
        model, args, sites, store, seed: as for `Sampling`.

    Attributes:
        course: (power, effective share, acceptance) after each step.
        means: of every coordinate, after each step.
    """

    act = "draw"
    weights = None
    warm = warmup = 0

    def __init__(
        self, model: Program, args: tuple[Any, ...], sites: Sites, store: ParamStore, seed: int
    ):
        self.sites, self._store = sites, store
        self.kernel = TemperedSMC(model, num_particles=PARTICLES)
        self.course: list[tuple[float, float, float]] = []
        with limited(), store:
            self.run = InferenceRun(self.kernel, *args, seed=seed, keep_every=1)
        self.means = [self._mean()]

    @property
    def step(self) -> int:
        """Powers reached."""
        return self.run.step

    @property
    def power(self) -> float:
        """Of the likelihood: 0 is the prior, 1 the posterior."""
        return self.run.snapshot.state.power

    @property
    def finished(self) -> bool:
        """Whether the posterior is reached."""
        return self.power >= 1.0

    @property
    def columns(self) -> Columns:
        """The particles: coordinate -> (particles,)."""
        return self.sites.columns(self.values())

    def values(self) -> Mapping[str, Tensor]:
        """The particles on their sites' supports."""
        with torch.no_grad(), self._store:
            return self.kernel.values(self.run.snapshot.state, *self.run.args)

    def advance(self, num_steps: int, deadline: float) -> int:
        """Raise the power so many times, or as often as there is time for; the steps done."""
        done = 0
        while done < num_steps and not self.finished:
            with limited(), self._store:
                self.run.advance(num_steps=1)
            info, done = self.run.snapshot.info, done + 1
            self.course.append((info.power, info.ess / PARTICLES, info.accept_prob))
            self.means.append(self._mean())
            if time.perf_counter() >= deadline:
                break
        return done

    def back(self, step: int) -> None:
        """Go back to this step, or to the newest remembered one before it."""
        self.run.rewind(max(step, 0))
        del self.course[self.step :], self.means[self.step + 1 :]

    def _mean(self) -> dict[str, float]:
        return {name: float(column.mean()) for name, column in self.columns.items()}
