"""The flagship in a real JupyterLab: played, dragged, reloaded, run again, broken and mended."""

import re
import shutil
from pathlib import Path

import pytest

from panels import Panel

TUTORIAL = Path(__file__).parents[2] / "tutorials" / "00_start_here.ipynb"
CELL = "from ppl_widgets import ScalePanel\npanel = ScalePanel({})\npanel"
COUNT = """
import asyncio, comm, threading
while any("ppl" in task.get_name() for task in asyncio.all_tasks()):
    await asyncio.sleep(0.1)
print(len(comm.get_comm_manager().comms), threading.active_count())
"""


@pytest.fixture
def show(lab, page, request):
    """Open a notebook with one panel, made with the given arguments, and run it."""

    def shown(arguments: str = "", *cells: str):
        name = f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())}.ipynb"
        book = lab.open(page, lab.write(name, [CELL.format(arguments), *cells]))
        book.run_all()
        assert "Error" not in book.text(0), book.text(0)
        return book, Panel(page).wait()

    yield shown
    for session in lab.ask("api/sessions"):
        lab.ask(f"api/sessions/{session['id']}", "DELETE")


def test_the_start_notebook_from_the_first_look_to_the_learned_curve(lab, page, shots):
    shutil.copy(TUTORIAL, lab.root / "start.ipynb")
    book = lab.open(page, "start.ipynb")
    book.run_all()
    panel = Panel(page).wait()
    assert panel.exact_is(8.5, 9.5)
    assert panel.curve("learned").mean == pytest.approx(8.5, abs=1e-3)
    assert panel.step == 0  # nothing plays by itself
    panel.root.scroll_into_view_if_needed()
    shots(page, "first")

    panel.press("Play")
    panel.until(lambda: panel.step > 50, what="training")
    before = panel.step
    reading = panel.drag("measurement", 0.6, pauses=0.02)
    assert reading == pytest.approx(12.0, abs=0.3)
    panel.until(lambda: panel.exact_is(8.5, reading), 3.0, "the exact curve")
    assert float(panel.box("measurement").input_value()) == reading
    assert panel.step > before  # it trained on under the hand
    shots(page, "dragged")

    panel.slider("guess").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.exact_is(9.0, reading), 3.0, "the exact curve")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageDown")
    panel.until(lambda: panel.exact_is(9.0, reading), 3.0, "the exact curve")
    assert panel.slider("guess").input_value() == "9"

    def learned():
        if panel.button("Play").is_visible():  # a run may end while the sliders still move
            panel.press("Play")
        return panel.kl() < 0.02

    panel.until(learned, 60.0, "the learned curve")
    shots(page, "learned")


def test_every_tick_of_a_drag_is_a_whole_run(show, page, shots):
    _, panel = show("mode='trained'")
    assert panel.step == 2500
    assert panel.kl() < 0.02
    reading = panel.drag("measurement", 0.6, pauses=0.02)
    panel.until(lambda: panel.exact_is(8.5, reading), 3.0, "the exact curve")
    assert panel.curve("learned").t == panel.curve("exact").t  # both came in one frame
    assert panel.kl() < 0.02
    assert panel.step == 2500
    shots(page, "trained")
    panel.root.get_by_role("combobox", name="training").select_option("watch it learn")
    panel.until(lambda: panel.step == 0, what="the start of a run to be watched")


def test_a_ring_on_a_curve_is_a_second_hand_on_its_slider(show, page, shots):
    _, panel = show()
    panel.pull("posterior.measurement", 60)
    panel.until(lambda: float(panel.slider("measurement").input_value()) > 10.0, what="the slider")
    reading = float(panel.slider("measurement").input_value())
    panel.until(lambda: panel.exact_is(8.5, reading), what="the exact curve")
    assert panel.curve("likelihood").mean == pytest.approx(reading, abs=0.01)
    shots(page, "pulled")


