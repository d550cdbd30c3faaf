"""Where a gradient sampler begins: a first run, checked in full, and a point of finite density."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..effects import Site
from ..errors import InferenceError, ModelError, PPLError, listing
from ..handlers import Trace, is_latent, trace
from ..values import validation
from .autoguide.initialization import InitMessenger, Strategy
from .space import Layout, Point, Values
from .target import Model, PlainTarget, ProgramTarget, Target, whole_data

TRIES = 100


@dataclass
class Start:
    """Finds a first point of finite density, and with it the layout of a program.

    Args:
        model: the program.
        strategy: from a latent site to a starting value.
        max_plate_nesting: batch dimensions that plates use, found by a run if not given.
        given: unconstrained values to start from, instead of the strategy's.
        quick: from a target and a position to a faster form of it, if there is one already.
    """

    model: Model
    strategy: Strategy
    max_plate_nesting: int | None = None
    given: Values | None = None
    quick: Callable[[PlainTarget, Tensor], Target | None] = lambda target, position: None
    complaint: str = field(default="", init=False)
    site: str = field(default="", init=False)

    def find(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Target, Point]:
        """The program's potential, and a point where it and its gradient are finite.

        Raises:
            InferenceError: none of 100 starting values had a finite density; the site that is to
                blame in the last of them is named.
            ModelError: the program has no continuous latent site, or uses random rows.
        """
        for _ in range(TRIES if self.given is None else 1):
            found = self._try(args, kwargs)
            if found is not None:
                return found
        if self.given is not None:
            first = "the density at initial_params is not finite"
        else:
            first = f"no finite density at any of {TRIES} starting values"
        raise InferenceError(
            f"{first}: {self.complaint}. Start elsewhere, init_strategy=init_to_value(values=...), "
            f"or see whether the data can have come from the model at all.",
            step=0,
            site=self.site,
            cause=self.complaint,
        )

    def _try(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Target, Point] | None:
        found = self._first_run(args, kwargs)
        if found is None:
            return None
        sites, values = found
        layout = self._layout(sites, values)
        position = layout.join(values if self.given is None else self.given)
        plain = ProgramTarget(self.model, layout, args, kwargs)
        target = self.quick(plain, position) or plain
        point = target.at(position)
        if point.is_finite:
            return target, point.detached()
        self.site, self.complaint = target.blame(point)
        return None

    def _first_run(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Trace, dict[str, Tensor]] | None:
        """The sites of a checked run, and its unconstrained values; None if a check failed."""
        sites, run = Trace(), whole_data(values={})
        try:
            with (
                torch.no_grad(),
                validation(True),
                trace() as sites,
                InitMessenger(_continuous_only(self.strategy)),
                run,
            ):
                self.model(*args, **kwargs)
        except ValueError as error:
            if isinstance(error, PPLError):
                raise
            self.site, self.complaint = _first_odd(sites), str(error).splitlines()[0].rstrip(":.")
            if self.site:
                value = sites[self.site].value
                self.complaint = f"site {self.site!r} began at {value}; then: {self.complaint}"
            return None
        if not run.values:
            raise ModelError(
                f"the program has no continuous latent site to sample. Its sites: {listing(sites)}."
            )
        return sites, run.values

    def _layout(self, sites: Trace, values: Values) -> Layout:
        shapes = {name: value.shape for name, value in values.items()}
        discrete = [s for s in sites.samples() if is_latent(s) and s.name not in values]
        discrete = [s for s in discrete if s.set_by == "init"]
        for site in discrete:
            if not getattr(site.fn, "has_enumerate_support", False):
                raise ModelError(
                    f"site {site.name!r}{site.where and ' at ' + site.where} is discrete "
                    f"({type(site.fn).__name__}) and has no finite list of outcomes to sum over: "
                    f"a gradient sampler cannot move it. Sum it out by hand, or use a sampler that "
                    f"proposes its values."
                )
        if not discrete:
            return Layout(shapes)
        nesting = self.max_plate_nesting
        if nesting is None:
            nesting = max((-f.dim for s in sites.samples() for f in s.plates if f.dim), default=0)
        return Layout(shapes, -1 - nesting)


def _first_odd(sites: Trace) -> str:
    """The first site whose value is not finite; "" if there is none."""
    for site in sites.samples():
        if not bool(torch.isfinite(torch.as_tensor(site.value)).all()):
            return site.name
    return ""


def _continuous_only(strategy: Strategy) -> Strategy:
    def start(site: Site) -> Any:
        return site.fn.sample() if site.fn.support.is_discrete else strategy(site)

    return start
