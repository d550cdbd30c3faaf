"""Torch's distributions under one name agree with torch's; Delta, Unit, masks, and errors."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch import distributions as theirs

import ppl_core.distributions as ours
from ppl_core.distributions import constraints, draws_from_noise


def positive(*shape):
    return torch.rand(shape) * 2 + 0.5


def simplex(*shape):
    return torch.distributions.Dirichlet(torch.ones(shape)).sample()


def matrix(size):
    root = torch.randn(size, size)
    return root @ root.mT + torch.eye(size)


# every class of torch.distributions, with a draw of arguments for batch_shape (3,)
ARGUMENTS = {
    "Bernoulli": lambda: {"probs": torch.rand(3)},
    "Beta": lambda: {"concentration1": positive(3), "concentration0": positive(3)},
    "Binomial": lambda: {"total_count": 5, "probs": torch.rand(3)},
    "Categorical": lambda: {"logits": torch.randn(3, 4)},
    "Cauchy": lambda: {"loc": torch.randn(3), "scale": positive(3)},
    "Chi2": lambda: {"df": positive(3)},
    "ContinuousBernoulli": lambda: {"probs": torch.rand(3)},
    "Dirichlet": lambda: {"concentration": positive(3, 4)},
    "Exponential": lambda: {"rate": positive(3)},
    "FisherSnedecor": lambda: {"df1": positive(3), "df2": positive(3)},
    "Gamma": lambda: {"concentration": positive(3), "rate": positive(3)},
    "GeneralizedPareto": lambda: {
        "loc": torch.randn(3), "scale": positive(3), "concentration": torch.rand(3)
    },
    "Geometric": lambda: {"probs": torch.rand(3) * 0.8 + 0.1},
    "Gumbel": lambda: {"loc": torch.randn(3), "scale": positive(3)},
    "HalfCauchy": lambda: {"scale": positive(3)},
    "HalfNormal": lambda: {"scale": positive(3)},
    "InverseGamma": lambda: {"concentration": positive(3), "rate": positive(3)},
    "Kumaraswamy": lambda: {"concentration1": positive(3), "concentration0": positive(3)},
    "LKJCholesky": lambda: {"dim": 3, "concentration": positive(3)},
    "Laplace": lambda: {"loc": torch.randn(3), "scale": positive(3)},
    "LogNormal": lambda: {"loc": torch.randn(3), "scale": positive(3)},
    "LogisticNormal": lambda: {"loc": torch.randn(3, 2), "scale": positive(3, 2)},
    "LowRankMultivariateNormal": lambda: {
        "loc": torch.randn(3, 4), "cov_factor": torch.randn(3, 4, 2), "cov_diag": positive(3, 4)
    },
    "Multinomial": lambda: {"total_count": 6, "probs": simplex(3, 4)},
    "MultivariateNormal": lambda: {"loc": torch.randn(3, 4), "covariance_matrix": matrix(4)},
    "NegativeBinomial": lambda: {"total_count": positive(3), "probs": torch.rand(3) * 0.9},
    "Normal": lambda: {"loc": torch.randn(3), "scale": positive(3)},
    "OneHotCategorical": lambda: {"probs": simplex(3, 4)},
    "OneHotCategoricalStraightThrough": lambda: {"probs": simplex(3, 4)},
    "Pareto": lambda: {"scale": positive(3), "alpha": positive(3)},
    "Poisson": lambda: {"rate": positive(3)},
    "RelaxedBernoulli": lambda: {"temperature": torch.tensor(0.7), "probs": torch.rand(3)},
    "RelaxedOneHotCategorical": lambda: {"temperature": torch.tensor(0.7), "probs": simplex(3, 4)},
    "StudentT": lambda: {"df": positive(3) + 1, "loc": torch.randn(3), "scale": positive(3)},
    "Uniform": lambda: {"low": torch.randn(3), "high": torch.randn(3) + 5},
    "VonMises": lambda: {"loc": torch.randn(3), "concentration": positive(3)},
    "Weibull": lambda: {"scale": positive(3), "concentration": positive(3)},
    "Wishart": lambda: {"df": positive(3) + 4, "covariance_matrix": matrix(2)},
}  # fmt: skip
# torch's Wishart warns of draws that are not singular
pytestmark = pytest.mark.filterwarnings("ignore:Singular sample detected")
MADE_OF_OTHERS = {"Independent", "MixtureSameFamily", "TransformedDistribution"}


@pytest.fixture(params=sorted(ARGUMENTS))
def pair(request):
    """The same distribution twice: ours and torch's."""
    arguments = ARGUMENTS[request.param]()
    return getattr(ours, request.param)(**arguments), getattr(theirs, request.param)(**arguments)


