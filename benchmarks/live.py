"""What the live panel costs and how soon it answers, in a real JupyterLab and a real browser.

    python benchmarks/live.py [--moves 60] [--pairs 8] [--reruns 200] [--cycles 1000]

- *slider to exact curve*: from the slider's input event to the end of the painting that shows the
  exact curve of the new value, both on the page's own clock, by the script that paints; at rest and
  while training. A move waits for the last one's curve and 0.15 s more. Beside it stands a bare
  round trip in between: a question to the kernel through the same browser, server and sockets,
  with nothing to compute and nothing to paint. What is over that is the panel's own.
- *drag*: 2 s of moves at 60 a second: curves painted, and how far the last one trailed the hand.
- *trained at every tick*: the same two, where each tick is a whole training: the time to the
  learned curve of all steps, the share of it that the kernel takes to train (median of the ticks of
  the drag).
- *throughput*: one run of single steps at full speed; its plot is shown and hidden in turn.
  Printed is the ratio of neighbouring stretches, shown over hidden, in steps a second of wall time
  and of the kernel's CPU time: median and quartiles. Where two cores share caches and a power
  budget, a browser that draws in software slows a step itself. What the view costs the kernel,
  wherever the browser is, is the share of the kernel's CPU time that does not go into training;
  both shares are printed.
- *start*: from a restarted kernel to the first painted panel (kernel, imports, panel, page).
- *memory*: the kernel's resident set with torch and one live panel.
- *re-runs* of the cell, and panels opened and closed in plain Python: what is left afterwards.

Browser, server and kernel share this machine's cores with whatever else runs; the first line says
how busy it was.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import sync_playwright

SPEC = importlib.util.spec_from_file_location(
    "browser", Path(__file__).parents[1] / "tests" / "browser" / "conftest.py"
)
assert SPEC is not None
assert SPEC.loader is not None
browser: Any = importlib.util.module_from_spec(SPEC)
sys.modules["browser"] = browser
SPEC.loader.exec_module(browser)

OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--LabApp.extension_manager=readonly",
    "--ServerApp.port={port}",
    "--ServerApp.port_retries=0",
    "--ServerApp.root_dir={root}",
    "--IdentityProvider.token={token}",
    "--LabApp.expose_app_in_browser=True",
]

CELL = "from ppl_widgets import ScalePanel\npanel = ScalePanel()\npanel"

PROBE = """
import asyncio, comm, gc, json, threading
while any("ppl" in task.get_name() for task in asyncio.all_tasks()):
    await asyncio.sleep(0.05)
gc.collect()
rss = int(open("/proc/self/status").read().split("VmRSS:")[1].split()[0]) / 1024
print(json.dumps({"comms": len(comm.get_comm_manager().comms), "tasks": len(asyncio.all_tasks()),
                  "threads": threading.active_count(), "rss": round(rss, 1)}))
"""

RATE = """
import asyncio, json, time
async def rate(seconds):
    spent, train = 0.0, panel.train
    def timed(budget):
        nonlocal spent
        start = time.thread_time()
        train(budget)
        spent += time.thread_time() - start
    panel.train = timed
    await asyncio.sleep(0.4)
    step, wall, cpu, spent = panel.session.step, time.perf_counter(), time.process_time(), 0.0
    await asyncio.sleep(seconds)
    steps, cpu = panel.session.step - step, time.process_time() - cpu
    del panel.train
    return steps / (time.perf_counter() - wall), steps / cpu, spent / cpu
print(json.dumps(await rate({seconds})))
"""

EAGER = """
from ppl_widgets.scenarios import weighing
panel.bind(weighing.scale, weighing.guide)  # an edited program is trained step by step
print(1)
"""

TIMED = """
import json, time
ticks, real = [], panel.session.set
def timed(name, value):
    start = time.perf_counter()
    real(name, value)
    ticks.append(1e3 * (time.perf_counter() - start))
