"""A cache of its own for every test session: no test reads or leaves anything at home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ppl_core.compiled import build


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        build.cache_folder.cache_clear()
        yield build.cache_folder()
    build.cache_folder.cache_clear()
