"""Where a value may live: torch's constraints, and a few more under the same name."""

from typing import Any

from torch import Tensor
from torch.distributions import constraints as torch_constraints
from torch.distributions.constraints import *  # noqa: F403 # pyright: ignore[reportWildcardImportFromLibrary]
from torch.distributions.constraints import Constraint, independent, positive

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    *torch_constraints.__all__,
    "ordered_vector",
    "positive_ordered_vector",
    "softplus_positive",
    "unit_lower_cholesky",
]


class _OrderedVector(Constraint):
    """Vectors whose entries grow from left to right."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (value[..., 1:] > value[..., :-1]).all(-1)


class _PositiveOrderedVector(_OrderedVector):
    """Vectors of positive entries that grow from left to right."""

    def check(self, value: Tensor) -> Tensor:
        return super().check(value) & independent(positive, 1).check(value)


class _SoftplusPositive(type(positive)):
    """Positive numbers, reached by softplus: large ones move as slowly as small ones."""

    def __init__(self) -> None:
        super().__init__(lower_bound=0.0)


class _UnitLowerCholesky(Constraint):
    """Lower triangular square matrices with ones on the diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        below = (value.tril() == value).flatten(-2).all(-1)
        return below & (value.diagonal(dim1=-2, dim2=-1) == 1).all(-1)


ordered_vector: Any = _OrderedVector()
positive_ordered_vector: Any = _PositiveOrderedVector()
softplus_positive: Any = _SoftplusPositive()
unit_lower_cholesky: Any = _UnitLowerCholesky()
