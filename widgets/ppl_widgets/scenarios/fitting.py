"""A training as something that is looked up, not waited for: many steps of SVI at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ppl_core.infer import ELBO, SVI, SVIState
from ppl_core.optim import Optimizer
from ppl_core.params import ParamStore

from .question import Columns
from .scenario import Program

BLOCK = 100
"""Steps of SVI in one step of the kernel."""
EVERY = 5
"""Parameters are noted down each time so many steps are taken, and held until the next time."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some steps of a training.

    Attributes:
        losses: of each step, in nats, (BLOCK,).
        params: parameter name -> (BLOCK, ...), constrained.
    """

    losses: np.ndarray
    params: Columns


class Fitting:
    """SVI as a Kernel whose every step is a hundred steps of training, compiled where possible.

    A compiled step takes microseconds, so a whole run is over before a hand has moved on, and a
    slider may show what training *ends* in.

    Args:
        model: the conditioned program.
        guide: its guide.
        optim: the optimiser.
        loss: an ELBO, or a function `(model, guide, *args) -> scalar tensor`.
        compile: as in `SVI.run`; "never" where a recording would not pay.
    """

    def __init__(
        self,
        model: Program,
        guide: Program,
        optim: Optimizer,
        loss: ELBO | Callable[..., Tensor] | None = None,
        compile: str = "auto",
    ):
        self.svi = SVI(model, guide, optim, loss, ParamStore())
        self._compile = compile

    def init(self, *args: Any) -> SVIState:
        """The parameters before the first step, in a store of the kernel's own."""
        self.svi.store.clear()
        return self.svi.init(*args)

    def update(self, state: SVIState, *args: Any) -> tuple[SVIState, Stretch]:
        """A hundred steps on the kernel's store, which is where `state` left it."""
        begin = self.svi.params(state)
        result = self.svi.run(BLOCK, *args, progress_bar=False, compile=self._compile, every=EVERY)
        params = {
            name: np.concatenate([begin[name][None].numpy(), way.numpy()]).repeat(EVERY, axis=0)
            for name, way in result.path.items()
        }
        held = {name: way[1 : BLOCK + 1] for name, way in params.items()}
        return result.state, Stretch(result.losses.numpy(), held)
