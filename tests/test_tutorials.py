"""The notebooks: generated from their sources, and run as a script would run them."""

import importlib.util
import json
import math
import re
import subprocess
from functools import cache
from pathlib import Path
from types import ModuleType

import nbclient
import nbformat
import numpy as np
import pytest

import truth

HERE = Path(__file__).parents[1]
TUTORIALS = HERE / "tutorials"
NOTEBOOKS = sorted(TUTORIALS.glob("*.ipynb"))


def load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", TUTORIALS / "src/build.py")
    assert spec
    assert spec.loader
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    return build


BUILD = load_build()


def cells(text: str) -> list[tuple[str, str, str]]:
    return [(cell.id, cell.cell_type, cell.source) for cell in nbformat.reads(text, 4).cells]


@pytest.mark.parametrize("source", BUILD.SOURCES, ids=lambda source: source.stem)
def test_notebook_says_what_its_source_says(source):
    """Outputs and metadata are left aside here: JupyterLab writes them while a reader plays."""
    notebook = BUILD.notebook_path(source).read_text(encoding="utf-8")
    assert cells(notebook) == cells(BUILD.notebook_text(source)), (
        f"{source.stem}.ipynb and its source differ; `python tutorials/src/build.py` writes it "
        "again from the source, and what was changed in the notebook is lost"
    )


def test_every_notebook_has_a_source():
    assert [BUILD.notebook_path(source) for source in BUILD.SOURCES] == NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_in_git_holds_no_output_and_no_widget_state(path):
    name = path.relative_to(HERE).as_posix()
    kept = subprocess.run(["git", "show", f":{name}"], cwd=HERE, capture_output=True, check=False)
    if kept.returncode:
        pytest.skip("not a git checkout, or a notebook that git does not know yet")
    notebook = json.loads(kept.stdout)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"]]


@cache
def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook after Run All in a kernel that nobody watches."""
    notebook = nbformat.read(path, 4)
    where = {"metadata": {"path": str(TUTORIALS)}}
    nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", store_widget_state=False, resources=where
    ).execute()
    return notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_without_a_browser(path):
    """Nobody looks and nobody presses Play: every cell ends by itself, within its time limit."""
    notebook = executed(path)
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    streams = [output for cell in code for output in cell.outputs if output.get("name") == "stderr"]
    assert not streams
    assert len(nbformat.writes(notebook)) < 300_000


def test_start_notebook_opens_with_the_panel_and_learns_the_exact_answer():
    first, *_, last = (
        cell for cell in executed(TUTORIALS / "00_start_here.ipynb").cells if "outputs" in cell
    )
    assert first.source == "from ppl_widgets import ScalePanel\n\nScalePanel()"
    table = {
        line.rsplit(maxsplit=3)[0]: tuple(map(float, line.rsplit(maxsplit=3)[1:]))
        for line in last.outputs[0].text.splitlines()[1:]
    }
    exact = truth.weigh()
    floor = -exact.log_evidence
    assert table["exact"] == pytest.approx((exact.mean, exact.sd, floor), abs=0.005)
    assert table["start"] == pytest.approx((8.5, 1.0, truth.expected_loss(8.5, 1.0)), abs=0.005)
    a, b, _ = table["mean of last 500"]  # seeded; 60 other seeds reached 0.006 nats at most
    assert truth.expected_loss(a, b) - floor < 0.02


# ---- what the notebooks print, by other routes


def printed(name: str) -> str:
    notebook = executed(TUTORIALS / f"{name}.ipynb")
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    return "".join(out.text for out in outputs if out.output_type == "stream")


def given(site: int, value: float) -> list[tuple[float, float]]:
    """Draught, weight and reading once one of them is seen: means and sds from their covariance."""
    effect = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 1.0, 0.75]])  # of the three noises
    mean, cov = np.array([0.0, 8.5, 8.5]), effect @ effect.T
    gain = cov[:, site] / cov[site, site]
    means = mean + gain * (value - mean[site])
    variances = np.diag(cov) - gain * cov[site]
    return [(m, math.sqrt(max(v, 0.0))) for m, v in zip(means, variances, strict=True)]


def test_numbers_of_programs_that_sample():
    said = printed("01_programs_that_sample")
    spread = math.hypot(1, 0.75)
    sds = [float(number) for number in re.findall(r"sd (?:of the difference )?([\d.]+)", said)]
    for found, exact, runs in zip(
        sds, (spread, spread, 0.75 * math.sqrt(2)), (2_000, 100_000, 100_000), strict=True
    ):
        assert abs(found - exact) < 4 * exact / math.sqrt(2 * runs) + 0.005  # and two decimals


def test_numbers_of_conditioning():
    said = printed("02_conditioning")
    assert f"closed form mean {truth.weigh().mean:.2f}, sd {truth.weigh().sd:.2f}" in said
    trust = 1 + 2 / 0.75**2
    mean = (8.5 + (9.5 + 9.1) / 0.75**2) / trust
    assert f"mean {mean:.3f}, sd {trust**-0.5:.3f}" in said
    shares = re.findall(r"window ([\d.]+): kept +([\d.]+)%, mean ([\d.]+)", said)
    for window, share, mean in shares:
        exact_share, exact_mean = within(float(window))
        error = 4 * math.sqrt(exact_share * (1 - exact_share) / 400_000)
        assert abs(float(share) / 100 - exact_share) < error + 5e-4
        assert abs(float(mean) - exact_mean) < 4 / math.sqrt(400_000 * exact_share) + 5e-3
    assert len(shares) == 4


def within(window: float) -> tuple[float, float]:
    """Share of the runs whose reading is so near to 9.5, and the mean of their weights."""
    reading = np.linspace(9.5 - window, 9.5 + window, 4001)
    density = np.exp(truth.normal_log_density(reading, 8.5, math.hypot(1, 0.75)))
    step = reading[1] - reading[0]
    share = float(density.sum() * step)
    return share, float((density * (0.36 * 8.5 + 0.64 * reading)).sum() * step) / share


def test_numbers_of_look_or_touch():
    said = printed("03_look_or_touch")
    mean, sd = given(1, 10.0)[2]
    assert f"look : next reading {mean:.2f}, give or take {sd:.2f}" in said
    assert f"touch: next reading 10.00, give or take {math.hypot(1, 0.75):.2f}" in said
    mean, sd = given(2, 9.5)[1]
    assert f"look : weight {mean:.2f}, give or take {sd:.2f}" in said
    assert f"touch: weight 8.50, give or take {math.sqrt(2):.2f}" in said


def test_numbers_of_one_guide():
    said = printed("04_one_guide")
    evidence = math.exp(truth.weigh().log_evidence)
    assert f"closed form: mean {truth.weigh().mean:.2f}, evidence {evidence:.4f}" in said
    assert abs(float(re.findall(r"ESS (\d+)%", said)[0]) / 100 - truth.ess_share(9.0, 0.8)) < 0.02
    for found in re.findall(r"(?:importance|rejection|chain|NUTS): mean ([\d.]+)", said):
        assert abs(float(found) - truth.weigh().mean) < 0.12  # 4 errors of the least sure, NUTS
