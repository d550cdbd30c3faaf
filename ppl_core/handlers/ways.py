"""Ways to run a program: seed, lift, infer_config, broadcast."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from ..distributions import Delta
from ..effects import Forward, Handler, Site


class seed(Handler):
    """Make every run draw the same: torch's generator is set on entry and put back on exit.

    Args:
        rng_seed: a whole number.
    """

    def __init__(self, rng_seed: int):
        if not hasattr(rng_seed, "__index__"):
            raise TypeError(f"seed: a whole number is needed, got {rng_seed!r}")
        self.rng_seed = rng_seed

    def __enter__(self) -> Self:
        self._before = torch.get_rng_state()
        torch.manual_seed(self.rng_seed)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.set_rng_state(self._before)


class lift(Handler):
    """Turn parameters into random variables.

    Args:
        prior: a distribution or function for every parameter, or a mapping from names to them;
            parameters without one stay parameters.
    """

    def __init__(self, prior: Any):
        self.prior = prior

    def handle(self, site: Site, forward: Forward) -> Site:
        """Send a sample statement out in place of the parameter."""
        if site.kind != "param":
            return forward(site)
        prior = self.prior.get(site.name) if isinstance(self.prior, Mapping) else self.prior
        if prior is None:
            return forward(site)
        if isinstance(prior, Tensor):
            prior = Delta(prior, event_dim=prior.dim())
        return forward(Site("sample", site.name, prior, where=site.where))


class infer_config(Handler):
    """Add wishes to the inference algorithm.

    Args:
        config_fn: `site -> dict` of wishes for sample and param sites.
    """

    def __init__(self, config_fn: Callable[[Site], Mapping[str, Any]]):
        self.config_fn = config_fn

    def handle(self, site: Site, forward: Forward) -> Site:
        """Merge the wishes into the site's."""
        return forward(site.replace(infer={**site.infer, **self.config_fn(site)}))


class broadcast(Handler):
    """Nothing more than what plates do here anyway: sites inside a plate get its rows.

    Kept so that programs which ask for it run as they are.
    """
