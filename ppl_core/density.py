"""A program as a function: its log joint at given values, and the same without constraints.

Gradient-based samplers, importance weights and quadrature all stand on these two views.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from .distributions import biject_to, constraints
from .effects import Forward, Handler, Site
from .errors import ModelError, listing, suggestion
from .handlers import Trace, is_latent, replay, trace

Model = Callable[..., Any]


def log_density(model: Model, values: Mapping[str, Any], *args: Any, **kwargs: Any) -> Tensor:
    """Log joint density of a program at given values of its latent sites, in nats (scalar).

    Args:
        model: the program; its observed sites count as they are.
        values: site name -> value (constrained, batch_shape + event_shape) for every latent site,
            or the trace of an earlier run.
        args, kwargs: of the program.

    Raises:
        ModelError: a latent site has no value, or a value has no site.

    >>> import ppl_core as ppl
    >>> model = lambda: ppl.sample("kg", ppl.distributions.Normal(8.5, 1.0))
    >>> log_density(model, {"kg": 8.5})
    tensor(-0.9189)
    """
    if isinstance(values, Trace):
        values = {name: values[name].value for name in values.stochastic_nodes}
    with trace() as sites, replay(trace=values):
        model(*args, **kwargs)
    _check_complete(sites, values)
    return sites.log_prob_sum()


def _check_complete(sites: Trace, values: Mapping[str, Any]) -> None:
    latent = [name for name in sites.stochastic_nodes if not sites[name].infer.get("is_auxiliary")]
    for name in latent:
        if name not in values:
            raise ModelError(
                f"log_density: no value for site {name!r}. Latent sites: {listing(latent)}."
            )
    for name in values:
        if name not in latent:
            raise ModelError(
                f"log_density: the program has no latent site named {name!r}."
                f"{suggestion(name, latent)} Latent sites: {listing(latent)}."
            )


class unconstrained(Handler):
    """Run a program at unconstrained values: each latent site sees them through its own support.

    The support is that of this very run, so it may depend on other sites. Sites that have a value
    already (enumerated or replayed ones) keep it.

    Args:
        values: site name -> unconstrained value; sites without one draw theirs.

    Attributes:
        log_volume: log absolute determinant of the map from `values`, in nats. Entries that nothing
            depends on (those that `obs_mask` knows) add a standard normal, or the density would
            have no end in their direction.
        values: after a run, the unconstrained values of every latent site.
        constrained: the same values on their supports.
    """

    def __init__(self, values: Mapping[str, Tensor]):
        self.given = values

    def __enter__(self) -> Self:
        self.values: dict[str, Tensor] = {}
        self.constrained: dict[str, Tensor] = {}
        self.log_volume = torch.zeros(())
        return super().__enter__()

    def handle(self, site: Site, forward: Forward) -> Site:
        """Give a latent site its value."""
        if site.kind != "sample" or site.value is not None or not is_latent(site):
            return forward(site)
        to_support = free_transform(site)
        z = self.given.get(site.name)
        if z is None:
            site = forward(site)
            value = site.value
            z = value if to_support is None else to_support.inv(value)
        else:
            value = z if to_support is None else to_support(z)
            if to_support is not None:
                volume = to_support.log_abs_det_jacobian(z, value)
                self.count(volume.sum() if volume.dim() else volume)
            if "_idle" in site.infer:
                self.count(_standard_normal(z, site.infer["_idle"]))
            site = forward(site.replace(value=value, set_by="unconstrained"))
        self.values[site.name], self.constrained[site.name] = z, value
        return site

    def count(self, log_volume: Tensor) -> None:
        """Add what one site changes of the volume, in nats (scalar)."""
        self.log_volume = self.log_volume + log_volume


def _standard_normal(z: Tensor, where: Tensor) -> Tensor:
    """Log density in nats of the entries that are marked (scalar)."""
    log_prob = -0.5 * (z * z + math.log(2 * math.pi))
    return log_prob.where(where, log_prob.new_zeros(())).sum()


def free_transform(site: Site) -> Any:
    """The bijection from unconstrained numbers to a site's support; None where they are the value.

    Raises:
        ModelError: the site is discrete, or no bijection is known.
    """
    support = bare = site.fn.support
    while hasattr(bare, "base_constraint"):
        bare = bare.base_constraint
    if bare is constraints.real:
        return None
    at = f" at {site.where}" if site.where else ""
    if support.is_discrete:
        raise ModelError(
            f"site {site.name!r}{at} is discrete ({type(site.fn).__name__}): it has no "
            f"unconstrained values and no gradient"
        )
    try:
        return biject_to(support)
    except NotImplementedError:
        raise ModelError(
            f"site {site.name!r}{at}: no bijection is known from unconstrained numbers to its "
            f"support {support}. Register one with distributions.biject_to.register."
        ) from None


@dataclass(frozen=True)
class Potential:
    """Minus the log joint over unconstrained values, as a function of a dict of tensors.

    Attributes:
        start: unconstrained values of one run of the program, site name -> tensor.
    """

    model: Model
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    start: Mapping[str, Tensor]

    def __call__(self, values: Mapping[str, Tensor]) -> Tensor:
        """Potential energy at unconstrained values in nats, volume change included (scalar)."""
        sites, log_volume = self._run(values)
        return -(sites.log_prob_sum() + log_volume)

    def constrain(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The values on the sites' supports that unconstrained ones stand for."""
        sites, _ = self._run(values)
        return {name: sites[name].value for name in values}

    def _run(self, values: Mapping[str, Tensor]) -> tuple[Trace, Tensor]:
        with trace() as sites, unconstrained(values=values) as view:
            self.model(*self.args, **self.kwargs)
        return sites, view.log_volume


def potential(model: Model, *args: Any, **kwargs: Any) -> Potential:
    """The unconstrained view of a program with continuous latent sites.

    Raises:
        ModelError: a latent site is discrete, or there is none.
    """
    with torch.no_grad(), trace() as sites, unconstrained(values={}) as view:
        model(*args, **kwargs)
    if not view.values:
        raise ModelError(f"potential: the program has no latent site. Its sites: {listing(sites)}.")
    return Potential(model, args, kwargs, view.values)