panel.session.set = timed
print(1)
"""

PAGE = """() => {
    const slider = document.querySelector('.ppl-desk-slider[aria-label=measurement]');
    const exact = () => window.pplPlots.weighing.series['posterior.exact'];
    const learned = () => window.pplPlots.weighing.series['posterior.learned'];
    const middle = ({ x }) => x[(x.length - 1) / 2];
    const frame = () => new Promise(requestAnimationFrame);
    const set = (value) => {
        slider.value = value;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        return 0.36 * 8.5 + 0.64 * Number(slider.value);
    };
    window.bench = {
        async move(value) {
            const start = performance.now(), mean = set(value);
            while (Math.abs(middle(exact()) - mean) > 1e-3) {
                if (performance.now() - start > 5000) throw Error('no curve came');
                await frame();
            }
            return exact().t - start;
        },
        async trained(value) {
            const start = performance.now(), mean = set(value);
            while (Math.abs(middle(exact()) - mean) > 1e-3 || learned().t < start) {
                if (performance.now() - start > 5000) throw Error('no curve came');
                await frame();
            }
            if (Math.abs(middle(learned()) - mean) > 0.2) throw Error('not trained');
            return learned().t - start;
        },
        async bare() {
            const { session } = window.jupyterapp.shell.currentWidget.sessionContext;
            const start = performance.now();
            await session.kernel.requestKernelInfo();
            return performance.now() - start;
        },
        async drag(seconds) {
            const facts = window.pplPlots.weighing, before = facts.frames;
            const start = performance.now();
            let mean, last;
            for (let i = 0; performance.now() - start < 1000 * seconds; i++) {
                mean = set(9.5 + 1.5 * Math.sin(i / 12));
                last = performance.now();
                await new Promise((wait) => setTimeout(wait, 1000 / 60));
            }
            const frames = facts.frames - before;
            while (Math.abs(middle(exact()) - mean) > 1e-3) await frame();
            return [frames / seconds, Math.max(0, exact().t - last)];
        },
        async frames(seconds) {
            const facts = window.pplPlots.weighing, before = facts.frames;
            await new Promise((wait) => setTimeout(wait, 1000 * seconds));
            return (facts.frames - before) / seconds;
        },
    };
}"""


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    return f"median {median(values):5.1f} ms   p95 {quantiles(values, n=20)[-1]:5.1f} ms"


def three(values: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = quantiles(values, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


class Bench:
    """An open notebook: cell 0 makes the panel, cell 1 asks the kernel."""

    def __init__(self, server: Any, page: Any) -> None:
        self.server, self.page = server, page
        self.book = server.open(page, server.write("live.ipynb", [CELL, ""]))

    def kernel(self, code: str) -> Any:
        self.book.set_cell(1, code)
        self.book.run_cell(1)
        return json.loads(self.book.text(1))

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def start(self) -> float:
        """Seconds from a restarted kernel to the first painted panel."""
        kernel = self.server.ask("api/kernels")[0]["id"]
        begin = time.monotonic()
        self.server.ask(f"api/kernels/{kernel}/restart", "POST")
        self.book.run_cell(0)
        self.page.wait_for_function("window.pplPlots?.weighing?.frames > 0", timeout=120_000)
        return time.monotonic() - begin

    def speed(self, name: str) -> None:
        self.page.get_by_role("combobox", name="speed").select_option(name)

    def latencies(self, moves: int, how: str = "move") -> str:
        """Slider to exact ("move") or learned curve ("trained"), and a bare round trip, in turn."""
        found, bare = [], []
        for number in range(moves):
            value = 8.0 + 0.1 * (number * 7 % 23)
            found.append(self.page.evaluate(f"(value) => bench.{how}(value)", round(value, 1)))
            self.page.wait_for_timeout(150)
            bare.append(self.page.evaluate("bench.bare()"))
        return f"{spread(found)}   (bare round trip {median(bare):.0f} ms)"

    def throughput(self, pairs: int, seconds: float = 2.0) -> str:
        wall, cpu = [], []
        shares: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(pairs):
            rates = {}
            for shown in (True, False):
                self.page.evaluate(
                    "(shown) => { document.querySelector('.ppl-view').style.display ="
                    " shown ? '' : 'none'; }",
                    shown,
                )
                rates[shown] = self.kernel(RATE.replace("{seconds}", str(seconds)))
                shares[shown].append(rates[shown][2])
            wall.append(rates[True][0] / rates[False][0])
            cpu.append(rates[True][1] / rates[False][1])
        return (
            f"throughput shown / hidden: wall {three(wall)}, kernel CPU {three(cpu)}\n"
            f"share of the kernel's CPU that trains: shown {three(shares[True])}, "
            f"hidden {three(shares[False])}"
        )


def cycles(number: int) -> str:
    """Open and close panels in a process of its own, while its loop runs and they train."""
    code = f"""
