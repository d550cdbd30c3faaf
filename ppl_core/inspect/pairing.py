"""Whether a guide fits its model.

`check_pair` holds the record of a guide beside the record of its model, replayed on it, and raises
one clear error for the first thing that does not fit: a guide draws each latent site of the model,
nothing else, with the same shapes and inside its support, and takes the same arguments.
"""

import math
from collections.abc import Callable
from inspect import Signature, isgeneratorfunction, signature
from typing import Any

from ..distributions import Delta, constraints
from ..effects import Site
from ..errors import GuideError, ShapeError, listing, suggestion
from ..handlers import Trace, is_latent, log_prob_of
from ..values import as_real


def check_pair(model_sites: Trace, guide_sites: Trace, plate_dims: float = math.inf) -> None:
    """Raise the first misfit between a model and a guide that was replayed in it.

    Args:
        model_sites, guide_sites: records of the two.
        plate_dims: batch dimensions left of these many belong to enumerated sites.

    Raises:
        GuideError: the guide misses a latent site, draws one the model does not have, or draws
            data.
        ShapeError: a site has another shape in the guide, or rows that no plate declares.
        ModelError: a value of the guide is off the support of the model's site.
    """
    drawn = {name: guide_sites[name] for name in own_sites(guide_sites)}
    latent = {name: model_sites[name] for name in model_sites.stochastic_nodes}
    for site in drawn.values():
        check_belongs(site, model_sites, latent)
    for site in latent.values():
        check_drawn(site, drawn)
    for name, site in latent.items():
        if name in drawn:
            check_same_shape(site, drawn[name], plate_dims)
            check_support(site, drawn[name])
    check_plates(model_sites, guide_sites)
    for sites, who in ((guide_sites, "guide"), (model_sites, "model")):
        for site in sites.samples():
            check_rows(site, who, plate_dims)


def own_sites(sites: Trace) -> list[str]:
    """Sample sites of a guide that must be the model's too."""
    return [
        site.name
        for site in sites.samples()
        if not site.infer.get("is_auxiliary")
        and not site.infer.get("_deterministic")
        and (is_latent(site) or site.observed)
    ]


def check_belongs(site: Site, model_sites: Trace, latent: dict[str, Site]) -> None:
    """A site of the guide must be a latent site of the model, and drawn."""
    name = site.name
    there = model_sites.get(name)
    if there is not None and there.kind == "sample" and there.observed:
        raise GuideError(
            f"{name!r} is data in the model, but the guide{_at(site)} "
            f"{'observes' if site.observed else 'draws'} it too. A guide draws latent sites only: "
            f"{listing(latent)}."
        )
    if site.observed:
        raise GuideError(
            f"the guide observes {name!r}{_at(site)}. A guide only draws; data is the model's."
        )
    if name not in latent:
        raise GuideError(
            f"the guide draws {name!r}{_at(site)}, which the model does not."
            f"{suggestion(name, latent)} The model's latent sites: {listing(latent)}. "
            f'(A helper of the guide alone is declared with infer={{"is_auxiliary": True}}.)'
        )


def check_drawn(site: Site, drawn: dict[str, Site]) -> None:
    """A latent site of the model must be drawn by the guide, unless it is summed out."""
    if site.name not in drawn and site.set_by != "enumerate":
        raise GuideError(
            f"the model draws {site.name!r}{_at(site)}, but the guide does not."
            f"{suggestion(site.name, drawn)} The guide draws: {listing(drawn)}. "
            f"Add sample({site.name!r}, ...) to the guide, or condition the model on {site.name!r}."
        )


def check_same_shape(model_site: Site, guide_site: Site, plate_dims: float = math.inf) -> None:
    """Both programs must draw one shape; enumerated dimensions, left of plates, do not count."""
    for part in ("event_shape", "batch_shape"):
        wanted, given = getattr(model_site.fn, part, ()), getattr(guide_site.fn, part, ())
        dims = plate_dims if part == "batch_shape" else math.inf
        if _stripped(wanted, dims) != _stripped(given, dims):
            raise ShapeError(
                f"site {model_site.name!r}: {part} is {tuple(wanted)} in the model"
                f"{_at(model_site)}, but {tuple(given)} in the guide{_at(guide_site)}. "
                f"Both must draw one shape; .to_event(n) moves batch dimensions into the event."
            )


