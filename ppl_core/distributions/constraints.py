"""Where a value may live: torch's constraints, and a few more under the same name.

A constraint can be spelled out in plain values, and read back, so that a file needs no pickle.
"""

from inspect import signature
from typing import Any

from torch import Tensor
from torch.distributions import constraints as torch_constraints
from torch.distributions.constraints import *  # noqa: F403 # pyright: ignore[reportWildcardImportFromLibrary]
from torch.distributions.constraints import Constraint, independent, positive

from ..errors import ParamError

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


def spelling(constraint: Any, param: str = "") -> Any:
    """A constraint in plain values: its name here, or its name and arguments.

    Raises:
        ParamError: it is not one of this module's; `param` says whose it is.

    >>> spelling(positive), spelling(independent(positive, 1))
    ('positive', ['independent', ['positive', 1]])
    """
    if isinstance(constraint, list | tuple):
        return ["", [spelling(part, param) for part in constraint]]
    if not isinstance(constraint, Constraint):
        return constraint
    known = {name: globals()[name] for name in __all__}
    kind = type(constraint)
    for name, one in known.items():
        if type(one) is kind and repr(vars(one)) == repr(vars(constraint)):
            return name
    for name, one in known.items():
        if one is kind:
            arguments = list(signature(kind).parameters)
            return [name, [spelling(getattr(constraint, each), param) for each in arguments]]
    raise ParamError(
        f"param {param!r}: its constraint {kind.__name__} has no name in "
        f"ppl_core.distributions.constraints, so that a file cannot name it. Use one that has."
    )


def from_spelling(spelled: Any) -> Any:
    """The constraint that `spelling` spelled out."""
    if isinstance(spelled, str):
        return globals()[spelled]
    if not isinstance(spelled, list):
        return spelled
    name, arguments = spelled
    arguments = [from_spelling(argument) for argument in arguments]
    return globals()[name](*arguments) if name else arguments
