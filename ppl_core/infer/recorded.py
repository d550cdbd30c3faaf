"""A step of SVI as a recording: what it reads and changes, and whether it is still the same."""

import math
import time
from typing import Any

import torch
from torch import Tensor

from ..compiled import (
    Engine,
    Engines,
    NotCompiled,
    Program,
    Rule,
    Runs,
    Untried,
    difference,
    record,
)
from ..errors import InferenceError
from ..optim import SGD, Adam, AdamW, ClippedAdam, Optimizer, RMSprop
from .arguments import as_tensors, distinct, identity, named, places
from .culprit import SAFE
from .elbo import ELBO
from .memory import remember, remembered, unchanged

RULES: dict[type[Optimizer], str] = {
    SGD: "SGD",
    Adam: "Adam",
    AdamW: "AdamW",
    ClippedAdam: "ClippedAdam",
    RMSprop: "RMSprop",
}
KEPT = 32
"""Recordings that are remembered."""
_recordings: dict[Any, tuple[Program, Any]] = {}


class Training:
    """A step of SVI on its parameter store, recorded and ready to be repeated.

    Args:
        svi: after its first step, so that every parameter and its optimiser's state are there.
        args, kwargs: of the programs.

    Attributes:
        key: what the recording depends on, as a key of a dictionary; None if that cannot be told.
        kept: what has to live as long as that key.

    Raises:
        NotCompiled: the step has no compiled form.
    """

    def __init__(self, svi: Any, args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.svi, self.store = svi, svi.store
        self.given = args, kwargs
        self.rules = {name: _rule(svi.optim, name) for name in svi._optim_state}
        leaves = dict(self.store.named_parameters())
        self.moving = [name for name in self.rules if leaves[name].requires_grad]
        rates = {svi.optim.settings(name)["lr"] for name in self.moving}
        self.rates = {rate: torch.tensor(rate, dtype=torch.float64) for rate in sorted(rates)}
        started = time.perf_counter()
        try:
            self._learn(as_tensors(args), as_tensors(kwargs))
        except NotCompiled:
            self._learn(args, kwargs)  # the program may need its numbers as they are
        self.seconds = time.perf_counter() - started
        self.limit = max(SAFE, 2 * self.largest())

    # ---- the step as a function of tensors

    def _learn(self, args: Any, kwargs: Any) -> None:
        """Find the recording of this very step, or make one."""
        self._data = {f"lr {i}": tensor for i, tensor in enumerate(self.rates.values())}
        given = named(args, kwargs)
        self._data |= distinct(given)
        key, kept = self._identity(given)
        self.key, self.kept = key, kept
        if key in _recordings:
            self.program, self.kept = _recordings[key]
            return
        self.program = self._record(args, kwargs)
        new = not Engines.know(self.program)
        if new and self._record(args, kwargs).key != self.program.key:
            raise NotCompiled("the program is another one at each call: a clock, a count?")
        if key is not None:
            _recordings[key] = self.program, kept
            while len(_recordings) > KEPT:
                del _recordings[next(iter(_recordings))]

    def _record(self, args: Any, kwargs: Any) -> Program:
        state = self._state_tensors()
        inputs = {name: self.store.unconstrained(name) for name in self.moving}
        inputs |= {name: tensor for name, tensor in state.items() if name not in inputs}
        with unchanged(self.svi.loss):
            program = record(lambda: self._step(inputs, args, kwargs), inputs, self._data)
        program.bounded = len(self.moving)
        return program

    def _identity(self, given: dict[str, Any]) -> tuple[Any, Any]:
        """What the recording depends on, as a key; None if that cannot be told."""
        svi, store, optim = self.svi, self.store, self.svi.optim
        loss = svi.loss
        if isinstance(loss, ELBO):
            public = {name: it for name, it in vars(loss).items() if not name.startswith("_")}
            loss = [type(loss), public]
        rest = {name: it for name, it in given.items() if not isinstance(it, Tensor)}
        programs = identity((svi.model, svi.guide, loss, rest), self._data)
        if programs is None:
            return None, None
        params = [
            (name, leaf.shape, leaf.dtype, leaf.requires_grad, repr(store.constraint(name)))
            for name, leaf in store.named_parameters()
        ]
        rules = [
            (name, self.rules[name].key, list(self.rates).index(optim.settings(name)["lr"]))
            for name in self.moving
        ]
        ages = [self._age(name) for name in self.moving]
        alike = [ages.index(age) for age in ages]
        shapes = places(given)
        loss_memory = [(name, it.shape, it.dtype) for name, it in remembered(svi.loss).items()]
        about = params, rules, alike, shapes, list(self._data), optim.clip_args, loss_memory
        return (programs.key, torch.get_default_dtype(), repr(about)), programs

    def _state_tensors(self) -> dict[str, Tensor]:
        """Copies of everything that a step changes, by name: leaves, then what rules remember."""
        states = self.svi._optim_state
        leaves = {name: self.store.unconstrained(name) for name in self.moving}
        tensors = {name: leaf.detach().clone() for name, leaf in leaves.items()}
        for name in self.moving:
            for part, tensor in self.rules[name].parts(states[name]).items():
                tensors[f"{name}: {part}"] = tensor.clone()
        for name in self.moving:
            for power, tensor in self.rules[name].powers(self._age(name)).items():
                tensors.setdefault(self._power(name, power), tensor)
        memory = remembered(self.svi.loss).items()
        return tensors | {name: tensor.detach().clone() for name, tensor in memory}

    def _age(self, name: str) -> int:
        return self.rules[name].age(self.svi._optim_state[name])

    def _power(self, name: str, power: str) -> str:
        """The name that parameters of one age and rule share for a power of a rate."""
        alike = [(self._age(other), self.rules[other].key) for other in self.moving]
        group = alike.index((self._age(name), self.rules[name].key))
        return f"{power} ** steps" + (f" of {self.moving[group]}" if group else "")

    def _step(self, state: dict[str, Tensor], args: Any, kwargs: Any) -> list[Tensor]:
        remember(self.svi.loss, state)
        with self.store:
            loss = self.svi._estimate(args, kwargs)
        leaves = [state[name] for name in self.moving]
        grads = torch.autograd.grad(loss, leaves, allow_unused=True)
        if any(grad is None for grad in grads):
            raise NotCompiled("a parameter that had a gradient has none any more")
        new = state | {n: it.detach() for n, it in remembered(self.svi.loss).items()}
        with torch.no_grad():
            for name, grad in zip(self.moving, grads, strict=True):
                self._move(name, state[name].detach(), grad, state, new)
        return [*new.values(), loss.detach()]

    def _move(
        self, name: str, value: Tensor, grad: Any, state: dict[str, Tensor], new: dict[str, Tensor]
    ) -> None:
        rule, optim = self.rules[name], self.svi.optim
        names = {power: self._power(name, power) for power in rule.powers(0)}
        powers = rule.next_powers({power: state[key] for power, key in names.items()})
        new.update({key: powers[power] for power, key in names.items()})
        parts = {part: state[f"{name}: {part}"] for part in rule.parts(self.svi._optim_state[name])}
        lr = self.rates[optim.settings(name)["lr"]]
        grad = optim._clipped(grad) if optim.clip_args else grad
        new[name], parts = rule.step(value, grad, parts, powers, lr)
        new.update({f"{name}: {part}": tensor for part, tensor in parts.items()})

    # ---- running

    def run(self, engine: Engine, steps: int) -> list[float]:
        """Take up to `steps` steps and leave the results in the store and the optimiser."""
        state = self._state_tensors()
        losses = self._advance(engine, steps, state, self.limit)
        self._write_back(state, len(losses))
        return losses

    def course(self, engine: Engine, steps: int) -> tuple[Tensor, dict[str, Tensor]]:
        """As `run`, with every value on the way.

        Returns:
            Losses, (taken,), and unconstrained values by parameter, (taken, *shape).
        """
        state = self._state_tensors()
        flat = [tensor.reshape(1, -1) for tensor in state.values()]
        data = [part[None] for part in self._given()]
        streams = torch.get_rng_state()[None].clone()
        runs = Runs.begin(flat, data, streams, steps, 1, len(self.moving))
        engine.many(self.program, runs, steps, self.limit)
        torch.set_rng_state(runs.streams[0])
        taken = int(runs.done[0])
        self._write_back(state, taken)
        kept = zip(self.moving, runs.kept, strict=True)
        path = {name: part[0, :taken].view(-1, *state[name].shape) for name, part in kept}
        return runs.losses[0, :taken], path

    def _advance(
        self, engine: Engine, steps: int, state: dict[str, Tensor], limit: float
    ) -> list[float]:
        flat = [tensor.reshape(-1) for tensor in state.values()]
        return engine.run(self.program, steps, flat, self._given(), limit)

    def _given(self) -> list[Tensor]:
        inputs = self.program.inputs("data")
        return [_memory(self._data.get(v.name, v.tensor), v.size) for v in inputs]

    def _write_back(self, state: dict[str, Tensor], steps: int) -> None:
        svi, states = self.svi, dict(self.svi._optim_state)
        for name in self.moving:
            parts = {
                part: state[f"{name}: {part}"] for part in self.rules[name].parts(states[name])
            }
            states[name] = self.rules[name].state(states[name], parts, steps)
            self.store.unconstrained(name).data = state[name]
        remember(svi.loss, state)
        svi._optim_state = svi.optim.states = states
        svi._leaves = {name: self.store.unconstrained(name) for name in states}
        svi._steps += steps

    def largest(self) -> float:
        """The largest unconstrained value there is."""
        leaves = [self.store.unconstrained(name).detach() for name in self.moving]
        return max((float(leaf.abs().max()) for leaf in leaves if leaf.numel()), default=0.0)

    # ---- the trial

    def trial(self, engine: Engine) -> float:
        """Largest relative difference between two compiled and two eager steps elsewhere.

        Raises:
            Untried: eager steps fail there.
        """
        svi, store = self.svi, self.store
        kept = svi._optim_state, svi.optim.states, svi._leaves, svi._steps, svi._proven
        leaves = {name: store.unconstrained(name).data for name in self.moving}
        noise, averages = torch.get_rng_state(), remembered(svi.loss)
        try:
            for name, value in leaves.items():
                store.unconstrained(name).data = value * 1.01 + 0.01
            svi._optim_state = {name: _elsewhere(it) for name, it in kept[0].items()}
            state = self._state_tensors()
            ours = self._advance(engine, 2, state, math.inf)
            torch.set_rng_state(noise)
            theirs: list[float] = []
            for _ in range(2):
                info, svi._optim_state = svi._move(store, svi._optim_state, 1, *self.given)
                theirs.append(info.loss)
            if len(ours) < 2:
                return math.inf
            expected = self._state_tensors()
            losses = [torch.tensor(ours), torch.tensor(theirs)]
            return difference([*state.values(), losses[0]], [*expected.values(), losses[1]])
        except InferenceError as error:
            raise Untried(f"no eager step to compare with: {error.cause or error}") from None
        finally:
            svi._optim_state, svi.optim.states, svi._leaves, svi._steps, svi._proven = kept
            for name, value in leaves.items():
                store.unconstrained(name).data = value
            remember(svi.loss, averages)
            torch.set_rng_state(noise)


def _rule(optim: Optimizer, name: str) -> Rule:
    kind = RULES.get(type(getattr(optim, "_inner", optim)))  # what a schedule is on top of
    if kind is None:
        raise NotCompiled(f"the optimiser {type(optim).__name__} has no compiled form")
    settings = optim.settings(name)
    unknown = [key for key in ("maximize", "foreach", "differentiable") if settings.get(key)]
    if unknown:
        raise NotCompiled(f"{kind} with {unknown[0]} has no compiled form")
    return Rule(kind, settings)


def _memory(tensor: Any, size: int) -> Tensor:
    """The memory that a tensor lies in, from its start."""
    return tensor.as_strided((size,), (1,), 0)


def _elsewhere(state: tuple[Any, ...]) -> tuple[Any, ...]:
    """An optimiser's state a little further on."""
    kind, first, *rest = state
    if isinstance(first, dict):
        return kind, {k: v * 1.1 if k != "step" else v + 3 for k, v in first.items()}
    if isinstance(first, Tensor):
        return kind, first * 1.1
    return kind, first if first is None else first + 3, *(part * 1.2 for part in rest)
