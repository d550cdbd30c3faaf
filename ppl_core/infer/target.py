"""What gradient samplers walk on: a program's log joint over one vector of unconstrained numbers.

The first run of a program is checked in full and finds its latent sites; each later run only adds
up log probabilities as the statements come by, and keeps no record. Discrete sites with a list of
outcomes are summed out.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from ..density import unconstrained
from ..effects import Forward, Site
from ..errors import ModelError, listing
from ..handlers import is_latent, log_prob_of, trace
from ..plates import Subsample
from ..values import validation
from .elbo.enum import model_terms
from .enumeration import config_enumerate, enum
from .space import Layout, Point, Values

Model = Callable[..., Any]


class Target(ABC):
    """A potential energy over vectors, made for some arguments.

    Args:
        layout: where each site lies in a vector.
        args, kwargs: what it was made for.
    """

    def __init__(self, layout: Layout, args: tuple[Any, ...] = (), kwargs: Any = None):
        self.layout, self.args, self.kwargs = layout, args, dict(kwargs or {})

    @abstractmethod
    def energy(self, values: Values) -> tuple[Tensor, Values]:
        """Potential in nats (scalar) of unconstrained values, and the values on their supports."""

    def at(self, position: Tensor) -> Point:
        """Potential, gradient and values at a position, (d,); no values where it has none."""
        layout = self.layout
        leaves = [
            part.view(shape).requires_grad_()
            for part, shape in zip(
                position.detach().split(layout.sizes), layout.shapes.values(), strict=True
            )
        ]
        try:
            with torch.enable_grad():
                energy, values = self.energy(dict(zip(layout.shapes, leaves, strict=True)))
        except torch.linalg.LinAlgError:  # type: ignore  # a matrix without a factor: no density
            return Point(position, math.inf, torch.full_like(position, math.nan), {})
        grads = torch.autograd.grad(energy, leaves, materialize_grads=True)
        gradient = torch.cat([grad.reshape(-1) for grad in grads])
        return Point(position, energy.item(), gradient, values)

    def constrain(self, positions: Tensor) -> dict[str, Tensor]:
        """The sites' values at one position, (d,), or at several, (..., d)."""
        if positions.dim() == 1:
            with torch.no_grad():
                return dict(self.energy(self.layout.split(positions))[1])
        rows = [self.constrain(position) for position in positions.reshape(-1, positions.shape[-1])]
        shape = positions.shape[:-1]
        return {
            name: torch.stack([row[name] for row in rows]).reshape(shape + rows[0][name].shape)
            for name in rows[0]
        }

    def is_for(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether it was made for these very arguments."""
        return (
            len(self.args) == len(args)
            and self.kwargs.keys() == kwargs.keys()
            and all(map(_is_same, self.args, args))
            and all(_is_same(self.kwargs[name], value) for name, value in kwargs.items())
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without program and arguments: a run in another process has them itself."""
        return {"layout": self.layout, "args": (_Elsewhere(),), "kwargs": {}}

    def blame(self, point: Point) -> tuple[str, str]:
        """The site where a density or its gradient stops being finite, and what is wrong there."""
        if math.isfinite(point.potential):
            for name, part in self.layout.split(point.gradient).items():
                if not bool(part.isfinite().all()):
                    value = _shown(point.values[name])
                    return name, f"the gradient of site {name!r} is not finite at {value}"
        for name, value in point.values.items():
            if not bool(value.isfinite().all()):
                return name, f"site {name!r} has the value {_shown(value)}"
        return "", f"the potential is {point.potential}"


class _Elsewhere:
    """Stands for arguments that stayed in another process: no others are the same."""


def _is_same(first: Any, second: Any) -> bool:
    plain = isinstance(first, int | float | str) and type(first) is type(second)
    return first is second or (plain and first == second)


def _shown(value: Tensor) -> str:
    if value.numel() == 1:
        return f"{value.item():g}"
    flat = value.detach().flatten()
    bad = flat[~flat.isfinite()]
    return f"a value of shape {tuple(value.shape)}" + (f" with {bad[0].item()}" if len(bad) else "")


class PlainTarget(Target):
    """A potential that Python computes, and that can be recorded to be compiled."""

    @abstractmethod
    def on(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "PlainTarget":
        """The same for other arguments."""

    @property
    @abstractmethod
    def essence(self) -> tuple[Any, ...]:
        """What it is made of, apart from layout and arguments."""


class FunctionTarget(PlainTarget):
    """A potential that is given as a function.

    Args:
        potential_fn: from unconstrained values by site to nats (scalar).
        transforms: site name -> transform from its support to unconstrained values.
        layout: where each site lies in a vector.
        args, kwargs: not used by the function.
    """

    def __init__(
        self,
        potential_fn: Callable[[Values], Tensor],
        transforms: Mapping[str, Any],
        layout: Layout,
        args: tuple[Any, ...] = (),
        kwargs: Any = None,
    ):
        super().__init__(layout, args, kwargs)
        self.potential_fn, self.transforms = potential_fn, transforms

    def on(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> PlainTarget:
        """The same: its arguments are not used."""
        return FunctionTarget(self.potential_fn, self.transforms, self.layout, args, kwargs)

    @property
    def essence(self) -> tuple[Any, ...]:
        """Function and transforms."""
        return self.potential_fn, dict(self.transforms)

    def energy(self, values: Values) -> tuple[Tensor, Values]:
        """The function itself."""
        seen = dict(values)
        for name, transform in self.transforms.items():
            seen[name] = transform.inv(values[name])
        return self.potential_fn(values), seen


class ProgramTarget(PlainTarget):
    """The potential of a program: minus its log joint, volume change included.

    Args:
        model: the conditioned program.
        layout: where each site lies in a vector.
        args, kwargs: of the program.
    """

    def __init__(
        self, model: Model, layout: Layout, args: tuple[Any, ...] = (), kwargs: Any = None
    ):
        super().__init__(layout, args, kwargs)
        self.model, self._enumerating = model, config_enumerate(model)

    def on(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> PlainTarget:
        """The potential of the program for other arguments."""
        return ProgramTarget(self.model, self.layout, args, kwargs)

    @property
    def essence(self) -> tuple[Any, ...]:
        """The program."""
        return (self.model,)

    def energy(self, values: Values) -> tuple[Tensor, Values]:
        """One run of the program, in which discrete sites take all their values at once."""
        with validation(False):
            if self.layout.enumerated is not None:
                return self._summed_out(values)
            with _scored(values=values) as run:
                self.model(*self.args, **self.kwargs)
            self._check_sites(run.constrained)
            return -torch.stack(run.terms).sum(), run.constrained

    def _summed_out(self, values: Values) -> tuple[Tensor, Values]:
        first_dim = self.layout.enumerated
        assert first_dim is not None
        with trace() as sites, unconstrained(values=values) as run, enum(first_dim=first_dim):
            self._enumerating(*self.args, **self.kwargs)
        self._check_sites(run.constrained)
        total = torch.stack([term.tensor.sum() for term in model_terms(sites)]).sum()
        return -(total + run.log_volume), run.constrained

    def _check_sites(self, values: Values) -> None:
        known = self.layout.shapes
        if values.keys() == known.keys():
            return
        odd = next(iter(values.keys() ^ known.keys()))
        which = "new" if odd in values else "missing"
        raise ModelError(
            f"site {odd!r} is {which} in this run: a gradient sampler walks in a space of fixed "
            f"dimension, so a program must draw the same latent sites in every run. Those of the "
            f"first: {listing(known)}."
        )

    def blame(self, point: Point) -> tuple[str, str]:
        """As of any target; else the first site whose log probability is not finite."""
        site, cause = super().blame(point)
        if site:
            return site, cause
        values = self.layout.split(point.position)
        with torch.no_grad(), validation(False), trace() as sites, whole_data(values=values):
            self.model(*self.args, **self.kwargs)
        for each in sites.samples():
            total = log_prob_of(each).sum().item()
            if not math.isfinite(total):
                return each.name, (
                    f"the log probability of site {each.name!r} is {total} at "
                    f"{_shown(each.value)} under {each.fn}"
                )
        return site, cause


class _scored(unconstrained):
    """Runs a program at unconstrained values and adds up its log joint: nothing else is kept."""

    def __enter__(self) -> Self:
        self.terms: list[Tensor] = []
        return super().__enter__()

    def handle(self, site: Site, forward: Forward) -> Site:
        """Settle the site and add its log probability."""
        site = super().handle(site, forward)
        computed = site.kind != "sample" or isinstance(site.fn, Subsample)
        if not (computed or site.infer.get("_deterministic")):
            log_prob = site.log_prob
            self.count(log_prob.sum() if log_prob.dim() else log_prob)
        return site

    def count(self, log_volume: Tensor) -> None:
        """Keep a scalar term in nats, of the volume or of the log joint."""
        self.terms.append(log_volume)


class whole_data(unconstrained):
    """The first run: continuous sites are noted, and plates must not choose rows at random."""

    def handle(self, site: Site, forward: Forward) -> Site:
        """Let discrete sites be drawn.

        Raises:
            ModelError: a plate chooses some of its rows.
        """
        if isinstance(site.fn, Subsample):
            if site.value is None and site.fn.subsample_size < site.fn.size:
                raise ModelError(
                    f"plate {site.name!r} chooses {site.fn.subsample_size} of {site.fn.size} rows "
                    f"anew in each run: a Markov chain needs one and the same density. Leave "
                    f"subsample_size out, or fix the rows with subsample=."
                )
            return forward(site)
        if site.kind == "sample" and is_latent(site) and site.fn.support.is_discrete:
            return forward(site)
        return super().handle(site, forward)
