"""Kullback-Leibler divergences between the classes that torch does not know.

`kl_divergence(p, q)` itself is torch's: it looks the pair up, also under the classes they extend.
"""

from typing import Any

import torch
from torch import Tensor
from torch import distributions as torch_distributions
from torch.distributions import kl as torch_kl
from torch.distributions import kl_divergence, register_kl

from .adopted import MultivariateNormal
from .distribution import Independent, MaskedDistribution, device_of
from .normal import Normal
from .points import Delta


@register_kl(Normal, Normal)
def _normal_normal(p: Normal, q: Normal) -> Tensor:
    return torch_kl._kl_normal_normal(p, q)


@register_kl(Delta, torch_distributions.Distribution)
def _delta_any(p: Delta, q: Any) -> Tensor:
    return p.log_density - q.log_prob(p.v)


@register_kl(Independent, Independent)
def _independent_independent(p: Independent, q: Independent) -> Tensor:
    """Sum over the event dimensions that both declare on top of their bases."""
    shared = min(p.reinterpreted_batch_ndims, q.reinterpreted_batch_ndims)
    bases = [pq.base_dist.to_event(pq.reinterpreted_batch_ndims - shared) for pq in (p, q)]
    kl = kl_divergence(bases[0], bases[1])
    return kl.flatten(-shared).sum(-1) if shared else kl


@register_kl(Independent, MultivariateNormal)
def _independent_multivariate(p: Independent, q: Any) -> Tensor:
    base = p.base_dist
    if p.reinterpreted_batch_ndims != 1 or not isinstance(base, Normal | Delta):
        raise NotImplementedError(
            f"KL({p} || {q}) has no closed form: the first is no row of normal numbers. Average "
            f"p.log_prob(x) - q.log_prob(x) over draws x of p, as Trace_ELBO does."
        )
    if isinstance(base, Delta):
        return base.log_density.sum(-1) - q.log_prob(base.v)
    return kl_divergence(MultivariateNormal(base.loc, scale_tril=base.scale.diag_embed()), q)


@register_kl(MaskedDistribution, MaskedDistribution)
def _masked_masked(p: MaskedDistribution, q: MaskedDistribution) -> Tensor:
    """The bases' divergence, where both masks are true."""
    shape = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    if p._mask is False or q._mask is False:
        return torch.zeros(shape, device=device_of(p))
    kl = kl_divergence(p.base_dist, q.base_dist)
    mask = torch.as_tensor(p._mask) & torch.as_tensor(q._mask)
    return kl.where(mask, kl.new_zeros(())).expand(shape)
