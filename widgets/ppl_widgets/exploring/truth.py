"""The best truth there is about a model of somebody's own, looked for a piece at a time."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppl_core.errors import PPLError
from ppl_core.infer.references import Marginal, Reference, search
from ppl_core.params import ParamStore

from ..learner import explain
from ..text import say
from .guard import Endless, limited
from .sites import Coordinate, Sites

Program = Callable[..., Any]

SECONDS = 60.0
"""So much work is a truth worth."""
DRAWS = 500
"""Of each chain, should it come to a long run of NUTS."""
CHAINS = 2
DRAWN, AT_ONCE = 600, 50
"""Joint draws that are kept of a truth, and how many of them are one piece of work."""
KINDS = {
    "closed form": "closed",
    "Kalman": "kalman",
    "exact enumeration": "enumerated",
    "quadrature": "quadrature",
    "estimate": "estimate",
}


class Truth:
    """What is known of a posterior.

    Args:
        source: "auto" looks for it with `reference`; None looks for nothing; else a function of
            (model, *args) that returns a `Reference`.

    Attributes:
        found: the truth, or None as long as there is none.
        note: why there is none, or "" while it is looked for.
        joint: joint draws, a few at a time; () as long as there are none.
    """

    def __init__(self, source: Any = "auto"):
        self.source = source
        self.found: Reference | None = None
        self._drawn: list[Mapping[str, Tensor]] = []
        self.joint: tuple[Mapping[str, Tensor], ...] = ()
        self.note = "" if source is not None else say("explore.truth.off")

    def look_for(
        self, model: Program, args: tuple[Any, ...], sites: Sites, store: ParamStore
    ) -> Iterator[None]:
        """Find it, giving way after each piece of work."""
        self.forget()
        if self.source is None:
            self.note = say("explore.truth.off")
            return
        if sites.params:
            self.note = say("explore.truth.moves", param=repr(sites.params[0].replace("$$$", ".")))
            return
        try:
            yield from self._search(model, args, store)
            yield from self._draw()
        except Endless:
            self.note = say("explore.truth.slow", seconds=f"{SECONDS:g}")
        except PPLError as error:
            self.note = say("explore.truth.none", why=explain(error))
        except Exception as error:  # a program of the user's may raise anything
            why = (str(error).splitlines() or [type(error).__name__])[0].partition(". ")[0]
            self.note = say("explore.truth.none", why=why)

    def _search(self, model: Program, args: tuple[Any, ...], store: ParamStore) -> Iterator[None]:
        if self.source != "auto":
            with limited(), store:
                self.found = self.source(model, *args)
            return
        pieces = search(model, *args, num_samples=DRAWS, num_chains=CHAINS)
        spent = 0.0
        while True:
            begin = time.perf_counter()
            with limited(), store:
                found = next(pieces, None)
            if found is not None:
                self.found = found
                return
            spent += time.perf_counter() - begin
            if spent > SECONDS:
                self.note = say("explore.truth.slow", seconds=f"{SECONDS:g}")
                return
            yield

    def _draw(self) -> Iterator[None]:
        """Joint draws, a few at a time: some truths are slow to draw from."""
        for seed in range(DRAWN // AT_ONCE if self.found is not None else 0):
            yield
            assert self.found is not None
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self._drawn.append(self.found.sample(AT_ONCE))
        self.joint = tuple(self._drawn)

    def forget(self) -> None:
        """Know nothing."""
        self.found, self.note, self._drawn, self.joint = None, "", [], ()

    # ---- what it says

    @property
    def label(self) -> str:
        """How it is known: "closed form", "quadrature", "long run", ..."""
        return "" if self.found is None else say(f"source.{KINDS[self.found.kind]}")

    def marginal(self, of: Coordinate) -> "Entry | None":
        """The posterior of one number, if it is known."""
        if self.found is None or of.site not in self.found.marginals:
            return None
        return Entry.of(self.found.marginals[of.site], of)

    def pairs(self, one: Coordinate, other: Coordinate) -> tuple[np.ndarray, np.ndarray]:
        """Joint draws of two numbers; none where the truth has none."""
        if not self.joint or not {one.site, other.site} <= self.joint[0].keys():
            return np.empty(0), np.empty(0)
        x, y = ([place.of(drawn) for drawn in self.joint] for place in (one, other))
        return np.concatenate(x), np.concatenate(y)

    @property
    def floor(self) -> float | None:
        """The lowest average loss that a guide can have, in nats; None where it is not known."""
        known = None if self.found is None else self.found.log_evidence
        return None if known is None else -known


class Entry:
    """The posterior of one number: points with the density there, or outcomes with their mass.

    Attributes:
        grid, heights: (points,).
        mean, sd: of it.
        discrete: whether heights are masses.
    """

    def __init__(
        self, grid: np.ndarray, heights: np.ndarray, mean: float, sd: float, discrete: bool
    ):
        self.grid, self.heights, self.discrete = grid, heights, discrete
        self.mean, self.sd = mean, sd

    @classmethod
    def of(cls, table: Marginal, place: Coordinate) -> "Entry":
        """One entry of a site's table."""
        grid, heights, mean, sd = (
            place.entry(part).double() for part in (table.grid, table.heights, table.mean, table.sd)
        )
        return cls(grid.numpy(), heights.numpy(), mean.item(), sd.item(), table.discrete)

    def quantiles(self, *shares: float) -> list[float]:
        """Points below which these shares of the mass lie."""
        mass = self.heights * (1.0 if self.discrete else np.gradient(self.grid))
        below = np.cumsum(mass) / mass.sum()
        return [float(np.interp(share, below, self.grid)) for share in shares]
