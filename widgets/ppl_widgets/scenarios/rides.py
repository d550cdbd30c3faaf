"""A chain as rows: where each step began, where it might have gone, and the way it took.

The steps are those of the public kernels, a block of them at a time. A chain that begins here is
the chain of `MCMC.run()` after `set_rng_seed(seed)`, draw by draw.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from ppl_core.infer import HMC

from .question import Columns
from .targets import SITES, Target

LONGEST = 1 << 20
"""More points than any ride has."""
BLOCK = 100
"""Steps of a block in machine code."""
FEW = 5
"""Steps of a block in Python."""
WARMUP = 200
"""Steps that a chain may learn from, before its first draw."""

Pushes = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]
"""From points and step size of a trajectory to velocity and momentum at each."""


@dataclass(frozen=True, slots=True)
class Ride:
    """The way of one step.

    Attributes:
        points: in the order of time, (n, 2); of Metropolis's kernels the old place and the new.
        begin: the point where it began.
            doublings: points and direction of each, True for forward; a single one but for NUTS.
    """

    points: np.ndarray
    begin: int = 0
    doublings: tuple[tuple[int, bool], ...] = ((LONGEST, True),)

    def __len__(self) -> int:
        return len(self.points)

    def reached(self, count: int) -> tuple[int, int]:
        """The stretch that the first `count` points are: its first point, and one past its last."""
        first, last = self.begin, self.begin + 1
        for size, forward in self.doublings:
            more = min(size, count - (last - first))
            first, last = (first, last + more) if forward else (first - more, last)
        return first, last


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
        target: what it walks on.
        warmup: steps to learn from; they are taken before the first block.
    """

    def __init__(self, kernel: Any, target: Target, warmup: int):
        self.kernel, self.target, self.warmup = kernel, target, warmup
        if hasattr(kernel, "warmup_steps"):
            kernel.warmup_steps = warmup

    def __deepcopy__(self, memo: Any) -> "Chain":
        return self

    def init(self, *given: Any) -> Place:
        """As `MCMC` begins its first chain, its warm-up included."""
        torch.manual_seed(int(torch.randint(2**31, ())))
        state, taken = self.kernel.init(), 0
        while taken < self.warmup:
            state, _, infos = self._take(state, min(BLOCK, self.warmup - taken))
            taken += len(infos)
        return Place(state, _place(state.values))

    def update(self, state: Place, *given: Any) -> tuple[Place, Block]:
        """The next steps: fewer than a block where one fails."""
        wanted = BLOCK if self._strides(state.state) else FEW
        new, draws, infos = self._take(state.state, wanted)
        rows, rides, at = list[dict[str, float]](), list[Ride](), state.at
        order, mass = order_of(state.state), inverse_mass(state.state)
        pushes = None if mass is None else partial(pushes_at, self.target, inverse_mass=mass)
        for draw, info in zip(draws, infos, strict=True):
            rides.append(_ride(info, at, order, pushes))
            rows.append(_row(info, draw, rides[-1]))
            at = draw
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        return Place(new, at), Block(columns, tuple(rides))

    def _strides(self, state: Any) -> bool:
        return isinstance(self.kernel, HMC) and self.kernel.strides(state)

    def _take(self, state: Any, steps: int) -> tuple[Any, np.ndarray, list[Any]]:
        """So many steps, or as many as there is room for; their draws, (n, 2), and infos."""
        if not self._strides(state):
            infos = list[Any]()
            for _ in range(steps):
                state, info = self.kernel.update(state)
                infos.append(info)
            return state, np.stack([_place(info.values) for info in infos]), infos
        stream = torch.get_rng_state()
        state, span = self.kernel.span(state, steps, stream)
        torch.set_rng_state(stream)
        if not len(span):
            raise span.error
        draws = np.stack([span.values[site].double().numpy() for site in SITES], axis=1)
        return state, draws, [self.kernel.info(span, step) for step in range(len(span))]


def _place(values: Mapping[str, Any]) -> np.ndarray:
    return np.array([float(values[site]) for site in SITES])


def order_of(state: Any) -> list[int]:
    """The places of x and y among the unconstrained numbers of a Hamiltonian chain."""
    names = list(state.target.layout.shapes) if hasattr(state, "target") else list(SITES)
    return [names.index(site) for site in SITES]


