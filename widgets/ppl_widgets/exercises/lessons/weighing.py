"""04, the perfect guide: weigh two sources by their precision."""

from math import hypot, sqrt

from ..exercise import Exercise, Slip, Values

HIDDEN = ((8.5, 9.5, 1.0, 0.75), (7.0, 8.2, 0.5, 1.2), (10.0, 6.0, 2.0, 0.4), (3.0, 3.9, 1.5, 0.9))


def weigh(guess: float, reading: float, prior_sd: float, noise_sd: float) -> Values:
    """The posterior: each source weighed by the other one's variance."""
    total = prior_sd**2 + noise_sd**2
    mean = (noise_sd**2 * guess + prior_sd**2 * reading) / total
    return mean, prior_sd * noise_sd / sqrt(total)


def by_sds(guess: float, reading: float, prior_sd: float, noise_sd: float) -> Values:
    """The same with sds where variances belong."""
    total = prior_sd + noise_sd
    return (noise_sd * guess + prior_sd * reading) / total, sqrt(prior_sd * noise_sd / total)


def equal(guess: float, reading: float, prior_sd: float, noise_sd: float) -> Values:
    """As if the scale were as sure as the guess."""
    return weigh(guess, reading, prior_sd, prior_sd)


WEIGH = Exercise(
    name="04.weigh",
    takes=("guess", "measurement", "prior_sd", "noise_sd"),
    parts=("mean", "sd"),
    right=weigh,
    slips=(
        Slip("prior", lambda g, m, p, n: (g, p)),
        Slip("likelihood", lambda g, m, p, n: (m, n)),
        Slip("reading", lambda g, m, p, n: (g, hypot(p, n))),
        Slip("sds", by_sds),
        Slip("equal", equal),
        Slip("seed_noise", lambda g, m, p, n: weigh(g, m, 1.0, 0.75)),
        Slip("swapped", lambda g, m, p, n: (weigh(m, g, p, n)[0], None)),
        Slip("sds", lambda g, m, p, n: (by_sds(g, m, p, n)[0], None)),
        Slip("average", lambda g, m, p, n: (0.5 * (g + m), None)),
        Slip("step", lambda g, m, p, n: ((m - g) * p**2 / (p**2 + n**2), None)),
        Slip("sum", lambda g, m, p, n: (g / p**2 + m / n**2, None)),
        Slip("variance", lambda g, m, p, n: (None, (p * n) ** 2 / (p**2 + n**2))),
        Slip("precision", lambda g, m, p, n: (None, 1.0 / p**2 + 1.0 / n**2)),
        Slip("root_precision", lambda g, m, p, n: (None, sqrt(1.0 / p**2 + 1.0 / n**2))),
        Slip("wider", lambda g, m, p, n: (None, hypot(p, n))),
        Slip("sds", lambda g, m, p, n: (None, by_sds(g, m, p, n)[1])),
        Slip("sds_flat", lambda g, m, p, n: (None, p * n / (p + n))),
        Slip("halves", lambda g, m, p, n: (None, 0.5 * (p + n))),
        Slip("noise_sd", lambda g, m, p, n: (None, n)),
        Slip("prior_sd", lambda g, m, p, n: (None, p)),
    ),
    settings=HIDDEN,
)

TRUST = Exercise(
    name="04.trust",
    takes=("prior_sd", "noise_sd"),
    parts=("share",),
    right=lambda p, n: (p**2 / (p**2 + n**2),),
    slips=(
        Slip("guess", lambda p, n: (n**2 / (p**2 + n**2),)),
        Slip("sds", lambda p, n: (p / (p + n),)),
        Slip("precision", lambda p, n: (1.0 / n**2,)),
        Slip("ratio", lambda p, n: (p**2 / n**2,)),
        Slip("half", lambda p, n: (0.5,)),
        Slip("rooted", lambda p, n: (p / hypot(p, n),)),
    ),
    settings=((1.0, 0.75), (0.5, 1.2), (2.0, 0.4), (1.5, 0.9)),
)

EXERCISES = (TRUST, WEIGH)
