"""From a recording to something that runs: floats at once, C when it is built and proven.

A compiled step is kept for all recordings that do the same, whoever made them. None is used before
it has been compared with eager steps.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .build import Build, is_built
from .c import Source
from .floats import Floats
from .native import Native
from .ops import NotCompiled, Program
from .runs import Runs
from .tape import draw

TOLERANCE = 1e-4
"""How far a compiled step may be from an eager one, relative to the largest number of a tensor."""
PAYS = 0.5
"""Seconds without a compiler that are worth calling it."""
KEPT = 64
"""Programs whose engines are remembered."""
PER_NUMBER = {"floats": 1e-7, "c": 1e-8}
"""Seconds that an engine takes to compute one number, at most about."""
AHEAD = 512
"""Steps whose noise is drawn at once for the engine of floats."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a request to compile.

    Attributes:
        backend: "c" | "floats" | "eager".
        reason: why no faster one is used; empty if none is.
        record: seconds to record and simplify a step.
        build: seconds to write it in its new language and compile it; 0 if that was done before.
        error: largest difference between this and eager steps, relative; None if eager.
        program: the op list, to be read.
    """

    backend: str
    reason: str = ""
    record: float = 0.0
    build: float = 0.0
    error: float | None = None
    program: Program | None = field(default=None, repr=False, compare=False)


Trial = Callable[["Engine"], float]


class Untried(NotCompiled):
    """There was nothing to compare an engine with; another time there may be."""


class Engine:
    """A program on one engine: takes many steps on flat state tensors, in place."""

    def __init__(self, name: str, body: Floats | Native):
        self.name, self._body = name, body
        self.build = 0.0
        self.error: float | None = None

    def run(
        self,
        program: Program,
        steps: int,
        state: Sequence[Tensor],
        data: Sequence[Tensor],
        limit: float,
    ) -> list[float]:
        """Take up to `steps` steps with noise from torch's generator; the losses of those taken.

        The generator is left where as many eager steps would have left it.
        """
        if isinstance(self._body, Native):
            return self._body.run(steps, state, data, limit)
        return _in_floats(self._body, program, steps, state, data, limit)

    def pace(self, program: Program) -> float:
        """Seconds that a step takes, at most about."""
        return max(program.scalar_work, 1) * PER_NUMBER[self.name]

    def many(self, program: Program, runs: Runs, most: int, limit: float) -> None:
        """Take up to `most` steps of each run; torch's generator is left anywhere."""
        if isinstance(self._body, Native):
            self._body.many(runs, most, limit)
            return
        sizes = [part.shape[2] for part in runs.kept]
        for r in range(len(runs)):
            torch.set_rng_state(runs.streams[r].clone())
            state, data = [part[r] for part in runs.state], [part[r] for part in runs.data]
            first = int(runs.done[r])
            some, path = min(runs.steps - first, most), list[tuple[float, ...]]()
            losses = _in_floats(self._body, program, some, state, data, limit, path)
            last = first + len(losses)
            runs.losses[r, first:last] = torch.tensor(losses)
            runs.done[r], runs.streams[r] = last, torch.get_rng_state()
            points = torch.arange(first // runs.every, last // runs.every)
            if len(sizes) and len(points):
                rows = torch.tensor(path, dtype=torch.float64)[
                    (points + 1) * runs.every - first - 1
                ]
                for kept, part in zip(runs.kept, rows.split(sizes, dim=1), strict=True):
                    kept[r, points] = part.to(kept.dtype)


def _in_floats(
    body: Floats,
    program: Program,
    steps: int,
    state: Sequence[Tensor],
    data: Sequence[Tensor],
    limit: float,
    path: list[tuple[float, ...]] | None = None,
) -> list[float]:
    """Take up to `steps` steps with noise drawn ahead, a stretch at a time."""
    losses: list[float] = []
    draws = [value.draw for value in program.inputs("noise")]
    while len(losses) < steps:
        some = min(AHEAD, steps - len(losses))
        before = torch.get_rng_state()
        noise = draw(draws, some, torch.default_generator) if draws else []
        flat = [part.reshape(some, -1) for part in noise]
        done = body.run(some, state, data, flat, limit, path)
        losses += done
        if len(done) < some:
            torch.set_rng_state(before)
            if draws:
                draw(draws, len(done), torch.default_generator)
            break
    return losses


@dataclass(slots=True)
class _Entry:
    """All there is for one program text."""

    floats: Engine | None = None
    native: Engine | None = None
    source: Source | None = None
    making: Build | None = None
    started: float = 0.0
    spent: float = 0.0
    refusals: dict[str, str] = field(default_factory=dict)
    untried: str = ""


_entries: dict[str, _Entry] = {}


class Engines:
    """What can run a program now, and what soon will.

    Args:
        program: the recording.
        trial: compares an engine with eager steps; the relative difference.
    """

    def __init__(self, program: Program, trial: Trial):
        self.program, self._trial = program, trial
        self._entry = _entries.setdefault(program.key, _Entry())
        while len(_entries) > KEPT:
            oldest = _entries.pop(next(iter(_entries)))
            if oldest.making is not None:
                oldest.making.stop()

    @staticmethod
    def know(program: Program) -> bool:
        """Whether a program that does the same was here before."""
        return program.key in _entries

    def choose(self, steps: float, pace: float = 0.0) -> Engine | None:
        """The fastest engine that is proven; it may change from call to call.

        Args:
            steps: how many are left. The compiler is called when what they would take without it,
                and what was spent so far, would pay for it; infinitely many wait for it.
            pace: seconds of an eager step.
        """
        entry, wait = self._entry, steps == math.inf
        if entry.native is None and entry.making is None and "c" not in entry.refusals:
            self._start(wait)
            if entry.making is None:
                self._offer_floats()
                pace = pace if entry.floats is None else entry.floats.pace(self.program)
                if entry.spent + steps * pace > PAYS:
                    self._start(True)
        self._collect(wait)
        if entry.native is None:
            self._offer_floats()
        return entry.native or entry.floats

    def _offer_floats(self) -> None:
        entry = self._entry
        if entry.floats is None and "floats" not in entry.refusals:
            self._add("floats", lambda: Engine("floats", Floats(self.program)))

    def spend(self, seconds: float) -> None:
        """Note what was spent without a compiler."""
        if self._entry.native is None:
            self._entry.spent += seconds

    @property
    def untried(self) -> str:
        """Why no engine could be proven just now; empty if that is not what is missing."""
        return self._entry.untried

    @property
    def waiting(self) -> bool:
        """Whether a compiler is at work."""
        return self._entry.making is not None

    def report(self, engine: Engine | None, record: float) -> Compiled:
        """What there is to say about the engine that took the last steps."""
        refusals = self._entry.refusals
        why = refusals.get("c", "the compiler is at work" if self.waiting else "few steps")
        if engine is None:
            why = "; ".join(dict.fromkeys(refusals.values())) or self.untried or why
            return Compiled("eager", why, record, program=self.program)
        why = "" if engine.name == "c" else why
        return Compiled(engine.name, why, record, engine.build, engine.error, self.program)

    def _start(self, pays: bool) -> None:
        """Load the library if there is one, else call the compiler if that pays."""
        entry = self._entry
        if "c" in entry.refusals:
            return
        entry.started = time.perf_counter()
        try:
            entry.source = entry.source or Source(self.program)
            if pays or is_built(entry.source.text):
                entry.making = Build(entry.source.text)
        except NotCompiled as error:
            entry.refusals["c"] = str(error)

    def _collect(self, wait: bool) -> None:
        """Load and prove what the compiler has finished."""
        entry = self._entry
        if entry.making is None or not (wait or entry.making.ready()):
            return
        making, source = entry.making, entry.source
        entry.making = None
        assert source is not None
        self._add("c", lambda: Engine("c", Native(source, making.library())), entry.started)

    def _add(self, name: str, make: Callable[[], Engine], started: float | None = None) -> None:
        entry = self._entry
        started = time.perf_counter() if started is None else started
        try:
            engine = make()
            engine.build = time.perf_counter() - started
            engine.error = self._trial(engine)
            if not engine.error <= TOLERANCE:
                raise NotCompiled(f"a trial step was off by {engine.error:.1e} from an eager one")
        except Untried as error:
            entry.untried = str(error)
            return
        except NotCompiled as error:
            entry.refusals[name] = str(error)
            return
        entry.untried = ""
        if name == "c":
            entry.native, entry.source = engine, None
        else:
            entry.floats = engine


def difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Largest difference between two lists of tensors, relative to the largest number of each."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        if b.numel():
            a, b = a.double().flatten(), b.double().flatten()
            scale = float(b.abs().max()) + 1e-6
            gap = float((a - b).abs().max()) / scale
            worst = max(worst, gap) if gap == gap else float("inf")
    return worst