def _stripped(shape: Any, dims: float) -> tuple[int, ...]:
    shape = tuple(shape)
    shape = shape[max(0, len(shape) - int(dims)) :] if dims < len(shape) else shape
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def check_support(model_site: Site, guide_site: Site) -> None:
    """The guide's draws must be possible in the model, all of them."""
    wanted, given = model_site.fn.support, getattr(guide_site.fn, "support", None)
    inside = bool(wanted.check(model_site.value).all())
    if inside and (given is None or isinstance(guide_site.fn, Delta) or within(given, wanted)):
        return
    drew = f", and drew {_shown(guide_site.value)}" if not inside else ""
    raise GuideError(
        f"site {model_site.name!r}: the guide{_at(guide_site)} draws from {given}{drew}, but the "
        f"model allows only {wanted}. Use a distribution with the model's support, or transform it."
    )


def _shown(value: Any) -> str:
    return f"{value.item():g}" if value.numel() == 1 else f"a tensor of shape {tuple(value.shape)}"


def within(inner: Any, outer: Any) -> bool:
    """Whether a support on the line lies inside another; other spaces are left to the draw."""
    inner_ends, outer_ends = _ends(inner), _ends(outer)
    if inner_ends is None or outer_ends is None:
        return True
    (low, high), (lowest, highest) = inner_ends, outer_ends
    return bool(
        (as_real(low) >= as_real(lowest)).all() and (as_real(high) <= as_real(highest)).all()
    )


def _ends(support: Any) -> tuple[Any, Any] | None:
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    if support is constraints.real:
        return -math.inf, math.inf
    if support is constraints.boolean:
        return 0, 1
    low = getattr(support, "lower_bound", -math.inf)
    high = getattr(support, "upper_bound", math.inf)
    return None if (low, high) == (-math.inf, math.inf) else (low, high)


def check_plates(model_sites: Trace, guide_sites: Trace) -> None:
    """A plate that both programs have must have one size."""
    sizes = {frame.name: frame.full_size for s in model_sites.samples() for frame in s.plates}
    for site in guide_sites.samples():
        for frame in site.plates:
            if sizes.get(frame.name, frame.full_size) != frame.full_size:
                raise ShapeError(
                    f"plate {frame.name!r} has {sizes[frame.name]} rows in the model, but "
                    f"{frame.full_size} in the guide{_at(site)}. Give both the same size."
                )


def check_rows(site: Site, who: str, plate_dims: float) -> None:
    """Every batch dimension of a log probability must be a plate's, or it is summed by accident."""
    shape = tuple(log_prob_of(site).shape)
    declared = {frame.dim: frame for frame in site.plates if frame.vectorized}
    for back, rows in enumerate(reversed(shape), start=1):
        frame = declared.get(-back)
        wanted = 1 if frame is None else frame.size
        if rows in (wanted, 1) or back > plate_dims:
            continue
        value = tuple(getattr(site.value, "shape", ()))
        fn, value = site.fn, tuple(getattr(site.value, "shape", ()))
        raise ShapeError(
            f"site {site.name!r}{_at(site)} in the {who}: its log probability has shape {shape}, "
            f"and no plate declares the {rows} rows of dimension {-back}. The distribution has "
            f"batch_shape {tuple(fn.batch_shape)} and event_shape {tuple(fn.event_shape)}, its "
            f"value has shape {value}. If the rows are independent, put the statement in "
            f'`with plate("rows", {rows}):`; if they are one outcome, use .to_event({back}); if '
            f"value and distribution broadcast by accident, as (N,) against (N, 1) does, reshape "
            f"one of them."
        )


def _at(site: Site) -> str:
    return f" at {site.where}" if site.where else ""


def check_signature(
    model: Callable[..., Any],
    guide: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Raise if one of the pair cannot be called with the arguments of the other.

    Raises:
        GuideError: the guide does not take what the model takes.
    """
    for who, program in (("model", model), ("guide", guide)):
        if isgeneratorfunction(program):
            raise GuideError(f"the {who} is a generator: a program returns, it does not yield")
    takes = {"model": _signature(model), "guide": _signature(guide)}
    fits = {who: sign is None or _binds(sign, args, kwargs) for who, sign in takes.items()}
    if fits["model"] and not fits["guide"]:
        raise GuideError(
            f"the model takes {takes['model']}, the guide takes {takes['guide']}; both are called "
            f"with the same {len(args) + len(kwargs)} argument(s). "
            f"Give the guide the model's signature."
        )


def _signature(program: Callable[..., Any]) -> Signature | None:
    try:
        return signature(program)
    except (TypeError, ValueError):
        return None


def _binds(sign: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    try:
        sign.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
