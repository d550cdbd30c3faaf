"""A program as one C function that takes many steps, random numbers included.

The text is plain C without torch's headers, so that the system's compiler needs a fraction of a
second. Sums are never reordered by the compiler's leave but by ours, row by row; denormal numbers
are flushed inside the call.
"""

import ctypes
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .build import Library
from .curly import Curly
from .dialect import TYPES, Dialect
from .layout import size_in_bytes
from .ops import NotCompiled, Program
from .tape import FEW, Draw

HERE = Path(__file__).parent
BLOCK = 256
"""Steps whose noise is drawn at once, if it is not much."""

FRAME = """
static inline i64 inside(i64 i, i64 n) {{
    i = i < 0 ? i + n : i;
    return i < 0 ? 0 : i < n ? i : n - 1;
}}

static void draw(Twister *t, i64 steps, char *work) {{
{draw}
}}

typedef void (*Gemm)(const char *, const char *, const int *, const int *, const int *,
                     const float *, const float *, const int *, const float *, const int *,
                     const float *, float *, const int *);

static i64 steps_of(
    i64 steps, void **given, char *work, double *losses, double limit, Gemm gemm) {{
{pointers}
{constants}
    for (i64 step = 0; step < steps; step++) {{
{body}
        int fine = {loss} - {loss} == 0;
{check}
        if (!fine) return step;
        losses[step] = {loss};
{move}
{advance}
    }}
    return steps;
}}

i64 run(i64 steps, void **given, char *work, double *losses, double limit, Saved *generator,
        Gemm gemm) {{
    Twister now, before;
    unsigned mode = flush_denormals();
    i64 done = 0;
{packing}
    wake(&now, generator);
    while (done < steps) {{
        i64 some = steps - done < {block} ? steps - done : {block};
        before = now;
        draw(&now, some, work);
        i64 good = steps_of(some, given, work, losses + done, limit, gemm);
        done += good;
        if (good < some) {{
            now = before;
            draw(&now, good, work);
            break;
        }}
    }}
    save(&now, generator);
    restore_denormals(mode);
    return done;
}}
"""

DENORMALS = """
#if defined(__SSE__)
static unsigned flush_denormals(void) {
    unsigned mode = __builtin_ia32_stmxcsr(); __builtin_ia32_ldmxcsr(mode | 0x8040); return mode;
}
static void restore_denormals(unsigned mode) { __builtin_ia32_ldmxcsr(mode); }
#else
static unsigned flush_denormals(void) { return 0; }
static void restore_denormals(unsigned mode) { (void)mode; }
#endif
"""

IN_MEMORY = TYPES | {"bool": "unsigned char"}


