"""What this package adds to torch's distributions, against closed forms, sums and quadrature."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core.distributions import constraints, kl_divergence

COUNTS = torch.arange(0.0, 400.0)


def as_double(*numbers):
    return [torch.tensor(number, dtype=torch.float64) for number in numbers]


def average(fn, power=1, outcomes=COUNTS):
    """E x^power by summing over the outcomes."""
    return (outcomes**power * fn.log_prob(outcomes).exp()).sum()


# ---- overdispersed counts


@pytest.mark.parametrize(("a", "b"), [(2.0, 3.0), (0.7, 0.9), (30.0, 4.0)])
def test_beta_binomial_is_the_binomial_averaged_over_the_beta(a, b):
    a, b = as_double(a, b)
    # with p = sin(t)^2 the integrand is smooth and periodic: the midpoint rule is exact to rounding
    t = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000 * math.pi / 2
    p = t.sin() ** 2
    weight = (dist.Beta(a, b).log_prob(p) + (2 * t.sin() * t.cos()).log()).exp() * math.pi / 8000
    for count in range(9):
        value = torch.tensor(float(count), dtype=torch.float64)
        by_quadrature = (weight * dist.Binomial(8, p).log_prob(value).exp()).sum()
        mass = dist.BetaBinomial(a, b, 8).log_prob(value).exp()
        assert mass.item() == pytest.approx(by_quadrature.item(), rel=1e-4 if a < 1 else 1e-9)


def test_beta_binomial_sums_to_one_and_has_its_moments():
    fn = dist.BetaBinomial(*as_double(2.0, 3.0), 12)
    outcomes = fn.enumerate_support()
    assert outcomes.tolist() == list(range(13))
    assert fn.log_prob(outcomes).exp().sum().item() == pytest.approx(1.0)
    mean, square = average(fn, 1, outcomes), average(fn, 2, outcomes)
    assert fn.mean.item() == pytest.approx(mean.item())
    assert fn.variance.item() == pytest.approx((square - mean**2).item())


def test_gamma_poisson_is_torchs_negative_binomial():
    a, b = as_double(2.5, 1.5)
    torchs = torch.distributions.NegativeBinomial(a, probs=1 / (1 + b))
    fn = dist.GammaPoisson(a, b)
    assert torch.allclose(fn.log_prob(COUNTS), torchs.log_prob(COUNTS), atol=1e-9)
    assert (fn.mean.item(), fn.variance.item()) == pytest.approx(
        (torchs.mean.item(), torchs.variance.item())
    )


@pytest.mark.parametrize(
    "fn",
    [
        dist.BetaBinomial([2.0, 0.5], 3.0, 10),
        dist.GammaPoisson(2.5, [1.5, 0.5]),
        dist.ZeroInflatedPoisson(3.0, gate=[0.1, 0.6]),
        dist.ZeroInflatedNegativeBinomial(2.0, probs=0.4, gate_logits=[-1.0, 1.0]),
    ],
    ids=str,
)
def test_draws_have_the_mean_and_variance_and_rows_are_independent(fn):
    draws = fn.sample((20_000,))
    assert draws.shape == (20_000, 2)
    assert_average(draws, fn.mean)
    assert_average((draws - fn.mean) ** 2, fn.variance)
    assert_average((draws - fn.mean).prod(-1), 0.0)


# ---- extra zeros


@pytest.mark.parametrize("gate", [0.3, 0.999, 1e-6])
@pytest.mark.parametrize("in_log_odds", [False, True])
def test_zero_inflated_is_a_mixture_with_zero(gate, in_log_odds):
    (gate,) = as_double(gate)
    base = dist.Poisson(*as_double(2.0))
    given = {"gate_logits": gate.logit()} if in_log_odds else {"gate": gate}
    fn = dist.ZeroInflatedDistribution(base, **given)
    mass = (1 - gate) * base.log_prob(COUNTS).exp() + gate * (COUNTS == 0)
    assert torch.allclose(fn.log_prob(COUNTS).exp(), mass, atol=1e-12)
    assert fn.gate.item() == pytest.approx(gate.item())
    assert fn.gate_logits.item() == pytest.approx(gate.logit().item())
    mean = average(fn)
    assert fn.mean.item() == pytest.approx(mean.item())
    assert fn.variance.item() == pytest.approx((average(fn, 2) - mean**2).item())


def test_gates_that_are_shut_or_open():
    shut, opened = (
        dist.ZeroInflatedPoisson(700.0, gate=0.0),
        dist.ZeroInflatedPoisson(1.0, gate=1.0),
    )
    assert shut.log_prob(0).item() == pytest.approx(-700.0)
    assert opened.log_prob([0.0, 1.0]).tolist() == [0.0, -math.inf]
    assert opened.sample((100,)).sum() == 0


def test_zero_inflated_gradients_are_those_of_finite_differences():
    inputs = [it.requires_grad_() for it in as_double(0.4, 1.7)]
    value = torch.tensor([0.0, 3.0], dtype=torch.float64)

    def log_prob(gate, rate):
        by_gate = dist.ZeroInflatedPoisson(rate, gate=gate).log_prob(value)
        return by_gate + dist.ZeroInflatedPoisson(rate, gate_logits=gate).log_prob(value)

    assert torch.autograd.gradcheck(log_prob, inputs)


def test_zero_inflated_names_its_parameters():
    fn = dist.ZeroInflatedNegativeBinomial(3.0, logits=[0.0, 1.0], gate=0.2)
    assert (fn.total_count.tolist(), fn.logits.tolist()) == ([3.0, 3.0], [0.0, 1.0])
    assert fn.probs.tolist() == pytest.approx([0.5, 0.731058], rel=1e-5)
    assert dist.ZeroInflatedPoisson(3.0, gate=0.2).rate == 3.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dist.ZeroInflatedPoisson(1.0), "gate or gate_logits"),
        (lambda: dist.ZeroInflatedPoisson(1.0, gate=0.1, gate_logits=0.0), "gate or gate_logits"),
        (lambda: dist.ZeroInflatedPoisson(1.0, gate=1.5), "gate.*probability.*1.5"),
        (
            lambda: dist.ZeroInflatedDistribution(dist.Poisson([1.0, 2.0]).to_event(1), gate=0.1),
            r"event_shape.*\(2,\)",
        ),
        (lambda: dist.BetaBinomial(-1.0, 1.0), "concentration1"),
        (lambda: dist.BetaBinomial(1.0, 1.0, 3).log_prob(4), "support"),
        (lambda: dist.GammaPoisson(1.0, 1.0).log_prob(-1), "support"),
        (lambda: dist.GammaPoisson([1.0, 2.0], [1.0, 2.0, 3.0]), r"GammaPoisson.*\(2,\).*\(3,\)"),
        (lambda: dist.Empirical([1.0, 2.0], [0.0]), r"log_weights.*\(1,\).*\(2,\)"),
        (lambda: dist.Empirical(1.0), "samples"),
        (lambda: dist.ImproperUniform("real"), "constraints.real.*'real'"),
    ],
)
def test_impossible_arguments_error(make, words):
    with pytest.raises(ValueError, match=rf"(?s){words}"):
        make()


# ---- Empirical


def test_empirical_weighs_its_draws():
    draws, weights = torch.tensor([1.0, 2.0, 2.0, 5.0]), torch.tensor([0.1, 0.2, 0.3, 0.4])
    fn = dist.Empirical(draws, weights.log() + 7)
    assert fn.log_prob([1.0, 2.0, 3.0]).exp().tolist() == pytest.approx([0.1, 0.5, 0.0])
    assert fn.mean.item() == pytest.approx(3.1)
    assert fn.variance.item() == pytest.approx((weights * (draws - 3.1) ** 2).sum().item())
    assert_average(fn.sample((20_000,)), 3.1)
    assert (fn.sample_size, fn.batch_shape, fn.event_shape) == (4, (), ())
    outcomes = fn.enumerate_support()
    assert outcomes.tolist() == [1.0, 2.0, 5.0]  # each once, or sums would count 2 twice
    assert fn.log_prob(outcomes).exp().sum().item() == pytest.approx(1.0)


def test_empirical_of_rows_and_events():
    samples, weights = torch.randn(2, 5, 3), torch.randn(2, 5)
    fn = dist.Empirical(samples, weights)
    assert (fn.batch_shape, fn.event_shape) == ((2,), (3,))
    draws = fn.sample((7,))
    assert draws.shape == (7, 2, 3)
    assert all((row == samples[i]).all(-1).any() for draw in draws for i, row in enumerate(draw))
    assert torch.allclose(fn.log_prob(samples[:, 0]), weights.log_softmax(-1)[:, 0])
    assert torch.allclose(fn.mean, (weights.softmax(-1)[..., None] * samples).sum(1))
    assert not fn.has_enumerate_support
    with pytest.raises(NotImplementedError, match="Empirical"):
        fn.enumerate_support()


def test_empirical_as_a_site_in_a_plate():
    fn = dist.Empirical([[0.0, 1.0], [2.0, 3.0]])

    def model():
        with ppl.plate("rows", 6):
            return ppl.sample("x", fn)

    assert model().shape == (6, 2)
    wide = fn.expand([6])
    assert wide.enumerate_support().shape == (2, 6, 2)
    assert wide.enumerate_support(expand=False).shape == (2, 1, 2)
    assert wide.log_prob(model()).tolist() == pytest.approx([math.log(0.5)] * 6)


# ---- ImproperUniform


def test_improper_uniform_counts_for_nothing_and_needs_a_value():
    def model():
        x = ppl.sample("x", dist.ImproperUniform(constraints.positive, (), (3,)))
        ppl.sample("y", dist.Normal(x.sum(), 1.0), obs=2.0)

    given = ppl.condition(model, data={"x": [1.0, 1.0, 1.0]})
    assert ppl.handlers.trace(given).get_trace().log_prob_sum().item() == pytest.approx(-1.4189385)
    with pytest.raises(NotImplementedError, match=r"no draws.*condition"):
        model()
    flat = dist.ImproperUniform(constraints.real).expand([2])
    assert flat.to_event(1).log_prob(torch.ones(5, 2)).tolist() == [0.0] * 5
    assert flat.mask(torch.tensor([True, False])).log_prob(torch.ones(2)).tolist() == [0.0, 0.0]


# ---- VonMises


@pytest.mark.parametrize("concentration", [1e-4, 0.1, 1.0, 10.0, 1e4])
def test_von_mises_draws_have_the_exact_mean_direction_and_length(concentration):
    k = torch.tensor(concentration, dtype=torch.float64)
    length = torch.special.i1e(k) / torch.special.i0e(k)  # E cos(x - loc) = I1(k) / I0(k)
    away = dist.VonMises(1.0, concentration).sample((20_000,)) - 1.0
    assert_average(away.cos(), length.item())
    assert_average(away.sin(), 0.0)


# ---- what may be given


@pytest.mark.parametrize(
    ("fn", "value"),
    [
        (dist.Normal(8.5, 1.0), 9.5),
        (dist.Normal(8, 1), 9),
        (dist.Gamma(2.0, 1.0), [1, 2]),
        (dist.Bernoulli(0.3), 1),
        (dist.Bernoulli([0.3, 0.4]), [True, False]),
        (dist.Bernoulli(0.3), np.int64(1)),
        (dist.Bernoulli(0.3), torch.tensor(1)),
        (dist.Categorical([0.3, 0.7]), 1),
        (dist.OneHotCategorical([0.3, 0.7]), [0, 1]),
        (dist.Poisson(2.0), np.array([1, 2])),
        (dist.ContinuousBernoulli(0.3), 1),
        (dist.Geometric(0.3), 3),
        (dist.MultivariateNormal([0, 0], [[1, 0], [0, 1]]), [0, 1]),
        (dist.Normal([0.0, 1.0], 1.0).to_event(1), np.zeros(2)),
        (dist.Normal(0.0, 1.0).mask(False), 3),
        (dist.Delta(3.0), 3),
    ],
    ids=str,
)
def test_numbers_lists_and_arrays_are_values(fn, value):
    tensor = torch.as_tensor(value).to(torch.get_default_dtype())
    assert torch.equal(fn.log_prob(value), fn.log_prob(tensor))


def test_numbers_are_values_of_cdf_and_icdf():
    assert dist.Normal(8.5, 1.0).cdf(8.5) == 0.5
    assert dist.Normal(8.5, 1.0).icdf(0.5) == 8.5
    assert dist.Exponential(1.0).cdf(0) == 0.0
    assert dist.Uniform(0, 2).icdf([0.5]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda p: dist.Normal(p, 1.0).expand([2]), [0.5, math.nan]),
        (lambda p: dist.Gamma(p, 1.0).expand([2]), [0.5, -1.0]),
        (lambda p: dist.Uniform(0.0, p).expand([2]), [0.5, math.nan]),
        (lambda p: dist.Poisson(p).expand([2]), [1.0, math.nan]),
        (lambda p: dist.Categorical(logits=p * torch.tensor([[1.0, 2.0]])).expand([2]), [1, -1]),
        (
            lambda p: dist.OneHotCategorical(logits=p * torch.tensor([[1.0, 2.0]])).expand([2]),
            [[0.0, 1.0], [math.nan, 5.0]],
        ),
        (
            lambda p: dist.Dirichlet(p * torch.ones(2, 3)),
            [[0.2, 0.3, 0.5], [math.nan, math.inf, 0.0]],
        ),
        (lambda p: dist.Normal(p, 1.0).expand([2, 2]).to_event(1), [[0.5, 0.1], [1.0, math.nan]]),
        (
            lambda p: dist.MultivariateNormal(p * torch.ones(2, 2), torch.eye(2)),
            [[0.1, 0.2], [math.nan, 0.0]],
        ),
    ],
)
def test_what_is_masked_may_be_anything_and_spoils_no_gradient(make, value):
    p, value = torch.tensor(1.5, requires_grad=True), torch.tensor(value)
    log_prob = make(p).mask(torch.tensor([True, False])).log_prob(value)
    alone = make(p).log_prob(value[:1].expand(value.shape))[0]
    assert log_prob.tolist() == [pytest.approx(alone.item()), 0.0]
    (grad,), (expected,) = (torch.autograd.grad(it, p) for it in (log_prob.sum(), alone))
    assert grad.item() == pytest.approx(expected.item())


def test_a_number_of_event_dims_that_cannot_be_error():
    with pytest.raises(ValueError, match=r"to_event\(2\).*\(3,\)"):
        dist.Gamma([1.0, 2.0, 3.0], 1.0).to_event(2)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@pytest.mark.parametrize(
    "fn",
    [
        dist.BetaBinomial([1.0, 2.0], 3.0, 4),
        dist.GammaPoisson([1.0, 2.0], 3.0),
        dist.ZeroInflatedPoisson([1.0, 2.0], gate=0.3),
        dist.Empirical([1.0, 2.0]).expand([2]),
        dist.ImproperUniform(constraints.real, (2,)),
        dist.Delta([1.0, 2.0]),
    ],
    ids=lambda fn: type(fn).__name__,
)
def test_additions_expand_mask_and_survive_copy_and_pickle(fn, duplicate):
    value = torch.tensor([1.0, 2.0])
    for each in (fn.expand([3, 2]), fn.expand_by([3]), duplicate(fn.expand([3, 2]))):
        assert type(each) is type(fn)
        assert each.batch_shape == (3, 2)
        assert torch.equal(each.log_prob(value), fn.log_prob(value).expand(3, 2))
        assert torch.equal(each.to_event(1).log_prob(value), fn.log_prob(value).sum().expand(3))
    masked = fn.mask(torch.tensor([True, False]))
    assert masked.log_prob(value).tolist() == [fn.log_prob(value)[0].item(), 0.0]
    with ppl.values.validation(False):
        assert torch.equal(fn.log_prob(value), fn.expand([2]).log_prob(value))


@pytest.mark.parametrize(
    "make",
    [
        lambda it: dist.Normal(8.5, it),
        lambda it: dist.BetaBinomial(2.0, it, 10),
        lambda it: dist.GammaPoisson(it, 2),
        lambda it: dist.ZeroInflatedPoisson(it, gate=0.3),
        lambda it: dist.Delta(it, log_density=0.5),
        lambda it: dist.Gamma(it, 1.0).mask(it > 0),
        lambda it: dist.Gamma(it, 1.0).mask(False),
    ],
)
def test_numbers_go_where_the_tensors_are(make):
    there = torch.ones(3, device="meta")  # a device whose tensors meet no others, as on a GPU
    with ppl.values.validation(False):
        fn = make(there)
        assert fn.log_prob(there).device.type == "meta"
        assert kl_divergence(fn.mask(False), fn.mask(True)).device.type == "meta"


def test_mixture_over_rows_is_torchs_expanded_mixture():
    """Parts kept small, or repeated over the rows by torch: same densities, moments and shapes."""
    ppl.set_rng_seed(0)
    logits, means = torch.randn(3), torch.randn(3, 2)
    for events in (0, 1):
        loc = means if events else means[:, 0]
        mine = dist.MixtureSameFamily(
            dist.Categorical(logits=logits), dist.Normal(loc, 1.5).to_event(events)
        )
        parts = torch.distributions.Normal(loc, 1.5)
        parts = torch.distributions.Independent(parts, events)
        theirs = torch.distributions.MixtureSameFamily(
            torch.distributions.Categorical(logits=logits), parts
        )
        value = torch.randn(5, 4, 2) if events else torch.randn(5, 4)
        for rows in ((), (4,), (5, 4)):
            a, b = mine.expand(rows), theirs.expand(rows)
            assert (a.batch_shape, a.event_shape) == (b.batch_shape, b.event_shape)
            assert torch.allclose(a.log_prob(value), b.log_prob(value), atol=1e-6)
            assert torch.allclose(a.mean, b.mean, atol=1e-6)
            assert torch.allclose(a.variance, b.variance, atol=1e-6)
            assert a.sample((7,)).shape == b.sample((7,)).shape
            assert a.component_distribution.batch_shape == b.component_distribution.batch_shape
        short = mine.expand((4,)).log_prob(value[0, 0])  # one value for all rows
        assert torch.allclose(short, theirs.log_prob(value[0, 0]).expand(4), atol=1e-6)
    for rows, what in (((3,), "do not broadcast"), ((1,), "does not expand")):
        with pytest.raises(ValueError, match=what):
            mine.expand((4,)).expand(rows)
