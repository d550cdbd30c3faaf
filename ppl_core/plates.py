"""Repetition in a program: plate for independent rows, markov for turns that remember the last few.

Both are handlers around statements: a plate gives each site its rows along a batch dimension, and a
subsample the weight of the whole; a markov loop tells each site which turn it belongs to.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Size, Tensor

from .distributions import Distribution, constraints
from .effects import Forward, Handled, Handler, Site, emit, meaning
from .errors import ModelError, ShapeError
from .values import as_value

_FEW = 20  # a subsample is small if so many of it would fit into the whole


class Subsample(Distribution):
    """Rows chosen at random, without replacement; the value is a tensor of indices.

    Args:
        size: number of rows.
        subsample_size: number chosen.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}  # pyright: ignore

    def __init__(self, size: int, subsample_size: int, device: Any = None):
        self.size, self.subsample_size, self.device = size, subsample_size, device
        super().__init__(validate_args=False)

    @property
    def support(self) -> Any:
        """Row numbers."""
        return constraints.nonnegative_integer

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """Indices, (subsample_size,), in order when none is left out."""
        if self.subsample_size == self.size:
            return _all_rows(self.size, self.device)
        if _FEW * self.subsample_size < self.size:
            return torch.tensor(self._few(), device=self.device)
        return torch.randperm(self.size, device=self.device)[: self.subsample_size]

    def _few(self) -> list[int]:
        """Rows drawn one by one, repeats left out: cheaper than shuffling many for a few."""
        rows: dict[int, None] = {}
        while len(rows) < self.subsample_size:
            missing = self.subsample_size - len(rows)
            rows |= dict.fromkeys(torch.randint(self.size, (missing,)).tolist())
        return list(rows)

    def log_prob(self, value: Tensor) -> Tensor:
        """Zero: the plate's scale already accounts for the choice."""
        return torch.zeros(())


@lru_cache(maxsize=8)
def _all_rows(size: int, device: Any) -> Tensor:
    """Every row number; one tensor for all who ask, so never changed in place."""
    return torch.arange(size, device=device)


class Frame(NamedTuple):
    """What a plate tells each site inside it."""

    name: str
    dim: int | None  # negative batch dimension; None in a loop
    size: int  # rows in this run
    full_size: int
    counter: int | None = None  # turn of the loop

    @property
    def vectorized(self) -> bool:
        """Whether the rows are a dimension rather than turns of a loop."""
        return self.dim is not None


class _Plates(threading.local):
    def __init__(self) -> None:
        self.dims: dict[int, str] = {}  # dimension -> plate that holds it, in this thread
        self.names: list[str] = []


_plates = _Plates()


def _plate_size(name: str, size: Any, subsample_size: int | None, indices: Tensor | None) -> int:
    """The number of rows, once everything that is said about it fits."""
    if size is None:
        if indices is None:
            raise ModelError(f"plate {name!r}: give a size, such as plate({name!r}, 10)")
        return len(indices)
    if int(size) != size or size < 0:
        raise ModelError(f"plate {name!r}: the size is a whole number, got {size!r}")
    size = int(size)
    if indices is None:
        if subsample_size is not None and not 0 < subsample_size <= size:
            raise ModelError(f"plate {name!r}: cannot choose {subsample_size} of {size} rows")
        return size
    if subsample_size not in (None, len(indices)):
        raise ModelError(
            f"plate {name!r}: subsample_size={subsample_size}, but {len(indices)} indices"
        )
    low, high = (int(indices.min()), int(indices.max())) if len(indices) else (0, -1)
    if low < 0 or high >= size:
        raise ModelError(
            f"plate {name!r}: its {size} rows are 0 to {size - 1}, but the indices run from {low} "
            f"to {high}"
        )
    return size


