"""Linear Gaussian programs: every site normal, its mean affine in the others, its width fixed.

The joint density of all sites is then one Gaussian, whose precision adds up site by site.
Regression, hierarchies of normals and the Kalman smoother are special cases.

Source: Bishop 2006, Pattern Recognition and Machine Learning, sections 2.3.3 and 8.1.4.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ...distributions import MultivariateNormal, Normal
from ...effects import Site
from .affine import Program, bare, is_affine, is_constant, scored, weights
from .result import Reference, normal_marginal

_LOG_2PI = math.log(2 * math.pi)
_LIMIT = 2000  # coordinates


def gaussian(program: Program) -> Reference | None:
    """The exact posterior of a linear Gaussian program; None if it is not one.

    The mean of every site must be affine by proof and at all probes, and the log joint minus the
    log posterior must be the same number at all of them (Bayes' rule read backwards).
    """
    shapes = {name: site.value.shape for name, site in program.latent.items()}
    if not _all_normal(list(program.latent.values())) or program.looks_at_values():
        return None
    size = sum(shape.numel() for shape in shapes.values())
    if size > _LIMIT:
        return None
    joint = _Joint(program, shapes)
    found = joint.posterior()
    if found is None:
        return None
    mean, root, log_evidence = found
    covariance = torch.cholesky_inverse(root)
    if not joint.holds(mean, root, log_evidence):
        return None
    sds = joint.split(covariance.diagonal().sqrt())
    means = joint.split(mean)
    marginals = {name: normal_marginal(means[name], sds[name]) for name in shapes}

    def draw(num: int) -> dict[str, Tensor]:
        noise = torch.randn(size, num, dtype=torch.double)
        points = mean + torch.linalg.solve_triangular(root.T, noise, upper=True).T
        return joint.split(points)

    how = f"linear Gaussian: {size} coordinate{'s' if size > 1 else ''}, one solve"
    return Reference("closed form", how, marginals, log_evidence, 0.0, draw)


def _all_normal(sites: list[Site]) -> bool:
    return all(type(bare(site.fn)[0]) in (Normal, MultivariateNormal) for site in sites)


class _Joint:
    """The log joint as constant + linear . z - z . precision . z / 2."""

    def __init__(self, program: Program, shapes: dict[str, Any]):
        self.program, self.shapes = program, shapes
        self.size = sum(shape.numel() for shape in shapes.values())

    def split(self, points: Tensor) -> dict[str, Tensor]:
        """Vectors, (..., size), as values of the sites."""
        parts = points.split([shape.numel() for shape in self.shapes.values()], -1)
        rows = points.shape[:-1]
        named = zip(self.shapes.items(), parts, strict=True)
        return {name: part.reshape(rows + shape) for (name, shape), part in named}

    def posterior(self) -> tuple[Tensor, Tensor, float] | None:
        """Mean, Cholesky root of the precision, and log evidence; None if it is not Gaussian."""
        leaf = torch.zeros(self.size, dtype=torch.double, requires_grad=True)
        sites = scored(self.program.at(self.split(leaf)))
        if not _all_normal(sites) or not all(_is_provable(site) for site in sites):
            return None
        slopes = {site.name: _slope(_mean(site), leaf) for site in sites}
        if not self._same_at_probes({site.name: site for site in sites}, slopes):
            return None
        precision = torch.zeros(self.size, self.size, dtype=torch.double)
        linear, constant = torch.zeros(self.size, dtype=torch.double), 0.0
        for site in sites:
            rows, rest, width = self._residual(site, slopes[site.name].double())
            linear = linear - rows.T @ rest
            precision = precision + rows.T @ rows
            constant += width - 0.5 * float(rest @ rest)
        root, failed = torch.linalg.cholesky_ex(precision)
        if int(failed):
            return None
        mean = torch.cholesky_solve(linear.unsqueeze(1), root).squeeze(1)
        volume = 0.5 * self.size * _LOG_2PI - root.diagonal().log().sum().item()
        return mean, root, constant + 0.5 * float(linear @ mean) + volume

    def _residual(self, site: Site, slope: Tensor) -> tuple[Tensor, Tensor, float]:
        """The residual, value - mean, as rows . z + rest in widths; and its log normaliser."""
        start = _mean(site).detach().double()
        rows = -slope.reshape(-1, self.size)
        if site.name in self.shapes:
            own = self.split(torch.eye(self.size, dtype=torch.double))[site.name]
            rows = rows + own.reshape(self.size, -1).T
            rest = -start
        else:
            rest = site.value.detach().double().expand(start.shape) - start
        base = bare(site.fn)[0]
        if isinstance(base, Normal):
            counts = weights(site, start.shape).reshape(-1)
            sd = base.scale.detach().double().expand(start.shape).reshape(-1)
            unit = counts.sqrt() / sd
            width = -(counts * (sd.log() + 0.5 * _LOG_2PI)).sum().item()
            return rows * unit.unsqueeze(1), rest.reshape(-1) * unit, width
        events = start.shape[-1]
        batch = start.shape[:-1]
        counts = weights(site, batch).reshape(-1)
        tril = base.scale_tril.detach().double().expand(*batch, events, events)
        tril = tril.reshape(-1, events, events)
        both = torch.cat([rows, rest.reshape(-1, 1)], 1).reshape(-1, events, self.size + 1)
        both = torch.linalg.solve_triangular(tril, both, upper=False)
        both = (both * counts.sqrt().reshape(-1, 1, 1)).reshape(-1, self.size + 1)
        logs = tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        width = -(counts * (logs + 0.5 * events * _LOG_2PI)).sum().item()
        return both[:, :-1], both[:, -1], width

    def _same_at_probes(self, sites: dict[str, Site], slopes: dict[str, Tensor]) -> bool:
        """Whether mean and width of every site are as predicted, near the prior and far from it."""
        for point in self._probes():
            there = {site.name: site for site in scored(self.program.at(self.split(point)))}
            if there.keys() != sites.keys():
                return False
            for name, site in there.items():
                now, start, slope = _mean(site), _mean(sites[name]).detach(), slopes[name]
                if type(bare(site.fn)[0]) is not type(bare(sites[name].fn)[0]):
                    return False
                if now.shape != start.shape or not _same_width(site, sites[name]):
                    return False
                predicted = start.double() + slope @ point
                rough = start.abs().double() + slope.abs() @ point.abs() + 1e-30
                off = (now - predicted).abs() > 64 * torch.finfo(now.dtype).eps * rough
                if bool(off.any()):
                    return False
        return True

    def _probes(self) -> list[Tensor]:
        draws = [self._vector(self.program.draw()) for _ in range(12)]
        stretches = (-300.0, -30.0, -3.0, -0.3, 0.3, 3.0, 30.0, 300.0, 0.0, 0.0, 1.0, -1.0)
        pairs = zip(draws, draws[1:] + draws[:1], stretches, strict=True)
        return [self._held(one + times * (one - other)) for one, other, times in pairs]

    def _vector(self, values: dict[str, Tensor]) -> Tensor:
        return torch.cat([values[name].reshape(-1) for name in self.shapes])

    def _held(self, point: Tensor) -> Tensor:
        """The nearest point that the program's precision can hold."""
        return self._vector(self.program.rounded(self.split(point)))

    def holds(self, mean: Tensor, root: Tensor, log_evidence: float) -> bool:
        """Bayes' rule backwards: log joint - log posterior is the evidence at every point."""
        found = [(log_evidence, 1e-6 * (1 + abs(log_evidence)))]
        half_log_det = root.diagonal().log().sum().item()
        for times in (0.0, *[1.0] * 36, 2.0, -2.0, 4.0, -4.0):
            noise = times * torch.randn(self.size, 1, dtype=torch.double)
            away = torch.linalg.solve_triangular(root.T, noise, upper=True)
            point = self._held(mean + away.squeeze(1))
            log_joint, error = self.program.log_joint(self.split(point))
            square = float(((point - mean) @ root).square().sum())
            log_posterior = half_log_det - 0.5 * self.size * _LOG_2PI - 0.5 * square
            found.append((log_joint - log_posterior, error + 1e-6 * (1 + square)))
        return is_constant(found)


def _mean(site: Site) -> Tensor:
    """The mean of a normal site, in the shape of its value."""
    return bare(site.fn)[0].loc


def _slope(mean: Tensor, leaf: Tensor, at_once: int = 256) -> Tensor:
    """The derivative of a mean in all coordinates, its shape + (size,)."""
    if not mean.requires_grad:
        return leaf.new_zeros(*mean.shape, len(leaf))
    rows: list[Tensor] = []
    for few in torch.eye(mean.numel(), dtype=mean.dtype).split(at_once):
        seeds = few.reshape(-1, *mean.shape)
        rows += torch.autograd.grad(mean, leaf, seeds, retain_graph=True, is_grads_batched=True)
    return torch.cat(rows).reshape(*mean.shape, len(leaf)).double()


def _widths(site: Site) -> Tensor:
    base = bare(site.fn)[0]
    return base.scale if isinstance(base, Normal) else base.scale_tril


def _is_provable(site: Site) -> bool:
    moving = _widths(site).requires_grad or (site.observed and site.value.requires_grad)
    return is_affine(_mean(site)) and not moving


def _same_width(site: Site, other: Site) -> bool:
    if not torch.equal(_widths(site), _widths(other)):
        return False
    shape = _mean(site).shape
    batch = shape[: len(bare(site.fn)[0].batch_shape)]
    return torch.equal(weights(site, batch), weights(other, batch))
