"""Which distributions run compiled, on which engine; why not, where not.

    python benchmarks/coverage_table.py [distribution ...]

Each distribution's density, its gradient (in the parameters and, where there is one, in the value)
and its sampler (with its gradient, where a draw has one) is recorded, run on each engine, and
compared with torch. A letter stands for an engine that agrees with torch to 1e-4: F for Python
floats, C for C, J for JavaScript. A number stands for a reason, given below.
"""

import argparse
import json
import math
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import ppl_core.distributions as dist
from ppl_core.compiled import NotCompiled, Program, difference, javascript, record
from ppl_core.compiled.build import Build
from ppl_core.compiled.c import Source
from ppl_core.compiled.engine import Engine
from ppl_core.compiled.floats import Floats
from ppl_core.compiled.native import Native
from ppl_core.values import validation

TOLERANCE = 1e-4
STARTS_AT = 5
"""Seed of all draws."""


def _simplex(*shape: int) -> Tensor:
    return torch.arange(1.0, 1.0 + math.prod(shape)).reshape(shape).div(4.0).softmax(-1)


def _lower(size: int) -> Tensor:
    return torch.eye(size) + 0.3 * torch.ones(size, size).tril(-1)


REAL, POSITIVE = torch.tensor([0.3, -1.2, 0.8]), torch.tensor([0.7, 1.3, 2.1])
UNIT, COUNTS = torch.tensor([0.2, 0.5, 0.7]), torch.tensor([2.0, 1.0, 4.0])
d = dist
Make = Callable[..., Any]
EXAMPLES: dict[str, tuple[Make, list[Tensor]]] = {
    "Bernoulli": (d.Bernoulli, [UNIT]),
    "Beta": (d.Beta, [POSITIVE, POSITIVE.flip(0)]),
    "BetaBinomial": (lambda a, b: d.BetaBinomial(a, b, 6), [POSITIVE, POSITIVE.flip(0)]),
    "Binomial": (lambda p: d.Binomial(6, p), [UNIT]),
    "Categorical": (d.Categorical, [_simplex(3, 4)]),
    "Cauchy": (d.Cauchy, [REAL, POSITIVE]),
    "Chi2": (d.Chi2, [POSITIVE]),
    "ContinuousBernoulli": (d.ContinuousBernoulli, [UNIT]),
    "Delta": (d.Delta, [REAL]),
    "Dirichlet": (d.Dirichlet, [POSITIVE]),
    "Empirical": (lambda w: d.Empirical(torch.arange(3.0), w), [_simplex(3).log()]),
    "Exponential": (d.Exponential, [POSITIVE]),
    "FisherSnedecor": (d.FisherSnedecor, [POSITIVE + 2, POSITIVE + 3]),
    "Gamma": (d.Gamma, [POSITIVE, POSITIVE.flip(0)]),
    "GammaPoisson": (d.GammaPoisson, [POSITIVE, POSITIVE.flip(0)]),
    "GeneralizedPareto": (d.GeneralizedPareto, [REAL, POSITIVE, UNIT]),
    "Geometric": (d.Geometric, [UNIT]),
    "Gumbel": (d.Gumbel, [REAL, POSITIVE]),
    "HalfCauchy": (d.HalfCauchy, [POSITIVE]),
    "HalfNormal": (d.HalfNormal, [POSITIVE]),
    "ImproperUniform": (lambda: d.ImproperUniform(d.constraints.real, (3,), ()), []),
    "Independent": (lambda a, b: d.Normal(a, b).to_event(1), [REAL, POSITIVE]),
    "InverseGamma": (d.InverseGamma, [POSITIVE, POSITIVE.flip(0)]),
    "Kumaraswamy": (d.Kumaraswamy, [POSITIVE, POSITIVE.flip(0)]),
    "LKJCholesky": (lambda a: d.LKJCholesky(3, a), [torch.tensor(1.5)]),
    "Laplace": (d.Laplace, [REAL, POSITIVE]),
    "LogNormal": (d.LogNormal, [REAL, POSITIVE]),
    "LogisticNormal": (d.LogisticNormal, [REAL, POSITIVE]),
    "LowRankMultivariateNormal": (
        lambda a, s: d.LowRankMultivariateNormal(a, torch.ones(3, 1), s),
        [REAL, POSITIVE],
    ),
    "MaskedDistribution": (
        lambda a, b: d.Normal(a, b).mask(torch.tensor([True, False, True])),
        [REAL, POSITIVE],
    ),
    "MixtureSameFamily": (
        lambda w, a, b: d.MixtureSameFamily(d.Categorical(w), d.Normal(a, b)),
        [_simplex(3), REAL, POSITIVE],
    ),
    "Multinomial": (lambda p: d.Multinomial(4, p), [_simplex(3)]),
    "MultivariateNormal": (lambda a, m: d.MultivariateNormal(a, scale_tril=m), [REAL, _lower(3)]),
    "NegativeBinomial": (d.NegativeBinomial, [POSITIVE, UNIT]),
    "Normal": (d.Normal, [REAL, POSITIVE]),
    "OneHotCategorical": (d.OneHotCategorical, [_simplex(3, 4)]),
    "OneHotCategoricalStraightThrough": (d.OneHotCategoricalStraightThrough, [_simplex(3, 4)]),
    "Pareto": (d.Pareto, [POSITIVE, POSITIVE.flip(0)]),
    "Poisson": (d.Poisson, [POSITIVE]),
    "RelaxedBernoulli": (lambda p: d.RelaxedBernoulli(torch.tensor(0.7), p), [UNIT]),
    "RelaxedOneHotCategorical": (
        lambda p: d.RelaxedOneHotCategorical(torch.tensor(0.7), p),
        [_simplex(3)],
    ),
    "StudentT": (d.StudentT, [POSITIVE + 2, REAL, POSITIVE]),
    "TransformedDistribution": (
        lambda a, b: d.TransformedDistribution(d.Normal(a, b), [d.transforms.ExpTransform()]),
        [REAL, POSITIVE],
    ),
    "Uniform": (lambda a, b: d.Uniform(a - b, a + b), [REAL, POSITIVE]),
    "Unit": (d.Unit, [REAL]),
    "VonMises": (d.VonMises, [REAL, POSITIVE]),
    "Weibull": (d.Weibull, [POSITIVE, POSITIVE.flip(0)]),
    "Wishart": (lambda n, m: d.Wishart(n, scale_tril=m), [torch.tensor(5.0), _lower(3)]),
    "ZeroInflatedDistribution": (
        lambda p, r: d.ZeroInflatedDistribution(d.Poisson(r), gate=p),
        [UNIT, POSITIVE],
    ),
    "ZeroInflatedNegativeBinomial": (
        lambda n, p, g: d.ZeroInflatedNegativeBinomial(n, probs=p, gate=g),
        [POSITIVE, UNIT, UNIT.flip(0)],
    ),
    "ZeroInflatedPoisson": (lambda r, g: d.ZeroInflatedPoisson(r, gate=g), [POSITIVE, UNIT]),
}


