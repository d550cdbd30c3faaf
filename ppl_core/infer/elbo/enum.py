"""TraceEnum_ELBO: the ELBO with discrete sites summed out exactly, in guide and model."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ... import distributions as dist
from ...effects import Forward, Handler, Site
from ...errors import GuideError, ModelError
from ...handlers import Trace, is_latent, log_prob_of, replay, trace
from ...inspect import check_pair, check_signature
from ...values import validation_enabled
from ..enumeration import Factor, connected, contract, enum, factor_of, product, unscaled_factor
from .base import ELBO, Program
from .trace import needs_score


class TraceEnum_ELBO(ELBO):
    """Minus the ELBO, with exact sums over the sites that ask to be enumerated, in nats.

    - A site enumerated in the guide is averaged over q exactly: no score-function noise.
    - A discrete latent site of the model that the guide leaves out and that asks for parallel
      enumeration is summed out of the likelihood: the bound is tighter.

    Args:
        max_plate_nesting: batch dimensions that plates use; enumeration works left of them. Found
            by a run if not given.

    Raises:
        ModelError: a sum is not tractable, or sites summed together have different scales.
    """

    def _estimate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        loss = torch.zeros(())
        for guide_sites, model_sites, log_weight in self._runs(model, guide, args, kwargs):
            terms, score_factors, outcome_factors = _terms(model_sites, guide_sites)
            for term in terms:
                expected = _expectation(term, outcome_factors, score_factors)
                loss = loss - (expected if log_weight is None else log_weight.exp() * expected)
        return loss

    def compute_marginals(
        self, model: Program, guide: Program, *args: Any, **kwargs: Any
    ) -> dict[str, dist.Bernoulli | dist.Categorical]:
        """Posterior of each site that is enumerated in the model, given one draw of the guide.

        Returns:
            Site name -> Bernoulli or Categorical, batch_shape the rows of its plates.

        Raises:
            GuideError: the guide enumerates sites itself.
        """
        [(guide_sites, model_sites, _)] = self._runs(model, guide, args, kwargs)
        if any(site.set_by == "enumerate" for site in guide_sites.samples()):
            raise GuideError("compute_marginals: enumerate sites in the model, not in the guide")
        probs = posterior_weights(model_sites, lambda tensor, dim: torch.logsumexp(tensor, dim))
        return {name: _marginal(model_sites[name], prob) for name, prob in probs.items()}

    def _runs(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[tuple[Trace, Trace, Tensor | None]]:
        """Records of guide and model for each sequential choice, with the choice's log weight."""
        if validation_enabled():
            check_signature(model, guide, args, kwargs)
        plate_dims = self.plate_dims(model, guide, args, kwargs)
        first_dim = -1 - plate_dims
        choices: list[tuple[int, ...]] = [()]
        while choices:
            chooser = _Choices(made=choices.pop())
            with trace() as guide_sites, enum(first_dim=first_dim) as outcomes, chooser:
                guide(*args, **kwargs)
            choices += chooser.others
            with (
                trace() as model_sites,
                enum(first_dim=first_dim, replayed=outcomes.dim_of),
                replay(trace=guide_sites),
            ):
                model(*args, **kwargs)
            unmatched = [
                s
                for s in model_sites.samples()
                if is_latent(s) and s.set_by not in ("replay", "enumerate")
            ]
            if validation_enabled() or unmatched:
                check_pair(model_sites, guide_sites, plate_dims)
            yield guide_sites, model_sites, chooser.log_weight(guide_sites)


class _Choices(Handler):
    """Takes one outcome per sequential site, and lists the runs that are still to be made."""

    def __init__(self, made: tuple[int, ...]):
        self.made = self.so_far = made
        self.others: list[tuple[int, ...]] = []
        self.names: list[str] = []

    def handle(self, site: Site, forward: Forward) -> Site:
        if site.kind != "sample" or site.infer.get("enumerate") != "sequential":
            return forward(site)
        if site.fn.batch_shape.numel() != 1:
            raise ModelError(
                f"site {site.name!r}: sequential enumeration takes one outcome at a time, but it "
                f'has batch_shape {tuple(site.fn.batch_shape)}; use "parallel"'
            )
        outcomes = site.fn.enumerate_support()
        turn = len(self.names)
        if turn == len(self.so_far):
            self.others += [(*self.so_far, other) for other in range(1, len(outcomes))]
            self.so_far = (*self.so_far, 0)
        self.names.append(site.name)
        return forward(site.replace(value=outcomes[self.so_far[turn]], set_by="enumerate"))

    def log_weight(self, sites: Trace) -> Tensor | None:
        """Log probability of the choices made."""
        if not self.names:
            return None
        return torch.stack([sites[name].unscaled_log_prob.sum() for name in self.names]).sum()


def _terms(
    model_sites: Trace, guide_sites: Trace
) -> tuple[list[Factor], list[Factor], dict[Any, Factor]]:
    """What the ELBO adds up, in nats; score factors; and the guide's outcome probabilities."""
    terms = model_terms(model_sites)
    scores: list[Factor] = []
    outcomes: dict[Any, Factor] = {}
    for site in guide_sites.samples():
        cost = factor_of(site, log_prob_of(site))
        terms.append(Factor(-cost.tensor, cost.names, cost.plates))
        log_q = factor_of(site, site.unscaled_log_prob)
        if site.name in site.dims.values():
            outcomes[site.name] = log_q
        elif site.set_by != "enumerate" and needs_score(site):
            scores.append(Factor(log_q.tensor - log_q.tensor.detach(), log_q.names, log_q.plates))
    return terms, scores, outcomes


