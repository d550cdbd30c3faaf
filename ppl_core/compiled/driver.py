"""The driver of Hamiltonian chains: C code that walks on whatever potential it is handed.

It is compiled once for each type of number. Python lets it have the global lock meanwhile, so that
chains in several threads run side by side.
"""

import ctypes
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from .build import Build, Library
from .c import DENORMALS
from .native import Bench
from .ops import NotCompiled

HERE = Path(__file__).parent
PARTS = ("hamiltonian.c", "trajectories.c", "chain.c")
REAL = {torch.float32: ("float", "many_float32"), torch.float64: ("double", "many_float64")}
ENDS = ("fine", "stopped", "no gradient", "too small", "too large", "no root", "no memory")
"""How a call may end."""
FACTS = 7
"""Numbers told of each draw: acceptance, energy, potential, step size, steps, diverged, depth."""

_whole, _real, _place = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


def _struct(*groups: tuple[type, str]) -> list[tuple[str, type]]:
    return [(name, kind) for kind, names in groups for name in names.split()]


class Learned(ctypes.Structure):
    """The numbers that a chain has learned; as in hamiltonian.c."""

    _fields_ = _struct(
        (_real, "potential step_size log_step log_average error centre"),
        (_whole, "updates seen step"),
    )


class Chain(ctypes.Structure):
    """All that the driver is handed; as in hamiltonian.c."""

    _fields_ = _struct(
        (_place, "steps given work gemm cell"),
        (_whole, "dim dense wide deepest"),
        (_real, "length"),
        (_whole, "warmup learns_step_size bounds_count"),
        (_place, "bounds"),
        (_real, "wanted"),
        (_place, "kept"),
        (Learned, "now"),
        (_place, "state generator stop"),
        (_real, "seconds"),
        (_place, "facts positions momenta diverged_at path lengths"),
        (_whole, "room"),
        (_place, "failed"),
        (_real, "failed_size"),
        (_place, "position gradient mean inverse squares root copy before after phases trees"),
        (_whole, "phase_count"),
    )


def source(dtype: torch.dtype) -> str:
    """The text of the driver for one type of number.

    Raises:
        NotCompiled: a type that it is not made for.
    """
    if dtype not in REAL:
        raise NotCompiled(f"a chain of {dtype} has no compiled form")
    real, normals = REAL[dtype]
    texts = [(HERE / part).read_text("utf-8") for part in ("mathematics.c", "twister.c")]
    texts += [DENORMALS, f"typedef {real} real;\n#define many_normals {normals}\n"]
    return "\n".join(texts + [(HERE / part).read_text("utf-8") for part in PARTS])


class Driver:
    """The driver for one type of number.

    Raises:
        NotCompiled: there is no compiler, or it refuses.
    """

    def __init__(self, library: Library):
        self._advance = library.function("advance")
        self._advance.argtypes = [_place, _whole, _place]
        self._advance.restype = _whole
        self._map_rows = library.function("map_rows")
        self._map_rows.argtypes = [_place] * 4 + [_whole, _place, _place, _whole]
        self._map_rows.argtypes += [_place, _place, _whole]
        self._map_rows.restype = _whole

    def advance(self, chain: Chain, draws: int) -> tuple[str, int]:
        """Take steps; how it ended (one of `ENDS`), and how many were taken."""
        done = _whole()
        end = self._advance(ctypes.addressof(chain), draws, ctypes.addressof(done))
        return ENDS[end], done.value

    def map_rows(self, bench: Bench, rows: Tensor, cell: Tensor, made: Tensor, out: Tensor) -> int:
        """What a program that reads `cell` and writes `out` makes of each row.

        Args:
            bench: where the program is called.
            rows: (n, size of cell).
            cell, out: its memory.
            made: (n, size of out), filled row by row.

        Returns:
            Rows before the first one that is not finite.
        """
        return self._map_rows(
            bench.steps,
            bench.given,
            bench.work,
            bench.gemm,
            len(rows),
            rows.data_ptr(),
            cell.data_ptr(),
            cell.numel() * cell.element_size(),
            made.data_ptr(),
            out.data_ptr(),
            out.numel() * out.element_size(),
        )


@cache
def building(dtype: torch.dtype) -> Build:
    """The driver in the making: started early, it is ready when it is needed."""
    return Build(source(dtype), ("-O2",))


@cache
def driver(dtype: torch.dtype) -> Driver:
    """The driver for a type of number."""
    try:
        return Driver(building(dtype).library())
    except NotCompiled:
        building.cache_clear()
        raise
