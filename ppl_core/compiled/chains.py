"""Hamiltonian chains in C: many steps of HMC or NUTS in one call, warm-up included."""

import ctypes
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .driver import FACTS, Chain, Learned, driver
from .function import Gradient


@dataclass(frozen=True, slots=True)
class Course:
    """What stays the same along a chain.

    Attributes:
        deepest: doublings of a NUTS trajectory at most; 0 for HMC.
        length: of an HMC trajectory.
        warmup: steps that learn.
        bounds: steps at which windows of positions begin and end; none if the mass is kept.
        wanted: acceptance on average.
        learns_step_size: or keep it.
        kept: entries of the covariance that the mass follows, (d, d); None for a diagonal mass.
    """

    deepest: int
    length: float
    warmup: int
    bounds: tuple[int, ...]
    wanted: float
    learns_step_size: bool
    kept: Tensor | None


class Stop:
    """A word to chains at work in other threads: they stop within one gradient."""

    def __init__(self) -> None:
        self._said = ctypes.c_int32(0)
        self.address = ctypes.addressof(self._said)

    def say(self) -> None:
        """Let all stop that listen."""
        self._said.value = 1

    @property
    def said(self) -> bool:
        """Whether it was said."""
        return bool(self._said.value)


@dataclass
class Told:
    """What a call tells.

    Attributes:
        end: one of `ENDS`.
        done: steps taken.
        facts: (done, FACTS), double precision.
        positions, momenta: drawn, and those that their rides began with, (done, d).
        diverged_at: last good position of each ride that diverged, (done, d); others are undefined.
        paths: positions of each ride in the order of time, if they were recorded.
        failed: the position without a gradient, (d,), if that was the end.
        failed_size: the step size at which a search ended, if that was the end.
    """

    end: str
    done: int
    facts: Tensor
    positions: Tensor
    momenta: Tensor
    diverged_at: Tensor
    paths: list[Tensor] | None
    failed: Tensor = field(repr=False)
    failed_size: float


def advance(
    potential: Gradient,
    course: Course,
    learned: Learned,
    state: Tensor,
    stream: Tensor,
    draws: int,
    seconds: float,
    stop: Stop,
    room: int = 0,
) -> Told:
    """Take up to `draws` steps of a chain; `learned`, `state` and `stream` move on in place.

    Args:
        potential: minus the log density, compiled.
        course: of the chain.
        learned, state: where it is; position, gradient, running mean, inverse mass and squares one
            after the other, (3 d + 2 d,), or (3 d + 2 d * d,) with a dense mass.
        stream: state of torch's generator.
        draws: steps at most.
        seconds: no new step after so much time.
        stop: no further gradient after this was said.
        room: positions of trajectories that may be recorded; none if 0.

    Raises:
        NotCompiled: there is no driver for numbers of this type.
    """
    dim, dtype = potential.size, state.dtype
    drive = driver(dtype)
    cell, bench = potential.bench()
    rows = [torch.empty(draws, dim, dtype=dtype) for _ in range(3)]
    positions, momenta, diverged_at = rows
    facts = torch.empty(draws, FACTS, dtype=torch.float64)
    lengths = torch.zeros(draws, dtype=torch.int64)
    path, failed = torch.empty(room, dim, dtype=dtype), torch.empty(dim, dtype=dtype)
    bounds = (ctypes.c_int64 * max(len(course.bounds), 1))(*course.bounds)
    chain = Chain(
        steps=bench.steps,
        given=bench.given,
        work=bench.work,
        gemm=bench.gemm,
        cell=cell.data_ptr(),
        dim=dim,
        dense=course.kept is not None,
        wide=torch.get_default_dtype() == torch.float64,
        deepest=course.deepest,
        length=course.length,
        warmup=course.warmup,
        learns_step_size=course.learns_step_size,
        bounds_count=len(course.bounds),
        bounds=ctypes.addressof(bounds),
        wanted=course.wanted,
        kept=None if course.kept is None else course.kept.data_ptr(),
        now=learned,
        state=state.data_ptr(),
        generator=stream.data_ptr(),
        stop=stop.address,
        seconds=seconds,
        facts=facts.data_ptr(),
        positions=positions.data_ptr(),
        momenta=momenta.data_ptr(),
        diverged_at=diverged_at.data_ptr(),
        path=path.data_ptr() if room else None,
        lengths=lengths.data_ptr(),
        room=room,
        failed=failed.data_ptr(),
    )
    end, done = drive.advance(chain, draws)
    ctypes.pointer(learned)[0] = chain.now
    paths = None
    if room:
        sizes = lengths[:done].tolist()
        paths = [part.clone() for part in path[: sum(sizes)].split(sizes)] if done else []
    return Told(
        end,
        done,
        facts[:done],
        positions[:done],
        momenta[:done],
        diverged_at[:done],
        paths,
        failed,
        chain.failed_size,
    )
