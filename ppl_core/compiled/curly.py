"""Loops as text in a language with curly braces: C and JavaScript differ in a few words only.

The text is the body of one step. It may use the names that its frame declares: an array for each
input and each stored value (`s0`, `d2`, `n3`, `b17`), and `k0`, ... for packed rows.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .layout import Layout
from .ops import Arg, NotCompiled, Program, View
from .plan import Cell, Segment, Unit, schedule

RANK = ["bool", "int32", "int64", "float32", "float64"]

POINT = {
    "add": "({} + {})",
    "sub": "({} - {})",
    "mul": "({} * {})",
    "div": "({} / {})",
    "neg": "(-{})",
    "eq": "({} == {})",
    "ne": "({} != {})",
    "lt": "({} < {})",
    "le": "({} <= {})",
    "gt": "({} > {})",
    "ge": "({} >= {})",
    "and": "({} && {})",
    "or": "({} || {})",
    "not": "(!{})",
    "where": "({} ? {} : {})",
    "maximum": "({0} > {1} || {0} != {0} ? {0} : {1})",
    "minimum": "({0} < {1} || {0} != {0} ? {0} : {1})",
    "isnan": "({0} != {0})",
    "cast": "{}",
    "sign": "(({0} > 0) - ({0} < 0))",
}
TRUTH = frozenset(["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "isnan", "isinf"])
JOIN = {"sum": "{} + {}", "prod": "{} * {}", "max": "{0} > {1} ? {0} : {1}"}
JOIN["min"] = "{0} < {1} ? {0} : {1}"
_RUNNING = {"cumsum": ("+", "0"), "cumprod": ("*", "1")}
JOIN["dot"] = JOIN["sum"]
START = {"sum": 0, "dot": 0, "prod": 1, "max": -math.inf, "min": math.inf}
LARGE = 8192
"""Products from which a matrix product is worth a call to a library."""
PIECE = 1024
"""Rows whose sum is kept in single precision."""


@dataclass(frozen=True)
class Dialect:
    """The words in which C and JavaScript differ."""

    name: str

    @property
    def is_c(self) -> bool:
        """Whether numbers have types."""
        return self.name == "c"

    def fixed(self, dtype: str) -> str:
        """Opens the declaration of a name that keeps its value."""
        return f"const {TYPES[dtype]}" if self.is_c else "const"

    def moving(self, dtype: str) -> str:
        """Opens the declaration of a name that does not."""
        return TYPES[dtype] if self.is_c else "let"

    @property
    def index(self) -> str:
        """Opens the declaration of an index."""
        return "i64" if self.is_c else "let"

    def number(self, x: float | int | bool, dtype: str) -> str:
        """A literal."""
        if dtype.startswith("float"):
            x = float(x)
            if math.isnan(x):
                return "NAN" if self.is_c else "NaN"
            if math.isinf(x):
                word = "INFINITY" if self.is_c else "Infinity"
                return word if x > 0 else f"(-{word})"
            text = repr(x) + ("f" if self.is_c and dtype == "float32" else "")
        elif isinstance(x, float) and math.isinf(x):
            text = str(2**62) if x > 0 else str(-(2**62))
        else:
            text = str(int(x))
        return f"({text})" if text.startswith("-") else text

    def call(self, name: str, dtype: str, args: Sequence[str]) -> str:
        """An elementary function."""
        if not self.is_c:
            return f"m.{name}({', '.join(args)})"
        suffix = "f" if dtype == "float32" else ""
        own = "m_" if name in OWN else ""
        name = {"abs": "fabs", "round": "nearbyint", "isinf": "isinf"}.get(name, name)
        return f"{own}{name}{'' if name == 'isinf' else suffix}({', '.join(args)})"

    def cast(self, text: str, dtype: str) -> str:
        """A conversion."""
        if self.is_c:
            return f"({TYPES[dtype]}){text}"
        return f"Math.trunc({text})" if dtype.startswith("int") else f"+{text}"


TYPES = {"float32": "float", "float64": "double", "int64": "i64", "int32": "int32_t", "bool": "int"}
OWN = frozenset(["exp", "log", "log1p", "expm1", "tanh", "digamma", "trigamma"])
CALLS = OWN | frozenset(
    [
        "sqrt",
        "abs",
        "sin",
        "cos",
        "tan",
        "atan",
        "asin",
        "acos",
        "sinh",
        "cosh",
        "erf",
        "erfc",
        "lgamma",
        "floor",
        "ceil",
        "round",
        "trunc",
        "pow",
        "atan2",
        "fmod",
        "isinf",
        "log2",
        "log10",
        "exp2",
    ]
)


class Curly:
    """Prints the body of a step.

    Attributes:
        lines: of the body, without the frame.
    """

    def __init__(self, program: Program, dialect: Dialect):
        self.program, self.dialect = program, dialect
        self.segments = schedule(program)
        self.layout = Layout(program, self.segments)
        self.lines: list[str] = []
        self.uses_library = False
        self._row: dict[Cell, str] = {}  # registers of the loop that is being written
        for segment in self.segments:
            if segment.kind == "straight":
                for unit in segment.units:
                    self._straight(unit)
            elif segment.kind == "rows":
                self._rows(segment)
            else:
                self._nest(segment.units[0])

    # ---- reading

    def read(self, cell: Cell, rows: int = 0, row: str = "r") -> str:
        """The text that reads a cell."""
        if cell in self._row:
            return self._row[cell]
        if cell in self.layout.variables and cell.step == 0:
            return f"v{cell.value}_{cell.address}"
        packed = self.layout.packed.get((cell, rows))
        if packed:
            return f"{packed}[{row}]"
        first, step = self.layout.where(cell, rows)
        along = "" if step == 0 else row if step == 1 else f"{row} * {step}"
        at = " + ".join(part for part in (str(first) if first or not along else "", along) if part)
        return f"{self.array(cell.value)}[{at}]"

    def array(self, value: int) -> str:
        """The name of a value's array."""
        role = self.program.values[value].role
        return f"b{value}" if role == "op" else f"{role[0]}{value}"

    def dtype(self, unit: Unit) -> str:
        """The type that a pointwise operation computes in."""
        op = unit.op
        if op.name not in TRUTH:
            return op.out.dtype
        kinds = [arg.dtype for arg in op.args if isinstance(arg, View)]
        kinds += ["float32" for arg in op.args if isinstance(arg, float) and not arg.is_integer()]
        return max(kinds, key=RANK.index, default="float32")

    def formula(self, unit: Unit, args: Sequence[str]) -> str:
        """The text of a pointwise operation."""
        name, dtype = unit.op.name, self.dtype(unit)
        if name == "rsqrt":
            return f"(1 / {self.dialect.call('sqrt', dtype, args)})"
        if name in POINT:
            return POINT[name].format(*args)
        if name not in CALLS:
            raise NotCompiled(f"{name} has no form in {self.dialect.name}")
        return self.dialect.call(name, dtype, args)

    def argument(self, unit: Unit, index: int, text: str | None = None) -> str:
        """One argument: a literal, or the text that reads it, in the type of the operation."""
        arg, dtype = unit.op.args[index], self.dtype(unit)
        if unit.op.name == "where" and index == 0:
            return text if text is not None else str(int(bool(arg)))
        if not isinstance(arg, View):
            return self.dialect.number(arg, dtype)
        assert text is not None
        return text if arg.dtype == dtype else self.dialect.cast(text, dtype)

    def _args(self, unit: Unit, place: Sequence[int]) -> list[str]:
        texts = [
            self.read(unit.cell(arg, place), unit.rows) if isinstance(arg, View) else None
            for arg in unit.op.args
        ]
        return [self.argument(unit, i, text) for i, text in enumerate(texts)]

    def _term(self, unit: Unit, place: Sequence[int]) -> str:
        """What a reduction adds up at a position."""
        args = self._args(unit, place)
        return f"{args[0]} * {args[1]}" if unit.op.name == "dot" else args[0]

    # ---- statements one after the other

    def _say(self, line: str, depth: int = 0) -> None:
        self.lines.append("    " * depth + line)

    def _set(self, cell: Cell, dtype: str, text: str) -> None:
        self._say(f"{self.dialect.fixed(dtype)} v{cell.value}_{cell.address} = {text};")
        self._keep(cell)

    def _keep(self, cell: Cell) -> None:
        if cell.value in self.layout.stored:
            first, _ = self.layout.where(cell, 0)
            self._say(f"b{cell.value}[{first}] = v{cell.value}_{cell.address};")

    def _straight(self, unit: Unit) -> None:
        op, dtype = unit.op, unit.op.out.dtype
        if op.name == "assemble":
            for cell, text in self._assembled(unit):
                self._set(cell, dtype, text)
        elif op.name in ("cumsum", "cumprod"):
            for place in unit.places():
                text = self._args(unit, place)[0]
                if place[op.extra]:
                    before = unit.out([i - (d == op.extra) for d, i in enumerate(place)])
                    text = f"{self.read(before)} {_RUNNING[op.name][0]} {text}"
                self._set(unit.out(place), dtype, text)
        elif unit.over:
            sums: dict[Cell, list[str]] = {}
            for place in unit.places():
                sums.setdefault(unit.out(place), []).append(self._term(unit, place))
            for cell, terms in sums.items():
                self._set(cell, dtype, self._joined(op.name, terms))
        else:
            for place in unit.places():
                self._set(unit.out(place), dtype, self.formula(unit, self._args(unit, place)))

    def _joined(self, name: str, terms: Sequence[str]) -> str:
        text = terms[0]
        for term in terms[1:]:
            text = f"({JOIN[name].format(text, term)})"
        return text

    def _assembled(self, unit: Unit) -> Iterator[tuple[Cell, str]]:
        op = unit.op
        base, *pieces = op.args
        size = self.program.values[op.out.value].size
        cells = {i: self._element(base, i, op.out.dtype) for i in range(size)}
        for piece, where in zip(pieces, op.extra, strict=True):
            at = Unit(op, "straight", where.shape)
            for place in at.places():
                text = (
                    self.read(at.cell(piece, place))
                    if isinstance(piece, View)
                    else self.dialect.number(piece, op.out.dtype)
                )
                cells[at.cell(where, place).address] = text
        for i, text in cells.items():
            yield Cell(op.out.value, i), text

    def _element(self, arg: Arg, index: int, dtype: str) -> str:
        if isinstance(arg, View):
            return self.read(Cell(arg.value, arg.offset + index))
        return self.dialect.number(arg, dtype)

    # ---- a loop over rows

    def _rows(self, segment: Segment) -> None:
        self._row = {}
        body: list[str] = []
        sums: dict[Cell, tuple[str, str]] = {}  # what is added up -> (kind, dtype)
        for unit in segment.units:
            if unit.accumulates:
                body += self._accumulate(unit, sums)
            else:
                body += self._row_wise(unit)
        self._row = {}
        dialect = self.dialect
        names = {cell: f"v{cell.value}_{cell.address}" for cell in sums}
        for cell, (kind, dtype) in sums.items():
            start = dialect.number(START[kind], dtype)
            self._say(f"{dialect.moving(dtype)} {names[cell]} = {start};")
        rows, depth = segment.rows, 0
        pieces = rows > 2 * PIECE and any(d == "float32" for _, d in sums.values())
        if pieces:
            self._say(f"for ({dialect.index} r0 = 0; r0 < {rows}; r0 += {PIECE}) {{")
            for cell, (kind, dtype) in sums.items():
                start = dialect.number(START[kind], dtype)
                self._say(f"{dialect.moving(dtype)} p{names[cell]} = {start};", 1)
            depth = 1
        if dialect.is_c and not segment.units[0].gathers:
            self._say(self._pragma(sums, names, "p" if pieces else ""), depth)
        first, last = (
            ("r0", f"(r0 + {PIECE} < {rows} ? r0 + {PIECE} : {rows})") if pieces else (0, rows)
        )
        self._say(f"for ({dialect.index} r = {first}; r < {last}; r++) {{", depth)
        for line in body:
            for cell in sums if pieces else ():
                if line.startswith(f"{names[cell]} = "):
                    line = line.replace(names[cell], f"p{names[cell]}")
            self._say(line, depth + 1)
        self._say("}", depth)
        if pieces:
            for cell, (kind, _) in sums.items():
                joined = JOIN[kind].format(names[cell], f"p{names[cell]}")
                self._say(f"{names[cell]} = {joined};", 1)
            self._say("}")
        for cell in sums:
            self._keep(cell)

    def _pragma(self, sums: dict[Cell, tuple[str, str]], names: dict[Cell, str], mark: str) -> str:
        signs = {"sum": "+", "dot": "+", "prod": "*", "max": "max", "min": "min"}
        parts = [f"reduction({signs[kind]}:{mark}{names[c]})" for c, (kind, _) in sums.items()]
        return f"#pragma omp simd {' '.join(parts)}".rstrip()

    def _accumulate(self, unit: Unit, sums: dict[Cell, tuple[str, str]]) -> Iterator[str]:
        terms: dict[Cell, list[str]] = {}
        for place in unit.places():
            terms.setdefault(unit.out(place), []).append(self._term(unit, place))
        for cell, texts in terms.items():
            sums[cell] = unit.op.name, unit.op.out.dtype
            name = f"v{cell.value}_{cell.address}"
            if unit.op.name in ("max", "min"):
                text = self._joined(unit.op.name, texts)
                yield f"{name} = {JOIN[unit.op.name].format(name, text)};"
            else:
                sign = "*" if unit.op.name == "prod" else "+"
                yield f"{name} = {name} {sign} {self._joined(unit.op.name, texts)};"

    def _row_wise(self, unit: Unit) -> Iterator[str]:
        op, dialect = unit.op, self.dialect
        texts: dict[Cell, list[str]] = {}
        for place in unit.places():
            if op.name == "gather":
                text = self._gathered(unit, place)
            elif unit.over:
                text = self._term(unit, place)
            else:
                text = self.formula(unit, self._args(unit, place))
            texts.setdefault(unit.out(place), []).append(text)
        for cell, terms in texts.items():
            text = self._joined(op.name, terms) if unit.over else terms[0]
            name = f"t{cell.value}_{cell.address}"
            yield f"{dialect.fixed(op.out.dtype)} {name} = {text};"
            self._row[cell] = name
            if cell.value in self.layout.stored:
                first, step = self.layout.where(cell, unit.rows)
                along = "r" if step == 1 else f"r * {step}"
                yield f"b{cell.value}[{first} + {along}] = {name};"

    def _gathered(self, unit: Unit, place: Sequence[int]) -> str:
        source, *indices = unit.op.args
        assert isinstance(source, View)
        cell = unit.cell(source, place)
        parts = [str(cell.address)] if cell.address else []
        parts += [f"r * {cell.step}"] if cell.step else []
        for index, (step, size) in zip(indices, unit.op.extra, strict=True):
            assert isinstance(index, View)
            parts.append(self._inside(self.read(unit.cell(index, place), unit.rows), size, step))
        return f"{self.array(source.value)}[{' + '.join(parts)}]"

    def _inside(self, index: str, size: int, step: int) -> str:
        """An index that counts from the end if negative, kept inside in any case."""
        inside = f"inside({index}, {size})"
        return inside if step == 1 else f"{inside} * {step}"

    # ---- loops in loops

    def _nest(self, unit: Unit) -> None:
        op = unit.op
        if op.name == "assemble":
            base, *pieces = op.args
            size = self.program.values[op.out.value].size
            flat = View(op.out.value, (size,), (1,), 0, op.out.dtype)
            self._copy(flat, base)
            for piece, where in zip(pieces, op.extra, strict=True):
                self._copy(
                    View(op.out.value, where.shape, where.stride, where.offset, where.dtype), piece
                )
        elif op.name == "scatter":
            self._scatter(unit)
        elif op.name in ("cumsum", "cumprod"):
            self._running_sum(unit)
        elif unit.over:
            self._nested_sum(unit)
        else:
            args = [self._at(arg, unit.shape) if isinstance(arg, View) else None for arg in op.args]
            text = (
                self._gathered_at(unit)
                if op.name == "gather"
                else self.formula(unit, [self.argument(unit, i, t) for i, t in enumerate(args)])
            )
            self._loops(unit.shape, f"{self._at(op.out, unit.shape)} = {text};")

    def _at(self, view: View, shape: Sequence[int]) -> str:
        """The text that reads a view at the indices i0, i1, ... of a shape."""
        view = view.broadcast(shape)
        moving = [
            f"i{d}" if step == 1 else f"i{d} * {step}"
            for d, (size, step) in enumerate(zip(view.shape, view.stride, strict=True))
            if step and size != 1
        ]
        if not moving:
            return self.read(Cell(view.value, view.offset))
        parts = [str(view.offset)] if view.offset else []
        return f"{self.array(view.value)}[{' + '.join(parts + moving)}]"

    def _loops(self, shape: Sequence[int], body: str, plain: bool = True) -> None:
        dims = [d for d, size in enumerate(shape) if size != 1]
        for depth, d in enumerate(dims):
            if plain and self.dialect.is_c and depth == len(dims) - 1:
                self._say("#pragma omp simd", depth)
            self._say(f"for ({self.dialect.index} i{d} = 0; i{d} < {shape[d]}; i{d}++)", depth)
        self._say(f"{{ {body} }}", len(dims))

    def _copy(self, target: View, source: Arg) -> None:
        text = (
            self._at(source, target.shape)
            if isinstance(source, View)
            else self.dialect.number(source, target.dtype)
        )
        self._loops(target.shape, f"{self._at(target, target.shape)} = {text};")

    def _nested_sum(self, unit: Unit) -> None:
        """Start at nothing, then add position by position; a product's last loop runs along rows."""
        op = unit.op
        if op.name == "dot" and self._by_library(unit):
            return
        kept = [d for d in range(len(unit.shape)) if d not in unit.over]
        stride = [0] * len(unit.shape)
        for d, step in zip(kept, op.out.stride, strict=True):
            stride[d] = step
        out = View(op.out.value, unit.shape, tuple(stride), op.out.offset, op.out.dtype)
        self._copy(op.out, START[op.name])
        order = list(range(len(unit.shape)))
        if op.name == "dot":
            order = [*order[:-2], order[-1], order[-2]]
        shape = [unit.shape[d] for d in order]
        moved = [_turned(view, order, unit.shape) for view in (out, *unit.reads())]
        target, *args = (self._at(view, shape) for view in moved)
        term = f"{args[0]} * {args[1]}" if op.name == "dot" else args[0]
        self._loops(shape, f"{target} = {JOIN[op.name].format(target, term)};", plain=False)

    def _by_library(self, unit: Unit) -> bool:
        """A large matrix product, handed to torch's own library; whether it could be."""
        a, b = unit.reads()
        if not self.dialect.is_c or unit.op.out.dtype != "float32" or len(unit.shape) != 3:
            return False
        (m, n, k), (along, _, left), (_, right, down) = unit.shape, a.stride, b.stride
        if m * n * k < LARGE or 1 not in (along, left) or 1 not in (right, down):
            return False
        first = ("N", along) if left == 1 else ("T", left)
        second = ("N", down) if right == 1 else ("T", right)
        self.uses_library = True
        self._say(
            f"{{ int m = {m}, n = {n}, k = {k}, lda = {max(first[1], 1)}, ldb = {max(second[1], 1)};"
            f" float one = 1, zero = 0;"
        )
        self._say(
            f'gemm("{second[0]}", "{first[0]}", &n, &m, &k, &one, '
            f"{self.array(b.value)} + {b.offset}, &ldb, {self.array(a.value)} + {a.offset}, &lda, "
            f"&zero, {self.array(unit.op.out.value)}, &n); }}",
            1,
        )
        return True

    def _running_sum(self, unit: Unit) -> None:
        op, dim = unit.op, unit.op.extra
        here = self._at(op.out, unit.shape)
        [source] = unit.reads()
        before = op.out.to(op.out.shape, op.out.stride, -op.out.stride[dim])
        sign, none = _RUNNING[op.name]
        more = f"(i{dim} ? {self._at(before, unit.shape)} : {none})"
        body = f"{here} = {more} {sign} {self._at(source, unit.shape)};"
        self._loops(unit.shape, body, plain=False)

    def _gathered_at(self, unit: Unit) -> str:
        source, *indices = unit.op.args
        return self._moved(source, indices, unit.op.extra, unit.shape)  # type: ignore[arg-type]

    def _moved(
        self,
        view: View,
        indices: Sequence[Arg],
        moves: Sequence[tuple[int, int]],
        shape: Sequence[int],
    ) -> str:
        parts = [str(view.offset)] if view.offset else []
        for d, (size, step) in enumerate(zip(view.shape, view.stride, strict=True)):
            if step and size != 1:
                parts.append(f"i{d} * {step}")
        for index, (step, size) in zip(indices, moves, strict=True):
            assert isinstance(index, View)
            parts.append(self._inside(self._at(index, shape), size, step))
        return f"{self.array(view.value)}[{' + '.join(parts) or '0'}]"

    def _scatter(self, unit: Unit) -> None:
        op = unit.op
        base, add, *indices = op.args
        target, moves = op.extra
        flat = View(op.out.value, op.out.shape, op.out.stride, 0, op.out.dtype)
        self._copy(flat, base)
        view = View(op.out.value, target.shape, target.stride, target.offset, target.dtype)
        place = self._moved(view, indices, moves, target.shape)
        term = self._at(add, target.shape) if isinstance(add, View) else repr(add)
        self._loops(target.shape, f"{place} += {term};", plain=False)

    # ---- the end of a step

    def results(self) -> Iterator[tuple[str, int]]:
        """For each new state: the text of its element `i`, or of its only element; its size."""
        *states, loss = self.program.results
        for arg in states:
            assert isinstance(arg, View)
            alone = Cell(arg.value, 0) in self.layout.variables and arg.numel == 1
            yield (self.read(Cell(arg.value, 0)) if alone else f"b{arg.value}[i]"), arg.numel
        read = self._at(loss, ()) if isinstance(loss, View) else None
        yield read or self.dialect.number(loss, "float64"), 1  # type: ignore[arg-type]


def _turned(view: View, order: Sequence[int], shape: Sequence[int]) -> View:
    view = view.broadcast(shape)
    sizes = tuple(view.shape[d] for d in order)
    return View(view.value, sizes, tuple(view.stride[d] for d in order), view.offset, view.dtype)
