"""How statements read numbers: from a register, a variable or an array, in the right type."""

from collections.abc import Sequence

from .dialect import CALLS, POINT, RANK, TRUTH, Dialect
from .layout import Layout
from .ops import NotCompiled, Program, View
from .plan import Cell, Unit, schedule


class Reader:
    """Knows where every number of a program lies, and collects lines of text.

    Attributes:
        lines: of the body, without its frame.
        uses_library: whether a matrix product is handed to torch's library.
        strips: memory that stages of a loop hand to each other: name -> (dtype, length).
    """

    def __init__(self, program: Program, dialect: Dialect):
        self.program, self.dialect = program, dialect
        self.segments = schedule(program)
        self.layout = Layout(program, self.segments)
        self.lines: list[str] = []
        self.uses_library = False
        self.strips: dict[str, tuple[str, int]] = {}
        self._near: dict[View, str] = {}  # names inside the nest that is being written
        self._row: dict[Cell, str] = {}  # registers of the loop that is being written
        self._handed: dict[Cell, str] = {}  # what its earlier stages left in strips
        self._once: dict[Cell, str] = {}  # what loops have read before they began

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

    def _inside(self, index: str, size: int, step: int) -> str:
        """An index that counts from the end if negative, kept inside in any case."""
        inside = f"inside({index}, {size})"
        return inside if step == 1 else f"{inside} * {step}"

    def _say(self, line: str, depth: int = 0) -> None:
        self.lines.append("    " * depth + line)
