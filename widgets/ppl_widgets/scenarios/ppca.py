"""Probabilistic principal components: what is known exactly when decoder and encoder are linear.

With z ~ N(0, I) and centred x ~ N(z W, s^2 I), a row has density N(0, W'W + s^2 I) and posterior
N(x W' / M, s^2 / M), where M = W W' + s^2 I. Written for k latent numbers and rows of d; S is the
mean of x x' over the rows. Evidence and gap are in nats per row.

Source: Tipping & Bishop, Probabilistic Principal Component Analysis, JRSS B 61, 1999.
"""

import math

import numpy as np


def evidence(weights: np.ndarray, sd: float, covariance: np.ndarray) -> float:
    """Mean log density of the rows under these parameters.

    Args:
        weights: the decoder W, (k, d).
        sd: s, of one number of a row.
        covariance: S, (d, d).
    """
    k, d = weights.shape
    inner = _inner(weights, sd)
    explained = np.trace(np.linalg.solve(inner, weights @ covariance @ weights.T))
    log_det = 2 * (d - k) * math.log(sd) + np.linalg.slogdet(inner)[1]
    misfit = (np.trace(covariance) - explained) / sd**2
    return float(-0.5 * (d * math.log(2.0 * math.pi) + log_det + misfit))


def gap(
    weights: np.ndarray,
    sd: float,
    covariance: np.ndarray,
    encoder: np.ndarray,
    widths: np.ndarray,
) -> float:
    """Mean KL(guide ‖ posterior) of the guide N(x A, widths): how far the ELBO is too low.

    Args:
        weights: the decoder W, (k, d).
        sd: s, of one number of a row.
        covariance: S, (d, d).
        encoder: A, (d, k).
        widths: sds of the guide, (k,).
    """
    inner = _inner(weights, sd)
    precision = inner / sd**2
    off = encoder.T - np.linalg.solve(inner, weights)
    spread = off @ covariance @ off.T + np.diag(widths**2)
    log_det = np.linalg.slogdet(precision)[1] + 2.0 * np.log(widths).sum()
    return float(0.5 * (np.trace(precision @ spread) - len(weights) - log_det))


def posterior(weights: np.ndarray, sd: float, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (k,) and covariance (k, k) of the latent numbers of one centred row (d,)."""
    inner = _inner(weights, sd)
    return np.linalg.solve(inner, weights @ row), sd**2 * np.linalg.inv(inner)


def best(covariance: np.ndarray, latent: int) -> float:
    """The highest evidence that any linear decoder with so many latent numbers reaches.

    The first eigenvalues of S stay as they are, the others are averaged to s^2.
    """
    values = np.linalg.eigvalsh(covariance)[::-1]
    d = len(values)
    log_det = np.log(values[:latent]).sum() + (d - latent) * math.log(values[latent:].mean())
    return float(-0.5 * (d * (math.log(2.0 * math.pi) + 1.0) + log_det))


def _inner(weights: np.ndarray, sd: float) -> np.ndarray:
    return weights @ weights.T + sd**2 * np.eye(len(weights))
