"""A recorded step as JavaScript walks the path of eager steps, with torch's own noise."""

import json
import shutil
import subprocess

import pytest
import torch
from models import BENCHMARKS

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled.js import javascript
from ppl_core.infer import SVI
from ppl_core.infer.recorded import Training

STEPS = 300


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize("name", ["scale", "eight-schools", "logistic-1k-256", "mixture"])
def test_a_page_trains_like_the_kernel(name, tmp_path):
    benchmark = BENCHMARKS[name]
    model, guide = benchmark.program(ppl, dist)
    svi = SVI(model, guide, getattr(ppl.optim, benchmark.rule)(dict(benchmark.settings)))
    svi.step(*benchmark.data())
    training = Training(svi, benchmark.data(), {})
    state = {name: it.flatten().tolist() for name, it in training._state_tensors().items()}
    data = {
        v.name: v.tensor.as_strided((v.size,), (1,), 0).tolist()
        for v in training.program.inputs("data")
    }
    inputs = tmp_path / "inputs.json"
    inputs.write_text(json.dumps([state, data]))
    script = tmp_path / "train.js"
    script.write_text(
        javascript(training.program)
        + f"const [state, data] = JSON.parse(require('fs').readFileSync('{inputs}'));"
        + f"const step = new Step(state, data, 7); const losses = step.run({STEPS});"
        + "console.log(JSON.stringify([losses, Object.values(step.state).map((x) => [...x])]));"
    )
    said = subprocess.run(
        ["node", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    losses, ends = json.loads(said)
    torch.manual_seed(7)
    eager = [svi.step(*benchmark.data()) for _ in range(STEPS)]
    assert losses == pytest.approx(eager, rel=2e-5, abs=1e-5)
    for end, name in zip(ends, training.moving, strict=False):
        expected = svi.store.unconstrained(name).flatten().tolist()
        assert end == pytest.approx(expected, rel=1e-4, abs=1e-5)
