"""Solutions to notebook 05."""

import math

import torch
from torch import Tensor


def log_weights(log_prior: Tensor, log_likelihood: Tensor, log_guide: Tensor) -> Tensor:
    """Log p(weight, data) less log q(weight)."""
    return log_prior + log_likelihood - log_guide


def evidence(log_weights: Tensor) -> Tensor:
    """The plain average of the weights, before anything is normalised."""
    return log_weights.exp().mean()


def ess(log_weights: Tensor) -> Tensor:
    """How many equal weights are worth as much, out of how many there are."""
    weights = log_weights.exp()
    return weights.sum() ** 2 / (weights**2).sum() / len(weights)


def accepted(guess: float, measurement: float, prior_sd: float, noise_sd: float) -> float:
    """The evidence over the peak of the likelihood."""
    spread = math.hypot(prior_sd, noise_sd)
    evidence = torch.distributions.Normal(guess, spread).log_prob(torch.tensor(measurement)).exp()
    return float(evidence) * noise_sd * math.sqrt(2.0 * math.pi)


ANSWERS = {
    "05.weights": log_weights,
    "05.evidence": evidence,
    "05.ess": ess,
    "05.accepted": accepted,
}
