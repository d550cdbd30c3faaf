"""The flagship as an app: the same panel on a Voila page."""

import pytest

from panels import Panel

CELL = "from ppl_widgets import ScalePanel\nScalePanel()"


@pytest.fixture
def panel(voila, page):
    voila.render(page, voila.write("scale.ipynb", [CELL]))
    return Panel(page).wait()


def test_the_panel_plays_and_answers_in_voila(panel, page, shots):
    assert panel.exact_is(8.5, 9.5)
    panel.press("Play")
    panel.until(lambda: panel.step > 50, what="training")
    reading = panel.drag("measurement", 0.55)
    panel.until(lambda: panel.exact_is(8.5, reading), 5.0, "the exact curve")
    panel.slider("guess").focus()
    page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.exact_is(8.6, reading), 5.0, "the exact curve")
    shots(page, "1280")
    panel.box("guess").fill("abc")
    panel.box("guess").press("Enter")
    panel.until(lambda: "'abc' is not a number" in panel.message)
    if panel.button("Pause").is_visible():
        panel.press("Pause")
    panel.button("Play").wait_for()
    panel.press("Same noise")
    panel.until(lambda: panel.step == 0)
    page.set_viewport_size({"width": 700, "height": 1100})
    page.wait_for_timeout(500)
    shots(page, "700")
