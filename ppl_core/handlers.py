"""Other meanings for a program: trace it, condition it, intervene on it, replay it.

Each handler is one small class on `effects.Handler`, so each can be a wrapper, a decorator or a
context manager, and any two nest. Names and arguments are Pyro's.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor

from .distributions import Delta
from .effects import Forward, Handled, Handler, Site, settle
from .errors import ModelError, listing, suggestion
from .primitives import Subsample, data_for, given_value
from .values import as_value, validation_enabled


class Trace(dict[str, Site]):
    """The sites of one run, by name, in the order of their statements.

    `trace["weight"]`, `trace.nodes["weight"]["value"]` and iteration all work; `get_trace` adds
    what went in and came out as the nodes `"_INPUT"` and `"_RETURN"`, as in Pyro.
    """

    @property
    def nodes(self) -> "Trace":
        """The sites themselves: Pyro's spelling."""
        return self

    @property
    def trace(self) -> "Trace":
        """The record itself, for those who keep the handler to ask it later."""
        return self

    def add(self, site: Site) -> None:
        """Record a site under its name."""
        self[site.name] = site

    def samples(self) -> list[Site]:
        """Every `sample` site, observed or not."""
        return [site for site in self.values() if site.kind == "sample"]

    @property
    def stochastic_nodes(self) -> list[str]:
        """Names of the sites that were drawn."""
        return [site.name for site in self.samples() if is_latent(site)]

    @property
    def observation_nodes(self) -> list[str]:
        """Names of the sites that hold data."""
        return [site.name for site in self.samples() if site.observed]

    @property
    def param_nodes(self) -> list[str]:
        """Names of the parameters that were asked for."""
        return [site.name for site in self.values() if site.kind == "param"]

    def iter_stochastic_nodes(self) -> Iterable[tuple[str, Site]]:
        """Names and sites that were drawn."""
        return [(name, self[name]) for name in self.stochastic_nodes]

    def log_prob_sum(self, site_filter: Callable[[str, Site], bool] | None = None) -> Tensor:
        """Log joint of all sample sites, scaled and masked: a scalar in nats.

        Args:
            site_filter: `(name, site) -> bool`, to count only some.

        Raises:
            ModelError: a value is off its distribution's support or has another shape.
        """
        total = torch.zeros(())
        for site in self.samples():
            if site_filter is None or site_filter(site.name, site):
                total = total + log_prob_of(site).sum()
        return total

    def compute_log_prob(self, site_filter: Callable[[str, Site], bool] | None = None) -> None:
        """Let every sample site know its `log_prob` (batch_shape, nats)."""
        for site in self.samples():
            if site_filter is None or site_filter(site.name, site):
                log_prob_of(site)

    def copy(self) -> "Trace":
        """Another trace with the same sites."""
        return Trace(self)

    def detach_(self) -> None:
        """Cut the values of all sites from their gradients."""
        for name, site in self.items():
            if isinstance(site.value, Tensor):
                self[name] = site.replace(value=site.value.detach())

    def __repr__(self) -> str:
        return f"Trace({listing(self)})"


def is_latent(site: Site) -> bool:
    """Whether a sample site was drawn: neither data nor the rows that a plate chose."""
    return not site.observed and not isinstance(site.fn, Subsample)


