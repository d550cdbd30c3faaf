"""reparam: the same model with another parameterisation, chosen from outside."""

from collections.abc import Callable, Mapping
from typing import Protocol

from ..effects import Forward, Handler, Site
from ..errors import ModelError


class Reparam(Protocol):
    """How to write one site in terms of others."""

    def apply(self, site: Site, forward: Forward) -> Site:
        """The site, settled: its auxiliary sites sent out by `forward`, its value computed."""
        ...


class reparam(Handler):
    """Rewrite some sites of a model by strategies from `ppl_core.infer.reparam`.

    Args:
        config: site name -> strategy, or a function `site -> strategy or None`.

    Raises:
        ModelError: a configured site is observed.
    """

    def __init__(self, config: Mapping[str, Reparam] | Callable[[Site], Reparam | None]):
        self.config = config

    def handle(self, site: Site, forward: Forward) -> Site:
        """Hand the site to its strategy."""
        if site.kind != "sample":
            return forward(site)
        config = self.config
        strategy = config(site) if callable(config) else config.get(site.name)
        if strategy is None:
            return forward(site)
        if site.observed:
            raise ModelError(
                f"reparam: site {site.name!r} is observed; only latent sites can be rewritten"
            )
        return strategy.apply(site, forward)
