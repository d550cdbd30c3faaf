"""One model to be measured: its data, its loss by hand, and its program in either language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Leaves = dict[str, Tensor]
Program = Callable[..., Any]


@dataclass(frozen=True)
class Benchmark:
    """A model and its guide, once in plain torch and once as a probabilistic program.

    Attributes:
        name: as on the command line.
        data: makes the programs' arguments, always the same.
        by_hand: data -> (leaves by name, function that draws one loss in nats). The names, the
            starting values, the order of the noise and the optimiser are the program's, so that
            both walk the same path from the same seed.
        program: (language, its distributions) -> (model, guide); one text for ppl_core and Pyro.
        rule: of the optimiser, a name in `torch.optim`.
        settings: of the optimiser.
        own_rows: the hand-written loss chooses its rows in another way, so that only averages
            over the choice agree.
    """

    name: str
    data: Callable[[], tuple[Any, ...]]
    by_hand: Callable[..., tuple[Leaves, Callable[[], Tensor]]]
    program: Callable[[Any, Any], tuple[Program, Program]]
    rule: str
    settings: Mapping[str, float]
    own_rows: bool = False
