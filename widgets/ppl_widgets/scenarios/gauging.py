"""How far an encoder is from the exact posterior: by importance sampling, and on a grid.

All in nats per row, of rows x (n, width) and what was learned. Importance sampling needs draws from
the encoder only, in any number of dimensions, and estimates the log evidence from below; the grid
is exact to many digits, for one or two latent numbers.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from .autoencoder import Weights, decoded, encoded

REACH = 5.0
"""The grid goes from -REACH to REACH in every latent number, whose prior has sd 1."""
ACROSS = {1: 801, 2: 81}
"""Points of the grid along each of so many latent numbers."""
COARSE = {1: 401, 2: 41}
"""And of one that draws are taken from."""
BLOCK = 200
"""Points of a grid at a time: so few stay in the cache of a core, and on one."""
NODES = 16
"""Of a quadrature over the guide, along each latent number."""


def log_joint(now: Weights, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Log p(x, z) for every row and z: (n, width) and (..., n, latent) -> (..., n)."""
    off = x - decoded(now, z)
    width, latent, sd = x.shape[-1], z.shape[-1], float(now["sd"])
    squares = np.einsum("...d,...d->...", off, off) / sd**2 + np.einsum("...k,...k->...", z, z)
    return -0.5 * (squares + (width + latent) * math.log(2.0 * math.pi)) - width * math.log(sd)


def log_guide(noise: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Log q(z | x) at z = mean + widths * noise: (..., n, latent) -> (..., n)."""
    squares = np.einsum("...k,...k->...", noise, noise)
    return -0.5 * (squares + noise.shape[-1] * math.log(2.0 * math.pi)) - np.log(widths).sum(-1)


def log_mean(log_values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Log of the mean along an axis."""
    top = log_values.max(axis, keepdims=True)
    return np.log(np.exp(log_values - top).mean(axis)) + np.squeeze(top, axis)


def by_importance(now: Weights, x: np.ndarray, noise: np.ndarray) -> tuple[float, float]:
    """Evidence and gap, both estimated from standard normal noise (draws, n, latent).

    Source: Burda, Grosse & Salakhutdinov 2016, Importance weighted autoencoders.
    """
    mean, widths = encoded(now, x)
    log_weights = np.stack(
        [log_joint(now, x, mean + widths * one) - log_guide(one, widths) for one in noise]
    )
    evidence = log_mean(log_weights)
    return float(evidence.mean()), float((evidence - log_weights.mean(0)).mean())


@lru_cache(maxsize=8)
def grid(latent: int, across: int) -> tuple[np.ndarray, float]:
    """Points (points, latent) that cover the prior, and the log of the volume of each."""
    line = np.linspace(-REACH, REACH, across)
    points = np.stack(np.meshgrid(*[line] * latent, indexing="ij"), -1).reshape(-1, latent)
    return points, latent * math.log(line[1] - line[0])


def log_joint_on(now: Weights, x: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Log p(x, z) for every row at every point: (n, points)."""
    blocks = np.array_split(points, -(-len(points) // BLOCK))
    return np.concatenate([_log_joint_on(now, x, block) for block in blocks], 1)


def _log_joint_on(now: Weights, x: np.ndarray, points: np.ndarray) -> np.ndarray:
    means, sd, width = decoded(now, points), float(now["sd"]), x.shape[1]
    squares = (x**2).sum(1)[:, None] - 2.0 * x @ means.T + (means**2).sum(1)
    squares = squares / sd**2 + (points**2).sum(1)
    both = width + points.shape[1]
    return -0.5 * (squares + both * math.log(2.0 * math.pi)) - width * math.log(sd)


def by_quadrature(now: Weights, x: np.ndarray) -> tuple[float, float] | None:
    """Evidence and gap to many digits; None where there are more than two latent numbers."""
    mean, widths = encoded(now, x)
    latent = mean.shape[1]
    if latent not in ACROSS:
        return None
    points, log_cell = grid(latent, ACROSS[latent])
    evidence = log_mean(log_joint_on(now, x, points), 1) + math.log(len(points)) + log_cell
    nodes, shares = hermegauss(NODES)
    noise = np.stack(np.meshgrid(*[nodes] * latent, indexing="ij"), -1).reshape(-1, 1, latent)
    share = np.prod(np.meshgrid(*[shares] * latent, indexing="ij"), 0).reshape(-1, 1)
    z = mean + widths * noise
    elbo = (share * (log_joint(now, x, z) - log_guide(noise, widths))).sum(0) / share.sum()
    return float(evidence.mean()), float((evidence - elbo).mean())


def posterior_draws(now: Weights, row: np.ndarray, num: int) -> np.ndarray:
    """Draws (num, latent) of the exact posterior of one row (width,), evenly through its mass.

    Each lies somewhere in the cell of a grid that it was drawn for, in the same way at every call.
    """
    latent = encoded(now, row)[0].shape[0]
    points, log_cell = grid(latent, COARSE[latent])
    log_mass = log_joint_on(now, row[None], points)[0]
    mass = np.exp(log_mass - log_mass.max()).cumsum()
    levels = (np.arange(num) + 0.5) / num * mass[-1]
    chosen = points[np.searchsorted(mass, levels)]
    side = math.exp(log_cell / latent)
    return chosen + side * np.random.default_rng(0).uniform(-0.5, 0.5, chosen.shape)
