"""A latent site as a guide sees it: its shape, its plates, and the way to unconstrained space."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.distributions.transforms import ComposeTransform, IndependentTransform

from ...distributions import biject_to
from ...effects import Site
from ...errors import GuideError
from ...plates import Frame


@dataclass(frozen=True, slots=True)
class Latent:
    """What a guide remembers of one latent site.

    Attributes:
        name: of the site.
        event_dim: rightmost dimensions of one outcome.
        free_event_dim: the same for unconstrained coordinates.
        support: of the site's distribution in the model's first run.
        transform: from unconstrained coordinates to the support; None where they are the value.
        plates: the vectorised plates around the site, innermost first.
        start: first value, plate sizes + event shape; all rows, even of a subsampled plate.
        free_start: the same, unconstrained.
    """

    name: str
    event_dim: int
    free_event_dim: int
    support: Any
    transform: Any
    plates: tuple[Frame, ...]
    start: Tensor
    free_start: Tensor

    @property
    def size(self) -> int:
        """Number of unconstrained coordinates."""
        return self.free_start.numel()

    def constrain(self, free: Tensor) -> tuple[Tensor, Tensor | float]:
        """The value of unconstrained coordinates, and what it adds to their log density.

        That is minus the log volume of the change, in nats, batch_shape.
        """
        if self.transform is None:
            return free, 0.0
        value = self.transform(free)
        volume = self.transform.log_abs_det_jacobian(free, value)
        inside = volume.dim() - value.dim() + self.event_dim
        return value, -(volume.sum(tuple(range(-inside, 0))) if inside else volume)

    def values(self, free: Tensor) -> Tensor:
        """The value of unconstrained coordinates."""
        return free if self.transform is None else self.transform(free)

    def free(self, value: Tensor) -> Tensor:
        """Unconstrained coordinates of a value."""
        return value if self.transform is None else self.transform.inv(value)

    @property
    def rises(self) -> bool:
        """Whether each value grows with its coordinate (an upper bound turns them round)."""
        try:
            return self.transform is None or self.transform.sign > 0
        except (AttributeError, NotImplementedError):
            return True


def latent(site: Site) -> Latent:
    """What a guide must know of a site, with its starting value repeated to all rows.

    Raises:
        GuideError: the site is discrete, has no way to unconstrained space, or its name depends
            on which rows of a loop are chosen.
    """
    transform = free_transform(site)
    start, event_dim = site.value.detach(), site.fn.event_dim
    free = transform.inv(start).detach()
    free_event_dim = event_dim + free.dim() - start.dim()
    return Latent(
        name=site.name,
        event_dim=event_dim,
        free_event_dim=free_event_dim,
        support=site.fn.support,
        transform=None if _is_identity(transform) else transform,
        plates=row_plates(site),
        start=all_rows(start, site, event_dim),
        free_start=all_rows(free, site, free_event_dim),
    )


def row_plates(site: Site) -> tuple[Frame, ...]:
    """The plates that give a site its rows, innermost first; loops over all rows need none.

    Raises:
        GuideError: a loop visits only some rows.
    """
    for frame in site.plates:
        if not frame.vectorized and frame.size != frame.full_size:
            raise GuideError(
                f"site {site.name!r} stands in the loop over plate {frame.name!r}, which visits "
                f"{frame.size} of {frame.full_size} rows, so other sites in each run. Use "
                f"`with plate({frame.name!r}, ...):` for it, or visit all rows."
            )
    return tuple(frame for frame in site.plates if frame.vectorized)


def free_transform(site: Site) -> Any:
    """The bijection from unconstrained coordinates to a site's support.

    Raises:
        GuideError: there is none; the message says what to do about the site.
    """
    support = site.fn.support
    at = f" at {site.where}" if site.where else ""
    if support.is_discrete:
        raise GuideError(
            f"site {site.name!r}{at} is discrete ({type(site.fn).__name__}): a guide over "
            f"unconstrained coordinates cannot draw it. Hide it, AutoNormal(handlers.block(model, "
            f"hide=[{site.name!r}])), and let TraceEnum_ELBO sum it out (mark the site with "
            f'infer={{"enumerate": "parallel"}}), or give it a guide of its own in an '
            f"AutoGuideList."
        )
    try:
        return biject_to(support)
    except NotImplementedError:
        raise GuideError(
            f"site {site.name!r}{at}: no bijection is known from unconstrained numbers to its "
            f"support {support}. Register one with biject_to.register, or hide the site from the "
            f"guide: handlers.block(model, hide=[{site.name!r}])"
        ) from None


def all_rows(value: Tensor, site: Site, event_dim: int) -> Tensor:
    """The rows of a subsample, repeated in turn until there are as many as the whole has.

    Args:
        value: batch_shape of the site + event dimensions.
        site: gives the plates.
        event_dim: number of event dimensions of value.
    """
    for frame in row_plates(site):
        dim = frame.dim - event_dim  # pyright: ignore[reportOptionalOperand]
        if frame.size != frame.full_size and value.dim() >= -dim and value.shape[dim] != 1:
            turns = [1] * value.dim()
            turns[dim] = -(-frame.full_size // frame.size)
            value = value.repeat(turns).narrow(dim, 0, frame.full_size)
    return value.contiguous()


def _is_identity(transform: Any) -> bool:
    while isinstance(transform, IndependentTransform):
        transform = transform.base_transform
    return isinstance(transform, ComposeTransform) and not transform.parts
