"""Every panel open in one notebook: what each costs to open, what all cost at rest, and the 31st.

    python benchmarks/classroom.py [--rest 10] [--idle 30] [--moves 20]

- *each panel*: milliseconds from running its cell to its first painted curve, on the page's clock;
  then, until the kernel rests, its CPU time, kilobytes over the websocket, and what its memory
  grew by. The first brings torch and plotly with it.
- *at rest*: nothing open, and then all of them, for some seconds: the kernel's CPU time (all
  threads) and the page's main thread as shares of the wall clock, websocket bytes both ways.
- *the 31st*: one flagship, then one beside 30 idle ones: time to paint, slider to exact curve.

Browser, server and kernel share this machine's cores with whatever else runs; the first line says
how busy it was.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import live
from playwright.sync_api import sync_playwright

import ppl_widgets

KINDS = [name for name in ppl_widgets.__all__ if name.endswith("Panel")]
PANELS = [name for name in KINDS if name not in ("LivePanel", "ExplorePanel")]
PAGE = """() => {
    const frame = () => new Promise(requestAnimationFrame);
    const panels = () => [...document.querySelectorAll('.ppl-panel')];
    const painted = () => Object.values(window.pplPlots).map(({ drawn }) => drawn[0]).find(Boolean);
    window.bench = {
        async open(number) {
            const before = panels().length, start = performance.now();
            window.pplPlots = {};
            const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = number;
            content.deselectAll();
            const run = window.jupyterapp.commands.execute('notebook:run-cell');
            for (let seen = false; !painted(); seen ||= panels().length > before) {
                if (performance.now() - start > 90000) throw Error('no panel came');
                if (!seen) panels().at(-1)?.scrollIntoView();
                await frame();
            }
            await run;
            panels().at(-1).scrollIntoView();
            return painted() - start;
        },
        async move(value) {
            const slider = panels().at(-1).querySelector('[aria-label=measurement]');
            const { x } = window.pplPlots.weighing.series['posterior.exact'];
            const mean = 0.36 * 8.5 + 0.64 * value, start = performance.now();
            slider.value = value;
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            const exact = () => window.pplPlots.weighing.series['posterior.exact'];
            const middle = () => exact().x[(exact().x.length - 1) / 2];
            while (Math.abs(middle() - mean) > 1e-3) {
                if (performance.now() - start > 20000) throw Error('no curve came');
                await frame();
            }
            return exact().t - start;
        },
    };
}"""


class Traffic:
    """Bytes and messages over the page's websockets so far."""

    def __init__(self, page: Any) -> None:
        self.down = self.up = self.messages = 0
        page.on("websocket", self._watch)

    def _watch(self, socket: Any) -> None:
        socket.on("framereceived", self._received)
        socket.on("framesent", self._sent)

    def _received(self, payload: str | bytes) -> None:
        self.down += len(payload)
        self.messages += 1

    def _sent(self, payload: str | bytes) -> None:
        self.up += len(payload)

    def now(self) -> tuple[int, int, int]:
        """Received, sent, messages received."""
        return self.down, self.up, self.messages


