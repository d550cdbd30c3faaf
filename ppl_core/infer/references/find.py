"""reference: the best available truth about a program's posterior."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import torch

from ...effects import Forward, Handler, Site
from ...errors import ModelError, listing, suggestion
from ...plates import Subsample
from .affine import Program, scored
from .conjugate import conjugate
from .enumerated import enumerated
from .estimate import estimate
from .gaussian import gaussian
from .quadrature import quadrature
from .result import Reference


def reference(
    model: Any,
    *args: Any,
    sites: Iterable[str] | None = None,
    tolerance: float = 1e-4,
    num_samples: int = 2000,
    num_chains: int = 2,
    seed: int = 0,
    **kwargs: Any,
) -> Reference:
    """The best available truth about a posterior, labelled as what it is.

    Tried in this order: a linear Gaussian program ("closed form"; "Kalman" for an object with
    `init` and `step`, whose one argument is then the series of readings), conjugate pairs ("closed
    form"), sums over discrete outcomes ("exact enumeration"), grids over one or two continuous
    coordinates ("quadrature"), a long run of NUTS ("estimate"). The last two sum discrete sites
    out, and tell nothing of them. The random generator of the caller is left as it was.

    Args:
        model: the conditioned program.
        args: of the program.
        sites: names to keep; all latent sites by default.
        tolerance: wanted error of a quadrature's log evidence, in nats.
        num_samples, num_chains: of NUTS, should it come to that.
        seed: of all random numbers used.
        kwargs: of the program.

    Raises:
        ModelError: there is no latent site, a plate is subsampled, a named site is unknown, or a
            discrete site has no end of outcomes.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", Normal(guess, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> exact = reference(scale, 8.5)
    >>> exact.kind, exact["weight"], round(exact.log_evidence, 3)
    ('closed form', Marginal(mean=9.14, sd=0.6), -1.462)
    """
    settings = {"tolerance": tolerance, "num_samples": num_samples, "num_chains": num_chains}
    *_, found = search(model, *args, seed=seed, **settings, **kwargs)
    assert found is not None
    return found if sites is None else replace(found, marginals=_kept(found, sites))


def search(
    model: Any,
    *args: Any,
    tolerance: float = 1e-4,
    num_samples: int = 2000,
    num_chains: int = 2,
    seed: int = 0,
    **kwargs: Any,
) -> Iterator[Reference | None]:
    """What `reference` does, piece by piece, for whoever must not wait: None after each, then it.

    All that is exact, and quadrature, is one piece; of the long run each step is one.

    Args:
        model, args, kwargs, tolerance, num_samples, num_chains, seed: as for `reference`.

    Raises:
        ModelError: as `reference` does.

    >>> import ppl_core as ppl
    >>> def scale():
    ...     weight = ppl.sample("weight", ppl.distributions.Normal(8.5, 1.0))
    ...     ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75), obs=9.5)
    >>> [found and found.kind for found in search(scale)]
    ['closed form']
    """
    if callable(getattr(model, "init", None)) and callable(getattr(model, "step", None)):
        model, kalman = unrolled(model), True
    else:
        kalman = False
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = _closed(model, args, kwargs)
        found = found or quadrature(model, args, kwargs, tolerance)
    if found is None:
        yield from estimate(model, args, kwargs, num_samples, num_chains, seed)
    elif kalman and found.kind == "closed form":
        yield replace(found, kind="Kalman")
    else:
        yield found


def _closed(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Reference | None:
    """What is exact, if anything is; a prior that cannot be drawn from has nothing to prove."""
    try:
        program = Program(model, args, kwargs)
    except NotImplementedError:
        return None
    _check(program)
    return gaussian(program) or conjugate(program) or enumerated(program)


def _check(program: Program) -> None:
    if not program.latent:
        raise ModelError("reference: the program has no latent site, so there is no posterior")
    for site in program.first.samples():
        if isinstance(site.fn, Subsample) and site.fn.subsample_size < site.fn.size:
            raise ModelError(
                f"reference: plate {site.name!r} chooses {site.fn.subsample_size} of "
                f"{site.fn.size} rows, so the posterior changes from run to run. Leave out "
                f"subsample_size."
            )
    for site in program.latent.values():
        listed = getattr(site.fn, "has_enumerate_support", False)
        if site.fn.support.is_discrete and not listed:
            raise ModelError(
                f"reference: site {site.name!r} is discrete ({type(site.fn).__name__}) and has no "
                f"finite list of outcomes to sum over"
            )
    if not [site for site in scored(program.first) if site.name in program.latent]:
        raise ModelError("reference: no latent site has a density")


def _kept(found: Reference, sites: Iterable[str]) -> dict[str, Any]:
    names = [sites] if isinstance(sites, str) else list(sites)
    for name in names:
        if name not in found.marginals:
            raise ModelError(
                f"reference: there is no site {name!r} in the posterior."
                f"{suggestion(name, found.marginals)} Its sites: {listing(found.marginals)}."
            )
    return {name: found.marginals[name] for name in names}


def unrolled(model: Any) -> Callable[[Sequence[Any]], None]:
    """A program in two parts as one program of a series: the sites of step t are `t/name`.

    `init(state)` or, if it takes one more argument, `init(state, first reading)`; then
    `step(state, reading)` for each reading that is left.
    """

    def series(readings: Sequence[Any]) -> None:
        state: dict[str, Any] = {}
        left = list(readings)
        with _prefixed(prefix="0/"):
            if _takes_reading(model.init):
                model.init(state, left.pop(0))
            else:
                model.init(state)
        for step, reading in enumerate(left, start=1):
            with _prefixed(prefix=f"{step}/"):
                model.step(state, reading)

    return series


class _prefixed(Handler):
    """Sites under longer names."""

    def __init__(self, prefix: str):
        self.prefix = prefix

    def handle(self, site: Site, forward: Forward) -> Site:
        return forward(site.replace(name=self.prefix + site.name))


def _takes_reading(part: Callable[..., Any]) -> bool:
    return len(signature(part).parameters) > 1
