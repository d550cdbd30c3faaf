"""Densities to compile: name -> (function of tensors, the tensors)."""

from collections.abc import Callable

import torch
from torch import Tensor

import ppl_core.distributions as dist
from ppl_core.distributions import constraints, transform_to

N = 6


def cases() -> dict[str, tuple[Callable[..., Tensor], list[Tensor]]]:
    """Every case, its numbers always the same."""
    g = torch.Generator().manual_seed(4)

    def real(*shape: int) -> Tensor:
        return torch.randn(shape or (N,), generator=g)

    def positive(*shape: int) -> Tensor:
        return torch.rand(shape or (N,), generator=g) + 0.5

    def unit() -> Tensor:
        return torch.rand(N, generator=g) * 0.8 + 0.1

    def simplex(k: int) -> Tensor:
        return real(N, k).softmax(-1)

    def lower(matrix: Tensor) -> Tensor:
        return matrix.tril(-1) + torch.diag_embed(matrix.diagonal(dim1=-2, dim2=-1).exp())

    ones, whole = torch.ones(N), torch.tensor([0.0, 1.0, 2.0, 3.0, 1.0, 0.0])
    index = torch.tensor([0, 1, 2, 1, 0, 2])
    d = dist
    return {
        "Normal": (lambda a, b, x: d.Normal(a, b).log_prob(x), [real(), positive(), real()]),
        "LogNormal": (
            lambda a, b, x: d.LogNormal(a, b).log_prob(x),
            [real(), positive(), positive()],
        ),
        "Gamma": (lambda a, b, x: d.Gamma(a, b).log_prob(x), [positive(), positive(), positive()]),
        "Beta": (lambda a, b, x: d.Beta(a, b).log_prob(x), [positive(), positive(), unit()]),
        "InverseGamma": (
            lambda a, b, x: d.InverseGamma(a, b).log_prob(x),
            [positive(), positive(), positive()],
        ),
        "Dirichlet": (lambda a, x: d.Dirichlet(a).log_prob(x), [positive(N, 3), simplex(3)]),
        "Bernoulli(logits)": (lambda a: d.Bernoulli(logits=a).log_prob(ones), [real()]),
        "Bernoulli(probs)": (lambda a: d.Bernoulli(a).log_prob(ones), [unit()]),
        "Binomial": (lambda a: d.Binomial(10, logits=a).log_prob(whole), [real()]),
        "Poisson": (lambda a: d.Poisson(a).log_prob(whole), [positive()]),
        "NegativeBinomial": (
            lambda a, b: d.NegativeBinomial(a, logits=b).log_prob(whole),
            [positive(), real()],
        ),
        "Geometric": (lambda a: d.Geometric(logits=a).log_prob(whole), [real()]),
        "Categorical": (lambda a: d.Categorical(logits=a).log_prob(index), [real(N, 3)]),
        "OneHotCategorical": (
            lambda a: d.OneHotCategorical(logits=a).log_prob(torch.eye(3)[index]),
            [real(N, 3)],
        ),
        "Multinomial": (
            lambda a: d.Multinomial(3, logits=a).log_prob(torch.ones(N, 3)),
            [real(N, 3)],
        ),
        "StudentT": (
            lambda k, a, b, x: d.StudentT(k, a, b).log_prob(x),
            [positive(), real(), positive(), real()],
        ),
        "Cauchy": (lambda a, b, x: d.Cauchy(a, b).log_prob(x), [real(), positive(), real()]),
        "HalfNormal": (lambda a, x: d.HalfNormal(a).log_prob(x), [positive(), positive()]),
        "HalfCauchy": (lambda a, x: d.HalfCauchy(a).log_prob(x), [positive(), positive()]),
        "Exponential": (lambda a, x: d.Exponential(a).log_prob(x), [positive(), positive()]),
        "Laplace": (lambda a, b, x: d.Laplace(a, b).log_prob(x), [real(), positive(), real()]),
        "Gumbel": (lambda a, b, x: d.Gumbel(a, b).log_prob(x), [real(), positive(), real()]),
        "Weibull": (
            lambda a, b, x: d.Weibull(a, b).log_prob(x),
            [positive(), positive(), positive()],
        ),
        "Pareto": (
            lambda a, b, x: d.Pareto(a, b).log_prob(x + 3),
            [positive(), positive(), positive()],
        ),
        "Uniform": (
            lambda a, b: d.Uniform(a, a + b).log_prob((a + 0.1 * b).detach()),
            [real(), positive()],
        ),
        "VonMises": (lambda a, b, x: d.VonMises(a, b).log_prob(x), [real(), positive(), real()]),
        "Kumaraswamy": (
            lambda a, b, x: d.Kumaraswamy(a, b).log_prob(x),
            [positive(), positive(), unit()],
        ),
        "ContinuousBernoulli": (
            lambda a, x: d.ContinuousBernoulli(logits=a).log_prob(x),
            [real(), unit()],
        ),
        "LogisticNormal": (
            lambda a, b, x: d.LogisticNormal(a, b).log_prob(x),
            [real(N, 2), positive(N, 2), simplex(3)],
        ),
        "MultivariateNormal(tril)": (
            lambda a, m, x: d.MultivariateNormal(a, scale_tril=lower(m)).log_prob(x),
            [real(N, 3), real(N, 3, 3), real(N, 3)],
        ),
        "MultivariateNormal(covariance)": (
            lambda a, s, x: d.MultivariateNormal(a, torch.eye(3) * s).log_prob(x),
            [real(N, 3), torch.tensor(2.0), real(N, 3)],
        ),
        "LowRankMultivariateNormal": (
            lambda a, f, s, x: d.LowRankMultivariateNormal(a, f, s).log_prob(x),
            [real(N, 3), real(N, 3, 2), positive(N, 3), real(N, 3)],
        ),
        "LKJCholesky": (
            lambda a: d.LKJCholesky(3, a).log_prob(torch.linalg.cholesky(torch.eye(3) + 0.2)),
            [torch.tensor(1.5)],
        ),
        "Mixture": (
            lambda w, a, x: d.MixtureSameFamily(d.Categorical(logits=w), d.Normal(a, 1.0)).log_prob(
                x
            ),
            [real(N, 3), real(N, 3), real()],
        ),
        "masked": (
            lambda a: d.Normal(a, 1.0).mask(torch.arange(N) > 2).log_prob(ones),
            [real()],
        ),
        "to simplex": (lambda z: transform_to(constraints.simplex)(z).log(), [real(N, 3)]),
        "to interval": (lambda z: transform_to(constraints.interval(0.0, 2.0))(z), [real()]),
        "to positive": (lambda z: transform_to(constraints.positive)(z), [real()]),
        "to lower Cholesky": (lambda z: transform_to(constraints.lower_cholesky)(z), [real(3, 3)]),
        "to correlation": (lambda z: transform_to(constraints.corr_cholesky)(z), [real(3)]),
        "to ordered": (lambda z: transform_to(constraints.ordered_vector)(z), [real(3)])
        if hasattr(constraints, "ordered_vector")
        else (lambda z: z.cumsum(-1), [real(3)]),
        "levels by index": (lambda a, x: d.Normal(a[index], 1.0).log_prob(x), [real(3), real()]),
        "autoregression": (
            lambda a, x: d.Normal(a * x[:-1], 1.0).log_prob(x[1:]),
            [real(1), real()],
        ),
    }


def with_gradient(function: Callable[..., Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Gradients in all inputs, then the sum of the function."""
    total = function(*inputs).sum()
    grads = torch.autograd.grad(total, inputs, allow_unused=True)
    filled = [torch.zeros_like(x) if g is None else g for g, x in zip(grads, inputs, strict=True)]
    return [*filled, total.detach()]
