"""The statements of a probabilistic program: sample, param, deterministic, factor, plate.

Each builds a `Site` and sends it through the handlers. What a statement does when no handler
answers
is written here too: a `sample` is drawn, a `param` is looked up in the current store.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Size, Tensor

from .distributions import (
    Delta,
    Distribution,
    Unit,
    constraints,
    draws_from_noise,
)
from .effects import Forward, Handled, Handler, Site, emit, meaning
from .errors import ModelError, ShapeError
from .params import get_param_store
from .values import as_real, as_value, validation_enabled

_NO_WISHES: Mapping[str, Any] = {}


def sample(
    name: str,
    fn: Any,
    *args: Any,
    obs: Any = None,
    obs_mask: Tensor | None = None,
    infer: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw a named value, or score the one that was observed.

    Args:
        name: unique within one run of the program.
        fn: a distribution, or a function whose draw is called with the remaining arguments.
        obs: the observed value, a number, array or tensor of shape batch_shape + event_shape.
        obs_mask: where `obs` is known (booleans, batch_shape); elsewhere the value is drawn, at the
            site `name_unobserved`.
        infer: wishes to the inference algorithm, such as `{"enumerate": "parallel"}`.

    Returns:
        The value, batch_shape + event_shape of `fn`.

    Raises:
        ModelError: `fn` is not a distribution, or the name is not a text.

    >>> from ppl_core.distributions import Normal
    >>> sample("weight", Normal(8.5, 1.0), obs=9.5)
    tensor(9.5000)
    """
    if obs_mask is not None:
        return _partly_observed(name, fn, obs, as_value(obs_mask), infer)
    site = Site("sample", name, fn, infer=infer or _NO_WISHES)
    if args or kwargs:
        site = site.replace(fn=fn(*args, **kwargs))
    if validation_enabled():
        site = _checked(site)
    if obs is not None:
        site = site.replace(value=given_value(site, obs, "obs"), observed=True, set_by="obs")
    site = emit(site)
    return site.value if site.intervened is None else site.intervened


def _partly_observed(
    name: str, fn: Any, obs: Any, known: Tensor, infer: Mapping[str, Any] | None
) -> Tensor:
    """Two sites of one distribution, each counted in its own rows, and what they make together."""
    if obs is None:
        raise ModelError(
            f"sample site {name!r}: obs_mask says where obs is known, but obs is missing"
        )
    wishes = infer or _NO_WISHES
    seen = Site("sample", f"{name}_observed", fn, mask=known, infer=wishes)
    seen = emit(seen.replace(value=given_value(seen, obs, "obs"), observed=True, set_by="obs"))
    drawn = emit(Site("sample", f"{name}_unobserved", fn, mask=~known, infer=wishes))
    chosen = known.reshape(known.shape + (1,) * len(fn.event_shape))
    value = torch.where(chosen, seen.value, drawn.value)
    return deterministic(name, value, event_dim=len(fn.event_shape))


def param(
    name: str,
    init: Any = None,
    constraint: Any = constraints.real,
    event_dim: int | None = None,
) -> Tensor:
    """A learnable value: made from `init` at its first statement, remembered ever after.

    Args:
        name: key in the parameter store.
        init: a number, array or tensor, or a function that returns one; used once.
        constraint: where the value may live, e.g. `constraints.positive`.
        event_dim: rightmost dimensions that a subsampling plate leaves whole; default all.

    Returns:
        The constrained value, attached to its unconstrained leaf for gradients.

    Raises:
        ParamError: no value yet and no usable `init`.
    """
    where = _where() if validation_enabled() else ""
    return emit(
        Site("param", name, init, constraint=constraint, event_dim=event_dim, where=where)
    ).value


def deterministic(name: str, value: Any, event_dim: int | None = None) -> Tensor:
    """Record a computed value under a name; it adds nothing to the log joint.

    Args:
        name: unique within one run.
        value: number, array or tensor; its rightmost `event_dim` dimensions (default all) are one
            outcome.
    """
    value = as_value(value)
    dims = value.dim() if event_dim is None else event_dim
    fn = Delta(value, event_dim=dims).mask(False)
    return sample(name, fn, obs=value, infer={"_deterministic": True})


