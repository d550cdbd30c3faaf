"""Every panel in one notebook and one kernel: opened, moved by a key, closed; nothing is left."""

import re

import pytest

import ppl_widgets
from panels import Panel

MAKERS = ("LivePanel", "ExplorePanel")
PANELS = sorted({n for n in ppl_widgets.__all__ if n.endswith("Panel")} - {*MAKERS})
OWN = """import ppl_core as ppl
from ppl_widgets import explore
def scale(guess):
    weight = ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))
    return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
panel = explore(ppl.condition(scale, data={"measurement": 9.5}), None, (5.0, 12.0))"""
CELLS = {name: f"from ppl_widgets import {name}\npanel = {name}()" for name in PANELS}
CELLS["explore"] = OWN
MOVED = {"StorePanel": 1}  # which slider draws other curves: a moved init waits, that is its lesson
LEFT = """
import asyncio, comm, threading
panel.close()
for _ in range(200):
    ours = [task for task in asyncio.all_tasks() if "ppl" in task.get_name()]
    if ours:
        await asyncio.sleep(0.05)
threads = [t for t in threading.enumerate() if type(t) is threading.Thread]  # not Lab's or tqdm's
print(len(comm.get_comm_manager().comms), "comms,", len(ours), "tasks,", len(threads), "threads;")
"""
CURVES = """() => {
    let hash = 0;
    for (const { series } of Object.values(window.pplPlots ?? {})) {
        for (const { x, y } of Object.values(series)) {
            for (const value of [...x, ...y]) hash = (31 * hash + 1e6 * (value || 0)) | 0;
        }
    }
    return hash;
}"""


@pytest.fixture(scope="module")
def book(lab, pages):
    """A notebook whose first cell has a panel and whose second asks what a closed one left."""
    page = pages.open()
    opened = lab.open(page, lab.write("every.ipynb", [CELLS["ScalePanel"] + "\npanel", LEFT]))
    opened.run_all()  # whatever is loaded once is loaded now
    yield opened
    pages.close(page)
    for session in lab.ask("api/sessions"):
        lab.ask(f"api/sessions/{session['id']}", "DELETE")


@pytest.fixture(scope="module")
def nothing(book):
    """Comms, tasks and threads of a kernel without a panel."""
    left = book.text(1).partition(";")[0]
    assert left.startswith("0 comms, 0 tasks, ")
    return left


@pytest.mark.parametrize("name", CELLS)
def test_a_panel_opens_answers_and_closes(book, nothing, pages, name):
    page = book.page
    book.set_cell(0, f"{CELLS[name]}\npanel")
    book.run_cell(0)
    assert "Error" not in book.text(0), book.text(0)
    panel = Panel(page)
    panel.until(lambda: page.evaluate(CURVES) != 0, what="the first curves")
    status = panel.root.locator(".ppl-desk-status").text_content()
    assert re.search(r"seed \d+ · .*[\d,]+/[\d,]+", status), status

    first = page.evaluate(CURVES)
    slider = panel.root.locator(".ppl-desk-face input[type=range]").nth(MOVED.get(name, 0))
    slider.focus()
    before = slider.input_value()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() != before
    panel.until(lambda: page.evaluate(CURVES) != first, what="other curves")
    assert panel.message == ""

    book.run_cell(1)
    assert page.locator(".ppl-panel").count() == 0
    assert book.text(1).partition(";")[0] == nothing
    pages.check(page)
