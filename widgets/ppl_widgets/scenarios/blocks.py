"""SVI as a Kernel whose every update is a block of steps, each of them noted down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl_core.compiled import NotCompiled
from ppl_core.errors import InferenceError
from ppl_core.infer import SVI, SVIState
from ppl_core.infer.leap import leap

FEW = 20
"""Steps that are sooner taken than compiled."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some steps of a training.

    Attributes:
        losses: one estimate a step, in nats, (steps,).
        leaves: parameter name -> unconstrained values after every step, (steps,).
        grads: parameter name -> gradient in the unconstrained value, of the last step.
    """

    losses: np.ndarray
    leaves: Mapping[str, np.ndarray]
    grads: Mapping[str, float]


class Blocks:
    """A training in blocks, on the fast path where there is one, with the noise of single steps.

    A block ends early where its next step would fail; the update after it then says why.

    Args:
        svi: whose steps; all its parameters are single numbers.
        size: steps of a block.

    Example:
        >>> import ppl_core as ppl
        >>> def model():
        ...     return ppl.sample("x", ppl.distributions.Normal(0.0, 1.0))
        >>> def guide():
        ...     return ppl.sample("x", ppl.distributions.Normal(ppl.param("a", 1.0), 1.0))
        >>> svi = SVI(model, guide, ppl.optim.SGD({"lr": 0.1}), store=ppl.ParamStore())
        >>> run = ppl.InferenceRun(Blocks(svi, 200), seed=1)
        >>> run.advance(num_steps=1)
        1
        >>> run.snapshot.info.leaves["a"].shape
        (200,)
    """

    def __init__(self, svi: SVI, size: int):
        self.svi, self.size = svi, size

    def init(self, *args: Any) -> SVIState:
        """The parameters before the first step: those in the store, or as the programs ask."""
        return self.svi.init(*args)

    def update(self, state: SVIState, *args: Any) -> tuple[SVIState, Block]:
        """The next block, of at least one step.

        Raises:
            InferenceError: the first of its steps fails.
        """
        state, info = self.svi.update(state, *args)
        losses, leaves = [np.array([info.loss])], [_row(state)]
        left = self.size - 1
        if left > FEW and info.grads:
            try:
                far = leap(self.svi, state, left - 1, *args)
            except NotCompiled:
                pass
            else:
                steps = len(far.losses)
                held = {name: np.repeat(row, steps) for name, row in leaves[-1].items()}
                leaves.append(held | {name: way.numpy() for name, way in far.path.items()})
                losses.append(far.losses.numpy())
                values = {**state.values, **far.state.values}  # some may never move
                state, left = replace(far.state, values=values), left - steps
        while left:
            try:
                state, info = self.svi.update(state, *args)
            except InferenceError:
                break
            losses.append(np.array([info.loss]))
            leaves.append(_row(state))
            left -= 1
        whole = {name: np.concatenate([part[name] for part in leaves]) for name in leaves[-1]}
        grads = {name: float(grad) for name, grad in info.grads.items()}
        return state, Block(np.concatenate(losses), whole, grads)


def _row(state: SVIState) -> dict[str, np.ndarray]:
    return {name: value.reshape(1).numpy() for name, value in state.values.items()}
