"""What a reference knows: each site's posterior as a table, and where the truth comes from."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ...errors import ModelError, listing, suggestion
from ...values import as_real


@dataclass(frozen=True, slots=True)
class Marginal:
    """The posterior of one site, entry by entry: points, and the density or mass at each.

    Attributes:
        grid: points in ascending order, (points, *shape of the site).
        heights: density there (probability where `discrete`), (points, *shape).
        mean, sd: posterior mean and standard deviation, shape of the site; nan where the mean or sd
            does not exist.
        discrete: whether heights are probabilities.
        mean_error: standard error of the mean, shape of the site; zero unless it is an estimate.
    """

    grid: Tensor
    heights: Tensor
    mean: Tensor
    sd: Tensor
    discrete: bool = False
    mean_error: Tensor = field(default_factory=lambda: torch.zeros(()))

    def density(self, value: Any) -> Tensor:
        """Density (or probability, where discrete) at points, (..., *shape)."""
        points = as_real(value).double()
        shape = torch.broadcast_shapes(points.shape, self.mean.shape)
        points = points.expand(shape).reshape(-1, self.mean.numel())
        found = [self._height(points[:, k], k) for k in range(self.mean.numel())]
        return torch.stack(found, 1).reshape(shape)

    def quantile(self, q: Any) -> Tensor:
        """Values below which a share q of the mass lies, shape of q + shape of the site."""
        shares = as_real(q).double()
        columns = zip(self._columns(self.grid), self._columns(self.heights), strict=True)
        found = [
            _quantile(grid, heights, shares.reshape(-1), self.discrete) for grid, heights in columns
        ]
        return torch.stack(found, 1).reshape(shares.shape + self.mean.shape)

    def __repr__(self) -> str:
        if self.mean.numel() == 1:
            return f"Marginal(mean={self.mean.item():.4g}, sd={self.sd.item():.4g})"
        return f"Marginal(shape={tuple(self.mean.shape)})"

    def _columns(self, table: Tensor) -> list[Tensor]:
        return list(table.reshape(len(table), -1).unbind(1))

    def _height(self, points: Tensor, entry: int) -> Tensor:
        grid, heights = self._columns(self.grid)[entry], self._columns(self.heights)[entry]
        right = torch.searchsorted(grid, points).clamp(1, len(grid) - 1)
        if self.discrete:
            same = torch.isclose(points.unsqueeze(1), grid)
            return (same * heights).sum(1)
        share = (points - grid[right - 1]) / (grid[right] - grid[right - 1])
        logs = heights.clamp(min=1e-300).log()
        height = torch.lerp(logs[right - 1], logs[right], share).exp()
        inside = (points >= grid[0]) & (points <= grid[-1])
        return torch.where(inside, height, 0.0)


def _quantile(grid: Tensor, heights: Tensor, shares: Tensor, discrete: bool) -> Tensor:
    if discrete:
        below = heights.cumsum(0)
        index = torch.searchsorted(below, shares * below[-1] - 1e-12)
        return grid[index.clamp(max=len(grid) - 1)]
    slices = 0.5 * (heights[1:] + heights[:-1]) * grid.diff()
    below = torch.cat([slices.new_zeros(1), slices.cumsum(0)]) / slices.sum()
    right = torch.searchsorted(below, shares).clamp(1, len(grid) - 1)
    width = (below[right] - below[right - 1]).clamp(min=1e-300)
    share = ((shares - below[right - 1]) / width).clamp(0.0, 1.0)
    return torch.lerp(grid[right - 1], grid[right], share)


@dataclass(frozen=True, slots=True)
class Reference:
    """The best available truth about a posterior, said as what it is.

    Attributes:
        kind: "closed form", "exact enumeration", "quadrature", "Kalman" or "estimate".
        how: in a few words, how it was found.
        marginals: site name -> its posterior; also `reference["weight"]`.
        log_evidence: log probability of the data, in nats; None if it is not known.
        log_evidence_error: about how far that may be off, in nats.
        draw: makes joint draws; call `sample`.
    """

    kind: str
    how: str
    marginals: Mapping[str, Marginal]
    log_evidence: float | None
    log_evidence_error: float | None
    draw: Callable[[int], dict[str, Tensor]]

    @property
    def is_exact(self) -> bool:
        """Whether nothing but rounding stands between this and the truth."""
        return self.kind in ("closed form", "exact enumeration", "Kalman")

    def __getitem__(self, site: str) -> Marginal:
        if site not in self.marginals:
            raise ModelError(
                f"the reference has no site {site!r}.{suggestion(site, self.marginals)} "
                f"Its sites: {listing(self.marginals)}."
            )
        return self.marginals[site]

    def __repr__(self) -> str:
        known = "" if self.log_evidence is None else f", log_evidence={self.log_evidence:.4f}"
        return f"Reference({self.kind!r}, {dict(self.marginals)}{known})"

    def sample(self, num_samples: int) -> dict[str, Tensor]:
        """Joint draws, site name -> (num_samples, *shape).

        Those of a quadrature are points of its grid, those of an estimate its own draws again.
        """
        drawn = self.draw(num_samples)
        return {name: drawn[name] for name in self.marginals}


def normal_marginal(mean: Tensor, sd: Tensor, points: int = 801) -> Marginal:
    """A normal posterior of each entry, tabulated to 8 standard deviations either way."""
    z = torch.linspace(-8.0, 8.0, points, dtype=torch.double)
    z = z.reshape(-1, *(1 for _ in mean.shape))
    heights = torch.exp(-0.5 * z * z - 0.5 * math.log(2 * math.pi)) / sd
    return Marginal(mean + sd * z, heights, mean, sd, mean_error=torch.zeros_like(mean))


def stacked(entries: list[Marginal], shape: torch.Size) -> Marginal:
    """Marginals of single entries as one of a whole site."""
    parts = {
        name: torch.stack([getattr(entry, name) for entry in entries], -1)
        for name in ("grid", "heights", "mean", "sd", "mean_error")
    }
    parts = {name: part.reshape(part.shape[:-1] + shape) for name, part in parts.items()}
    return Marginal(discrete=entries[0].discrete, **parts)