def model_terms(sites: Trace, extra: Any = (), reduce: Any = None) -> list[Factor]:
    """Log probabilities of a model with its enumerated sites eliminated.

    Args:
        sites: the record of a model.
        extra: further factors on the enumerated sites.
        reduce: how one dimension is taken away; by summing probabilities if not given.

    Raises:
        ModelError: sites that are summed together have different scales.
    """
    levels = {
        s.name: frozenset(frame for frame in s.plates if frame.vectorized)
        for s in sites.samples()
        if s.set_by == "enumerate"
    }
    plain, coupled, scales = [], list(extra), {}
    for site in sites.samples():
        factor = unscaled_factor(site)
        if factor.variables & levels.keys():
            coupled.append(factor)
            scales[id(factor)] = site.scale
        else:
            plain.append(factor_of(site, log_prob_of(site)))
    for group in connected(coupled, levels):
        found = [scales[id(factor)] for factor in group if id(factor) in scales]
        if any(not _same(found[0], scale) for scale in found):
            raise ModelError(
                "enumeration: sites summed together need one scale, but "
                f"{sorted({float(scale) for scale in found})} meet at "
                f"{', '.join(sorted(map(str, group[0].variables)))}. A global discrete site and a "
                "subsampled plate do not go together; draw the global one in the guide."
            )
        results = contract(group, levels) if reduce is None else contract(group, levels, reduce)
        plain += [Factor(f.tensor * found[0], f.names, f.plates) for f in results]
    return plain


def _same(first: Any, second: Any) -> bool:
    return first is second or bool(torch.as_tensor(first == second).all())


def _expectation(term: Factor, outcomes: dict[Any, Factor], scores: list[Factor]) -> Tensor:
    """E_q of a term: exact over enumerated sites; draws without gradients by their score."""
    weights = [_within(score, term.plates) for score in scores]
    names = set(term.names).union(*(weight.names for weight in weights))
    needed: dict[Any, Factor] = {}
    while pending := (names & outcomes.keys()) - needed.keys():
        for name in pending:
            needed[name] = outcomes[name]
            names |= set(outcomes[name].names)
    for name, factor in needed.items():
        if not factor.plates <= term.plates:
            raise ModelError(
                f"enumeration: a part of the model outside plate "
                f"{next(iter(factor.plates - term.plates)).name!r} depends on the enumerated site "
                f"{name!r} inside it. Move it into the plate, or draw {name!r}."
            )
    weights += needed.values()
    if not weights:
        return term.tensor.sum()
    log_weight = product(weights)
    joint = tuple(dict.fromkeys((*term.names, *log_weight.names)))
    weight = log_weight.aligned(joint).exp()
    value = term.aligned(joint)
    return (weight * value.where(weight > 0, torch.zeros(()))).sum()


def _within(factor: Factor, plates: frozenset[Any]) -> Factor:
    """A factor summed over the rows of all plates but these."""
    for frame in factor.plates - plates:
        factor = factor.over(frame, lambda tensor, dim: tensor.sum(dim))
    return factor


def posterior_weights(sites: Trace, reduce: Callable[[Tensor, int], Tensor]) -> dict[str, Tensor]:
    """For each enumerated site, the derivative of the log joint in its outcomes' log probabilities.

    Summing, that is the posterior marginal; with a sum whose derivative is one drawn (or the best)
    outcome, it is a joint draw (or the joint maximum), one-hot.

    Returns:
        Site name -> weights, rows of its plates + (number of outcomes,).
    """
    hooks: dict[str, Factor] = {}
    for site in sites.samples():
        if site.set_by == "enumerate":
            frames = sorted((f for f in site.plates if f.vectorized), key=lambda f: f.dim)
            shape = [*(frame.size for frame in frames), _count(site)]
            hook = torch.zeros(shape, requires_grad=True)
            hooks[site.name] = Factor(hook, (*frames, site.name), frozenset(frames))
    with torch.enable_grad():
        terms = model_terms(sites, hooks.values(), reduce)
        total = torch.stack([term.tensor.sum() for term in terms]).sum()
    if not hooks:
        return {}
    scales = [sites[name].scale for name in hooks]
    grads = torch.autograd.grad(total, [factor.tensor for factor in hooks.values()])
    found = zip(hooks, grads, scales, strict=True)
    return {name: grad.detach() / scale for name, grad, scale in found}


def _count(site: Site) -> int:
    """Number of outcomes of an enumerated site."""
    dim = next(dim for dim, name in site.dims.items() if name == site.name)
    return site.value.shape[dim - len(site.fn.event_shape)]


def _marginal(site: Site, probs: Tensor) -> dist.Bernoulli | dist.Categorical:
    if isinstance(site.fn, dist.Bernoulli):
        return dist.Bernoulli(probs=probs[..., 1].clamp(0, 1))
    return dist.Categorical(probs=probs)
