"""Every distribution's density and gradient, compiled, are torch's."""

import shutil

import pytest
import torch

from ppl_core.compiled import NotCompiled, difference, record
from ppl_core.compiled.build import Build
from ppl_core.compiled.c import Source
from ppl_core.compiled.floats import Floats
from ppl_core.compiled.native import Native
from ppl_core.values import validation

from .densities import cases, with_gradient

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)
CASES = cases()
TOO_LARGE = {"LowRankMultivariateNormal"}


def memory(program):
    return [v.tensor.as_strided((v.size,), (1,), 0) for v in program.inputs("data")]


def expected(function, inputs):
    with validation(False):
        return with_gradient(function, inputs)


@pytest.mark.parametrize("name", CASES)
def test_in_floats(name):
    function, inputs = CASES[name]
    inputs = [x.clone().requires_grad_() for x in inputs]
    state = {str(i): x for i, x in enumerate(inputs)}
    program = record(lambda: with_gradient(function, inputs), state, {})
    if name in TOO_LARGE:
        with pytest.raises(NotCompiled, match="too many for floats"):
            Floats(program)
        return
    new = [x.detach().clone().flatten() for x in inputs]
    losses = Floats(program).run(1, new, memory(program), [], 1e30)
    assert difference([*new, torch.tensor(losses)], expected(function, inputs)) < 2e-5


@needs_cc
def test_all_in_one_c_program():
    everything = {
        name: (function, [x.clone().requires_grad_() for x in inputs])
        for name, (function, inputs) in CASES.items()
    }

    def step():
        results = [with_gradient(*case) for case in everything.values()]
        gradients = [gradient for *gradients, _ in results for gradient in gradients]
        return [*gradients, torch.stack([result[-1] for result in results]).sum()]

    state = {f"{n} {i}": x for n, (_, xs) in everything.items() for i, x in enumerate(xs)}
    program = record(step, state, {})
    source = Source(program)
    new = [x.detach().clone().flatten() for x in state.values()]
    native = Native(source, Build(source.text, ("-O1",)).library())
    [loss] = native.run(1, new, memory(program), 1e30)
    theirs = {n: expected(*case) for n, case in everything.items()}
    ours = dict(zip(state, new, strict=True))
    for name, results in theirs.items():
        mine = [ours[f"{name} {i}"] for i in range(len(results) - 1)]
        assert difference(mine, results[:-1]) < 2e-5, name
    total = sum(results[-1].item() for results in theirs.values())
    assert loss == pytest.approx(total, rel=1e-5)
