"""The potential that a Hamiltonian kernel walks on: found, compiled, new for new arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..compiled import Compiled, NotCompiled
from ..errors import InferenceError, suggestion
from ..values import as_real
from .adaptation import blocks
from .autoguide.initialization import Strategy
from .space import Layout, Point, Values
from .starts import Start
from .target import FunctionTarget, Model, PlainTarget, ProgramTarget, Target


class Ground:
    """What HMC and NUTS know about the ground under their feet; see `HMC` for the attributes."""

    model: Model | None
    potential_fn: Callable[[Values], Tensor] | None
    transforms: dict[str, Any]
    max_plate_nesting: int | None
    init_strategy: Strategy
    initial_params: Values | None
    full_mass: bool | Sequence[Sequence[str]]
    jit_compile: bool | str
    compiled: Compiled

    def _begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Target, Point]:
        given = self.initial_params
        if self.model is not None:
            nesting = self.max_plate_nesting
            start = Start(self.model, self.init_strategy, nesting, given, self._known)
            target, point = start.find(args, kwargs)
            return self._fast(target, point.position), point
        if given is None:
            raise ValueError(
                f"{type(self).__name__}: a potential_fn needs initial_params, unconstrained values "
                f'by site, such as MCMC(..., initial_params={{"x": torch.zeros(2)}})'
            )
        given = {name: as_real(value) for name, value in given.items()}
        layout = Layout({name: value.shape for name, value in given.items()})
        position = layout.join(given)
        target = self._fast(self._target(layout, args, kwargs), position)
        point = target.at(position).detached()
        if not point.is_finite:
            raise InferenceError(
                f"the potential at initial_params is {point.potential}, or its gradient is not "
                f"finite. Start elsewhere.",
                step=0,
            )
        return target, point

    def _target(
        self, layout: Layout, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> PlainTarget:
        if self.model is not None:
            return ProgramTarget(self.model, layout, args, kwargs)
        assert self.potential_fn is not None
        return FunctionTarget(self.potential_fn, self.transforms, layout, args, kwargs)

    def _known(self, target: PlainTarget, position: Tensor) -> Target | None:
        """The target as it is walked on, if it was compiled before."""
        if not self.jit_compile:
            return None
        from .machine import known  # not before it is needed

        return known(target, position)

    def _fast(self, target: Target, position: Tensor) -> Target:
        """The target as it is walked on."""
        if not self.jit_compile or not isinstance(target, PlainTarget):
            return target
        from .machine import CompiledTarget  # not before it is needed

        try:
            fast = CompiledTarget(target, position)
        except NotCompiled as error:
            self.compiled = Compiled("eager", str(error))
            if self.jit_compile != "auto":
                raise
            return target
        self.compiled = fast.report
        return fast

    def _at_arguments(
        self, target: Target, point: Point, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Target, Point]:
        """The chain's place under these arguments; new ones make a new potential."""
        if target.is_for(args, kwargs):
            return target, point
        target = self._fast(self._target(target.layout, args, kwargs), point.position)
        point = target.at(point.position).detached()
        if not point.is_finite:
            site, cause = target.blame(point)
            raise InferenceError(
                f"where the chain is, {cause}. Arguments that rule its place out need a new run.",
                site=site,
                cause=cause,
            )
        return target, point

    def _kept(self, layout: Layout, like: Tensor) -> Tensor | None:
        if isinstance(self.full_mass, bool):
            return torch.ones(len(like), len(like)).to(like) if self.full_mass else None
        for name in (name for group in self.full_mass for name in group):
            if name not in layout.shapes:
                raise ValueError(
                    f"full_mass: there is no latent site {name!r}."
                    f"{suggestion(name, layout.shapes)} It is True, False or a list of groups of "
                    f'sites, such as [("a", "b")].'
                )
        sizes = dict(zip(layout.shapes, layout.sizes, strict=True))
        return blocks(self.full_mass, sizes, like)
