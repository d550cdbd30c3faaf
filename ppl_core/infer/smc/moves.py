"""Markov moves of a whole cloud of particles: random walks, and Hamiltonian trajectories.

Each leaves the tempered posterior, prior times a power of the likelihood, as it is. Its shape and
step size come from the cloud.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor

from ..coordinates import Coordinates


@dataclass(frozen=True, slots=True)
class Cloud:
    """Particles in unconstrained space.

    Attributes:
        at: where they are, (num_particles, size).
        log_prior, log_likelihood: of each, in nats, (num_particles,).
    """

    at: Tensor
    log_prior: Tensor
    log_likelihood: Tensor

    def chosen(self, index: Tensor) -> "Cloud":
        """The particles at these indices."""
        return Cloud(self.at[index], self.log_prior[index], self.log_likelihood[index])

    def mixed(self, other: "Cloud", take: Tensor) -> "Cloud":
        """The other's particle where `take` is true."""
        return Cloud(
            other.at.where(take.unsqueeze(-1), self.at),
            other.log_prior.where(take, self.log_prior),
            other.log_likelihood.where(take, self.log_likelihood),
        )


class RandomWalkMove:
    """Gaussian steps with the cloud's own covariance, accepted by Metropolis' rule.

    Source: Roberts, Gelman & Gilks 1997 (step 2.38 / sqrt(size), acceptance 0.234 to 0.44).
    """

    first_step: ClassVar[float] = 2.38
    usual_number: ClassVar[int] = 20
    wanted: ClassVar[float] = 0.3  # acceptance between the best for one and for many dimensions

    def __init__(self, space: Coordinates, cloud: Cloud, power: float, step: int):
        self.space, self.cloud, self.power, self.step = space, cloud, power, step
        centred = cloud.at - cloud.at.mean(0)
        covariance = centred.T @ centred / len(centred)
        tiny = 1e-6 * covariance.diagonal().mean() + 1e-12
        self.root = torch.linalg.cholesky(covariance + tiny * torch.eye(space.size))

    def run(self, num_moves: int, step_size: float) -> tuple[Cloud, float, float]:
        """Move all particles so often; the cloud, the next step size, the mean acceptance."""
        average = 0.0
        for _ in range(num_moves):
            accept = self.once(step_size)
            average += accept / num_moves
            step_size *= math.exp(accept - self.wanted)
        return self.cloud, step_size, average

    def once(self, step_size: float) -> float:
        """One step of every particle; the mean acceptance probability."""
        noise = torch.randn_like(self.cloud.at) @ self.root.T
        at = self.cloud.at + step_size / math.sqrt(self.space.size) * noise
        new = Cloud(at, *self.space.score(at))
        self.space.check(-self.energy(new), at, self.step, "TemperedSMC")
        return self._choose(new, self.energy(self.cloud) - self.energy(new))

    def energy(self, cloud: Cloud) -> Tensor:
        """Minus the tempered log density, in nats."""
        return -(cloud.log_prior + self.power * cloud.log_likelihood)

    def _choose(self, new: Cloud, log_ratio: Tensor) -> float:
        accept = log_ratio.nan_to_num(nan=-math.inf).clamp(max=0.0).exp()
        self.cloud = self.cloud.mixed(new, torch.rand_like(accept) < accept)
        return accept.mean().item()


class HamiltonianMove(RandomWalkMove):
    """Short leapfrog trajectories, with the cloud's variances as the inverse mass.

    One that diverges (its energy is not a number) is rejected.

    Source: Neal 2011, section 5.2; Buchholz, Chopin & Jacob 2021 (in SMC).
    """

    first_step: ClassVar[float] = 0.5
    usual_number: ClassVar[int] = 4
    wanted: ClassVar[float] = 0.8
    leaps: ClassVar[int] = 8

    def once(self, step_size: float) -> float:
        """One trajectory of every particle; the mean acceptance probability."""
        spread = self.cloud.at.std(0) + 1e-6
        force = self.space.mapped(torch.func.grad(self._log_density))
        at, momentum = self.cloud.at, torch.randn_like(self.cloud.at)
        before = self.energy(self.cloud) + 0.5 * (momentum**2).sum(-1)
        leap = step_size * spread
        pull = leap * force(at)
        self.space.check(pull.sum(-1).abs(), at, self.step, "TemperedSMC")
        momentum = momentum + 0.5 * pull
        for turn in range(self.leaps):
            at = at + leap * momentum
            pull = leap * force(at)
            momentum = momentum + (pull if turn < self.leaps - 1 else 0.5 * pull)
        new = Cloud(at, *self.space.score(at))
        return self._choose(new, before - self.energy(new) - 0.5 * (momentum**2).sum(-1))

    def _log_density(self, vector: Tensor) -> Tensor:
        prior, likelihood = self.space.parts(vector)
        return prior + self.power * likelihood


MOVES = MappingProxyType({"random walk": RandomWalkMove, "hmc": HamiltonianMove})
