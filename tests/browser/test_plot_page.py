"""The live plot's own script on a page without Jupyter: what it draws, says and leaves alone."""

import pytest

from browser.bare_page import BarePage, is_like
from browser.plot_demo import demo, figures, frame

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
PEAK = ("posterior", 9.14, 0.665)  # of the exact curve


@pytest.fixture
def plot():
    made = demo(step=900)
    yield made
    made.close()


@pytest.fixture
def bare(page, plot):
    shown = BarePage(page)
    shown.show(plot)
    return shown


def test_the_first_paint_does_not_wait_for_plotly(bare, shots):
    bare.page.wait_for_function("window.pplPlots?.demo?.frames > 0")
    assert not bare.page.evaluate("[...document.querySelectorAll('.main-svg')].length")
    box = bare.page.locator(".ppl-main canvas").bounding_box()
    picture = bare.page.evaluate(
        "document.querySelector('.ppl-main canvas').getContext('2d') && "
        "document.querySelector('.ppl-main canvas').toDataURL().length"
    )
    assert box["width"] > 500
    assert picture > 10_000
    shots(bare.page, "simple-axes")


def test_simple_axes_stand_where_plotly_will_put_its_own(bare):
    bare.page.wait_for_function("window.pplPlots?.demo?.frames > 0")
    places = """() => [...window.pplPlots.demo.store.views][0].panels.posterior.place().area"""
    before = bare.page.evaluate(places)
    bare.staged()
    assert bare.page.evaluate(places) == pytest.approx(before, abs=1)


def test_a_frame_is_acknowledged_only_after_it_is_painted(bare, plot):
    bare.painted(900)
    bare.staged()
    bare.pump()
    bare.page.evaluate(
        """() => {
            window.held = window.requestAnimationFrame;
            window.requestAnimationFrame = (paint) => { window.paint = paint; };
        }"""
    )
    assert plot.draw(*frame(1000)) is True
    bare.pump()
    bare.page.wait_for_timeout(300)
    assert bare.page.evaluate("window.said") == []
    assert bare.page.evaluate("window.pplPlots.demo.texts.posterior") == "after 900 steps"
    bare.page.evaluate("() => { window.requestAnimationFrame = window.held; window.paint(); }")
    bare.page.wait_for_function("window.said.length")
    said = bare.page.evaluate("window.said")
    assert [message["ack"] for message in said] == [plot.frames]
    assert bare.page.evaluate("window.pplPlots.demo.texts.posterior") == "after 1000 steps"


def test_a_lost_frame_is_noticed_and_the_whole_state_asked_for(bare, plot):
    bare.painted(900)
    plot.draw(*frame(1000))
    bare._sent.clear()  # lost on the way
    plot.draw(*frame(1100))
    bare.pump()
    assert {"want": "state"} in bare.page.evaluate("window.said")
    bare.painted(1100)


