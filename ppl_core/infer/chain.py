"""One Markov chain on its way: its run, and what it has drawn after the warm-up."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..runs import InferenceRun
from .space import Values

if TYPE_CHECKING:
    from .spans import Span


@dataclass
class Chain:
    """One chain: its run, and what it has drawn after the warm-up.

    Attributes:
        run: the kernel at work.
        parts: site name -> values, (draws, ...), one mapping for some draws in a row.
        facts: numbers of the draws' infos by name, in parts.
        divergences: (number of the draw, site name -> value where the energy ran away).
        count: draws.
    """

    run: InferenceRun
    parts: list[dict[str, Tensor]] = field(default_factory=list[dict[str, Tensor]])
    facts: dict[str, list[Tensor]] = field(default_factory=dict[str, list[Tensor]])
    divergences: list[tuple[int, Values]] = field(default_factory=list[tuple[int, Values]])
    count: int = 0

    def keep(self, info: Any, only: list[str] | None) -> None:
        """Add the draw that an info tells of."""
        if getattr(info, "diverging", False):
            self.divergences.append((self.count, info.diverged_at))
        self._add({name: value[None] for name, value in info.values.items()}, 1, only)
        for name, number in numbers_of(info).items():
            self.facts.setdefault(name, []).append(torch.tensor([number]))

    def keep_span(self, span: "Span", numbers: Values, only: list[str] | None) -> None:
        """Add all draws of a span."""
        for step in numbers["diverging"].nonzero()[:, 0].tolist():
            self.divergences.append((self.count + step, span.diverged_at(step)))
        self._add(span.values, len(span), only)
        for name, column in numbers.items():
            self.facts.setdefault(name, []).append(column)

    def _add(self, values: Values, count: int, only: list[str] | None) -> None:
        self.parts.append({name: values[name] for name in (values if only is None else only)})
        self.count += count

    @property
    def values(self) -> dict[str, Tensor]:
        """Site name -> all draws, (draws, ...); empty before the first one."""
        names = self.parts[0] if self.parts else {}
        return {name: torch.cat([part[name] for part in self.parts]) for name in names}


def numbers_of(info: Any) -> dict[str, float]:
    """The fields of an info that are numbers."""
    found = {each.name: getattr(info, each.name) for each in fields(info)}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}
