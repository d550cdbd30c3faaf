"""One guide, every use: what each algorithm makes of it on the unreliable scale, beside the truth.

    python benchmarks/one_guide.py [--draws 20000]

The scale: weight ~ N(8.5, 1), measurement ~ N(weight, 0.75), read as 9.5; the posterior is
N(9.14, 0.6), the evidence 0.2318. The exact acceptance of independent Metropolis-Hastings is found
by quadrature over both places. The last table follows a weight that drifts by 0.3 through five
readings, beside a Kalman filter.
"""

import argparse
import math
import warnings
from typing import Any

import numpy as np
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import Importance, IndependentMH, Rejection, SMCFilter

MEAN, SD = 9.14, 0.6
READINGS = (9.5, 9.1, 9.9, 9.3, 9.6)


def scale(guess: float) -> Any:
    """The seed's program."""
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


MODEL = ppl.condition(scale, data={"measurement": 9.5})


def normal(a: float, b: float) -> Any:
    """The guide N(a, b)."""
    return lambda guess: ppl.sample("weight", dist.Normal(a, b))


def exact_acceptance(a: float, b: float) -> float:
    """E[min(1, w(new) / w(old))] for old from the posterior and new from the guide."""
    x = np.linspace(MEAN - 8 * SD, MEAN + 8 * SD, 2001)
    y = np.linspace(a - 8 * b, a + 8 * b, 2001)

    def log_normal(z: np.ndarray, mean: float, sd: float) -> np.ndarray:
        return -0.5 * ((z - mean) / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))

    ratio = [log_normal(z, MEAN, SD) - log_normal(z, a, b) for z in (x, y)]
    accept = np.exp(np.minimum(0.0, ratio[1][None, :] - ratio[0][:, None]))
    inner = (np.exp(log_normal(y, a, b))[None, :] * accept).sum(1) * (y[1] - y[0])
    return float((np.exp(log_normal(x, MEAN, SD)) * inner).sum() * (x[1] - x[0]))


def guides(draws: int) -> None:
    """Print what importance, rejection and Metropolis-Hastings do with three guides."""
    print(f"{'guide':14}{'evidence':>10}{'ESS/N':>8}{'kept':>8}{'accepted':>10}{'exact':>8}")
    for name, a, b in (("N(9.14, 0.6)", MEAN, SD), ("N(8.5, 1)", 8.5, 1.0), ("N(9, 0.8)", 9, 0.8)):
        ppl.set_rng_seed(101)
        weighed = Importance(MODEL, normal(a, b), num_samples=draws).run(8.5)
        kept = Rejection(MODEL, normal(a, b), num_samples=draws // 2, batch_size=1000).run(8.5)
        run = ppl.InferenceRun(IndependentMH(MODEL, normal(a, b)), 8.5, seed=101)
        accepted: list[float] = []
        run.advance(draws, watch=lambda at, to=accepted: to.append(at.info.accept_prob))
        print(
            f"{name:14}{weighed.get_log_normalizer().exp():10.4f}"
            f"{weighed.get_ESS() / draws:8.3f}{kept.acceptance_rate:8.3f}"
            f"{sum(accepted) / draws:10.3f}{exact_acceptance(a, b):8.3f}"
        )


class Level:
    """A weight that drifts between readings."""

    def init(self, state: dict[str, Any], reading: float) -> None:
        """The first reading."""
        state["kg"] = ppl.sample("kg", dist.Normal(8.5, 1.0))
        ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)

    def step(self, state: dict[str, Any], reading: float) -> None:
        """Another one."""
        state["kg"] = ppl.sample("kg", dist.Normal(state["kg"], 0.3))
        ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)


def series(draws: int) -> None:
    """Print the filter beside Kalman's, reading by reading."""
    ppl.set_rng_seed(101)
    smc = SMCFilter(Level(), num_particles=draws)
    mean, variance, log_evidence = 8.5, 1.0, 0.0
    print(f"\n{'reading':>8}{'SMC':>20}{'log Z':>9}{'Kalman':>20}{'log Z':>9}")
    for t, reading in enumerate(READINGS):
        state = smc.step(reading) if t else smc.init(reading)
        variance += 0.09 if t else 0.0
        spread = variance + 0.75**2
        log_evidence -= 0.5 * ((reading - mean) ** 2 / spread + math.log(2 * math.pi * spread))
        gain = variance / spread
        mean, variance = mean + gain * (reading - mean), variance * (1 - gain)
        kg = smc.get_empirical()["kg"]
        found = f"N({kg.mean:.3f}, {kg.variance.sqrt():.3f})"
        exact = f"N({mean:.3f}, {math.sqrt(variance):.3f})"
        print(f"{reading:8}{found:>20}{state.log_evidence:9.3f}{exact:>20}{log_evidence:9.3f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--draws", type=int, default=20_000)
    draws = parser.parse_args().draws
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    guides(draws)
    series(draws)


if __name__ == "__main__":
    main()
