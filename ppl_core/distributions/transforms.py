"""Torch's transforms, and those that reach the constraints added here.

`transform_to(constraint)` and `biject_to(constraint)` are torch's registries; for one and the same
constraint they hand out one transform, made once.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.distributions import biject_to as torch_biject_to
from torch.distributions import transform_to as torch_transform_to
from torch.distributions import transforms as torch_transforms
from torch.distributions.constraints import MixtureSameFamilyConstraint
from torch.distributions.transforms import *  # noqa: F403 # pyright: ignore[reportWildcardImportFromLibrary]
from torch.distributions.transforms import (
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    IndependentTransform,
    SoftplusTransform,
    Transform,
)

from . import constraints

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    *torch_transforms.__all__,
    "OrderedTransform",
    "UnitLowerCholeskyTransform",
]


class OrderedTransform(Transform):
    """Any vector to a growing one: y_1 = x_1, then y_i = y_(i-1) + exp(x_i).

    Source: the Stan Reference Manual, "Ordered vector".

    >>> OrderedTransform()(torch.tensor([3.0, 0.0, 0.0]))
    tensor([3., 4., 5.])
    """

    domain = constraints.real_vector
    codomain = constraints.ordered_vector
    bijective = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrderedTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: Tensor) -> Tensor:
        return torch.cat([x[..., :1], x[..., 1:].exp()], -1).cumsum(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.cat([y[..., :1], y.diff(dim=-1).log()], -1)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x[..., 1:].sum(-1)


class UnitLowerCholeskyTransform(Transform):
    """The part of a square matrix below its diagonal, with ones on the diagonal."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.unit_lower_cholesky

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnitLowerCholeskyTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class _Remembering:
    """A registry of torch that makes the transform of one constraint once."""

    def __init__(self, registry: Any):
        self._registry, self._made = registry, WeakKeyDictionary()

    def __call__(self, constraint: Any) -> Any:
        """The transform from unconstrained values to those that satisfy the constraint."""
        transform = self._made.get(constraint)
        if transform is None:
            transform = self._made[constraint] = _lean(self._registry(constraint))
        return transform

    def register(self, constraint: Any, factory: Callable[..., Any] | None = None) -> Any:
        """Torch's: say how a kind of constraint is reached, also as a decorator."""
        self._made.clear()
        return self._registry.register(constraint, factory)


def _lean(transform: Any) -> Any:
    """Without the steps of torch that change nothing: exp alone reaches the positive numbers."""
    if isinstance(transform, IndependentTransform):
        base = _lean(transform.base_transform)
        if base is not transform.base_transform:
            return IndependentTransform(base, transform.reinterpreted_batch_ndims)
    if isinstance(transform, ComposeTransform):
        parts = [part for part in transform.parts if not _is_idle(part)]
        if len(parts) == 1:
            return parts[0]
    return transform


def _is_idle(transform: Any) -> bool:
    numbers = getattr(transform, "loc", None), getattr(transform, "scale", None)
    return isinstance(transform, AffineTransform) and all(
        isinstance(number, int | float) and number == idle
        for number, idle in zip(numbers, (0, 1), strict=True)
    )


def _of_each_part(registry: Any) -> Any:
    """How the support of a mixture is reached: as that of its parts, where all have the same."""

    def transform(support: Any) -> Any:
        bare = support.base_constraint
        while hasattr(bare, "base_constraint"):
            bare = bare.base_constraint
        if any(isinstance(end, Tensor) and end.ndim for end in vars(bare).values()):
            raise NotImplementedError(
                f"{support}: the parts of this mixture may have different supports. Give them one, "
                f"or draw the part from a Categorical and the value from that part."
            )
        return registry(support.base_constraint)

    return transform


transform_to = _Remembering(torch_transform_to)
biject_to = _Remembering(torch_biject_to)

for _registry in (transform_to, biject_to):
    _registry.register(constraints.ordered_vector, lambda _: OrderedTransform())
    _registry.register(
        constraints.positive_ordered_vector,
        lambda _: ComposeTransform([OrderedTransform(), ExpTransform()]),
    )
    _registry.register(constraints.softplus_positive, lambda _: SoftplusTransform())
    _registry.register(MixtureSameFamilyConstraint, _of_each_part(_registry))
transform_to.register(constraints.unit_lower_cholesky, lambda _: UnitLowerCholeskyTransform())
