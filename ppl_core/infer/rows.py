"""Many runs of a program in one: each becomes a row of a dimension left of all its plates.

A program can be run so if its statements do not care how many of them there are: no `if` on a drawn
value, batch dimensions declared by plates. Whoever uses rows checks that, by a run of its own.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Size, Tensor

from ..effects import Site
from ..errors import ShapeError
from ..handlers import Trace, log_prob_of
from ..plates import Subsample, plate

Program = Callable[..., Any]


def as_rows(program: Program, name: str, rows: int, dim: int) -> Program:
    """The program in an outermost plate: `rows` runs of it along batch dimension `dim`."""

    @wraps(program)
    def many(*args: Any, **kwargs: Any) -> Any:
        with plate(name, rows, dim=dim):
            return program(*args, **kwargs)

    return many


def plate_depth(*records: Trace) -> int:
    """How many batch dimensions the plates of these runs use."""
    sites = [site for sites in records for site in sites.samples()]
    return max((-frame.dim for site in sites for frame in site.plates if frame.dim), default=0)


def log_prob_by_row(site: Site, rows: int, dim: int) -> Tensor:
    """A site's log probability in nats, (rows,) doubles; what is the same in all is repeated.

    Raises:
        ShapeError: the site has other rows.
    """
    log_prob = log_prob_of(site)
    if log_prob.dim() < -dim or log_prob.shape[dim] == 1:
        return log_prob.sum(dtype=torch.float64).expand(rows)
    if log_prob.shape[dim] != rows or log_prob.dim() > -dim:
        raise ShapeError(
            f"site {site.name!r} has a log probability of shape {tuple(log_prob.shape)}, but "
            f"{rows} rows in dimension {dim} are needed"
        )
    return log_prob.reshape(rows, -1).sum(1, dtype=torch.float64)


def value_by_row(value: Tensor, shape: Size, rows: int) -> Tensor:
    """A value with a row for each run, (rows, *shape), where one run gives `shape`.

    Raises:
        ShapeError: its shape is no rows of `shape`.
    """
    if value.shape == shape:
        return value.expand(rows, *shape)
    inner = [size for size in value.shape[1:] if size != 1]
    if value.dim() and value.shape[0] == rows and inner == [size for size in shape if size != 1]:
        return value.reshape(rows, *shape)
    raise ShapeError(
        f"a value of shape {tuple(value.shape)} is not {rows} rows of shape {tuple(shape)}"
    )


def values_of(sites: Trace) -> dict[str, Tensor]:
    """What a run made: its drawn and computed values, and "_RETURN" if that is a tensor."""
    found = {
        site.name: site.value.detach()
        for site in sites.samples()
        if not isinstance(site.fn, Subsample)
        and (not site.observed or site.infer.get("_deterministic"))
    }
    if "_RETURN" in sites and isinstance(sites["_RETURN"].value, Tensor):
        found["_RETURN"] = sites["_RETURN"].value.detach()
    return found


def numbers_in(sites: Trace) -> int:
    """How many numbers the largest tensor of a run holds."""
    sizes = [
        max(torch.as_tensor(site.value).numel(), log_prob_of(site).numel())
        for site in sites.samples()
    ]
    return max(sizes, default=1)


AT_ONCE = 2**22  # numbers in one tensor of a batch, about


def rows_at_once(numbers: int, wanted: int) -> int:
    """Runs in one batch, so that its tensors stay small; `numbers` of one run, `wanted` in all."""
    return max(1, min(wanted, AT_ONCE // max(numbers, 1)))
