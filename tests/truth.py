"""Exact answers for the tests, by two routes that share nothing: textbook formulas and quadrature.

Nothing here imports the packages under test. The formulas are those of the seed tutorial (variances
weigh the two sources); the quadratures know only log densities. All log densities are in nats.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LOG_2PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Belief:
    """A normal belief about a weight, and the log evidence it was reached with, in nats."""

    mean: float
    sd: float
    log_evidence: float


def normal_log_density(x, mean, sd):
    """Log density of N(mean, sd) at x, in nats; broadcasts."""
    return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd) - 0.5 * LOG_2PI


# ---- the unreliable scale: weight ~ N(guess, prior_sd), measurement ~ N(weight, noise_sd)


def weigh(guess=8.5, measurement=9.5, prior_sd=1.0, noise_sd=0.75) -> Belief:
    """The posterior of the weight, each source weighed by the *other* one's variance.

    Source: Murphy 2012, Machine Learning, sec. 4.4.1 (inferring an unknown scalar).

    >>> belief = weigh()
    >>> f"{belief.mean:.2f} {belief.sd:.2f} {belief.log_evidence:.3f}"
    '9.14 0.60 -1.462'
    """
    total = prior_sd**2 + noise_sd**2
    mean = (noise_sd**2 * guess + prior_sd**2 * measurement) / total
    sd = math.sqrt(prior_sd**2 * noise_sd**2 / total)
    return Belief(mean, sd, float(normal_log_density(measurement, guess, math.sqrt(total))))


def scale_log_joint(weight, guess=8.5, measurement=9.5, prior_sd=1.0, noise_sd=0.75):
    """Log p(weight, measurement | guess), in nats; broadcasts over weight."""
    prior = normal_log_density(weight, guess, prior_sd)
    return prior + normal_log_density(measurement, weight, noise_sd)


def expected_loss(a, b, guess=8.5, measurement=9.5, prior_sd=1.0, noise_sd=0.75) -> float:
    """Minus the ELBO of the guide N(a, b), as three Gaussian averages: cross, cross, entropy."""
    prior = 0.5 * (LOG_2PI + 2 * math.log(prior_sd) + ((a - guess) ** 2 + b**2) / prior_sd**2)
    fit = 0.5 * (LOG_2PI + 2 * math.log(noise_sd) + ((measurement - a) ** 2 + b**2) / noise_sd**2)
    entropy = 0.5 * (1.0 + LOG_2PI) + math.log(b)
    return prior + fit - entropy


def sgd_half_life(lr, momentum=0.1, posterior_sd=0.6) -> float:
    """Steps in which SGD halves the distance of the guide's mean from the exact one."""
    return posterior_sd**2 * math.log(2.0) * (1.0 - momentum) / lr


def ess_share(a, b, guess=8.5, measurement=9.5, prior_sd=1.0, noise_sd=0.75) -> float:
    """ESS / N of the guide N(a, b) with infinitely many draws; 0 where the variance is infinite."""
    exact = weigh(guess, measurement, prior_sd, noise_sd)
    spare = 2 * b**2 - exact.sd**2
    if spare <= 0:
        return 0.0
    return exact.sd * math.sqrt(spare) / b**2 * math.exp(-((exact.mean - a) ** 2) / spare)


def tail_k(b, prior_sd=1.0, noise_sd=0.75) -> float:
    """Shape of the weights' tail under the guide N(posterior mean, b), b below the exact sd.

    The log weight is z**2 * (b**2 / sd**2 - 1) / -2 for a standard normal z, so P(w > t) falls as
    t ** (-1 / k) with k = 1 - b**2 / sd**2.
    """
    return 1.0 - b**2 / weigh(prior_sd=prior_sd, noise_sd=noise_sd).sd ** 2


# ---- quadrature: any one-dimensional density


def posterior_by_quadrature(
    log_joint: Callable, low: float, high: float, points: int = 20_001
) -> Belief:
    """Mean, sd and log evidence of exp(log_joint) on [low, high] by the trapezoid rule.

    The rule converges faster than any power for a smooth density that vanishes at both ends.
    """
    x = np.linspace(low, high, points)
    log_p = log_joint(x)
    top = log_p.max()
    p = np.exp(log_p - top)
    mass = np.trapezoid(p, x)
    mean = np.trapezoid(x * p, x) / mass
    variance = np.trapezoid((x - mean) ** 2 * p, x) / mass
    return Belief(float(mean), float(math.sqrt(variance)), float(math.log(mass) + top))


def normal_average(f: Callable, mean: float, sd: float, nodes: int = 80) -> float:
    """E f(x) under N(mean, sd) by Gauss-Hermite: exact for polynomials below degree 2 * nodes."""
    x, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return float(np.dot(weights, f(mean + sd * x)) / math.sqrt(2.0 * math.pi))


def loss_moments_by_quadrature(a: float, b: float, log_joint: Callable) -> tuple[float, float]:
    """Mean and variance of one loss draw, log q(w) - log p(w, data) with w ~ q = N(a, b)."""

    def loss(w):
        return normal_log_density(w, a, b) - log_joint(w)

    mean = normal_average(loss, a, b)
    return mean, normal_average(lambda w: (loss(w) - mean) ** 2, a, b)


def kl_by_quadrature(a: float, b: float, mean: float, sd: float) -> float:
    """KL(N(a, b) || N(mean, sd)) in nats."""
    return normal_average(
        lambda w: normal_log_density(w, a, b) - normal_log_density(w, mean, sd), a, b
    )


# ---- a hidden level that drifts, read once a step: the Kalman filter


def kalman(readings, mean=8.5, sd=1.0, drift=0.3, noise_sd=0.75) -> list[Belief]:
    """The belief about the level after each reading, with the log evidence of all so far.

    Before every reading but the first the level moves by N(0, drift).

    Source: Särkkä 2013, Bayesian Filtering and Smoothing, theorem 4.2, in one dimension.

    >>> last = kalman([9.5, 9.1, 9.9, 9.3, 9.6])[-1]
    >>> f"{last.mean:.3f} {last.sd:.3f} {last.log_evidence:.3f}"
    '9.451 0.436 -5.311'
    """
    beliefs, variance, log_evidence = [], sd**2, 0.0
    for step, reading in enumerate(readings):
        variance += drift**2 if step else 0.0
        total = variance + noise_sd**2
        log_evidence += float(normal_log_density(reading, mean, math.sqrt(total)))
        mean += variance / total * (reading - mean)
        variance *= noise_sd**2 / total
        beliefs.append(Belief(float(mean), math.sqrt(variance), log_evidence))
    return beliefs


def gaussian_walk(readings, mean=8.5, sd=1.0, drift=0.3, noise_sd=0.75) -> Belief:
    """The same last belief from the joint covariance of all levels and readings, in one solve."""
    t = np.arange(len(readings))
    levels = sd**2 + drift**2 * np.minimum.outer(t, t)
    total = levels + noise_sd**2 * np.eye(len(t))
    away = np.asarray(readings) - mean
    gain = np.linalg.solve(total, levels[:, -1])
    log_det = np.linalg.slogdet(total)[1]
    fit = away @ np.linalg.solve(total, away)
    log_evidence = -0.5 * (fit + log_det + len(t) * LOG_2PI)
    variance = levels[-1, -1] - gain @ levels[:, -1]
    return Belief(float(mean + gain @ away), float(math.sqrt(variance)), float(log_evidence))
