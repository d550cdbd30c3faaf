"""AutoNormalizingFlow: standard normal noise through an invertible network."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...distributions import Normal, TransformedDistribution, constraints
from ...distributions.transforms import Transform
from ...effects import suspended
from .autoregressive import AffineAutoregressive
from .continuous import AutoContinuous
from .guide import First, Model
from .initialization import Strategy, init_to_feasible

NUM_DRAWS = 1_000
"""Draws behind the quantiles of a flow, which have no formula."""


class AutoNormalizingFlow(AutoContinuous):
    """A guide of any shape that its transform can give to a standard normal.

    Learnable tensors of the transform become parameters, "AutoNormalizingFlow.transform.0.weight".
    Medians and quantiles are estimated from 1,000 draws.

    Args:
        model: the conditioned program.
        init_transform_fn: from latent_dim to a `Transform` of vectors of that length, or several
            in turn; those that are also an `nn.Module` are learned.
        init_loc_fn: where the latent sites of the model's first run stand; the transform decides
            where the guide starts.
        create_plates: as in AutoGuide.

    Source: Rezende & Mohamed 2015, Variational inference with normalizing flows.
    """

    def __init__(
        self,
        model: Model,
        init_transform_fn: Callable[[int], Any],
        *,
        init_loc_fn: Strategy | None = init_to_feasible,
        create_plates: Any = None,
    ):
        super().__init__(model, init_loc_fn, create_plates=create_plates)
        self._init_transform_fn = init_transform_fn

    def _first_values(self) -> dict[str, First]:
        start = self._init_loc()
        made = self._init_transform_fn(self.latent_dim)
        parts = [made] if isinstance(made, Transform) else list(made)
        self._start_at(start, parts)
        self._layers = Layers(parts).to(start)
        weights = self._layers.named_parameters()
        return {f"transform.{name}": First(weight.detach().clone()) for name, weight in weights}

    def _start_at(self, start: Tensor, parts: Sequence[Transform]) -> None:
        """Prepare new transforms for a guide that starts there."""

    def get_base_dist(self) -> Any:
        """Standard normal noise, event_shape (latent_dim,)."""
        start = self._init_loc()
        return Normal(torch.zeros_like(start), torch.ones_like(start)).to_event(1)

    def get_transform(self, *args: Any, **kwargs: Any) -> Transform:
        """The transform with the current parameters."""
        weights = {name.removeprefix("transform."): self._param(name) for name in self._first}
        return Flow(self._layers, weights)

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The distribution over unconstrained coordinates, event_shape (latent_dim,)."""
        return TransformedDistribution(self.get_base_dist(), [self.get_transform()])

    def _marginal_quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with suspended():
            draws = self.get_posterior(*args, **kwargs).sample((NUM_DRAWS,))
        return draws.quantile(levels.to(draws), dim=0)


class AutoIAFNormal(AutoNormalizingFlow):
    """Inverse autoregressive flow: noise through masked networks, one after the other.

    One network already contains every normal distribution (AutoMultivariateNormal), and bends it.

    Args:
        model: the conditioned program.
        hidden_dim: width of the hidden layer, or of several; 10 * latent_dim by default.
        init_loc_fn: where the guide is centred at the start.
        num_transforms: networks in turn, each reading in the other direction.
        create_plates: as in AutoGuide.
        settings: of `AffineAutoregressive`.

    Source: Kingma et al. 2016, Improved variational inference with inverse autoregressive flow.
    """

    def __init__(
        self,
        model: Model,
        hidden_dim: int | Sequence[int] | None = None,
        init_loc_fn: Strategy | None = None,
        num_transforms: int = 1,
        *,
        create_plates: Any = None,
        **settings: Any,
    ):
        widths = [hidden_dim] if isinstance(hidden_dim, int) else hidden_dim
        networks = partial(_networks, hidden_dims=widths, count=num_transforms, **settings)
        init_loc_fn = init_loc_fn or init_to_feasible
        super().__init__(model, networks, init_loc_fn=init_loc_fn, create_plates=create_plates)

    def _start_at(self, start: Tensor, parts: Sequence[Any]) -> None:
        bias = parts[-1].output.bias
        bias.data[: len(start)] = start.to(bias)


def _networks(input_dim: int, *, count: int, **settings: Any) -> list[AffineAutoregressive]:
    """Networks in turn, each reading in the other direction."""
    return [
        AffineAutoregressive(input_dim, reverse=bool(turn % 2), **settings) for turn in range(count)
    ]


class Layers(nn.Module):
    """Transforms in turn, as one module."""

    def __init__(self, parts: Iterable[Transform]):
        super().__init__()
        self.parts: list[Any] = list(parts)
        for turn, part in enumerate(self.parts):
            if isinstance(part, nn.Module):
                self.add_module(str(turn), part)

    def forward(self, x: Tensor, backward: bool = False) -> tuple[Tensor, Tensor]:
        """The output and the log determinant of its Jacobian; backward, the input and zero."""
        volume = x.new_zeros(x.shape[:-1])
        for part in reversed(self.parts) if backward else self.parts:
            if backward:
                x = part.inv(x)
            elif isinstance(part, AffineAutoregressive):
                x, change = part.with_volume(x)
                volume = volume + change
            else:
                y = part(x)
                change = part.log_abs_det_jacobian(x, y)
                x, volume = y, volume + (change.sum(-1) if change.dim() == x.dim() else change)
        return x, volume


_lending = Lock()  # a module's parameters are swapped in place, for all threads


class Flow(Transform):
    """A module's transforms with parameters from elsewhere; the newest pair is remembered."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, layers: Layers, weights: dict[str, Tensor]):
        super().__init__(cache_size=1)
        self._layers, self._weights = layers, weights
        self._newest: tuple[Tensor | None, Tensor | None] = None, None

    def _run(self, x: Tensor, backward: bool = False) -> tuple[Tensor, Tensor]:
        with _lending:
            return functional_call(self._layers, self._weights, (x, backward))

    def _call(self, x: Tensor) -> Tensor:
        y, volume = self._run(x)
        self._newest = x, volume
        return y

    def _inverse(self, y: Tensor) -> Tensor:
        return self._run(y, backward=True)[0]

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Log of the volume change at x in nats, (...)."""
        known, volume = self._newest
        return volume if known is x and volume is not None else self._run(x)[1]
