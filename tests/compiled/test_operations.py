"""Every operation, on ordinary and on odd numbers, in every engine, is torch's."""

import json
import math
import shutil
import subprocess

import pytest
import torch

from ppl_core.compiled import NotCompiled, javascript, record
from ppl_core.compiled.build import Build
from ppl_core.compiled.c import Source
from ppl_core.compiled.floats import Floats
from ppl_core.compiled.native import Native

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)
ODD = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 1e-3, -1e-3, 20.0, -20.0, 88.0, 100.0, -100.0]
ODD += [1e-6, -1e-6, 0.3, -0.3, 1e6, -1e6, math.inf, -math.inf, math.nan]
X = torch.tensor(ODD)
Y = torch.tensor([ODD[(7 * i + 3) % len(ODD)] for i in range(len(ODD))])
M = torch.linspace(-1.0, 2.0, 12).reshape(3, 4)
INDEX = torch.tensor([[2, 0, -1], [1, 1, 0]])
PLACES = INDEX % 3

UNARY = (
    "exp log log1p expm1 sqrt neg abs tanh sin cos atan erf lgamma digamma floor ceil round trunc "
    "sign isnan sigmoid relu square reciprocal rsqrt log2 sinh cosh tan asin acos erfc log10 exp2"
)
CASES = {name: (getattr(torch, name), X) for name in UNARY.split()}
CASES |= {
    "trigamma": (lambda x: torch.polygamma(1, torch.where((x > -1.0) | (x == -2.5), x, 1.0)), X),
    "softplus": (torch.nn.functional.softplus, X),
    "logsigmoid": (torch.nn.functional.logsigmoid, X),
    "clamp": (lambda x: x.clamp(-0.4, 20.0), X),
    "square by power": (lambda x: x**2, X),
    "cube": (lambda x: x**3, X),
    "root by power": (lambda x: x.abs() ** 0.5, X),
    "power": (lambda x: x.abs() ** 1.7, X),
    "add": (lambda x: x + Y, X),
    "sub": (lambda x: x - Y, X),
    "mul": (lambda x: x * Y, X),
    "div": (lambda x: x / Y, X),
    "maximum": (lambda x: torch.maximum(x, Y), X),
    "minimum": (lambda x: torch.minimum(x, Y), X),
    "where": (lambda x: torch.where(x > Y, x, Y), X),
    "logaddexp": (lambda x: torch.logaddexp(x, Y), X),
    "lt": (lambda x: (x < Y) & ~(x == 1) | (x <= Y), X),
    "xlogy": (lambda x: torch.xlogy(x, Y), X),
    "lerp": (lambda x: torch.lerp(x, x * 2, 0.3), X),
    "floor division": (lambda x: torch.div(x, 0.7, rounding_mode="floor"), X[:21]),
    "sum": (lambda x: x.sum(0), M),
    "mean": (lambda x: x.mean((0, 1), keepdim=True), M),
    "prod": (lambda x: x.prod(1), M),
    "amax": (lambda x: x.amax(1, keepdim=True), M),
    "max": (lambda x: x.max(0).values + x.max(0).indices, M),
    "argmax": (lambda x: x.argmin(1).float(), M),
    "logsumexp": (lambda x: x.logsumexp(1), M),
    "softmax": (lambda x: x.softmax(0), M),
    "log_softmax": (lambda x: x.log_softmax(-1), M),
    "cumsum": (lambda x: x.cumsum(1), M),
    "cumprod": (lambda x: x.cumprod(0), M),
    "norm": (lambda x: x.norm(), M),
    "transpose": (lambda x: (x.T @ x).T + 1, M),
    "wide product": (lambda x: x.repeat(20, 20) @ x.repeat(20, 20).T, M),
    "batched": (
        lambda x: torch.einsum("ij,kjl->kil", x, M.reshape(2, 3, 2).repeat(1, 2, 1)[:, :4]),
        M,
    ),
    "wide formulas": (
        lambda x: ((x.repeat(9, 9) * 2 + x.repeat(9, 9)[0]).tanh() * (x.repeat(9, 9) > 0)).sum(0),
        M,
    ),
    "slices": (lambda x: x[1:, ::2] - x[:-1, 1::2], M),
    "flip": (lambda x: x.flip(0).flip(1), M),
    "cat": (lambda x: torch.cat([x, 2 * x, x[:1]], 0), M),
    "stack": (lambda x: torch.stack([x[0], x[1] * 2], -1), M),
    "pad": (lambda x: torch.nn.functional.pad(x, (1, 2, 0, 1), value=3.0), M),
    "triangles": (lambda x: x.tril() + x.triu(1) * 2, M),
    "diagonal": (lambda x: torch.diag_embed(x[:, :3].diagonal()) + 1, M),
    "index": (lambda x: x[INDEX], M),
    "two indices": (lambda x: x[INDEX[0], INDEX[1]], M),
    "gather": (lambda x: x.gather(1, PLACES), M),
    "index_select": (lambda x: x.index_select(1, torch.tensor([3, 0])), M),
    "scatter_add": (lambda x: torch.zeros(3, 4).scatter_add(0, PLACES, x[:2, :3]), M),
    "index_add": (lambda x: torch.ones(2, 4).index_add(0, torch.tensor([1, 0, 1]), x), M),
    "masked": (lambda x: x.masked_fill(x > 0.5, 9.0), M),
    "in place": (lambda x: x.clone().T.contiguous().mul_(2).add_(1).T, M),
    "cast": (lambda x: x.double().exp().float() + x.long(), M),
    "long": (lambda x: torch.linspace(0, 1, 9000).mul(x[0, 0]).exp().sum() / 9000, M),
    "empty": (lambda x: x[:0].sum() + x, M),
}


