"""What a frame costs in the browser: our canvas over plotly's axes, next to plotly alone.

    python benchmarks/drawing.py [--rounds 7] [--frames 40]

Both draw the same four plots on the same page (posterior: 4 curves of 200 points; loss: 400 points,
expected curve, noise band, hatched zone; a and b: 400 points and an exact line), one plotted by the
live plot's own code, the other by `Plotly.restyle` on figures with the same traces. They take turns
in blocks, one frame at a time, each waited for until it is painted. `script ms` is what the page's
main thread spends in the drawing call, `CPU ms` what all processes of the browser burn for a frame,
painting included, `frame ms` the time until the next frame could begin. Medians over rounds, and
the ratio within a round with its quartiles.

Needs Chromium and Playwright; no Jupyter server takes part. The first lines say what opening costs.
"""

import argparse
import base64
import json
import platform
import shutil
from collections.abc import Mapping
from statistics import median, quantiles
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from ppl_widgets import theme
from ppl_widgets.plot import LivePlot, plotly_script, plotly_version

STEPS = 2500
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]

PAGE = """<!doctype html><meta charset="utf-8"><style>%(css)s</style>
<body style="margin:8px; background:white"><div id="live"></div><div id="other"></div>"""

START = """async ([esm, state, script]) => {
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const tasks = (window.longTasks = []);
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)))
        .observe({ type: "longtask" });
    state.numbers = new DataView(bytes(state.numbers).buffer);
    const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
    const start = performance.now();
    const widget = (await import(url)).default();
    let tell;
    const model = { get: () => state, on: (_, heard) => (tell = heard), off: () => {},
        send: ({ want, page }) => want === "plotly" && setTimeout(() =>
            tell({ op: "plotly", page }, [new DataView(bytes(script).buffer)])) };
    widget.initialize({ model });
    widget.render({ model, el: document.getElementById("live") });
    const until = async (done) => { while (!done()) await new Promise(requestAnimationFrame); };
    await until(() => window.pplPlots?.bench?.frames);
    const first = performance.now() - start;
    await until(() => document.querySelectorAll(".main-svg").length >= 8);
    await new Promise((wait) => setTimeout(wait, 500));
    window.tell = (message, numbers) => tell(message, [new DataView(bytes(numbers).buffer)]);
    return { first, staged: performance.now() - start - 500, longest: Math.max(0, ...tasks) };
}"""

RESTYLE = """async (version) => {
    const { store } = window.pplPlots.bench;
    const Plotly = await window.pplPlotly[version];
    const other = document.getElementById("other");
    const boxes = [...document.querySelectorAll(".ppl-stage")];
    window.divs = [];
    for (const [k, figure] of Object.values(store.figures).entries()) {
        const div = other.appendChild(document.createElement("div"));
        const { offsetWidth: width, offsetHeight: height } = boxes[k];
        const data = figure.data.filter((trace) => trace.meta.role !== "mark");
        await Plotly.newPlot(div, structuredClone(data), { ...structuredClone(figure.layout), width,
            height, title: undefined, autosize: false }, { displayModeBar: false });
        window.divs.push([div, data.map((trace) => trace.uid)]);
    }
    window.restyle = () => Promise.all(window.divs.map(([div, uids]) => {
        const curves = uids.map((uid) => store.curves[uid]);
        return Plotly.restyle(div, { x: curves.map((c) => c.x), y: curves.map((c) => c.y) },
            uids.map((_, i) => i));
    }));
}"""

BLOCK = """async ([kind, frames]) => {
    const painted = () => new Promise((done) =>
        requestAnimationFrame(() => setTimeout(done, 0)));
    const { store } = window.pplPlots.bench;
    const [view] = store.views;
    document.getElementById("live").hidden = kind !== "canvas";
    document.getElementById("other").hidden = kind === "canvas";
    await painted(); await painted();
    const start = performance.now();
    let script = 0;
    for (const [message, numbers] of frames) {
        message.seq = store.seq + 1;
        const hidden = view.closed;
        view.closed = kind !== "canvas"; // the store takes the frame; the view does not paint it
        window.tell(message, numbers);
        view.closed = hidden;
        const before = performance.now();
        if (kind === "plotly") { await window.restyle(); script += performance.now() - before; }
        await painted();
        if (kind === "canvas") script += window.pplPlots.bench.cost.at(-1);
    }
    return { script: script / frames.length, frame: (performance.now() - start) / frames.length };
}"""


def normal(x: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """The density of a normal belief."""
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))