def test_every_distribution_of_torch_is_here():
    names = {
        name
        for name in theirs.__all__
        if isinstance(getattr(theirs, name), type)
        and issubclass(getattr(theirs, name), theirs.Distribution)
    }
    assert names - {"Distribution", "ExponentialFamily"} == set(ARGUMENTS) | MADE_OF_OTHERS
    assert all(issubclass(getattr(ours, name), ours.Distribution) for name in names - {
        "Distribution", "ExponentialFamily"
    })  # fmt: skip


def test_adopted_draws_and_densities_are_those_of_torch(pair):
    mine, torchs = pair
    torch.manual_seed(7)
    draw = mine.sample((5,))
    torch.manual_seed(7)
    assert torch.allclose(draw, torchs.sample((5,)), atol=1e-6)
    assert torch.allclose(mine.log_prob(draw), torchs.log_prob(draw), atol=1e-5)
    assert mine.shape((5,)) == draw.shape
    assert mine.event_dim == len(torchs.event_shape)
    assert mine.has_rsample == torchs.has_rsample
    assert mine.has_enumerate_support == torchs.has_enumerate_support
    assert str(mine.support) == str(torchs.support)


def test_adopted_call_draws_with_gradients_where_torch_can(pair):
    mine, torchs = pair
    torch.manual_seed(7)
    draw = mine((5,))
    torch.manual_seed(7)
    expected = torchs.rsample((5,)) if torchs.has_rsample else torchs.sample((5,))
    assert torch.allclose(draw, expected, atol=1e-6)


def test_adopted_expand_and_expand_by_keep_the_kind(pair):
    mine, torchs = pair
    for wide in (mine.expand((2, 3)), mine.expand_by((2,))):
        assert type(wide) is type(mine)
        assert wide.batch_shape == (2, 3)
        draw = wide.sample()
        assert draw.shape == (2, 3, *torchs.event_shape)
        assert torch.allclose(wide.log_prob(draw), torchs.log_prob(draw), atol=1e-5)


def test_adopted_to_event_sums_and_mask_zeroes(pair):
    mine, torchs = pair
    draw = mine.sample()
    log_prob = torchs.log_prob(draw)
    whole = mine.to_event(1)
    assert (whole.batch_shape, whole.event_dim) == ((), mine.event_dim + 1)
    assert torch.allclose(whole.log_prob(draw), log_prob.sum(), atol=1e-5)
    assert mine.to_event(0) is mine
    mask = torch.tensor([True, False, True])
    masked = mine.mask(mask)
    assert torch.allclose(masked.log_prob(draw), torch.where(mask, log_prob, 0.0), atol=1e-5)
    assert masked.sample((2,)).shape == mine.shape((2,))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_adopted_survive_copy_and_pickle(pair, duplicate):
    mine, torchs = pair
    draw = mine.sample()
    for other in (duplicate(mine), duplicate(mine.to_event(1)), duplicate(mine.mask(True))):
        assert torch.allclose(other.log_prob(draw).sum(), torchs.log_prob(draw).sum(), atol=1e-4)


@pytest.mark.parametrize(
    ("mine", "torchs"),
    [
        (
            ours.TransformedDistribution(ours.Normal(0.0, 1.0), [ours.transforms.ExpTransform()]),
            theirs.LogNormal(torch.tensor(0.0), torch.tensor(1.0)),
        ),
        (
            ours.MixtureSameFamily(ours.Categorical([0.3, 0.7]), ours.Normal([0.0, 1.0], 1.0)),
            theirs.MixtureSameFamily(
                theirs.Categorical(torch.tensor([0.3, 0.7])),
                theirs.Normal(torch.tensor([0.0, 1.0]), torch.ones(2)),
            ),
        ),
    ],
)
def test_made_of_others_agree_with_torch(mine, torchs):
    value = torch.tensor([0.5, 2.0])
    for other in (mine, mine.expand((2,)), pickle.loads(pickle.dumps(mine))):
        assert torch.allclose(other.log_prob(value), torchs.log_prob(value))


