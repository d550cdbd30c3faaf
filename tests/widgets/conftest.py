"""Panels for tests: one that stands alone, one on a loop with a page."""

import asyncio

import pytest

from pages import Page
from ppl_widgets import ScalePanel
from ppl_widgets.clock import Clock


@pytest.fixture
def panel():
    made = ScalePanel()
    yield made
    made.close()


@pytest.fixture
def live(monkeypatch):
    """Run `scene(panel, page)` on a loop, with a panel that has a page, and look round after it."""

    def run(scene, **settings):
        async def whole():
            panel = ScalePanel(**settings)
            page = Page(panel, monkeypatch)
            try:
                await scene(panel, page)
            finally:
                panel.close()
            await asyncio.sleep(0.02)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert not Clock._clocks

        asyncio.run(whole())

    return run
