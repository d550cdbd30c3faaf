"""Solutions to notebook 08: once in closed form, once through the other one."""

import math


def elbo(a: float, b: float) -> float:
    """Fit, less the KL from the guide to the prior; in nats."""
    fit = -0.5 * (math.log(2 * math.pi * 0.75**2) + ((a - 9.5) ** 2 + b**2) / 0.75**2)
    cost = 0.5 * ((a - 8.5) ** 2 + b**2 - 1.0) - math.log(b)
    return fit - cost


def gap(a: float, b: float) -> float:
    """Log evidence less ELBO, which is the KL from the guide to the posterior."""
    spread = 1.0**2 + 0.75**2
    log_evidence = -0.5 * (math.log(2 * math.pi * spread) + (9.5 - 8.5) ** 2 / spread)
    return log_evidence - elbo(a, b)


ANSWERS = {"08.elbo": elbo, "08.gap": gap}
