"""One run of a guide and of its model on the guide's draws, side by side, joined by site."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ppl_core.handlers import replay, substitute, trace
from ppl_core.inspect import Entry
from ppl_core.inspect.ledger import ledger_of
from ppl_core.values import validation


@dataclass(frozen=True, slots=True)
class Pairing:
    """A site or parameter, as each of the two programs had it; None where it did not."""

    name: str
    model: Entry | None
    guide: Entry | None

    @property
    def kind(self) -> str:
        """What it is: "sample" or "param"."""
        entry = self.model or self.guide
        return "sample" if entry is None else entry.kind


def joined(
    model: Callable[..., Any],
    guide: Callable[..., Any],
    args: tuple[Any, ...],
    params: Mapping[str, float],
    seed: int,
) -> list[Pairing]:
    """Run the pair once, unchecked, and lay its two ledgers side by side; parameters come last.

    Args:
        model, guide: the programs; a guide that cannot be called has an empty ledger.
        args: of both.
        params: parameter name -> constrained value.
        seed: of the draws.

    Example:
        >>> import ppl_core as ppl
        >>> def model():
        ...     return ppl.sample("kg", ppl.distributions.Normal(8.5, 1.0))
        >>> [pairing] = joined(model, lambda: None, (), {}, seed=1)
        >>> pairing.name, pairing.guide
        ('kg', None)
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad(), validation(False):
        torch.manual_seed(seed)
        with trace() as drawn, substitute(data=params):
            try:
                guide(*args)
            except TypeError:
                drawn.clear()
        with trace() as scored, substitute(data=params), replay(trace=drawn):
            model(*args)
        ours = {entry.name: entry for entry in ledger_of(scored)}
        theirs = {entry.name: entry for entry in ledger_of(drawn)}
    names = dict.fromkeys([*ours, *theirs])
    pairings = [Pairing(name, ours.get(name), theirs.get(name)) for name in names]
    return sorted(pairings, key=lambda pairing: pairing.kind == "param")
