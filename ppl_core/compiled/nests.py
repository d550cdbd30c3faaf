"""Loops in loops over arrays in memory: for whatever is too wide to be written out."""

from collections.abc import Sequence

from .dialect import LARGE, RUNNING, START
from .ops import Arg, View
from .plan import Cell, Unit
from .reading import Reader


class Nests(Reader):
    """Writes operations as nested loops."""

    def write_nest(self, units: Sequence[Unit]) -> None:
        """Write one operation, or pointwise ones that share their loops."""
        if len(units) == 1:
            self._single(units[0])
            return
        body: list[str] = []
        shape = units[0].shape
        inner = {u.op.out.value for u in units} - self._needed_elsewhere(units)
        for unit in units:
            out = unit.op.out
            text = self._formula_at(unit)
            body.append(f"{self.dialect.fixed(out.dtype)} t{out.value} = {text};")
            if out.value not in inner:
                body.append(f"{self.at(out, shape)} = t{out.value};")
            self._near[out.broadcast(shape)] = f"t{out.value}"
        self._near = {}
        self._loops(shape, " ".join(body))

    def _needed_elsewhere(self, units: Sequence[Unit]) -> set[int]:
        """Values that others than these units read."""
        here = {id(unit.op) for unit in units}
        needed = {arg.value for arg in self.program.results if isinstance(arg, View)}
        for op in self.program.ops:
            if id(op) not in here:
                needed |= {arg.value for arg in op.args if isinstance(arg, View)}
        return needed

    def _formula_at(self, unit: Unit) -> str:
        texts = [
            self.at(arg, unit.shape) if isinstance(arg, View) else None for arg in unit.op.args
        ]
        return self.formula(unit, [self.argument(unit, i, t) for i, t in enumerate(texts)])

    def _single(self, unit: Unit) -> None:
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
            text = self._gathered_at(unit) if op.name == "gather" else self._formula_at(unit)
            self._loops(unit.shape, f"{self.at(op.out, unit.shape)} = {text};")

    def at(self, view: View, shape: Sequence[int]) -> str:
        """The text that reads a view at the indices i0, i1, ... of a shape."""
        view = view.broadcast(shape)
        if view in self._near:
            return self._near[view]
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
            self.at(source, target.shape)
            if isinstance(source, View)
            else self.dialect.number(source, target.dtype)
        )
        self._loops(target.shape, f"{self.at(target, target.shape)} = {text};")

    def _nested_sum(self, unit: Unit) -> None:
        """Start at nothing, then add up; the last loop of a product runs along rows."""
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
        target, *args = (self.at(view, shape) for view in moved)
        term = f"{args[0]} * {args[1]}" if op.name == "dot" else args[0]
        joined = self.dialect.joined(op.name, op.out.dtype, target, term)
        self._loops(shape, f"{target} = {joined};", plain=False)

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
            f"{{ int m = {m}, n = {n}, k = {k}; float one = 1, zero = 0; "
            f"int lda = {max(first[1], 1)}, ldb = {max(second[1], 1)};"
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
        here = self.at(op.out, unit.shape)
        [source] = unit.reads()
        before = op.out.to(op.out.shape, op.out.stride, -op.out.stride[dim])
        sign, none = RUNNING[op.name]
        more = f"(i{dim} ? {self.at(before, unit.shape)} : {none})"
        body = f"{here} = {more} {sign} {self.at(source, unit.shape)};"
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
            parts.append(self._inside(self.at(index, shape), size, step))
        return f"{self.array(view.value)}[{' + '.join(parts) or '0'}]"

    def _scatter(self, unit: Unit) -> None:
        op = unit.op
        base, add, *indices = op.args
        target, moves = op.extra
        flat = View(op.out.value, op.out.shape, op.out.stride, 0, op.out.dtype)
        self._copy(flat, base)
        view = View(op.out.value, target.shape, target.stride, target.offset, target.dtype)
        place = self._moved(view, indices, moves, target.shape)
        term = self.at(add, target.shape) if isinstance(add, View) else repr(add)
        self._loops(target.shape, f"{place} += {term};", plain=False)


def _turned(view: View, order: Sequence[int], shape: Sequence[int]) -> View:
    view = view.broadcast(shape)
    sizes = tuple(view.shape[d] for d in order)
    return View(view.value, sizes, tuple(view.stride[d] for d in order), view.offset, view.dtype)
