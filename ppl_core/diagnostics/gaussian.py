"""How far a learned Gaussian is from another one, or from draws that know better. All in nats."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch import distributions as torch_distributions

from ..errors import ShapeError
from ..values import as_real


class Moments(NamedTuple):
    """A mean, (d,), and a covariance, (d, d)."""

    mean: Tensor
    covariance: Tensor


def moments(draws: Any) -> Moments:
    """Mean and covariance of draws, (count,) or (count, d).

    >>> moments([1.0, 2.0, 3.0])
    Moments(mean=tensor([2.], dtype=torch.float64), covariance=tensor([[1.]], dtype=torch.float64))
    """
    draws = as_real(draws).detach().double()
    columns = draws.unsqueeze(1) if draws.dim() == 1 else draws
    if columns.dim() != 2:
        raise ShapeError(
            f"moments: draws have shape (count,) or (count, d), got {tuple(draws.shape)}; "
            f"flatten all but the first dimension"
        )
    centred = columns - columns.mean(0)
    return Moments(columns.mean(0), centred.T @ centred / (len(columns) - 1))


def gaussian_moments(fn: Any) -> Moments:
    """Mean and covariance of a Normal, a MultivariateNormal, or either under `to_event`.

    A batch of independent normals counts as one Gaussian of as many dimensions.
    """
    bare = fn
    while isinstance(bare, torch_distributions.Independent):
        bare = bare.base_dist
    mean = fn.mean.detach().double().flatten()
    if isinstance(bare, torch_distributions.Normal):
        return Moments(mean, fn.variance.detach().double().flatten().diag())
    covariance = getattr(bare, "covariance_matrix", None)
    if covariance is None:
        raise TypeError(f"a Gaussian is needed, Normal or MultivariateNormal, got {fn}")
    blocks = covariance.detach().double().reshape(-1, *covariance.shape[-2:])
    return Moments(mean, torch.block_diag(*blocks))


def gaussian_kl(first: Moments, second: Moments) -> Tensor:
    """KL(first || second) of two Gaussians in nats (scalar).

    Source: Murphy 2022, Probabilistic Machine Learning, eq. 5.78.

    >>> seed = Moments(torch.tensor([9.107]), torch.tensor([[0.6285**2]]))
    >>> exact = Moments(torch.tensor([9.14]), torch.tensor([[0.36]]))
    >>> print(f"{gaussian_kl(seed, exact):.4f}")
    0.0037
    """
    if first.mean.shape != second.mean.shape:
        raise ShapeError(
            f"gaussian_kl: {len(first.mean)} dimensions met {len(second.mean)}; the two Gaussians "
            f"are to be about the same coordinates"
        )
    root_first = torch.linalg.cholesky(first.covariance)
    root = torch.linalg.cholesky(second.covariance)
    spread = torch.linalg.solve_triangular(root, root_first, upper=False)
    away = second.mean - first.mean
    distance = torch.linalg.solve_triangular(root, away.unsqueeze(-1), upper=False)
    log_volumes = root.diagonal().log().sum() - root_first.diagonal().log().sum()
    return (spread.square().sum() + distance.square().sum() - len(away)) / 2 + log_volumes


def kl_to_draws(fn: Any, draws: Any) -> Tensor:
    """KL(fn || the Gaussian with the draws' mean and covariance), in nats (scalar).

    It judges a learned Gaussian by draws of the posterior, such as a long chain's. Where the
    posterior is Gaussian the answer exceeds the true one by about d (d + 3) / (4 n) on average, for
    n independent draws in d dimensions.

    Args:
        fn: Normal or MultivariateNormal, d numbers in all.
        draws: (count,) or (count, d), in the same coordinates.

    >>> from ppl_core.distributions import Normal
    >>> _ = torch.manual_seed(0)
    >>> kl = kl_to_draws(Normal(8.5, 1.0), 9.14 + 0.6 * torch.randn(10_000))
    >>> print(f"{kl:.1f}")  # exact: 0.95
    0.9
    """
    return gaussian_kl(gaussian_moments(fn), moments(draws))
