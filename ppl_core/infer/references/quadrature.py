"""Quadrature: posteriors of one or two continuous coordinates by sums over a grid.

The grid is even in t, where unconstrained coordinates are centre + root sinh(t): fine in the
middle, and wide enough for heavy tails. For smooth densities that vanish at both ends, such sums
converge faster than any power of the spacing; the difference between two spacings is the error that
is told.
Discrete sites are summed out on the way.

Source: Trefethen & Weideman 2014, The exponentially convergent trapezoidal rule, SIAM Review 56.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...effects import Site
from ...handlers import replay, trace
from ...values import validation
from ..autoguide.initialization import init_to_sample, init_to_uniform
from ..rows import numbers_in, rows_at_once
from ..starts import Start
from ..target import Target
from .result import Marginal, Reference, stacked

_NEGLIGIBLE = 40.0  # nats below the peak
_SIZES = {1: (401, 1601, 3201, 6401, 12801, 25601), 2: (51, 101, 201, 401, 801)}
_FEW = (201, 401, 801, 1601)  # where points are scored one by one


@dataclass(frozen=True, slots=True)
class _Grid:
    """Sums over a grid whose first axis is coordinate `order[0]`.

    Attributes:
        t: points of each axis, (n,).
        log_mass: log mass of each cell, (n,) or (n, n), in nats.
        log_cell: log volume of each cell, likewise.
        values: site name -> values at the points, (n ** d, ...).
        z: unconstrained coordinates at the points, (n ** d, d).
    """

    t: list[Tensor]
    log_mass: Tensor
    log_cell: Tensor
    values: Mapping[str, Tensor]
    z: Tensor

    @property
    def log_total(self) -> float:
        return self.log_mass.reshape(-1).logsumexp(0).item()


def quadrature(
    model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], tolerance: float
) -> Reference | None:
    """The posterior of up to two continuous coordinates; None if there are more, or no grid holds.

    Args:
        tolerance: wanted error of the log evidence, in nats.
    """
    target, start = Start(model, _anywhere).find(args, dict(kwargs))
    size = len(start.position)
    vectorize = _runs_at_once(target, start.position)
    if size > 2 or (size == 2 and not vectorize):
        return None
    with torch.no_grad(), trace() as sites, replay(trace=start.values):
        model(*args, **kwargs)
    at_once = rows_at_once(numbers_in(sites), 2**20) if vectorize else 0
    orders = [[0]] if size == 1 else [[0, 1], [1, 0]]
    searches = [_Search(target, order, at_once) for order in orders]
    try:
        found = [search.refine(start.position.double(), tolerance) for search in searches]
    except torch.linalg.LinAlgError:  # type: ignore  # far out, a matrix has no factor
        return None
    grids = [one for one in found if one is not None]
    if len(grids) < len(orders):
        return None
    grid, error = grids[0][0], max(error for _, error in grids)
    error = max(error, abs(grids[0][0].log_total - grids[-1][0].log_total))
    marginals = _marginals([one for one, _ in grids], target)
    if marginals is None:
        return None

    def draw(num: int) -> dict[str, Tensor]:
        cells = torch.multinomial(grid.log_mass.reshape(-1).softmax(0), num, replacement=True)
        return {name: value[cells] for name, value in grid.values.items()}

    how = f"{' x '.join(str(len(t)) for t in grid.t)} points, even in a sinh scale"
    return Reference("quadrature", how, marginals, grid.log_total, error, draw)


def _anywhere(site: Site) -> Any:
    """A draw of the prior; near zero, where it cannot be drawn from."""
    try:
        return init_to_sample(site)
    except NotImplementedError:
        return init_to_uniform(site)


class _Search:
    """Finds where the mass is, and refines a grid over it.

    Args:
        target: the potential.
        order: coordinates in the order of the axes; the first depends on its own axis only.
        at_once: points to score in one run; 0 for one by one.
    """

    def __init__(self, target: Target, order: list[int], at_once: int):
        self.target, self.order, self.size = target, order, len(order)
        self.at_once = at_once
        self.sizes = _SIZES[self.size] if at_once else _FEW

    def refine(self, start: Tensor, tolerance: float) -> tuple[_Grid, float] | None:
        """The first grid that agrees with the one before it, and by how much.

        Centre and width are those of the squared density, which has a width even where the
        density has none (a Cauchy's); for a Gaussian it is half the variance.
        """
        centre, root = start[self.order], torch.eye(self.size, dtype=torch.double)
        reach = [math.asinh(600.0)] * self.size
        for _ in range(12):  # move centre, width and reach to where the mass is
            grid = self._grid(centre, root, reach, self.sizes[0])
            weights = (2 * grid.log_mass - grid.log_cell).reshape(-1).softmax(0)
            z = grid.z[:, self.order]
            peak = z[int(weights.argmax())]
            mean = weights @ z
            away = z - mean
            covariance = 2 * (weights.unsqueeze(1) * away).T @ away
            settled = self._settled(grid, root, covariance, centre - mean)
            if settled and not self._spills(grid):
                break
            effective = 1 / float((weights**2).sum())
            few = effective < 12 * self.size
            centre = peak if few else mean
            root = root * 0.2 if few else torch.linalg.cholesky(covariance)
            reach = self._reach(centre, root)
        else:
            return None
        before = grid.log_total
        for points in self.sizes[1:]:
            grid = self._grid(centre, root, reach, points)
            error = abs(grid.log_total - before)
            if error < tolerance and points >= 201:
                return grid, error
            before = grid.log_total
        return None

    def _settled(self, grid: _Grid, root: Tensor, covariance: Tensor, move: Tensor) -> bool:
        """Whether root is about the posterior's own, and the centre near its mean."""
        ratio = torch.linalg.solve_triangular(root, covariance, upper=False)
        ratio = torch.linalg.solve_triangular(root, ratio.T, upper=False)
        spread = torch.linalg.eigvalsh(ratio)
        off = torch.linalg.solve_triangular(root, move.unsqueeze(1), upper=False).abs().max()
        return bool(spread.min() > 0.3) and bool(spread.max() < 3.0) and bool(off < 0.5)

    def _spills(self, grid: _Grid) -> bool:
        """Whether an edge of the grid is not negligible."""
        top = grid.log_mass.max() - _NEGLIGIBLE / 2
        edges = [grid.log_mass[0], grid.log_mass[-1]]
        if self.size > 1:
            edges += [grid.log_mass[:, 0], grid.log_mass[:, -1]]
        return any(bool((edge > top).any()) for edge in edges)

    def _reach(self, centre: Tensor, root: Tensor) -> list[float]:
        """How far each axis has to go in t until the density is negligible."""
        t = torch.linspace(0.0, 40.0, 161, dtype=torch.double)
        reach = []
        for axis in range(self.size):
            far = 0.0
            for side in (-1.0, 1.0):
                u = torch.zeros(len(t), self.size, dtype=torch.double)
                u[:, axis] = side * torch.sinh(t)
                heights = self._at(centre + u @ root.T)[0] + torch.cosh(t).log()
                matters = (heights > heights.max() - _NEGLIGIBLE).nonzero()
                far = max(far, t[int(matters[-1])].item())
            reach.append(min(far + 0.5, 40.0))
        return reach

    def _grid(self, centre: Tensor, root: Tensor, reach: list[float], points: int) -> _Grid:
        t = [torch.linspace(-far, far, points, dtype=torch.double) for far in reach]
        mesh = torch.stack(torch.meshgrid(*t, indexing="ij"), -1).reshape(-1, self.size)
        ordered = centre + torch.sinh(mesh) @ root.T
        log_density, values, z = self._at(ordered)
        spacing = sum(math.log(float(axis[1] - axis[0])) for axis in t)
        log_cell = torch.cosh(mesh).log().sum(-1) + root.diagonal().log().sum() + spacing
        shape = [points] * self.size
        log_mass = log_density + log_cell
        return _Grid(t, log_mass.reshape(shape), log_cell.reshape(shape), values, z)

    def _at(self, ordered: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Log density, values and coordinates of many points, whose columns are in order."""
        z = ordered[:, torch.tensor(self.order).argsort()]
        layout = self.target.layout

        def energy(point: Tensor) -> Any:
            potential, values = self.target.energy(layout.split(point))
            return -potential, dict(values)

        with torch.no_grad(), validation(False):
            if self.at_once:
                many = torch.func.vmap(energy)
                parts = [many(rows) for rows in z.split(self.at_once)]
            else:
                parts = [_as_row(energy(point)) for point in z]
        log_density = torch.cat([part[0] for part in parts]).double().nan_to_num(nan=-math.inf)
        names = parts[0][1]
        values = {name: torch.cat([part[1][name] for part in parts]).double() for name in names}
        return log_density, values, z


def _as_row(scored: tuple[Tensor, dict[str, Tensor]]) -> tuple[Tensor, dict[str, Tensor]]:
    potential, values = scored
    return potential.unsqueeze(0), {name: value.unsqueeze(0) for name, value in values.items()}


def _runs_at_once(target: Target, position: Tensor) -> bool:
    """Whether many points can be scored in one run: the course does not depend on values."""
    try:
        with torch.no_grad(), validation(False):
            torch.func.vmap(lambda point: target.energy(target.layout.split(point))[0])(
                torch.stack([position, position])
            )
    except RuntimeError as error:
        if "vmap" in str(error):
            return False
        raise
    return True


def _marginals(grids: list[_Grid], target: Target) -> dict[str, Marginal] | None:
    """Each coordinate's marginal from the grid whose first axis it is; None if sites mix them."""
    entries: list[tuple[str, Marginal]] = []
    names = [name for name, shape in target.layout.shapes.items() for _ in range(shape.numel())]
    at: dict[str, int] = {}
    for coordinate, grid in enumerate(grids):
        name = names[coordinate]
        entry = at.get(name, 0)
        at[name] = entry + 1
        points = len(grid.t[0])
        values = grid.values[name].reshape(points, -1, grid.values[name][0].numel())
        if entry >= values.shape[2]:
            return None
        mine = values[:, :, entry]
        if float((mine.amax(1) - mine.amin(1)).max()) > 1e-9 * (1 + float(mine.abs().max())):
            return None  # it depends on the other coordinate
        log_mass = grid.log_mass.reshape(points, -1).logsumexp(1)
        entries.append((name, _table(mine[:, 0], (log_mass - grid.log_total).exp())))
    return {
        name: stacked([m for n, m in entries if n == name], grids[0].values[name].shape[1:])
        for name in dict(entries)
    }


def _table(x: Tensor, mass: Tensor) -> Marginal:
    """A marginal from values in even steps of t and the mass at each."""
    if x[-1] < x[0]:
        x, mass = x.flip(0), mass.flip(0)
    slope = torch.gradient(x)[0]
    usable = (slope > 0) & (x.diff(prepend=x[:1] - 1) > 0)
    mean = (mass * x).sum()
    variance = (mass * (x - mean) ** 2).sum()
    outer = torch.cat([mass[:2], mass[-2:]]) * (torch.cat([x[:2], x[-2:]]) - mean) ** 2
    sd = (
        variance.sqrt()
        if float(outer.max()) < 1e-6 * float(variance)
        else mean.new_tensor(math.nan)
    )
    return Marginal(x[usable], (mass / slope)[usable], mean, sd, mean_error=torch.zeros_like(mean))
