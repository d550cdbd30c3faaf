"""Many updates of SVI at once: a run that somebody watches, on the fast path.

`svi.update` takes a state and makes the next one; this takes it a thousand steps further, with the
same noise from torch's generator, and says what was passed on the way.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..compiled import Engines, NotCompiled
from .recorded import Training

if TYPE_CHECKING:
    from .svi import SVI, SVIState


@dataclass(frozen=True, slots=True)
class Leap:
    """Where many steps have led.

    Attributes:
        state: after the last of them.
        losses: one estimate a step, in nats, (steps,).
        path: parameter name -> unconstrained values after every step, (steps, ...).
        backend: "c" | "floats".
    """

    state: "SVIState"
    losses: Tensor
    path: Mapping[str, Tensor]
    backend: str


class NotYet(NotCompiled):
    """No engine is ready or proven yet: ask again."""


def leap(svi: "SVI", state: "SVIState", num_steps: int, *args: Any, pace: float = 0.0) -> Leap:
    """Take up to `num_steps` updates of `svi` from `state`, by the fastest engine that is proven.

    Fewer are taken where the next one would not be finite: `svi.update` then says why.

    Args:
        svi: whose steps; its store shows the last one.
        state: after at least one update, so that the optimiser has met every parameter.
        num_steps: how many at most.
        args: of the programs; numbers among them may differ from call to call at no cost.
        pace: seconds of an update, if known: the compiler is called when it would pay.

    Raises:
        NotCompiled: no engine takes these steps; nothing was taken. `NotYet`: one soon will.

    Example:
        >>> state, _ = svi.update(svi.init(8.5), 8.5)  # doctest: +SKIP
        >>> leap(svi, state, 2499, 8.5).state.step  # doctest: +SKIP
        2500
    """
    svi.state = state
    training = Training(svi, args, {})
    engines = Engines(training.program, training.trial)
    started = time.perf_counter()
    engine = engines.choose(num_steps, pace)
    if engine is None:
        refusal = NotYet if engines.waiting or engines.untried else NotCompiled
        raise refusal(engines.report(None, 0.0).reason)
    losses, path = training.course(engine, num_steps)
    engines.spend(time.perf_counter() - started)
    after = svi.state
    after = replace(after, values={name: after.values[name] for name in state.values})
    return Leap(after, losses, path, engine.name)