def test_kl_divergence_knows_our_classes():
    p, q = ours.Normal(0.0, 1.0), ours.Normal(1.0, 2.0)
    exact = math.log(2.0) + (1 + 1) / 8 - 0.5
    assert ours.kl_divergence(p, q).item() == pytest.approx(exact)
    assert ours.kl_divergence(p, theirs.Normal(1.0, 2.0)).item() == pytest.approx(exact)
    rows = p.expand([3]).to_event(1), q.expand([3]).to_event(1)
    assert ours.kl_divergence(*rows).item() == pytest.approx(3 * exact)
    arguments = (torch.tensor(2.0), torch.tensor(3.0)), (torch.tensor(1.0), torch.tensor(4.0))
    for name in ("Gamma", "Beta", "Laplace"):
        both = [
            ours.kl_divergence(*(getattr(kind, name)(*given) for given in arguments))
            for kind in (ours, theirs)
        ]
        assert both[0] == both[1]


def test_outcomes_are_listed_where_they_can_be():
    assert ours.Bernoulli(0.3).enumerate_support().tolist() == [0.0, 1.0]
    assert ours.Bernoulli([0.3, 0.5]).enumerate_support(expand=False).shape == (2, 1)
    assert not ours.Bernoulli([0.3, 0.5]).to_event(1).has_enumerate_support
    assert not ours.Normal(0.0, 1.0).has_enumerate_support
    masked = ours.Categorical([0.2, 0.3, 0.5]).mask(True)
    assert masked.has_enumerate_support
    assert masked.enumerate_support().tolist() == [0, 1, 2]


# ---- what may be given


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Normal", (8, 1)),
        ("Normal", (np.float64(8.5), np.float64(0.75))),
        ("Normal", ([1.0, 2.0], 1)),
        ("Normal", (np.zeros(2), [1, 2])),
        ("Gamma", (2, np.array([1.0, 2.0]))),
        ("Bernoulli", ([0.2, 0.3],)),
        ("Categorical", ([0.2, 0.8],)),
        ("Dirichlet", ([1, 1, 1],)),
        ("Uniform", (0, 3)),
        ("Poisson", (2,)),
        ("MultivariateNormal", ([0.0, 0.0], np.eye(2))),
    ],
)
def test_numbers_lists_and_arrays_are_arguments(name, arguments):
    mine = getattr(ours, name)(*arguments)
    torchs = getattr(theirs, name)(*(torch.as_tensor(it).float() for it in arguments))
    draw = torchs.sample()
    assert torch.allclose(mine.log_prob(draw), torchs.log_prob(draw))
    assert mine.batch_shape == torchs.batch_shape


def test_argument_off_its_constraint_error():
    with pytest.raises(ValueError, match=r"(?s)scale.*Normal.*-1"):
        ours.Normal(0.0, -1.0)
    with pytest.raises(ValueError, match=r"(?s)scale.*Normal.*0"):
        ours.Normal(torch.zeros(3), torch.tensor([1.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match=r"(?s)loc.*Normal.*nan"):
        ours.Normal(math.nan, 1.0)
    with pytest.raises(ValueError, match=r"(?s)probs.*Bernoulli.*1.2"):
        ours.Bernoulli(1.2)


def test_arguments_that_do_not_broadcast_error_shows_the_shapes():
    with pytest.raises(ValueError, match=r"Normal.*\(3,\) and \(2,\)"):
        ours.Normal(torch.zeros(3), torch.ones(2))


@pytest.mark.parametrize("nonsense", ["a", None])
def test_argument_that_is_no_number_error_names_the_distribution(nonsense):
    with pytest.raises((TypeError, ValueError), match="Normal"):
        ours.Normal(nonsense, 1.0)


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (ours.Normal(0.0, 1.0), math.nan),
        (ours.Gamma(1.0, 1.0), -1.0),
        (ours.Bernoulli(0.5), 0.5),
        (ours.Poisson(1.0), -1.0),
        (ours.Normal(0.0, 1.0).expand([2]), [0.0, 0.0, 0.0]),
    ],
)
def test_value_off_the_support_or_of_another_shape_error(distribution, value):
    with pytest.raises(ValueError, match=r"support|broadcast"):
        distribution.log_prob(torch.tensor(value))


