"""The notebooks after Run All in a kernel that nobody watches, and what their cells printed."""

from functools import cache
from pathlib import Path

import nbclient
import nbformat

HERE = Path(__file__).parents[1]
TUTORIALS = HERE / "tutorials"
NOTEBOOKS = sorted(TUTORIALS.glob("*.ipynb"))


@cache
def executed(path: Path) -> nbformat.NotebookNode:
    """A notebook after Run All."""
    notebook = nbformat.read(path, 4)
    where = {"metadata": {"path": str(TUTORIALS)}}
    nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", store_widget_state=False, resources=where
    ).execute()
    return notebook


def printed(name: str) -> str:
    """All that the cells of a notebook print, one after the other."""
    notebook = executed(TUTORIALS / f"{name}.ipynb")
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    return "".join(out.text for out in outputs if out.output_type == "stream")