import asyncio, comm, gc, json, threading
from ppl_widgets import ScalePanel
def rss(): return int(open("/proc/self/status").read().split("VmRSS:")[1].split()[0]) / 1024
async def main():
    seen = []
    for number in range({number} + 50):
        if number in (50, 50 + {number} // 2): gc.collect(); seen.append(rss())
        panel = ScalePanel()
        panel.play()
        await asyncio.sleep(0)
        panel.close()
    await asyncio.sleep(0.1); gc.collect(); seen.append(rss())
    print(json.dumps([len(comm.get_comm_manager().comms), len(asyncio.all_tasks()) - 1,
                      threading.active_count(), *seen]))
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    comms, tasks, threads, first, half, last = json.loads(done.stdout)
    return (
        f"{number} panels opened, played, closed: {comms} comms, {tasks} tasks, {threads} thread; "
        f"RSS {first:.0f} -> {half:.0f} -> {last:.0f} MB (after 50, half, all)"
    )


def trained(bench: Bench, moves: int) -> None:
    """A whole training of 2,500 steps at every tick; live again afterwards."""
    bench.kernel(TIMED)
    bench.kernel("panel.set(num_steps=2500, mode='trained'); print(1)")
    bench.page.wait_for_timeout(1500)
    print(f"slider to trained curve, 2,500 steps: {bench.latencies(moves, 'trained')}")
    bench.kernel("ticks.clear(); print(1)")
    frames, trail = bench.page.evaluate("bench.drag(2)")
    took = bench.kernel("print(json.dumps(ticks))")
    print(
        f"drag, trained at every tick: {frames:.1f} frames a second, the last {trail:.0f} ms "
        f"behind; {len(took)} trainings, {median(took):.1f} ms each"
    )
    bench.kernel("panel.set(mode='live'); print(1)")


def measure(bench: Bench, options: argparse.Namespace) -> None:
    """All that needs the page, in this order: start, latency, frames, throughput, re-runs."""
    page = bench.page
    bench.book.run_cell(0)
    page.wait_for_function("window.pplPlots?.weighing?.frames > 0")
    seconds = [bench.start() for _ in range(3)]
    print(f"kernel start to first painted panel: {', '.join(f'{s:.1f}' for s in seconds)} s")
    first = bench.kernel(PROBE)
    print(f"kernel with torch and one live panel: {first['rss']:.0f} MB RSS")

    page.evaluate(PAGE)
    page.wait_for_timeout(1500)
    print(f"slider to exact curve, at rest:      {bench.latencies(options.moves)}")
    trained(bench, options.moves)
    bench.kernel(EAGER)
    bench.press("Step")
    bench.kernel("panel.set(num_steps=100_000); print(1)")  # else it ends before the measurement
    for name in ("normal", "full"):
        bench.speed(name)
        bench.press("Play")
        page.wait_for_timeout(500)
        print(f"frames a second, speed {name}: {page.evaluate('bench.frames(3)'):.1f}")
        print(f"slider to exact curve, {name + ' speed:':14}{bench.latencies(options.moves)}")
        frames, trail = page.evaluate("bench.drag(2)")
        print(f"drag, speed {name}: {frames:.1f} frames a second, the last {trail:.0f} ms behind")
        bench.press("Pause")
    bench.press("Same noise")
    bench.press("Play")
    print(bench.throughput(options.pairs))
    bench.press("Pause")

    before = bench.kernel(PROBE)
    for _ in range(options.reruns):
        bench.book.run_cell(0)
    after = bench.kernel(PROBE)
    panels = page.locator(".ppl-panel").count()
    print(f"{options.reruns} re-runs of the cell: {before} -> {after}, {panels} panel on the page")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--reruns", type=int, default=200)
    parser.add_argument("--cycles", type=int, default=1000)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    home = Path(tempfile.mkdtemp())
    server = browser._start("jupyterlab", home, OPTIONS)
    try:
        path = next(filter(None, map(shutil.which, browser.BROWSERS)), None)
        with sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=path, args=browser.FLAGS)
            pages = browser.Pages(chromium)
            page = pages.open()
            measure(Bench(server, page), options)
            pages.close(page)
    finally:
        browser._stop(server)
        shutil.rmtree(home, ignore_errors=True)
    if options.cycles:
        print(cycles(options.cycles))


if __name__ == "__main__":
    main()
