"""The live plot in a real page: what is painted, when, by whom asked, and what goes again."""

import shutil
from pathlib import Path

import pytest

LEARNED = "window.pplPlots?.demo?.series['p.learned']"
PLOTLY = "document.querySelectorAll('.ppl-plotly > .plot-container').length"
SETUP = "from plot_demo import *\nimport asyncio, time"


@pytest.fixture
def notebook(lab, page, request):
    """Open a notebook whose first cell imports the demo; the second and later are free."""
    shutil.copy(Path(__file__).with_name("plot_demo.py"), lab.root)

    def opened(*cells):
        name = f"{request.node.name}.ipynb"
        book = lab.open(page, lab.write(name, [SETUP, *cells]))
        book.run_all()
        return book

    yield opened
    for session in lab.ask("api/sessions"):
        lab.ask(f"api/sessions/{session['id']}", "DELETE")


@pytest.fixture(scope="module")
def opened_once(lab, pages):
    page = pages.open()
    shutil.copy(Path(__file__).with_name("plot_demo.py"), lab.root)
    source = "plot = demo(step=900); plot.draw({}, {'alt:posterior': 'Four densities'}); plot"
    book = lab.open(page, lab.write("shown.ipynb", [SETUP, source]))
    book.run_all()
    wait_plotly(page)
    yield book
    pages.close(page)


@pytest.fixture
def shown(opened_once, pages):
    """A notebook with a plot after 900 steps, opened once for the tests that only look at it."""
    page = opened_once.page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.mouse.move(5, 5)
    yield opened_once
    pages.check(page)


def painted_steps(page, view=0):
    """The step in the caption under the main plot of a view."""
    return page.locator(".ppl-main .ppl-caption").nth(view).inner_text()


def wait_painted(page, step, view=0):
    page.wait_for_function(
        """([text, view]) => document.querySelectorAll('.ppl-main .ppl-caption')[view]
            ?.textContent === text""",
        arg=[f"after {step} steps", view],
    )


def colour_at(page, name, x, y):
    """The canvas's colour, [r, g, b, a], at a place in the plot's own units."""
    return page.evaluate(
        """([name, x, y]) => {
            const box = [...document.querySelectorAll('.ppl-fig')]
                .find((one) => one.querySelector('.ppl-fig-name').textContent === name);
            const { xaxis, yaxis } = box.querySelector('.ppl-plotly')._fullLayout;
            const canvas = box.querySelector('canvas');
            const [left, top] = [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
            const ratio = canvas.width / canvas.clientWidth;
            const dot = new OffscreenCanvas(1, 1).getContext('2d');
            dot.drawImage(canvas, -Math.floor(left * ratio), -Math.floor(top * ratio));
            return [...dot.getImageData(0, 0, 1, 1).data];
        }""",
        [name, x, y],
    )


def close_to(colour, wanted, within=40):
    return colour[3] > 200 and all(
        abs(c - w) < within for c, w in zip(colour, wanted, strict=False)
    )


def wait_plotly(page, plots=4):
    page.wait_for_function(f"{PLOTLY} >= {plots}")
    page.wait_for_timeout(100)


def test_frames_reach_the_page_and_are_acknowledged(notebook, page, shots):
    big = []
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived", lambda data: len(data) > 500_000 and big.append(len(data))
        ),
    )
    book = notebook(
        "plot = demo(step=100); plot",
        "other = demo('other'); other",
        "1",
        "1",
    )
    wait_painted(page, 100)
    book.set_cell(3, "print(plot.draw(*frame(900)))")
    book.run_cell(3)
    assert book.text(3) == "True"
    wait_painted(page, 900)
    book.set_cell(4, "print(plot.seen, plot.unseen_for, plot._pace._views, plot._pace.sent)")
    book.run_cell(4)
    assert book.text(4).startswith("True 0.0")
    peak = page.evaluate(f"{LEARNED}.y.reduce((a, b) => Math.max(a, b))")
    assert 0.5 < peak < 0.7
    wait_plotly(page, 8)
    assert page.locator(".ppl-status").first.inner_text() == "seed 101 · step 900/2,500"
    assert close_to(colour_at(page, "posterior", 9.14, 0.665), (0, 0, 0))
    assert 1_000_000 < sum(big) < 2_000_000, "plotly.js came once for both widgets, compressed"
    shots(page, "light-1280")