class plate(Handler):
    """Independent rows: `with plate("data", 10):` for all at once, `for i in plate(...):` in turn.

    Inside `with`, every site gets `size` rows along a batch dimension, and the log probability of a
    subsample counts as much as the whole would: it is scaled by size / subsample_size.

    Args:
        name: of the plate.
        size: number of rows.
        subsample_size: rows to use in this run, chosen at random without replacement.
        subsample: the rows to use, as indices.
        dim: negative batch dimension; the rightmost free one by default.
        device: of the indices.

    Entering returns the indices of the rows, (subsample_size,). They are chosen where the plate is
    made, by a `sample` site of its name: a plate belongs to one run.

    Raises:
        ShapeError: a site inside has another size along the plate's dimension, or the dimension is
            taken.
        ModelError: the plate is inside another one of its name.
    """

    def __new__(cls, *settings: Any, **named: Any) -> Any:
        return object.__new__(cls)  # the first argument is a name, not a program to wrap

    def __init__(
        self,
        name: str,
        size: int | None = None,
        subsample_size: int | None = None,
        subsample: Any = None,
        dim: int | None = None,
        device: Any = None,
    ):
        indices = None if subsample is None else as_value(subsample)
        size = _plate_size(name, size, subsample_size, indices)
        if dim is not None and dim >= 0:
            raise ShapeError(
                f"plate {name!r}: dim counts from the right and is negative, got {dim}; "
                f"the rightmost batch dimension is dim=-1"
            )
        count = subsample_size or size
        choice = Site("sample", name, Subsample(size, count, device), value=indices)
        indices = emit(choice).value
        self.name, self.size, self.dim = name, size, dim
        self.indices, self.subsample_size = indices, len(indices)
        self.scale = size / len(indices) if len(indices) else 1.0
        self.frame = Frame(name, dim, self.subsample_size, size)

    def __enter__(self) -> Tensor:
        if self.name in _plates.names:
            raise ModelError(
                f"plate {self.name!r} is inside another plate of that name. Two plates of one run "
                f"need two names."
            )
        dim = self.dim
        if dim is None:
            dim = -1
            while dim in _plates.dims:
                dim -= 1
        elif dim in _plates.dims:
            raise ShapeError(
                f"plate {self.name!r}: dim {dim} belongs to plate {_plates.dims[dim]!r} around it. "
                f"Give another dim, or none to get the next free one."
            )
        _plates.dims[dim] = self.name
        _plates.names.append(self.name)
        self.frame = Frame(self.name, dim, self.subsample_size, self.size)
        super().__enter__()
        return self.indices

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        _plates.names.pop()
        del _plates.dims[self.frame.dim]  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        for counter, index in enumerate(self.indices.tolist()):
            self.frame = Frame(self.name, None, self.subsample_size, self.size, counter)
            Handler.__enter__(self)
            try:
                yield index
            finally:
                Handler.__exit__(self)

    def handle(self, site: Site, forward: Forward) -> Site:
        """Give a site its rows and its weight; give a parameter or data the chosen rows."""
        if isinstance(site.fn, Subsample):
            return forward(site)  # the rows of another plate are chosen once for all of ours
        if site.kind == "sample":
            if self.scale != 1.0:
                site = site.replace(scale=site.scale * self.scale)
            site = site.replace(plates=(self.frame, *site.plates))
            return forward(self._with_rows(site) if self.frame.vectorized else site)
        site = forward(site)
        if site.event_dim is None or not self.frame.vectorized or self.subsample_size == self.size:
            return site
        return site.replace(value=self._chosen_rows(site))

    def _with_rows(self, site: Site) -> Site:
        fn, dim, size = site.fn, self.frame.dim, self.frame.size
        shape = getattr(fn, "batch_shape", None)
        if shape is None or dim is None:
            return site
        here = shape[dim] if len(shape) >= -dim else 1
        if len(shape) >= -dim and here == size:
            return site
        if here != 1:
            raise ShapeError(
                f"site {site.name!r}{site.where and ' at ' + site.where}: inside plate "
                f"{self.name!r} its batch dimension {dim} must have {size} rows (or 1), but the "
                f"distribution has batch_shape {tuple(shape)}. Either the plate's size is wrong, "
                f"or dimension {dim} is part of one outcome: declare it with .to_event({-dim})."
            )
        rows = [1] * max(0, -dim - len(shape)) + list(shape)
        rows[dim] = size
        return site.replace(fn=fn.expand(Size(rows)))

    def _chosen_rows(self, site: Site) -> Tensor:
        value, dim = site.value, self.frame.dim - site.event_dim  # type: ignore[operator]
        rows = value.shape[dim] if value.dim() >= -dim else 1
        if rows in (1, self.subsample_size) and rows != self.size:
            return value
        if rows != self.size:
            what = f"param {site.name!r}" if site.kind == "param" else "subsample's data"
            raise ShapeError(
                f"{what}: dimension {dim} must have the {self.size} rows of plate {self.name!r}, "
                f"but its shape is {tuple(value.shape)} with event_dim={site.event_dim}"
            )
        return value.index_select(dim, self.indices)


