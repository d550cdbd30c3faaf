"""`explore` in a real JupyterLab: a model of the user's own, its code, its cell run again."""

import re

from panels import Panel

IMPORTS = """import torch
import ppl_core as ppl, ppl_core.distributions as dist
from ppl_widgets import explore"""
MODEL = """def drifting(guess, shaky=False):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    draught = ppl.sample("draught", dist.Normal(0.0, 0.5))
    noise = 1.5 if shaky else 0.75
    return ppl.sample("reading", dist.Normal(weight + draught, noise))
model = ppl.condition(drifting, data={"reading": 9.5})"""


class Explored(Panel):
    """The panel of `explore`."""

    def wait(self) -> "Explored":
        self.root.locator(".ppl-desk-face").wait_for(timeout=60_000)
        self.page.wait_for_function("window.pplPlots?.exploring?.drawn.length", timeout=60_000)
        return self

    @property
    def status(self) -> int:
        """Steps or draws done; none while a chain warms up."""
        status = self.root.locator(".ppl-desk-status").text_content()
        found = re.search(r"(?:step|draw) ([\d,]+)/", status)
        return int(found[1].replace(",", "")) if found else 0

    @property
    def summary(self) -> str:
        return self.root.locator(".ppl-desk-summary").text_content()

    def tab(self, name: str):
        return self.root.get_by_role("tab", name=name, exact=True)

    def sheet(self):
        return self.root.locator(".ppl-sheet")


def test_any_model_on_a_panel(lab, page, shots):
    page.set_viewport_size({"width": 1280, "height": 1300})
    cells = [IMPORTS, MODEL, "panel = explore(model, None, (5.0, 12.0))\npanel"]
    book = lab.open(page, lab.write("explore.ipynb", cells))
    book.run_all()
    panel = Explored(page).wait()
    panel.until(lambda: "closed form" in panel.summary, what="the truth")
    panel.root.scroll_into_view_if_needed()
    shots(page, "light-1280")

    panel.button("Play").focus()
    page.keyboard.press("Space")
    panel.until(lambda: panel.status > 200, what="steps")
    before = panel.summary
    panel.slider("reading").focus()
    page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.summary != before, what="the answer to a key")

    line = panel.sheet().locator(".ppl-code button", has_text="draught = ")
    line.focus()
    page.keyboard.press("Enter")  # a line of code lights its row and its curve
    panel.until(lambda: panel.root.get_by_label("site", exact=True).input_value() == "draught")
    panel.sheet().locator("tr[data-mark]", has_text="draught").wait_for()
    panel.sheet().locator("li[aria-current]", has_text="draught = ").wait_for()
    shots(page, "draught")

    panel.tab("code and ledger").focus()
    page.keyboard.press("ArrowRight")
    panel.sheet().get_by_text("settled").wait_for()
    page.keyboard.press("ArrowRight")
    panel.sheet().locator("svg").wait_for()
    page.keyboard.press("ArrowRight")
    panel.sheet().get_by_text("no finding").wait_for()
    shots(page, "doctor")

    panel.root.get_by_label("inference", exact=True).select_option("NUTS")
    panel.until(lambda: panel.button("Play").or_(panel.button("Pause")).count() == 1)
    if panel.button("Play").count():
        panel.press("Play")
    panel.until(lambda: panel.status > 20, what="draws")
    shots(page, "nuts")

    book.set_cell(1, MODEL.replace("0.5))", "2.0))"))  # a wider draught, in the model's own cell
    book.run_cell(1)
    panel.until(lambda: "New program; same seed, same controls." in panel.summary)
    assert panel.root.get_by_label("inference", exact=True).input_value() == "NUTS"
    panel.until(lambda: "closed form" in panel.summary, what="the truth of the new model")

    book.set_cell(1, MODEL.replace("guess, 1.0", "guess, -1.0"))  # and one that fails
    book.run_cell(1)
    panel.until(lambda: "scale" in panel.message, what="one sentence")
    book.dark(True)
    shots(page, "dark-failed")
    book.set_cell(1, MODEL)
    book.run_cell(1)
    panel.until(lambda: panel.message == "", what="the mended model")
    panel.until(lambda: "closed form" in panel.summary, what="its truth")
    page.set_viewport_size({"width": 700, "height": 1500})
    page.wait_for_timeout(800)
    width = panel.root.evaluate("(one) => [one.scrollWidth, one.clientWidth]")
    assert width[0] <= width[1]  # nothing sticks out
    panel.root.scroll_into_view_if_needed()
    shots(page, "dark-700")
    book.dark(False)
    for session in lab.ask("api/sessions"):
        lab.ask(f"api/sessions/{session['id']}", "DELETE")
