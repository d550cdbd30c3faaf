"""Functions as JavaScript, and how much noise they take.

What a page computes was recorded from torch: a function of named numbers that gives named tensors
becomes a step whose new state is what it returns.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ppl_core.compiled import NotCompiled, javascript, record

Numbers = Mapping[str, Tensor]
"""Control or parameter -> a number."""
Facts = dict[str, Tensor]

NORMAL = ("normal", "normal_", "randn", "randn_like")
"""Torch's operations that draw normal numbers."""


def function(
    compute: Callable[[Numbers], Facts],
    at: Mapping[str, Any],
    names: Iterable[str],
    dtype: torch.dtype = torch.float64,
) -> dict[str, Any]:
    """A function of named numbers as JavaScript; it may draw.

    Args:
        compute: from numbers to tensors.
        at: where it is recorded.
        names: those of `at` that a page can change; what else the function reads stays as it is.
        dtype: of the numbers; what is drawn is of the same.

    Raises:
        NotCompiled: an operation has no form in JavaScript.
    """
    given = {name: torch.tensor(at[name], dtype=dtype) for name in names}
    with torch.random.fork_rng(devices=[]):
        shapes = {name: value.shape for name, value in compute(given).items()}
        found = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
        nothing = torch.zeros((), dtype=torch.float64)

        def step() -> list[Tensor]:
            return [*(value.to(torch.float64) for value in compute(given).values()), nothing]

        program = record(step, found, given)
    stored = [value for value in program.values if value.role in ("data", "constant")]
    return {
        "text": javascript(program, library=False),
        "inputs": [value.name if value.name in given else None for value in stored],
        "outputs": {name: value.numel() for name, value in found.items()},
    }


class Asked(TorchDispatchMode):
    """Notes how many normal numbers each operation asks of torch's generator.

    Raises:
        NotCompiled: it is asked for others.

    >>> with Asked() as asked:
    ...     _ = torch.randn(3), torch.randn(20)
    >>> asked.counts
    [3, 20]
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its whole compiler at the first operation

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in NORMAL:
            self.counts.append(result.numel())
        elif torch.Tag.nondeterministic_seeded in func.tags:
            raise NotCompiled(f"before its first step the panel draws by {name}")
        return result
