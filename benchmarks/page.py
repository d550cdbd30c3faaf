"""What an exported page costs and how soon it answers, in a real browser without a network.

    python benchmarks/page.py [--moves 60] [--panels ScalePanel ForwardPanel ...]

- *size* of the page of each panel, all of it: scripts, styles, data; and the processor's time that
  writing it took. Those that are precomputed take up to a minute: `--panels` names some.
- *training*: all steps of a run in the page, as it says itself; the first runs warm the browser up.
- *slider to learned curve*: from the slider's input event to the end of the painting that shows the
  curve of the newly trained guide.
- *drag*: 2 s of moves at 60 a second: runs trained and painted.
- *agreement*: largest relative difference of any loss or parameter of a run, page against kernel.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

import ppl_widgets
from ppl_widgets.session import Session

SPEC = importlib.util.spec_from_file_location(
    "browser", Path(__file__).parents[1] / "tests" / "browser" / "conftest.py"
)
assert SPEC is not None
assert SPEC.loader is not None
browser: Any = importlib.util.module_from_spec(SPEC)
sys.modules["browser"] = browser
SPEC.loader.exec_module(browser)

PANELS = ("ScalePanel", "ForwardPanel", "ConditionPanel", "LookPanel", "ProposalPanel")
SETTINGS = (
    {},
    {"measurement": 7.0, "guess": 12.0},
    {"noise_sd": 0.3, "prior_sd": 2.0, "lr": 0.0005},
    {"optimiser": "Adam", "lr": 0.01},
    {"optimiser": "ClippedAdam", "lr": 0.02},
)

PAGE = """() => {
    const slider = document.querySelector('.ppl-desk-slider[aria-label=measurement]');
    const page = document.querySelector('.ppl-export').page;
    const facts = window.pplPlots.weighing;
    const frame = () => new Promise(requestAnimationFrame);
    const set = (value) => {
        slider.value = value;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
    };
    window.bench = {
        async move(value) {
            const before = facts.frames, start = performance.now();
            set(value);
            while (facts.frames === before) await frame();
            return [page.mind.time, facts.drawn.at(-1) - start];
        },
        async drag(seconds) {
            const before = facts.frames, start = performance.now();
            for (let i = 0; performance.now() - start < 1000 * seconds; i++) {
                set(9.5 + 1.5 * Math.sin(i / 12));
                await new Promise((wait) => setTimeout(wait, 1000 / 60));
            }
            return (facts.frames - before) / seconds;
        },
        run(settings) {
            Object.assign(page.mind.settings, settings);
            page.mind.train();
            return [page.mind.run.losses, ...page.mind.run.tracks.map((track) => [...track])];
        },
    };
}"""


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    return f"median {median(values):5.1f} ms   p95 {quantiles(values, n=20)[-1]:5.1f} ms"


def write(name: str, folder: Path) -> Path:
    """The page of a panel; its size and the time it took are printed."""
    panel = getattr(ppl_widgets, name)()
    started = time.process_time()
    path = panel.save_html(folder / f"{name}.html")
    took = time.process_time() - started
    panel.close()
    print(f"{name:14} {path.stat().st_size / 1e3:5.0f} kB, written in {took:.1f} s of one core")
    return path


def difference(page: Any, settings: dict[str, Any]) -> float:
    """Largest relative difference of losses and parameters of a run of 2,500 steps."""
    session = Session(**settings)
    session.run(session.num_steps)
    names = ("loss", *session.scenario.params)
    theirs = [session.history.points(name, 10_000)[1] for name in names]
    every = {control.name: control.value for control in session.scenario.controls} | settings
    ours = page.evaluate("(settings) => bench.run(settings)", every)
    return max(
        float(np.max(np.abs(np.array(a) - b) / np.maximum(np.abs(b), 1.0)))
        for a, b in zip(ours, theirs, strict=True)
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--panels", nargs="+", default=PANELS)
    chosen = parser.parse_args()
    moves = chosen.moves
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        names = dict.fromkeys(["ScalePanel", *chosen.panels])
        written = {name: write(name, Path(home)) for name in names}
        path = next(filter(None, map(shutil.which, browser.BROWSERS)), None)
        chromium = driver.chromium.launch(executable_path=path, args=browser.FLAGS)
        pages = browser.Pages(chromium)
        page = pages.open()
        page.context.set_offline(True)
        page.goto(written["ScalePanel"].as_uri())
        page.wait_for_function("window.pplPlots?.weighing?.frames > 0")
        page.evaluate(PAGE)
        found = [
            page.evaluate("(value) => bench.move(value)", round(8.0 + 0.1 * (n * 7 % 23), 1))
            for n in range(moves)
        ]
        print(f"2,500 steps in the page:   {spread([training for training, _ in found])}")
        print(f"slider to learned curve:   {spread([painted for _, painted in found])}")
        print(f"drag: {page.evaluate('bench.drag(2)'):.0f} whole trainings painted a second")
        worst = max(difference(page, dict(settings)) for settings in SETTINGS)
        print(f"page against kernel: {worst:.1e} at most, {len(SETTINGS)} settings, 2,500 steps")
        pages.close(page)


if __name__ == "__main__":
    main()
