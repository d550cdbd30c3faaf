"""Draws from a guide, each scored by model and guide: what all uses of a guide as a proposal share.

A pair that allows it is run in rows, thousands of draws at once; another one draw at a time.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Size, Tensor

from ..distributions import Delta
from ..effects import Site
from ..errors import GuideError, InferenceError, ModelError
from ..handlers import Trace, block, replay, trace
from ..inspect import check_pair, check_signature
from ..inspect.pairing import within
from ..plates import Subsample
from ..values import validation
from .draws import Draws, together
from .elbo.base import PARTICLES, replayable, unmatched
from .rows import (
    as_rows,
    log_prob_by_row,
    numbers_in,
    plate_depth,
    rows_at_once,
    value_by_row,
    values_of,
)

Program = Callable[..., Any]


def prior_of(model: Program) -> Program:
    """The model as its own guide: it draws every latent site, and its data stays hidden."""
    return block(model, hide_types=["observe"])


@dataclass(frozen=True, slots=True)
class Proposal:
    """A model and a guide that fit, and how they are run.

    Attributes:
        dim: batch dimension of the rows; None if draws are made one at a time.
        why_single: what speaks against rows; empty if nothing does.
        shapes: value name -> its shape in a single run.
        numbers: in the largest tensor of a single run.
    """

    model: Program
    guide: Program
    dim: int | None
    why_single: str
    shapes: Mapping[str, Size]
    numbers: int

    @classmethod
    def of(
        cls,
        model: Program,
        guide: Program,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        vectorize: bool | None = None,
    ) -> "Proposal":
        """Check the pair by a run, and find out whether it can be run in rows.

        Args:
            vectorize: True insists on rows, False declines them, None lets a test decide: two rows
                must be what two single runs at the same values are.

        Raises:
            GuideError: the guide misses a site or values that the model allows, draws data, ...
            ModelError: a plate uses some of its rows only.
            ShapeError: rows were insisted on, and the pair does not have them.
        """
        check_signature(model, guide, args, kwargs)
        with torch.no_grad(), block(), validation(True):
            guide_sites, model_sites = _run(model, guide, args, kwargs)
            check_pair(model_sites, guide_sites)
            _check_cover(model_sites, guide_sites)
            shapes = {name: value.shape for name, value in values_of(model_sites).items()}
            numbers = max(numbers_in(model_sites), numbers_in(guide_sites))
            single = cls(model, guide, None, "vectorize=False", shapes, numbers)
            if vectorize is False:
                return single
            dim = -1 - plate_depth(guide_sites, model_sites)
            rows = cls(model, guide, dim, "", shapes, numbers)
            why = _why_not(rows, args, kwargs)
        if why and vectorize:
            raise ModelError(
                f"vectorize=True, but this pair cannot be run in rows: {why}. Use plates, "
                f".to_event and torch.where, or vectorize=False to draw one at a time."
            )
        return cls(model, guide, None, why, shapes, numbers) if why else rows

    @property
    def vectorized(self) -> bool:
        """Whether many draws are made at once."""
        return self.dim is not None

    def batch(self, wanted: int) -> int:
        """How many of the wanted draws are best made at once."""
        return rows_at_once(self.numbers, wanted) if self.vectorized else 1

    def draw(self, num: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Draws:
        """So many draws from the guide, scored.

        Raises:
            InferenceError: a density is nan, or infinite where it must not be.
        """
        with torch.no_grad(), block():
            if self.dim is not None:
                return self._rows(num, args, kwargs)
            return together([self._single(args, kwargs) for _ in range(num)])

    def _single(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Draws:
        sites = _run(self.model, self.guide, args, kwargs)
        return _scored(*sites, 1, -1 - plate_depth(*sites), None)

    def _rows(self, num: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Draws:
        dim = self.dim or -1
        model, guide = (as_rows(p, PARTICLES, num, dim) for p in (self.model, self.guide))
        return _scored(*_run(model, guide, args, kwargs), num, dim, self.shapes)


def _run(
    model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Trace, Trace]:
    """Guide and model on its draws; every latent site comes from the guide."""
    guide_sites = trace(guide).get_trace(*args, **kwargs)
    model_sites = trace(replay(model, trace=replayable(guide_sites))).get_trace(*args, **kwargs)
    if unmatched(model_sites, guide_sites):
        check_pair(model_sites, guide_sites)
    return guide_sites, model_sites


def _scored(
    guide_sites: Trace,
    model_sites: Trace,
    num: int,
    dim: int,
    shapes: Mapping[str, Size] | None,
) -> Draws:
    totals: list[Tensor] = []
    for sites, who in ((model_sites, "model"), (guide_sites, "guide")):
        total = torch.zeros(num, dtype=torch.float64)
        for site in sites.samples():
            if not isinstance(site.fn, Subsample):
                log_prob = log_prob_by_row(site, num, dim)
                _check_finite(site, log_prob, who)
                total = total + log_prob
        totals.append(total)
    values = values_of(model_sites)
    if shapes is None:
        values = {name: value.unsqueeze(0) for name, value in values.items()}
    else:
        values = {name: value_by_row(values[name], shapes[name], num) for name in shapes}
    return Draws(totals[0], totals[1], values)


def _check_finite(site: Site, log_prob: Tensor, who: str) -> None:
    """A model may find a draw impossible, -inf; all else must be finite."""
    broken = ~log_prob.isfinite()
    if who == "model":
        broken &= log_prob != -math.inf
    if not bool(broken.any()):
        return
    row = int(broken.nonzero()[0])
    number = log_prob[row].item()
    value = site.value.reshape(-1)[row] if site.value.numel() == len(log_prob) else None
    at = "" if value is None else f" at {value.item():g}"
    cause = f"the {who}'s log density of site {site.name!r} is {number}{at}"
    raise InferenceError(
        f"a weight cannot be computed: {cause} under {site.fn}, in {int(broken.sum())} of "
        f"{len(log_prob)} draws. Look for a division by 0, a log of a negative number or a scale "
        f"of 0 in the {who}.",
        site=site.name,
        cause=cause,
    )


def _why_not(rows: Proposal, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Why two rows are not two single runs at the same values; empty if they are."""
    num, dim = 2, rows.dim or -1
    model, guide = (as_rows(p, PARTICLES, num, dim) for p in (rows.model, rows.guide))
    try:
        guide_sites, model_sites = _run(model, guide, args, kwargs)
        many = _scored(guide_sites, model_sites, num, dim, rows.shapes)
        latent = _latent_rows(rows, guide_sites, num, args, kwargs)
    except InferenceError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines()
        return f"in rows it fails with {type(error).__name__}: {said[0] if said else 'no message'}"
    for row in range(num):
        given = {name: value[row] for name, value in latent.items()}
        again = _run(rows.model, replay(rows.guide, trace=given), args, kwargs)
        one = _scored(*again, 1, dim, None)
        for name in ("log_p", "log_q"):
            if not _close(getattr(many, name)[row], getattr(one, name)[0]):
                return f"the {name} of a row differs from that of a single run at its values"
        for name in rows.shapes:
            if not _close(many.values[name][row], one.values[name][0]):
                return f"the value {name!r} of a row differs from that of a single run"
    return ""


