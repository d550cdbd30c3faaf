"""Conjugate pairs: a prior whose posterior is of its own family, with counts added.

| prior     | data                                      | what is added               |
| --------- | ----------------------------------------- | --------------------------- |
| Gamma     | Poisson(k r), Exponential(k r), Gamma(a, k r) | counts and exposure     |
| Beta      | Bernoulli(p), Binomial(n, p), Geometric(p)    | successes and failures  |
| Dirichlet | Categorical(p), OneHotCategorical(p), Multinomial(n, p) | counts        |

Several latent sites are fine as long as each data point looks at one of them only.

Source: Gelman et al. 2013, Bayesian Data Analysis, sections 2.4, 2.6 and 3.4.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ... import distributions as dist
from ...effects import Site
from .affine import Program, bare, is_affine, is_constant, scored, weights
from .result import Reference
from .tables import tabulated

# what a data point of value y and weight w adds to the two counts of a prior, at exposure k
_GAMMA: Mapping[Any, Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    dist.Poisson: lambda fn, y, k: (y, k),
    dist.Exponential: lambda fn, y, k: (torch.ones_like(y), k * y),
    dist.Gamma: lambda fn, y, k: (fn.concentration.expand(y.shape), k * y),
}
_BETA: Mapping[Any, Callable[[Any, Tensor], tuple[Tensor, Tensor]]] = {
    dist.Bernoulli: lambda fn, y: (y, 1 - y),
    dist.Binomial: lambda fn, y: (y, fn.total_count - y),
    dist.Geometric: lambda fn, y: (torch.ones_like(y), y),
}
_DIRICHLET: Mapping[Any, Callable[[Any, Tensor], Tensor]] = {
    dist.Categorical: lambda fn, y: torch.nn.functional.one_hot(y.long(), fn.probs.shape[-1]),
    dist.OneHotCategorical: lambda fn, y: y,
    dist.Multinomial: lambda fn, y: y,
}
_PRIORS = (dist.Gamma, dist.Beta, dist.Dirichlet)
_PROBES = 16


def conjugate(program: Program) -> Reference | None:
    """The exact posterior of latent sites with conjugate data; None if there is anything else.

    How the data depends on a latent value is proved or probed at several values; and the log joint
    minus the log posterior must be the same number at all of them (Bayes' rule read backwards).
    """
    if not all(type(bare(site.fn)[0]) in _PRIORS for site in program.latent.values()):
        return None
    if program.looks_at_values():
        return None
    probes = [program.draw() for _ in range(_PROBES)]
    posterior = _posterior(program, probes)
    if posterior is None:
        return None
    draws = [{name: fn.sample() for name, fn in posterior.items()} for _ in range(_PROBES)]
    evidence: list[tuple[float, float]] = []
    for values in [*map(program.rounded, probes), *map(program.rounded, draws)]:
        log_joint, error = program.log_joint(values)
        log_posterior = sum(fn.log_prob(values[n]).sum().item() for n, fn in posterior.items())
        evidence.append((log_joint - log_posterior, error + 1e-6 * (1 + abs(log_posterior))))
    if not is_constant(evidence):
        return None
    log_evidence = evidence[-1][0]
    marginals = {name: tabulated(fn) for name, fn in posterior.items()}
    pairs = {type(fn).__name__.lower() for fn in posterior.values()}
    how = f"conjugate: {', '.join(sorted(pairs))}, counts added"

    def draw(num: int) -> dict[str, Tensor]:
        return {name: fn.sample((num,)) for name, fn in posterior.items()}

    return Reference("closed form", how, marginals, log_evidence, evidence[-1][1], draw)


def _posterior(program: Program, probes: list[dict[str, Tensor]]) -> dict[str, Any] | None:
    leaves = {name: value.clone().requires_grad_() for name, value in probes[0].items()}
    records = [program.at(leaves), *map(program.at, probes[1:])]
    kinds = {tuple((s.name, type(bare(s.fn)[0])) for s in scored(sites)) for sites in records}
    if len(kinds) != 1:
        return None
    sums: dict[str, list[Tensor]] = {}
    for name, site in program.latent.items():
        prior = bare(site.fn)[0]
        if any(part.requires_grad for part in _parts(bare(records[0][name].fn)[0])):
            return None
        if bool((weights(site, prior.batch_shape) != 1).any()):
            return None
        sums[name] = [part.detach().double().clone() for part in _parts(prior)]
    for site in scored(records[0]):
        if site.name not in program.latent:
            seen = [sites[site.name] for sites in records]
            if not _add(seen, leaves, probes, program.latent, sums):
                return None
    return {n: type(bare(s.fn)[0])(*sums[n]) for n, s in program.latent.items()}


def _parts(prior: Any) -> tuple[Tensor, ...]:
    if isinstance(prior, dist.Gamma):
        return prior.concentration, prior.rate
    if isinstance(prior, dist.Beta):
        return prior.concentration1, prior.concentration0
    return (prior.concentration,)


def _add(
    seen: list[Site],
    leaves: dict[str, Tensor],
    probes: list[dict[str, Tensor]],
    latent: Mapping[str, Site],
    sums: dict[str, list[Tensor]],
) -> bool:
    """Add what one observed site tells about one latent site; False if it is not conjugate."""
    site = seen[0]
    fn = bare(site.fn)[0]
    if site.value.requires_grad:
        return False
    for name, leaf in leaves.items():
        prior = type(bare(latent[name].fn)[0])
        if prior is dist.Gamma and type(fn) in _GAMMA:
            slope = _exposure([bare(s.fn)[0] for s in seen], leaf, [p[name] for p in probes])
        elif prior is dist.Beta and type(fn) in _BETA and is_affine(fn.probs):
            slope = _choice([bare(s.fn)[0].probs for s in seen], [p[name] for p in probes], 0)
        elif prior is dist.Dirichlet and type(fn) in _DIRICHLET:
            slope = _choice([bare(s.fn)[0].probs for s in seen], [p[name] for p in probes], 1)
        else:
            continue
        if slope is None:
            continue
        shape = fn.batch_shape
        value = site.value.double().expand(shape + fn.event_shape)
        count = weights(site, shape).reshape(-1)
        rows = (slope != 0).double() * count.unsqueeze(1)
        if prior is dist.Dirichlet:
            added = [_DIRICHLET[type(fn)](fn, value).double().reshape(len(rows), -1)]
        elif prior is dist.Beta:
            added = [part.reshape(-1, 1) for part in _BETA[type(fn)](fn, value)]
        else:
            exposure = slope.sum(1).reshape(shape)
            added = [p.double().reshape(-1, 1) for p in _GAMMA[type(fn)](fn, value, exposure)]
        for total, part in zip(sums[name], added, strict=True):
            total += (rows.T @ part).reshape(total.shape)
        return True
    return False


def _exposure(fns: list[Any], leaf: Tensor, probes: list[Tensor]) -> Tensor | None:
    """The k in rate = k r, (data points, rates): one rate for each, and nothing but a product."""
    rates = [fn.rate for fn in fns]
    if not rates[0].requires_grad or not is_affine(rates[0]):
        return None
    if any(p.requires_grad for p in (getattr(fns[0], "concentration", rates[0].detach()),)):
        return None
    flat = rates[0].reshape(-1)
    rows = [torch.autograd.grad(r, leaf, retain_graph=True, allow_unused=True)[0] for r in flat]
    if any(row is None for row in rows):
        return None
    slope = torch.stack(rows).double().reshape(len(rows), -1)
    if bool(((slope != 0).sum(1) != 1).any()) or bool((slope < 0).any()):
        return None
    for rate, probe in zip(rates, probes, strict=True):
        if not torch.allclose(rate.detach().double().reshape(-1), slope @ probe.reshape(-1), 1e-5):
            return None
    same = {tuple(getattr(fn, "concentration", torch.zeros(())).reshape(-1).tolist()) for fn in fns}
    return slope if len(same) == 1 else None


def _choice(seen: list[Tensor], probes: list[Tensor], events: int) -> Tensor | None:
    """Which latent entry each data point's probability is, (data points, entries), by its value."""
    chosen: Tensor | None = None
    for probs, probe in zip(seen, probes, strict=True):
        size = probe.shape[-1] if events else 1
        if events and probs.shape[-1] != size:
            return None
        mine, theirs = probs.detach().double().reshape(-1, 1, size), probe.reshape(1, -1, size)
        same = torch.isclose(mine, theirs, rtol=2e-6, atol=1e-9).all(-1)
        chosen = same if chosen is None else chosen & same
    if chosen is None or bool((chosen.sum(1) != 1).any()):
        return None
    return chosen.double()
