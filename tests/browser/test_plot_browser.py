"""The live plot in JupyterLab and Voila: shown again, reloaded, seen twice, closed."""

import shutil
from pathlib import Path

import pytest

from browser.bare_page import COLOUR_AT, is_like

LEARNED = "window.pplPlots?.demo?.series['p.learned']"
SETUP = "from plot_demo import *"


@pytest.fixture
def notebook(lab, page, request):
    """Open a notebook whose first cell imports the demo; the cells given follow it, all run."""
    shutil.copy(Path(__file__).with_name("plot_demo.py"), lab.root)

    def opened(*cells):
        name = f"{request.node.name}.ipynb"
        book = lab.open(page, lab.write(name, [SETUP, *cells]))
        book.run_all()
        return book

    yield opened
    for session in lab.ask("api/sessions"):
        lab.ask(f"api/sessions/{session['id']}", "DELETE")


def run(book, number, source):
    """Put this into a cell, run it, and return what it printed."""
    book.set_cell(number, source)
    book.run_cell(number)
    return book.text(number)


def wait_painted(page, step, view=0):
    page.wait_for_function(
        """([text, view]) => document.querySelectorAll('.ppl-main .ppl-caption')[view]
            ?.textContent === text""",
        arg=[f"after {step} steps", view],
    )


def wait_plotly(page, plots):
    page.wait_for_function(f"document.querySelectorAll('.ppl-plotly .xy').length >= {plots}")
    page.wait_for_timeout(200)


def test_frames_reach_the_page_and_plotly_comes_once(notebook, page, shots):
    big = []
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived", lambda data: len(data) > 500_000 and big.append(len(data))
        ),
    )
    book = notebook("plot = demo(step=100); plot", "other = demo('other'); other", "1")
    wait_painted(page, 100)
    assert run(book, 3, "print(plot.draw(*frame(900)))") == "True"
    wait_painted(page, 900)
    assert run(book, 3, "print(plot.seen, plot.ready, plot.unseen_for)") == "True True 0.0"
    assert 0.5 < page.evaluate(f"{LEARNED}.y.reduce((a, b) => Math.max(a, b))") < 0.7
    assert page.locator(".ppl-status").first.inner_text() == "seed 101 · step 900/2,500"
    wait_plotly(page, 8)
    assert is_like(page.evaluate(COLOUR_AT, ["posterior", 9.14, 0.665]), (0, 0, 0))
    assert 1_000_000 < sum(big) < 2_000_000, "plotly.js came once for both, compressed"
    shots(page, "light")
    book.dark()
    try:
        page.wait_for_selector(".ppl-plot[data-shade=dark]")
        page.wait_for_timeout(700)
        assert is_like(page.evaluate(COLOUR_AT, ["posterior", 9.14, 0.665]), (255, 255, 255))
        shots(page, "dark")
    finally:
        book.dark(False)


def test_a_plot_shown_again_is_not_frozen(notebook, page):
    book = notebook("plot = demo(step=10)", "plot", "plot", "plot.draw(*frame(500))")
    wait_painted(page, 500, 0)
    wait_painted(page, 500, 1)
    assert page.evaluate("window.pplPlots.demo.views") == 2
    book.run_cell(2)  # shows it anew: the old view goes
    run(book, 4, "plot.draw(*frame(700))")
    wait_painted(page, 700, 0)
    wait_painted(page, 700, 1)
    run(book, 2, "'no plot here'")
    page.wait_for_function("window.pplPlots.demo.views === 1")
    assert run(book, 4, "print(plot.draw(*frame(800)), plot.seen)") == "True True"
    wait_painted(page, 800, 0)


def test_a_reloaded_page_shows_the_newest_state(notebook, page):
    book = notebook("plot = demo(step=10); plot", "plot.draw(*frame(500))")
    wait_painted(page, 500)
    before = page.evaluate(f"[...{LEARNED}.y]")
    book.command("docmanager:save")
    page.reload()
    wait_painted(page, 500)
    assert page.evaluate(f"[...{LEARNED}.y]") == before
    book.wait_idle()
    run(book, 2, "plot.draw(*frame(900))")
    wait_painted(page, 900)


def test_two_pages_agree(notebook, page, lab, pages):
    book = notebook("plot = demo(step=10); plot", "plot.draw(*frame(500))")
    wait_painted(page, 500)
    book.command("docmanager:save")
    second = pages.open()
    second.goto(page.url.split("?")[0] + f"?token={lab.token}")
    wait_painted(second, 500)
    run(book, 2, "plot.draw(*frame(900))")
    wait_painted(page, 900)
    wait_painted(second, 900)
    assert second.evaluate(f"[...{LEARNED}.y]") == page.evaluate(f"[...{LEARNED}.y]")
    pages.close(second)


def test_many_opened_and_closed_leave_nothing(notebook, page):
    book = notebook(
        "from comm import get_comm_manager\ncomms = lambda: len(get_comm_manager().comms)\n"
        "before = comms()\nplot = demo()",
        "plot.close(); plot = demo(); plot",
        "1",
    )
    for _ in range(15):
        book.run_cell(2)
    page.wait_for_function("window.pplPlots?.demo?.views === 1")
    assert page.locator(".ppl-plot").count() == 1
    run(book, 3, "plot.draw(*frame(400)); print(len(plot._pace._views), comms() - before)")
    wait_painted(page, 400)
    assert book.text(3) == "1 2"  # one view; the plot's own comm and its layout's
    assert run(book, 3, "plot.close(); print(comms() - before)") == "0"
    page.wait_for_function("!window.pplPlots.demo && !document.querySelector('.ppl-plot')")


def test_voila_shows_the_same(voila, page, shots):
    shutil.copy(Path(__file__).with_name("plot_demo.py"), voila.root)
    voila.render(page, voila.write("plot.ipynb", [SETUP, "plot = demo(step=900); plot"]))
    wait_painted(page, 900)
    wait_plotly(page, 4)
    assert is_like(page.evaluate(COLOUR_AT, ["posterior", 9.14, 0.665]), (0, 0, 0))
    shots(page, "voila")
