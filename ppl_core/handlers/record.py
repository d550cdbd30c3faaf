"""trace: the record of a run."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from ..effects import Forward, Handled, Handler, Site
from ..errors import ModelError, listing
from ..plates import Subsample


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
        """Names of the sites that were drawn; rows that a plate chose are not counted as such."""
        return [site.name for site in self.samples() if is_latent(site)]

    @property
    def reparameterized_nodes(self) -> list[str]:
        """Names of the drawn sites whose draws carry gradients."""
        return [name for name, site in self.iter_stochastic_nodes() if site.fn.has_rsample]

    @property
    def nonreparam_stochastic_nodes(self) -> list[str]:
        """Names of the drawn sites whose draws carry no gradients."""
        return [name for name, site in self.iter_stochastic_nodes() if not site.fn.has_rsample]

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

    def format_shapes(self, title: str = "Trace Shapes:") -> str:
        """A table of each sample site's distribution, value and log probability shapes.

        Batch dimensions stand left of the bar, event dimensions right of it.
        """
        rows = [(title, "", "")]
        for site in self.values():
            if site.kind == "param":
                rows.append((f"{site.name} param", "", _spaced(site.value.shape)))
            elif site.kind == "sample":
                batch, event = site.fn.batch_shape, site.fn.event_shape
                value = tuple(getattr(site.value, "shape", ()))
                split = len(value) - len(event)
                rows.append((f"{site.name} dist", _spaced(batch), _spaced(event)))
                rows.append(("value", _spaced(value[:split]), _spaced(value[split:])))
                if "log_prob" in site:
                    rows.append(("log_prob", _spaced(site.log_prob.shape), ""))
        wide = [max(len(row[i]) for row in rows) for i in range(2)]
        return "\n".join(
            f"{name:>{wide[0]}} {batch:>{wide[1]}} | {event}".rstrip(" |")
            if name != title
            else title
            for name, batch, event in rows
        )

    def __repr__(self) -> str:
        return f"Trace({listing(self)})"


def _spaced(shape: Iterable[int]) -> str:
    return " ".join(str(size) for size in shape)


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
