"""Exported pages in a real browser with the network off: opened, moved by keyboard, looked at."""

import re

import nbformat
import pytest

import ppl_widgets
import ppl_widgets.export.site as site
from ppl_widgets import ForwardPanel, ScalePanel
from ppl_widgets.drawing import Drawing
from ppl_widgets.export import fragment, page_data, recorded
from ppl_widgets.export.outputs import page_of
from ppl_widgets.export.page import document, script, style
from ppl_widgets.scenarios import FORWARD, racing
from ppl_widgets.session import Session
from ppl_widgets.views import forward

SEEN = "() => window.pplPlots?.['{0}']?.drawn.length"
LEARNED = """() => {
    const { x } = window.pplPlots.weighing.series['posterior.learned'];
    return [x[80], (x[160] - x[0]) / 10];
}"""


OPENED = """async () => {
    const until = async (true_) => {
        for (let n = 0; n < 200 && !true_(); n++) await new Promise((wait) => setTimeout(wait, 50));
        return true_();
    };
    const seen = [];
    for (const host of document.querySelectorAll('.ppl-export')) {
        const frames = () => window.pplPlots?.[host.page?.data.label]?.frames;
        host.scrollIntoView();
        await until(() => frames() > 0);
        const before = frames();
        for (const name of ['step', 'back']) host.querySelector(`[data-name=${name}]`)?.click();
        seen.push(await until(() => frames() > before));
    }
    return seen;
}"""


@pytest.fixture
def alone(page):
    """A page without a network, which notes what it asks for."""
    page.context.set_offline(True)
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    far = [url for url in page.asked if not re.match("file:|data:|blob:", url)]
    assert not far


def show(page, path, label):
    page.goto(path.as_uri())
    page.wait_for_function(SEEN.format(label))
    page.wait_for_timeout(600)


def text(page, name):
    return page.locator(f".ppl-{name}").first.text_content()


def until(page, name, pattern):
    page.wait_for_function(
        "([name, pattern]) => document.querySelector(name).textContent.match(pattern)",
        arg=[f".ppl-{name}", pattern],
        timeout=20_000,
    )


def test_the_scale_trains_in_the_page_when_its_slider_moves(alone, tmp_path, shots):
    panel = ScalePanel()
    show(alone, panel.save_html(tmp_path / "scale.html"), "weighing")
    panel.close()
    assert re.match(r"Trained in this page: 2,500 steps in [\d.]+ ms", text(alone, "export-note"))
    assert text(alone, "desk-status") == "seed 101 · step 0/2,500"
    until(alone, "desk-summary", "^Ready")
    shots(alone, "light-1280")

    slider = alone.get_by_role("slider", name="measurement")
    slider.focus()
    for _ in range(3):
        alone.keyboard.press("ArrowRight")
    until(alone, "desk-status", "step 2,500/2,500")
    alone.wait_for_timeout(300)
    session = Session(measurement=9.8)
    session.run(2500)
    learned = [session.learned.mean, session.learned.sd]
    assert alone.evaluate(LEARNED) == pytest.approx(learned, rel=1e-5)
    assert text(alone, "desk-summary") == session.summary()
    alone.wait_for_function("window.pplPlots.weighing.series['loss.expected'].x.length > 10")
    shots(alone, "moved")

    alone.get_by_role("button", name="Play").focus()
    alone.keyboard.press("Space")
    until(alone, "desk-status", r"step \d{2,3}/2,500")
    alone.keyboard.press("Space")
    until(alone, "desk-summary", "^Paused")
    box = alone.get_by_role("textbox", name="measurement, number")
    box.fill("50")
    box.press("Enter")
    until(alone, "desk-message", "50 is out of range")
    assert box.input_value() == "9.8"

    alone.emulate_media(color_scheme="dark")
    alone.set_viewport_size({"width": 700, "height": 1100})
    alone.wait_for_timeout(600)
    assert alone.evaluate("document.body.dataset.jpThemeLight") == "false"
    assert alone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shots(alone, "dark-700")


