"""What a first run of a program shows: its sites, and the single numbers in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppl_core.effects import Forward, Handler, Site
from ppl_core.errors import ModelError
from ppl_core.handlers import Trace, is_latent, trace
from ppl_core.infer import init_to_sample, init_to_uniform
from ppl_core.infer.autoguide.initialization import InitMessenger
from ppl_core.plates import Subsample
from ppl_core.values import validation

from ..scenarios import Columns
from ..text import say
from .guard import limited

EACH = 12
"""Entries of one site that can be looked at."""
ALL = 60
"""Entries of all sites together."""


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One number of a site.

    Attributes:
        name: `weight`, or `theta[3]` of a site with entries.
        site: whose number it is.
        index: where in the site's value.
        discrete: whether it is a whole number.
    """

    name: str
    site: str
    index: tuple[int, ...] = ()
    discrete: bool = False

    def of(self, values: Mapping[str, Tensor]) -> np.ndarray:
        """Its column out of draws of all sites, each (draws, ...)."""
        return values[self.site][(slice(None), *self.index)].detach().double().numpy()

    def entry(self, table: Tensor) -> Tensor:
        """Its part of a table whose last dimensions are the site's."""
        return table[(..., *self.index)]


@dataclass(frozen=True)
class Sites:
    """What a run shows.

    Attributes:
        latent: sites to be inferred, by name.
        observed: sites that hold data, by name.
        params: names of the model's own parameters.
        coordinates: single numbers of the latent sites, the first few of each.
        subsampled: whether a plate chooses some of its rows.
        depth: batch dimensions that plates use.
    """

    latent: Mapping[str, Site]
    observed: Mapping[str, Site]
    params: tuple[str, ...]
    coordinates: tuple[Coordinate, ...]
    subsampled: bool
    depth: int

    @property
    def discrete(self) -> list[str]:
        """Names of the latent sites with whole outcomes."""
        return [name for name, site in self.latent.items() if site.fn.support.is_discrete]

    @property
    def continuous(self) -> list[str]:
        """Names of the other latent sites."""
        return [name for name in self.latent if name not in self.discrete]

    def coordinate(self, name: str) -> Coordinate:
        """The coordinate of this name."""
        return next(each for each in self.coordinates if each.name == name)

    def columns(self, values: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Draws of whole sites as columns of single numbers, as far as there are draws."""
        fitted = {n: self._fitted(n, v) for n, v in values.items() if n in self.latent}
        return {c.name: c.of(fitted) for c in self.coordinates if c.site in fitted}

    def _fitted(self, name: str, draws: Tensor) -> Tensor:
        """Draws of a site without the dimensions of size 1 that stand for other plates."""
        shape = self.latent[name].value.shape
        return draws.reshape(len(draws), *shape) if draws[0].numel() == shape.numel() else draws


def look(model: Callable[..., Any], args: Sequence[Any], seed: int) -> Sites:
    """Run a program once, fully checked; again with all rows, where plates choose some.

    Raises:
        ModelError: nothing is to be inferred.
        Exception: whatever the program raises.
    """
    with limited(), torch.random.fork_rng(devices=[]), torch.no_grad(), validation(True):
        torch.manual_seed(seed)
        record: Trace
        with trace() as record, InitMessenger(_anywhere):
            model(*args)
    samples = record.samples()
    latent = {site.name: site for site in samples if is_latent(site)}
    computed = [s.name for s in samples if s.infer.get("_deterministic") or _is_factor(s)]
    observed = {
        site.name: site
        for site in samples
        if site.observed and site.name not in computed and not isinstance(site.fn, Subsample)
    }
    if not latent:
        raise ModelError(say("explore.nothing_latent" if samples else "explore.no_site"))
    found = islice((c for site in latent.values() for c in _entries(site)), ALL)
    frames = [frame for site in samples for frame in site.plates]
    if any(frame.size < frame.full_size for frame in frames):
        return replace(look(whole_rows(model), args, seed), subsampled=True)
    return Sites(
        latent,
        observed,
        tuple(record.param_nodes),
        tuple(found),
        False,
        max((-frame.dim for frame in frames if frame.dim), default=0),
    )


def _anywhere(site: Site) -> Tensor:
    """A draw of the prior; near zero, where it cannot be drawn from."""
    try:
        return init_to_sample(site)
    except NotImplementedError:
        return init_to_uniform(site)


def _is_factor(site: Site) -> bool:
    return bool(site.observed and site.infer.get("is_auxiliary"))


def _entries(site: Site) -> list[Coordinate]:
    discrete, shape = bool(site.fn.support.is_discrete), tuple(site.value.shape)
    if not shape:
        return [Coordinate(site.name, site.name, (), discrete)]
    places = islice(product(*(range(size) for size in shape)), EACH)
    return [
        Coordinate(f"{site.name}[{','.join(map(str, place))}]", site.name, place, discrete)
        for place in places
    ]


class whole_rows(Handler):
    """All rows of every plate, where the program would choose some: the same posterior each run."""

    def handle(self, site: Site, forward: Forward) -> Site:
        """Choose every row."""
        fn = site.fn
        if isinstance(fn, Subsample) and site.value is None and fn.subsample_size < fn.size:
            rows = Subsample(fn.size, fn.size, fn.device)
            site = site.replace(fn=rows, value=torch.arange(fn.size, device=fn.device))
        return forward(site)


def draws_of(columns: Columns, name: str) -> np.ndarray:
    """A column, or none."""
    return columns.get(name, np.empty(0))