def subsample(data: Tensor, event_dim: int) -> Tensor:
    """The rows of `data` that the plates around this statement have chosen.

    Args:
        data: plate sizes + event dimensions.
        event_dim: number of rightmost dimensions that no plate touches.
    """
    return emit(Site("subsample", "", data, value=data, event_dim=event_dim)).value


@meaning("subsample")
def _hand_back(site: Site) -> Site:
    return site


@contextmanager
def plate_stack(prefix: str, sizes: Iterable[int], rightmost_dim: int = -1) -> Generator[None]:
    """Plates around each other, one for each size: a batch shape in one statement (Pyro's name).

    Args:
        prefix: the plates are called `prefix_0`, `prefix_1`, ..., from the left.
        sizes: rows of each, the rightmost last.
        rightmost_dim: the batch dimension of the last one.
    """
    sizes = list(sizes)
    with ExitStack() as stack:
        for place, size in enumerate(sizes):
            dim = rightmost_dim + 1 + place - len(sizes)
            stack.enter_context(plate(f"{prefix}_{place}", size, dim=dim))
        yield


class Turn(NamedTuple):
    """One turn of a markov loop."""

    loop: int
    step: int
    history: int


class markov(Handler):
    """Turns whose sites depend on the last few turns only: `for t in markov(range(100)):`.

    Enumeration then works turn by turn, in time linear in their number. Also a context manager
    around one turn, and a decorator of a function that is one turn.

    Args:
        turns: what to iterate over, or a function to decorate.
        history: how many turns back a site may depend on.
    """

    def __new__(cls, turns: Any = None, history: int = 1, keep: bool = False) -> Any:
        new = object.__new__(cls)
        if not callable(turns):
            return new
        new.__init__(None, history, keep)
        return Handled(new, turns)

    def __init__(self, turns: Iterable[Any] | None = None, history: int = 1, keep: bool = False):
        if history < 0:
            raise ModelError(f"markov: history is a whole number >= 0, got {history!r}")
        self.turns, self.history, self.keep = turns, history, keep
        self.turn = [0]  # shared by the copies of a decorated function

    def __enter__(self) -> Self:
        self.frame = Turn(id(self.turn), self.turn[0], self.history)
        self.turn[0] += 1
        return super().__enter__()

    def __call__(self, fn: Callable[..., Any]) -> Handled:
        return Handled(self, fn)

    def __iter__(self) -> Iterator[Any]:
        if self.turns is None:
            raise ModelError("markov: nothing to iterate over; write markov(range(n))")
        for turn in self.turns:
            with self:
                yield turn

    def handle(self, site: Site, forward: Forward) -> Site:
        """Tell the site which turn it belongs to."""
        return forward(site.replace(scopes=(*site.scopes, self.frame)))