def test_a_shown_again_plot_is_not_frozen(notebook, page):
    book = notebook("plot = demo(step=10)", "plot", "plot", "plot.draw(*frame(500))")
    wait_painted(page, 500, 0)
    wait_painted(page, 500, 1)
    assert page.evaluate("window.pplPlots.demo.views") == 2
    book.run_cell(2)  # shows it anew: the old view goes
    book.set_cell(4, "plot.draw(*frame(700))")
    book.run_cell(4)
    wait_painted(page, 700, 0)
    wait_painted(page, 700, 1)
    book.set_cell(2, "'no plot here'")
    book.run_cell(2)
    page.wait_for_function("window.pplPlots.demo.views === 1")
    book.set_cell(4, "print(plot.draw(*frame(800)), plot.seen)")
    book.run_cell(4)
    wait_painted(page, 800, 0)
    assert book.text(4) == "True True"


def test_a_reloaded_page_shows_the_newest_state(notebook, page):
    book = notebook("plot = demo(step=10); plot", "plot.draw(*frame(500))")
    wait_painted(page, 500)
    before = page.evaluate(f"[...{LEARNED}.y]")
    book.command("docmanager:save")
    page.reload()
    page.wait_for_selector(".ppl-plot")
    wait_painted(page, 500)
    assert page.evaluate(f"[...{LEARNED}.y]") == before
    book.wait_idle()
    book.set_cell(2, "plot.draw(*frame(900))")
    book.run_cell(2)
    wait_painted(page, 900)


def test_two_pages_agree(notebook, page, lab, pages):
    book = notebook("plot = demo(step=10); plot", "plot.draw(*frame(500))")
    wait_painted(page, 500)
    book.command("docmanager:save")
    second = pages.open()
    second.goto(page.url.split("?")[0] + f"?token={lab.token}")
    wait_painted(second, 500)
    book.set_cell(2, "plot.draw(*frame(900))")
    book.run_cell(2)
    wait_painted(page, 900)
    wait_painted(second, 900)
    assert second.evaluate(f"[...{LEARNED}.y]") == page.evaluate(f"[...{LEARNED}.y]")
    pages.close(second)


def test_a_busy_page_is_not_flooded(notebook, page):
    book = notebook("plot = demo(); plot", "1")
    wait_painted(page, 0)
    wait_plotly(page)
    book.set_cell(
        2,
        "log = []\n"
        "async def feed():\n"
        "    for step in range(1, 301):\n"
        "        plot.draw(*frame(step)); log.append((time.monotonic(), plot.frames))\n"
        "        await asyncio.sleep(.01)\n"
        "task = asyncio.create_task(feed())",
    )
    book.run_cell(2)
    page.wait_for_timeout(500)
    page.evaluate(
        "() => { const end = performance.now() + 1500; while (performance.now() < end); }"
    )
    wait_painted(page, 300)  # the last state has arrived
    book.set_cell(
        2,
        "calm = min(b[1] - a[1] for a in log for b in log if 1.1 <= b[0] - a[0] < 1.3)\n"
        "print(calm, log[-1][1])",
    )
    book.run_cell(2)
    calm, sent = map(int, book.text(2).split())
    assert calm <= 2, f"{calm} frames were sent while the page painted nothing"
    assert sent >= 10


