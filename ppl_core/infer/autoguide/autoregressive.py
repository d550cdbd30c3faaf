"""An invertible network: each output shifts and scales one input, told how by those before it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from ...distributions import constraints
from ...distributions.transforms import Transform


class MaskedLinear(nn.Module):
    """A linear layer some of whose weights are zero for ever.

    Args:
        mask: (outputs, inputs), true where there is a weight.
        start: standard deviation of the weights at the start; the biases start at zero.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, start: float):
        super().__init__()
        self.register_buffer("mask", mask.to(torch.get_default_dtype()))
        self.weight = nn.Parameter(torch.randn(mask.shape) * start)
        self.bias = nn.Parameter(torch.zeros(len(mask)))

    def forward(self, inputs: Tensor) -> Tensor:
        """`inputs` through the layer, (..., inputs) to (..., outputs)."""
        return linear(inputs, self.weight * self.mask, self.bias)


class AffineAutoregressive(Transform, nn.Module):
    """y_i = exp(s_i) x_i + m_i, where m_i and s_i are learned functions of the x before x_i.

    One masked network gives all m and s at once; a linear part of m besides, so that every normal
    distribution is a special case. Forward is one pass; backward takes as many as there are
    dimensions. It starts as the identity, nearly.

    Args:
        input_dim: length of x.
        hidden_dims: widths of the network's hidden layers; one of 10 * input_dim by default.
        reverse: "before" means from the right.
        log_scale_min_clip, log_scale_max_clip: bounds of s.

    Source: Kingma et al. 2016, Improved variational inference with inverse autoregressive flow,
    eq. 10; masks of Germain et al. 2015, MADE, eq. 8-9.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True
    __hash__ = nn.Module.__hash__  # pyright: ignore

    def __init__(
        self,
        input_dim: int,
        hidden_dims: Sequence[int] | None = None,
        *,
        reverse: bool = False,
        log_scale_min_clip: float = -5.0,
        log_scale_max_clip: float = 3.0,
    ):
        super().__init__()
        self.clip = log_scale_min_clip, log_scale_max_clip
        turn = torch.arange(input_dim, 0, -1) if reverse else torch.arange(1, input_dim + 1)
        self.order = turn.argsort().tolist()
        layers, below = [], turn
        for width in hidden_dims or [10 * input_dim]:
            here = torch.arange(width) % max(1, input_dim - 1) + 1
            layers.append(MaskedLinear(here.unsqueeze(1) >= below, len(below) ** -0.5))
            below = here
        self.hidden = nn.ModuleList(layers)
        self.output = MaskedLinear((turn.unsqueeze(1) > below).repeat(2, 1), 0.01)
        self.skip = MaskedLinear(turn.unsqueeze(1) > turn, 0.0)

    def shift_and_log_scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Shift m and log scale s of an input, each shaped as it, (..., input_dim)."""
        h = x
        for layer in self.hidden:
            h = relu(layer(h))
        shift, log_scale = self.output(h).chunk(2, -1)
        clipped = log_scale + (log_scale.clamp(*self.clip) - log_scale).detach()
        return shift + self.skip(x), clipped

    def with_volume(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Output y and the log determinant of its Jacobian, (..., input_dim) and (...)."""
        shift, log_scale = self.shift_and_log_scale(x)
        return torch.addcmul(shift, log_scale.exp(), x), log_scale.sum(-1)

    def _call(self, x: Tensor) -> Tensor:
        return self.with_volume(x)[0]

    def _inverse(self, y: Tensor) -> Tensor:
        x = torch.zeros_like(y)
        for i in self.order:
            shift, log_scale = self.shift_and_log_scale(x)
            here = (y[..., i] - shift[..., i]) * (-log_scale[..., i]).exp()
            x = torch.cat([x[..., :i], here.unsqueeze(-1), x[..., i + 1 :]], -1)
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of s, (...)."""
        return self.shift_and_log_scale(x)[1].sum(-1)