def test_a_locked_ring_stays(show, page):
    _, panel = show("lock=['guess']")
    panel.pull("posterior.guess", 60)
    panel.pull("posterior.measurement", 60)
    panel.until(lambda: float(panel.slider("measurement").input_value()) > 10.0, what="the slider")
    assert panel.slider("guess").input_value() == "8.5"


def test_a_reply_by_keyboard_and_then_the_answer(show, page, shots):
    _, panel = show("predict=True")
    painted = "window.pplPlots.weighing.series['posterior.exact'].x.length"
    assert page.evaluate(painted) == 0
    panel.slider("posterior mean").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said = panel.root.get_by_text("You said 9.40 kg. Exact 9.14 kg: 0.26 kg off.")
    said.first.wait_for()
    panel.until(lambda: panel.exact_is(8.5, 9.5), 3.0, "the exact curve")
    shots(page, "revealed")
    panel.press("Predict again")
    panel.until(lambda: page.evaluate(painted) == 0, 3.0, "hiding")


def test_pause_step_back_and_both_kinds_of_noise(show, page, shots):
    _, panel = show("num_steps=5000")
    panel.press("Play")
    panel.until(lambda: panel.step > 100)
    panel.press("Pause")
    panel.button("Play").wait_for()
    page.wait_for_timeout(300)
    paused = panel.step
    page.wait_for_timeout(300)
    assert panel.step == paused

    panel.press("Step")
    panel.until(lambda: panel.step == paused + 1)
    panel.press("Step 100")
    panel.until(lambda: panel.step == paused + 101)
    panel.press("Back 50")
    panel.until(lambda: paused + 30 <= panel.step <= paused + 51)

    panel.press("Same noise")
    panel.until(lambda: panel.step == 0)
    panel.press("Step 100")
    panel.until(lambda: panel.step == 100)
    first = panel.curve("learned")
    panel.press("Same noise")
    panel.until(lambda: panel.step == 0)
    panel.press("Step 100")
    panel.until(lambda: panel.step == 100)
    assert panel.curve("learned").mean == first.mean
    panel.press("New noise")
    panel.until(lambda: "seed 102" in panel.root.inner_text())
    panel.press("Step 100")
    panel.until(lambda: panel.step == 100)
    assert panel.curve("learned").mean != first.mean
    shots(page, "after")


def test_bad_text_in_a_box_is_told_and_put_back(show, page, shots):
    _, panel = show()
    box = panel.box("measurement")
    box.fill("abc")
    box.press("Enter")
    panel.until(lambda: "'abc' is not a number" in panel.message, what="the message")
    assert panel.message == "measurement: 'abc' is not a number. Give one from 0 to 20."
    assert box.input_value() == "9.5"
    assert box.get_attribute("aria-invalid") == "true"
    shots(page, "told")
    box.fill("10,5")
    box.press("Enter")
    panel.until(lambda: panel.exact_is(8.5, 10.5), what="the exact curve")
    panel.until(lambda: panel.message == "")
    assert panel.slider("measurement").input_value() == "10.5"
    box.press("ArrowUp")
    panel.until(lambda: panel.exact_is(8.5, 10.6), what="the exact curve")
    box.fill("7")
    box.press("Escape")
    assert box.input_value() == "10.6"


