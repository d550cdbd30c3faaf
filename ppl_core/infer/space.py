"""Unconstrained space: a place in it, and where each site's numbers lie in one vector."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Size, Tensor, cat

from ..errors import ModelError, listing
from ..values import as_real

Values = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Point:
    """A place in unconstrained space, and all that a sampler asks of it.

    Attributes:
        position: (d,).
        potential: minus the log joint, volume change included, in nats.
        gradient: of the potential, (d,).
        values: site name -> the value on its support.
    """

    position: Tensor
    potential: float
    gradient: Tensor
    values: Values

    @property
    def is_finite(self) -> bool:
        """Whether potential and gradient are finite."""
        return math.isfinite(self.potential) and bool(self.gradient.isfinite().all())

    def detached(self) -> "Point":
        """The same place, its values cut from gradients."""
        values = {name: value.detach() for name, value in self.values.items()}
        return Point(self.position, self.potential, self.gradient, values)


@dataclass(frozen=True)
class Layout:
    """Where each site's unconstrained numbers lie in one vector.

    Attributes:
        shapes: site name -> shape of its unconstrained values.
        enumerated: rightmost batch dimension for the outcomes of discrete sites; None without any.
    """

    shapes: Mapping[str, Size]
    enumerated: int | None = None

    @cached_property
    def sizes(self) -> list[int]:
        """How many numbers each site has."""
        return [shape.numel() for shape in self.shapes.values()]

    def split(self, position: Tensor) -> dict[str, Tensor]:
        """Each site's part of a position, (d,) or (..., d), in its shape."""
        parts = position.split(self.sizes, -1)
        rows = position.shape[:-1]
        return {
            name: part.reshape(rows + shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def join(self, values: Values) -> Tensor:
        """The position, (d,), of unconstrained values.

        Raises:
            ModelError: a site is missing, or a value has another shape.
        """
        parts = []
        for name, shape in self.shapes.items():
            if name not in values:
                raise ModelError(
                    f"no unconstrained value for site {name!r}; given: {listing(values)}"
                )
            value = as_real(values[name]).detach()
            if value.shape != shape:
                raise ModelError(
                    f"the unconstrained value of site {name!r} has shape {tuple(value.shape)}; "
                    f"{tuple(shape)} is needed"
                )
            parts.append(value.reshape(-1))
        return cat(parts)
