"""Forms that move elements: joining, cutting out, choosing by index, adding at an index."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .forms import Forms, form
from .ops import Arg, NotCompiled, View, contiguous, joint_shape


@form("cat")
def _cat(f: Forms, parts: Sequence[View], dim: int = 0) -> View:
    blank, pieces, at = f.blank(), [], 0
    for part in parts:
        if part.numel:
            size = part.shape[dim]
            pieces.append((part, f.place(blank.narrow(dim, at, size))))
            at += size
    return _shaped(f, f.assemble(0, blank.numel(), *pieces))


@form("stack")
def _stack(f: Forms, parts: Sequence[View], dim: int = 0) -> View:
    blank = f.blank()
    pieces = [(part, f.place(blank.select(dim, i))) for i, part in enumerate(parts)]
    return _shaped(f, f.assemble(0, blank.numel(), *pieces))


def _shaped(f: Forms, whole: View) -> View:
    return whole.to(f.shape, contiguous(f.shape))


def _backward_of_view(f: Forms, g: View, take: Callable[[Tensor], Tensor]) -> View:
    """Zero everywhere but where the view was taken."""
    blank = f.blank()
    return _shaped(f, f.assemble(0, blank.numel(), (g, f.place(take(blank)))))


@form("slice_backward")
def _slice_backward(
    f: Forms, g: View, sizes: Any, dim: int, start: int, end: int, step: int
) -> View:
    return _backward_of_view(f, g, lambda x: torch.ops.aten.slice(x, dim, start, end, step))


@form("select_backward")
def _select_backward(f: Forms, g: View, sizes: Any, dim: int, index: int) -> View:
    return _backward_of_view(f, g, lambda x: x.select(dim, index))


@form("diagonal_backward")
def _diagonal_backward(f: Forms, g: View, sizes: Any, offset: int, dim1: int, dim2: int) -> View:
    return _backward_of_view(f, g, lambda x: x.diagonal(offset, dim1, dim2))


@form("diag_embed")
def _diag_embed(f: Forms, x: View, offset: int = 0, dim1: int = -2, dim2: int = -1) -> View:
    return _backward_of_view(f, x, lambda y: y.diagonal(offset, dim1, dim2))


@form("constant_pad_nd")
def _pad(f: Forms, x: View, pad: Sequence[int], value: float = 0) -> View:
    blank = inside = f.blank()
    sizes, offset = list(x.shape), 0
    for i in range(len(pad) // 2):
        dim, (before, after) = -1 - i, pad[2 * i : 2 * i + 2]
        sizes[dim] += min(before, 0) + min(after, 0)
        offset -= min(before, 0) * x.stride[dim]
        inside = inside.narrow(dim, max(before, 0), sizes[dim])
    piece = x.to(sizes, x.stride, offset)
    return _shaped(f, f.assemble(value, blank.numel(), (piece, f.place(inside))))


@form("flip")
def _flip(f: Forms, x: View, dims: Sequence[int]) -> View:
    stride, offset = list(x.stride), 0
    for dim in dims:
        offset += (x.shape[dim] - 1) * stride[dim]
        stride[dim] = -stride[dim]
    return f.point("cast", x.to(x.shape, stride, offset))


@form("repeat")
def _repeat(f: Forms, x: View, times: Sequence[int]) -> View:
    blank = f.blank()
    lead = len(times) - len(x.shape)
    sizes = (1,) * lead + x.shape
    split = [part for pair in zip(times, sizes, strict=True) for part in pair]
    spread = [part for size in x.shape for part in (1, size)]
    steps = [part for step in x.stride for part in (0, step)]
    each = x.to(spread, steps).broadcast(split)
    return _shaped(f, f.assemble(0, blank.numel(), (each, f.place(blank.view(split)))))


def _triangle(f: Forms, x: View, keep: Callable[[Tensor], Tensor]) -> View:
    mask = keep(torch.ones(x.shape[-2:], dtype=torch.bool))
    held = f.program.add_value("constant", mask.numel(), "bool", tensor=mask.flatten())
    return f.where(f.program.whole(held, mask.shape), x, 0)


@form("tril")
def _tril(f: Forms, x: View, diagonal: int = 0) -> View:
    return _triangle(f, x, lambda m: m.tril(diagonal))


@form("triu")
def _triu(f: Forms, x: View, diagonal: int = 0) -> View:
    return _triangle(f, x, lambda m: m.triu(diagonal))


@form("index")
def _index(f: Forms, x: View, indices: Sequence[View | None]) -> View:
    return _gathered(f, *_indexed(f, x, indices))


Moves = tuple[tuple[int, int], ...]


def _gathered(f: Forms, source: View, places: Sequence[View], moves: Moves) -> View:
    """Elements chosen by indices; those that never change only shift the view."""
    source, left, moves = _settled(f, source, places, moves)
    if not left:
        return f.program.emit("cast", (source,), source.shape, f.dtype)
    return f.program.emit("gather", (source, *left), source.shape, f.dtype, moves)


def _settled(
    f: Forms, view: View, places: Sequence[View], moves: Moves
) -> tuple[View, list[View], Moves]:
    """A view moved by the indices that are one number, and the indices that are left."""
    left: list[tuple[View, tuple[int, int]]] = []
    for place, (step, size) in zip(places, moves, strict=True):
        index = f.program.folded(place)
        if isinstance(index, View):
            left.append((place, (step, size)))
        else:
            view = view.to(view.shape, view.stride, int(index) % size * step)
    return view, [place for place, _ in left], tuple(move for _, move in left)


def _known(f: Forms, x: View) -> Tensor | None:
    """What a constant holds."""
    value = f.program.values[x.value]
    if value.role != "constant" or value.tensor is None:
        return None
    return value.tensor.as_strided(x.shape, x.stride, x.offset)


def _whole_numbers(f: Forms, indices: Sequence[View | None]) -> list[View | None]:
    """Indices, with constant truth values as the places where they hold."""
    result: list[View | None] = []
    for index in indices:
        if index is None or index.dtype != "bool":
            result.append(index)
            continue
        mask = _known(f, index)
        if mask is None:
            raise NotCompiled("choosing by truth values makes a shape that depends on them")
        for places in mask.nonzero(as_tuple=True):
            value = f.program.add_value("constant", len(places), "int64", tensor=places.clone())
            result.append(f.program.whole(value))
    return result


def _indexed(f: Forms, x: View, indices: Sequence[View | None]) -> tuple[View, list[View], Moves]:
    """A view of `x` in the result's shape, and the indices that move it."""
    given = [(dim, index) for dim, index in enumerate(_whole_numbers(f, indices)) if index]
    spread = joint_shape(index.shape for _, index in given)
    dims = [dim for dim, _ in given]
    adjacent = dims == list(range(dims[0], dims[0] + len(dims)))
    first = dims[0] if adjacent else 0
    rest = [dim for dim in range(len(x.shape)) if dim not in dims]
    sizes = [x.shape[dim] for dim in rest]
    steps = [x.stride[dim] for dim in rest]
    sizes[first:first], steps[first:first] = spread, [0] * len(spread)
    source = View(x.value, tuple(sizes), tuple(steps), x.offset, x.dtype)
    after = len(sizes) - first - len(spread)
    places = [
        index.to((*index.shape, *[1] * after), (*index.stride, *[0] * after)).broadcast(sizes)
        for _, index in given
    ]
    moves = tuple((x.stride[dim], x.shape[dim]) for dim in dims)
    return source, places, moves


