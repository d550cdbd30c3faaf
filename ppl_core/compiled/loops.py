"""A loop over rows, in stages where a row's work is one long chain.

A processor computes several rows at once, and begins the next ones while it waits for a result, but
only a few hundred instructions ahead. Where each operation of a row waits for the one before (a
product, its exponential, the logarithm of that), it stands still most of the time. So such a chain
is cut: each stage has a loop of its own over a strip of rows, and what one stage hands to the next
waits in memory that is near.
"""

from collections.abc import Iterator, Mapping, Sequence

from .dialect import CALLS, JOIN, PIECE, START
from .nests import Nests
from .ops import Op, View
from .plan import Cell, Segment, Unit

PATIENCE = 80
"""Processor cycles that a chain within one stage may take."""
CALL, DIVISION, PLAIN = 60, 12, 4
"""Cycles that an elementary function, a division or a root, and anything else take."""
MANY = 64
"""Rows from which stages pay."""


def stages(units: Sequence[Unit]) -> list[list[Unit]]:
    """The units of a loop, chains cut to bearable lengths; cheap ones wait for who reads them."""
    stage: dict[int, int] = {}  # value -> where it is made
    since: dict[int, int] = {}  # value -> cycles that its chain takes in that stage
    for unit in units:
        value, made = unit.op.out.value, [v.value for v in unit.reads() if v.value in stage]
        at = max((stage[v] for v in made), default=0)
        before = max((since[v] for v in made if stage[v] == at), default=0)
        cut = before and before + _cycles(unit) > PATIENCE
        stage[value], since[value] = at + bool(cut), _cycles(unit) + (0 if cut else before)
    wanted: dict[int, int] = {}  # value -> where it is read first
    for unit in reversed(units):
        value, read = unit.op.out.value, {v.value for v in unit.reads()} & stage.keys()
        if unit.is_pointwise and _cycles(unit) == PLAIN and len(read) < 2:
            stage[value] = wanted.get(value, stage[value])
        wanted |= {v: min(wanted.get(v, stage[value]), stage[value]) for v in read}
    order = sorted(set(stage.values()))
    return [[unit for unit in units if stage[unit.op.out.value] == at] for at in order]


def _cycles(unit: Unit) -> int:
    """Between what a unit reads and what it makes."""
    name = unit.op.name
    if unit.over:
        places = list(unit.places())
        return PLAIN * len(places) // len({unit.out(place) for place in places})
    return DIVISION if name in ("div", "sqrt") else CALL if name in CALLS - {"abs"} else PLAIN


