"""Panels come and go and leave nothing behind."""

import asyncio
import gc
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from pages import comms
from ppl_widgets import ScalePanel
from ppl_widgets.clock import Clock
from ppl_widgets.panels import cells


def in_cell(monkeypatch, cell: str | None, run: str) -> None:
    metadata = {"cellId": cell} if cell else {}
    parent = {"metadata": metadata, "header": {"msg_id": run}}
    kernel = SimpleNamespace(get_parent=lambda: parent)
    shell = SimpleNamespace(kernel=kernel, user_ns={}, user_ns_hidden={})
    monkeypatch.setattr(cells, "get_ipython", lambda: shell)


def test_a_cell_that_runs_again_closes_the_panels_it_made(monkeypatch):
    in_cell(monkeypatch, "one", "run 1")
    first, second = ScalePanel(), ScalePanel()
    in_cell(monkeypatch, "two", "run 2")
    other = ScalePanel()
    assert not any(panel._closed for panel in (first, second, other))
    in_cell(monkeypatch, "one", "run 3")
    third = ScalePanel()
    assert first._closed
    assert second._closed
    assert not other._closed
    for panel in (third, other):
        panel.close()
    assert not cells._made


def test_without_cell_ids_nothing_is_closed(monkeypatch):
    in_cell(monkeypatch, None, "run 1")
    first = ScalePanel()
    in_cell(monkeypatch, None, "run 2")
    second = ScalePanel()
    assert not first._closed
    first.close()
    second.close()
    assert not cells._made


def test_close_frees_everything_and_may_be_called_twice():
    before = comms()
    panel = ScalePanel()
    assert comms() == before + 8
    panel.close()
    panel.close()
    assert comms() == before


def test_a_late_message_to_a_closed_panel_is_nothing(live):
    async def scene(panel, page):
        page.say(presses=["play"])
        panel.close()
        page.say({"measurement": 12.0})
        page._plot_says({"here": "view", "word": 2})
        await asyncio.sleep(0.05)
        assert panel.session.controls["measurement"] == 9.5

    live(scene)


def resident() -> float:
    """This process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_hundred_panels_come_and_go(record_property):
    """A thousand are counted by benchmarks/live.py; a leak of 50 kB a panel would show here too."""

    async def whole():
        threads, before = threading.active_count(), comms()

        async def cycle(number):
            for _ in range(number):
                panel = ScalePanel()
                panel._desk.press("play")
                await asyncio.sleep(0)
                panel.close()
            await asyncio.sleep(0.02)
            gc.collect()

        await cycle(20)
        start = resident()
        await cycle(100)
        grown = resident() - start
        record_property("MB grown in 100 panels", grown)
        assert comms() == before
        assert threading.active_count() == threads
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert grown < 5.0

    asyncio.run(whole())
    assert not Clock._clocks
    assert not cells._made


def test_importing_the_package_loads_neither_torch_nor_widgets():
    code = (
        "import sys, ppl_widgets; print([m for m in ('torch', 'ipywidgets') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout.replace("'", '"')) == []


def test_a_panel_needs_no_figure_widget():
    code = (
        "import sys; from ppl_widgets import ScalePanel; ScalePanel();"
        "print([m for m in ('plotly.graph_objects', 'nbformat', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_name_that_is_not_there():
    with pytest.raises(ImportError, match="ScalePanle"):
        from ppl_widgets import ScalePanle  # noqa: F401


def test_a_closed_panel_leaves_what_ipython_keeps_of_its_cell(monkeypatch):
    panel, other = ScalePanel(), object()
    shell = SimpleNamespace(
        user_ns={"_oh": {3: panel, 4: other}, "_3": panel, "_4": other, "panel": panel},
        user_ns_hidden={"_3": panel, "_4": other},
    )
    monkeypatch.setattr("ppl_widgets.panels.cells.get_ipython", lambda: shell)
    panel.close()
    assert shell.user_ns == {"_oh": {4: other}, "_4": other, "panel": panel}
    assert shell.user_ns_hidden == {"_4": other}
