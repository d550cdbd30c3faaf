"""Runs of a program at many draws of its latent sites, in rows or one after the other."""

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from ..effects import Forward, Handler, Site
from ..errors import ModelError, ShapeError, listing, suggestion
from ..handlers import Trace, is_latent, trace
from ..plates import Subsample
from ..primitives import given_value
from ..values import validation, validation_enabled
from .rows import as_rows, log_prob_by_row, plate_depth, value_by_row

Program = Callable[..., Any]
ROWS = "_num_predictive_samples"


class given(Handler):
    """Fix sites as `condition` does, to values that may have dimensions of size 1 more or fewer.

    Args:
        values: site -> value.
        rows: batch dimension, negative, that the first dimension of every value belongs to.
    """

    def __init__(self, values: Mapping[str, Tensor], rows: int | None = None):
        self.values, self.rows = values, rows

    def handle(self, site: Site, forward: Forward) -> Site:
        """Give a site its value, in the shape of its distribution."""
        if site.kind != "sample" or site.name not in self.values:
            return forward(site)
        value = self._fitted(site, given_value(site, self.values[site.name], "condition"))
        return forward(site.replace(value=value, observed=True, set_by="condition"))

    def _fitted(self, site: Site, value: Tensor) -> Tensor:
        batch, event = getattr(site.fn, "batch_shape", ()), getattr(site.fn, "event_shape", ())
        if value.numel() == prod((*batch, *event)):
            return value.reshape((*batch, *event))
        if self.rows is None:  # another number of rows than the plate has: the program's business
            return value
        missing = len(event) - self.rows - value.dim()
        return value.reshape((len(value), *[1] * missing, *value.shape[1:]))


