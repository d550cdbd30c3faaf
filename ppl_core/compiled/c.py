"""A program as one C function that takes many steps, random numbers included.

The text is plain C without torch's headers, so that the system's compiler needs a fraction of a
second. Sums are never reordered by the compiler's leave but by ours, row by row; denormal numbers
are flushed inside the call.
"""

from collections.abc import Iterable
from pathlib import Path

from .curly import Curly
from .dialect import TYPES, Dialect
from .layout import size_in_bytes
from .ops import Program
from .tape import FEW, Draw

HERE = Path(__file__).parent
BLOCK = 256
"""Steps whose noise is drawn at once, if it is not much."""

PAGE, SHIFT = 4096, 192
"""Bytes; a processor mixes up arrays that lie a whole number of pages apart."""

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

i64 steps_of(
    i64 steps, void **given, char *work, double *losses, double limit, Gemm gemm) {{
{pointers}
{constants}
    for (i64 step = 0; step < steps; step++) {{
{body}
        int fine = {loss} - {loss} == 0;
{check}
        losses[step] = {loss};
        if (!fine) return step;
{move}
{advance}
    }}
    return steps;
}}

static i64 advance(
    Twister *now, i64 steps, void **given, char *work, double *losses, double limit, Gemm gemm) {{
    Twister before;
    i64 done = 0;
    while (done < steps) {{
        i64 some = steps - done < {block} ? steps - done : {block};
        before = *now;
        draw(now, some, work);
        i64 good = steps_of(some, given, work, losses + done, limit, gemm);
        done += good;
        if (good < some) {{
            *now = before;
            draw(now, good, work);
            break;
        }}
    }}
    return done;
}}

void pack(void **given, char *work) {{
    (void)given; (void)work;
{packing}
}}

i64 run(i64 steps, void **given, char *work, double *losses, double limit, Saved *generator,
        Gemm gemm) {{
    Twister now;
    unsigned mode = flush_denormals();
    pack(given, work);
    wake(&now, generator);
    i64 done = advance(&now, steps, given, work, losses, limit, gemm);
    save(&now, generator);
    restore_denormals(mode);
    return done;
}}

/* Runs one after the other, each from its done[r] on; its inputs lie `stride` bytes further on than
   those of the run before. After each `every` steps the first {bounded} states are kept. */
void many(i64 runs, i64 most, i64 steps, void **given, const i64 *stride, char *work,
          double *losses, double limit, Saved *generators, i64 *done, i64 every, char **kept,
          Gemm gemm) {{
    unsigned mode = flush_denormals();
    for (i64 r = 0; r < runs; r++) {{
        Twister now;
        void *own[{inputs}];
        for (i64 k = 0; k < {inputs}; k++) own[k] = (char *)given[k] + r * stride[k];
        pack(own, work);
        wake(&now, generators + r);
        i64 last = steps - done[r] < most ? steps : done[r] + most;
        while (done[r] < last) {{
            i64 left = every - done[r] % every;
            i64 some = last - done[r] < left ? last - done[r] : left;
            i64 good = advance(&now, some, own, work, losses + r * steps + done[r], limit, gemm);
            done[r] += good;
            if (good < some) {{ losses[r * steps + done[r]] = NAN; break; }}
            if (done[r] % every) continue;
            i64 point = r * (steps / every) + done[r] / every - 1;
            for (i64 k = 0; k < {bounded}; k++) {{
                memcpy(kept[k] + point * stride[k], own[k], (size_t)stride[k]);
            }}
        }}
        save(&now, generators + r);
    }}
    restore_denormals(mode);
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
            bounded=self.program.bounded,
            inputs=max(len(self.given), 1),
            loss=loss,
        )

    def _space(self, name: str, count: int, dtype: str) -> int:
        """Where in the working memory an array lies; no two begin at the same place of a page."""
        if name not in self._at:
            place = SHIFT * len(self._at) % PAGE
            self._at[name] = self.work + (place - self.work) % PAGE
            self.work = self._at[name] + size_in_bytes(count, dtype)
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
        for name, (dtype, rows) in self.curly.strips.items():
            yield self._pointer(name, dtype, f"work + {self._space(name, rows, dtype)}")

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


def _lines(lines: Iterable[str], depth: int) -> str:
    return "\n".join("    " * depth + line for line in lines)
