"""Many trainings of one pair of programs: settings side by side, seeds by the thousand.

Each is the run that `svi.run` would take from where the store is now. One compiled function goes
from run to run; what has no compiled form is run in turn.
"""

import warnings
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ..compiled import Compiled, NotCompiled
from ..errors import InferenceError
from .arguments import named
from .elbo import ELBO
from .together import Outcome, Together
from .training import train

EAGER = 10_000
"""Eager steps from which a run that cannot be compiled is worth a warning."""


class each:
    """An argument that differs from run to run.

    Args:
        values: one for each run: a list, or a tensor whose leading dimension counts the runs.

    >>> each([7.0, 8.5])[1]
    8.5
    """

    def __init__(self, values: Sequence[Any] | Tensor):
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, run: int) -> Any:
        value = self.values[run]
        if isinstance(value, Tensor):
            return value.clone(memory_format=torch.contiguous_format)
        return value

    def __repr__(self) -> str:
        return f"each({self.values!r})"


@dataclass(frozen=True, slots=True)
class SVIRuns:
    """What many trainings left behind.

    Attributes:
        losses: one estimate a step, in nats, (runs, num_steps); nan after a run has failed.
        params: parameter name -> constrained values after each run's last step, (runs, ...).
        path: parameter name -> constrained values after each `every` steps, (runs, kept, ...); nan
            after a run has failed; empty without `every`.
        steps: good steps of each run, (runs,): fewer than asked for where a loss or a parameter
            became infinite or not a number.
        seeds: of the runs.
    """

    losses: Tensor
    params: Mapping[str, Tensor]
    path: Mapping[str, Tensor]
    steps: Tensor
    seeds: tuple[int, ...]


