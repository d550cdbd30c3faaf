"""The notebooks: generated from their sources, and run as a script would run them."""

import ast
import importlib.util
import json
import re
import subprocess
from types import ModuleType

import nbformat
import pytest

import truth
from notebooks import HERE, NOTEBOOKS, TUTORIALS, executed
from ppl_widgets.exercises import names
from ppl_widgets.exercises.lessons import LESSONS, lesson
from ppl_widgets.messages.english import MESSAGES as ENGLISH


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


# ---- the exercises stand in their notebooks


def asked(source: str) -> dict[str, tuple[str, ...]]:
    """Exercise -> arguments of the function that its cell passes; none where numbers are passed."""
    tree = ast.parse(source)
    takes = {
        node.name: tuple(arg.arg for arg in node.args.args)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        call.args[0].value: takes.get(getattr(call.args[1], "id", ""), ())
        for call in calls
        if getattr(call.func, "id", "") == "check"
    }


@pytest.mark.parametrize("source", BUILD.SOURCES, ids=lambda source: source.stem)
def test_notebook_asks_the_exercises_of_its_number(source):
    wanted = {
        name: lesson(source.stem[:2])[name].takes for name in names() if name[:2] == source.stem[:2]
    }
    if "06.arguments" in wanted:
        wanted["06.arguments"] = ()  # this is what is to be repaired
    assert asked(source.read_text(encoding="utf-8")) == wanted


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_unanswered_exercises_wait(path):
    """Where an answer belongs stand dots, or a program to repair that gets its own hint."""
    waits = {
        re.findall(r'check\(\s*"([^"]+)"', cell.source)[0]: output.data["text/plain"]
        for cell in executed(path).cells
        for output in cell.get("outputs", ())
        if "check(" in cell.source and output.output_type == "execute_result"
    }
    wanted = lesson(path.stem[:2]) if path.stem[:2] in LESSONS else {}
    assert waits.keys() == wanted.keys()
    for name, said in waits.items():
        exercise = wanted[name]
        first = (
            ENGLISH["general.blank"]
            if exercise.untouched == "blank"
            else ENGLISH[f"hint.{exercise.hints}.{exercise.untouched}"].rsplit(". ", 1)[-1]
        )
        assert first in said, name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_between_notebooks_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert not [link for link in links if not (TUTORIALS / link).exists()]
    assert links or path.stem == "15_gallery"  # it is an app too, which has no other page
