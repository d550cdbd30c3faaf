"""Loops as text in a language with curly braces: C and JavaScript differ in a few words only.

The text is the body of one step. It may use the names that its frame declares: an array for each
input and each stored value (`s0`, `d2`, `n3`, `b17`), and `k0`, ... for packed rows.
"""

from collections.abc import Iterator, Sequence

from .dialect import JOIN, PIECE, RUNNING, START, Dialect
from .nests import Nests
from .ops import Arg, Op, Program, View
from .plan import Cell, Segment, Unit


class Curly(Nests):
    """Prints the body of a step."""

    def __init__(self, program: Program, dialect: Dialect):
        super().__init__(program, dialect)
        for segment in self.segments:
            if segment.kind == "straight":
                for unit in segment.units:
                    self._straight(unit)
            elif segment.kind == "rows":
                self._rows(segment)
            else:
                self.write_nest(segment.units)

    # ---- statements one after the other

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
                    text = f"{self.read(before)} {RUNNING[op.name][0]} {text}"
                self._set(unit.out(place), dtype, text)
        elif unit.over:
            sums: dict[Cell, list[str]] = {}
            for place in unit.places():
                sums.setdefault(unit.out(place), []).append(self._term(unit, place))
            for cell, terms in sums.items():
                self._set(cell, dtype, self._joined(op, terms))
        else:
            for place in unit.places():
                self._set(unit.out(place), dtype, self.formula(unit, self._args(unit, place)))

    def _joined(self, op: Op, terms: Sequence[str]) -> str:
        text = terms[0]
        for term in terms[1:]:
            text = f"({self.dialect.joined(op.name, op.out.dtype, text, term)})"
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
        if dialect.is_c and not segment.units[0].gathers and self._joins_freely(sums):
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
            for cell, (kind, dtype) in sums.items():
                joined = dialect.joined(kind, dtype, names[cell], f"p{names[cell]}")
                self._say(f"{names[cell]} = {joined};", 1)
            self._say("}")
        for cell in sums:
            self._keep(cell)

    def _joins_freely(self, sums: dict[Cell, tuple[str, str]]) -> bool:
        """Whether rows may be joined in any order: a maximum of lanes would forget a nan."""
        return not any(kind in ("max", "min") for kind, _ in sums.values())

    def _pragma(self, sums: dict[Cell, tuple[str, str]], names: dict[Cell, str], mark: str) -> str:
        parts = [f"reduction({JOIN[kind]}:{mark}{names[c]})" for c, (kind, _) in sums.items()]
        return f"#pragma omp simd {' '.join(parts)}".rstrip()

    def _accumulate(self, unit: Unit, sums: dict[Cell, tuple[str, str]]) -> Iterator[str]:
        terms: dict[Cell, list[str]] = {}
        for place in unit.places():
            terms.setdefault(unit.out(place), []).append(self._term(unit, place))
        for cell, texts in terms.items():
            sums[cell] = unit.op.name, unit.op.out.dtype
            name = f"v{cell.value}_{cell.address}"
            text = self._joined(unit.op, texts)
            yield f"{name} = {self.dialect.joined(unit.op.name, unit.op.out.dtype, name, text)};"

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
            text = self._joined(op, terms) if unit.over else terms[0]
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

    # ---- the end of a step

    def results(self) -> Iterator[tuple[str, int]]:
        """For each new state: the text of its element `i`, or of its only element; its size."""
        *states, loss = self.program.results
        for arg in states:
            assert isinstance(arg, View)
            alone = Cell(arg.value, 0) in self.layout.variables and arg.numel == 1
            yield (self.read(Cell(arg.value, 0)) if alone else f"b{arg.value}[i]"), arg.numel
        read = self.at(loss, ()) if isinstance(loss, View) else None
        yield read or self.dialect.number(loss, "float64"), 1  # type: ignore[arg-type]
