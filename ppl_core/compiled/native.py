"""A program in machine code, ready to be called: one run, many runs, or a single step."""

import ctypes
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .build import Library
from .c import Source
from .ops import NotCompiled
from .runs import Runs


@dataclass(frozen=True, slots=True)
class Bench:
    """Addresses that C code needs to call `steps_of`; see c.py.

    Attributes:
        steps, given, work, gemm: as in its signature.
        kept: what must live as long as they are used.
    """

    steps: int | None
    given: int
    work: int
    gemm: int | None
    kept: Any


class Native:
    """A program in the machine's own code.

    Raises:
        NotCompiled: the compiler is missing or refuses.
    """

    def __init__(self, source: Source, library: Library):
        self.source, self._library = source, library
        self._run = library.function("run")
        self._run.restype = ctypes.c_int64
        pointer = ctypes.c_void_p
        whole, real = ctypes.c_int64, ctypes.c_double
        self._run.argtypes = [whole, pointer, pointer, pointer, real, pointer, pointer]
        self._many = library.function("many")
        self._many.restype = None
        self._many.argtypes = [whole, whole, whole, pointer, pointer, pointer, pointer, real]
        self._many.argtypes += [pointer, pointer, whole, pointer, pointer]
        self._gemm = _matrix_product() if source.curly.uses_library else None
        self._turn = threading.Lock()
        self._work = torch.zeros(source.work + 64, dtype=torch.uint8)
        self._bench = self._work.data_ptr() + -self._work.data_ptr() % 64

    def run(
        self, steps: int, state: Sequence[Tensor], data: Sequence[Tensor], limit: float
    ) -> list[float]:
        """Take steps with noise from torch's generator; the state is changed in place.

        Args:
            steps: how many at most.
            state, data: flat contiguous tensors in the program's order.
            limit: stop before a step that is not finite or leaves a state beyond this.

        Returns:
            The loss of every step taken.
        """
        given = self._given(state, data)
        losses = torch.empty(max(steps, 1), dtype=torch.float64)
        generator = torch.get_rng_state()
        with self._turn:  # the call lets other threads run, and the working memory is one
            done = self._run(
                steps,
                ctypes.addressof(given),
                self._bench,
                losses.data_ptr(),
                limit,
                generator.data_ptr(),
                self._gemm,
            )
        if self.source.noise:
            torch.set_rng_state(generator)
        return losses[:done].tolist()

    def many(self, runs: Runs, most: int, limit: float) -> None:
        """Take up to `most` steps of each run; a run that cannot go on stays where it is."""
        fixed = [v.tensor for v in self.source.program.inputs("constant")]
        alike = [t.reshape(1, -1).expand(len(runs), -1) for t in fixed if t is not None]
        given = [*runs.state, *runs.data, *alike]
        steps = [t.stride(0) * t.element_size() for t in given]
        strides = (ctypes.c_int64 * max(len(given), 1))(*steps)
        places, kept = _addresses(given), _addresses(runs.kept)
        with self._turn:
            self._many(
                len(runs),
                most,
                runs.steps,
                ctypes.addressof(places),
                ctypes.addressof(strides),
                self._bench,
                runs.losses.data_ptr(),
                limit,
                runs.streams.data_ptr(),
                runs.done.data_ptr(),
                runs.every,
                ctypes.addressof(kept),
                self._gemm,
            )

    def prepared(
        self, state: Sequence[Tensor], data: Sequence[Tensor]
    ) -> Callable[[], tuple[float, bool]]:
        """A step without noise on tensors that stay where they are: its loss; if all is finite."""
        given = self._given(state, data)
        loss, generator = ctypes.c_double(), torch.get_rng_state()
        places = ctypes.addressof(given), self._bench, ctypes.addressof(loss)
        rest = math.inf, generator.data_ptr(), self._gemm
        kept = given, generator, state, data

        def call() -> tuple[float, bool]:
            with self._turn:
                done = self._run(1, *places, *rest)
            return loss.value, bool(done and kept)

        return call

    def bench(self, state: Sequence[Tensor], data: Sequence[Tensor]) -> "Bench":
        """A place of its own where other C code can take single steps, without noise."""
        given = self._given(state, data)
        work = torch.zeros(self.source.work + 64, dtype=torch.uint8)
        at = work.data_ptr() + -work.data_ptr() % 64
        self._library.function("pack")(given, ctypes.c_void_p(at))
        steps = ctypes.cast(self._library.function("steps_of"), ctypes.c_void_p)
        gemm = None if self._gemm is None else self._gemm.value
        kept = given, work, state, data, self
        return Bench(steps.value, ctypes.addressof(given), at, gemm, kept)

    def _given(self, state: Sequence[Tensor], data: Sequence[Tensor]) -> ctypes.Array[Any]:
        """The addresses of all inputs."""
        fixed = [value.tensor for value in self.source.program.inputs("constant")]
        return _addresses([*state, *data, *(t for t in fixed if t is not None)])


def _addresses(tensors: Sequence[Tensor]) -> ctypes.Array[Any]:
    return (ctypes.c_void_p * max(len(tensors), 1))(*[t.data_ptr() for t in tensors])


def _matrix_product() -> Any:
    """The address of `sgemm` in the library that torch itself multiplies with.

    Raises:
        NotCompiled: this torch keeps it to itself.
    """
    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        return ctypes.cast(library.sgemm_, ctypes.c_void_p)
    except (OSError, AttributeError) as error:
        raise NotCompiled(f"torch's matrix product cannot be reached: {error}") from None