class Loops(Nests):
    """Writes operations that share a loop over rows."""

    def write_rows(self, segment: Segment) -> None:
        """Write the loops of a segment; what is added up over rows is kept in variables."""
        rows, dialect, units = segment.rows, self.dialect, segment.units
        parts = stages(units) if dialect.is_c and rows >= MANY else [units]
        sums = {cell: u.op for u in units if u.accumulates for cell in map(u.out, u.places())}
        begin, known = len(self.lines), len(self._once)
        single = any(op.out.dtype == "float32" for op in sums.values())
        strips = rows > 2 * PIECE and (single or len(parts) > 1)
        for cell, op in sums.items():
            self._say(self._nothing(cell, op))
        if strips:
            self._say(f"for ({dialect.index} r0 = 0; r0 < {rows}; r0 += {PIECE}) {{")
            for cell, op in sums.items():
                self._say(self._nothing(cell, op, "pv"), 1)
        for number, part in enumerate(parts):
            read = {v.value for later in parts[number + 1 :] for u in later for v in u.reads()}
            self._stage(part, rows, strips, read)
        if strips:
            for cell, op in sums.items():
                whole, more = _name("v", cell), _name("pv", cell)
                joined = dialect.joined(op.name, op.out.dtype, whole, more)
                self._say(f"{whole} = {joined};", 1)
            self._say("}")
        self.lines[begin:begin] = list(self._once.values())[known:]
        self._row, self._handed = {}, {}
        for cell in sums:
            self._keep(cell)

    def read(self, cell: Cell, rows: int = 0, row: str = "r") -> str:
        """What is the same in every row is read once, before the loop."""
        text = super().read(cell, rows, row)
        if not rows or cell.step or cell in self._row or cell in self.layout.variables:
            return text
        kind = self.dialect.fixed(self.program.values[cell.value].dtype)
        self._once.setdefault(cell, f"{kind} {_name('f', cell)} = {text};")
        return _name("f", cell)

    def _nothing(self, cell: Cell, op: Op, mark: str = "v") -> str:
        """Begins a sum."""
        start = self.dialect.number(START[op.name], op.out.dtype)
        return f"{self.dialect.moving(op.out.dtype)} {_name(mark, cell)} = {start};"

    def _stage(self, units: Sequence[Unit], rows: int, strips: bool, read: set[int]) -> None:
        """One loop; `read` are the values that later stages need."""
        depth, mark, at = (1, "pv", "r - r0") if strips else (0, "v", "r")
        end = f"(r0 + {PIECE} < {rows} ? r0 + {PIECE} : {rows})"
        first, last = ("r0", end) if strips else (0, rows)
        self._row = dict(self._handed)
        body: list[str] = []
        sums: dict[Cell, Op] = {}
        for unit in units:
            if unit.accumulates:
                for cell, text in self._added(unit, mark):
                    sums[cell] = unit.op
                    body.append(text)
                continue
            for cell, text in self._made(unit):
                body += [text, *self._stored(cell, unit)]
                if unit.op.out.value in read and cell.value not in self.layout.stored:
                    self._handed[cell] = f"{_name('q', cell)}[{at}]"
                    self.strips[_name("q", cell)] = unit.op.out.dtype, min(rows, 2 * PIECE)
                    body.append(f"{self._handed[cell]} = {self._row[cell]};")
        if self.dialect.is_c and not units[0].gathers and _join_freely(sums):
            self._say(_pragma(sums, mark), depth)
        self._say(f"for ({self.dialect.index} r = {first}; r < {last}; r++) {{", depth)
        for line in body:
            self._say(line, depth + 1)
        self._say("}", depth)

    # ---- the lines of one unit

    def _added(self, unit: Unit, mark: str) -> Iterator[tuple[Cell, str]]:
        """What a row adds to each sum."""
        terms: dict[Cell, list[str]] = {}
        for place in unit.places():
            terms.setdefault(unit.out(place), []).append(self._term(unit, place))
        for cell, texts in terms.items():
            name, text = _name(mark, cell), self._joined(unit.op, texts)
            joined = self.dialect.joined(unit.op.name, unit.op.out.dtype, name, text)
            yield cell, f"{name} = {joined};"

    def _made(self, unit: Unit) -> Iterator[tuple[Cell, str]]:
        """What is computed in each row, in a register."""
        texts: dict[Cell, list[str]] = {}
        for place in unit.places():
            if unit.gathers:
                text = self._gathered(unit, place)
            elif unit.over:
                text = self._term(unit, place)
            else:
                text = self.formula(unit, self._args(unit, place))
            texts.setdefault(unit.out(place), []).append(text)
        for cell, terms in texts.items():
            text = self._joined(unit.op, terms) if unit.over else terms[0]
            self._row[cell] = _name("t", cell)
            yield cell, f"{self.dialect.fixed(unit.op.out.dtype)} {self._row[cell]} = {text};"

    def _stored(self, cell: Cell, unit: Unit) -> Iterator[str]:
        """A register's way to an array, if others need it."""
        if cell.value in self.layout.stored:
            first, step = self.layout.where(cell, unit.rows)
            along = "r" if step == 1 else f"r * {step}"
            yield f"b{cell.value}[{first} + {along}] = {self._row[cell]};"

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

    def _joined(self, op: Op, terms: Sequence[str]) -> str:
        """The terms of a reduction, written out."""
        text = terms[0]
        for term in terms[1:]:
            text = f"({self.dialect.joined(op.name, op.out.dtype, text, term)})"
        return text

    def _keep(self, cell: Cell) -> None:
        """Let an array hold a variable too, if it is needed there."""
        if cell.value in self.layout.stored:
            first, _ = self.layout.where(cell, 0)
            self._say(f"b{cell.value}[{first}] = {_name('v', cell)};")


def _name(mark: str, cell: Cell) -> str:
    return f"{mark}{cell.value}_{cell.address}"


def _join_freely(sums: Mapping[Cell, Op]) -> bool:
    """Whether rows may be joined in any order: a maximum of lanes would forget a nan."""
    return not any(op.name in ("max", "min") for op in sums.values())


def _pragma(sums: Mapping[Cell, Op], mark: str) -> str:
    parts = [f"reduction({JOIN[op.name]}:{_name(mark, cell)})" for cell, op in sums.items()]
    return f"#pragma omp simd {' '.join(parts)}".rstrip()
