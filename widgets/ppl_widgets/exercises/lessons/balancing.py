"""08, the ELBO: loss, ELBO, evidence and KL told apart. Guess 8.5, reading 9.5, sds 1 and 0.75."""

from math import e, log, pi, sqrt

from ..exercise import Exercise, Slip
from ..probes import within

MEAN, SD = 9.14, 0.6
EVIDENCE = -0.5 * (1.0 / 1.5625 + log(2.0 * pi * 1.5625))
AVERAGED = 0.01
"""How near an average of 100,000 draws or more comes: five of its standard errors."""


def cross(a: float, b: float, mean: float, sd: float) -> float:
    """E log N(mean, sd) under N(a, b), in nats."""
    return -0.5 * (log(2.0 * pi * sd * sd) + ((a - mean) ** 2 + b * b) / (sd * sd))


def entropy(b: float) -> float:
    """Of N(a, b), in nats."""
    return 0.5 * log(2.0 * pi * e * b * b)


def fit(a: float, b: float) -> float:
    """How well draws explain the reading."""
    return cross(a, b, 9.5, 0.75)


def joint(a: float, b: float) -> float:
    """E log p(weight, reading)."""
    return fit(a, b) + cross(a, b, 8.5, 1.0)


def kl(a: float, b: float, mean: float, sd: float) -> float:
    """KL(N(a, b) || N(mean, sd)) in nats."""
    return 0.5 * (((a - mean) / sd) ** 2 + (b / sd) ** 2 - 1.0) - log(b / sd)


def elbo(a: float, b: float) -> float:
    """Fit less what moving away from the prior costs."""
    return fit(a, b) - kl(a, b, 8.5, 1.0)


PLACES = ((9.0, 0.8), (8.2, 1.3), (9.6, 0.4), (10.0, 0.7))

ELBO = Exercise(
    name="08.elbo",
    takes=("a", "b"),
    parts=("ELBO",),
    right=lambda a, b: (elbo(a, b),),
    slips=(
        Slip("loss", lambda a, b: (-elbo(a, b),)),
        Slip("fit", lambda a, b: (fit(a, b),)),
        Slip("no_entropy", lambda a, b: (joint(a, b),)),
        Slip("entropy_added", lambda a, b: (joint(a, b) - entropy(b),)),
        Slip("cost", lambda a, b: (-kl(a, b, 8.5, 1.0),)),
        Slip("cost_added", lambda a, b: (fit(a, b) + kl(a, b, 8.5, 1.0),)),
        Slip("evidence", lambda a, b: (EVIDENCE,)),
        Slip("gap", lambda a, b: (kl(a, b, MEAN, SD),)),
        Slip("gap", lambda a, b: (-kl(a, b, MEAN, SD),)),
        Slip("centre", lambda a, b: (joint(a, 0.0) + entropy(b),)),
        Slip("variance", lambda a, b: (elbo(a, sqrt(b)),)),
        Slip("variance", lambda a, b: (elbo(a, b * b),)),
    ),
    settings=PLACES,
    probe=within(AVERAGED),
)

GAP = Exercise(
    name="08.gap",
    takes=("a", "b"),
    parts=("gap",),
    right=lambda a, b: (kl(a, b, MEAN, SD),),
    slips=(
        Slip("turned", lambda a, b: (kl(MEAN, SD, a, b),)),
        Slip("loss", lambda a, b: (-elbo(a, b),)),
        Slip("elbo", lambda a, b: (elbo(a, b),)),
        Slip("sum", lambda a, b: (EVIDENCE + elbo(a, b),)),
        Slip("negative", lambda a, b: (-kl(a, b, MEAN, SD),)),
        Slip("prior", lambda a, b: (kl(a, b, 8.5, 1.0),)),
        Slip("prior_turned", lambda a, b: (kl(8.5, 1.0, a, b),)),
        Slip("means", lambda a, b: (0.5 * ((a - MEAN) / SD) ** 2,)),
        Slip("spreads", lambda a, b: (kl(MEAN, b, MEAN, SD),)),
        Slip("unhalved", lambda a, b: (2.0 * kl(a, b, MEAN, SD),)),
        Slip("variance", lambda a, b: (kl(a, b, MEAN, 0.36),)),
    ),
    settings=PLACES,
    probe=within(0.005),
)

EXERCISES = (ELBO, GAP)
