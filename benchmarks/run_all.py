"""Every notebook in a real JupyterLab and a real browser, as a reader's Run All meets it.

    python benchmarks/run_all.py                  all notebooks
    python benchmarks/run_all.py 00 04            those that begin so
    python benchmarks/run_all.py --shots FOLDER   and a picture of each page, from top to bottom

Prints for each notebook: seconds from Run All to an idle kernel, the slowest cell, panels drawn,
cells that failed or wrote to stderr, widgets that the page could not show, and what the browser
complained of. Ends with status 1 unless all of these are none.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from live import OPTIONS, browser
from playwright.sync_api import sync_playwright

TUTORIALS = Path(__file__).parents[1] / "tutorials"
SETTLED = 2_000
"""Milliseconds that a page is given to paint, after its kernel has nothing left to do."""
TALLEST = 16_000

LOOK = """() => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets
        .filter((cell) => cell.model.type === 'code');
    const outputs = cells.flatMap((cell) => cell.model.sharedModel.getOutputs());
    const said = (cell) => cell.outputArea.node.innerText;
    const spent = (cell) => {
        const at = cell.model.metadata.execution ?? {};
        return new Date(at['shell.execute_reply']) - new Date(at['iopub.execute_input']);
    };
    return {
        failed: outputs.filter((one) => one.output_type === 'error').map((one) => one.evalue),
        stderr: outputs.filter((one) => one.name === 'stderr').map((one) => one.text),
        broken: cells.map(said).filter((text) =>
            /Error displaying widget|Loading widget|model not found/.test(text)),
        panels: document.querySelectorAll('.ppl-panel .ppl-desk-face, .ppl-gallery').length,
        slowest: Math.max(0, ...cells.map(spent).filter((each) => each >= 0)) / 1000,
        height: document.querySelector('.jp-WindowedPanel-inner')?.scrollHeight ?? 0,
    };
}"""

WHOLE = """() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    const config = { recordTiming: true, windowingMode: 'none' };
    content.notebookConfig = { ...content.notebookConfig, ...config };
}"""
"""Cells say when they began and ended, and all stand on the page, not those in sight only."""
TOP = """() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = 0;
    document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0;
}"""


class Seen(NamedTuple):
    """What a reader met."""

    seconds: float
    slowest: float
    panels: int
    faults: list[str]


def visit(server: Any, pages: Any, name: str, shots: Path | None) -> Seen:
    """A notebook opened, run from top to bottom, looked at, and closed with its kernel."""
    page = pages.open()
    book = server.open(page, f"tutorials/{name}.ipynb")
    page.evaluate(WHOLE)
    begin, stopped = time.perf_counter(), []
    try:
        book.run_all()
    except RuntimeError as error:
        stopped = [str(error)]
    seconds = time.perf_counter() - begin
    page.wait_for_timeout(SETTLED)
    seen = page.evaluate(LOOK)
    if shots is not None:
        page.evaluate(TOP)
        page.set_viewport_size({"width": 1280, "height": min(TALLEST, seen["height"] + 200)})
        page.wait_for_timeout(2 * SETTLED)
        page.screenshot(path=shots / f"{name}.png")
    kinds = ("failed", "stderr", "broken")
    faults = stopped + [f"{kind}: {text}" for kind in kinds for text in seen[kind]] + page.problems
    page.context.close()
    for session in server.ask("api/sessions"):
        server.ask(f"api/sessions/{session['id']}", "DELETE")
    return Seen(seconds, seen["slowest"], seen["panels"], faults)


def main(chosen: Sequence[str], shots: Path | None) -> bool:
    """The table; whether nothing was amiss."""
    names = [path.stem for path in sorted(TUTORIALS.glob("*.ipynb"))]
    names = [name for name in names if not chosen or name.startswith(tuple(chosen))]
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="ppl-"))
    server = browser._start("jupyterlab", home, OPTIONS)
    good = True
    try:
        shutil.copytree(TUTORIALS, server.root / "tutorials")
        path = next(filter(None, map(shutil.which, browser.BROWSERS)))
        with sync_playwright() as driver:
            pages = browser.Pages(driver.chromium.launch(executable_path=path, args=browser.FLAGS))
            print(f"{'notebook':28} {'seconds':>8} {'slowest':>8} {'panels':>7}  amiss")
            for name in names:
                seen = visit(server, pages, name, shots)
                numbers = f"{seen.seconds:8.1f} {seen.slowest:8.1f} {seen.panels:7}"
                print(f"{name:28} {numbers}  {'; '.join(seen.faults) or 'none'}", flush=True)
                good = good and not seen.faults
    finally:
        browser._stop(server)
        shutil.rmtree(home, ignore_errors=True)
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chosen", nargs="*")
    parser.add_argument("--shots", type=Path)
    options = parser.parse_args()
    sys.exit(not main(options.chosen, options.shots))