@form("index_select")
def _index_select(f: Forms, x: View, dim: int, index: View) -> View:
    indices: list[View | None] = [None] * len(x.shape)
    indices[dim] = index
    return _index(f, x, indices)


@form("gather")
def _gather(f: Forms, x: View, dim: int, index: View, sparse_grad: bool = False) -> View:
    source, move = _along(x, dim, index)
    return _gathered(f, source, [index], (move,))


def _along(x: View, dim: int, index: View) -> tuple[View, tuple[int, int]]:
    steps = list(x.stride)
    steps[dim] = 0
    source = View(x.value, index.shape, tuple(steps), x.offset, x.dtype)
    return source, (x.stride[dim], x.shape[dim])


def _scatter_form(
    f: Forms, x: View, target: View, add: View, places: list[View], moves: Any
) -> View:
    base = f.program.folded(x)
    base = base if not isinstance(base, View) else _flat(f, base)
    return _scattered(f, base, x.numel, add.broadcast(target.shape), target, places, moves)


def _scattered(
    f: Forms, base: Arg, size: int, add: View, target: View, places: Sequence[View], moves: Moves
) -> View:
    target, left, moves = _settled(f, target, places, moves)
    whole = f.program.emit("scatter", (base, add, *left), (size,), f.dtype, (target, moves))
    return _shaped(f, whole)