def test_a_hidden_page_gets_nothing_and_catches_up(bare, plot):
    bare.painted(900)
    visibility = """(state) => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    bare.page.evaluate(visibility, "hidden")
    bare.pump()
    assert not plot.seen
    assert plot.draw(*frame(1000)) is False
    bare.page.evaluate(visibility, "visible")
    bare.painted(1000)
    assert plot.seen


def test_a_plot_out_of_sight_gets_nothing_and_catches_up(bare, plot):
    bare.painted(900)
    bare.page.evaluate("document.getElementById('view').style.marginTop = '5000px'")
    bare.page.wait_for_function("window.said.some((message) => message.away)")
    bare.pump()
    assert not plot.seen
    assert plot.draw(*frame(1000)) is False
    bare.page.evaluate("document.getElementById('view').scrollIntoView()")
    bare.painted(1000)


def test_a_knock_is_answered_by_who_is_there(bare, plot):
    bare.painted(900)
    bare.page.evaluate("window.said.length = 0")
    plot.knock()
    bare.pump()
    assert [list(message) for message in bare.page.evaluate("window.said")] == [["here", "word"]]


def test_two_views_share_what_arrives(bare, plot):
    bare.painted(900)
    bare.page.evaluate(
        "window.show(document.body.appendChild(document.createElement('div')));"
        "document.getElementById('view').style.display = 'none'"
    )
    bare.pump()
    plot.draw(*frame(1000))
    bare.until(
        """() => document.querySelectorAll('.ppl-main .ppl-caption')[1]?.textContent
            === 'after 1000 steps'"""
    )
    assert bare.page.evaluate("window.pplPlots.demo.views") == 2


def test_what_goes_leaves_nothing_behind(bare, plot):
    bare.staged()
    bare.page.evaluate("window.away.splice(0).forEach((go) => go())")
    bare.pump()
    assert not plot.seen
    assert bare.page.evaluate("[window.pplPlots.demo, document.querySelector('.ppl-plot')]") == [
        None,
        None,
    ]
    assert plot.draw(*frame(1000)) is False
    bare.page.evaluate("document.body.className = 'theme-dark'; dispatchEvent(new Event('resize'))")
    bare.page.wait_for_timeout(600)  # nobody listens any more: a check of page.problems follows
    assert bare.page.evaluate("window.said") == []


def test_plotly_is_fetched_once_and_disturbs_nothing(bare, page):
    bare.page.evaluate(
        """() => {
            window.Plotly = { version: '0.0.0' };
            window.define = Object.assign(() => { window.swallowed = true; }, { amd: {} });
        }"""
    )
    bare.page.evaluate("window.show(document.body.appendChild(document.createElement('div')))")
    bare.staged()
    assert sum(message.get("want") == "plotly" for message in bare.heard) == 1
    assert page.evaluate("document.querySelectorAll('.ppl-plotly .xtick').length") > 8
    assert page.evaluate("[window.swallowed, window.Plotly.version]") == [None, "0.0.0"]


def test_a_plotly_of_the_right_version_is_used_as_it_is(bare, page, plot):
    bare.staged()
    page.evaluate(
        """async () => {
            const [version] = Object.keys(window.pplPlotly);
            window.Plotly = await window.pplPlotly[version];
            delete window.pplPlotly;
            document.body.append(document.createElement('div'));
            window.show(document.body.lastChild);
        }"""
    )
    bare.until("() => document.querySelectorAll('.ppl-plotly > .plot-container').length === 8")
    assert page.evaluate("window.pplPlotly") is None


def test_plotly_waits_for_a_hand_at_rest(bare, page):
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") + 1000)
    page.mouse.move(300, 300)
    page.mouse.down()
    for step in range(20):
        bare.pump()
        page.mouse.move(300 + 5 * step, 300)
        page.clock.run_for(80)  # of the page's time; this machine may take longer
    assert not page.evaluate("document.querySelectorAll('.main-svg').length")
    page.mouse.up()
    page.clock.resume()
    bare.staged()


def test_the_dark_theme_changes_every_colour(bare, page, shots):
    bare.staged()
    assert is_like(bare.colour_at(*PEAK), BLACK)
    shots(page, "light")
    page.evaluate(
        "document.body.style.background = '#111'; document.body.style.color = '#eee';"
        "document.body.dataset.jpThemeLight = 'false'"
    )
    page.wait_for_selector(".ppl-plot[data-shade=dark]")
    page.wait_for_timeout(700)
    assert is_like(bare.colour_at(*PEAK), WHITE)
    tick = page.locator(".ppl-plotly .xtick text").first
    assert tick.evaluate("(text) => getComputedStyle(text).fill") == "rgb(176, 176, 176)"
    shots(page, "dark")


def test_a_dark_page_that_says_nothing_is_seen_by_its_paper(bare, page):
    page.evaluate("document.body.style.background = '#222'")
    page.wait_for_selector(".ppl-plot[data-shade=dark]")


def test_a_narrow_page_has_tabs_that_keys_can_turn(bare, page, shots):
    bare.staged()
    plot = page.locator(".ppl-plot")
    tabs = plot.get_by_role("tab")
    assert not tabs.count()
    page.set_viewport_size({"width": 700, "height": 900})
    tabs.first.wait_for()
    assert tabs.all_inner_texts() == ["loss", "a", "b"]
    page.wait_for_function("document.querySelectorAll('[role=tabpanel]').length === 3")
    assert plot.get_by_role("tabpanel").count() == 1  # the others are hidden
    assert all(tab.bounding_box()["height"] >= 24 for tab in tabs.all())
    tabs.first.focus()
    presses = [("ArrowRight", "a"), ("End", "b"), ("ArrowRight", "loss"), ("ArrowLeft", "b")]
    for key, name in presses:
        page.keyboard.press(key)
        chosen = plot.get_by_role("tab", selected=True)
        assert chosen.inner_text() == name
        assert chosen.evaluate("(tab) => tab === document.activeElement")
        assert plot.get_by_role("tabpanel", name=name).is_visible()
    side = page.locator(".ppl-side .ppl-stage:visible")
    assert side.count() == 1
    main = page.locator(".ppl-main .ppl-stage").bounding_box()
    assert main["width"] / main["height"] == pytest.approx(16 / 9, 0.02)
    bare.staged()
    shots(page, "light-700")
    assert plot.evaluate("(root) => root.scrollWidth - root.clientWidth") <= 0
    assert is_like(bare.colour_at(*PEAK), BLACK)


def test_the_canvas_follows_zoom_pan_and_keys(bare, page, shots):
    bare.staged()
    ends = "document.querySelector('.ppl-main .ppl-plotly')._fullLayout.xaxis.range"
    stage = page.locator(".ppl-main .ppl-stage")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 450, box["y"] + 250, steps=6)
    page.mouse.up()
    page.wait_for_function(f"{ends}[0] > 5.5")
    page.wait_for_timeout(200)
    zoomed = page.evaluate(ends)
    assert is_like(bare.colour_at(*PEAK), BLACK)
    shots(page, "zoomed")
    stage.hover()
    page.locator(".ppl-main .modebar-btn[data-val=pan]").click()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 340, box["y"] + 230, steps=4)
    page.wait_for_timeout(200)
    assert page.evaluate(ends)[0] < zoomed[0]
    assert is_like(bare.colour_at(*PEAK), BLACK)  # in the middle of the drag
    page.mouse.up()
    stage.focus()
    page.keyboard.press("0")
    page.wait_for_function(f"{ends}[0] === 5 && {ends}[1] === 13")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"Math.abs({ends}[0] - 5.8) < 1e-9")
    page.wait_for_timeout(200)
    page.mouse.move(5, 5)
    page.wait_for_timeout(100)
    assert is_like(bare.colour_at(*PEAK), BLACK)


def test_keys_that_mean_nothing_here_are_left_to_the_page(bare, page):
    bare.staged()
    page.evaluate("window.heard = []; addEventListener('keydown', (e) => heard.push(e.key), true)")
    page.locator(".ppl-main .ppl-stage").focus()
    for key in ("a", "Control+s", "ArrowUp", "Escape"):
        page.keyboard.press(key)
    assert page.evaluate("window.heard") == ["a", "Control", "s", "Escape"]


def test_a_resized_page_is_drawn_anew(bare, page):
    bare.staged()
    page.set_viewport_size({"width": 1000, "height": 900})
    bare.until(
        """() => { const stage = document.querySelector('.ppl-main .ppl-stage');
            return stage.querySelector('.ppl-plotly')._fullLayout.width === stage.offsetWidth; }"""
    )
    page.wait_for_timeout(100)
    assert is_like(bare.colour_at(*PEAK), BLACK)


def test_the_pointer_reads_the_curves(bare, page, shots):
    bare.staged()
    picture = "document.querySelector('.ppl-main canvas').toDataURL()"
    before = page.evaluate(picture)
    stage = page.locator(".ppl-main .ppl-stage")
    stage.hover(position={"x": 300, "y": 120})
    page.wait_for_function(f"(before) => {picture} !== before", arg=before)
    shots(stage, "readout")
    page.mouse.move(5, 5)
    page.wait_for_function(f"(before) => {picture} === before", arg=before)


def test_a_screen_reader_has_names_and_words(bare, page, plot):
    plot.draw({}, {"alt:posterior": "Four densities"})
    bare.painted(900)
    picture = page.get_by_role("img", name="posterior. Four densities. after 900 steps")
    bare.until("() => document.querySelector('.ppl-main canvas').ariaLabel.includes('Four')")
    assert picture.count() == 1
    live = page.locator(".ppl-plot [aria-live=polite]")
    assert live.inner_text().startswith("Learned N(")
    assert page.locator(".ppl-key").first.inner_text().split() == [
        "prior",
        "likelihood",
        "exact",
        "learned",
    ]


def test_a_label_can_be_said_anew(bare, page, plot):
    bare.staged()
    picture = "document.querySelector('.ppl-main canvas').toDataURL()"
    before = page.evaluate(picture)
    plot.draw({}, {"label:p.exact": "exact, 9.14"})
    bare.until(f"(before) => {picture} !== before", before)


def test_figures_may_be_replaced(bare, page, plot):
    bare.staged()
    wider = figures()["posterior"]
    wider["layout"]["title"]["text"] = "wider"
    wider["layout"]["xaxis"]["range"] = [4, 14]
    plot.draw(frame(1000)[0], figures={"posterior": wider})
    bare.until(
        "() => document.querySelector('.ppl-main .ppl-plotly')._fullLayout.xaxis.range[0] === 4"
    )
    page.wait_for_timeout(200)
    assert page.locator(".ppl-main .ppl-fig-name").inner_text() == "wider"
    assert is_like(bare.colour_at("wider", 9.14, 0.665), BLACK)