class Plan:
    """What differs between the runs.

    Args:
        num_steps: of each.
        args, kwargs: of the programs; some may be `each(...)`.
        seeds: one for each run, one for all, or None to draw them from torch's generator.
        every: steps between two moments that are kept; 0 keeps none.

    Attributes:
        count: of runs.
        varied: argument name, as recordings have it -> its values.

    Raises:
        ValueError: it is not clear how many runs there are.
    """

    def __init__(
        self,
        num_steps: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seeds: int | Iterable[int] | None,
        every: int,
    ):
        self.num_steps, self.every = num_steps, every
        self.args, self.kwargs = args, kwargs
        given = named(args, kwargs).items()
        self.varied = {name: it for name, it in given if isinstance(it, each)}
        counts = {name: len(it) for name, it in self.varied.items()}
        if seeds is not None and not isinstance(seeds, int):
            seeds = tuple(int(seed) for seed in seeds)
            counts["seeds"] = len(seeds)
        if len(set(counts.values())) != 1:
            said = ", ".join(f"{name} has {count}" for name, count in counts.items())
            how = f"{said}; give all the same number" if said else "give seeds=range(100), say"
            raise ValueError(f"run_many: how many runs? {how}, or an argument as each([7.0, 8.5]).")
        [self.count] = set(counts.values())
        if seeds is None:
            seeds = tuple(torch.randint(2**31, (self.count,)).tolist())
        self.seeds = (seeds,) * self.count if isinstance(seeds, int) else seeds

    def given(self, run: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of one run."""
        return (
            tuple(it[run] if isinstance(it, each) else it for it in self.args),
            {name: it[run] if isinstance(it, each) else it for name, it in self.kwargs.items()},
        )


class Start:
    """Where an SVI and its store are before the runs; each begins there.

    Attributes:
        leaves: parameter name -> unconstrained value, of those that there are.
        optim_states: parameter name -> state of the optimiser, of those that it knows.
    """

    def __init__(self, svi: Any):
        self.svi = svi
        kept = svi.store.named_parameters()
        self._leaves = {name: (leaf, leaf.data) for name, leaf in kept}
        self.leaves = {name: leaf.detach() for name, leaf in kept}
        self.optim_states = {
            name: state
            for name, state in svi._optim_state.items()
            if name in self._leaves and svi._leaves.get(name) is self._leaves[name][0]
        }
        self._own = svi._optim_state, svi._leaves, svi._steps, svi.optim.states
        self._loss = vars(svi.loss) if isinstance(svi.loss, ELBO) else {}
        self._memory = {name: copy(it) for name, it in self._loss.items()}
        self._modules: list[tuple[Tensor, Tensor]] = []

    def again(self) -> None:
        """Go back to the start."""
        svi, store = self.svi, self.svi.store
        for name in store.keys() - self._leaves.keys():
            del store[name]
        for leaf, data in (*self._leaves.values(), *self._modules):
            leaf.data = data
        svi._optim_state, svi._leaves, svi._steps, svi.optim.states = self._own
        self._loss.update({name: copy(it) for name, it in self._memory.items()})

    def bear(self, given: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        """Let parameters be born; networks among them begin every run as they are now."""
        self.svi.init(*given[0], **given[1])
        born = [it for name, it in self.svi.store.named_parameters() if name not in self._leaves]
        self._modules = [(leaf, leaf.data) for leaf in born if isinstance(leaf, Parameter)]


def train_many(
    svi: Any, plan: Plan, compile: str, watch: Callable[[int], Any]
) -> tuple[SVIRuns, Compiled]:
    """Take all runs of a plan; what came of them, and how.

    Args:
        svi: whose runs; it and its store are left as they are.
        plan: what differs between them.
        compile: "auto" | "never" | "require".
        watch: called with the number of steps that were taken since the last call.

    Raises:
        NotCompiled: compilation is required and impossible.
    """
    with _left_alone(svi) as start:
        torch.manual_seed(plan.seeds[0])
        start.bear(plan.given(0))
        try:
            if compile == "never":
                raise NotCompiled("not asked for")
            together = Together(svi, plan, start, compile == "require")
            return _result(svi, plan, together.run(watch)), together.report
        except NotCompiled as error:
            if compile == "require":
                raise
            reason = str(error)
        if compile != "never" and plan.count * plan.num_steps > EAGER:
            warnings.warn(f"run_many goes run by run, because {reason}", stacklevel=3)
        outcome, how = _in_turn(svi, plan, start, compile, watch)
        return _result(svi, plan, outcome), replace(how, reason=f"run by run: {reason}")


@contextmanager
def _left_alone(svi: Any) -> Generator[Start]:
    stream, proven, compiled = torch.get_rng_state(), svi._proven, svi.compiled
    start = Start(svi)
    try:
        yield start
    finally:
        start.again()
        svi._proven, svi.compiled = proven, compiled
        torch.set_rng_state(stream)


def _in_turn(
    svi: Any, plan: Plan, start: Start, compile: str, watch: Callable[[int], Any]
) -> tuple[Outcome, Compiled]:
    """Each run as `svi.run` takes it, and how the last one went."""
    how = Compiled("eager")
    losses = torch.full((plan.count, plan.num_steps), torch.nan)
    steps = torch.zeros(plan.count, dtype=torch.int64)
    ends: list[dict[str, Tensor]] = []
    moments: list[list[dict[str, Tensor]]] = []
    for run, seed in enumerate(plan.seeds):
        start.again()
        torch.manual_seed(seed)
        seen: list[float] = []
        kept: list[dict[str, Tensor]] = []

        def look(new: list[float], seen: list[float] = seen, kept: Any = kept) -> None:
            seen += new
            watch(len(new))
            if plan.every and len(seen) % plan.every == 0:
                kept.append(_leaves(svi))

        with suppress(InferenceError):
            how = train(svi, plan.num_steps, *plan.given(run), compile, look, plan.every)
        losses[run, : len(seen)] = torch.tensor(seen)
        steps[run] = len(seen)
        ends.append(_leaves(svi))
        points = plan.num_steps // plan.every if plan.every else 0
        lost = {name: torch.full_like(leaf, torch.nan) for name, leaf in ends[-1].items()}
        moments.append(kept + [lost] * (points - len(kept)))
    leaves = {name: torch.stack([end[name] for end in ends]) for name in ends[0]}
    path = {
        name: torch.stack([torch.stack([moment[name] for moment in run]) for run in moments])
        for name in leaves
        if plan.every and plan.num_steps >= plan.every
    }
    return Outcome(losses, leaves, path, steps), how


def _leaves(svi: Any) -> dict[str, Tensor]:
    return {name: leaf.detach().clone() for name, leaf in svi.store.named_parameters()}


def _result(svi: Any, plan: Plan, outcome: Outcome) -> SVIRuns:
    """Unconstrained values as the programs see them."""
    with torch.no_grad():
        params, path = (
            {name: svi.store.constrain(name, leaf) for name, leaf in leaves.items()}
            for leaves in (outcome.leaves, outcome.path)
        )
    return SVIRuns(outcome.losses, params, path, outcome.steps, plan.seeds)