def _latent_rows(
    rows: Proposal,
    guide_sites: Trace,
    num: int,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> dict[str, Tensor]:
    """What the guide drew, row by row, its helpers included."""
    with trace() as single:
        rows.guide(*args, **kwargs)
    return {
        name: value_by_row(value, single[name].value.shape, num)
        for name, value in values_of(guide_sites).items()
        if name in single.stochastic_nodes
    }


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(
        one.double(), other.double(), rtol=1e-4, atol=1e-4, equal_nan=True
    )


def _check_cover(model_sites: Trace, guide_sites: Trace) -> None:
    """Every value that the model allows must be within the guide's reach."""
    for site in (*model_sites.samples(), *guide_sites.samples()):
        if isinstance(site.fn, Subsample) and site.fn.subsample_size < site.fn.size:
            raise ModelError(
                f"plate {site.name!r} uses {site.fn.subsample_size} of its {site.fn.size} rows: "
                f"the weights would be of another posterior at each draw. Use all rows."
            )
    helpers = [site for site in guide_sites.samples() if site.infer.get("is_auxiliary")]
    for site in helpers:
        _check_width(site)
    for name in model_sites.stochastic_nodes:
        if name not in guide_sites or helpers:  # helpers carry the density then
            continue
        model_site, guide_site = model_sites[name], guide_sites[name]
        _check_width(guide_site)
        support = getattr(guide_site.fn, "support", None)
        if support is not None and not within(model_site.fn.support, support):
            raise GuideError(
                f"site {name!r}: the model allows {model_site.fn.support}, but the guide"
                f"{_at(guide_site)} draws only from {support}. What it never draws cannot be "
                f"weighted: use a distribution with the model's support."
            )


def _check_width(site: Site) -> None:
    if isinstance(site.fn, Delta):
        raise GuideError(
            f"site {site.name!r}: the guide{_at(site)} puts all its mass on one point, so its "
            f"draws have no density to weigh them by. Give it a width, or use SVI."
        )


def _at(site: Site) -> str:
    return f" at {site.where}" if site.where else ""