def test_expand_and_to_event_that_cannot_be_errors():
    rows = ours.Normal(torch.zeros(3), 1.0)
    with pytest.raises((RuntimeError, ValueError)):
        rows.expand([2])
    with pytest.raises((RuntimeError, ValueError)):
        rows.expand([1])
    with pytest.raises(ValueError, match="2"):
        rows.to_event(2)
    with pytest.raises(ValueError, match="-1"):
        rows.to_event(-1)


# ---- masks, Delta, Unit


def test_masked_entries_may_be_anything_and_carry_no_gradient():
    loc = torch.zeros((), requires_grad=True)
    value = torch.tensor([1.0, math.nan, math.inf])
    masked = ours.Normal(loc, 1.0).expand([3]).mask(torch.tensor([True, False, False]))
    log_prob = masked.log_prob(value)
    assert log_prob.tolist() == pytest.approx([-1.418938533, 0.0, 0.0])
    (grad,) = torch.autograd.grad(log_prob.sum(), loc)
    assert grad == 1.0


def test_mask_broadcasts_and_must_be_boolean():
    wide = ours.Normal(0.0, 1.0).mask(torch.tensor([True, False]))
    assert wide.batch_shape == (2,)
    assert wide.expand((3, 2)).log_prob(torch.zeros(3, 2)).count_nonzero() == 3
    assert ours.Normal(torch.zeros(2), 1.0).mask(False).log_prob(torch.ones(2)).tolist() == [0, 0]
    for wrong in (torch.ones(2), 1, [True]):
        with pytest.raises(ValueError, match="boolean"):
            ours.Normal(torch.zeros(2), 1.0).mask(wrong)


def test_delta_has_all_its_mass_on_its_value():
    delta = ours.Delta([1.0, 2.0])
    assert delta.log_prob(torch.tensor([1.0, 3.0])).tolist() == [0.0, -math.inf]
    assert delta.sample((4,)).shape == (4, 2)
    whole = ours.Delta(torch.tensor([1.0, 2.0]), log_density=0.5, event_dim=1)
    assert (whole.batch_shape, whole.event_shape) == ((), (2,))
    assert whole.log_prob(torch.tensor([1.0, 2.0])) == 0.5
    assert whole.log_prob(torch.tensor([1.0, 2.5])) == -math.inf
    assert whole.expand((3,)).log_prob(torch.ones(3, 2)).shape == (3,)
    assert (whole.mean.tolist(), whole.variance.tolist()) == ([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="event_dim=2"):
        ours.Delta([1.0], event_dim=2)


def test_delta_draw_carries_the_gradient_of_its_value():
    v = torch.tensor(1.0, requires_grad=True)
    assert ours.Delta(v)().requires_grad
    assert ours.Delta(v).has_rsample


def test_unit_is_a_factor_with_an_empty_value():
    unit = ours.Unit(torch.tensor([-1.0, 2.0]))
    assert unit.sample((3,)).shape == (3, 2, 0)
    assert unit.log_prob(unit.sample()).tolist() == [-1.0, 2.0]
    assert ours.Unit(-1.0).expand((2,)).log_prob(torch.empty(2, 0)).tolist() == [-1.0, -1.0]


def test_only_what_is_drawn_from_noise_says_so():
    assert draws_from_noise(ours.Normal(0.0, 1.0))
    assert draws_from_noise(ours.Normal(torch.zeros(2), 1.0).to_event(1))
    assert not draws_from_noise(ours.Gamma(1.0, 1.0))
    assert not draws_from_noise(theirs.Normal(0.0, 1.0))

    class Tempered(ours.Normal):
        def log_prob(self, value):
            return super().log_prob(value) * 0.5

    assert not draws_from_noise(Tempered(0.0, 1.0))


def test_constraints_and_transforms_are_those_of_torch():
    assert ours.constraints is constraints
    assert ours.biject_to(constraints.positive)(torch.zeros(())) == 1.0
    free = torch.tensor([-3.0, 0.5])
    for bound in (constraints.positive, constraints.greater_than(2.0), constraints.interval(0, 1)):
        mine, torchs = ours.transform_to(bound), theirs.transform_to(bound)
        assert torch.equal(mine(free), torchs(free))
        assert torch.equal(
            mine.log_abs_det_jacobian(free, mine(free)),
            torchs.log_abs_det_jacobian(free, torchs(free)),
        )
