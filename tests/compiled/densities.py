"""Transforms, and densities that `coverage_table` lacks: functions of tensors, and tensors."""

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
        "Bernoulli(logits)": (lambda a: d.Bernoulli(logits=a).log_prob(ones), [real()]),
        "Bernoulli(probs)": (lambda a: d.Bernoulli(a).log_prob(ones), [unit()]),
        "Binomial": (lambda a: d.Binomial(10, logits=a).log_prob(whole), [real()]),
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
        "ContinuousBernoulli": (
            lambda a, x: d.ContinuousBernoulli(logits=a).log_prob(x),
            [real(), unit()],
        ),
        "MultivariateNormal(covariance)": (
            lambda a, s, x: d.MultivariateNormal(a, torch.eye(3) * s).log_prob(x),
            [real(N, 3), torch.tensor(2.0), real(N, 3)],
        ),
        "LowRankMultivariateNormal": (
            lambda a, f, s, x: d.LowRankMultivariateNormal(a, f, s).log_prob(x),
            [real(N, 3), real(N, 3, 2), positive(N, 3), real(N, 3)],
        ),
        "Mixture": (
            lambda w, a, x: d.MixtureSameFamily(d.Categorical(logits=w), d.Normal(a, 1.0)).log_prob(
                x
            ),
            [real(N, 3), real(N, 3), real()],
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
