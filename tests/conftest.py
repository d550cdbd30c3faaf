"""What every test gets: a store and a seed of its own, and a look round for what it left behind."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ppl_core.compiled.build import cache_folder
from ppl_core.effects import _active
from ppl_core.params import ParamStore

torch.set_num_threads(1)  # two threads on a busy machine are far slower than one


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Compiled programs of these tests: none is read or left at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        cache_folder.cache_clear()
        yield cache_folder()
    cache_folder.cache_clear()


def in_browser(item: pytest.Item) -> bool:
    return item.get_closest_marker("browser") is not None


@pytest.hookimpl(trylast=True)  # the browser tests are marked by their own conftest
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests may take longer, and come last: Playwright keeps an event loop running."""
    for item in filter(in_browser, items):
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))
    items.sort(key=in_browser)


def open_widgets() -> dict[str, object]:
    """Every widget that is not closed, by model id; none while ipywidgets is not imported."""
    module = sys.modules.get("ipywidgets.widgets.widget")
    return dict(module._instances) if module else {}


@pytest.fixture(autouse=True)
def clean_slate() -> Iterator[None]:
    """Each test starts seeded and without parameters, and leaves no handler and no widget."""
    widgets = open_widgets()
    torch.manual_seed(101)
    with ParamStore():
        yield
    handled = bool(_active.outer)
    if handled:  # so that the tests to come do not suffer for this one
        _active.emit = _active.outer[0]
        _active.outer.clear()
    left = {key: widget for key, widget in open_widgets().items() if key not in widgets}
    for widget in left.values():
        widget.close()
    assert not handled, "the test left a handler on the stack: enter handlers with `with`"
    assert not left, f"the test left widgets open, close them: {list(left.values())[:5]}"
