"""Every form, on any dtype, shape and layout and on odd numbers, is torch's; whole programs too."""

import json
import math
import operator
import random
import shutil
import subprocess

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ppl_core.compiled import javascript, record
from ppl_core.compiled.build import Build
from ppl_core.compiled.c import Source
from ppl_core.compiled.floats import Floats
from ppl_core.compiled.forms import BINARY, COMPARE, FORMS, LOGIC, UNARY
from ppl_core.compiled.native import Native

from .test_operations import memory, results

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)
f = torch.nn.functional
REALS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 0.3, 1e-3, 7.0, 20.0, -20.0, 88.0, 1e6, -1e6]
REALS += [math.inf, -math.inf, math.nan, 1e-40, 3e38]
WHOLES = [0, 1, -1, 2, 7, -3, 100, 2**40]
VALUES = {
    torch.float32: REALS,
    torch.float64: REALS,
    torch.int64: WHOLES,
    torch.bool: [True, False],
}
FLOATS, NUMBERS, ALL = list(VALUES)[:2], list(VALUES)[:3], list(VALUES)

# ---- every form: name -> (function of tensors, how many, dtypes)

ONE = {name: (getattr(torch, name), 1, FLOATS) for name in UNARY}
ONE |= {name: (getattr(torch, name), 1, NUMBERS) for name in ("abs", "neg", "sign", "square")}
ONE |= {
    name: (getattr(torch, name), 1, FLOATS)
    for name in ["reciprocal", "rsqrt", "sgn", "frac", "sigmoid", "relu", "isnan"]
}
ONE |= {
    "softplus": (f.softplus, 1, FLOATS),
    "softplus, steep": (lambda x: f.softplus(x, 2.0, 5.0), 1, FLOATS),
    "log_sigmoid": (f.logsigmoid, 1, FLOATS),
    "logit": (lambda x: torch.logit(x, 1e-3), 1, FLOATS),
    "clamp": (lambda x: x.clamp(-1, 7), 1, NUMBERS),
    "clamp_min": (lambda x: x.clamp_min(1), 1, NUMBERS),
    "clamp_max": (lambda x: x.clamp_max(1), 1, NUMBERS),
    "logical_not": (torch.logical_not, 1, ALL),
    "bitwise_not": (torch.bitwise_not, 1, [torch.bool]),
    "masked_fill": (lambda x: x.masked_fill(x == x[..., :1], 3), 1, NUMBERS),
    "powers": (lambda x: x**2 + x**3 + x**-1 + x**-2, 1, FLOATS),
    "root": (lambda x: x**0.5, 1, FLOATS),
    "shift": (lambda x: 2 - x.clamp(-1e9, 1e9) + 1.5 * (x + 1), 1, FLOATS),
    "floor division": (lambda x: torch.div(x, 0.5, rounding_mode="floor"), 1, FLOATS),
    "truncation": (lambda x: torch.div(x, 0.5, rounding_mode="trunc"), 1, FLOATS),
    "to double": (lambda x: x.double(), 1, ALL),
    "to truth": (lambda x: x.bool(), 1, NUMBERS),
    "sum": (lambda x: x.sum(-1), 1, ALL),
    "sums": (lambda x: x.unsqueeze(0).sum((0, -1), keepdim=True), 1, ALL),
    "mean": (lambda x: x.mean(0), 1, FLOATS),
    "prod": (lambda x: x.prod(-1), 1, FLOATS),
    "any": (lambda x: x.any(0), 1, ALL),
    "all": (lambda x: x.all(-1), 1, ALL),
    "amax": (lambda x: f.pad(x, (0, 1), value=-5).amax(-1), 1, NUMBERS),
    "amin": (lambda x: f.pad(x, (0, 1), value=5).amin(-1), 1, NUMBERS),
    "cumsum": (lambda x: x.cumsum(0), 1, NUMBERS),
    "cumprod": (lambda x: x.cumprod(-1), 1, FLOATS),
    "norm": (lambda x: x.clamp(-1e9, 1e9).norm(dim=-1), 1, FLOATS),
    "norm of first order": (lambda x: x.norm(1, dim=-1), 1, FLOATS),
    "flip": (lambda x: x.flip(0), 1, ALL),
    "repeat": (lambda x: x.repeat(2, *[1] * x.dim()), 1, ALL),
    "diagonal": (lambda x: torch.diag_embed(x).diagonal(dim1=-1, dim2=-2), 1, FLOATS),
    "triangles": (lambda x: (x.unsqueeze(-1) * x.unsqueeze(-2)).tril(), 1, FLOATS),
    "upper triangle": (lambda x: (x.unsqueeze(-1) + x.unsqueeze(-2)).triu(1), 1, FLOATS),
    "pad": (lambda x: f.pad(x, (1, 2), value=3.0), 1, FLOATS),
    "fill": (lambda x: torch.cat([x, x.clone().fill_(2)]), 1, ALL),
    "zero": (lambda x: torch.cat([x.clone().zero_(), x]), 1, ALL),
    "in place": (lambda x: x.clone().mul_(2).add_(x), 1, NUMBERS),
}
TWO = {name: (getattr(torch, name), 2, NUMBERS) for name in ("mul", "maximum", "minimum")}
TWO |= {name: (getattr(torch, name), 2, FLOATS) for name in BINARY - {"mul", "maximum", "minimum"}}
TWO |= {name: (getattr(torch, name), 2, NUMBERS) for name in COMPARE}
TWO |= {
    name: (getattr(torch, name), 2, [torch.bool]) for name in LOGIC if not name.startswith("__")
}
TWO |= {
    "add": (operator.add, 2, NUMBERS),
    "add, scaled": (lambda x, y: torch.add(x, y, alpha=2), 2, NUMBERS),
    "sub": (operator.sub, 2, NUMBERS),
    "sub, scaled": (lambda x, y: torch.sub(x, y, alpha=2), 2, NUMBERS),
    "rsub": (torch.rsub, 2, NUMBERS),
    "div": (operator.truediv, 2, FLOATS),
    "pow": (lambda x, y: x.abs() ** y.clamp(-3, 3), 2, FLOATS),
    "remainder": (lambda x, y: torch.remainder(x.clamp(-9, 9), y.clamp(0.5, 8)), 2, FLOATS),
    "xlogy": (torch.xlogy, 2, FLOATS),
    "logaddexp": (torch.logaddexp, 2, FLOATS),
    "lerp": (lambda x, y: torch.lerp(x.clamp(-9, 9), y.clamp(-9, 9), 0.3), 2, FLOATS),
    "addcmul": (lambda x, y: torch.addcmul(x, y.clamp(-9, 9), y.sin(), value=0.5), 2, FLOATS),
    "addcdiv": (lambda x, y: torch.addcdiv(x, x, y, value=0.5), 2, FLOATS),
    "where": (lambda x, y: torch.where(x > y, x, y), 2, NUMBERS),
    "bce": (
        lambda x, y: f.binary_cross_entropy_with_logits(
            *torch.broadcast_tensors(x.clamp(-9, 9), y)
        ),
        2,
        FLOATS,
    ),
    "cat": (lambda x, y: torch.cat([x * y, y * x], -1), 2, NUMBERS),
    "stack": (lambda x, y: torch.stack([x * y, y + x], 0), 2, NUMBERS),
}
CASES = ONE | TWO

