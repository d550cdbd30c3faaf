"""A function and its gradient, compiled: what Hamiltonian samplers ask for at every turn."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from .build import Build
from .c import Source
from .engine import TOLERANCE, difference
from .native import Native
from .ops import NotCompiled, Program
from .record import record


class Gradient:
    """A scalar function of tensors and its gradient, as one call to machine code.

    Args:
        function: of a dict of tensors, such as `ppl_core.potential(model, ...)`; it may read other
            tensors, whose values at each call count, but draws nothing.
        start: values to record it at, name -> tensor.

    Attributes:
        program: the op list.

    Raises:
        NotCompiled: it has no compiled form, or there is no compiler.

    >>> import ppl_core as ppl
    >>> energy = Gradient(lambda at: (at["x"] ** 2).sum(), {"x": torch.ones(2)})  # doctest: +SKIP
    >>> energy({"x": torch.tensor([1.0, 3.0])})  # doctest: +SKIP
    (10.0, {'x': tensor([2., 6.])})
    """

    def __init__(
        self, function: Callable[[Mapping[str, Tensor]], Tensor], start: Mapping[str, Tensor]
    ):
        self._function = function
        self._at = {n: x.detach().clone().contiguous() for n, x in start.items()}
        leaves = {n: x.clone().requires_grad_() for n, x in self._at.items()}
        self.program: Program = record(lambda: self._eager(leaves), leaves, {})
        if self.program.inputs("noise"):
            raise NotCompiled("the function draws random numbers")
        source = Source(self.program)
        self._native = Native(source, Build(source.text).library())
        self._flat = [x.reshape(-1) for x in self._at.values()]
        self._data = [v.tensor for v in self.program.inputs("data")]
        self._call = self._native.prepared(self._flat, [_memory(t) for t in self._data])
        self._prove()

    def __call__(self, at: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """Value and gradient; not-a-number throughout where the value is not finite."""
        for name, mine in self._at.items():
            mine.copy_(at[name])
        value = self._call()
        if value != value:
            return value, {name: torch.full_like(x, value) for name, x in self._at.items()}
        return value, {name: x.clone() for name, x in self._at.items()}

    def _eager(self, leaves: Mapping[str, Tensor]) -> list[Tensor]:
        value = self._function(leaves)
        grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        filled = [
            torch.zeros_like(x) if g is None else g
            for g, x in zip(grads, leaves.values(), strict=True)
        ]
        return [*filled, value.detach()]

    def _prove(self) -> None:
        """Compare with the function itself, a little away from where it was recorded."""
        near = {name: x * 0.97 + 0.05 for name, x in self._at.items()}
        *grads, value = self._eager({n: x.clone().requires_grad_() for n, x in near.items()})
        ours, mine = self(near)
        gap = difference([*mine.values(), torch.tensor(ours)], [*grads, value])
        if not gap <= TOLERANCE:
            raise NotCompiled(f"a trial was off by {gap:.1e}")


def _memory(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    size = tensor.untyped_storage().nbytes() // tensor.element_size()
    return tensor.as_strided((size,), (1,), 0)
