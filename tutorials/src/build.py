"""Write the notebooks from their sources: `python tutorials/src/build.py`.

`tutorials/src/NN_name.py` (jupytext percent format) is what people edit and review;
`tutorials/NN_name.ipynb` is what people open: no outputs, cell ids that stay from build to build.
"""

from pathlib import Path

import jupytext
import nbformat

SOURCES = sorted(Path(__file__).parent.glob("[0-9][0-9]_*.py"))


def notebook_path(source: Path) -> Path:
    """Where the notebook of a source lies."""
    return source.parents[1] / f"{source.stem}.ipynb"


def notebook_text(source: Path) -> str:
    """The notebook as it is to be committed."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem}-{number:02d}"
        cell.metadata = {}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1) + "\n"


if __name__ == "__main__":
    for source in SOURCES:
        notebook_path(source).write_text(notebook_text(source), encoding="utf-8", newline="\n")