def factor(name: str, log_factor: Any, *, has_rsample: bool | None = None) -> None:
    """Add a log factor in nats, batch_shape, to the log joint."""
    unit = Unit(log_factor, has_rsample=has_rsample)
    sample(name, unit, obs=unit.sample(), infer={"is_auxiliary": True})


def subsample(data: Tensor, event_dim: int) -> Tensor:
    """The rows of `data` that the plates around this statement have chosen.

    Args:
        data: plate sizes + event dimensions.
        event_dim: number of rightmost dimensions that no plate touches.
    """
    return emit(Site("subsample", "", data, value=data, event_dim=event_dim)).value


@meaning("sample")
def _draw(site: Site) -> Site:
    if site.value is not None:
        return site
    fn = site.fn
    if draws_from_noise(fn):
        noise = fn.standard_noise()
        return site.replace(value=fn.from_noise(noise), noise=noise)
    if getattr(fn, "has_rsample", False):
        return site.replace(value=fn.rsample())
    return site.replace(value=fn() if callable(fn) else fn.sample())


@meaning("param")
def _look_up(site: Site) -> Site:
    if site.value is not None:
        return site
    value = get_param_store().setdefault(site.name, site.fn, site.constraint, site.where)
    return site.replace(value=value)


@meaning("subsample")
def _hand_back(site: Site) -> Site:
    return site


def data_for(fn: Any, value: Any) -> Tensor:
    """A value given from outside, as a tensor that a site of distribution `fn` can score.

    Whole numbers and truth values become real for a real-valued site, and for a Bernoulli one.
    """
    value = as_value(value)
    if value.is_floating_point() or value.is_complex():
        return value
    support: Any = getattr(fn, "support", constraints.real)
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    whole = support.is_discrete and support is not constraints.boolean
    return value if whole else as_real(value)


def given_value(site: Site, value: Any, giver: str) -> Tensor:
    """`data_for` a site; an error names the site and who gave the value.

    Raises:
        ModelError: the value is no number, array or tensor.
    """
    try:
        return data_for(site.fn, value)
    except (TypeError, ValueError, RuntimeError) as error:
        at = f" at {site.where}" if site.where else ""
        raise ModelError(
            f"{giver}: the value for site {site.name!r}{at} must be a number, array or tensor, "
            f"got {value!r}"
        ) from error


def _checked(site: Site) -> Site:
    where = _where()
    if not isinstance(site.name, str):
        raise ModelError(
            f"sample at {where}: the first argument is the site's name, a text, got {site.name!r}"
        )
    if isinstance(site.fn, type):
        raise ModelError(
            f"sample site {site.name!r} at {where}: {site.fn.__name__} is a class; give it its "
            f"parameters, as in sample({site.name!r}, dist.{site.fn.__name__}(...))"
        )
    if not hasattr(site.fn, "log_prob"):
        raise ModelError(
            f"sample site {site.name!r} at {where}: a distribution is needed, such as "
            f"dist.Normal(0., 1.), got {type(site.fn).__name__} {site.fn!r}"
        )
    return site.replace(where=where)


def _where() -> str:
    """file:line of the statement that is being made, outside this package."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}"


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
            return torch.arange(self.size, device=self.device)
        return torch.randperm(self.size, device=self.device)[: self.subsample_size]

    def log_prob(self, value: Tensor) -> Tensor:
        """Zero: the plate's scale already accounts for the choice."""
        return torch.zeros(())


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

    Entering returns the indices of the rows, (subsample_size,).

    Raises:
        ShapeError: a site inside has another size along the plate's dimension, or the dimension is
            taken.
        ModelError: the plate is inside another one of its name.
    """

    def __new__(cls, *settings: Any, **named: Any) -> Any:
        return object.__new__(cls)

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
        if indices is None:
            count = size if subsample_size is None else subsample_size
            indices = emit(Site("sample", name, Subsample(size, count, device))).value
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
            site = site.replace(plates=(*site.plates, self.frame))
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
