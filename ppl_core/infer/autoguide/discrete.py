"""AutoDiscreteParallel: a table of probabilities for every discrete site, to be summed over."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ...distributions import (
    Bernoulli,
    Categorical,
    MaskedDistribution,
    OneHotCategorical,
    constraints,
)
from ...errors import GuideError
from ...handlers import Trace
from ...primitives import sample
from .guide import AutoGuide, First, Plates, inside
from .latent import all_rows, row_plates

TABLES: Mapping[type, Any] = {
    Bernoulli: constraints.unit_interval,
    Categorical: constraints.simplex,
    OneHotCategorical: constraints.simplex,
}
"""The distributions that have a table of probabilities, and what it obeys."""

SUM_OVER = {"enumerate": "parallel"}


class AutoDiscreteParallel(AutoGuide):
    """Mean field over discrete sites: each has its own probabilities.

    Parameters: "AutoDiscreteParallel.site_probs", the prior's at the start. `TraceEnum_ELBO` sums
    over the outcomes, so that no draw is noisy.

    Args:
        model: the conditioned program; its latent sites are Bernoulli, Categorical or
            OneHotCategorical (hide the others with `handlers.block`).
        create_plates: as in AutoGuide.

    >>> import ppl_core as ppl
    >>> guide = AutoDiscreteParallel(lambda: ppl.sample("face", Categorical(torch.ones(6) / 6)))
    >>> guide.median()
    {'face': tensor(2)}
    """

    def _learn(self, sites: Trace) -> None:
        self._kinds: dict[str, type] = {}
        self._plates_of: dict[str, Any] = {}
        self._first = {}
        for name, site in sites.items():
            fn = site.fn.base_dist if isinstance(site.fn, MaskedDistribution) else site.fn
            kind = type(fn)
            if kind not in TABLES:
                raise GuideError(
                    f"AutoDiscreteParallel: site {name!r} is {kind.__name__}; a table of "
                    f"probabilities exists for {', '.join(k.__name__ for k in TABLES)} only (each "
                    f"outcome a row of a plate, not of an event). Hide the site from this guide: "
                    f"handlers.block(model, hide=[{name!r}])"
                )
            self._kinds[name], self._plates_of[name] = kind, row_plates(site)
            event_dim = 0 if kind is Bernoulli else 1
            probs = all_rows(fn.probs.detach(), site, event_dim).clone()
            self._first[f"{name}_probs"] = First(probs, TABLES[kind], event_dim)

    def _draw(self, plates: Plates, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        values = {}
        for name, kind in self._kinds.items():
            with inside(plates, self._plates_of[name]):
                fn = kind(self._param(f"{name}_probs"))
                values[name] = sample(name, fn, infer=SUM_OVER)
        return values

    def _quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        quantiles = {}
        for name, kind in self._kinds.items():
            probs = self._value(f"{name}_probs")
            if kind is Bernoulli:
                probs = torch.stack([1 - probs, probs], -1)
            below = probs.cumsum(-1)[..., :-1]
            outcome = (below < levels.to(probs).reshape(-1, *[1] * probs.dim())).sum(-1)
            if kind is Bernoulli:
                outcome = outcome.to(probs)
            elif kind is OneHotCategorical:
                outcome = one_hot(outcome, probs.shape[-1]).to(probs)
            quantiles[name] = outcome
        return quantiles
