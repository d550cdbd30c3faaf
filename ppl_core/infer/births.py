"""What parameters start from, as a function of the arguments: for runs that begin side by side.

Where an initial value is a number, a tensor, or computed from the arguments, it is read off a
recording. Where it is drawn, each run has to draw it in a first step of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..compiled import NotCompiled, Program, View, record
from ..distributions import transform_to
from ..effects import Forward, Handler, Site
from ..values import as_real

DRAWN = "first values of parameters are drawn"


class Births(Handler):
    """Notes the initial value and the constraint of every parameter that is asked for."""

    def __init__(self) -> None:
        self.notes: dict[str, tuple[Any, Any]] = {}

    def handle(self, site: Site, forward: Forward) -> Site:
        """Look, and forward."""
        if site.kind == "param" and site.value is None:
            self.notes.setdefault(site.name, (site.fn, site.constraint))
        return forward(site)

    def leaf(self, name: str) -> Tensor:
        """The unconstrained initial value of a parameter."""
        init, constraint = self.notes[name]
        value = as_real(init() if callable(init) else init).detach()
        return transform_to(constraint).inv(value).clone()


def births(
    run: Callable[[], Any], leaves: Mapping[str, Tensor], data: Mapping[str, Tensor]
) -> Program:
    """A program from data to the first leaves of parameters.

    Args:
        run: both programs, once.
        leaves: parameter name -> a leaf of its shape.
        data: arguments as tensors, by name.

    Raises:
        NotCompiled: they are drawn, or cannot be read off.
    """
    with Births() as seen:
        program = record(lambda: _values(run, seen, leaves), leaves, data)
    noise = {value.id for value in program.inputs("noise")}
    read = [arg for op in program.ops for arg in op.args] + list(program.results)
    if any(isinstance(arg, View) and arg.value in noise for arg in read):
        raise NotCompiled(DRAWN)
    return program


def _values(run: Callable[[], Any], seen: Births, leaves: Mapping[str, Tensor]) -> Sequence[Tensor]:
    run()
    with torch.no_grad():
        return [*(seen.leaf(name) for name in leaves), torch.zeros(())]
