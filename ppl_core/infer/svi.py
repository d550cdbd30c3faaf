"""Stochastic variational inference: fit a guide to a posterior along noisy gradients of a loss."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..handlers import trace
from ..optim import Optimizer
from ..params import ParamStore, get_param_store
from ..values import validation, validation_enabled
from . import culprit
from .elbo import ELBO, Trace_ELBO
from .progress import progress

if TYPE_CHECKING:
    from ..compiled import Compiled
    from .many import SVIRuns

Program = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class SVIState:
    """All that the next step needs.

    Attributes:
        values: unconstrained values, by name, of the parameters that this pair has asked for.
        optim: parameter name -> state of the optimiser.
        step: steps taken.
    """

    values: Mapping[str, Tensor]
    optim: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    step: int = 0


@dataclass(frozen=True, slots=True)
class SVIInfo:
    """What a watcher may want to know about a step.

    Attributes:
        loss: the estimate at the values before the step, in nats.
        grads: parameter name -> gradient of the loss in the unconstrained value.
    """

    loss: float
    grads: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class SVIRunResult:
    """What a training left behind.

    Attributes:
        losses: one estimate a step, in nats, (num_steps,).
        params: parameter name -> constrained value after the last step.
        state: to go on from.
        path: parameter name -> constrained values after each `every` steps, (kept, ...).
    """

    losses: Tensor
    params: Mapping[str, Tensor]
    state: SVIState
    path: Mapping[str, Tensor] = field(default_factory=dict)


class SVI:
    """Fit a guide's parameters so that the guide approaches the model's posterior.

    `svi.step(*args)` is Pyro's: one step on the current parameter store. `svi.init` and
    `svi.update` are the same step on a state of your own, for whoever wants to watch, rewind or
    branch.

    Args:
        model: the conditioned program.
        guide: a program with the same arguments that draws every latent site of the model.
        optim: from `ppl_core.optim`.
        loss: an ELBO, or a function `(model, guide, *args) -> scalar tensor` to be minimised.
        store: where the parameters live; by default the store that is current at each call.

    Attributes:
        compiled: how the last `run` took its steps: backend, reason, seconds, verified error.

    Raises:
        GuideError: on the first step, if guide and model do not fit.
        InferenceError: the loss is infinite or not a number; parameters stay as they were.
    """

    def __init__(
        self,
        model: Program,
        guide: Program,
        optim: Optimizer,
        loss: ELBO | Callable[..., Tensor] | None = None,
        store: ParamStore | None = None,
    ):
        self.model, self.guide = model, guide
        self.optim = _instance(optim, Optimizer, "optim", 'Adam({"lr": 0.01})')
        loss = Trace_ELBO() if loss is None else loss
        self.loss = _instance(loss, Callable, "loss", "Trace_ELBO()")
        for who, program in (("model", model), ("guide", guide)):
            if not callable(program):
                raise TypeError(f"SVI: the {who} is a program, something to call; got {program!r}")
        self._store = store
        self._steps = 0
        self._optim_state: dict[str, tuple[Any, ...]] = {}
        self._leaves: dict[str, Tensor] = {}  # whose optimiser state it is
        self._proven: object = None  # what the last full check was about
        self.compiled: Compiled | None = None

    @property
    def store(self) -> ParamStore:
        """The parameter store this call works on."""
        return get_param_store() if self._store is None else self._store

    # ---- Pyro's face: one store, changed by each step

    def step(self, *args: Any, **kwargs: Any) -> float:
        """Take one step on the store and return its loss estimate in nats."""
        store = self.store
        states = {
            name: state
            for name, state in self._optim_state.items()
            if name in store and store.unconstrained(name) is self._leaves[name]
        }
        info, self._optim_state = self._move(store, states, self._steps, args, kwargs)
        self._leaves = {name: store.unconstrained(name) for name in self._optim_state}
        self._steps += 1
        return info.loss

    def evaluate_loss(self, *args: Any, **kwargs: Any) -> float:
        """One estimate of the loss in nats; nothing moves."""
        with self.store, torch.no_grad():
            return self._estimate(args, kwargs).item()

    def run(
        self,
        num_steps: int,
        *args: Any,
        progress_bar: bool = True,
        compile: str = "auto",
        every: int = 0,
        **kwargs: Any,
    ) -> SVIRunResult:
        """Take many steps on the store, compiled where possible, with a progress bar.

        The steps are those of `step`, with the same noise; `compiled` tells how they were taken.
        What a program prints or collects, it does at the few steps that really run it.
        An interrupt or an error leaves the store where it was.

        Args:
            num_steps: how many.
            args, kwargs: of model and guide.
            progress_bar: whether to show one.
            compile: "auto" compiles if that pays and is possible, but leaves networks alone, whose
                gradients differ in their last digits, which Adam magnifies; "never" does not;
                "require" waits for the compiler.
            every: keep the parameters each time so many steps are taken, as the result's `path`.

        Raises:
            NotCompiled: compilation is required, but the step has no compiled form.
        """
        from .training import Course, train  # not before it is needed

        course = Course(self, num_steps, every)
        with course.shown(progress_bar):
            self.compiled = train(self, num_steps, args, kwargs, compile, course.note, every)
        state = self.state
        return SVIRunResult(course.losses(), self.params(state), state, course.path())

    def run_many(
        self,
        num_steps: int,
        *args: Any,
        seeds: int | Iterable[int] | None = None,
        progress_bar: bool = True,
        compile: str = "auto",
        every: int = 0,
        **kwargs: Any,
    ) -> "SVIRuns":
        """Take many runs, each as `run` would from here: other seeds, other arguments, or both.

        Run i is what `torch.manual_seed(seeds[i])` and `run` would give, to rounding; the store and
        torch's generator stay as they are. `compiled` tells how the steps were taken; runs that no
        compiled step can take are taken in turn, with a warning that says why. A run whose loss is
        not finite ends there; its numbers are nan from there on.

        Args:
            num_steps: of each run.
            args, kwargs: of model and guide; `each([...])` is one that differs from run to run.
            seeds: one for each run; one number for all, who then share their noise; by default
                drawn from torch's generator.
            progress_bar: whether to show one.
            compile: as in `run`.
            every: keep the parameters each time so many steps are taken, as the result's `path`.

        Raises:
            NotCompiled: compilation is required, but the runs have no compiled form.
            ValueError: neither seeds nor arguments tell how many runs there are.

        >>> band = svi.run_many(2500, 8.5, seeds=range(1000), every=25)  # doctest: +SKIP
        >>> low, high = band.path["a"].quantile(torch.tensor([0.05, 0.95]), 0)  # doctest: +SKIP
        >>> ends = svi.run_many(2500, each(guesses), seeds=7).params  # doctest: +SKIP
        """
        from .many import Plan, train_many

        plan = Plan(num_steps, args, kwargs, seeds, every)
        steps = plan.count * num_steps
        with progress(steps, progress_bar, "SVI", unit_scale=True) as bar:
            runs, self.compiled = train_many(self, plan, compile, bar.update)
        return runs

    @property
    def state(self) -> SVIState:
        """The store and the optimiser as they are now, as a state of its own."""
        values = {name: leaf.detach().clone() for name, leaf in self.store.named_parameters()}
        return SVIState(values, dict(self._optim_state), self._steps)

    @state.setter
    def state(self, state: SVIState) -> None:
        """Go on from there: `step` and `run` continue as if they had taken its steps."""
        store = self._enter(state)
        self._optim_state, self._steps = dict(state.optim), state.step
        self._leaves = {name: store.unconstrained(name) for name in state.values}

    # ---- a Kernel: states in, states out

    def init(self, *args: Any, **kwargs: Any) -> SVIState:
        """Run guide and model once, checking them, so that every parameter has a value.

        Parameters that the store has already keep theirs: a new run continues an old one.
        """
        with (
            self.store as store,
            validation(True),
            torch.no_grad(),
            trace(param_only=True) as asked,
        ):
            self._estimate(args, kwargs)
        return SVIState({name: store.unconstrained(name).detach().clone() for name in asked})

    def update(self, state: SVIState, *args: Any, **kwargs: Any) -> tuple[SVIState, SVIInfo]:
        """One step from a state that stays as it was; the store shows the new values.

        Raises:
            InferenceError: the loss is infinite or not a number.
        """
        store = self._enter(state)
        info, optim_state = self._move(store, state.optim, state.step, args, kwargs)
        self._leaves = {n: store.unconstrained(n) for n in state.values.keys() | info.grads.keys()}
        values = {name: leaf.detach().clone() for name, leaf in self._leaves.items()}
        return SVIState(values, optim_state, state.step + 1), info

    def params(self, state: SVIState) -> dict[str, Tensor]:
        """Constrained values of a state, cut from gradients."""
        store = self.store
        with torch.no_grad():
            return {name: store.constrain(name, value) for name, value in state.values.items()}

    # ---- the step itself

    def _enter(self, state: SVIState) -> ParamStore:
        """The store, showing the values of a state."""
        store = self.store
        for name in self._leaves.keys() - state.values.keys():
            if name in store:  # born after this state: let it be born again
                del store[name]
        for name, value in state.values.items():
            store.unconstrained(name).data = value.clone()
        return store

    def _move(
        self,
        store: ParamStore,
        optim_state: Mapping[str, tuple[Any, ...]],
        step: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[SVIInfo, dict[str, tuple[Any, ...]]]:
        """Move the store's leaves by one step of the optimiser; an error moves nothing."""
        # A full check holds for as long as it would be about the same; then another one is due.
        kinds = [_kind(arg) for arg in (*args, *kwargs.values())]
        claim = self.model, self.guide, self.loss, len(args), kinds
        due = claim != self._proven or step % _CHECK_EVERY == 0
        with store, validation(validation_enabled() and due):
            loss = self._estimate(args, kwargs)
        value = loss.item()
        if not math.isfinite(value):
            programs = self.model, self.guide, args, kwargs
            raise culprit.not_finite(value, step, self.optim, store, *programs)
        grads = _gradients(loss, store)
        with torch.no_grad():
            values = {name: leaf.data for name, leaf in store.named_parameters()}
            moved, new_state = self.optim.update(values, grads, optim_state)
            culprit.check_move(store, grads, moved, value, step, self.optim)
            if due:
                culprit.check_memory(new_state, step)
            for name in grads:
                store.unconstrained(name).data = moved[name]
        self._proven = claim
        return SVIInfo(value, grads), new_state

    def _estimate(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        loss = self.loss
        estimate = loss.differentiable_loss if isinstance(loss, ELBO) else loss
        value = estimate(self.model, self.guide, *args, **kwargs)
        if not isinstance(value, Tensor):
            raise TypeError(
                f"SVI: the loss must be a scalar tensor to follow its gradient, but "
                f"{getattr(loss, '__name__', loss)} returned {value!r}"
            )
        return value


_CHECK_EVERY = 100  # steps between two full checks: a parameter may walk off its range


def _instance(given: Any, wanted: Any, argument: str, example: str) -> Any:
    if isinstance(given, type):
        raise TypeError(
            f"SVI: {argument}={given.__name__} is a class; make one, such as {argument}={example}"
        )
    if isinstance(given, torch.optim.Optimizer):
        raise TypeError(
            f"SVI: {argument} is a torch optimiser, which knows its parameters before the guide "
            f'has any. Use ppl_core.optim.{type(given).__name__}({{"lr": ...}}).'
        )
    if not isinstance(given, wanted):
        raise TypeError(f"SVI: {argument} is something like {example}, got {given!r}")
    return given


def _kind(arg: Any) -> Any:
    """What of an argument may change the course of a program: its shape, type, whole number."""
    if isinstance(arg, Tensor):
        return arg.shape, arg.dtype
    return arg if isinstance(arg, int) else type(arg)


def _gradients(loss: Tensor, store: ParamStore) -> dict[str, Tensor]:
    wanted = {name: leaf for name, leaf in store.named_parameters() if leaf.requires_grad}
    if not loss.requires_grad or not wanted:
        return {}
    grads = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    return {name: grad for name, grad in zip(wanted, grads, strict=True) if grad is not None}
