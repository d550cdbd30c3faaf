"""Values from outside: condition, do, substitute, replay, and uncondition."""

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor

from ..effects import Forward, Handler, Site
from ..errors import ModelError, listing, suggestion
from ..primitives import data_for, given_value
from ..values import as_value, validation_enabled
from .record import Trace


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

    def __enter__(self) -> Self:
        self.met = []
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if self.strict and error[0] is None and validation_enabled():
            self._unused()

    def _unused(self) -> None:
        for name in self.data:
            if name not in self.met and not isinstance(self.data, Trace):
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
