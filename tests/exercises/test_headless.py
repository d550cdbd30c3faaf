"""A notebook with a student's answers, run where nobody looks: what nbgrader and nbconvert do."""

import ast
import json
import re

import nbclient
import nbformat
import pytest

from notebooks import TUTORIALS

ANSWERED = "04_perfect_guide"
SOLUTIONS = "perfect_guide"
SWAPPED = """def weigh(guess, measurement, prior_sd, noise_sd):
    share = trust(prior_sd, noise_sd)
    return (1 - share) * measurement + share * guess, 1 / (prior_sd**-2 + noise_sd**-2) ** 0.5

"""
GRADED = """import json
from ppl_widgets.exercises import results
right = check("04.trust", trust)
assert right, right
half = check("04.weigh", weigh)
print(json.dumps({"scores": [right.score, half.score], "hint": half.hint, "passed": [
    name for name, record in results().items() if record.passed]}))
results().save("results.json")
"""


def functions() -> dict[str, str]:
    """Name -> source, of the functions of the solution."""
    source = (TUTORIALS / f"solutions/{SOLUTIONS}.py").read_text(encoding="utf-8")
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in found}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder after the notebook's exercises have run in it, and what the grader's cell printed.

    The other cells are left out, for they run in tests of their own, and take their time.
    """
    folder = tmp_path_factory.mktemp("handed-in")
    notebook = nbformat.read(TUTORIALS / f"{ANSWERED}.ipynb", 4)
    cells = []
    for cell in notebook.cells:
        asked = re.search(r'^check\("[\d.]+\w+", (\w+)\)', cell.source, re.MULTILINE)
        if cell.cell_type == "code" and asked:
            answer = SWAPPED if asked[1] == "weigh" else functions()[asked[1]]
            cell.source = f"from ppl_widgets.exercises import check\n{answer}\n{asked[0]}"
            cells.append(cell)
    notebook.cells = [*cells, nbformat.v4.new_code_cell(GRADED)]
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return folder, json.loads(notebook.cells[-1].outputs[0].text)


def test_a_grader_reads_scores_hints_and_what_passed(run):
    _, said = run
    assert said == {"scores": [1.0, 0.5], "hint": "swapped", "passed": ["04.trust"]}


def test_a_teacher_finds_the_tally_beside_the_notebook(run):
    folder, _ = run
    kept = json.loads((folder / "results.json").read_text(encoding="utf-8"))["exercises"]
    assert kept["04.trust"] == {"tries": 2, "passed": True, "hints": {}}
    assert kept["04.weigh"] == {"tries": 2, "passed": False, "hints": {"swapped": 2}}
