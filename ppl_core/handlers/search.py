"""escape and queue: leave a program at a site, and come back with more of its values decided."""

from collections.abc import Callable
from queue import LifoQueue, Queue
from typing import Any

from ..effects import Forward, Handler, Site
from ..errors import ModelError
from .given import replay
from .record import Trace, is_latent, trace
from .scope import block


class NonlocalExit(Exception):
    """A run left at a site; `site` says which."""

    def __init__(self, site: Site):
        super().__init__(f"left at site {site.name!r}")
        self.site = site


class escape(Handler):
    """Leave the program, by a NonlocalExit, at the first site that a function asks for.

    Args:
        escape_fn: `site -> bool`.
    """

    def __init__(self, escape_fn: Callable[[Site], bool]):
        self.escape_fn = escape_fn

    def handle(self, site: Site, forward: Forward) -> Site:
        """Leave here, or go on."""
        if self.escape_fn(site):
            raise NonlocalExit(site)
        return forward(site)


def with_outcomes(sites: Trace, site: Site) -> list[Trace]:
    """The record so far, continued by each outcome of a discrete site."""
    extended = []
    for value in site.fn.enumerate_support(expand=True):
        longer = sites.copy()
        longer.add(site.replace(value=value))
        extended.append(longer)
    return extended


def _open_discrete(sites: Trace, site: Site) -> bool:
    """A latent site with a list of outcomes that the record does not decide."""
    listed = getattr(site.fn, "has_enumerate_support", False)
    return site.kind == "sample" and is_latent(site) and listed and site.name not in sites


class queue:
    """One run of a program per call, each continuing the next record in a queue.

    A run that meets an undecided discrete site is left there; its continuations join the queue.
    Calling it again and again visits every combination of outcomes.

    Args:
        fn: the program.
        queue: of Traces; seeded with an empty one if not given.
        max_tries: runs that may be left before one completes.
        extend_fn: `(trace, site) -> traces`; every outcome by default.
        escape_fn: `(trace, site) -> bool`, where to leave; undecided discrete sites by default.
        num_samples: continuations to keep; -1 for all.

    Raises:
        queue.Empty: every combination has been visited.
        ModelError: max_tries runs were left.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        queue: Queue[Trace] | None = None,
        max_tries: int = 1_000_000,
        extend_fn: Callable[[Trace, Site], list[Trace]] = with_outcomes,
        escape_fn: Callable[[Trace, Site], bool] = _open_discrete,
        num_samples: int = -1,
    ):
        self.fn, self.max_tries, self.num_samples = fn, max_tries, num_samples
        self.extend_fn, self.escape_fn = extend_fn, escape_fn
        if queue is None:
            queue = LifoQueue()
            queue.put(Trace())
        self.queue = queue

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on until one run completes; its result."""
        for _ in range(self.max_tries):
            decided, sites = self.queue.get_nowait(), Trace()
            leave = escape(escape_fn=lambda site, so_far=decided: self.escape_fn(so_far, site))
            try:
                with block(), trace() as sites, leave, replay(trace=decided):
                    self.fn(*args, **kwargs)
            except NonlocalExit as left:
                so_far = decided.copy()
                so_far.update({n: s for n, s in sites.items() if s.kind == "sample"})
                longer = self.extend_fn(_latent(so_far), left.site)
                for record in longer[: self.num_samples] if self.num_samples >= 0 else longer:
                    self.queue.put(record)
            else:
                with replay(trace=_latent(sites)):  # once more, for whoever listens outside
                    return self.fn(*args, **kwargs)
        raise ModelError(f"queue: {self.max_tries} runs were left before one completed")


def _latent(sites: Trace) -> Trace:
    return Trace({site.name: site for site in sites.samples() if is_latent(site)})