TOO_MUCH_FOR_FLOATS = ("wide product", "wide formulas", "long", "two indices")


def of(name):
    function, x = CASES[name]
    x = x.clone()
    expected = function(x).to(torch.float32)
    state = torch.zeros(expected.numel())
    program = record(
        lambda: [function(x).to(torch.float32).reshape(-1) + 0.0, torch.zeros(())],
        {"out": state},
        {"x": x},
    )
    return program, expected.flatten(), torch.zeros(expected.numel())


def memory(program):
    return [v.tensor.as_strided((v.size,), (1,), 0) for v in program.inputs("data")]


@pytest.mark.parametrize("name", CASES)
def test_in_floats(name):
    program, expected, _ = of(name)
    if name in TOO_MUCH_FOR_FLOATS:
        with pytest.raises(NotCompiled):
            Floats(program)
        return
    floats = Floats(program)
    torch.testing.assert_close(
        results(floats, program, len(expected)), expected, rtol=2e-6, atol=1e-6, equal_nan=True
    )


def results(floats, program, count, dtype=torch.float32):
    """What a step computes, whether it is finite or not."""
    text = floats.text.replace("if not (", "if False and not (")
    names = dict(floats._run.__globals__)
    exec(text, names)
    data = [x for part in memory(program) for x in part.tolist()]
    new, _ = names["run"]([0.0] * count, data, [()], math.inf, list[object]().append)
    return torch.tensor(new, dtype=dtype)


def everything(names):
    """Many cases as one program: each has a state of its own."""
    inputs = {name: CASES[name][1].clone() for name in names}
    expected = {n: CASES[n][0](x).to(torch.float32).flatten() for n, x in inputs.items()}

    def step():
        new = [CASES[n][0](x).to(torch.float32).reshape(-1) + 0.0 for n, x in inputs.items()]
        return [*new, torch.zeros(())]

    program = record(step, {n: torch.zeros_like(it) for n, it in expected.items()}, inputs)
    source = Source(program)
    source.text = source.text.replace("if (!fine) return step;", "")
    return source, expected


def run(source, expected, *flags):
    state = [torch.zeros_like(it) for it in expected.values()]
    native = Native(source, Build(source.text, flags).library())
    native.run(1, state, memory(source.program), math.inf)
    return dict(zip(expected, state, strict=True))


@needs_cc
def test_in_c():
    source, expected = everything(CASES)
    for name, ours in run(source, expected, "-O1").items():
        theirs, shown = expected[name], f"{name}: {ours} {expected[name]}"
        torch.testing.assert_close(ours, theirs, rtol=3e-6, atol=1e-6, equal_nan=True, msg=shown)


@needs_cc
def test_generated_c_has_no_undefined_behaviour():
    """What a compiler may do as it likes with (overflow, bounds, shifts) would end the process."""
    source, expected = everything(["exp", "log1p", "tanh", "index", "two indices", "cumsum"])
    try:
        run(source, expected, "-O1", "-fsanitize=undefined,bounds", "-fno-sanitize-recover=all")
    except NotCompiled:
        pytest.skip("this compiler has no sanitizer")


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_in_javascript(tmp_path):
    lines, expected = [], {}
    for name in CASES:
        program, expected[name], state = of(name)
        text = javascript(program).replace("if (!Number.isFinite", "if (false && !Number.isFinite")
        data = {v.name: memory(program)[i].tolist() for i, v in enumerate(program.inputs("data"))}
        inputs = f"{{out: new Array({len(state)}).fill(0)}}, {json.dumps(data)}, 1"
        lines.append(
            f"{{ {text}\nconst s = new Step({inputs}); s.run(1);"
            f"all[{json.dumps(name)}] = Array.from(s.state.s0, String); }}"
        )
    script = tmp_path / "all.js"
    script.write_text("const all = {};\n" + "\n".join(lines) + "console.log(JSON.stringify(all));")
    said = subprocess.run(["node", script], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr[-500:]
    for name, ours in json.loads(said.stdout).items():
        numbers = torch.tensor([float(x.replace("Infinity", "inf")) for x in ours])
        torch.testing.assert_close(
            numbers,
            expected[name],
            rtol=2e-6,
            atol=1e-6,
            equal_nan=True,
            msg=f"{name}: {numbers} {expected[name]}",
        )
