"""Resampling: let likely particles have several children and unlikely ones none.

Each scheme takes log weights and returns the index of a parent for every child. All are unbiased:
particle i has N W_i children on average, where W is normalised. They differ in how far the number
of children strays from that.

Source: Douc & Cappé 2005, Comparison of resampling schemes for particle filtering.
"""

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

Resampling = Callable[[Tensor], Tensor]


def multinomial(log_weights: Tensor) -> Tensor:
    """Every child chooses its parent by itself: the simplest scheme, and the noisiest.

    Args:
        log_weights: unnormalised, in nats, (num_particles,).

    Returns:
        Parents' indices in ascending order, (num_particles,).

    >>> multinomial(torch.tensor([0.0, -torch.inf]))
    tensor([0, 0])
    """
    return _parents_at(torch.rand(len(log_weights), dtype=torch.double).sort().values, log_weights)


def stratified(log_weights: Tensor) -> Tensor:
    """One child from each of N equal slices of the total weight.

    Args and returns: as `multinomial`.
    """
    count = len(log_weights)
    points = torch.arange(count, dtype=torch.double) + torch.rand(count, dtype=torch.double)
    return _parents_at(points / count, log_weights)


def systematic(log_weights: Tensor) -> Tensor:
    """One child from each slice, all at the same place in it: a single random number.

    The number of children is floor(N W) or ceil(N W). Args and returns: as `multinomial`.

    >>> systematic(torch.zeros(4))
    tensor([0, 1, 2, 3])
    """
    count = len(log_weights)
    points = torch.arange(count, dtype=torch.double) + torch.rand((), dtype=torch.double)
    return _parents_at(points / count, log_weights)


def residual(log_weights: Tensor) -> Tensor:
    """floor(N W) children for certain, the rest multinomially by what is left of the weights.

    Args and returns: as `multinomial`.
    """
    count = len(log_weights)
    expected = count * torch.softmax(log_weights.double(), 0)
    certain = (expected + 1e-9).floor()  # 3 equal weights: 0.9999999 is one child
    children = certain.long()
    left = count - int(children.sum())
    if left > 0:
        rest = (expected - certain).clamp(min=0.0)
        drawn = torch.multinomial(rest, left, replacement=True)
        children += torch.bincount(drawn, minlength=count)
    return torch.repeat_interleave(torch.arange(count), children)[:count]


def _parents_at(points: Tensor, log_weights: Tensor) -> Tensor:
    """Who owns each point of [0, 1), when every particle owns a stretch as long as its weight."""
    weights = torch.softmax(log_weights.double(), 0)
    ends = weights.cumsum(0)
    last = int(weights.nonzero()[-1])  # rounding must not give children to a weight of zero
    return torch.searchsorted(ends, points * ends[-1], right=True).clamp(max=last)


SCHEMES = MappingProxyType(
    {scheme.__name__: scheme for scheme in (multinomial, residual, stratified, systematic)}
)
