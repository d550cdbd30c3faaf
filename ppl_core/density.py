"""A program as a function: its log joint at given values, and the same without constraints.

Gradient-based samplers, importance weights and quadrature all stand on these two views.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import biject_to

from .effects import Site
from .errors import ModelError, listing, suggestion
from .handlers import replay, trace

Model = Callable[..., Any]


def log_density(model: Model, values: Mapping[str, Any], *args: Any, **kwargs: Any) -> Tensor:
    """Log joint density of a program at given values of its latent sites, in nats (scalar).

    Args:
        model: the program; its observed sites count as they are.
        values: site name -> value (constrained, batch_shape + event_shape) for every latent site.
        args, kwargs: of the program.

    Raises:
        ModelError: a latent site has no value, or a value has no site.

    >>> import ppl_core as ppl
    >>> model = lambda: ppl.sample("kg", ppl.distributions.Normal(8.5, 1.0))
    >>> log_density(model, {"kg": 8.5})
    tensor(-0.9189)
    """
    with trace() as sites, replay(trace=values):
        model(*args, **kwargs)
    latent = [name for name in sites.stochastic_nodes if not sites[name].infer.get("is_auxiliary")]
    missing = [name for name in latent if name not in values]
    if missing:
        raise ModelError(
            f"log_density: no value for site {missing[0]!r}. Latent sites: {listing(latent)}."
        )
    for name in values:
        if name not in latent:
            raise ModelError(
                f"log_density: the program has no latent site named {name!r}."
                f"{suggestion(name, latent)} Latent sites: {listing(latent)}."
            )
    return sites.log_prob_sum()


@dataclass(frozen=True)
class Potential:
    """Minus the log joint over unconstrained values, as a function of a dict of tensors.

    Attributes:
        start: unconstrained values of one run of the prior, site name -> tensor.
    """

    model: Model
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    transforms: Mapping[str, Any]
    start: Mapping[str, Tensor]

    def __call__(self, unconstrained: Mapping[str, Tensor]) -> Tensor:
        """Potential energy in nats, the transforms' volume change included (scalar)."""
        values, volume = {}, torch.zeros(())
        for name, transform in self.transforms.items():
            z = unconstrained[name]
            values[name] = x = transform(z)
            volume = volume + transform.log_abs_det_jacobian(z, x).sum()
        return -(log_density(self.model, values, *self.args, **self.kwargs) + volume)

    def constrain(self, unconstrained: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The values that unconstrained ones stand for."""
        return {name: t(unconstrained[name]) for name, t in self.transforms.items()}


def potential(model: Model, *args: Any, **kwargs: Any) -> Potential:
    """The unconstrained view of a program with continuous latent sites.

    Raises:
        ModelError: a latent site is discrete, or there is none.
    """
    with trace() as sites:
        model(*args, **kwargs)
    latent = {name: sites[name] for name in sites.stochastic_nodes}
    if not latent:
        raise ModelError(f"potential: the program has no latent site. Its sites: {listing(sites)}.")
    transforms = {name: _transform(site) for name, site in latent.items()}
    start = {name: transforms[name].inv(site.value).detach() for name, site in latent.items()}
    return Potential(model, args, kwargs, transforms, start)


def _transform(site: Site) -> Any:
    support = site.fn.support
    if support.is_discrete:
        raise ModelError(f"potential: site {site.name!r} is discrete; it has no gradient")
    return biject_to(support)
