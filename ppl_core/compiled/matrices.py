"""Small matrices, written out: Cholesky factors and triangular systems, element by element."""

from collections.abc import Sequence

from .forms import Forms, form
from .ops import Arg, NotCompiled, View, contiguous

MOST = 10
"""Rows of a matrix that is written out."""

Matrix = list[list[Arg]]


def elements(x: View) -> Matrix:
    """The entries of the last two dimensions, each a view over the others."""
    rows, columns = x.shape[-2:]
    if max(rows, columns) > MOST:
        raise NotCompiled(f"a factor of a {rows} x {columns} matrix is too large to be written out")
    down, right = x.stride[-2:]
    return [
        [x.to(x.shape[:-2], x.stride[:-2], i * down + j * right) for j in range(columns)]
        for i in range(rows)
    ]


def matrix(f: Forms, entries: Matrix, batch: Sequence[int]) -> View:
    """Entries put together again."""
    rows, columns = len(entries), len(entries[0])
    shape = (*batch, rows, columns)
    stride = contiguous(shape)
    whole = View(-1, shape, stride, 0, f.dtype)
    pieces = [
        (entry.broadcast(batch), whole.to(tuple(batch), stride[:-2], i * stride[-2] + j))
        for i, row in enumerate(entries)
        for j, entry in enumerate(row)
        if isinstance(entry, View)
    ]
    return f.assemble(0, whole.numel, *pieces).to(shape, stride)


def _minus_products(f: Forms, x: Arg, pairs: Sequence[tuple[Arg, Arg]]) -> Arg:
    for a, b in pairs:
        x = f.sub(x, f.mul(a, b))
    return x


@form("linalg_cholesky_ex", "cholesky")
def _cholesky(f: Forms, x: View, *, upper: bool = False, check_errors: bool = False) -> View:
    """Column by column (Golub & Van Loan, algorithm 4.2.1)."""
    if upper:
        raise NotCompiled("an upper Cholesky factor has no compiled form")
    a, n = elements(x), x.shape[-1]
    factor: Matrix = [[0] * n for _ in range(n)]
    for j in range(n):
        row = factor[j][:j]
        factor[j][j] = f.sqrt(_minus_products(f, a[j][j], [(y, y) for y in row]))
        for i in range(j + 1, n):
            products = list(zip(factor[i][:j], row, strict=True))
            factor[i][j] = f.div(_minus_products(f, a[i][j], products), factor[j][j])
    return matrix(f, factor, x.shape[:-2])


@form("linalg_solve_triangular", "triangular_solve")
def _solve_triangular(
    f: Forms,
    a: View,
    b: View,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> View:
    """Substitution, from the row that stands alone."""
    batch = f.shape[:-2]
    if not left:  # x a = b is a' x' = b'
        swap = _solve(
            f, _transposed(elements(a)), _transposed(elements(b)), not upper, unitriangular
        )
        return matrix(f, _transposed(swap), batch)
    return matrix(f, _solve(f, elements(a), elements(b), upper, unitriangular), batch)


def _transposed(entries: Matrix) -> Matrix:
    return [list(column) for column in zip(*entries, strict=True)]


def _solve(f: Forms, a: Matrix, b: Matrix, upper: bool, unit: bool) -> Matrix:
    n = len(a)
    order = range(n - 1, -1, -1) if upper else range(n)
    x: Matrix = [[0] * len(b[0]) for _ in range(n)]
    for i in order:
        known = range(i + 1, n) if upper else range(i)
        for j in range(len(b[0])):
            rest = _minus_products(f, b[i][j], [(a[i][k], x[k][j]) for k in known])
            x[i][j] = rest if unit else f.div(rest, a[i][i])
    return x
