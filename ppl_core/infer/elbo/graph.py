"""TraceGraph_ELBO: score-function terms that count only what a draw can have changed; baselines."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...effects import Site
from ...errors import GuideError, listing, suggestion
from ...handlers import Trace, log_prob_of
from .base import ELBO, Program, log_prob_of_draw, run_pair, sum_to, total_log_prob
from .trace import needs_score

_SETTINGS = (
    "nn_baseline",
    "nn_baseline_input",
    "baseline_value",
    "use_decaying_avg_baseline",
    "baseline_beta",
)


class TraceGraph_ELBO(ELBO):
    """Minus a Monte Carlo ELBO whose score terms know the order of statements and the plates.

    A draw without gradients is scored against its downstream cost: its own and later sites of the
    guide, and the sites of the model from the first of these on. What came before cannot depend on
    it and would only add noise (Schulman et al. 2015, theorem 1).

    A guide site may ask for a baseline, which is subtracted from the cost and leaves the gradient
    unbiased (Mnih & Gregor 2014): `infer={"baseline": {...}}` with

    - `"use_decaying_avg_baseline": True`, a running average of the cost, with `"baseline_beta"`
      (default 0.9) the weight of the past;
    - `"nn_baseline": net, "nn_baseline_input": x`, a network that predicts the cost;
    - `"baseline_value": tensor`, a value of your own.

    Networks and values that have parameters learn by squared error.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._averages: dict[str, Tensor] = {}

    def _estimate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        guide_sites, model_sites = run_pair(model, guide, args, kwargs)
        loss = torch.zeros(())
        scored = []
        for site in guide_sites.samples():
            log_q = log_prob_of_draw(site)
            if needs_score(site):
                scored.append(site)
                log_q = log_q.detach()  # its own gradient is zero on average
            loss = loss + log_q
        for site in model_sites.samples():
            loss = loss - total_log_prob(site)
        for site in scored:
            cost = downstream_cost(site, guide_sites, model_sites)
            baseline, misfit = self._baseline(site, cost)
            score = ((cost - baseline).detach() * site.unscaled_log_prob).sum()
            extra = score if misfit is None else score + misfit
            loss = loss + (extra - extra.detach())
        return loss

    def _baseline(self, site: Site, cost: Tensor) -> tuple[Tensor, Tensor | None]:
        """What to subtract from a cost (its shape), and how far a learned one is from it."""
        wishes: Mapping[str, Any] = site.infer.get("baseline", {})
        for name in wishes:
            if name not in _SETTINGS:
                raise GuideError(
                    f"site {site.name!r}: no baseline setting {name!r}."
                    f"{suggestion(name, _SETTINGS)} Known: {listing(_SETTINGS)}."
                )
        baseline, learned = torch.zeros(()), torch.zeros(())
        if wishes.get("use_decaying_avg_baseline"):
            beta = wishes.get("baseline_beta", 0.9)
            before = self._averages.get(site.name, torch.zeros_like(cost))
            baseline = baseline + before
            self._averages[site.name] = beta * before + (1 - beta) * cost
        if "nn_baseline" in wishes:
            learned = learned + wishes["nn_baseline"](wishes["nn_baseline_input"].detach())
        if "baseline_value" in wishes:
            learned = learned + wishes["baseline_value"]
        if not learned.requires_grad:
            return baseline + learned, None
        if learned.dim() and learned.shape[-1:] != cost.shape[-1:] and learned.shape[-1] == 1:
            learned = learned.squeeze(-1)
        return baseline + learned, ((cost - baseline - learned) ** 2).sum()


def downstream_cost(site: Site, guide_sites: Trace, model_sites: Trace) -> Tensor:
    """Log q - log p of all that a guide's draw can have changed, rows of its plates kept apart."""
    names = list(guide_sites)
    later = [guide_sites[name] for name in names[names.index(site.name) :]]
    reached = {s.name for s in later}
    model_names = list(model_sites)
    first = min((model_names.index(n) for n in reached if n in model_sites), default=0)
    with torch.no_grad():
        terms = [(s.plates, log_prob_of(s)) for s in later if s.kind == "sample"]
        after = [model_sites[name] for name in model_names[first:]]
        terms += [(s.plates, -log_prob_of(s)) for s in after if s.kind == "sample"]
    return sum_to(terms, site.plates).detach()
