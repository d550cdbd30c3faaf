"""The panels that draw in a real JupyterLab: looked at, moved by keyboard, played; in the dark."""

import re

import pytest

from panels import Panel

CELL = "from ppl_widgets import {0}\npanel = {0}()\npanel"
PANELS = {
    "ForwardPanel": ("forward", "guess"),
    "ConditionPanel": ("conditioning", "window"),
    "LookPanel": ("looking", "value"),
    "ProposalPanel": ("proposing", "b, the guide's sd"),
}


class DrawPanel(Panel):
    """A panel whose status counts draws."""

    def wait_for(self, label: str) -> "DrawPanel":
        self.root.locator(".ppl-desk-face").wait_for(timeout=60_000)
        self.page.wait_for_function(f"window.pplPlots?.['{label}']?.drawn.length", timeout=60_000)
        return self

    @property
    def step(self) -> int:
        status = self.root.locator(".ppl-desk-status").text_content()
        return int(re.search(r"draw ([\d,]+)/", status)[1].replace(",", ""))

    @property
    def summary(self) -> str:
        return self.root.locator(".ppl-desk-summary").text_content()


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_that_draws(lab, page, shots, name):
    label, slider = PANELS[name]
    book = lab.open(page, lab.write(f"{label}.ipynb", [CELL.format(name)]))
    book.run_all()
    assert "Error" not in book.text(0), book.text(0)
    panel = DrawPanel(page).wait_for(label)
    page.wait_for_timeout(600)
    first = panel.step
    assert first >= 200  # its point is there, and nothing plays by itself
    panel.root.scroll_into_view_if_needed()
    shots(page, "light-1280")

    before = panel.summary
    panel.slider(slider).focus()
    page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.summary != before, what="the answer to a key")
    page.keyboard.press("ArrowLeft")
    panel.button("Play").focus()
    page.keyboard.press("Space")
    panel.until(lambda: panel.step > first + 50, what="draws")
    page.keyboard.press("Space")
    panel.button("Play").wait_for()
    shots(page, "played")

    for select in panel.root.locator(".ppl-desk-face select").all():  # each choice has its picture
        options, chosen = select.locator("option").all_text_contents(), select.input_value()
        others = [option for option in options if option != chosen and "full" not in options]
        for option in [*others, chosen] if others else []:
            said = panel.summary
            select.select_option(option)
            panel.until(lambda said=said: panel.summary != said, what=option)
            shots(page, option)

    book.dark(True)
    page.set_viewport_size({"width": 700, "height": 1100})
    page.wait_for_timeout(800)
    width = panel.root.evaluate("(one) => [one.scrollWidth, one.clientWidth]")
    assert width[0] <= width[1]  # nothing sticks out
    panel.root.scroll_into_view_if_needed()
    shots(page, "dark-700")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_timeout(600)
    shots(page, "dark-1280")
    book.dark(False)
    for session in lab.ask("api/sessions"):
        lab.ask(f"api/sessions/{session['id']}", "DELETE")
