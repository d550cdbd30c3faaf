"""Every distribution of `torch.distributions`, with this package's methods in front.

One of each is made here in a loop; the few that most programs use are written out elsewhere.
"""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch import distributions as torch_distributions

from ..values import as_real, as_value
from .distribution import Distribution

if TYPE_CHECKING:  # type checkers cannot follow the loop below
    from torch.distributions import *  # noqa: F403 # pyright: ignore[reportWildcardImportFromLibrary]

__all__: list[str] = []

_WRITTEN_HERE = (
    "Distribution", "ExponentialFamily", "HalfCauchy", "Independent", "LogNormal",
    "MixtureSameFamily", "Normal",
)  # fmt: skip


Method = Callable[[Any, Any], Tensor]


def _taking_numbers(method: Method, as_tensor: Callable[[Any], Tensor]) -> Method:
    """The method of a distribution, for a value that may also be a number, array or list."""

    @wraps(method)
    def taking(self: Any, value: Any) -> Tensor:
        return method(self, as_tensor(value))

    return taking


def _adopt(torch_class: type) -> type:
    """Torch's class with the methods of this package's `Distribution` in front."""
    name = torch_class.__name__
    as_tensor = as_value if torch_class is torch_distributions.Categorical else as_real
    methods = ("log_prob", "cdf", "icdf")
    members = {
        "hands_checks_on": "validate_args" in signature(torch_class).parameters,
        "__module__": __package__,
        "__doc__": f"As `torch.distributions.{name}`, with this package's methods.",
        **{m: _taking_numbers(getattr(torch_class, m), as_tensor) for m in methods},
    }
    kind: Any = type(Distribution)
    return kind(name, (Distribution, torch_class), members)


for _name in torch_distributions.__all__:
    _class = getattr(torch_distributions, _name)
    if (
        isinstance(_class, type)
        and issubclass(_class, torch_distributions.Distribution)
        and _name not in _WRITTEN_HERE
    ):
        globals()[_name] = _adopt(_class)
        __all__ += [_name]  # pyright: ignore[reportUnsupportedDunderAll]
