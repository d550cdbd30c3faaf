"""What all autoguides share: a first look at the model, parameters with names, and plates.

A guide runs its model once, on its first call, to learn which latent sites there are; from then on
it never runs the model again. Its parameters are `param` statements under the guide's `prefix`
("AutoNormal.locs.weight"), so they live in the store in use, where `svi`, saving and loading find
them. The guide itself remembers only how each one starts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from ...distributions import constraints
from ...effects import Handler, suspended
from ...errors import GuideError, ParamError, listing, suggestion
from ...handlers import Trace, is_latent, replay, trace
from ...params import get_param_store
from ...plates import Frame, plate
from ...primitives import param
from ...values import validation_enabled
from .bounds import bounds, check_bounds_stay, near
from .initialization import InitMessenger, Strategy
from .latent import Latent, latent, row_plates

Model = Callable[..., Any]
Plates = Mapping[str, plate]


class First(NamedTuple):
    """How a parameter starts: a constrained value, all rows of it, and what it may become."""

    value: Tensor
    constraint: Any = constraints.real
    event_dim: int | None = None


class AutoGuide:
    """A guide made from its model.

    Args:
        model: the conditioned program; sites that a `block` hides are left to others.
        create_plates: called with the model's arguments, returns the plates (one or several) that
            the guide is to use instead of its own, e.g. to choose the rows of a subsample.
        init_loc_fn: where each latent site starts; None leaves it to the prior.

    Attributes:
        prefix: of the parameters' names; the class's name, unless you give another before the
            first call.
        prototype_trace: the latent sites of the model's first run; None before.

    A subclass gives `_first_values` and `_draw`, or overrides `forward` altogether. Parameters can
    be read as attributes: `guide.locs.weight` is the current value of "AutoNormal.locs.weight".
    """

    def __init__(
        self,
        model: Model,
        *,
        create_plates: Callable[..., Any] | None = None,
        init_loc_fn: Strategy | None = None,
    ):
        self.model: Any = model
        self.create_plates = create_plates
        self.init_loc_fn = init_loc_fn
        self.prefix = type(self).__name__
        self.prototype_trace: Trace | None = None
        self._latents: dict[str, Latent] = {}
        self._rows: dict[str, dict[str, Any]] = {}  # plate name -> its settings
        self._first: dict[str, First] = {}
        self._fixed: dict[str, Tensor] = {}

    # ---- as a program

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Draw every latent site; their constrained values by name.

        Raises:
            GuideError: the model has a site that this guide cannot draw.
            ParamError: the store holds a parameter of this name for another model.
        """
        self._look_at_model(args, kwargs)
        if validation_enabled():
            self._check_store()
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """One run: the statements of the guide."""
        return self._draw(self._create_plates(*args, **kwargs), *args, **kwargs)

    def _draw(self, plates: Plates, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The statements of the guide inside given plates."""
        raise TypeError(f"{type(self).__name__} is no guide by itself: use AutoNormal, AutoDelta")

    # ---- the first look

    def _look_at_model(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if self.prototype_trace is None:
            self._setup_prototype(*args, **kwargs)

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        """Run the model once, unheard by the handlers around the guide, and learn its sites."""
        if self.model is None:
            raise GuideError(
                f"this {type(self).__name__} was unpickled before its first call, and a pickled "
                f"guide does not carry its model. Set guide.model = model."
            )
        start = Handler() if self.init_loc_fn is None else InitMessenger(self.init_loc_fn)
        sites = self._run_model(start, args, kwargs)
        found = Trace({site.name: site for site in sites.samples() if is_latent(site)})
        self._learn(found)
        if any(bounds(latent.support) for latent in self._latents.values()):
            with torch.random.fork_rng(devices=[]):
                check_bounds_stay(found, self._run_model(near(found), args, kwargs))
        frames = {frame.name: frame for site in found.values() for frame in row_plates(site)}
        self._rows = {
            name: {
                "size": frames[name].full_size,
                "subsample_size": frames[name].size,
                "dim": frames[name].dim,
                "device": sites[name].fn.device if name in sites else None,
            }
            for name in sorted(frames)
        }
        self.prototype_trace = found

    def _run_model(self, start: Handler, args: Any, kwargs: Any) -> Trace:
        """The sites of one run of the model from starting values, unheard outside."""
        with torch.no_grad(), suspended(), start, trace() as sites:
            self.model(*args, **kwargs)
        return sites

    def _learn(self, sites: Trace) -> None:
        """Remember what is needed of the latent sites of the model's first run."""
        self._latents = {name: latent(site) for name, site in sites.items()}
        self._first = self._first_values()

    def _first_values(self) -> dict[str, First]:
        """How each parameter starts, by its name after the prefix."""
        return {}

    # ---- parameters

    def _param(self, name: str) -> Tensor:
        """A `param` statement; inside a subsampling plate, the chosen rows."""
        fixed = self._fixed.get(name)
        if fixed is not None:
            return fixed
        first = self._first[name]
        return param(f"{self.prefix}.{name}", first.value, first.constraint, first.event_dim)

    def _value(self, name: str) -> Tensor:
        """The current value of a parameter, all rows, no statement made."""
        if name in self._fixed:
            return self._fixed[name]
        store, full_name = get_param_store(), f"{self.prefix}.{name}"
        return store[full_name] if full_name in store else self._first[name].value

    def _check_store(self) -> None:
        store = get_param_store()
        for name, first in self._first.items():
            full_name = f"{self.prefix}.{name}"
            if full_name in store and store[full_name].shape != first.value.shape:
                raise ParamError(
                    f"parameter {full_name!r} has shape {tuple(store[full_name].shape)} in the "
                    f"store, but this guide needs {tuple(first.value.shape)}: it was left there by "
                    f"the guide of another model. Call clear_param_store(), work in a "
                    f"`with ParamStore():`, or give one of them a name of its own, guide.prefix = "
                    f'"..."'
                )

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Names and unconstrained leaves of the parameters that are in the store in use."""
        leaves = dict(get_param_store().named_parameters())
        for name in list(leaves):
            if name.startswith(f"{self.prefix}."):
                yield name, leaves[name]

    def parameters(self) -> Iterator[Tensor]:
        """Unconstrained leaves, for an optimiser of your own; call the guide once before."""
        return (leaf for _, leaf in self.named_parameters())

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let the parameters be learned, or freeze them."""
        for leaf in self.parameters():
            leaf.requires_grad_(requires_grad)
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "_first" not in self.__dict__:
            raise AttributeError(name)
        return getattr(Parameters(self, ""), name)

    # ---- plates

    def _create_plates(self, *args: Any, **kwargs: Any) -> dict[str, plate]:
        """The plates of one run, by name: yours, and for the rest plates like the model's."""
        plates: dict[str, plate] = {}
        if self.create_plates is not None:
            made = self.create_plates(*args, **kwargs)
            for own in [made] if isinstance(made, plate) else made:
                if not isinstance(own, plate):
                    raise GuideError(f"create_plates returns plates, but one of them is {own!r}")
                plates[own.name] = own
        for name, settings in self._rows.items():
            if name not in plates:
                plates[name] = plate(name, **settings)
            elif plates[name].dim is None:
                plates[name].dim = settings["dim"]
        return plates

    # ---- what it believes

    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Median of each latent site, all rows: name -> constrained value."""
        medians = self.quantiles([0.5], *args, **kwargs)
        return {name: value[0] for name, value in medians.items()}

    @torch.no_grad()
    def quantiles(
        self, quantiles: Iterable[float] | Tensor, *args: Any, **kwargs: Any
    ) -> dict[str, Tensor]:
        """Quantiles of each latent site under the guide.

        Args:
            quantiles: levels in [0, 1].
            args, kwargs: of the model; needed only before the guide's first call.

        Returns:
            Name -> constrained values, (number of levels,) + shape of the site, all rows.
        """
        self._look_at_model(args, kwargs)
        levels = torch.as_tensor(quantiles).reshape(-1)
        if not bool(((levels >= 0) & (levels <= 1)).all()):
            raise ValueError(f"quantiles: levels lie in [0, 1], got {levels.tolist()}")
        return self._quantiles(levels, *args, **kwargs)

    def _quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        raise GuideError(f"{type(self).__name__} has no quantiles: draw from it instead")

    def log_density(self, values: Mapping[str, Any], *args: Any, **kwargs: Any) -> Tensor:
        """Log density of the guide at a draw, in nats (scalar).

        A draw's own score is also `trace(guide).get_trace(*args).log_prob_sum()`.

        Args:
            values: site name -> constrained value for every latent site, as the guide returns
                them; under a subsampling plate also plate name -> the rows they belong to.
            args, kwargs: of the model.

        Raises:
            GuideError: a site has no value.
        """
        self._look_at_model(args, kwargs)
        drawn = self.prototype_trace or {}
        missing = [name for name in drawn if name not in values]
        if missing:
            raise GuideError(
                f"log_density: no value for site {missing[0]!r}. The guide draws: {listing(drawn)}."
            )
        with trace() as sites, replay(trace=self._as_drawn(values)):
            self(*args, **kwargs)
        return sites.log_prob_sum()

    def _as_drawn(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the guide's own sample statements that make it return `values`."""
        return dict(values)

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the model; parameters will start from their values of now."""
        first = {name: f._replace(value=self._now(name)) for name, f in self._first.items()}
        return {**self.__dict__, "model": None, "_first": first}

    def _now(self, name: str) -> Tensor:
        return self._value(name).detach().clone()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A guide of the same model; parameters will start from their values of now."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__getstate__())
        twin.model = self.model
        return twin

    def __repr__(self) -> str:
        drawn = "not called yet" if self.prototype_trace is None else listing(self.prototype_trace)
        return f"{self.prefix}({drawn})"


class Parameters:
    """Parameters of a guide whose names share a beginning, read as attributes or by name."""

    def __init__(self, guide: AutoGuide, path: str):
        self._guide, self._path = guide, path

    def __getitem__(self, name: str) -> Any:
        known, path = [*self._guide._first, *self._guide._fixed], self._path + name
        if path in known:
            return self._guide._value(path)
        if any(other.startswith(f"{path}.") for other in known):
            return Parameters(self._guide, f"{path}.")
        raise KeyError(
            f"{self._guide.prefix} has no parameter {path!r}.{suggestion(path, known)} Known: "
            f"{listing(known)}{'' if known else ' before the first call'}."
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __repr__(self) -> str:
        return f"Parameters({self._guide.prefix}.{self._path[:-1]})"


def inside(plates: Plates, frames: Iterable[Frame]) -> ExitStack:
    """Enter the plates around a latent site, for a `with` statement."""
    stack = ExitStack()
    for frame in frames:
        stack.enter_context(plates[frame.name])
    return stack