def test_everything_by_keyboard(show, page):
    book, panel = show()
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    panel.slider("guess").focus()
    page.keyboard.press("Home")
    panel.until(lambda: panel.exact_is(0.0, 9.5))
    page.keyboard.press("End")
    panel.until(lambda: panel.exact_is(20.0, 9.5))
    for letter in "abdm0":  # Lab's command keys must not get at the notebook from here
        page.keyboard.press(letter)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    names = []
    for _ in range(10):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "document.activeElement.getAttribute('aria-label')"
                " ?? document.activeElement.labels?.[0]?.textContent"
                " ?? document.activeElement.textContent"
            )
        )
    assert names[:9] == [
        "guess, number", "measurement", "measurement, number",
        "training", "Play", "Step", "Step 100", "Same noise", "New noise",
    ]  # fmt: skip
    panel.button("Play").focus()
    page.keyboard.press("Space")
    panel.until(lambda: panel.step > 0)
    page.keyboard.press("Enter")
    panel.button("Play").wait_for()
    drawer = panel.root.get_by_text("noise · prior · optimiser")
    drawer.focus()
    page.keyboard.press("Enter")
    panel.slider("learning rate").wait_for()
    panel.slider("learning rate").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.box("learning rate").input_value() == "0.00316")
    panel.root.get_by_label("optimiser").select_option("Adam")
    panel.root.get_by_text("Copy state").click()
    line = panel.root.get_by_label("one line of Python that rebuilds this panel")
    panel.until(lambda: "optimiser='Adam'" in line.input_value())
    assert line.input_value().startswith("ScalePanel(guess=20.0, lr=0.00316")
    book.set_cell(0, "from ppl_widgets import ScalePanel\n" + line.input_value())
    book.run_cell(0)
    panel = Panel(page).wait()
    panel.until(lambda: panel.slider("guess").input_value() == "20")


def test_controls_have_names_and_room(show):
    _, panel = show()
    for details in panel.root.locator("details").all():
        details.evaluate("(one) => { one.open = true; }")
    targets = panel.root.locator(
        ".ppl-desk-face :is(input, select, button), .ppl-desk-drawers :is(input, select, summary)"
    )
    for target in targets.all():
        if not target.is_visible():
            continue
        size = target.bounding_box()
        assert size["height"] >= 24, target.evaluate("(one) => one.outerHTML")
        assert size["width"] >= 24
    assert panel.root.get_by_role("slider").count() == 7
    assert panel.root.get_by_role("alert").count() == 1
    outline = panel.slider("guess").evaluate(
        "(one) => { one.focus({ focusVisible: true }); return getComputedStyle(one).outlineStyle; }"
    )
    assert outline == "solid"


def test_running_the_cell_again_closes_the_panel_it_replaces(show, page):
    book, panel = show("num_steps=100_000", COUNT)

    def played_and_run_again(times: int) -> str:
        panel.press("Play")
        panel.until(lambda: panel.step > 0)
        for _ in range(times):
            book.run_cell(0)
        panel.wait().until(lambda: panel.step == 0)
        assert page.locator(".ppl-panel").count() == 1
        book.run_cell(1)
        return book.text(1)  # comms and threads

    assert played_and_run_again(1) == played_and_run_again(3)
    panel.press("Play")  # and the new one lives
    panel.until(lambda: panel.step > 0)
    assert panel.exact_is(8.5, 9.5)
    panel.drag("guess", 0.5)
    panel.until(lambda: panel.exact_is(10.0, 9.5), what="the exact curve")


def test_a_reloaded_page_shows_the_panel_as_it_was(show, page, shots):
    book, panel = show()
    panel.box("guess").fill("7.3")
    panel.box("guess").press("Enter")
    panel.press("Step 100")
    panel.until(lambda: panel.step == 100)
    learned = panel.curve("learned")
    book.command("docmanager:save")
    page.wait_for_timeout(500)
    page.goto(page.url.replace("?reset", "").replace("&reset", ""))
    book.wait_idle()
    panel = Panel(page).wait()
    assert panel.step == 100
    assert panel.slider("guess").input_value() == "7.3"
    assert panel.box("guess").input_value() == "7.3"
    assert panel.exact_is(7.3, 9.5)
    assert panel.curve("learned").mean == pytest.approx(learned.mean, abs=1e-5)
    panel.press("Play")
    panel.until(lambda: panel.step > 101)
    shots(page, "reloaded")


