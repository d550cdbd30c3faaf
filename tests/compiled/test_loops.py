"""A long chain of operations over rows is cut into stages, and computes what it did in one."""

import shutil

import pytest
import torch

from ppl_core.compiled import Gradient, record
from ppl_core.compiled.curly import Curly
from ppl_core.compiled.dialect import PIECE, Dialect
from ppl_core.compiled.loops import MANY

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)


def chain(at):
    """Elementary functions one on the other, a state as long as the rows, sums and a maximum."""
    x = at["x"]
    y = (x * at["slope"]).exp().log1p().tanh()
    z = (y - x).exp() / (1 + (x * y).sigmoid())
    return (z * x.sin()).sum() + y.logsumexp(0) + (z.double().log().sum() * 0.1).float()


def start(rows):
    return {"x": torch.linspace(-1.5, 1.0, rows), "slope": torch.tensor(0.7)}


@needs_cc
@pytest.mark.parametrize(
    ("rows", "dtype"),
    [(MANY, torch.float32), (2 * PIECE + 5, torch.float32), (2 * PIECE + 5, torch.float64)],
)
def test_stages_and_strips_compute_what_torch_does(rows, dtype):
    at = {name: value.to(dtype) for name, value in start(rows).items()}
    value, gradient = Gradient(chain, at)(at)
    leaves = {name: it.requires_grad_() for name, it in at.items()}
    expected = chain(leaves)
    grads = torch.autograd.grad(expected, list(leaves.values()))
    assert value == pytest.approx(expected.item(), rel=1e-5)
    for ours, theirs in zip(gradient.values(), grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("rows", "language", "cut"), [(63, "c", 0), (64, "c", 1), (64, "js", 0)])
def test_a_chain_is_cut_where_that_pays(rows, language, cut):
    at = start(rows)
    program = record(lambda: [at["x"].exp().log1p().exp(), at["slope"] * 1, at["slope"]], at, {})
    lines = Curly(program, Dialect(language)).lines
    assert sum("r = 0;" in line for line in lines) == (3 if cut else 1)
