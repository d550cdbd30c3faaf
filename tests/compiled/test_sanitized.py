"""Generated C, run in a child process under sanitizers of addresses and undefined behaviour.

Each input and the working memory is a block of its own, so that a step beyond any end is seen.
"""

import math
import shutil
import subprocess

import pytest
import torch
from models import BENCHMARKS

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled.c import Source
from ppl_core.infer import SVI
from ppl_core.infer.recorded import Training

CC = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
FLAGS = ["-O0", "-g", "-std=gnu11", "-w", "-fopenmp-simd", "-fno-math-errno", "-lm"]
CHECKS = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
MAIN = """
#include <stdio.h>
#include <stdlib.h>
static const i64 sizes[] = {%(sizes)s};
int main(void) {
    void *given[%(count)d];
    for (int k = 0; k < %(count)d; k++) {
        given[k] = malloc(sizes[k]);
        if (fread(given[k], 1, sizes[k], stdin) != (size_t)sizes[k]) return 9;
    }
    Saved *saved = malloc(sizeof(Saved));
    if (fread(saved, 1, sizeof(Saved), stdin) != sizeof(Saved)) return 9;
    char *work = aligned_alloc(64, %(work)d);
    memset(work, 0, %(work)d);
    double *losses = malloc(%(steps)d * sizeof(double));
    if (run(%(steps)d, given, work, losses, INFINITY, saved, 0) != %(steps)d) return 8;
    fwrite(losses, sizeof(double), %(steps)d, stdout);
    return 0;
}
"""
STEPS = 40


def sanitizers_work(folder):
    """Why not, if they do not."""
    if CC is None:
        return "no C compiler on this machine"
    (folder / "empty.c").write_text("int main(void) { return 0; }")
    made = folder / "empty"
    build = [CC, str(folder / "empty.c"), "-o", str(made), *CHECKS]
    for command in (build, [str(made)]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            return f"this compiler has no sanitizers: {done.stderr[:80]}"
    return ""


def run(folder, text, main, given):
    source, made = folder / "step.c", folder / "step"
    source.write_text(text + main)
    build = [CC, str(source), "-o", str(made), *FLAGS, *CHECKS]
    subprocess.run(build, check=True, timeout=100)
    return subprocess.run(
        [made],
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
        env={"ASAN_OPTIONS": "detect_leaks=0"},
    )


@pytest.mark.parametrize("name", ["scale", "eight-schools", "logistic-1k-256"])
def test_a_training_stays_within_its_memory(name, tmp_path):
    missing = sanitizers_work(tmp_path)
    if missing:
        pytest.skip(missing)
    benchmark = BENCHMARKS[name]
    ppl.clear_param_store()
    svi = SVI(
        *benchmark.program(ppl, dist),
        getattr(ppl.optim, benchmark.rule)(dict(benchmark.settings)),
    )
    torch.manual_seed(3)
    svi.step(*benchmark.data())
    training = Training(svi, benchmark.data(), {})
    source = Source(training.program)
    constants = [v.tensor for v in training.program.inputs("constant")]
    given = [*training._state_tensors().values(), *training._given(), *constants]
    memory = [bytes(it.contiguous().reshape(-1).view(torch.uint8).tolist()) for it in given]
    numbers = {
        "sizes": ", ".join(str(len(it)) for it in memory),
        "count": len(memory),
        "work": math.ceil((source.work + 64) / 64) * 64,
        "steps": STEPS,
    }
    stream = bytes(torch.get_rng_state().tolist())
    done = run(tmp_path, source.text, MAIN % numbers, b"".join([*memory, stream]))
    assert done.returncode == 0, done.stderr[:2000]
    losses = torch.frombuffer(bytearray(done.stdout), dtype=torch.float64)
    eager = [svi.step(*benchmark.data()) for _ in range(STEPS)]
    torch.testing.assert_close(losses, torch.tensor(eager).double(), rtol=1e-4, atol=1e-4)


def test_a_step_beyond_the_end_would_be_seen(tmp_path):
    missing = sanitizers_work(tmp_path)
    if missing:
        pytest.skip(missing)
    text = "#include <stdlib.h>\nint beyond(int *x, int i) { return x[i]; }\n"
    main = "int main(int n, char **v) { return beyond(malloc(4 * n), n); }"
    done = run(tmp_path, text, main, b"")
    assert b"heap-buffer-overflow" in done.stderr