def _flat(f: Forms, x: View) -> View:
    """The elements one after the other."""
    if x.stride != contiguous(x.shape) or x.offset:
        x = f.program.emit("cast", (x,), x.shape, x.dtype)
    return x.to((x.numel,), (1,))


def _result_view(f: Forms, x: View) -> View:
    return View(-1, x.shape, contiguous(x.shape), 0, f.dtype)


@form("index_put", "_index_put_impl", "_unsafe_index_put")
def _index_put(
    f: Forms,
    x: View,
    indices: Sequence[View | None],
    values: View,
    accumulate: bool = False,
    *_: Any,
) -> View:
    if len(indices) == 1 and indices[0] is not None and indices[0].dtype == "bool":
        mask = indices[0]
        if values.numel == 1 and not accumulate:
            mask = mask.to(
                (*mask.shape, *[1] * (len(x.shape) - len(mask.shape))),
                (*mask.stride, *[0] * (len(x.shape) - len(mask.shape))),
            )
            return f.where(mask, values.to((), ()), x)
    if not accumulate:
        return _written(f, x, _whole_numbers(f, indices), values)
    target, places, moves = _indexed(f, _result_view(f, x), indices)
    return _scatter_form(f, x, target, values, places, moves)


def _written(f: Forms, x: View, indices: list[View | None], values: View) -> View:
    """New values at places that are known beforehand."""
    places = [None if index is None else _known(f, index) for index in indices]
    if any(
        index is not None and known is None for index, known in zip(indices, places, strict=True)
    ):
        raise NotCompiled("writing to elements chosen by a value has no compiled form")
    blank = f.blank()
    chosen = [slice(None) if p is None else p for p in places]
    order = torch.arange(blank.numel()).reshape(f.shape)[tuple(chosen)].flatten().tolist()
    spread = values.broadcast(torch.empty(f.shape, device="meta")[tuple(chosen)].shape)
    if len(order) > 200:
        raise NotCompiled(f"writing to {len(order)} chosen elements is too much to be written out")
    pieces = []
    for target, source in zip(order, range(len(order)), strict=True):
        at, offset = source, 0
        for size, step in zip(reversed(spread.shape), reversed(spread.stride), strict=True):
            offset += at % size * step
            at //= size
        place = View(-1, (), (), target, f.dtype)
        pieces.append((spread.to((), (), offset), place))
    base = f.program.folded(x)
    return _shaped(
        f, f.assemble(_flat(f, base) if isinstance(base, View) else base, blank.numel(), *pieces)
    )


@form("scatter")
def _scatter(f: Forms, x: View, dim: int, index: View, source: Arg, **_: Any) -> View:
    """One new element along `dim`, wherever the index says."""
    if index.shape[dim] != 1:
        raise NotCompiled("scatter of several elements has no compiled form")
    size = x.shape[dim]
    held = f.program.add_value("constant", size, "int64", tensor=torch.arange(size))
    here = f.program.whole(
        held, [size if d == dim % len(x.shape) else 1 for d in range(len(x.shape))]
    )
    return f.where(f.compare("eq", here, index), source, x)


@form("scatter_add")
def _scatter_add(f: Forms, x: View, dim: int, index: View, source: View) -> View:
    target, move = _along(_result_view(f, x), dim, index)
    add = source.to(index.shape, source.stride)
    return _scatter_form(f, x, target, add, [index], (move,))


@form("index_add")
def _index_add(f: Forms, x: View, dim: int, index: View, source: View, alpha: float = 1) -> View:
    indices: list[View | None] = [None] * len(x.shape)
    indices[dim] = index
    target, places, moves = _indexed(f, _result_view(f, x), indices)
    return _scatter_form(
        f, x, target, source if alpha == 1 else f.mul(source, alpha), places, moves
    )


@form("embedding_dense_backward")
def _embedding_backward(f: Forms, g: View, index: View, rows: int, padding: int, by: bool) -> View:
    if padding >= 0 or by:
        raise NotCompiled("an embedding with padding has no compiled form")
    blank = View(-1, (rows, g.shape[-1]), contiguous((rows, g.shape[-1])), 0, f.dtype)
    target, places, moves = _indexed(f, blank, [index])
    return _scattered(f, 0, blank.numel, g, target, places, moves)


@form("embedding")
def _embedding(f: Forms, weight: View, index: View, *_: Any) -> View:
    return _index(f, weight, [index])
