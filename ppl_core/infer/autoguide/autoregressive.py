"""An invertible network: each output shifts and scales one input, told how by those before it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear, relu

from ...distributions import constraints
from ...distributions.transforms import Transform


class Masks(NamedTuple):
    """Which weights of a masked network exist.

    Attributes:
        layers: (outputs, inputs) of each layer in turn; the last gives shifts, then log scales.
        skip: (dim, dim) of the linear part of the shifts.
        order: of the coordinates, each before those that it tells.
    """

    layers: list[Tensor]
    skip: Tensor
    order: list[int]


def masks(dim: int, widths: Sequence[int], like: Tensor, reverse: bool = False) -> Masks:
    """Masks of zeros and ones for vectors of length `dim`, read from the left, or in reverse.

    Args:
        dim: length of input and output.
        widths: of the hidden layers.
        like: gives dtype and device.
        reverse: whether coordinates to the right come before.

    Source: Germain et al. 2015, MADE: masked autoencoder for distribution estimation, eq. 8-9.
    """
    turn = torch.arange(dim, 0, -1) if reverse else torch.arange(1, dim + 1)
    layers, below = [], turn
    for width in widths:
        here = torch.arange(width) % max(1, dim - 1) + 1
        layers.append(here.unsqueeze(1) >= below)
        below = here
    layers.append((turn.unsqueeze(1) > below).repeat(2, 1))
    skip = (turn.unsqueeze(1) > turn).to(like)
    return Masks([layer.to(like) for layer in layers], skip, turn.argsort().tolist())


class AffineAutoregressive(Transform):
    """y_i = exp(s_i) x_i + m_i, where m_i and s_i are learned functions of the x before x_i.

    One masked network gives all m and s at once; m has a linear part besides, so that every normal
    distribution is a special case. Forward is one pass, backward one for each coordinate. The
    newest pair is remembered, so that a draw is scored at no cost.

    Args:
        masks: of the network.
        layers: (weight, bias) of each layer, shaped as the masks.
        skip: weight of the linear part.
        clip: bounds of s.

    Source: Kingma et al. 2016, Improved variational inference with inverse autoregressive flow,
    eq. 10.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(
        self,
        masks: Masks,
        layers: Sequence[tuple[Tensor, Tensor]],
        skip: Tensor,
        clip: tuple[float, float] = (-5.0, 3.0),
    ):
        super().__init__(cache_size=1)
        self._order, self._clip, self._skip = masks.order, clip, skip * masks.skip
        self._layers = [(w * mask, b) for (w, b), mask in zip(layers, masks.layers, strict=True)]
        self._scaled: tuple[Tensor | None, Tensor | None] = None, None

    def shift_and_log_scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift m and log scale s of an input, each shaped as it, (..., dim)."""
        h = x
        for weight, bias in self._layers[:-1]:
            h = relu(linear(h, weight, bias))
        shift, log_scale = linear(h, *self._layers[-1]).chunk(2, -1)
        clipped = log_scale + (log_scale.clamp(*self._clip) - log_scale).detach()
        return shift + linear(x, self._skip), clipped

    def _call(self, x: Tensor) -> Tensor:
        shift, log_scale = self.shift_and_log_scale(x)
        self._scaled = x, log_scale
        return torch.addcmul(shift, log_scale.exp(), x)

    def _inverse(self, y: Tensor) -> Tensor:
        x = torch.zeros_like(y)
        for i in self._order:
            shift, log_scale = self.shift_and_log_scale(x)
            here = (y[..., i] - shift[..., i]) * (-log_scale[..., i]).exp()
            x = torch.cat([x[..., :i], here.unsqueeze(-1), x[..., i + 1 :]], -1)
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of s, (...)."""
        known, log_scale = self._scaled
        if known is not x or log_scale is None:
            log_scale = self.shift_and_log_scale(x)[1]
        return log_scale.sum(-1)
