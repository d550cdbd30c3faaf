"""Gibbs steps for discrete sites, between steps of another kernel for the continuous ones.

Summing discrete sites out is better where it is possible. Where their values are wanted, or their
sum is not tractable at once, the chain can hold them: each turn draws them from their exact
conditional distribution, given the continuous values, and then moves those, given the discrete.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InferenceError, ModelError, listing
from ..handlers import block, condition, is_latent, trace
from ..values import validation
from .discrete import infer_discrete
from .enumeration import config_enumerate
from .rows import plate_depth

_TRIES = 20


@dataclass(frozen=True, slots=True)
class GibbsState:
    """All that the next step needs.

    Attributes:
        discrete: site name -> value.
        continuous: site name -> value, constrained.
        inner: of the kernel that moves the continuous sites; None if there are none.
        first_dim: rightmost batch dimension left of all plates.
        step: steps taken.
    """

    discrete: Mapping[str, Tensor]
    continuous: Mapping[str, Tensor]
    inner: Any
    first_dim: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class GibbsInfo:
    """What a watcher may want to know about a step.

    Attributes:
        values: site name -> value of every latent site.
        accept_prob: of the inner kernel's move; 1 if there is none.
        diverging: whether that move diverged.
        diverged_at: site name -> value where it did.
        inner: all that the inner kernel tells.
    """

    values: Mapping[str, Tensor]
    accept_prob: float
    diverging: bool
    diverged_at: Mapping[str, Tensor]
    inner: Any


class DiscreteGibbs:
    """Discrete sites from their exact conditional, continuous ones by another kernel, in turn.

    Args:
        inner_kernel: for the continuous sites, such as `NUTS(model)`, `HMC(model)` or
            `RandomWalkKernel(model)`; its model is the whole program.
        blocks: "joint" draws all discrete sites together by one elimination, which mixes best;
            "sites" draws one after the other, which stays tractable where the joint sum is not.
        max_plate_nesting: batch dimensions that plates use; found by a run if not given.

    Raises:
        ModelError: there is no discrete latent site, or one has no finite list of outcomes.
        InferenceError: no start of finite density was found.

    Source: Geman & Geman 1984; as NumPyro's DiscreteHMCGibbs, which draws entry by entry.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Bernoulli, Normal
    >>> from ppl_core.infer import RandomWalkKernel
    >>> def coin():
    ...     heads = ppl.sample("heads", Bernoulli(0.5))
    ...     tilt = ppl.sample("tilt", Normal(heads, 1.0))
    ...     ppl.sample("seen", Normal(tilt, 0.5), obs=2.0)
    >>> run = ppl.InferenceRun(DiscreteGibbs(RandomWalkKernel(coin)), seed=101, max_steps=500)
    >>> draws = [snapshot.info.values["heads"] for snapshot in run]
    >>> 0.6 < float(sum(draws)) / 500 < 0.9
    True
    """

    def __init__(
        self, inner_kernel: Any, *, blocks: str = "joint", max_plate_nesting: int | None = None
    ):
        if not callable(getattr(inner_kernel, "model", None)):
            raise TypeError(
                f"DiscreteGibbs: the inner kernel is one for a model, such as NUTS(model), got "
                f"{inner_kernel!r}"
            )
        if blocks not in ("joint", "sites"):
            raise ValueError(f"DiscreteGibbs: blocks is 'joint' or 'sites', got {blocks!r}")
        self.model, self.blocks = inner_kernel.model, blocks
        self.max_plate_nesting = max_plate_nesting
        self.inner_kernel: Any = copy(inner_kernel)
        self.inner_kernel.model = self._given_discrete

    @property
    def warmup_steps(self) -> int:
        """Steps that the inner kernel learns from; set by MCMC."""
        return self.inner_kernel.warmup_steps

    @warmup_steps.setter
    def warmup_steps(self, steps: int) -> None:
        self.inner_kernel.warmup_steps = steps

    @property
    def initial_params(self) -> Mapping[str, Tensor] | None:
        """Unconstrained starting values of the continuous sites."""
        return self.inner_kernel.initial_params

    @initial_params.setter
    def initial_params(self, values: Mapping[str, Tensor] | None) -> None:
        self.inner_kernel.initial_params = values

    # ---- a Kernel

    def init(self, *args: Any, **kwargs: Any) -> GibbsState:
        """Draw the discrete sites from the prior, and let the inner kernel find its start."""
        failure: InferenceError | None = None
        for _ in range(_TRIES):
            state = self._first_run(args, kwargs)
            if not state.continuous:
                return state
            try:
                inner = self.inner_kernel.init(state.discrete, *args, **kwargs)
            except InferenceError as error:
                failure = error
                continue
            return GibbsState(state.discrete, dict(inner.values), inner, state.first_dim)
        raise InferenceError(
            f"DiscreteGibbs: none of {_TRIES} draws of the discrete sites allowed a start. "
            f"{failure}",
            step=0,
            site=failure.site if failure else "",
            cause=failure.cause if failure else "",
        )

    def update(self, state: GibbsState, *args: Any, **kwargs: Any) -> tuple[GibbsState, GibbsInfo]:
        """One turn: the discrete sites, then the continuous ones."""
        discrete = self._drawn(state, args, kwargs)
        if state.inner is None:
            new = GibbsState(discrete, {}, None, state.first_dim, state.step + 1)
            return new, GibbsInfo(discrete, 1.0, False, {}, None)
        inner, info = self.inner_kernel.update(state.inner, discrete, *args, **kwargs)
        continuous = dict(info.values)
        new = GibbsState(discrete, continuous, inner, state.first_dim, state.step + 1)
        return new, GibbsInfo(
            {**continuous, **discrete},
            info.accept_prob,
            getattr(info, "diverging", False),
            getattr(info, "diverged_at", {}),
            info,
        )

    # ---- its parts

    def _given_discrete(self, discrete: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> Any:
        """The program with its discrete sites held: what the inner kernel sees."""
        return condition(self.model, data=discrete)(*args, **kwargs)

    def _first_run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> GibbsState:
        with torch.no_grad(), validation(True), block(), trace() as sites:
            self.model(*args, **kwargs)
        latent = [site for site in sites.samples() if is_latent(site)]
        discrete = [site for site in latent if site.fn.support.is_discrete]
        if not discrete:
            raise ModelError(
                f"DiscreteGibbs: the model has no discrete latent site; use the inner kernel by "
                f"itself. Its latent sites: {listing(site.name for site in latent)}."
            )
        for site in discrete:
            if not getattr(site.fn, "has_enumerate_support", False):
                at = f" at {site.where}" if site.where else ""
                raise ModelError(
                    f"DiscreteGibbs: site {site.name!r}{at} is discrete ({type(site.fn).__name__}) "
                    f"and has no finite list of outcomes to choose from. Give it an upper end, as "
                    f"a Categorical over the counts that matter, or sum it out by hand."
                )
        nesting = plate_depth(sites) if self.max_plate_nesting is None else self.max_plate_nesting
        values = {site.name: site.value.detach() for site in latent}
        names = {site.name for site in discrete}
        return GibbsState(
            {name: value for name, value in values.items() if name in names},
            {name: value for name, value in values.items() if name not in names},
            None,
            -1 - nesting,
        )

    def _drawn(
        self, state: GibbsState, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Tensor]:
        """The discrete sites, drawn from their conditional given the continuous ones."""
        discrete = dict(state.discrete)
        groups = [list(discrete)] if self.blocks == "joint" else [[name] for name in discrete]
        for group in groups:
            held = {name: value for name, value in discrete.items() if name not in group}
            with validation(False):
                given = condition(self.model, data={**state.continuous, **held})
                draw = infer_discrete(config_enumerate(given), first_available_dim=state.first_dim)
                with block(), trace() as sites:
                    draw(*args, **kwargs)
            discrete |= {name: sites[name].value.detach() for name in group}
        return discrete
