"""Many runs of a program at once: of the prior, of a guide, of what a posterior says next."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ppl_core.errors import PPLError
from ppl_core.infer import Predictive
from ppl_core.params import ParamStore
from ppl_core.values import validation

from .guard import limited

FEW = 100
"""Runs of a program that has to be run one at a time."""


class Runs:
    """Repeated runs of one program, in rows where it can be run so.

    Args:
        program: what is run.
        store: its parameters.
        names: sites to be told of; all if None.

    Attributes:
        parallel: whether many runs are one; None before the first.
    """

    def __init__(
        self,
        program: Callable[..., Any],
        store: ParamStore,
        names: list[str] | None = None,
    ):
        self.program, self.store, self.names = program, store, names
        self.parallel: bool | None = None

    def __call__(
        self,
        args: tuple[Any, ...],
        num: int,
        seed: int,
        samples: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Site -> (draws, ...), always from the same noise; fewer draws where each is a run.

        Args:
            args: of the program.
            num: draws wanted, as many as the samples have if they are given.
            seed: of the noise.
            samples: values of some sites, (num, ...).
        """
        with (
            limited(),
            torch.random.fork_rng(devices=[]),
            torch.no_grad(),
            self.store,
            validation(self.parallel is None),
        ):
            if self.parallel is None:
                torch.manual_seed(seed)
                try:
                    self._draw(args, 2, {n: v[:2] for n, v in (samples or {}).items()}, True)
                    self.parallel = True
                except (PPLError, RuntimeError, ValueError, TypeError, IndexError):
                    self.parallel = False  # what is wrong with it, single runs will say
            torch.manual_seed(seed)
            if self.parallel:
                return self._draw(args, num, samples or {}, True)
            few = {name: value[:FEW] for name, value in (samples or {}).items()}
            return self._draw(args, min(num, FEW), few, False)

    def _draw(
        self, args: tuple[Any, ...], num: int, samples: Mapping[str, Tensor], parallel: bool
    ) -> dict[str, Tensor]:
        names = self.names if samples else None
        number = None if samples else num
        runs = Predictive(self.program, samples, None, number, names, parallel)
        return runs(*args)
