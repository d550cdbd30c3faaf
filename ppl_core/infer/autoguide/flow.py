"""AutoIAFNormal: normal noise through masked networks, a guide of almost any shape."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...distributions import Normal, TransformedDistribution
from ...effects import suspended
from .autoregressive import AffineAutoregressive, Masks, masks
from .continuous import AutoContinuous
from .guide import First, Model
from .initialization import Strategy, init_to_feasible

NUM_DRAWS = 1_000
"""Draws behind the quantiles of a flow, which have no formula."""


class AutoIAFNormal(AutoContinuous):
    """Inverse autoregressive flow: standard normal noise through networks, one after the other.

    It starts as N(start, 1), and one network already contains every normal distribution
    (AutoMultivariateNormal). Medians and quantiles are estimated from 1,000 draws. Parameters:
    "AutoIAFNormal.transform.0.layers.0.weight" and so on.

    Args:
        model: the conditioned program.
        hidden_dim: width of the hidden layer, or of several; 10 * latent_dim by default.
        init_loc_fn: where the guide is centred at the start; the feasible point by default.
        num_transforms: networks in turn, each reading in the other direction.
        log_scale_min_clip, log_scale_max_clip: bounds of each network's log scales.
        create_plates: as in AutoGuide.

    Source: Kingma et al. 2016, Improved variational inference with inverse autoregressive flow.
    """

    def __init__(
        self,
        model: Model,
        hidden_dim: int | Sequence[int] | None = None,
        init_loc_fn: Strategy | None = None,
        num_transforms: int = 1,
        *,
        log_scale_min_clip: float = -5.0,
        log_scale_max_clip: float = 3.0,
        create_plates: Any = None,
    ):
        super().__init__(model, init_loc_fn or init_to_feasible, create_plates=create_plates)
        self.hidden_dim, self.num_transforms = hidden_dim, num_transforms
        self._clip = log_scale_min_clip, log_scale_max_clip

    def _first_values(self) -> dict[str, First]:
        start, first = self._init_loc(), {}
        widths = self.hidden_dim or 10 * self.latent_dim
        widths = [widths] if isinstance(widths, int) else list(widths)
        self._masks: list[Masks] = []
        for turn in range(self.num_transforms):
            made = masks(self.latent_dim, widths, start, reverse=bool(turn % 2))
            self._masks.append(made)
            for depth, mask in enumerate(made.layers):
                spread = 0.01 if depth == len(widths) else mask.shape[1] ** -0.5
                weight = torch.randn_like(mask) * spread
                layer = f"transform.{turn}.layers.{depth}"
                first[f"{layer}.weight"] = First(weight)
                first[f"{layer}.bias"] = First(start.new_zeros(len(mask)))
            first[f"transform.{turn}.skip.weight"] = First(torch.zeros_like(made.skip))
        bias = torch.cat([start, torch.zeros_like(start)])
        first[f"transform.{self.num_transforms - 1}.layers.{len(widths)}.bias"] = First(bias)
        return first

    def _network(self, turn: int) -> AffineAutoregressive:
        """One network with its current parameters."""
        path, made = f"transform.{turn}", self._masks[turn]
        names = [f"{path}.layers.{depth}" for depth in range(len(made.layers))]
        layers = [(self._param(f"{n}.weight"), self._param(f"{n}.bias")) for n in names]
        return AffineAutoregressive(made, layers, self._param(f"{path}.skip.weight"), self._clip)

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """The distribution over unconstrained coordinates, event_shape (latent_dim,)."""
        networks: list[Any] = [self._network(turn) for turn in range(self.num_transforms)]
        zero = torch.zeros_like(self._masks[0].skip[0])
        return TransformedDistribution(Normal(zero, torch.ones_like(zero)).to_event(1), networks)

    def _marginal_quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with suspended():
            draws = self.get_posterior().sample((NUM_DRAWS,))
        return draws.quantile(levels.to(draws), dim=0)
