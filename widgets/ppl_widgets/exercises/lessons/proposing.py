"""05, one guide, many uses: what draws of a guide are worth, from logs alone."""

from math import exp, hypot, log, pi, sqrt

import torch
from torch import Tensor

from ..exercise import Exercise, Slip, Values
from ..probes import tensors


def row(*values: float) -> Tensor:
    """Log densities of a few draws, in nats."""
    return torch.tensor(values, dtype=torch.float64)


def each(values: Tensor) -> Values:
    """A tensor as a number a draw."""
    return tuple(values.tolist())


WEIGHTS = Exercise(
    name="05.weights",
    takes=("log_prior", "log_likelihood", "log_guide"),
    parts=("log_weight",),
    right=lambda p, d, q: each(p + d - q),
    slips=(
        Slip("likelihood", lambda p, d, q: each(d)),
        Slip("joint", lambda p, d, q: each(p + d)),
        Slip("no_prior", lambda p, d, q: each(d - q)),
        Slip("no_data", lambda p, d, q: each(p - q)),
        Slip("flipped", lambda p, d, q: each(q - p - d)),
        Slip("product", lambda p, d, q: each(p + d + q)),
        Slip("divided", lambda p, d, q: each((p + d) / q)),
        Slip("multiplied", lambda p, d, q: each(p * d - q)),
        Slip("exponentiated", lambda p, d, q: each((p + d - q).exp())),
        Slip("normalised", lambda p, d, q: each((p + d - q).log_softmax(0))),
        Slip("normalised", lambda p, d, q: each((p + d - q).softmax(0))),
    ),
    settings=(
        (row(-1.1, -0.92, -2.2), row(-2.4, -0.64, -1.3), row(-0.7, -1.4, -0.95)),
        (row(-3.0, -0.95, -1.7), row(-0.63, -1.9, -4.1), row(-1.2, -0.72, -2.6)),
        (row(-1.5, -1.25, -0.93), row(-0.8, -3.3, -2.7), row(-2.1, -0.85, -1.05)),
        (row(-0.93, -2.05, -1.6), row(-1.75, -0.66, -0.9), row(-1.33, -2.4, -0.6)),
    ),
    probe=tensors,
)

LOGS = (
    (row(-1.462, -0.9, -2.8, -1.1),),
    (row(-3.0, -2.2, -4.5, -2.9, -2.4),),
    (row(0.7, 1.9, -0.4),),
    (row(-1.0, -5.0, -0.3, -2.0, -0.8, -1.6),),
)

EVIDENCE = Exercise(
    name="05.evidence",
    takes=("log_weights",),
    parts=("evidence",),
    right=lambda w: (float(w.exp().mean()),),
    slips=(
        Slip("normalised", lambda w: (1.0 / len(w),)),
        Slip("one", lambda w: (1.0,)),
        Slip("total", lambda w: (float(w.exp().sum()),)),
        Slip("log", lambda w: (float(w.exp().mean().log()),)),
        Slip("mean_log", lambda w: (float(w.mean()),)),
        Slip("geometric", lambda w: (float(w.mean().exp()),)),
        Slip("largest", lambda w: (float(w.exp().max()),)),
        Slip("harmonic", lambda w: (1.0 / float((-w).exp().mean()),)),
    ),
    settings=LOGS,
)


def ess(w: Tensor) -> float:
    """(sum w)^2 / sum w^2, counted in draws."""
    return float(w.sum() ** 2 / (w * w).sum())


ESS = Exercise(
    name="05.ess",
    takes=("log_weights",),
    parts=("share",),
    right=lambda w: (ess(w.exp()) / len(w),),
    slips=(
        Slip("logs", lambda w: (ess(w) / len(w),)),
        Slip("logs", lambda w: (ess(w),)),
        Slip("draws", lambda w: (ess(w.exp()),)),
        Slip("concentration", lambda w: (1.0 / ess(w.exp()),)),
        Slip("unsquared", lambda w: (float(w.exp().sum() / (w.exp() ** 2).sum()) / len(w),)),
        Slip("unsquared", lambda w: (float(w.exp().sum() / (w.exp() ** 2).sum()),)),
        Slip("largest", lambda w: (float(w.softmax(0).max()),)),
        Slip("all", lambda w: (1.0,)),
    ),
    settings=LOGS,
)


def evidence(guess: float, reading: float, prior_sd: float, noise_sd: float) -> float:
    """The density of the reading, with the weight integrated out."""
    spread = hypot(prior_sd, noise_sd)
    return exp(-0.5 * ((reading - guess) / spread) ** 2 - log(spread * sqrt(2.0 * pi)))


def peak(noise_sd: float) -> float:
    """The largest likelihood a weight can have."""
    return 1.0 / (noise_sd * sqrt(2.0 * pi))


ACCEPTED = Exercise(
    name="05.accepted",
    takes=("guess", "measurement", "prior_sd", "noise_sd"),
    parts=("share",),
    right=lambda g, m, p, n: (evidence(g, m, p, n) / peak(n),),
    slips=(
        Slip("evidence", lambda g, m, p, n: (evidence(g, m, p, n),)),
        Slip("peak", lambda g, m, p, n: (peak(n),)),
        Slip("flipped", lambda g, m, p, n: (peak(n) / evidence(g, m, p, n),)),
        Slip("refused", lambda g, m, p, n: (1.0 - evidence(g, m, p, n) / peak(n),)),
        Slip("product", lambda g, m, p, n: (evidence(g, m, p, n) * peak(n),)),
        Slip("at_guess", lambda g, m, p, n: (exp(-0.5 * ((m - g) / n) ** 2),)),
        Slip("prior_peak", lambda g, m, p, n: (evidence(g, m, p, n) / peak(p),)),
        Slip("no_noise", lambda g, m, p, n: (evidence(g, m, p, 1e-9) / peak(n),)),
        Slip("log", lambda g, m, p, n: (log(evidence(g, m, p, n) / peak(n)),)),
    ),
    settings=(
        (8.5, 9.5, 1.0, 0.75),
        (7.0, 8.2, 0.5, 1.2),
        (10.0, 9.0, 2.0, 0.4),
        (3.0, 3.9, 1.5, 0.9),
    ),
)

EXERCISES = (WEIGHTS, EVIDENCE, ESS, ACCEPTED)
