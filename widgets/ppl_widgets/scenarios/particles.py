"""A weight that drifts, read five times: particles that follow it, and the Kalman filter.

    kg_1 ~ N(guess, prior sd)     kg_t ~ N(kg_(t-1), drift)     reading_t ~ N(kg_t, noise sd)

The guide proposes where the particles begin; from then on they drift as the model says. Before each
reading the likely ones have children. The average weights of all readings, multiplied, are an
unbiased estimate of the evidence.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import SMCFilter

from ..text import count, fixed, normal, say
from .question import Columns
from .scenario import Controls, Gaussian

LATER = (9.1, 9.9, 9.3, 9.6)
"""The readings after the first, in kg."""
CLOUD = 50
"""Particles that live side by side."""
TIMES = len(LATER) + 1


def readings(controls: Controls) -> tuple[float, ...]:
    """All of them; the first is the panel's."""
    return (controls["measurement"], *LATER)


class Drifting:
    """The model in two parts, as SMCFilter takes it."""

    def __init__(self, controls: Controls):
        self.guess, self.prior_sd = controls["guess"], controls["prior_sd"]
        self.drift, self.noise_sd = controls["drift"], controls["noise_sd"]

    def init(self, state: dict[str, Any], reading: float) -> None:
        """The first weight and its reading."""
        self._go(state, self.guess, self.prior_sd, reading)

    def step(self, state: dict[str, Any], reading: float) -> None:
        """The next one."""
        self._go(state, state["kg"], self.drift, reading)

    def _go(self, state: dict[str, Any], mean: Any, sd: float, reading: float) -> None:
        state["kg"] = ppl.sample("kg", dist.Normal(mean, sd))
        ppl.sample("reading", dist.Normal(state["kg"], self.noise_sd), obs=reading)


class Starting:
    """The guide: N(a, b) to begin with, then the model's own drift."""

    def __init__(self, controls: Controls):
        self.a, self.b, self.drift = controls["a"], controls["b"], controls["drift"]

    def init(self, state: Mapping[str, Any], reading: float) -> None:
        """Where the particles begin."""
        ppl.sample("kg", dist.Normal(self.a, self.b))

    def step(self, state: Mapping[str, Any], reading: float) -> None:
        """Where they go."""
        ppl.sample("kg", dist.Normal(state["kg"], self.drift))


@dataclass(frozen=True, slots=True)
class Cloud:
    """One pass over the readings.

    Attributes:
        levels: of each particle at each reading, in kg, (TIMES, CLOUD).
        parents: whom it came from, a reading before, (TIMES - 1, CLOUD).
        log_weights: at the last reading, in nats, normalised, (CLOUD,).
        log_evidence: estimated from this cloud, in nats.
    """

    levels: Tensor
    parents: Tensor
    log_weights: Tensor
    log_evidence: float


class Clouds:
    """A Kernel whose every step is a fresh cloud that goes through all readings."""

    def __init__(self, controls: Controls):
        self._readings = readings(controls)
        guide = Starting(controls)
        self.smc = SMCFilter(Drifting(controls), guide, CLOUD, ess_threshold=1.0)

    def init(self, *args: Any) -> int:
        """No cloud yet."""
        return 0

    def update(self, state: int, *args: Any) -> tuple[int, Cloud]:
        """One cloud more."""
        self.smc.init(self._readings[0])
        for reading in self._readings[1:]:
            self.smc.step(reading)
        last = self.smc.state
        levels = torch.stack([state["kg"] for state in self.smc.states])
        parents = torch.stack([info.ancestors for info in self.smc.infos])
        return state + 1, Cloud(levels, parents, last.log_weights, last.log_evidence)


def read(controls: Controls, info: Cloud) -> Columns:
    """A row for each particle: its levels, its parents, its weight among all clouds' particles."""
    levels, parents = info.levels.numpy(), info.parents.numpy()
    ratio = math.exp(info.log_evidence - log_evidence(controls))
    return {
        "weight": levels[-1],
        "log_weight": info.log_weights.numpy() + info.log_evidence,
        "ratio": np.full(CLOUD, ratio),
        **{f"level{t}": level for t, level in enumerate(levels)},
        **{f"parent{t}": parent for t, parent in enumerate(parents, start=1)},
    }