def test_a_page_draws_anew_what_the_kernel_would_draw(alone, tmp_path, shots):
    panel = ForwardPanel()
    show(alone, panel.save_html(tmp_path / "forward.html"), "forward")
    panel.close()
    assert re.match(r"Drawn in this page: 1,000 draws in [\d.]+ ms", text(alone, "export-note"))
    drawing = Drawing(FORWARD)
    for name, keys in (("guess", 4), ("noise sd", 2)):
        slider = alone.get_by_role("slider", name=name)
        slider.focus()
        for _ in range(keys):
            alone.keyboard.press("ArrowRight")
        drawing.set(name.replace(" ", "_"), float(slider.input_value()))
        summary = drawing.summary().partition("Ready. ")[2]
        until(alone, "desk-summary", re.escape(summary))
        found = alone.evaluate("document.querySelector('.ppl-export').page.mind.draws")
        for name in ("weight", "measurement"):
            assert found[name] == pytest.approx(drawing.draws[name], rel=1e-5)
        alone.wait_for_function(
            "x => Math.abs(pplPlots.forward.series['weight.newest'].x[0] - x) < 1e-4",
            arg=float(drawing.draws["weight"][-1]),
        )
    drawn = alone.evaluate("pplPlots.forward.series['measurement.exact']")
    x, y = forward.frame(drawing)["measurement.exact"]
    assert drawn["x"] == pytest.approx(x, rel=1e-5)
    assert drawn["y"] == pytest.approx(y, rel=1e-5, abs=1e-6)
    alone.get_by_role("button", name="Play").click()
    until(alone, "desk-status", r"draw 5,000/5,000")
    shots(alone, "drawn")


def test_every_panel_opens_on_one_page(alone, tmp_path, monkeypatch):
    """Each with its run in two frames and one setting; the digits' trains for too long."""
    monkeypatch.setattr(recorded, "FRAMES", 2)
    monkeypatch.setattr(racing, "FEW", racing.GROUP)
    names = [name for name in ppl_widgets.__all__ if name.endswith("Panel")]
    names = [name for name in names if name not in ("LivePanel", "ExplorePanel", "VAEPanel")]
    fragments = []
    for name in names:
        panel = getattr(ppl_widgets, name)()
        first = next(row["name"] for row in panel._desk.rows if row["place"] == "face")
        usual = {first: [panel.session.controls[first]]}
        data = page_data(panel.session, panel._figures, panel._desk, usual=usual)
        fragments.append(fragment(data))
        panel.close()
    head = [f"<style>{style()}</style>"]
    body = f"<main>{''.join(fragments)}</main><script>{script()}</script>"
    path = tmp_path / "all.html"
    path.write_text(document("All", body, head), encoding="utf-8")
    alone.goto(path.as_uri())
    opened = alone.evaluate(OPENED)
    assert len(opened) == len(names)
    assert all(opened), dict(zip(names, opened, strict=True))


def test_a_precomputed_page_says_so_and_moves(alone, tmp_path, shots):
    panel = ForwardPanel()
    path = panel.save_html(tmp_path / "forward.html", guess=[8.0, 8.5, 9.0], noise_sd=[0.5, 0.75])
    panel.close()
    show(alone, path, "forward")
    assert text(alone, "export-note").startswith("Precomputed: 6 settings")
    before = text(alone, "desk-summary")
    slider = alone.get_by_role("slider", name="guess")
    slider.focus()
    alone.keyboard.press("ArrowRight")
    until(alone, "desk-summary", r"Exact N\(9\.00, 1\.25\)")
    assert slider.input_value() == "9"
    alone.get_by_role("button", name="Play").click()
    until(alone, "desk-message", "Recorded at other settings")
    alone.get_by_role("button", name="Recorded run").click()
    assert slider.input_value() == "8.5"
    assert text(alone, "desk-summary") == before
    alone.get_by_role("button", name="Play").click()
    until(alone, "desk-status", r"draw 5,000/5,000")
    alone.emulate_media(color_scheme="dark")
    alone.wait_for_timeout(400)
    shots(alone, "dark-1280")


def test_a_notebook_s_page_is_alive(alone, tmp_path, shots, monkeypatch):
    """What a kernel would have given is given here; tests/widgets/test_site.py asks a real one."""
    panel = ScalePanel(num_steps=100)
    shown = nbformat.v4.new_output("execute_result", {"text/html": page_of(panel)})
    panel.close()
    code = nbformat.v4.new_code_cell("ScalePanel(num_steps=100)", outputs=[shown])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A title"), code])
    nbformat.write(notebook, tmp_path / "01_one.ipynb")
    monkeypatch.setattr(site, "run", lambda path: nbformat.read(path, 4))
    site.main([str(tmp_path), str(tmp_path / "pages")])
    show(alone, tmp_path / "pages" / "01_one.html", "weighing")
    alone.get_by_role("slider", name="guess").press("ArrowRight")
    until(alone, "desk-status", "step 100/100")
    shots(alone, "page")
    alone.get_by_role("link", name="All notebooks").first.click()
    alone.get_by_role("link", name="A title").wait_for()