ELSEWHERE = {
    "softmax, products and choices by index, on ordinary numbers (test_operations)": (
        "_log_softmax _softmax logsumexp mm bmm mv dot vdot addmm baddbmm addmv index index_select "
        "gather index_put _index_put_impl _unsafe_index_put scatter scatter_add index_add "
        "embedding max min argmax argmin"
    ),
    "what autograd makes of a form (below, test_coverage, test_densities)": (
        "log_sigmoid_backward sigmoid_backward tanh_backward threshold_backward softplus_backward "
        "logit_backward _log_softmax_backward_data _softmax_backward_data slice_backward "
        "select_backward diagonal_backward embedding_dense_backward polygamma"
    ),
    "matrices (test_coverage, test_densities)": (
        "linalg_cholesky_ex cholesky linalg_solve_triangular triangular_solve mvlgamma"
    ),
    "the same form under another name": (
        "true_divide clone _to_copy contiguous lift_fresh_copy convert_element_type copy "
        "linalg_vector_norm log_sigmoid_forward diag_embed tril triu constant_pad_nd "
        "binary_cross_entropy_with_logits"
    ),
}


def test_every_form_is_tested():
    """A form that is new has to be added here."""
    known = {name for text in ELSEWHERE.values() for name in text.split()}
    assert FORMS.keys() - known - CASES.keys() == set()


