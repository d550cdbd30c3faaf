"""Real servers and a real browser: JupyterLab, Voila and Chromium for the tests of the panels.

A test asks for `lab` (or `voila`) and `page`, writes a notebook, opens it, looks:

    def test_it(lab, page, shots):
        notebook = lab.open(page, lab.write("x.ipynb", ["1 + 1"]))
        notebook.run_all()
        shots(page, "after")

Everything the browser prints as a warning or error is kept in `page.problems` and must be empty
at the end of a test, but for what `HARMLESS` lists with its reason.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ppl_widgets

ARTIFACTS = Path(__file__).parents[2] / ".artifacts"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
START = 90.0
"""Seconds a server may take to answer: the machine may be slow and shared."""

HARMLESS = {
    "cdn.jsdelivr.net/npm/@fortawesome": "Voila's page asks for icons from a CDN; there is no net",
    r"_JUPYTERLAB.CORE_OUTPUT of shared|No satisfying version|jupyterlab-jupytext|#RUNTIME-012": (
        "Voila loads the extensions of the JupyterLab beside it, which want newer parts than its"
    ),
    r"^uncaught: \[anywidget\] Failed to initialize model": (
        "anywidget's alarm, 2 s after a model's birth, also rings for one that was closed meanwhile"
    ),
    r"^warning: Plugin .* to activate": "JupyterLab remarks that the machine is slow",
}
"""Regular expression -> why a message of the browser that matches it is not ours to mend."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder is a browser test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Server:
    """A running Jupyter server: where it is and where its notebooks lie."""

    url: str
    token: str
    root: Path
    process: subprocess.Popen[bytes]
    log: Path

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Write a notebook of code cells into the server's root; return its name."""
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "execution_count": None,
                    "metadata": {},
                    "outputs": [],
                    "source": source,
                }
                for number, source in enumerate(cells)
            ],
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.root / name).write_text(json.dumps(notebook), encoding="utf-8")
        return name

    def open(self, page: Any, name: str) -> Notebook:
        """Open a notebook in JupyterLab's single-document mode and wait for its kernel."""
        page.goto(f"{self.url}/doc/tree/{name}?reset&token={self.token}")
        page.evaluate(
            """async () => {
                while (!window.jupyterapp?.shell?.currentWidget?.sessionContext) {
                    await new Promise((wait) => setTimeout(wait, 50));
                }
                const { restored, shell } = window.jupyterapp;
                const { context, sessionContext } = shell.currentWidget;
                await Promise.all([restored, context.ready, sessionContext.ready]);
            }"""
        )
        notebook = Notebook(page)
        notebook.wait_idle()
        return notebook

    def render(self, page: Any, name: str) -> None:
        """Open a notebook as a Voila page."""
        page.goto(f"{self.url}/voila/render/{name}?token={self.token}", timeout=1000 * START)

    def ask(self, path: str, method: str = "GET") -> Any:
        """Ask the server's REST interface, for instance `api/kernels`; return its JSON."""
        request = urllib.request.Request(
            f"{self.url}/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")


@dataclass
class Notebook:
    """A notebook that is open in JupyterLab."""

    page: Any

    def wait_idle(self, seconds: float = 60.0) -> None:
        """Wait until the kernel is there and has nothing to do."""
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]",
            state="attached",
            timeout=1000 * seconds,
        )

    def command(self, name: str, **arguments: Any) -> None:
        """Run one of JupyterLab's commands and wait for it."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }",
            [name, arguments],
        )

    def run_all(self) -> None:
        """Run every cell and wait for the last.

        Raises:
            RuntimeError: if a cell has not been run to its end.
        """
        self.command("notebook:run-all-cells")
        self.wait_idle()
        counts = self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets
                .filter((cell) => cell.model.type === 'code' && cell.model.sharedModel.getSource())
                .map((cell) => cell.model.executionCount)"""
        )
        if not all(counts):
            raise RuntimeError(f"not every cell ran; their execution counts are {counts}")

    def run_cell(self, number: int) -> None:
        """Run one cell, counted from 0, and wait for it."""
        self.page.evaluate(
            """async (number) => {
                const { content } = window.jupyterapp.shell.currentWidget;
                content.activeCellIndex = number;
                content.deselectAll();
                await window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            number,
        )
        self.wait_idle()

    def set_cell(self, number: int, source: str) -> None:
        """Replace the code of a cell."""
        self.page.evaluate(
            """([number, source]) => window.jupyterapp.shell.currentWidget.content
                .widgets[number].model.sharedModel.setSource(source)""",
            [number, source],
        )

    def text(self, number: int) -> str:
        """What a cell has printed."""
        return self.page.evaluate(
            """(number) => window.jupyterapp.shell.currentWidget.content
                .widgets[number].outputArea.node.innerText.trim()""",
            number,
        )

    def dark(self, dark: bool = True) -> None:
        """Switch JupyterLab's theme."""
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.command("apputils:change-theme", theme=theme)
        shade = "false" if dark else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light={shade}]", state="attached")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _start(kind: str, home: Path, arguments: Sequence[str]) -> Server:
    """Start a Jupyter application in its own process group and wait until it answers."""
    root, config = home / "root", home / "config"
    root.mkdir()
    (config / "labconfig").mkdir(parents=True)
    page_config = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (config / "labconfig" / "page_config.json").write_text(json.dumps(page_config))
    source = str(Path(ppl_widgets.__file__).parents[1])
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join(
            filter(None, [source, str(Path(source).parent), os.environ.get("PYTHONPATH")])
        ),
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    port, token = _free_port(), secrets.token_hex(16)
    fill = {"port": port, "token": token, "root": root}
    command = [sys.executable, "-m", kind, *(part.format(**fill) for part in arguments)]
    log = home / f"{kind}.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", token, root, process, log)
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/?token={token}", timeout=5):
                return server
        except OSError:
            time.sleep(0.2)
    _stop(server)
    raise RuntimeError(f"{kind} did not answer within {START:g} s:\n{log.read_text()[-3000:]}")