def frame(step: int, weight: np.ndarray, noise: np.ndarray) -> dict[str, Any]:
    """What four plots show after so many steps of a made-up run."""
    steps = np.linspace(0, step, 400)
    decay = np.exp(-steps / 300)
    draws = noise[steps.astype(int)]
    a, b = 9.14 - 0.64 * decay + 0.02 * draws, 0.6 + 0.4 * decay + 0.01 * draws
    expected, width = 1.462 + 0.9 * decay, 0.2 + 0.8 * decay
    return {
        "p.prior": (weight, normal(weight, 8.5, 1)),
        "p.likelihood": (weight, normal(weight, 9.5, 0.75)),
        "p.exact": (weight, normal(weight, 9.14, 0.6)),
        "p.learned": (weight, normal(weight, a[-1], b[-1])),
        "l.zone": theme.zone(0, STEPS, 0, 1.462),
        "l.band": theme.band(steps, expected - width, expected + width),
        "l.learned": (steps, expected + 0.4 * width * draws),
        "l.expected": (steps, expected),
        "a.exact": ([0, STEPS], [9.14, 9.14]),
        "a.learned": (steps, a),
        "b.exact": ([0, STEPS], [0.6, 0.6]),
        "b.learned": (steps, b),
    }


def figures(data: Mapping[str, Any]) -> dict[str, Any]:
    """The four figures for that frame."""
    roles = {"zone": "forbidden"}
    ends = {"p": ((5, 13), (0, 0.8)), "l": ((0, STEPS), (0, 5))}
    ends |= {"a": ((0, STEPS), (8, 10)), "b": ((0, STEPS), (0.4, 1.2))}
    made = {}
    for name, (x_range, y_range) in ends.items():
        traces = [
            theme.trace(roles.get(uid[2:], uid[2:]), uid, *points)
            for uid, points in data.items()
            if uid[0] == name
        ]
        made[name] = {
            "data": traces,
            "layout": theme.layout(name, x_range=x_range, y_range=y_range, x="x", y="y"),
        }
    return made


def spent(browser: Browser) -> float:
    """CPU seconds of all processes of the browser so far."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(process["cpuTime"] for process in processes)


def prepare(page: Page, plot: LivePlot) -> dict[str, float]:
    """Show the plot; return what opening cost, in ms."""
    state = plot.get_state()["_start"]
    numbers = state.pop("numbers")
    page.set_content(PAGE % {"css": plot._css})
    arguments = [plot._esm, state | {"numbers": b64(numbers)}, b64(plotly_script())]
    return page.evaluate(START, arguments)


def b64(data: bytes) -> str:
    """Bytes as a browser's atob() likes them."""
    return base64.b64encode(data).decode()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a frame costs in the browser.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--frames", type=int, default=40)
    options = parser.parse_args()
    weight = np.linspace(5, 13, 200)
    noise = np.random.default_rng(101).normal(size=STEPS + 1)
    plot = LivePlot(figures(frame(0, weight, noise)), label="bench")
    messages = []
    for step in np.linspace(100, STEPS, options.frames):
        for uid, points in frame(int(step), weight, noise).items():
            plot._set_curve(
                uid,
                plot._curves[uid].__class__(
                    *(np.asarray(part, np.float32).tobytes() for part in points)
                ),
            )
        series, numbers = plot._packed(plot._new_parts)
        plot._new_parts = {}
        messages.append(({"op": "frame", "series": series, "texts": {}}, b64(numbers)))
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        before = spent(browser)
        opening = prepare(page, plot)
        opening["cpu"] = spent(browser) - before
        page.evaluate(RESTYLE, plotly_version())
        rows: dict[str, list[dict[str, float]]] = {"canvas": [], "plotly": []}
        for number in range(options.rounds + 1):
            for kind in sorted(rows, reverse=bool(number % 2)):
                before = spent(browser)
                cost = page.evaluate(BLOCK, [kind, messages])
                cost["cpu"] = 1000 * (spent(browser) - before) / options.frames
                if number:  # the first round warms up
                    rows[kind].append(cost)
        version = browser.version
        browser.close()
    plot.close()
    size = sum(len(numbers) * 3 // 4 + len(json.dumps(m)) for m, numbers in messages)
    print(f"Chromium {version}, {platform.machine()}; {options.rounds} rounds of {options.frames}")
    first, staged, longest = (opening[key] for key in ("first", "staged", "longest"))
    print(f"opening: first paint {first:.0f} ms, plotly's stage {staged:.0f} ms, ", end="")
    print(f"longest task {longest:.0f} ms, {opening['cpu']:.1f} s of CPU")
    kilo = len(plot._esm) // 1000, len(plotly_script()) // 1000
    print(f"sent: script {kilo[0]} kB a widget, plotly {kilo[1]} kB once a page")
    print(f"a frame: {size / len(messages) / 1000:.1f} kB")
    print(f"{'':8}{'script ms':>11}{'CPU ms':>9}{'frame ms':>10}{'frames/s':>10}")
    for kind, costs in rows.items():
        script, cpu, wall = (median(c[key] for c in costs) for key in ("script", "cpu", "frame"))
        print(f"{kind:8}{script:11.1f}{cpu:9.1f}{wall:10.1f}{1000 / wall:10.0f}")
    for key in ("script", "cpu", "frame"):
        ratios = [p[key] / c[key] for c, p in zip(*rows.values(), strict=True)]
        low, _, high = quantiles(ratios, n=4)
        print(f"plotly / canvas, {key}: {median(ratios):.1f} ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
