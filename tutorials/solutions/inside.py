"""Solutions to notebook 14."""

from typing import Self

import ppl_core as ppl
from ppl_core.effects import Forward, Site, settle


class count(ppl.Handler):
    """How many `sample` statements the newest run made, in `num`."""

    def __enter__(self) -> Self:
        self.num = 0
        return super().__enter__()

    def handle(self, site: Site, forward: Forward) -> Site:
        """Count it and pass it on."""
        self.num += site.kind == "sample"
        return forward(site)


class hide(ppl.Handler):
    """One site that nobody further out hears of."""

    def __init__(self, name: str):
        self.name = name

    def handle(self, site: Site, forward: Forward) -> Site:
        """Settle it here, and pass on the rest."""
        return settle(site) if site.name == self.name else forward(site)


class temper(ppl.Handler):
    """Data that counts `power` times."""

    def __init__(self, power: float):
        self.power = power

    def handle(self, site: Site, forward: Forward) -> Site:
        """Scale it on its way out, and leave draws as they are."""
        if site.observed:
            site = site.replace(scale=site.scale * self.power)
        return forward(site)


ANSWERS = {"14.count": count, "14.hide": hide, "14.temper": temper}