# ---- the truth


def filtered(controls: Controls) -> tuple[list[Gaussian], float]:
    """The belief after each reading, and the log evidence of all, in nats.

    Source: Kalman 1960, in one dimension.
    """
    mean, variance, log_evidence = controls["guess"], controls["prior_sd"] ** 2, 0.0
    beliefs: list[Gaussian] = []
    for reading in readings(controls):
        variance += controls["drift"] ** 2 if beliefs else 0.0
        total = variance + controls["noise_sd"] ** 2
        away = reading - mean
        log_evidence -= 0.5 * (math.log(2.0 * math.pi * total) + away**2 / total)
        mean, variance = mean + variance / total * away, variance * (1.0 - variance / total)
        beliefs.append(Gaussian(mean, math.sqrt(variance)))
    return beliefs, log_evidence


def log_evidence(controls: Controls) -> float:
    """Of all readings, in nats."""
    return filtered(controls)[1]


def last(controls: Controls) -> Gaussian:
    """The belief about the weight as it is at the last reading."""
    return filtered(controls)[0][-1]


# ---- what the clouds say


def newest(draws: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Levels (TIMES, CLOUD) and parents (TIMES - 1, CLOUD) of the newest whole cloud, or none."""
    end = len(draws.get("weight", ())) // CLOUD * CLOUD
    rows = slice(max(end - CLOUD, 0), end)
    none = np.empty(0)
    levels = np.stack([draws.get(f"level{t}", none)[rows] for t in range(TIMES)])
    parents = np.stack([draws.get(f"parent{t}", none)[rows] for t in range(1, TIMES)])
    return levels, parents.astype(int)


def living(parents: np.ndarray) -> np.ndarray:
    """Whether a particle has descendants at the last reading, (TIMES, CLOUD)."""
    alive = np.zeros((len(parents) + 1, parents.shape[1]), bool)
    alive[-1] = True
    for t in range(len(parents) - 1, -1, -1):
        alive[t, parents[t][alive[t + 1]]] = True
    return alive


def tell(controls: Controls, draws: Columns) -> str:
    """The evidence, the last belief, and how many beginnings are left."""
    beliefs, exact = filtered(controls)
    said = {"exact": fixed(exact, 3), "source": say("source.closed")}
    belief = normal(beliefs[-1].mean, beliefs[-1].sd)
    if not len(draws.get("weight", ())):
        return say("particles.none", belief=belief, **said)
    seen = fixed(exact + math.log(float(draws["ratio"].mean())), 3)
    left = count(int(living(newest(draws)[1])[0].sum()))
    return say("particles.told", seen=seen, belief=belief, left=left, cloud=count(CLOUD), **said)


def code(controls: Controls, seed: int) -> str:
    """Model, guide and filter."""
    drift, later = controls["drift"], ", ".join(map(str, LATER))
    first = f"{controls['guess']}, {controls['prior_sd']}"
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer

class Drift:
    def init(self, state, reading): self.go(state, {first}, reading)
    def step(self, state, reading): self.go(state, state["kg"], {drift}, reading)
    def go(self, state, mean, sd, reading):
        state["kg"] = ppl.sample("kg", dist.Normal(mean, sd))
        ppl.sample("reading", dist.Normal(state["kg"], {controls["noise_sd"]}), obs=reading)
class Guide:
    def init(self, state, reading): ppl.sample("kg", dist.Normal({controls["a"]}, {controls["b"]}))
    def step(self, state, reading): ppl.sample("kg", dist.Normal(state["kg"], {drift}))

ppl.set_rng_seed({seed})
smc = infer.SMCFilter(Drift(), Guide(), num_particles={controls["num"]}, ess_threshold=1.0)
states = [smc.init({controls["measurement"]}), *map(smc.step, [{later}])]
print(smc.get_empirical()["kg"].mean, smc.state.log_evidence)"""