def test_a_hidden_page_gets_nothing_and_catches_up(notebook, page):
    book = notebook("plot = demo(); plot", "1")
    wait_painted(page, 0)
    visibility = """(state) => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(visibility, "hidden")
    book.set_cell(
        2, "time.sleep(.3); print(plot.seen, plot.draw(*frame(500)), plot.draw(*frame(600)))"
    )
    book.run_cell(2)
    assert book.text(2) == "False False False"
    assert painted_steps(page) == "after 0 steps"
    page.evaluate(visibility, "visible")
    wait_painted(page, 600)


def test_a_plot_out_of_sight_gets_nothing_and_catches_up(notebook, page):
    book = notebook("plot = demo(); plot", "1")
    wait_painted(page, 0)
    page.evaluate("document.querySelector('.ppl-plot').parentElement.style.display = 'none'")
    book.set_cell(2, "time.sleep(.3); print(plot.seen, plot.draw(*frame(500)))")
    book.run_cell(2)
    assert book.text(2) == "False False"
    page.evaluate("document.querySelector('.ppl-plot').parentElement.style.display = ''")
    wait_painted(page, 500)


def test_closing_takes_the_views_away(notebook, page):
    book = notebook(
        "from comm import get_comm_manager\nbefore = len(get_comm_manager().comms)",
        "plot = demo(); plot",
        "1",
    )
    wait_painted(page, 0)
    book.set_cell(3, "plot.close(); print(len(get_comm_manager().comms) - before)")
    book.run_cell(3)
    page.wait_for_function("!window.pplPlots.demo && !document.querySelector('.ppl-plot')")
    assert book.text(3) == "0"


def test_the_dark_theme_changes_every_colour(shown, shots):
    book, page = shown, shown.page
    assert close_to(colour_at(page, "posterior", 9.14, 0.665), (0, 0, 0))
    book.dark()
    try:
        page.wait_for_selector(".ppl-plot[data-shade=dark]")
        page.wait_for_timeout(700)
        assert close_to(colour_at(page, "posterior", 9.14, 0.665), (255, 255, 255))
        tick = page.locator(".ppl-plotly .xtick text").first
        assert tick.evaluate("(text) => getComputedStyle(text).fill") == "rgb(176, 176, 176)"
        shots(page, "dark-1280")
    finally:
        book.dark(False)
        page.wait_for_selector(".ppl-plot[data-shade=light]")


def test_a_narrow_page_has_tabs_that_keys_can_turn(shown, shots):
    page = shown.page
    plot = page.locator(".ppl-plot")
    tabs = plot.get_by_role("tab")
    assert not tabs.first.is_visible()
    page.set_viewport_size({"width": 700, "height": 900})
    tabs.first.wait_for()
    assert tabs.all_inner_texts() == ["loss", "a", "b"]
    assert plot.get_by_role("tabpanel").count() == 1
    assert all(tab.bounding_box()["height"] >= 24 for tab in tabs.all())
    tabs.first.focus()
    for key, name in (
        ("ArrowRight", "a"),
        ("End", "b"),
        ("ArrowRight", "loss"),
        ("ArrowLeft", "b"),
    ):
        page.keyboard.press(key)
        chosen = plot.get_by_role("tab", selected=True)
        assert chosen.inner_text() == name
        assert chosen.evaluate("(tab) => tab === document.activeElement")
        assert plot.get_by_role("tabpanel", name=name).is_visible()
    main, side = (page.locator(f".{part} .ppl-stage:visible") for part in ("ppl-main", "ppl-side"))
    assert main.bounding_box()["width"] / main.bounding_box()["height"] == pytest.approx(
        16 / 9, 0.02
    )
    assert side.count() == 1
    wait_plotly(page)
    shots(page, "light-700")
    assert plot.evaluate("(root) => root.scrollWidth - root.clientWidth") <= 0


def test_the_canvas_follows_zoom_and_keys(shown, shots):
    page = shown.page
    stage = page.locator(".ppl-main .ppl-stage")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 450, box["y"] + 250, steps=6)
    page.mouse.up()
    ends = "document.querySelector('.ppl-main .ppl-plotly')._fullLayout.xaxis.range"
    page.wait_for_function(f"{ends}[0] > 5.5")
    page.wait_for_timeout(200)
    zoomed = page.evaluate(ends)
    assert close_to(colour_at(page, "posterior", 9.14, 0.665), (0, 0, 0))
    shots(page, "zoomed")
    stage.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{ends}[0] > {zoomed[0]} + .01")
    page.wait_for_timeout(200)
    assert close_to(colour_at(page, "posterior", 9.14, 0.665), (0, 0, 0))
    page.keyboard.press("0")
    page.wait_for_function(f"{ends}[0] === 5 && {ends}[1] === 13")


def test_the_pointer_reads_the_curves(shown, shots):
    page = shown.page
    stage = page.locator(".ppl-main .ppl-stage")
    before = page.evaluate("document.querySelector('.ppl-main canvas').toDataURL()")
    stage.hover(position={"x": 300, "y": 120})
    page.wait_for_function(
        "(before) => document.querySelector('.ppl-main canvas').toDataURL() !== before", arg=before
    )
    shots(stage, "readout")
    page.mouse.move(5, 5)
    page.wait_for_function(
        "(before) => document.querySelector('.ppl-main canvas').toDataURL() === before", arg=before
    )


def test_a_screen_reader_has_names_and_words(shown):
    page = shown.page
    picture = page.locator(".ppl-main canvas")
    assert picture.get_attribute("role") == "img"
    assert picture.get_attribute("aria-label") == "posterior. Four densities. after 900 steps"
    live = page.locator(".ppl-plot [aria-live=polite]")
    assert live.inner_text().startswith("Learned N(")


def test_a_page_with_amd_and_a_plotly_of_its_own_disturbs_nothing(notebook, page):
    # JupyterLab itself does not live with AMD, so it comes with the first plot, before plotly.
    page.add_init_script(
        """let plots;
        window.Plotly = { version: '0.0.0' };
        Object.defineProperty(window, 'pplPlots', {
            get: () => plots,
            set(value) {
                plots = value;
                window.define = Object.assign(() => { window.swallowed = true; }, { amd: {} });
            },
        });"""
    )
    notebook("plot = demo(step=900); plot")
    wait_plotly(page)
    assert page.evaluate("typeof window.define.amd") == "object"
    assert page.evaluate("[window.swallowed, window.Plotly.version]") == [None, "0.0.0"]


def test_figures_may_be_replaced_while_the_zoom_stays(notebook, page):
    book = notebook("plot = demo(step=900); plot", "1")
    wait_plotly(page)
    book.set_cell(
        2,
        "wider = figures()['posterior']\n"
        "wider['layout']['title']['text'] = 'wider'\n"
        "wider['layout']['xaxis']['range'] = [4, 14]\n"
        "plot.draw(frame(900)[0], figures={'posterior': wider})",
    )
    book.run_cell(2)
    page.wait_for_function(
        "document.querySelector('.ppl-main .ppl-plotly')._fullLayout.xaxis.range[0] === 4"
    )
    assert page.locator(".ppl-main .ppl-fig-name").inner_text() == "wider"
    page.wait_for_timeout(200)
    assert close_to(colour_at(page, "wider", 9.14, 0.665), (0, 0, 0))


def test_many_opened_and_closed_leave_nothing_in_the_page(notebook, page):
    book = notebook("plot = demo(); plot", "1")
    wait_painted(page, 0)
    book.set_cell(1, "plot.close(); plot = demo(); plot")
    for _ in range(15):
        book.run_cell(1)
    page.wait_for_function("window.pplPlots?.demo?.views === 1")
    assert page.locator(".ppl-plot").count() == 1
    book.set_cell(2, "plot.draw(*frame(400)); print(len(plot._pace._views))")
    book.run_cell(2)
    wait_painted(page, 400)
    assert book.text(2) == "1"


def test_voila_shows_the_same(voila, page, shots):
    shutil.copy(Path(__file__).with_name("plot_demo.py"), voila.root)
    voila.render(page, voila.write("plot.ipynb", [SETUP, "plot = demo(step=900); plot"]))
    wait_painted(page, 900)
    wait_plotly(page)
    assert close_to(colour_at(page, "posterior", 9.14, 0.665), (0, 0, 0))
    shots(page, "voila")
