"""A chain as rows: where each step began, where it might have gone, and the way it took.

The steps are those of the public kernels, a block of them at a time. A chain that begins here is
the chain of `MCMC.run()` after `set_rng_seed(seed)`, draw by draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ppl_core.infer import HMC

from .question import Columns
from .targets import SITES, Target

BLOCK = 100
"""Steps of a block in machine code."""
FEW = 5
"""Steps of a block in Python."""
WARMUP = 200
"""Steps that a chain may learn from, before its first draw."""


@dataclass(frozen=True, slots=True)
class Ride:
    """The way of one step.

    Attributes:
        points: in the order of time, (n, 2); of Metropolis's kernels the old place and the new.
        begin: the point where it began.
    """

    points: np.ndarray
    begin: int = 0

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True)
class Block:
    """Some steps of a chain: a row and a ride each."""

    columns: Columns
    rides: tuple[Ride, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chain is: the kernel's own state, and x and y, (2,)."""

    state: Any
    at: np.ndarray

    def __deepcopy__(self, memo: Any) -> "Place":
        return self  # states never change


class Chain:
    """A kernel whose step is a block of steps of another one.

    Args:
        kernel: which chain; Hamiltonian ones record their trajectories.
        warmup: steps to learn from; they are taken before the first block.
    """

    def __init__(self, kernel: Any, warmup: int):
        self.kernel, self.warmup = kernel, warmup
        if hasattr(kernel, "warmup_steps"):
            kernel.warmup_steps = warmup

    def __deepcopy__(self, memo: Any) -> "Chain":
        return self

    def init(self) -> Place:
        """As `MCMC` begins its first chain, its warm-up included."""
        torch.manual_seed(int(torch.randint(2**31, ())))
        state, taken = self.kernel.init(), 0
        while taken < self.warmup:
            state, steps = self._take(state, min(BLOCK, self.warmup - taken))
            taken += len(steps)
        return Place(state, _place(state.values))

    def update(self, place: Place) -> tuple[Place, Block]:
        """The next steps: fewer than a block where one fails."""
        wanted = BLOCK if self._strides(place.state) else FEW
        state, steps = self._take(place.state, wanted)
        rows, rides, at = list[dict[str, float]](), list[Ride](), place.at
        order = order_of(place.state)
        for info in steps:
            draw = _place(info.values)
            rides.append(_ride(info, at, order))
            rows.append(_row(info, draw, rides[-1]))
            at = draw
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        return Place(state, at), Block(columns, tuple(rides))

    def _strides(self, state: Any) -> bool:
        return isinstance(self.kernel, HMC) and self.kernel.strides(state)

    def _take(self, state: Any, steps: int) -> tuple[Any, list[Any]]:
        """So many steps, or as many as there is room for; the infos of each."""
        if not self._strides(state):
            infos = []
            for _ in range(steps):
                state, info = self.kernel.update(state)
                infos.append(info)
            return state, infos
        stream = torch.get_rng_state()
        state, span = self.kernel.span(state, steps, stream)
        torch.set_rng_state(stream)
        if not len(span):
            raise span.error
        return state, [self.kernel.info(span, step) for step in range(len(span))]


def _place(values: Mapping[str, Any]) -> np.ndarray:
    return np.array([float(values[site]) for site in SITES])


def order_of(state: Any) -> list[int]:
    """The places of x and y among the unconstrained numbers of a Hamiltonian chain."""
    names = list(state.target.layout.shapes) if hasattr(state, "target") else list(SITES)
    return [names.index(site) for site in SITES]


def _ride(info: Any, before: np.ndarray, order: list[int]) -> Ride:
    """The way that a step has taken."""
    if hasattr(info, "proposal"):
        return Ride(np.stack([before, _place(info.proposal)]))
    points = info.trajectory.double().numpy()[:, order]
    return Ride(points, int(np.abs(points - before).sum(axis=1).argmin()))


def _row(info: Any, draw: np.ndarray, ride: Ride) -> dict[str, float]:
    """What is kept of a step; `accepted` is an average over the points of a trajectory of NUTS."""
    row = {"x": float(draw[0]), "y": float(draw[1]), "diverged": 0.0}
    row |= {"at_x": np.nan, "at_y": np.nan, "step_size": np.nan}
    if hasattr(info, "proposal"):
        return row | {"accepted": float(info.accepted), "chance": info.accept_prob}
    taken = not info.diverging and bool((ride.points[-1] == draw).all())
    accepted = info.accept_prob if hasattr(info, "tree_depth") else float(taken)
    row |= {"accepted": accepted, "chance": info.accept_prob, "step_size": info.step_size}
    if info.diverging:
        at = _place(info.diverged_at)
        row |= {"diverged": 1.0, "at_x": float(at[0]), "at_y": float(at[1])}
    return row


def energies(
    target: Target, ride: Ride, step_size: float, inverse_mass: np.ndarray | None
) -> np.ndarray:
    """How far the energy is off at each point of a ride, in nats, (n,); 0 where it began.

    The momentum at a point between two others is mass times their distance over 2 step sizes: so
    the leapfrog method makes it. At both ends the gradient gives the half step that is missing.

    Args:
        target: what is walked on.
        ride: its way.
        step_size: of the leapfrog method.
        inverse_mass: (2,) or (2, 2); None for a proposal without momentum.
    """
    points = ride.points
    with np.errstate(all="ignore"):
        energy = -target.log_density(points[:, 0], points[:, 1])
        if inverse_mass is not None and len(points) > 1:
            velocity = np.empty_like(points)
            velocity[1:-1] = (points[2:] - points[:-2]) / (2.0 * step_size)
            full = np.diag(inverse_mass) if inverse_mass.ndim == 1 else inverse_mass
            for end, near, side in ((0, 1, -1.0), (-1, -2, 1.0)):
                slope = full @ target.gradient(points[end])
                half = -side * (points[near] - points[end]) / step_size
                velocity[end] = half + side * 0.5 * step_size * slope
            energy = energy + 0.5 * (velocity * np.linalg.solve(full, velocity.T).T).sum(axis=1)
    return energy - energy[ride.begin]
