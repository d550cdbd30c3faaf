"""Frictionless rides over a potential, in leapfrog steps: what HMC and NUTS have in common.

Source: Neal 2011, "MCMC using Hamiltonian dynamics", sec. 5.2.3 (the leapfrog method).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InferenceError
from .adaptation import Mass
from .space import Point
from .target import Target

_TOO_FAR = 1000.0  # nats of energy error at which a trajectory has diverged (Stan's constant)


@dataclass(frozen=True, slots=True)
class Phase:
    """A point of a trajectory.

    Attributes:
        point: position, potential and gradient.
        momentum: (d,).
        velocity: inverse mass times momentum, (d,).
        energy: potential plus kinetic, in nats.
    """

    point: Point
    momentum: Tensor
    velocity: Tensor
    energy: float


class Ride:
    """One trajectory: leapfrog steps from a start, and what happened on them.

    Args:
        target: the potential.
        mass: of the directions.
        step_size: of a leapfrog step.
        start: where the ride begins.
        momentum: that it begins with, (d,).
        strict: a density without a gradient is an error, and not just the end of the ride.
        record: keep all positions.
    """

    def __init__(
        self,
        target: Target,
        mass: Mass,
        step_size: float,
        start: Point,
        momentum: Tensor,
        strict: bool = False,
        record: bool = False,
    ):
        self.target, self.mass, self.step_size = target, mass, step_size
        self.strict = strict
        self.start = self._phase(start, momentum)
        self.count = 0
        self.accepted = 0.0
        self.diverged_at: Point | None = None
        self.forward = [start.position] if record else None
        self.backward: list[Tensor] = []

    def step(self, phase: Phase, direction: int = 1) -> Phase | None:
        """One leapfrog step in or against the direction of time; None if the energy ran away.

        Raises:
            InferenceError: the ride is strict, and the density is finite, but its gradient is not.
        """
        size = direction * self.step_size
        momentum = torch.add(phase.momentum, phase.point.gradient, alpha=-size / 2)
        position = torch.add(phase.point.position, self.mass.velocity(momentum), alpha=size)
        point = self.target.at(position)
        momentum = torch.add(momentum, point.gradient, alpha=-size / 2)
        new = self._phase(point, momentum)
        self.count += 1
        if self.forward is not None:
            (self.forward if direction > 0 else self.backward).append(position)
        error = new.energy - self.start.energy
        if error < _TOO_FAR:  # false for nan
            self.accepted += math.exp(-error) if error > 0 else 1.0
            return new
        possible = point.potential - self.start.energy < _TOO_FAR
        if self.strict and possible and not point.is_finite:
            site, cause = self.target.blame(point)
            raise no_gradient(site, cause)
        self.diverged_at = phase.point
        return None

    @property
    def average_accept_prob(self) -> float:
        """Chance of acceptance, averaged over all points reached."""
        return self.accepted / max(self.count, 1)

    def facts(self, chosen: Phase, accept_prob: float) -> dict[str, Any]:
        """What is told about the ride: the fields of an `HMCInfo`."""
        trouble = self.diverged_at
        path = None if self.forward is None else torch.stack(self.backward[::-1] + self.forward)
        return {
            "values": chosen.point.detached().values,
            "accept_prob": accept_prob,
            "energy": chosen.energy,
            "potential": chosen.point.potential,
            "step_size": self.step_size,
            "num_steps": self.count,
            "diverging": trouble is not None,
            "diverged_at": {} if trouble is None else trouble.detached().values,
            "momentum": self.start.momentum,
            "trajectory": path,
        }

    def _phase(self, point: Point, momentum: Tensor) -> Phase:
        velocity = self.mass.velocity(momentum)
        kinetic = torch.dot(momentum, velocity).item() / 2
        return Phase(point, momentum, velocity, point.potential + kinetic)


def reasonable_step_size(target: Target, point: Point, mass: Mass, step_size: float) -> float:
    """Double or halve a step size until one leapfrog step is accepted with about 80 %.

    Raises:
        InferenceError: no step is small enough.

    Source: Hoffman & Gelman 2014, algorithm 4; the threshold is Stan's.
    """

    def is_small(size: float) -> bool:
        ride = Ride(target, mass, size, point, mass.momentum())
        return ride.step(ride.start) is not None and ride.accepted > 0.8

    grow = is_small(step_size)
    while True:
        step_size = step_size * 2 if grow else step_size / 2
        if not 1e-10 < step_size < 1e10:
            raise no_step_size(step_size)
        if is_small(step_size) != grow:
            return step_size


def no_gradient(site: str, cause: str) -> InferenceError:
    """The error of a ride that comes to a place of finite density without a gradient."""
    return InferenceError(
        f"{cause}, though its density is finite. A model without steps that have no derivative "
        f"(a square root at 0, a division by 0) mends it.",
        site=site,
        cause=cause,
    )


def no_step_size(end: float) -> InferenceError:
    """The error of a search for a step size that has left all bounds."""
    why = "The density changes abruptly where the chain is; start elsewhere."
    if end > 1:
        why = "The posterior seems to have no end: is every prior proper?"
    return InferenceError(
        f"no step size keeps the energy: the search ended at {end:g}. {why}",
        cause="no reasonable step size",
    )
