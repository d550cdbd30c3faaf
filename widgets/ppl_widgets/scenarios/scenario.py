"""A question a panel can ask: a program, what a reader may change in it, and its exact answer."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ppl_core import handlers
from ppl_core.errors import ModelError, listing

from .axis import Axis, Range
from .control import Control

Controls = Mapping[str, Any]
Program = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A normal distribution over the latent quantity."""

    mean: float
    sd: float

    def density(self, x: np.ndarray) -> np.ndarray:
        """Density at x, per unit of x."""
        z = (x - self.mean) / self.sd
        return np.exp(-0.5 * z * z) / (self.sd * np.sqrt(2.0 * np.pi))

    @property
    def peak(self) -> float:
        """The largest density."""
        return 0.3989422804014327 / self.sd


@dataclass(frozen=True, slots=True)
class Exact:
    """The exact answer: the posterior, the log evidence in nats, and how they are known."""

    posterior: Gaussian
    log_evidence: float
    source: str

    @property
    def mean(self) -> float:
        """Mean of the posterior."""
        return self.posterior.mean

    @property
    def sd(self) -> float:
        """Standard deviation of the posterior."""
        return self.posterior.sd

    @property
    def floor(self) -> float:
        """The lowest average loss that any guide can have, in nats."""
        return -self.log_evidence


@dataclass(frozen=True)
class Scenario:
    """A generative program with one latent site, its guide, its controls and its truth.

    All truth comes from formulas that share no code with the program they are laid over.

    Args:
        name: key of the registry.
        panel: the class that shows it, for the line that rebuilds a panel.
        title: the heading.
        controls: what a reader may change, in the order of the screen.
        model: the program before it is conditioned.
        guide: its guide.
        inputs: controls that are arguments of model and guide.
        data: observed site -> the control that gives its value.
        latent: the site that is inferred.
        params: the guide's scalar parameters, each with a plot of its own.
        prior: controls -> belief before the data.
        likelihood: controls -> the likelihood as a density of the latent quantity.
        exact: controls -> the exact answer.
        learned: constrained parameters -> the guide's distribution.
        perfect: exact answer -> the parameters of the guide that equals it.
        kl: KL(learned || exact) in nats.
        expected_loss: (learned, controls) -> minus the ELBO in nats.
        loss_sd: (learned, controls) -> standard deviation of one loss estimate, in nats.
        noise: (random generator, controls, shape) -> draws of what is random in one loss estimate.
        still: the expectation of `noise`.
        constrained: unconstrained parameters -> constrained ones.
        draw: (unconstrained parameters, noise, controls) -> one loss estimate and its gradients.
        axes: plot axis -> its range.
        reach: (controls, exact, learned, extents of the history) -> what each axis has to hold.
        code: (controls, seed) -> the program behind the panel as a cell.
    """

    name: str
    panel: str
    title: str
    controls: tuple[Control, ...]
    model: Program
    guide: Program
    inputs: tuple[str, ...]
    data: Mapping[str, str]
    latent: str
    params: tuple[str, ...]
    prior: Callable[[Controls], Gaussian]
    likelihood: Callable[[Controls], Gaussian]
    exact: Callable[[Controls], Exact]
    learned: Callable[[Mapping[str, float]], Gaussian]
    perfect: Callable[[Exact], dict[str, float]]
    kl: Callable[[Gaussian, Exact], float]
    expected_loss: Callable[[Gaussian, Controls], float]
    loss_sd: Callable[[Gaussian, Controls], float]
    noise: Callable[[np.random.Generator, Controls, tuple[int, ...]], tuple[np.ndarray, ...]]
    still: tuple[float, ...]
    constrained: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
    draw: Callable[
        [Mapping[str, Tensor], Sequence[Tensor], Controls], tuple[Tensor, dict[str, Tensor]]
    ]
    axes: Mapping[str, Axis]
    reach: Callable[
        [Controls, Exact | None, Gaussian | None, Mapping[str, Range]], dict[str, Range]
    ]
    code: Callable[[Controls, int], str]

    def args(self, controls: Controls) -> tuple[Any, ...]:
        """Arguments for both `programs`: the data, then the inputs."""
        return tuple(controls[name] for name in (*self.data.values(), *self.inputs))

    def programs(self, model: Program, guide: Program) -> tuple[Program, Program]:
        """The conditioned model and the guide, both as functions of `args`.

        Each is handed those inputs that its own signature names, so the seed's `scale(guess)` fits
        as well as one that also takes the sds.

        Raises:
            ModelError: a function has a required argument that no control gives.
        """
        sites = tuple(self.data)
        run_model, run_guide = self._fit(model), self._fit(guide)

        def conditioned(*args: Any) -> Any:
            with handlers.condition(data=dict(zip(sites, args, strict=False))):
                return run_model(*args[len(sites) :])

        def guided(*args: Any) -> Any:
            return run_guide(*args[len(sites) :])

        return conditioned, guided

    def _fit(self, program: Program) -> Program:
        """`program` as a function of all inputs in their order."""
        kinds = inspect.Parameter
        named = list(inspect.signature(program).parameters.values())
        if any(argument.kind is kinds.VAR_POSITIONAL for argument in named):
            return program
        named = [argument for argument in named if argument.kind is not kinds.VAR_KEYWORD]
        for argument in named:
            if argument.default is kinds.empty and argument.name not in self.inputs:
                raise ModelError(
                    f"{program.__name__}() asks for {argument.name!r}, which no control gives. "
                    f"Controls: {listing(self.inputs)}. Give it a default, or use one of these."
                )
        names = tuple(argument.name for argument in named if argument.name in self.inputs)
        if names == self.inputs and len(named) == len(self.inputs):
            return program
        places = [(name, self.inputs.index(name)) for name in names]
        return lambda *values: program(**{name: values[place] for name, place in places})
