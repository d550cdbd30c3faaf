"""A guide in training: SVI on a program, its noise and its parameters; every step noted down."""

import inspect
import math
import time
from typing import Any

import numpy as np
import torch

from ppl_core import handlers, log_density
from ppl_core.errors import InferenceError, PPLError
from ppl_core.infer import SVI, SVIInfo, SVIState, Trace_ELBO
from ppl_core.infer.leap import leap
from ppl_core.params import ParamStore
from ppl_core.runs import InferenceRun, Snapshot

from .scenarios import Controls, Gaussian, Program, Scenario, optimiser
from .text import say

LIBRARIES = ("ppl_core", "ppl_widgets", "torch", "numpy")
"""Packages whose lines are not a user's program."""
CHECKED_AT = (-3.0, -1.0, 0.0, 0.5, 2.0)
"""Where two programs are compared, in posterior sds from the exact mean."""


class Learner:
    """A run of SVI that can be steered: arguments, optimiser and particles change between steps.

    It has a parameter store and a random stream of its own. Other programs than the scenario's may
    be given; they are then handed the same arguments by name.

    Args:
        scenario: the question.
        controls: where the panel's controls stand.
        seed: of the noise.
        model, guide: programs to use instead of the scenario's own.

    Attributes:
        start: the state before the first step.
        begin: constrained values before the first step.
        params: names of the scalar parameters that are noted down.

    Raises:
        Exception: whatever the programs raise on their first run.
    """

    def __init__(
        self,
        scenario: Scenario,
        controls: Controls,
        seed: int,
        model: Program | None = None,
        guide: Program | None = None,
    ):
        self.scenario, self.controls = scenario, dict(controls)
        self.own_model, self.own_guide = model is None, guide is None
        self.model, self.guide = scenario.programs(model or scenario.model, guide or scenario.guide)
        self._elbo = Trace_ELBO(
            num_particles=controls["particles"],
            vectorize_particles=self.is_own,
        )
        rule = optimiser(controls)
        self.svi = SVI(self.model, self.guide, rule, loss=self._elbo, store=ParamStore())
        self.run = InferenceRun(self, *scenario.args(controls), seed=seed)
        self.start = self.state
        values = self.start.values
        self.params = tuple(
            name for name in scenario.params if name in values and values[name].numel() == 1
        )
        self.begin = self.values
        self._rows: list[tuple[float, ...]] = []
        self._blocks: list[np.ndarray] = []
        self._steered = 0
        self._newest = self._before = self.run.snapshot

    # ---- a kernel that notes down what SVI does

    def init(self, *args: Any) -> SVIState:
        """The state before the first step."""
        return self.svi.init(*args)

    def update(self, state: SVIState, *args: Any) -> tuple[SVIState, SVIInfo]:
        """One step of SVI, noted down."""
        self._before, self._newest = self._newest, self.run.snapshot
        state, info = self.svi.update(state, *args)
        values = state.values
        self._rows.append((state.step, info.loss, *[values[name].item() for name in self.params]))
        return state, info

    # ---- where it stands

    @property
    def is_own(self) -> bool:
        """Whether both programs are the scenario's."""
        return self.own_model and self.own_guide

    @property
    def step(self) -> int:
        """Steps completed."""
        return self.run.snapshot.step

    @property
    def loss(self) -> float | None:
        """The newest loss estimate in nats, None before the first step."""
        info = self.run.snapshot.info
        return None if info is None else info.loss

    @property
    def values(self) -> dict[str, float]:
        """Constrained values of the parameters that are noted down."""
        params = self.svi.params(self.state)
        return {name: params[name].item() for name in self.params}

    @property
    def state(self) -> SVIState:
        """Parameters and moments after the newest step."""
        return self.run.snapshot.state

    # ---- training

    def advance(self, num_steps: int, seconds: float | None = None) -> int:
        """Train until a limit is met; the steps done. `rows` grows by one a step."""
        return self.run.advance(num_steps=num_steps, seconds=seconds)

    def leap(self, num_steps: int) -> int:
        """Take steps all at once, with the same noise as one by one; the steps done.

        Fewer are done where one of the next two fails: `advance` then says why.

        Raises:
            NotCompiled: these programs have no compiled form; nothing was done but a first step.
        """
        done, pace = 0, 0.0
        if self.step == 0:
            started = time.perf_counter()
            done = self.advance(1)
            pace = time.perf_counter() - started
        before, wanted = self.step, num_steps - done
        if wanted:
            self.run.leap(lambda state: self._far(state, wanted, pace))
        if self.step > before:
            self._newest = self._before = self.run.snapshot
        return done + self.step - before

    def _far(self, state: SVIState, num_steps: int, pace: float) -> Snapshot:
        stream = torch.get_rng_state()
        far = leap(self.svi, state, num_steps, *self.run.args, pace=pace)
        good = len(far.losses)
        if good < num_steps:  # the last good step is left to be taken singly, see `retreat`
            torch.set_rng_state(stream)
            if good <= 1:
                return self.run.snapshot
            far = leap(self.svi, state, good - 1, *self.run.args, pace=pace)
        self._pile()
        steps = torch.arange(state.step + 1, far.state.step + 1)
        path = [far.path[name].flatten() for name in self.params]
        self._blocks.append(torch.stack([steps, far.losses, *path], dim=1).double().numpy())
        return Snapshot(far.state.step, far.state, SVIInfo(float(far.losses[-1]), {}))

    @property
    def has_rows(self) -> bool:
        """Whether steps have been noted down since the last `take_rows`."""
        return bool(self._rows or self._blocks)

    def _pile(self) -> None:
        if self._rows:
            self._blocks.append(np.array(self._rows, np.float64))
            self._rows = []

    def take_rows(self) -> np.ndarray:
        """The steps noted down since the last call, with constrained parameters.

        Returns:
            A row for each: step, loss, parameters.
        """
        self._pile()
        rows = np.concatenate([np.empty((0, 2 + len(self.params))), *self._blocks])
        self._blocks.clear()
        for place, name in enumerate(self.params, start=2):
            leaf = torch.tensor(rows[:, place], dtype=torch.float32)
            rows[:, place] = self.svi.store.constrain(name, leaf).numpy()
        return rows

    def steer(self, controls: Controls) -> None:
        """Go on with other arguments, optimiser or particles."""
        self.controls, self._steered = dict(controls), self.step
        self.run.args = self.scenario.args(controls)
        self._elbo.num_particles = controls["particles"]
        self.svi.optim = optimiser(controls)

    def back(self, step: int) -> int:
        """Go back to the newest remembered step at or before `step`; the step reached.

        Where many steps were taken at once, the way from the one to the other is taken again.
        """
        self._newest = self._before = self.run.rewind(max(step, 0))
        if step - self.step > self.run.keep_every and self.step >= self._steered:
            self.leap(step - self.step)
            self.take_rows()
        return self.step

    def retreat(self) -> int:
        """After a failed step: where the last good one began, so that a loss is known finite."""
        self._newest = self.run.snapshot = self._before
        return self.step

    # ---- what has been learned, and whether the truth still applies

    def learned(self) -> Gaussian | None:
        """The guide's distribution of the latent site, None if it fails or is not a normal one."""
        params = self.svi.params(self.state)
        if self.own_guide:
            return self.scenario.learned({name: value.item() for name, value in params.items()})
        try:
            with (
                torch.random.fork_rng(devices=[]),
                torch.no_grad(),
                handlers.trace() as sites,
                handlers.substitute(data=params),
            ):
                self.guide(*self.run.args)
            fn = sites[self.scenario.latent].fn
        except Exception:  # a guide of the user's that fails is reported when it trains
            return None
        if not isinstance(fn, torch.distributions.Normal) or fn.mean.numel() > 1:
            return None
        return Gaussian(fn.mean.item(), fn.stddev.item())

    def fits_truth(self) -> bool:
        """Whether the model's log joint is still the scenario's, so that its exact answer holds."""
        if self.own_model:
            return True
        exact = self.scenario.exact(self.controls)
        own, _ = self.scenario.programs(self.scenario.model, self.scenario.guide)
        places = [exact.mean + place * exact.sd for place in CHECKED_AT]
        try:
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                return all(
                    math.isclose(
                        self._log_joint(self.model, place),
                        self._log_joint(own, place),
                        rel_tol=1e-4,
                        abs_tol=1e-4,
                    )
                    for place in places
                )
        except Exception:  # a program of the user's: whatever it raises, it is not the scenario's
            return False

    def _log_joint(self, model: Program, value: float) -> float:
        return log_density(model, {self.scenario.latent: value}, *self.run.args).item()


def explain(error: BaseException) -> str:
    """What went wrong, where, and what to do next, in a sentence or two.

    Errors of this package say how to mend them; anything else is named by its type and by the line
    of the user's program it came from.
    """
    message = " ".join(str(error).split())
    if isinstance(error, InferenceError):
        return say("error.inference", message=message)
    if isinstance(error, PPLError):
        return message
    kind = type(error).__name__
    said = f"{kind}: {message}" if message else kind
    line = where_it_broke(error)
    where = say("error.line", line=str(line[0]), code=line[1]) if line else ""
    return say("error.program", where=where, message=said.rstrip("."))


def where_it_broke(error: BaseException) -> tuple[int, str] | None:
    """Number and text of the innermost line that is not of a library, if there is one."""
    if error.__traceback__ is None:
        return None
    for frame in reversed(inspect.getinnerframes(error.__traceback__)):
        module = frame.frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in LIBRARIES:
            return frame.lineno, "".join(frame.code_context or ()).strip()
    return None


def source_of(*programs: Program) -> str:
    """The text of the user's programs, or where to look for it."""
    try:
        return "\n".join(inspect.getsource(program) for program in programs).rstrip()
    except (OSError, TypeError):
        return say("code.elsewhere")