def _stop(server: Server) -> None:
    """End a server and its kernels; it shuts its kernels down when asked politely."""
    for how, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(server.process.pid, how)
        except ProcessLookupError:
            return
        try:
            server.process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab server with a root folder, settings and workspaces of its own."""
    pytest.importorskip("jupyterlab", reason="needs JupyterLab: pip install 'ppl-playground[lab]'")
    options = [
        "--no-browser",
        "--allow-root",
        "--LabApp.extension_manager=readonly",
        "--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.root_dir={root}",
        "--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
    ]
    home = tmp_path_factory.mktemp("lab")
    server = _start("jupyterlab", home, options)
    try:
        yield server
    finally:
        _stop(server)


@pytest.fixture(scope="session")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Voila server that shows the notebooks of its root folder."""
    pytest.importorskip("voila", reason="needs Voila: pip install 'ppl-playground[app]'")
    options = [
        "{root}",
        "--no-browser",
        "--Voila.ip=127.0.0.1",
        "--port={port}",
        "--token={token}",
        "--show_tracebacks=True",
        "--Voila.kernel_websocket_connection_class=ppl_widgets.server.PromptConnection",
    ]
    home = tmp_path_factory.mktemp("voila")
    server = _start("voila", home, options)
    try:
        yield server
    finally:
        _stop(server)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The machine's own Chromium, driven by Playwright."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = "no Chromium on this machine; on Debian: apt-get install chromium"
    if path is None and os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    if path is None:
        pytest.skip(missing)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Pages:
    """Pages in contexts of their own; what the browser complains of is in `page.problems`."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def open(self, width: int = 1280, height: int = 900) -> Any:
        """A fresh page of this size, watched."""
        context = self._browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.problems = []

        def note(text: str) -> None:
            if not any(re.search(pattern, text) for pattern in HARMLESS):
                page.problems.append(text)

        def console(message: Any) -> None:
            if message.type in ("error", "warning"):
                note(f"{message.type}: {message.text} ({message.location.get('url', '')})")

        page.on("console", console)
        page.on("pageerror", lambda error: note(f"uncaught: {error}"))
        return page

    def check(self, page: Any) -> None:
        """Fail if the browser has complained since the last check."""
        problems, page.problems = page.problems, []
        assert not problems, "the browser complained:\n" + "\n".join(problems)

    def close(self, page: Any) -> None:
        """Close a page and its context, then check it."""
        page.context.close()
        self.check(page)


@pytest.fixture(scope="session")
def pages(chromium: Any) -> Pages:
    """For tests that need more than one page, or share one: `pages.open()`, `pages.close(page)`."""
    return Pages(chromium)


@pytest.fixture
def page(pages: Pages) -> Iterator[Any]:
    """A fresh page, 1280 x 900; the test fails if the browser complained."""
    fresh = pages.open()
    yield fresh
    pages.close(fresh)


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Callable[[Any, str], Path]:
    """Save a screenshot as `.artifacts/TEST-NAME.png`; of a page or of one element."""

    def shoot(what: Any, name: str) -> Path:
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())}-{name}.png"
        what.screenshot(path=path)
        return path

    return shoot
