"""Weighted draws: values of the sites, and what model and guide say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ModelError, listing, suggestion


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws from a guide.

    Attributes:
        log_p: log joint of the model at each draw, in nats, (draws,) doubles.
        log_q: log density of the guide, in nats, (draws,) doubles.
        values: name -> (draws, ...) for each latent and deterministic site that all draws have
            with one shape, and "_RETURN" for what the model returned.
    """

    log_p: Tensor
    log_q: Tensor
    values: Mapping[str, Tensor]

    @property
    def log_weights(self) -> Tensor:
        """log_p - log_q in nats, (draws,)."""
        return self.log_p - self.log_q

    def __len__(self) -> int:
        return len(self.log_p)

    def value(self, name: str) -> Tensor:
        """The values of a site, (draws, ...).

        Raises:
            ModelError: not every draw has the site with one shape.
        """
        if name not in self.values:
            raise ModelError(
                f"no values of a site {name!r} that all {len(self)} draws have with one shape."
                f"{suggestion(name, self.values)} There are: {listing(self.values)}."
            )
        return self.values[name]

    def chosen(self, index: Tensor) -> "Draws":
        """Some of the draws, by number or mask."""
        values = {name: value[index] for name, value in self.values.items()}
        return Draws(self.log_p[index], self.log_q[index], values)


def together(batches: Sequence[Draws]) -> Draws:
    """All draws of several batches, in order."""
    if len(batches) == 1:
        return batches[0]
    shared = {
        name: [batch.values[name] for batch in batches]
        for name in batches[0].values
        if all(name in batch.values for batch in batches)
    }
    values = {
        name: torch.cat(parts)
        for name, parts in shared.items()
        if len({part.shape[1:] for part in parts}) == 1
    }
    log_p, log_q = (torch.cat([getattr(b, part) for b in batches]) for part in ("log_p", "log_q"))
    return Draws(log_p, log_q, values)