class Class:
    """A notebook of cells; the kernel is looked at from outside, so that it may rest."""

    def __init__(self, server: Any, pages: Any, cells: list[str]) -> None:
        self.page = pages.open()
        self.traffic = Traffic(self.page)
        cells = ["import os; print(os.getpid())", *cells]
        self.book = server.open(self.page, server.write(f"class{len(cells)}.ipynb", cells))
        self.book.run_cell(0)
        self.kernel = int(self.book.text(0))
        self.page.evaluate(PAGE)
        self._tools = self.page.context.new_cdp_session(self.page)
        self._tools.send("Performance.enable")

    def open(self, number: int) -> float:
        """Milliseconds from running a cell to the first painted curve of its panel."""
        return self.page.evaluate("(number) => bench.open(number)", number)

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(1e3 * seconds)

    @property
    def memory(self) -> float:
        """The kernel's resident set in MB."""
        status = Path(f"/proc/{self.kernel}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @property
    def kernel_cpu(self) -> float:
        """Seconds that the kernel's threads have computed."""
        fields = Path(f"/proc/{self.kernel}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def page_cpu(self) -> float:
        """Seconds that the page's main thread has worked."""
        metrics = self._tools.send("Performance.getMetrics")["metrics"]
        return next(it["value"] for it in metrics if it["name"] == "TaskDuration")

    def settle(self, seconds: float = 60.0) -> float:
        """Wait until neither the kernel nor the page works any more; how long that took."""
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            kernel, page = self.kernel_cpu, self.page_cpu
            self.wait(2)
            if self.kernel_cpu - kernel < 0.05 and self.page_cpu - page < 0.2:
                break
        return time.monotonic() - begin

    def rest(self, seconds: float) -> str:
        """What all open panels cost while nobody touches them."""
        waited = self.settle()
        before, traffic, start = (self.kernel_cpu, self.page_cpu), self.traffic.now(), time.time()
        self.wait(seconds)
        took = time.time() - start
        kernel, page = self.kernel_cpu - before[0], self.page_cpu - before[1]
        down, up, messages = (b - a for a, b in zip(traffic, self.traffic.now(), strict=True))
        return (
            f"at rest after {waited:.0f} s: kernel {100 * kernel / took:.1f} % CPU, page "
            f"{100 * page / took:.1f} %, {down} bytes in {messages} messages down and {up} up "
            f"in {took:.0f} s"
        )


def each(room: Class) -> None:
    """Open every panel, one by one."""
    room.wait(1)
    for number, name in enumerate(PANELS, 1):
        memory, down, cpu = room.memory, room.traffic.down, room.kernel_cpu
        milliseconds = room.open(number)
        room.settle(8)
        print(
            f"{name:16} painted after {milliseconds:6.0f} ms   "
            f"kernel {room.kernel_cpu - cpu:5.2f} s CPU   "
            f"{(room.traffic.down - down) / 1e3:7.0f} kB   RSS +{room.memory - memory:5.1f} MB"
        )
    print(
        f"all {len(PANELS)} open: kernel {room.memory:.0f} MB RSS, "
        f"{room.traffic.down / 1e6:.2f} MB down, {room.traffic.up / 1e3:.0f} kB up in all"
    )


def moved(room: Class, moves: int) -> float:
    """Median milliseconds from the newest panel's slider to its exact curve."""
    found = []
    for number in range(moves):
        found.append(room.page.evaluate("(v) => bench.move(v)", round(8.0 + 0.1 * number, 1)))
        room.wait(0.2)
    return median(found)


def crowd(room: Class, idle: int, moves: int) -> None:
    """A flagship alone, and another beside so many that nobody touches."""
    room.open(1)  # torch and plotly come
    room.settle()
    alone, first = room.open(2), moved(room, moves)
    painted = [room.open(number) for number in range(3, idle + 2)]
    waited = room.settle()
    last = room.open(idle + 2)
    room.settle()
    print(
        f"one flagship beside 1: painted after {alone:.0f} ms, slider to exact {first:.0f} ms\n"
        f"the next {len(painted)}: painted after {median(painted):.0f} ms (median), settled in "
        f"{waited:.0f} s\n"
        f"one beside {idle + 1}: painted after {last:.0f} ms, slider to exact "
        f"{moved(room, moves):.0f} ms; kernel {room.memory:.0f} MB RSS"
    )


def visited(server: Any, pages: Any, cells: list[str], look: Callable[[Class], None]) -> None:
    """A notebook of its own, and nothing of it afterwards."""
    room = Class(server, pages, cells)
    look(room)
    room.page.context.close()
    for session in server.ask("api/sessions"):
        server.ask(f"api/sessions/{session['id']}", "DELETE")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rest", type=float, default=10.0)
    parser.add_argument("--idle", type=int, default=30)
    parser.add_argument("--moves", type=int, default=20)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    home = Path(tempfile.mkdtemp())
    server = live.browser._start("jupyterlab", home, live.OPTIONS)
    kinds = [f"from ppl_widgets import {name}\n{name}()" for name in PANELS]
    flagships = ["from ppl_widgets import ScalePanel\nScalePanel()"] * (options.idle + 2)

    def all_of_them(room: Class) -> None:
        print(f"nothing open, {room.rest(options.rest)}")
        each(room)
        print(f"all of them open, {room.rest(options.rest)}")

    try:
        path = next(filter(None, map(shutil.which, live.browser.BROWSERS)), None)
        with sync_playwright() as driver:
            flags = live.browser.FLAGS
            pages = live.browser.Pages(driver.chromium.launch(executable_path=path, args=flags))
            visited(server, pages, kinds, all_of_them)
            visited(server, pages, flagships, lambda r: crowd(r, options.idle, options.moves))
    finally:
        live.browser._stop(server)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
