"""The guide doctor: everything that is wrong with a guide, where, and how to mend it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import PPLError
from ..handlers import Trace, replay, trace
from ..params import ParamStore, get_param_store
from ..values import validation
from .pairing import (
    check_belongs,
    check_drawn,
    check_rows,
    check_same_shape,
    check_signature,
    check_support,
    own_sites,
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        what: a short name of the criterion: "signature", "missing", "extra", "observed", "support",
            "shape", "rows", "gradient" or "crash".
        site: the site or parameter, or "" for the whole guide.
        message: what, where, and how to mend it.
    """

    what: str
    site: str
    message: str


class Findings(list[Finding]):
    """What the doctor found; empty, and false, for a healthy guide."""

    def __str__(self) -> str:
        if not self:
            return "The guide fits its model."
        return "\n".join(f"{n}. {finding.message}" for n, finding in enumerate(self, start=1))

    __repr__ = __str__


def check_guide(
    model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any
) -> Findings:
    """Examine a guide beside its model, without touching the parameter store or the generator.

    The criteria: the same arguments; each latent site of the model drawn, and nothing else; no data
    drawn or observed; the same shapes and plates; draws inside the model's support; every parameter
    reached by a gradient.

    >>> import ppl_core as ppl
    >>> model = lambda: ppl.sample("kg", ppl.distributions.Normal(8.5, 1.0))
    >>> check_guide(model, lambda: None)[0].what
    'missing'
    """
    findings = Findings()

    def note(what: str, site: str, check: Callable[..., None], *about: Any) -> None:
        try:
            check(*about)
        except PPLError as error:
            findings.append(Finding(what, site, str(error)))

    with torch.random.fork_rng(devices=[]), validation(True), _copy_of_store():
        note("signature", "", check_signature, model, guide, args, kwargs)
        try:
            with trace() as guide_sites:
                guide(*args, **kwargs)
            drawn_by_guide = {s.name: s for s in guide_sites.samples() if not s.observed}
            with trace() as model_sites, replay(trace=drawn_by_guide):
                model(*args, **kwargs)
        except Exception as error:
            if not findings:
                message = f"the pair does not run: {type(error).__name__}: {error}"
                findings.append(Finding("crash", "", message))
            return findings
        latent = {name: model_sites[name] for name in model_sites.stochastic_nodes}
        drawn = {name: guide_sites[name] for name in own_sites(guide_sites)}
        for site in drawn.values():
            what = "observed" if site.observed or site.name in model_sites else "extra"
            note(what, site.name, check_belongs, site, model_sites, latent)
        for name, site in latent.items():
            note("missing", name, check_drawn, site, drawn)
            if name in drawn and not drawn[name].observed:
                note("shape", name, check_same_shape, site, drawn[name])
                note("support", name, check_support, site, drawn[name])
        for sites, who in ((guide_sites, "guide"), (model_sites, "model")):
            for site in sites.samples():
                if not any(finding.site == site.name for finding in findings):
                    note("rows", site.name, check_rows, site, who, math.inf)
        findings += _without_gradient(guide_sites, model_sites)
    return findings


class _copy_of_store:
    """A parameter store for the examination: the current values, and nothing is kept."""

    def __enter__(self) -> None:
        self.store = ParamStore()
        self.store.set_state(get_param_store().get_state())
        self.store.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.store.__exit__(*error)


def _without_gradient(guide_sites: Trace, model_sites: Trace) -> list[Finding]:
    """Parameters of this run that no site's log probability, and no draw, depends on."""
    names = [
        *guide_sites.param_nodes,
        *(n for n in model_sites.param_nodes if n not in guide_sites),
    ]
    store = get_param_store()
    leaves = {name: store.unconstrained(name) for name in names if name in store}
    total: Tensor = torch.zeros(())
    for sites in (guide_sites, model_sites):
        for site in sites.samples():
            try:
                total = total + site.unscaled_log_prob.sum()
            except (ValueError, RuntimeError, TypeError):
                continue  # another finding speaks of this site
            if isinstance(site.value, Tensor) and site.value.requires_grad:
                total = total + site.value.sum()
    if not total.requires_grad:
        unreached = list(leaves)
    else:
        grads = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        unreached = [name for name, grad in zip(leaves, grads, strict=True) if grad is None]
    return [
        Finding(
            "gradient",
            name,
            f"parameter {name!r} is never reached by a gradient: no site depends on it, or it was "
            f"cut off by .item(), .detach() or a number made from it. Use the tensor that param "
            f"returns.",
        )
        for name in unreached
    ]
