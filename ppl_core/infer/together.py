"""Many runs at once: one compiled step goes from run to run.

Parameters whose first value is known without a draw begin as rows of one table; where a first value
is drawn, each run takes its first step by itself.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..compiled import Compiled, Engine, Engines, NotCompiled, Program, Runs, difference
from ..compiled.engine import TOLERANCE
from ..compiled.floats import Floats
from ..errors import InferenceError
from .arguments import as_tensors, named
from .births import DRAWN, births
from .recorded import KEPT, Training
from .training import CHUNK, multiplies_matrices

_known: dict[Any, tuple[Program, Any]] = {}  # how parameters are born


@dataclass(frozen=True, slots=True)
class Outcome:
    """What runs left behind, unconstrained.

    Attributes:
        losses: (runs, num_steps).
        leaves, path: parameter name -> (runs, ...) and (runs, points, ...).
        steps: good steps, (runs,).
    """

    losses: Tensor
    leaves: Mapping[str, Tensor]
    path: Mapping[str, Tensor]
    steps: Tensor


class Together:
    """All runs of a plan, recorded and ready to go.

    Args:
        svi: at the start of the first run, with the parameters that were born there.
        plan: what differs between the runs.
        start: brings the SVI back to where each run begins.
        sure: whether networks are compiled too, and the compiler is waited for.

    Raises:
        NotCompiled: the runs cannot be taken by one compiled step.
    """

    def __init__(self, svi: Any, plan: Any, start: Any, sure: bool):
        self.svi, self.plan, self.start = svi, plan, start
        self._born = {name: leaf.detach() for name, leaf in svi.store.named_parameters()}
        given, pace = plan.given(0), time.perf_counter()
        self._seed(0)
        self._first_loss = svi.step(*given[0], **given[1])
        pace = time.perf_counter() - pace
        self.training = training = Training(svi, *given)
        if not sure and multiplies_matrices(training.program):
            raise NotCompiled("its rounding would differ: it multiplies matrices (see run)")
        steers = [name for name in plan.varied if name not in training._data]
        if steers:
            raise NotCompiled(f"{steers[0]} steers the course of the program")
        self._after = [it.reshape(1, -1) for it in training._state_tensors().values()]
        self._engines, self._pace = Engines(training.program, training.trial), pace
        engine = self._fastest(math.inf if sure else plan.count * plan.num_steps)
        if engine is None:
            raise NotCompiled(self._engines.report(None, training.seconds).reason)
        self._engine = engine
        self._data = [self._rows(value) for value in training.program.inputs("data")]

    def run(self, watch: Callable[[int], Any]) -> Outcome:
        """Take all steps.

        Args:
            watch: called with the number of steps taken since the last call.
        """
        runs, alive, still = self._begin()
        watch(int(runs.done.sum()))
        some, at = 1, 0
        while at < len(alive):
            self._engine = self._fastest((len(alive) - at) * runs.steps) or self._engine
            chosen, started = alive[at : at + some], time.perf_counter()
            part = runs.some(chosen)
            before = int(part.done.sum())
            self._finish(part)
            runs.put(chosen, part)
            watch(int(part.done.sum()) - before)
            at += some
            spent = time.perf_counter() - started
            self._engines.spend(spent)
            if spent < CHUNK / 2:
                some *= 2
        return self._outcome(runs, still)

    @property
    def report(self) -> Compiled:
        """How the last steps were taken."""
        return self._engines.report(self._engine, self.training.seconds)

    def _fastest(self, steps: float) -> Engine | None:
        """The engine for so many steps; if they are worth the compiler, it is waited for."""
        engine = self._engines.choose(steps, self._pace)
        return self._engines.choose(math.inf) if self._engines.waiting else engine

    # ---- where runs begin

    def _seed(self, run: int) -> None:
        torch.manual_seed(self.plan.seeds[run])

    def _rows(self, value: Any) -> Tensor:
        """An input of every run, (runs, size)."""
        count, varied = self.plan.count, self.plan.varied.get(value.name)
        if varied is None:
            tensor = self.training._data.get(value.name, value.tensor)
            assert tensor is not None
            return tensor.as_strided((1, value.size), (value.size, 1), 0).expand(count, -1)
        tensors = [torch.as_tensor(varied[run]) for run in range(count)]
        if len({(tensor.shape, tensor.dtype) for tensor in tensors}) > 1:
            raise NotCompiled(f"{value.name} has other shapes or types in other runs")
        return torch.stack(tensors).reshape(count, value.size)

    def _begin(self) -> tuple[Runs, Tensor, dict[str, Tensor]]:
        """The runs, those that can go on, and parameters that stay where they are."""
        try:
            return self._side_by_side()
        except NotCompiled:
            return self._one_by_one()

    def _side_by_side(self) -> tuple[Runs, Tensor, dict[str, Tensor]]:
        """All runs before their first step; proven by that of the first run."""
        svi, training, count = self.svi, self.training, self.plan.count
        loaded = svi.optim._first_states or getattr(svi.optim, "_inner", svi.optim)._first_states
        if loaded:
            raise NotCompiled("the optimiser begins with a state that was loaded")
        states = {n: training.rules[n].fresh(it) for n, it in svi._optim_state.items()}
        leaves, store = self._first_leaves(), svi.store
        kinds = {name: store.constraint(name) for name in leaves}
        self.start.again()
        svi._optim_state = states | self.start.optim_states
        for name in leaves.keys() - store.keys():
            store.adopt(name, leaves[name][0].clone().requires_grad_(), kinds[name])
        if len(training._state_tensors()) != len(self._after):
            raise NotCompiled("the loss remembers nothing yet")
        state = [
            leaves.get(name, it.unsqueeze(0).expand(count, *it.shape)).reshape(count, -1).clone()
            for name, it in training._state_tensors().items()
        ]
        generator = torch.Generator()
        streams = torch.stack([generator.manual_seed(s).get_state() for s in self.plan.seeds])
        runs = self._runs(state, streams)
        first = runs.some(torch.zeros(1, dtype=torch.int64))
        self._engine.many(training.program, first, 1, math.inf)
        ours = [*first.state, first.losses[:, 0]]
        if not difference(ours, [*self._after, torch.tensor([self._first_loss])]) <= TOLERANCE:
            raise NotCompiled("the first step is unlike the others")
        return runs, torch.arange(count), leaves

    def _first_leaves(self) -> dict[str, Tensor]:
        """The first unconstrained value of every parameter in every run, (runs, ...)."""
        count, training = self.plan.count, self.training
        known = self.start.leaves
        new = {name: leaf for name, leaf in self._born.items() if name not in known}
        first = {n: it.expand(count, *it.shape) for n, it in known.items()}
        if not new:
            return first
        program = self._births(new)
        draws = [[v.draw for v in it.inputs("noise")] for it in (program, training.program)]
        if draws[0] != draws[1]:
            raise NotCompiled(DRAWN)
        body, inputs = Floats(program), [self._rows(it) for it in program.inputs("data")]
        rows = count if any(it.stride(0) for it in inputs) else 1  # the same for all runs?
        table = [leaf.new_empty(rows, leaf.numel()) for leaf in new.values()]
        noise = [torch.zeros(1, value.size) for value in program.inputs("noise")]
        for run in range(rows):
            flat = [it[run] for it in table]
            if not body.run(1, flat, [it[run] for it in inputs], noise, math.inf):
                raise NotCompiled("a first value is not finite")
        shaped = zip(new.items(), table, strict=True)
        return first | {
            name: it.expand(count, -1).reshape(count, *leaf.shape) for (name, leaf), it in shaped
        }

    def _births(self, new: Mapping[str, Tensor]) -> Program:
        """The recording of first values; it is made once for programs that do the same."""
        key = self.training.key and (self.training.key, *new)
        if key in _known:
            return _known[key][0]
        args, kwargs = map(as_tensors, self.plan.given(0))
        given = named(args, kwargs)
        data = {name: given[name] for name in self.training._data if name in given}

        def estimate() -> None:
            with self.svi.store:
                self.svi._estimate(args, kwargs)

        program = births(estimate, new, data)
        if key:
            _known[key] = program, self.training.kept
            while len(_known) > KEPT:
                del _known[next(iter(_known))]
        return program

    def _one_by_one(self) -> tuple[Runs, Tensor, dict[str, Tensor]]:
        """All runs after a first step of their own."""
        rows: list[list[Tensor]] = []
        streams, losses, alive = [], [], []
        still: dict[str, list[Tensor]] = {}
        for run in range(self.plan.count):
            self.start.again()
            self._seed(run)
            args, kwargs = self.plan.given(run)
            try:
                losses.append(self.svi.step(*args, **kwargs))
                alive.append(run)
                rows.append([it.reshape(-1) for it in self.training._state_tensors().values()])
            except InferenceError:
                losses.append(math.nan)
                rows.append([torch.full_like(it[0], math.nan) for it in self._after])
            streams.append(torch.get_rng_state())
            for name, leaf in self.svi.store.named_parameters():
                still.setdefault(name, []).append(leaf.detach())
        state = [torch.stack(column) for column in zip(*rows, strict=True)]
        runs = self._runs(state, torch.stack(streams))
        index = torch.tensor(alive, dtype=torch.int64)
        runs.losses[:, 0] = torch.tensor(losses)
        runs.done[index] = 1
        if runs.every == 1:
            for kept, part in zip(runs.kept, state, strict=False):
                kept[:, 0] = part
        return runs, index, {name: torch.stack(leaves) for name, leaves in still.items()}

    def _runs(self, state: list[Tensor], streams: Tensor) -> Runs:
        leading, plan = len(self.training.moving) if self.plan.every else 0, self.plan
        return Runs.begin(state, self._data, streams, plan.num_steps, plan.every, leading)

    # ---- to the end

    def _finish(self, runs: Runs) -> None:
        """Take every step that can be taken.

        A step that leaves a parameter very large stops a run; if the parameter is still inside its
        constraint the run goes on.
        """
        limit, stuck = self.training.limit, torch.arange(len(runs))
        while len(stuck):
            few = runs.some(stuck)
            self._engine.many(self.training.program, few, runs.steps, limit)
            runs.put(stuck, few)
            stuck = stuck[few.done < runs.steps]
            few = runs.some(stuck)
            self._engine.many(self.training.program, few, 1, math.inf)
            good = self._inside(few) & (few.done > runs.done[stuck])
            stuck = stuck[good]
            runs.put(stuck, few.some(good.nonzero()[:, 0]))
            limit *= 2

    def _inside(self, runs: Runs) -> Tensor:
        """Whether the parameters of each run are finite and inside their constraints."""
        good, store, rows = torch.ones(len(runs), dtype=torch.bool), self.svi.store, (len(runs), -1)
        for name, leaf in self._leaves(runs.state).items() if len(runs) else ():
            seen = store.constrain(name, leaf)
            fine = store.constraint(name).check(seen).reshape(rows).all(1)
            good &= fine & torch.isfinite(seen).reshape(rows).all(1)
        return good

    def _leaves(self, rows: list[Tensor]) -> dict[str, Tensor]:
        """Flat rows of the leading states in the shapes of their parameters."""
        shapes = {name: self.svi.store.unconstrained(name).shape for name in self.training.moving}
        return {
            name: part.reshape(*part.shape[:-1], *shape)
            for (name, shape), part in zip(shapes.items(), rows, strict=False)
        }

    def _outcome(self, runs: Runs, still: Mapping[str, Tensor]) -> Outcome:
        losses = runs.losses.to(torch.get_default_dtype())
        bad = ~torch.isfinite(losses)  # floats reach further than single precision
        steps = torch.where(bad.any(1), bad.to(torch.uint8).argmax(1), runs.steps)
        for run in bad.any(1).nonzero()[:, 0].tolist():
            losses[run, int(steps[run]) :] = math.nan
        return Outcome(losses, {**still, **self._leaves(runs.state)}, self._path(runs), steps)

    def _path(self, runs: Runs) -> dict[str, Tensor]:
        return self._leaves(runs.kept) if runs.kept else {}
