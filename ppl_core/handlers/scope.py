"""Who hears of a statement, and with which weight: block, scale, mask."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from ..effects import Forward, Handler, Site, settle
from ..errors import listing, suggestion
from ..plates import Subsample


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
        if site.kind == "sample" and not isinstance(site.fn, Subsample):
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
        if site.kind == "sample" and not isinstance(site.fn, Subsample):
            both = self.mask if site.mask is None else site.mask & self.mask
            site = site.replace(mask=both)
        return forward(site)