def test_interrupt_and_restart_leave_nothing_odd(lab, show, page):
    book, panel = show("num_steps=100_000", "import asyncio\nawait asyncio.sleep(0)")
    panel.press("Play")
    panel.until(lambda: panel.step > 0)
    kernel = lab.ask("api/kernels")[0]["id"]
    book.set_cell(1, "await asyncio.sleep(60)")
    page.evaluate(
        """() => {
            window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
            window.jupyterapp.commands.execute('notebook:run-cell');  // and do not wait for it
        }"""
    )
    page.wait_for_timeout(1000)
    lab.ask(f"api/kernels/{kernel}/interrupt", "POST")
    book.wait_idle()
    step = panel.step
    panel.until(lambda: panel.step > step, what="training after the interrupt")
    panel.press("Pause")
    panel.button("Play").wait_for()

    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    book.run_cell(0)
    panel.wait().until(lambda: panel.step == 0)
    assert page.locator(".ppl-panel").count() == 1
    panel.press("Step")
    panel.until(lambda: panel.step == 1)
    restarted = "Connection lost, reconnecting"  # Lab's remark on the restart
    page.problems[:] = [problem for problem in page.problems if restarted not in problem]


def test_two_views_of_a_panel_agree(show, page):
    _, panel = show("", "panel")
    other = Panel(page, 1)
    other.root.locator(".ppl-desk-face").wait_for()
    panel.slider("guess").focus()
    page.keyboard.press("ArrowLeft")
    panel.until(lambda: other.slider("guess").input_value() == "8.4")
    assert other.box("guess").input_value() == "8.4"
    other.press("Step")
    panel.until(lambda: (panel.step, other.step) == (1, 1))


def test_a_blow_up_is_told_and_can_be_taken_back(show, page, shots):
    _, panel = show("lr=0.001")
    panel.press("Step 100")
    panel.until(lambda: panel.step == 100)
    panel.root.get_by_text("noise · prior · optimiser").click()
    panel.box("learning rate").fill("100")
    panel.box("learning rate").press("Enter")
    panel.press("Play")
    panel.until(lambda: "go back 50 steps" in panel.message, what="the message")
    shots(page, "blown-up")
    panel.box("learning rate").fill("0.001")
    panel.box("learning rate").press("Enter")
    panel.press("Back 50")
    panel.until(lambda: panel.step < 100 and panel.message == "")
    panel.press("Play")
    panel.until(lambda: panel.step > 150)


def test_a_program_that_raises_in_a_live_run_leaves_the_sliders_alive(show, page, shots):
    program = """
import torch, ppl_core as ppl, ppl_core.distributions as dist
from ppl_core.distributions import constraints
runs = []
def scale(guess):
    runs.append(1)
    print("run", len(runs))
    if len(runs) > 40:
        raise ValueError("the spring broke")
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))
def guide(guess):
    a = ppl.param("a", torch.tensor(float(guess)))
    b = ppl.param("b", torch.tensor(1.0), constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))
panel.bind(scale, guide)
"""
    book, panel = show("", program)
    panel.press("Play")
    panel.until(lambda: "the spring broke" in panel.message, what="the message")
    shots(page, "raised")
    assert "run 41" in panel.root.inner_text()  # what it printed stands in the panel
    assert "run 41" not in book.text(1)
    panel.drag("measurement", 0.55)
    panel.until(lambda: panel.box("measurement").input_value() in ("11.0", "10.9", "11.1"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_looks_right(show, page, shots, dark):
    book, panel = show()
    panel.press("Step 100")
    panel.until(lambda: panel.step == 100)
    book.dark(dark)
    page.wait_for_timeout(800)
    panel.root.scroll_into_view_if_needed()
    shots(page, "1280")
    face, plot = panel.root.locator(".ppl-desk-face"), panel.root.locator(".ppl-view")
    assert face.bounding_box()["x"] + 200 < plot.bounding_box()["x"]  # side by side
    page.set_viewport_size({"width": 700, "height": 1100})
    page.wait_for_timeout(800)
    assert face.bounding_box()["y"] + 80 < plot.bounding_box()["y"]  # one column
    below = panel.root.locator(".ppl-desk-drawers").bounding_box()["y"]
    assert plot.bounding_box()["y"] < below
    width = panel.root.evaluate("(one) => [one.scrollWidth, one.clientWidth]")
    assert width[0] <= width[1]  # nothing sticks out
    panel.root.scroll_into_view_if_needed()
    shots(page, "700")
    book.dark(False)