def _ride(info: Any, before: np.ndarray, order: list[int], pushes: Pushes | None) -> Ride:
    """The way that a step has taken."""
    if pushes is None:
        return Ride(np.stack([before, _place(info.proposal)]))
    points = info.trajectory.double().numpy()[:, order]
    begin = int(np.abs(points - before).sum(axis=1).argmin())
    if not hasattr(info, "tree_depth"):
        return Ride(points, begin)
    return Ride(points, begin, doublings(info, points, begin, pushes))


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


def inverse_mass(state: Any) -> np.ndarray | None:
    """Of a Hamiltonian chain, for x and y, (2, 2); None of another one."""
    if not hasattr(state, "adaptation"):
        return None
    inverse, order = state.adaptation.mass.inverse.double().numpy(), order_of(state)
    full = np.diag(inverse) if inverse.ndim == 1 else inverse
    return full[np.ix_(order, order)]


def pushes_at(
    target: Target, points: np.ndarray, step_size: float, inverse_mass: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Velocity and momentum at each point of a trajectory, (n, 2) each.

    The velocity between two steps is their distance over 2 step sizes: so the leapfrog method makes
    it. At both ends the gradient gives the half step that is missing.
    """
    velocity = np.zeros_like(points)
    if len(points) > 1:
        velocity[1:-1] = (points[2:] - points[:-2]) / (2.0 * step_size)
        for end, near, side in ((0, 1, -1.0), (-1, -2, 1.0)):
            slope = inverse_mass @ target.gradient(points[end])
            half = side * (points[end] - points[near]) / step_size
            velocity[end] = half + side * 0.5 * step_size * slope
    return velocity, np.linalg.solve(inverse_mass, velocity.T).T


def energies(
    target: Target, ride: Ride, step_size: float, inverse_mass: np.ndarray | None
) -> np.ndarray:
    """How far the energy is off at each point of a ride, in nats, (n,); 0 where it began.

    Args:
        target: what is walked on.
        ride: its way.
        step_size: of the leapfrog method.
        inverse_mass: (2, 2); None for a proposal without momentum.
    """
    with np.errstate(all="ignore"):
        energy = -target.log_density(*ride.points.T)
        if inverse_mass is not None:
            velocity, momentum = pushes_at(target, ride.points, step_size, inverse_mass)
            energy = energy + 0.5 * (velocity * momentum).sum(axis=1)
    return energy - energy[ride.begin]


# ---- the order in which NUTS takes its steps


def doublings(
    info: Any, points: np.ndarray, begin: int, pushes: Pushes
) -> tuple[tuple[int, bool], ...]:
    """Points and direction of each doubling of a trajectory, in their order.

    How many points lie on each side of the beginning tells in binary which way each whole doubling
    went. The last one may be cut short, because a piece of it turned back or ran away; where it
    could have gone either way, that piece says which one it was.
    """
    whole = info.tree_depth - 1
    rest, ahead = len(points) - 2**whole, len(points) - 1 - begin
    forward = ahead >= rest
    if forward and begin >= rest:
        with np.errstate(all="ignore"):
            forward = _ends_forward(info, points, rest, pushes)
    back = begin if forward else begin - rest
    before = [(2**k, not back >> k & 1) for k in range(whole)]
    return (*before, (rest, forward))


def _ends_forward(info: Any, points: np.ndarray, rest: int, pushes: Pushes) -> bool:
    """Whether the piece that ended a trajectory is its last one in time, and not its first."""
    if info.diverging:
        at = _place(info.diverged_at)
        return bool(np.abs(points[-2] - at).sum() <= np.abs(points[1] - at).sum())
    velocity, momentum = pushes(points, info.step_size)
    piece = rest & -rest
    return _turns(velocity[-piece:], momentum[-piece:])


def _turns(velocity: np.ndarray, momentum: np.ndarray) -> bool:
    """Whether two neighbouring halves turn back together: `nuts` says how that is told."""
    half = len(velocity) // 2
    pieces = [(0, len(velocity), slice(None))]
    if half > 1:
        pieces += [
            (0, half + 1, slice(0, half + 1)),
            (half - 1, len(velocity), slice(half - 1, None)),
        ]
    return any(
        (velocity[[first, end - 1]] @ momentum[piece].sum(axis=0) <= 0.0).any()
        for first, end, piece in pieces
    )
