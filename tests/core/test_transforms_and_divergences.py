"""Added constraints and transforms, divergences, and distributions that list their outcomes."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core.distributions import biject_to, constraints, kl_divergence, transform_to

# ---- constraints and transforms


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"),
    [
        (constraints.ordered_vector, [[-1.0, 0.0, 2.0], [3.0]], [[0.0, 0.0], [1.0, 0.5]]),
        (constraints.positive_ordered_vector, [[1.0, 2.0]], [[-1.0, 2.0], [2.0, 1.0]]),
        (constraints.softplus_positive, [1.0], [0.0, -1.0]),
        (
            constraints.unit_lower_cholesky,
            [[[1.0, 0.0], [-3.0, 1.0]]],
            [[[1.0, 0.1], [0.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]],
        ),
    ],
)
def test_added_constraints_check(constraint, inside, outside):
    assert all(constraint.check(torch.tensor(value)).all() for value in inside)
    assert not any(constraint.check(torch.tensor(value)).any() for value in outside)


@pytest.mark.parametrize(
    "constraint",
    [
        constraints.ordered_vector,
        constraints.positive_ordered_vector,
        constraints.softplus_positive,
    ],
)
def test_added_bijections_come_back_and_know_their_volume(constraint):
    transform = biject_to(constraint)
    x = torch.randn(4, dtype=torch.float64)
    y = transform(x)
    assert constraint.check(y).all()
    assert torch.allclose(transform.inv(y), x)
    jacobian = torch.autograd.functional.jacobian(transform, x)
    volume = transform.log_abs_det_jacobian(x, y).sum()
    assert volume.item() == pytest.approx(torch.linalg.slogdet(jacobian).logabsdet.item())
    assert transform(torch.randn(5, 4)).shape == (5, 4)


def test_unit_lower_cholesky_comes_back():
    transform = transform_to(constraints.unit_lower_cholesky)
    y = transform(torch.randn(2, 3, 3))
    assert constraints.unit_lower_cholesky.check(y).all()
    assert torch.equal(transform(transform.inv(y)), y)


def test_ordered_vector_as_a_parameter_and_as_a_latent():
    value = ppl.param("cuts", [-1.0, 0.0, 2.0], constraint=constraints.ordered_vector)
    assert value.tolist() == pytest.approx([-1.0, 0.0, 2.0])
    flat = dist.ImproperUniform(constraints.ordered_vector, (), (2,))
    order = dist.transforms.OrderedTransform()
    cuts = dist.TransformedDistribution(dist.Normal(torch.zeros(2), 1.0).to_event(1), [order])
    assert cuts.support is constraints.ordered_vector
    draw = cuts()
    assert flat.support.check(draw)
    expected = dist.Normal(0.0, 1.0).log_prob(order.inv(draw)).sum() - order.inv(draw)[1]
    assert cuts.log_prob(draw).item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_mixture_is_reached_as_its_parts_are():
    weights = dist.Categorical(torch.tensor([0.3, 0.7]))
    waits = dist.MixtureSameFamily(weights, dist.Gamma(torch.tensor([2.0, 5.0]), 1.0))
    transform = biject_to(waits.support)
    u = torch.linspace(-12.0, 5.0, 20_001, dtype=torch.float64)
    x = transform(u)
    mass = torch.trapezoid((waits.log_prob(x) + transform.log_abs_det_jacobian(u, x)).exp(), u)
    assert mass == pytest.approx(1.0, abs=1e-6)

    def model():
        return ppl.sample("wait", waits)

    kernel = ppl.infer.RandomWalkKernel(model, init_strategy=ppl.infer.init_to_uniform)
    draws = ppl.infer.MCMC(kernel, 5, warmup_steps=5, disable_progbar=True)
    draws.run()
    assert (draws.get_samples()["wait"] > 0.0).all()
    apart = dist.Uniform(torch.tensor([0.0, 5.0]), torch.tensor([1.0, 6.0]))
    with pytest.raises(NotImplementedError, match="different supports"):
        biject_to(dist.MixtureSameFamily(weights, apart).support)
    rows = dist.Uniform(torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [6.0]])).to_event(1)
    with pytest.raises(NotImplementedError, match="Give them one"):
        biject_to(dist.MixtureSameFamily(weights, rows).support)


def test_transforms_of_one_constraint_are_made_once():
    assert transform_to(constraints.positive) is transform_to(constraints.positive)
    bounds = constraints.interval(0.0, 2.0)
    assert biject_to(bounds) is biject_to(bounds)
    assert biject_to(constraints.interval(0.0, 3.0)) is not biject_to(bounds)

    class Own(constraints.Constraint):
        pass

    with pytest.raises(NotImplementedError):
        transform_to(Own())
    transform_to.register(Own, lambda _: dist.transforms.ExpTransform())
    assert isinstance(torch.distributions.transform_to(Own()), dist.transforms.ExpTransform)


# ---- divergences


def normals(shape=(2, 3)):
    return dist.Normal(torch.randn(shape), torch.rand(shape) + 0.5)


def test_kl_of_events_declared_in_different_depths():
    p, q = normals(), normals()
    each = kl_divergence(p, q)
    assert torch.allclose(kl_divergence(p.to_event(2), q.to_event(2)), each.sum())
    nested = p.to_event(1).to_event(1)
    assert torch.allclose(kl_divergence(nested, q.to_event(2)), each.sum())
    assert torch.allclose(kl_divergence(p.to_event(1), q.to_event(1)), each.sum(-1))


def test_kl_to_a_multivariate_normal_agrees_with_draws():
    root = torch.tensor([[1.0, 0.0], [0.7, 0.5]])
    p, q = normals((2,)).to_event(1), dist.MultivariateNormal([0.3, -0.2], scale_tril=root)
    draws = p.sample((20_000,))
    assert_average(p.log_prob(draws) - q.log_prob(draws), kl_divergence(p, q))


def test_kl_of_a_point_is_its_log_density():
    q = normals((3,)).to_event(1)
    point = dist.Delta(torch.ones(3), log_density=0.25, event_dim=1)
    expected = 0.25 - q.log_prob(torch.ones(3))
    assert torch.allclose(kl_divergence(point, q), expected)
    gaussian = dist.MultivariateNormal(torch.zeros(3), torch.eye(3))
    rows = dist.Delta(torch.ones(3)).to_event(1)
    assert torch.allclose(kl_divergence(rows, gaussian), -gaussian.log_prob(torch.ones(3)))


def test_kl_of_masked_counts_where_both_masks_are_true():
    p, q, each = normals((3,)), normals((3,)), None
    each = kl_divergence(p, q)
    left, right = torch.tensor([True, True, False]), torch.tensor([True, False, True])
    both = torch.where(left & right, each, 0.0)
    assert torch.equal(kl_divergence(p.mask(left), q.mask(right)), both)
    assert torch.equal(kl_divergence(p.mask(True), q.mask(left)), torch.where(left, each, 0.0))
    assert kl_divergence(p.mask(False), q.mask(left)).tolist() == [0.0] * 3


def test_kl_of_transformed_and_adopted():
    p, q = dist.LogNormal(0.0, 1.0), dist.LogNormal(1.0, 1.0)
    assert kl_divergence(p, q).item() == pytest.approx(0.5)
    p, q = dist.Exponential(2.0), dist.Exponential(1.0)
    assert kl_divergence(p, q).item() == pytest.approx(math.log(2.0) - 0.5)


# ---- listing outcomes


FINITE = [
    dist.Bernoulli([0.2, 0.7]),
    dist.Binomial(4, torch.tensor([0.2, 0.7])),
    dist.Categorical(torch.rand(2, 5)),
    dist.OneHotCategorical(torch.rand(2, 5)),
    dist.OneHotCategoricalStraightThrough(torch.rand(2, 5)),
    dist.BetaBinomial([1.0, 2.0], 3.0, 4),
    dist.Empirical([3.0, 1.0, 3.0]).expand([2]),
]


@pytest.mark.parametrize("fn", FINITE, ids=lambda fn: type(fn).__name__)
def test_listed_outcomes_have_all_the_mass(fn):
    for each in (fn, fn.mask(True), fn.expand([3, 2])):
        assert each.has_enumerate_support
        whole, narrow = each.enumerate_support(), each.enumerate_support(expand=False)
        assert whole.shape[1:] == each.shape()
        assert narrow.shape == (len(whole), *(1 for _ in each.batch_shape), *each.event_shape)
        for outcomes in (whole, narrow):
            mass = each.log_prob(outcomes).exp().sum(0)
            assert torch.allclose(mass, torch.ones(each.batch_shape), atol=1e-5)
    assert not fn.to_event(1).has_enumerate_support


def test_only_those_with_few_outcomes_list_them():
    listing = {
        name for name in dir(dist) if getattr(getattr(dist, name), "has_enumerate_support", 0)
    }
    names = {type(fn).__name__ for fn in FINITE} | {
        "Independent",
        "MaskedDistribution",
    }  # by their base
    assert listing == names
    assert not dist.Poisson(1.0).mask(True).has_enumerate_support
    with pytest.raises(NotImplementedError):
        dist.BetaBinomial(1.0, 1.0, [2, 3]).enumerate_support()
