"""Many steps of a Hamiltonian chain in one call of machine code, warm-up included.

The steps are those of `HMC.update` and `NUTS.update`, with the same random numbers; a chain differs
from theirs by rounding only, until that decides about a point or a turn. Before a kind of
trajectory is used on a potential, some of its steps are compared with those in Python.
"""

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..compiled import Course, Learned, NotCompiled, Stop, Told, advance, difference
from ..errors import InferenceError
from .adaptation import Adaptation, DualAveraging, Mass, Plan, Welford, window_bounds
from .machine import CompiledTarget, OnDemand
from .rides import no_gradient, no_step_size
from .space import Point
from .target import Target

TOLERANCE = 1e-3
"""How far some steps may be from those in Python, relative to the largest number of each kind."""
LARGEST = 4_000_000
"""Numbers of one kind that a call may tell of."""
ROOM = 1 << 16
"""Positions of trajectories that a call may record."""


_NUMBERS: dict[str, type] = {
    "accept_prob": float,
    "energy": float,
    "potential": float,
    "step_size": float,
    "num_steps": int,
    "diverging": bool,
    "tree_depth": int,
}


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a trajectory goes.

    Attributes:
        deepest: doublings of NUTS at most; 0 for HMC.
        length: of HMC: step size times number of steps.
    """

    deepest: int
    length: float


@dataclass(frozen=True)
class Span:
    """Consecutive steps of a chain.

    Attributes:
        target: the potential.
        told: numbers and positions of every step.
        error: why the next step could not be taken; None if it could.
    """

    target: CompiledTarget
    told: Told
    error: InferenceError | None = None

    def __len__(self) -> int:
        return self.told.done

    def since(self, first: int) -> "Span":
        """Without its first steps."""
        told = self.told
        some = (told.facts, told.positions, told.momenta, told.diverged_at)
        facts, positions, momenta, diverged_at = (each[first:] for each in some)
        paths = None if told.paths is None else told.paths[first:]
        rest = replace(
            told,
            done=len(positions),
            facts=facts,
            positions=positions,
            momenta=momenta,
            diverged_at=diverged_at,
            paths=paths,
        )
        return replace(self, told=rest)

    @staticmethod
    def joined(spans: "Sequence[Span]") -> "Span":
        """Spans that follow each other as one."""
        if len(spans) == 1:
            return spans[0]
        told = [span.told for span in spans]
        whole = replace(
            told[-1],
            done=sum(each.done for each in told),
            facts=torch.cat([each.facts for each in told]),
            positions=torch.cat([each.positions for each in told]),
            momenta=torch.cat([each.momenta for each in told]),
            diverged_at=torch.cat([each.diverged_at for each in told]),
            paths=None if told[0].paths is None else [p for each in told for p in each.paths or ()],
        )
        return replace(spans[-1], told=whole)

    @cached_property
    def values(self) -> dict[str, Tensor]:
        """Site name -> values on the support, (steps, ...)."""
        return self.target.constrain(self.told.positions)

    def numbers(self, depth: bool) -> dict[str, Tensor]:
        """What is told of each step, (steps,), by the names of the fields of an info.

        Args:
            depth: whether there were doublings to count.
        """
        kinds = {float: torch.get_default_dtype(), int: torch.int64, bool: torch.bool}
        columns = zip(_NUMBERS.items(), self.told.facts.t(), strict=True)
        found = {name: column.to(kinds[kind]) for (name, kind), column in columns}
        return found if depth else {n: it for n, it in found.items() if n != "tree_depth"}

    def facts(self, step: int, depth: bool) -> dict[str, Any]:
        """All fields of the info of one step."""
        row = zip(_NUMBERS.items(), self.told.facts[step].tolist(), strict=True)
        numbers = {name: kind(number) for (name, kind), number in row}
        if not depth:
            del numbers["tree_depth"]
        told, paths = self.told, self.told.paths
        return numbers | {
            "values": OnDemand(self.target, told.positions[step]),
            "diverged_at": self.diverged_at(step),
            "momentum": told.momenta[step],
            "trajectory": None if paths is None else paths[step],
        }

    def diverged_at(self, step: int) -> Mapping[str, Tensor]:
        """Site name -> value where the energy ran away; empty if it did not."""
        if not self.told.facts[step, 5]:
            return {}
        return OnDemand(self.target, self.told.diverged_at[step])


def take(
    target: CompiledTarget,
    reach: Reach,
    point: Point,
    adaptation: Adaptation,
    stream: Tensor,
    steps: int,
    seconds: float = math.inf,
    stop: Stop | None = None,
    record: bool = False,
) -> tuple[Point, Adaptation, Span]:
    """Take up to `steps` steps; where they lead.

    Args:
        target: the potential.
        reach: of the trajectories.
        point, adaptation: where the chain is.
        stream: state of torch's generator; it moves on in place.
        steps: at most; fewer are taken if one fails, if there is no time, or no room to tell.
        seconds: no new step after so much time.
        stop: a word to stop at once.
        record: keep the positions of trajectories.
    """
    steps = max(1, min(steps, LARGEST // max(len(point.position), 1)))
    course = _course(reach, adaptation)
    learned, state = _packed(point, adaptation)
    room = _room(reach, adaptation.step_size) if record else 0
    stop = Stop() if stop is None else stop
    told = advance(target.gradient, course, learned, state, stream, steps, seconds, stop, room)
    error = None if told.end in ("fine", "stopped") else _error(target, told)
    return *_unpacked(target, point, adaptation, learned, state), Span(target, told, error)


def _course(reach: Reach, adaptation: Adaptation) -> Course:
    plan = adaptation.plan
    return Course(
        reach.deepest,
        reach.length,
        plan.warmup_steps,
        window_bounds(plan.warmup_steps) if plan.learn_mass else (),
        plan.accept_prob,
        plan.learn_step_size,
        plan.kept if plan.kept is None else plan.kept.contiguous(),
    )


def _room(reach: Reach, step_size: float) -> int:
    longest = 2**reach.deepest if reach.deepest else int(reach.length / step_size) + 2
    return max(ROOM, 4 * longest)


# ---- the trial


def reach_of(kernel: Any, target: Target, point: Point, adaptation: Adaptation) -> Reach | None:
    """How machine code takes the steps of a kernel; None if it does not: `why_not` says why.

    The first time, some steps of a short warm-up are compared with those in Python.
    """
    reach = kernel.reach
    if not isinstance(target, CompiledTarget) or reach is None:
        return None
    kind = type(kernel), adaptation.plan.kept is not None
    verdicts = target.recording.verdicts
    if kind not in verdicts:
        verdicts[kind] = _trial(kernel, reach, target, point, adaptation)
    return None if verdicts[kind] else reach


def why_not(kernel: Any, target: CompiledTarget) -> str:
    """In words, why the trajectories of a kernel are not machine code; empty if they are."""
    if kernel.reach is None:
        return f"trajectories in Python: {type(kernel).__name__} has its own"
    verdicts = target.recording.verdicts.items()
    return next((why for (kind, _), why in verdicts if kind is type(kernel)), "")


def _trial(
    kernel: Any, reach: Reach, target: CompiledTarget, point: Point, adaptation: Adaptation
) -> str:
    """Compare the last steps of a short warm-up, and one after it; what was off, if anything."""
    plan, step_size = Plan(20, kept=adaptation.plan.kept), 0.1 * adaptation.step_size
    seen = Welford.start(point.position, plan.kept is not None)
    generator = torch.Generator().manual_seed(1)
    for _ in range(10):
        noise = torch.randn(len(point.position), generator=generator).to(point.position)
        seen = seen.update(point.position + 0.1 * noise)
    before = Adaptation.start(plan, step_size, Mass(torch.ones_like(point.position)))
    before = replace(before, seen=seen, step=13)
    short = copy(kernel)
    short.max_tree_depth, short.trajectory_length = min(3, reach.deepest), 5.5 * step_size
    stream = torch.Generator().manual_seed(2).get_state()
    try:
        _, after, span = take(target, short.reach, point, before, stream.clone(), 8)
    except NotCompiled as error:
        return str(error)
    positions, infos, expected = _in_python(short, target, point, before, stream)
    if len(infos) != len(span):
        return f"a trial of trajectories took {len(span)} steps, and {len(infos)} in Python"
    numbers = span.numbers(depth=False)
    ours, theirs = [span.told.positions], [torch.stack(positions)]
    for name in ("accept_prob", "energy", "num_steps"):
        ours.append(numbers[name])
        theirs.append(torch.tensor([getattr(info, name) for info in infos]))
    ours += [after.mass.inverse, torch.tensor(after.step_size)]
    theirs += [expected.mass.inverse, torch.tensor(expected.step_size)]
    gap = difference(ours, theirs)
    return "" if gap <= TOLERANCE else f"a trial of trajectories was off by {gap:.1e}"


def _in_python(
    kernel: Any, target: Target, point: Point, learned: Adaptation, stream: Tensor
) -> tuple[list[Tensor], list[Any], Adaptation]:
    """Eight steps, up to the first one that fails: positions, infos, what was learned."""
    positions: list[Tensor] = []
    infos: list[Any] = []
    before = torch.get_rng_state()
    torch.set_rng_state(stream)
    try:
        for _ in range(8):
            point, learned, info = kernel.step_in_python(target, point, learned)
            positions.append(point.position)
            infos.append(info)
    except InferenceError:
        pass
    finally:
        torch.set_rng_state(before)
    return positions, infos, learned


# ---- to C and back


def _packed(point: Point, adaptation: Adaptation) -> tuple[Learned, Tensor]:
    search, seen = adaptation.search, adaptation.seen
    learned = Learned(
        point.potential,
        adaptation.step_size,
        search.log_step,
        search.log_average,
        search.error,
        search.centre,
        search.count,
        0 if seen is None else seen.count,
        adaptation.step,
    )
    inverse = _inverse(adaptation)
    mean = torch.zeros_like(point.position) if seen is None else seen.mean
    squares = torch.zeros_like(inverse) if seen is None else seen.squares
    parts = point.position, point.gradient, mean, inverse, squares
    return learned, torch.cat([part.reshape(-1) for part in parts])


def _inverse(adaptation: Adaptation) -> Tensor:
    """The inverse mass in the shape that it is learned in."""
    inverse = adaptation.mass.inverse
    dense = adaptation.plan.kept is not None and not adaptation.mass.dense
    return inverse.diag() if dense else inverse


def _unpacked(
    target: CompiledTarget, point: Point, adaptation: Adaptation, learned: Learned, state: Tensor
) -> tuple[Point, Adaptation]:
    size, inverse = len(point.position), _inverse(adaptation)
    parts = state.split([size, size, size, inverse.numel(), inverse.numel()])
    position, gradient, mean, now, squares = (part.clone() for part in parts)
    now, squares = now.view_as(inverse), squares.view_as(inverse)
    return Point(position, learned.potential, gradient, OnDemand(target, position)), replace(
        adaptation,
        step_size=learned.step_size,
        mass=adaptation.mass if torch.equal(now, inverse) else Mass(now),
        search=DualAveraging(
            learned.log_step, learned.log_average, learned.error, learned.updates, learned.centre
        ),
        seen=Welford(learned.seen, mean, squares) if learned.seen else None,
        step=learned.step,
    )


def _error(target: CompiledTarget, told: Told) -> InferenceError:
    if told.end == "no gradient":
        return no_gradient(*target.blame(target.at(told.failed)))
    if told.end in ("too small", "too large"):
        return no_step_size(told.failed_size)
    cause = {"no root": "the covariance of the warm-up has no Cholesky factor"}.get(told.end)
    return InferenceError(cause or "there is too little memory for a trajectory", cause=told.end)