# ---- tensors of every kind


def layouts(x: torch.Tensor) -> list[torch.Tensor]:
    """The same shape in other layouts of memory, with other numbers."""
    wide = torch.cat([x, x.flip(0)], -1)
    return [x, x.transpose(0, -1).contiguous().transpose(0, -1), wide[..., ::2][..., : x.shape[-1]]]


@st.composite
def tensors(draw: st.DrawFn, count: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """Some tensors that broadcast, each with odd numbers and a layout of its own."""
    shape = draw(st.lists(st.integers(0, 3) | st.just(6), min_size=1, max_size=3))
    made = []
    for _ in range(count):
        sizes = [1 if draw(st.integers(0, 4)) == 0 and made else size for size in shape]
        numbers = draw(
            st.lists(
                st.sampled_from(VALUES[dtype]),
                min_size=math.prod(sizes),
                max_size=math.prod(sizes),
            )
        )
        x = torch.tensor(numbers, dtype=dtype).reshape(sizes)
        made.append(draw(st.sampled_from(layouts(x))))
    return made


def program_of(function, inputs):
    """A function as a program whose new state is its result; what torch says."""
    expected = function(*inputs).to(torch.float64).flatten()
    data = {str(i): x for i, x in enumerate(inputs)}
    state = {"out": torch.zeros(len(expected), dtype=torch.float64)}
    program = record(
        lambda: [function(*inputs).to(torch.float64).reshape(-1) + 0.0, torch.zeros(())],
        state,
        data,
    )
    return program, expected


def assert_close(ours, theirs, single, message):
    """Equal to rounding; a number beyond single precision counts as infinite."""
    if single:
        ours, theirs = ours.float(), theirs.float()
    torch.testing.assert_close(
        ours, theirs, rtol=4e-6 if single else 1e-12, atol=1e-37, equal_nan=True, msg=message
    )


SMALL = settings(max_examples=6, derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize("name", CASES)
def test_a_form_in_floats(name):
    function, count, dtypes = CASES[name]

    @SMALL
    @given(st.data())
    def check(data):
        dtype = data.draw(st.sampled_from(dtypes))
        inputs = data.draw(tensors(count, dtype))
        program, expected = program_of(function, inputs)
        floats = Floats(program)
        ours = results(floats, program, len(expected), torch.float64)
        single = dtype == torch.float32
        assert_close(ours, expected, single, f"{name} {inputs}: {ours} {expected}")

    check()


# ---- many at once: a compiler takes a second, whatever it is given


def fixed() -> dict[str, tuple]:
    """Each form on each dtype, with numbers, shapes and layouts that are always the same."""
    dice, made = random.Random(7), {}
    for name, (function, count, dtypes) in CASES.items():
        for dtype in dtypes:
            shape = dice.choice([(6,), (2, 3), (3, 1, 2)])
            inputs = []
            for _ in range(count):
                sizes = [1 if inputs and dice.random() < 0.3 else size for size in shape]
                known = [v for v in VALUES[dtype] if v != 1e-40]  # C takes it for zero
                numbers = [dice.choice(known) for _ in range(math.prod(sizes))]
                x = torch.tensor(numbers, dtype=dtype).reshape(sizes)
                inputs.append(dice.choice(layouts(x)))
            made[f"{name} of {dtype}"] = function, inputs, dtype
    return made


def smooth(dice: random.Random, inputs: list[torch.Tensor]) -> torch.Tensor:
    """A random program of smooth operations, views, sums and choices that do not hang by a hair."""
    live = list(inputs)
    one = [torch.sin, torch.tanh, torch.sigmoid, f.softplus, lambda x: (x / 3).exp(), torch.atan]
    one += [lambda x: x.softmax(-1), lambda x: x.log_softmax(0), lambda x: x.cumsum(-1)]
    one += [lambda x: x.T, lambda x: x.flip(0), lambda x: x[:, [2, 0, 1]].reshape(x.shape)]
    one += [lambda x: x - x.mean(0), lambda x: x.logsumexp(-1, keepdim=True).expand(x.shape)]
    two = [operator.add, operator.sub, operator.mul, lambda x, y: x @ y / 3]
    two += [lambda x, y: torch.where(inputs[0] > 0, x, y), lambda x, y: x / (1 + y * y)]
    two += [lambda x, y: torch.cat([x[:1], y[1:]])]
    for _ in range(12):
        x, y = dice.choice(live), dice.choice(live)
        live.append(dice.choice(one)(x) if dice.random() < 0.5 else dice.choice(two)(x, y))
    return torch.stack(live[-3:])


def with_gradients(seed: int):
    """A random program and its gradients, as a function of its inputs."""

    def function(*inputs: torch.Tensor) -> torch.Tensor:
        leaves = [x.detach().requires_grad_() for x in inputs]
        result = smooth(random.Random(seed), leaves)
        grads = torch.autograd.grad(result.sin().sum(), leaves, allow_unused=True)
        parts = [result.detach(), *(g for g in grads if g is not None)]
        return torch.cat([part.reshape(-1) for part in parts])

    return function


def programs(count: int) -> dict[str, tuple]:
    """Random programs, always the same."""
    g = torch.Generator().manual_seed(3)
    numbers = [torch.randn(3, 3, generator=g) for _ in range(2)]
    return {f"program {i}": (with_gradients(i), numbers, torch.float32) for i in range(count)}


def test_random_programs_in_floats():
    for name, (function, inputs, _) in programs(12).items():
        program, expected = program_of(function, inputs)
        floats = Floats(program)
        ours = results(floats, program, len(expected), torch.float64)
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5, msg=name)


@needs_cc
def test_every_form_and_random_programs_in_c():
    everything = fixed() | programs(10)
    state, steps = {}, {}
    for name, (function, inputs, _) in everything.items():
        expected = function(*inputs).to(torch.float64).flatten()
        state[name] = torch.zeros_like(expected)
        steps[name] = expected
    data = {f"{n} {i}": x for n, (_, xs, _) in everything.items() for i, x in enumerate(xs)}

    def step():
        new = [fn(*xs).to(torch.float64).reshape(-1) + 0.0 for fn, xs, _ in everything.values()]
        return [*new, torch.zeros(())]

    program = record(step, state, data)
    source = Source(program)
    text = source.text.replace("if (!fine) return step;", "")
    native = Native(source, Build(text, ("-O0",)).library())
    ours = [torch.zeros_like(it) for it in state.values()]
    native.run(1, ours, memory(program), math.inf)
    for (name, (_, _, dtype)), mine in zip(everything.items(), ours, strict=True):
        message = f"{name}: {mine} {steps[name]}"
        if name.startswith("program"):
            torch.testing.assert_close(mine, steps[name], rtol=1e-4, atol=1e-5, msg=message)
        else:
            assert_close(mine, steps[name], dtype == torch.float32, message)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_random_programs_in_javascript(tmp_path):
    script, expected = ["const all = [];"], []
    for function, inputs, _ in programs(12).values():
        program, numbers = program_of(function, inputs)
        expected.append(numbers)
        data = {v.name: memory(program)[i].tolist() for i, v in enumerate(program.inputs("data"))}
        given = f"{{out: new Array({len(numbers)}).fill(0)}}, {json.dumps(data)}, 1"
        script.append(f"{{ {javascript(program)} const s = new Step({given});")
        script.append("s.run(1); all.push(Array.from(s.state.s0)); }")
    script.append("console.log(JSON.stringify(all));")
    (tmp_path / "all.js").write_text("\n".join(script))
    said = subprocess.run(
        ["node", tmp_path / "all.js"], capture_output=True, text=True, timeout=60, check=True
    )
    for ours, theirs in zip(json.loads(said.stdout), expected, strict=True):
        torch.testing.assert_close(
            torch.tensor(ours, dtype=torch.float64), theirs, rtol=1e-4, atol=1e-5
        )