@dataclass
class Case:
    """A computation to be run on every engine.

    Attributes:
        name: what it is called in a combined program.
        compute: its numbers, flat, as floats.
        expected: what torch says; None if torch has no such thing.
        program: None if it cannot be recorded.
        said: engine -> empty if it agrees, else why not.
    """

    name: str
    compute: Callable[[], Tensor]
    expected: Tensor | None = None
    program: Program | None = None
    said: dict[str, str] = field(default_factory=dict)

    def recording(self) -> tuple[Program, list[Tensor]]:
        """The program, and a new state for it."""
        assert self.program is not None
        assert self.expected is not None
        return self.program, [torch.zeros_like(self.expected)]


ENGINES = {"F": "floats", "C": "C", "J": "JavaScript"}


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All numbers one after the other."""
    return torch.cat([tensor.detach().to(torch.float32).reshape(-1) for tensor in tensors])


def density(make: Make, params: list[Tensor], value: Tensor) -> Tensor:
    """Log densities."""
    return flat([make(*params).log_prob(value)])


def gradient(make: Make, params: list[Tensor], value: Tensor) -> Tensor:
    """Gradients of their sum in parameters and value."""
    inputs = [it.detach().requires_grad_() for it in (*params, value) if it.is_floating_point()]
    own = make(*inputs[: len(params)])
    at = inputs[-1] if len(inputs) > len(params) and not own.support.is_discrete else value
    total = own.log_prob(at).sum()
    if not total.requires_grad:
        return flat([total])
    grads = torch.autograd.grad(total, inputs, allow_unused=True)
    return flat([grad for grad in grads if grad is not None] or [total])


def sampler(make: Make, params: list[Tensor]) -> Tensor:
    """A draw, and its gradient if it has one."""
    inputs = [it.detach().requires_grad_() for it in params]
    own = make(*inputs)
    if not own.has_rsample:
        return flat([own.sample()])
    draw = own.rsample()
    if not draw.requires_grad:
        return flat([draw])
    grads = torch.autograd.grad((draw * draw).sum(), inputs, allow_unused=True)
    return flat([draw, *(grad for grad in grads if grad is not None)])


KINDS = ("density", "gradient", "sampler")


def cases(name: str) -> list[Case]:
    """Density, gradient and sampler of one distribution."""
    make, params = EXAMPLES[name]
    torch.manual_seed(STARTS_AT)
    try:
        value = make(*params).sample()
    except NotImplementedError:
        value = REAL.clone()
    return [
        Case(f"{name} density", lambda: density(make, params, value)),
        Case(f"{name} gradient", lambda: gradient(make, params, value)),
        Case(f"{name} sampler", lambda: sampler(make, params)),
    ]


def recorded(chosen: Sequence[Case]) -> tuple[Program, list[Tensor]]:
    """Cases as one program; its state is what they compute."""
    state = {c.name: torch.zeros_like(c.expected) for c in chosen if c.expected is not None}
    program = record(lambda: [*(c.compute() for c in chosen), torch.zeros(())], state, {})
    return program, [tensor.clone() for tensor in state.values()]


def memory(program: Program) -> list[Tensor]:
    """What a program reads besides its state."""
    read = [(value.tensor, value.size) for value in program.inputs("data")]
    return [tensor.as_strided((size,), (1,), 0) for tensor, size in read if tensor is not None]


def judge(case: Case, engine: str, ours: Tensor) -> None:
    """Note whether an engine agrees with torch."""
    assert case.expected is not None
    gap = difference([ours.nan_to_num(0.0)], [case.expected.nan_to_num(0.0)])
    case.said[engine] = "" if gap <= TOLERANCE else f"off by {gap:.0e}"


def prepare(case: Case) -> None:
    """Ask torch, then record."""
    try:
        with validation(False):
            torch.manual_seed(STARTS_AT)
            case.expected = case.compute()
        case.program, _ = recorded([case])
    except NotImplementedError:
        case.said = dict.fromkeys(ENGINES, "torch has none")
    except NotCompiled as error:
        case.said = dict.fromkeys(ENGINES, str(error).rsplit(" (", 1)[0])


def in_floats(chosen: Sequence[Case]) -> None:
    """Run each case as Python floats."""
    for case in chosen:
        program, state = case.recording()
        try:
            engine = Engine("floats", Floats(program))
        except NotCompiled as error:
            case.said["F"] = str(error)
            continue
        torch.manual_seed(STARTS_AT)
        engine.run(program, 1, state, memory(program), math.inf)
        judge(case, "F", state[0])


def in_c(chosen: Sequence[Case]) -> None:
    """Run all cases as one C program."""
    able = []
    for case in chosen:
        try:
            Source(case.recording()[0])
            able.append(case)
        except NotCompiled as error:
            case.said["C"] = str(error)
    program, state = recorded(able)
    source = Source(program)
    native = Native(source, Build(source.text, ("-O0",)).library())
    torch.manual_seed(STARTS_AT)
    native.run(1, state, memory(program), math.inf)
    torch.manual_seed(STARTS_AT)
    with validation(False):
        for case, ours in zip(able, state, strict=True):
            case.expected = case.compute()
            judge(case, "C", ours)


def in_javascript(chosen: Sequence[Case]) -> None:
    """Run each case in a script of its own words, all by one node."""
    lines, able = [], []
    for case in chosen:
        program, state = case.recording()
        try:
            text = javascript(program)
        except NotCompiled as error:
            case.said["J"] = str(error)
            continue
        able.append(case)
        zeros = json.dumps({case.name: [0.0] * len(state[0])})
        lines.append(
            f"{{ {text}\nconst step = new Step({zeros}, {{}}, {STARTS_AT}); step.run(1);"
            "all.push(Array.from(Object.values(step.state)[0], String)); }"
        )
    script = "const all = [];\n" + "\n".join(lines) + "console.log(JSON.stringify(all));"
    said = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True)
    for case, numbers in zip(able, json.loads(said.stdout), strict=True):
        torch.manual_seed(STARTS_AT)
        with validation(False):
            case.expected = case.compute()
        judge(case, "J", torch.tensor([float(x.replace("Infinity", "inf")) for x in numbers]))


def measure(names: Sequence[str], engines: str = "FCJ") -> dict[str, list[Case]]:
    """Run everything on the engines that this machine has."""
    table = {name: cases(name) for name in names}
    everything = [case for row in table.values() for case in row]
    for case in everything:
        prepare(case)
    able = [case for case in everything if case.program is not None]
    here = "F" + "C" * any(map(shutil.which, ("cc", "gcc", "clang")))
    here += "J" * (shutil.which("node") is not None)
    runners = {"F": in_floats, "C": in_c, "J": in_javascript}
    for letter, run in runners.items():
        if able and letter in engines and letter in here:
            run(able)
    return table


def lines(table: dict[str, list[Case]]) -> Iterable[str]:
    """The table as text: a letter for each engine that agrees, a number for each reason."""
    reasons: dict[str, int] = {}
    yield f"{'':34}" + "".join(f"{kind:14}" for kind in KINDS)
    for name, row in table.items():
        marks = []
        for case in row:
            good = "".join(letter for letter, why in case.said.items() if not why)
            bad = {why: 0 for why in case.said.values() if why}
            numbers = [str(reasons.setdefault(why, len(reasons) + 1)) for why in bad]
            marks.append(" ".join([good, *numbers]).strip())
        yield f"{name:34}" + "".join(f"{mark:14}" for mark in marks)
    yield ""
    yield ", ".join(f"{mark} {name}" for mark, name in ENGINES.items())
    yield from (f"{number:2} {why}" for why, number in reasons.items())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("distribution", nargs="*", help="default: all")
    names = parser.parse_args(arguments).distribution or list(EXAMPLES)
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        parser.error(f"no distribution {unknown[0]!r}; there are {', '.join(EXAMPLES)}")
    for line in lines(measure(names)):
        print(line)


if __name__ == "__main__":
    main()