def log_prob_of(site: Site) -> Tensor:
    """The site's log probability in nats, batch_shape; an error names the site.

    Raises:
        ModelError: the value is off the support, or its shape does not fit.
    """
    try:
        return site.log_prob
    except (ValueError, RuntimeError, TypeError) as error:
        if isinstance(error, ModelError):
            raise
        at = f" at {site.where}" if site.where else ""
        raise ModelError(
            f"site {site.name!r}{at}: its value cannot be scored by {site.fn}: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error


class trace(Handler):
    """Record every site: `with trace() as sites:` or `trace(model).get_trace(*args)`.

    Args:
        graph_type: "flat" or "dense", for Pyro's sake; the record is the same.
        param_only: keep parameters only.

    Raises:
        ModelError: two sample statements of one run share a name.
    """

    def __init__(self, graph_type: str = "flat", param_only: bool = False):
        if graph_type not in ("flat", "dense"):
            raise ValueError(f"trace: graph_type is 'flat' or 'dense', got {graph_type!r}")
        self.graph_type, self.param_only = graph_type, param_only

    def __call__(self, fn: Callable[..., Any]) -> "Traced":
        return Traced(self, fn)

    def __enter__(self) -> Trace:
        self.sites = Trace()
        super().__enter__()
        return self.sites

    def handle(self, site: Site, forward: Forward) -> Site:
        """Keep the settled site."""
        site = forward(site)
        if site.kind == "param":
            self.sites[site.name] = site
        elif site.kind == "sample" and not self.param_only:
            if site.name in self.sites:
                raise ModelError(_two_of_a_name(site, self.sites[site.name]))
            self.sites[site.name] = site
        return site


def _two_of_a_name(site: Site, first: Site) -> str:
    at = f" at {site.where}" if site.where else ""
    if first.kind == "param":
        return f"site {site.name!r}{at}: a parameter has this name already. Rename one of them."
    return (
        f"two sites named {site.name!r} in one run of the model{at}. In a loop, number them: "
        f'sample(f"{site.name}_{{i}}", ...); for a whole batch, use plate.'
    )


class Traced(Handled):
    """A program that keeps the record of its newest run in `.trace`."""

    trace: Trace

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self.handler.fresh() as sites:
            result = self.fn(*args, **kwargs)
        self.trace = sites
        return result

    def get_trace(self, *args: Any, **kwargs: Any) -> Trace:
        """Run the program once; every site, with `"_INPUT"` and `"_RETURN"` around them."""
        with self.handler.fresh() as sites:
            sites["_INPUT"] = Site("args", "_INPUT", args=args, kwargs=kwargs)
            result = self.fn(*args, **kwargs)
            sites["_RETURN"] = Site("return", "_RETURN", value=result)
        self.trace = sites
        return sites


class _GivenValues(Handler):
    """What condition and do share: values for sites by name, every name used in each run."""

    def __init__(self, data: Mapping[str, Any], strict: bool = True):
        if not isinstance(data, Mapping):
            raise TypeError(
                f"{type(self).__name__}: data maps site names to values, such as "
                f'{{"measurement": 9.5}}, got {data!r}'
            )
        self.data, self.strict = data, strict
        self.met: list[str] = []

    def fresh(self) -> Self:
        """A copy for one run, which has met no site yet."""
        handler = super().fresh()
        handler.met = []
        return handler

    def __enter__(self) -> Self:
        self.met = []
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if self.strict and error[0] is None and validation_enabled():
            self._unused()

    def _unused(self) -> None:
        for name in self.data:
            if name not in self.met and not _is_record(self.data):
                raise ModelError(
                    f"{type(self).__name__}: the program has no sample site named {name!r}."
                    f"{suggestion(name, self.met)} Its sites: {listing(self.met)}. "
                    f"(strict=False allows names that a run does not reach.)"
                )

    def given(self, site: Site) -> Tensor | None:
        """The value for this site, if there is one."""
        if site.kind != "sample":
            return None
        self.met.append(site.name)
        value = self.data.get(site.name)
        if isinstance(value, Site):
            value = value.value if value.kind == "sample" else None
        return None if value is None else given_value(site, value, type(self).__name__)


def _is_record(data: Mapping[str, Any]) -> bool:
    return isinstance(data, Trace)


class condition(_GivenValues):
    """Observe: the model with some of its sample sites fixed to data.

    Args:
        data: site name -> value (number, array or tensor, batch_shape + event_shape), or a Trace.
        strict: a name that no site has is an error.

    Raises:
        ModelError: the model has no site of a given name; the nearest one is named.

    >>> import ppl_core as ppl
    >>> weigh = lambda: ppl.sample("kg", ppl.distributions.Normal(8.5, 1.0))
    >>> condition(weigh, data={"kg": 9.5})()
    tensor(9.5000)
    """

    def handle(self, site: Site, forward: Forward) -> Site:
        """Fix the value and call it observed."""
        value = self.given(site)
        if value is not None:
            site = site.replace(value=value, observed=True, set_by="condition")
        return forward(site)


class uncondition(Handler):
    """Forget the data: observed sites are drawn again, from the model as it is."""

    def handle(self, site: Site, forward: Forward) -> Site:
        """Take the observation away, unless it is the site's whole meaning."""
        computed = site.infer.get("_deterministic") or site.infer.get("is_auxiliary")
        if site.kind == "sample" and site.observed and not computed:
            infer = {**site.infer, "was_observed": True, "obs": site.value}
            site = site.replace(value=None, observed=False, set_by="", infer=infer)
        return forward(site)


class do(_GivenValues):
    """Intervene: what follows sees the given values, while the sites themselves stay as they were.

    The site still draws from its own distribution (or keeps its observation), which tells nothing
    about what follows: the arrow from it is cut. (Pearl's operator; Pyro's meaning.)

    Args:
        data: site name -> value that the rest of the program is to see.
        strict: a name that no site has is an error.

    >>> import ppl_core as ppl
    >>> weigh = lambda: ppl.sample("kg", ppl.distributions.Normal(8.5, 1.0))
    >>> do(weigh, data={"kg": 9.5})()
    tensor(9.5000)
    """

    def handle(self, site: Site, forward: Forward) -> Site:
        """Let the site be settled outside, and hand on the intervention instead."""
        value = self.given(site)
        if value is None or site.intervened is not None:
            return forward(site)
        return forward(site.replace(intervened=value))


class replay(Handler):
    """Run again with the values of an earlier run.

    Args:
        trace: the earlier run, or a mapping from site names to values.
        params: parameter name -> value.

    Raises:
        ModelError: a site was observed in the earlier run, or is something else there.
    """

    def __init__(
        self,
        trace: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ):
        self.trace, self.params = trace or {}, params or {}

    def handle(self, site: Site, forward: Forward) -> Site:
        """Take the value that this site had."""
        if site.kind == "param":
            if site.name in self.params:
                site = site.replace(value=as_value(self.params[site.name]), set_by="replay")
        elif site.kind == "sample" and not site.observed and site.name in self.trace:
            earlier = self.trace[site.name]
            if isinstance(earlier, Site):
                if earlier.kind != "sample" or earlier.observed:
                    what = "observed" if earlier.kind == "sample" else f"a {earlier.kind}"
                    raise ModelError(
                        f"replay: site {site.name!r} is drawn here, but {what} in the earlier run"
                    )
                infer = {**site.infer, **earlier.infer} if earlier.infer else site.infer
                site = site.replace(value=earlier.value, set_by="replay", infer=infer)
            else:
                site = site.replace(value=data_for(site.fn, earlier), set_by="replay")
        return forward(site)


class substitute(Handler):
    """Fix values without observing them: parameters, and latent sites as if they had been drawn.

    Args:
        data: name -> value; constrained values for parameters.
    """

    def __init__(self, data: Mapping[str, Any]):
        self.data = data

    def handle(self, site: Site, forward: Forward) -> Site:
        """Take the given value, unless the site is data already."""
        if site.name in self.data and not site.observed and site.kind in ("param", "sample"):
            value = data_for(site.fn, self.data[site.name])
            site = site.replace(value=value, set_by="substitute")
        return forward(site)


class block(Handler):
    """Hide sites from everyone further out; hidden sites are settled on the spot.

    With no argument everything is hidden. `hide*` arguments hide what they name and show the rest;
    `expose*` arguments show what they name and hide the rest.

    Args:
        hide_fn, expose_fn: `site -> bool`; they decide alone.
        hide_all, expose_all: the default, said aloud.
        hide, expose: site names.
        hide_types, expose_types: "sample" (drawn), "observe" (data), "param".
    """

    def __init__(
        self,
        hide_fn: Callable[[Site], bool] | None = None,
        expose_fn: Callable[[Site], bool] | None = None,
        hide_all: bool = True,
        expose_all: bool = False,
        hide: Iterable[str] | None = None,
        expose: Iterable[str] | None = None,
        hide_types: Iterable[str] | None = None,
        expose_types: Iterable[str] | None = None,
    ):
        if hide_fn is not None and expose_fn is not None:
            raise ValueError("block: give hide_fn or expose_fn, not both")
        self.hide_fn, self.expose_fn = hide_fn, expose_fn
        self.hide, self.expose = _names(hide, "hide"), _names(expose, "expose")
        self.hide_types = _names(hide_types, "hide_types", _TYPES)
        self.expose_types = _names(expose_types, "expose_types", _TYPES)
        if self.hide & self.expose or self.hide_types & self.expose_types:
            raise ValueError("block: the same name is hidden and exposed")
        some_hidden = hide is not None or hide_types is not None
        some_shown = expose is not None or expose_types is not None
        self.hide_rest = some_shown or (hide_all and not expose_all and not some_hidden)

    def hides(self, site: Site) -> bool:
        """Whether this site stays inside."""
        if self.hide_fn is not None:
            return bool(self.hide_fn(site))
        if self.expose_fn is not None:
            return not self.expose_fn(site)
        kind = "observe" if site.kind == "sample" and site.observed else site.kind
        if site.name in self.hide or kind in self.hide_types:
            return True
        if site.name in self.expose or kind in self.expose_types:
            return False
        return self.hide_rest

    def handle(self, site: Site, forward: Forward) -> Site:
        """Settle a hidden site here."""
        return settle(site) if self.hides(site) else forward(site)


_TYPES = ("sample", "observe", "param")


def _names(
    names: Iterable[str] | None, argument: str, known: tuple[str, ...] = ()
) -> frozenset[str]:
    if isinstance(names, str):
        raise TypeError(f"block: {argument} is a list of names, such as [{names!r}]")
    found = frozenset(names or ())
    for name in found:
        if known and name not in known:
            raise ValueError(
                f"block: no type {name!r} in {argument}.{suggestion(name, known)} "
                f"Known: {listing(known)}."
            )
    return found


class scale(Handler):
    """Multiply the log probability of every sample site.

    Args:
        scale: a positive number or tensor that broadcasts with the batch shapes.
    """

    def __init__(self, scale: float | Tensor):
        if not bool(torch.as_tensor(scale > 0).all()):
            raise ValueError(f"scale: a positive factor is needed, got {scale}")
        self.scale = scale

    def handle(self, site: Site, forward: Forward) -> Site:
        """Multiply what inner scales have given."""
        if site.kind == "sample":
            site = site.replace(scale=site.scale * self.scale)
        return forward(site)


class mask(Handler):
    """Count the log probability of sample sites only where the mask is true.

    Args:
        mask: True, False, or a boolean tensor that broadcasts with the batch shapes.
    """

    def __init__(self, mask: bool | Tensor):
        if not isinstance(mask, bool) and not (
            isinstance(mask, Tensor) and mask.dtype == torch.bool
        ):
            raise ValueError(f"mask: True, False or a boolean tensor is needed, got {mask!r}")
        self.mask = mask

    def handle(self, site: Site, forward: Forward) -> Site:
        """Both masks must let an entry through."""
        if site.kind == "sample":
            both = self.mask if site.mask is None else site.mask & self.mask
            site = site.replace(mask=both)
        return forward(site)


class seed(Handler):
    """Make every run draw the same: torch's generator is set on entry and put back on exit.

    Args:
        rng_seed: a whole number.
    """

    def __init__(self, rng_seed: int):
        if not isinstance(rng_seed, int):
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
