"""A compiled potential energy is the eager one, and much faster."""

import shutil

import pytest
import torch
from models import BENCHMARKS

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled import Gradient, NotCompiled

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)


def eight_schools():
    model, _ = BENCHMARKS["eight-schools"].program(ppl, dist)
    return ppl.potential(model, *BENCHMARKS["eight-schools"].data())


def test_the_potential_and_its_gradient_are_the_eager_ones():
    energy = eight_schools()
    compiled = Gradient(energy, energy.start)
    for _ in range(5):
        at = {n: torch.randn_like(x).requires_grad_() for n, x in energy.start.items()}
        expected = energy(at)
        grads = torch.autograd.grad(expected, list(at.values()))
        value, mine = compiled(at)
        assert value == pytest.approx(expected.item(), rel=1e-5)
        for ours, theirs in zip(mine.values(), grads, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_where_it_is_not_finite_all_is_nan():
    compiled = Gradient(lambda at: at["x"].log().sum(), {"x": torch.ones(2)})
    value, grads = compiled({"x": torch.tensor([-1.0, 1.0])})
    assert value != value
    assert bool(torch.isnan(grads["x"]).all())


def test_data_may_change_between_calls():
    centre = torch.zeros(())
    compiled = Gradient(lambda at: (at["x"] - centre) ** 2, {"x": torch.tensor(1.0)})
    centre.fill_(3.0)
    value, grads = compiled({"x": torch.tensor(1.0)})
    assert (value, grads["x"].item()) == (4.0, -4.0)


def test_a_function_that_draws_is_refused():
    with pytest.raises(NotCompiled, match="draws random numbers"):
        Gradient(lambda at: at["x"] * torch.randn(()), {"x": torch.tensor(1.0)})
