"""Normal, which is written out for speed, is torch's in value, shape, dtype and gradient."""

import copy
import math
import pickle

import pytest
import torch
from torch import distributions as theirs

import ppl_core.distributions as ours
from chance import assert_average

SHAPES = [(), (1,), (3,), (2, 1), (2, 3), (4, 1, 3)]


def given(shape, kind, positive=False):
    """A random argument: a Python number, or a tensor of this shape and dtype."""
    value = torch.rand(()) + 0.5 if positive else torch.randn(())
    if kind == "number":
        return value.item()
    value = torch.rand(shape, dtype=kind) + 0.5 if positive else torch.randn(shape, dtype=kind)
    return value


def as_torch(loc, scale, dtype):
    return theirs.Normal(torch.as_tensor(loc, dtype=dtype), torch.as_tensor(scale, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "kinds", [("tensor", "tensor"), ("number", "tensor"), ("tensor", "number")]
)
def test_agrees_with_torch_over_shapes_and_mixtures_of_numbers_and_tensors(kinds, dtype):
    for loc_shape in SHAPES:
        for scale_shape in SHAPES:
            loc = given(loc_shape, "number" if kinds[0] == "number" else dtype)
            scale = given(scale_shape, "number" if kinds[1] == "number" else dtype, positive=True)
            mine, torchs = ours.Normal(loc, scale), as_torch(loc, scale, dtype)
            assert mine.batch_shape == torchs.batch_shape
            for part in ("loc", "scale", "mean", "stddev", "variance", "mode"):
                assert torch.equal(getattr(mine, part), getattr(torchs, part)), part
                assert getattr(mine, part).dtype is dtype
            torch.manual_seed(3)
            draw = mine.sample((2,))
            torch.manual_seed(3)
            expected = torchs.sample((2,))
            assert draw.dtype is dtype
            assert torch.allclose(draw, expected, atol=1e-6)
            assert torch.allclose(mine.log_prob(draw), torchs.log_prob(draw), rtol=1e-5, atol=1e-5)
            assert torch.allclose(mine.entropy(), torchs.entropy())
            assert torch.allclose(mine.cdf(draw), torchs.cdf(draw), atol=1e-6)


def test_numbers_alone_follow_the_default_dtype():
    assert ours.Normal(0, 1).sample().dtype is torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        normal = ours.Normal(8.5, 0.75)
        assert normal.sample().dtype is torch.float64
        assert normal.log_prob(torch.tensor(9.5)).dtype is torch.float64
        exact = -0.5 * (1 / 0.75) ** 2 - math.log(0.75) - 0.5 * math.log(2 * math.pi)
        assert normal.log_prob(torch.tensor(9.5)).item() == pytest.approx(exact, abs=1e-14)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("value_shape", [(), (1,), (3,), (2, 1), (2, 3), (5, 2, 3)])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("kind", ["number", "tensor"])
def test_values_broadcast_against_expanded_ones_as_in_torch(value_shape, shape, kind):
    loc, scale = (0.5, 2.0) if kind == "number" else (torch.tensor(0.5), torch.tensor(2.0))
    mine = ours.Normal(loc, scale).expand(shape)
    torchs = as_torch(0.5, 2.0, torch.float32).expand(shape)
    value = torch.randn(value_shape)
    assert mine.sample((4,)).shape == (4, *shape)
    assert torch.allclose(mine.log_prob(value), torchs.log_prob(value))
    assert mine.log_prob(value).shape == torchs.log_prob(value).shape


@pytest.mark.parametrize("shapes", [((), ()), ((3,), ()), ((), (3,)), ((2, 1), (3,))])
@pytest.mark.parametrize("event_dims", [0, 1])
def test_log_prob_of_noise_has_the_value_and_the_total_gradient_of_log_prob(shapes, event_dims):
    loc = torch.randn(shapes[0], dtype=torch.float64, requires_grad=True)
    scale = (torch.rand(shapes[1], dtype=torch.float64) + 0.5).requires_grad_()
    fn = ours.Normal(loc, scale)
    fn = fn.to_event(event_dims) if len(fn.batch_shape) >= event_dims else fn
    noise = fn.standard_noise()
    by_value, by_noise = fn.log_prob(fn.from_noise(noise)), fn.log_prob_of_noise(noise)
    assert torch.allclose(by_value, by_noise, atol=1e-12)
    weight = torch.randn_like(by_value)
    for mine, other in zip(
        torch.autograd.grad((by_noise * weight).sum(), (loc, scale), allow_unused=True),
        torch.autograd.grad((by_value * weight).sum(), (loc, scale)),
        strict=True,
    ):
        assert torch.allclose(torch.zeros_like(other) if mine is None else mine, other, atol=1e-12)


@pytest.mark.parametrize("constant", ["loc", "scale"])
def test_log_prob_of_noise_with_one_number_too(constant):
    a = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    fn = ours.Normal(1.5, a) if constant == "loc" else ours.Normal(a, 1.5)
    noise = fn.standard_noise()
    by_value, by_noise = fn.log_prob(fn.from_noise(noise)), fn.log_prob_of_noise(noise)
    assert by_value.item() == pytest.approx(by_noise.item())
    (expected,) = torch.autograd.grad(by_value, a)
    assert expected.item() == pytest.approx(-1 / 1.5 if constant == "loc" else 0.0)
    if by_noise.requires_grad:
        (given,) = torch.autograd.grad(by_noise, a)
        assert given.item() == pytest.approx(expected.item())


def test_gradients_are_those_of_finite_differences():
    def log_prob(value, loc, scale):
        return ours.Normal(loc, scale.exp()).log_prob(value)

    def draw(loc, scale):
        torch.manual_seed(5)
        return ours.Normal(loc, scale.exp()).rsample((2,))

    inputs = [torch.randn(3, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(log_prob, inputs)
    assert torch.autograd.gradcheck(draw, inputs[:2])


def test_sample_is_cut_from_gradients_and_rsample_is_not():
    loc = torch.zeros(2, requires_grad=True)
    assert not ours.Normal(loc, 1.0).sample().requires_grad
    assert ours.Normal(loc, 1.0).rsample().requires_grad
    assert ours.Normal(0.0, torch.ones(2, requires_grad=True)).rsample().requires_grad


def test_draws_have_its_mean_and_sd():
    draws = ours.Normal(torch.tensor([8.5, -1.0]), 0.75).sample((40_000,))
    assert_average(draws, [8.5, -1.0])
    assert_average((draws - torch.tensor([8.5, -1.0])) ** 2, 0.75**2)


def test_expanded_rows_are_independent():
    draws = ours.Normal(0.0, 1.0).expand([2]).sample((20_000,))
    assert_average(draws[:, 0] * draws[:, 1], 0.0)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_survives_copy_and_pickle_also_expanded(duplicate):
    normal = duplicate(ours.Normal(8.5, torch.tensor([0.75])).expand([2]))
    assert normal.batch_shape == (2,)
    assert torch.equal(normal.loc, torch.tensor([8.5, 8.5]))


def test_says_its_parameters_when_printed():
    assert "8.5" in repr(ours.Normal(8.5, 0.75))
    assert "0.75" in repr(ours.Normal(8.5, 0.75))