class Reruns:
    """A program, and what a first run of it, at the first draws, told about its shapes.

    Args:
        program, args, kwargs: what is run.
        num: number of runs.
        samples: site -> (num, ...), to run it at.
    """

    def __init__(
        self,
        program: Program,
        num: int,
        samples: Mapping[str, Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ):
        self.program, self.num, self.args, self.kwargs = program, num, args, kwargs
        self.first = self._at(_row(samples, 0))
        self.depth = plate_depth(self.first)

    def _at(self, values: Mapping[str, Tensor]) -> Trace:
        program = given(self.program, values=values) if values else self.program
        return trace(program).get_trace(*self.args, **self.kwargs)

    def in_turn(self, samples: Mapping[str, Tensor]) -> Iterator[Trace]:
        """A record for each draw; only the first is checked."""
        for row in range(self.num):
            with validation(validation_enabled() and row == 0):
                sites = self._at(_row(samples, row))
            yield sites

    def in_rows(self, samples: Mapping[str, Tensor]) -> Trace:
        """One record of all draws, which are rows of an outermost plate.

        Raises:
            ShapeError: rows meet each other, as a test with two of them shows.
        """
        try:
            if validation_enabled() and self.num > 1:
                self._check_two_rows({name: value[:2] for name, value in samples.items()})
            return self._rows(samples, self.num)
        except Exception as error:
            error.add_note(
                f"(parallel: all {self.num} draws are run at once, as rows of a plate in dimension "
                f"{-1 - self.depth}. A program that chooses by `if`, or has batch dimensions that "
                f"no plate declares, is run in turn: parallel=False.)"
            )
            raise

    def _rows(self, samples: Mapping[str, Tensor], num: int) -> Trace:
        dim = -1 - self.depth
        with given(values=samples, rows=dim):
            return trace(as_rows(self.program, ROWS, num, dim)).get_trace(*self.args, **self.kwargs)

    def _check_two_rows(self, samples: Mapping[str, Tensor]) -> None:
        """Of two rows, the second must be what a single run at its values is."""
        sites = self._rows(samples, 2)
        drawn = [site for site in sites.samples() if site.name in self.first]
        if any(isinstance(s.fn, Subsample) and s.fn.subsample_size < s.fn.size for s in drawn):
            return  # another run would choose other rows
        columns = {name: self.column(name, sites[name].value, 2) for name in self.stated()}
        values = {name: column[1] for name, column in columns.items() if not self._computed(name)}
        single = self._at(values)
        for name, column in columns.items():
            log_prob = log_prob_by_row(sites[name], 2, -1 - self.depth)[1]
            alone = single[name].log_prob_sum.double()
            if not (_close(column[1], single[name].value) and _close(log_prob, alone)):
                raise ShapeError(
                    f"site {name!r}: run as rows, a draw gets another value or log probability "
                    f"than in a run of its own: draws meet each other, as in a sum over all "
                    f"dimensions."
                )

    def _computed(self, name: str) -> bool:
        return bool(self.first[name].infer.get("_deterministic"))

    def check_names(self, samples: Mapping[str, Tensor]) -> None:
        """Every sample must be of a site; names that begin with an underscore are let pass.

        Raises:
            ModelError: the program has no such site.
        """
        names = self.stated()
        for name in samples:
            if name not in names and not name.startswith("_"):
                raise ModelError(
                    f"posterior_samples: the program has no sample site named {name!r}."
                    f"{suggestion(name, names)} Its sites: {listing(names)}."
                )

    def stated(self) -> list[str]:
        """Names of the sample sites, without rows that plates chose and without factors."""
        return [
            site.name
            for site in self.first.samples()
            if not isinstance(site.fn, Subsample)
            and not (site.observed and site.infer.get("is_auxiliary"))
        ]

    def wanted(self, names: Collection[str] | None, samples: Mapping[str, Tensor]) -> list[str]:
        """Names of the columns: all for None; what is no sample for an empty collection.

        Raises:
            ModelError: the program has no such site.
        """
        stated = self.stated()
        if names is None:
            return stated
        if not names:
            return [name for name in stated if name not in samples]
        for name in names:
            if name not in stated and name != "_RETURN":
                raise ModelError(
                    f"return_sites: the program has no sample site named {name!r}."
                    f"{suggestion(name, stated)} Its sites: {listing(stated)}, and _RETURN."
                )
        return list(names)

    def latent(self, in_rows: bool) -> dict[str, Tensor]:
        """Draws of the program's own latent sites, (num, ...) as a single run shapes them."""
        names = [site.name for site in self.first.samples() if is_latent(site)]
        if in_rows:
            sites = self.in_rows({})
            return {name: self.column(name, sites[name].value) for name in names}
        runs = list(self.in_turn({}))
        return {name: torch.stack([sites[name].value for sites in runs]) for name in names}

    def columns(self, sites: Trace, names: list[str]) -> dict[str, Any]:
        """Values of one record of rows, by name."""
        return {name: self._padded(name, self.column(name, sites[name].value)) for name in names}

    def column(self, name: str, value: Any, num: int | None = None) -> Any:
        """A value of the record of `num` rows, (num, ...), as a single run shapes it.

        Raises:
            ShapeError: it has no row for each draw.
        """
        if not isinstance(value, Tensor):
            return value
        try:
            return value_by_row(value, self.first[name].value.shape, num or self.num)
        except ShapeError as error:
            raise ShapeError(
                f"site {name!r}: with parallel=True, {error}. Declare every batch dimension by a "
                f"plate or .to_event, or use parallel=False."
            ) from error

    def stacked(self, runs: Iterator[Trace], names: list[str]) -> dict[str, Any]:
        """Values of many records, by name; a list where they are no tensors.

        Raises:
            ModelError: a run has no such site, or another shape of it.
        """
        found: dict[str, list[Any]] = {name: [] for name in names}
        for row, sites in enumerate(runs):
            for name in names:
                value = sites[name].value if name in sites else None
                first = self.first[name].value
                if getattr(value, "shape", None) != getattr(first, "shape", None):
                    raise ModelError(
                        f"run {row + 1} of the program has "
                        f"{'another shape of' if name in sites else 'no'} site {name!r}: there is "
                        f"no column of it. Name what every run has: return_sites=[...]."
                    )
                found[name].append(value)
        return {
            name: self._padded(name, torch.stack(values))
            if isinstance(values[0], Tensor)
            else values
            for name, values in found.items()
        }

    def _padded(self, name: str, column: Any) -> Any:
        """With a dimension of size 1 for each plate dimension that the site does not use."""
        site = self.first[name]
        if name == "_RETURN" or not isinstance(column, Tensor):
            return column
        missing = self.depth - len(getattr(site.fn, "batch_shape", ()))
        return column.reshape((len(column), *[1] * missing, *column.shape[1:]))


def _row(samples: Mapping[str, Tensor], row: int) -> dict[str, Tensor]:
    return {name: value[row] for name, value in samples.items()}


def number_of_draws(samples: Mapping[str, Tensor], num_samples: int | None) -> int:
    """How many draws there are: as many as the samples have, or as are asked for.

    Raises:
        ValueError: neither says, or the samples do not agree.
    """
    sizes = {name: len(value) if value.dim() else 0 for name, value in samples.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"posterior_samples: every site has as many draws, but there are {sizes}")
    own = next(iter(sizes.values()), None)
    if own is not None and num_samples not in (None, own):
        warnings.warn(
            f"Predictive: posterior_samples has {own} draws; num_samples={num_samples} is ignored",
            stacklevel=3,
        )
    number = num_samples if own is None else own
    if number is None:
        raise ValueError("Predictive: give posterior_samples, or num_samples to draw")
    if int(number) != number or number < 1:
        raise ValueError(f"Predictive: num_samples is a whole number >= 1, got {number!r}")
    return int(number)


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other.reshape(one.shape).to(one.dtype), 1e-3, 1e-3, equal_nan=True)