class Source:
    """The C text of a program.

    Attributes:
        text: to be compiled.
        work: bytes of memory that it needs between calls.
    """

    def __init__(self, program: Program):
        self.program = program
        self.work = 0
        self._at: dict[str, int] = {}
        self.curly = Curly(program, Dialect("c"))
        self.given = [v for role in ("state", "data", "constant") for v in program.inputs(role)]
        self.noise = program.inputs("noise")
        total = sum(value.size for value in self.noise)
        self.block = max(1, min(BLOCK, 16384 // max(total, 1)))
        parts = ("mathematics.c", "twister.c")
        head = "\n".join((HERE / part).read_text(encoding="utf-8") for part in parts)
        self.text = head + DENORMALS + self._frame()

    def _frame(self) -> str:
        constants = [f"    {line}" for line in self._stored()]
        *states, (loss, _) = self.curly.results()
        names = [f"s{value.id}" for value in self.program.inputs("state")]
        check, move = [], []
        for index, (name, (text, size)) in enumerate(zip(names, states, strict=True)):
            limit = "limit" if index < self.program.bounded else "INFINITY"
            loop = f"for (i64 i = 0; i < {size}; i++) " if text.endswith("[i]") else ""
            target = f"{name}[i]" if loop else f"{name}[0]"
            check.append(f"        {loop}fine &= fabs({text}) < {limit};")
            move.append(f"        {loop}{target} = {text};")
        return FRAME.format(
            draw=_lines(self._draw(), 1),
            pointers=_lines(self._pointers(), 1),
            constants="\n".join(constants),
            body=_lines(self.curly.lines, 2),
            check="\n".join(check),
            move="\n".join(move),
            advance=_lines((f"n{v.id} += {v.size};" for v in self.noise), 2),
            packing=_lines(self._packing(), 1),
            block=self.block,
            loss=loss,
        )

    def _space(self, name: str, count: int, dtype: str) -> int:
        """Where in the working memory an array lies."""
        if name not in self._at:
            self._at[name] = self.work
            self.work += size_in_bytes(count, dtype) + 64
        return self._at[name]

    def _pointer(self, name: str, dtype: str, place: str, fixed: bool = False) -> str:
        kind = IN_MEMORY[dtype]
        const = "const " if fixed else ""
        return f"{const}{kind} *restrict {name} = (const void *)({place});".replace(
            "(const void *)", "(const void *)" if fixed else "(void *)"
        )

    def _pointers(self) -> Iterable[str]:
        for index, value in enumerate(self.given):
            name = self.curly.array(value.id)
            yield self._pointer(name, value.dtype, f"given[{index}]", value.role != "state")
        for value in self.noise:
            place = self._space(f"n{value.id}", value.size * self.block, value.dtype)
            yield self._pointer(f"n{value.id}", value.dtype, f"work + {place}", True)

    def _stored(self) -> Iterable[str]:
        for value in sorted(self.curly.layout.stored):
            about = self.program.values[value]
            if about.size <= 256:
                kind = IN_MEMORY[about.dtype]
                yield f"{kind} b{value}[{max(about.size, 1)}] __attribute__((aligned(64)));"
            else:
                place = self._space(f"b{value}", about.size, about.dtype)
                yield self._pointer(f"b{value}", about.dtype, f"work + {place}")
        for (cell, rows), name in self.curly.layout.packed.items():
            dtype = self.program.values[cell.value].dtype
            place = self._space(name, rows, dtype)
            yield self._pointer(name, dtype, f"work + {place}", True)

    def _packing(self) -> Iterable[str]:
        """Columns of the data, each in one run."""
        order = {value.id: index for index, value in enumerate(self.given)}
        for (cell, rows), name in self.curly.layout.packed.items():
            kind = IN_MEMORY[self.program.values[cell.value].dtype]
            source = f"((const {kind} *)given[{order[cell.value]}])"
            target = f"(({kind} *)(work + {self._space(name, rows, self._dtype(cell.value))}))"
            yield (
                f"for (i64 r = 0; r < {rows}; r++) "
                f"{target}[r] = {source}[{cell.address} + r * {cell.step}];"
            )

    def _dtype(self, value: int) -> str:
        return self.program.values[value].dtype

    def _draw(self) -> Iterable[str]:
        """The noise of some steps, in the order in which one step asks for it."""
        draws = [value.draw for value in self.noise]
        yield "(void)t; (void)steps; (void)work; (void)few_normals; (void)choose_rows;"
        yield "(void)many_float32; (void)many_float64;"
        for value in self.noise:
            place = self._space(f"n{value.id}", value.size * self.block, value.dtype)
            yield self._pointer(f"n{value.id}", value.dtype, f"work + {place}")
        if draws and all(d.kind == "normal" and 0 < d.count < FEW for d in draws):
            total = sum(d.count for d in draws)
            place = self._space("normals", total * self.block, "float64")
            yield f"double *few = (void *)(work + {place});"
            yield f"few_normals(t, steps * {total}, few);"
            yield "for (i64 step = 0; step < steps; step++) {"
            for value in self.noise:
                yield f"    for (i64 i = 0; i < {value.size}; i++) *n{value.id}++ = *few++;"
            yield "}"
            return
        yield "for (i64 step = 0; step < steps; step++) {"
        for value in self.noise:
            yield f"    {self._single(value.id, value.draw)}"
            yield f"    n{value.id} += {value.size};"
        yield "}"

    def _single(self, value: int, d: Draw) -> str:
        name = f"n{value}"
        if d.kind == "rows":
            table = self._space("table", d.size, "int32")
            return f"choose_rows(t, {d.size}, {d.count}, {name}, (int32_t *)(work + {table}));"
        if d.kind == "uniform":
            kind = "float" if d.dtype == "float32" else "double"
            return f"for (i64 i = 0; i < {d.count}; i++) {name}[i] = uniform_{kind}(t);"
        if d.count >= FEW:
            return f"many_{d.dtype}(t, {d.count}, {name});"
        return (
            f"{{ double some[{max(d.count, 1)}]; few_normals(t, {d.count}, some); "
            f"for (i64 i = 0; i < {d.count}; i++) {name}[i] = some[i]; }}"
        )


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
        self._run.argtypes = [
            ctypes.c_int64,
            pointer,
            pointer,
            pointer,
            ctypes.c_double,
            pointer,
            pointer,
        ]
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

    def prepared(self, state: Sequence[Tensor], data: Sequence[Tensor]) -> Callable[[], float]:
        """One step without noise on tensors that stay where they are; nan if it is not finite."""
        given = self._given(state, data)
        loss, generator = ctypes.c_double(), torch.get_rng_state()
        places = ctypes.addressof(given), self._bench, ctypes.addressof(loss)
        rest = math.inf, generator.data_ptr(), self._gemm
        kept = given, generator, state, data

        def call() -> float:
            with self._turn:
                done = self._run(1, *places, *rest)
            return loss.value if done and kept else math.nan

        return call

    def _given(self, state: Sequence[Tensor], data: Sequence[Tensor]) -> ctypes.Array[Any]:
        """The addresses of all inputs."""
        fixed = [value.tensor for value in self.source.program.inputs("constant")]
        tensors = [*state, *data, *(t for t in fixed if t is not None)]
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


def _lines(lines: Iterable[str], depth: int) -> str:
    return "\n".join("    " * depth + line for line in lines)
