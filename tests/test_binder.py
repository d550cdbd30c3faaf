"""Binder: its image as repo2docker would write it, its scripts, the notebooks in a session."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import binder_session
import pytest

HERE = Path(__file__).parents[1]
BINDER = HERE / "binder"
NOTEBOOKS = sorted((HERE / "tutorials").glob("*.ipynb"))


def pins(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines()
    return dict(line.split("#")[0].strip().split("==") for line in lines if "==" in line)


@cache
def dockerfile() -> str:
    """What repo2docker would build from the committed files."""
    with_it = Path(sys.executable).parent / "jupyter-repo2docker"
    if not with_it.exists():
        pytest.skip("repo2docker is not installed here; `python play.py test` installs it")
    done = subprocess.run(
        [with_it, "--no-build", "--debug", "--user-id=1000", "--user-name=jovyan", "."],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout + done.stderr


def test_image_has_the_python_that_is_asked_for_and_installs_before_it_copies():
    text = dockerfile()
    python = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"py-2d{python.replace('.', '-2e')}" in text  # the base environment of that Python
    install = text.index("pip install --no-cache-dir -r")
    copy = re.search(r"^COPY .*src/ ", text, re.MULTILINE)
    assert copy
    assert install < copy.start() < text.index("RUN ./binder/postBuild")
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in text
    assert "USER ${NB_USER}" in text[copy.start() :]  # nothing of ours runs as root


def test_python_is_one_that_the_project_allows():
    python = (BINDER / "runtime.txt").read_text().strip()
    allowed = re.search(r'requires-python = ">=([\d.]+)"', (HERE / "pyproject.toml").read_text())
    assert allowed
    assert python == f"python-{allowed[1]}"


def test_pins_are_those_that_are_tested():
    tested, here = pins(HERE / "constraints.txt"), pins(BINDER / "requirements.txt")
    assert here.pop("torch") == f"{tested['torch']}+cpu"
    here.pop("nbgitpuller")  # only a hub needs it
    assert here == {name: tested[name] for name in here}


def test_what_the_project_needs_is_in_the_image_or_in_its_base():
    needed = re.search(r"\ndependencies = \[(.*?)\]", (HERE / "pyproject.toml").read_text(), re.S)
    assert needed
    names = set(re.findall(r'"([\w-]+)', needed[1]))
    assert names <= set(pins(BINDER / "requirements.txt")) | set(binder_session.base_versions())


# ---- its scripts


@pytest.fixture
def image(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder with `pip` and `python` that note what they are called with."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pip", "python"):
        tool = tools / name
        tool.write_text(
            f'#!/bin/bash\necho "{name} $* $PPL_CPU" >> {tmp_path}/calls\n[ ! -e {tmp_path}/bad ]\n'
        )
        tool.chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    return tmp_path, os.environ | {"PATH": path, "NB_PYTHON_PREFIX": str(tmp_path / "env")}


def post_build(environment: dict[str, str]) -> int:
    return subprocess.run([BINDER / "postBuild"], cwd=HERE, env=environment, check=False).returncode


def test_post_build_installs_warms_and_turns_the_news_off(image):
    folder, environment = image
    assert post_build(environment) == 0
    assert (folder / "calls").read_text().splitlines() == [
        "pip install --no-cache-dir --no-deps -e . ",
        "python binder/warm.py x86-64-v3",
    ]
    [settings] = (folder / "env").rglob("overrides.json")
    assert '"fetchNews": "false"' in settings.read_text()


def test_post_build_stops_at_the_first_fault(image):
    folder, environment = image
    (folder / "bad").touch()
    assert post_build(environment) != 0
    assert len((folder / "calls").read_text().splitlines()) == 1


def test_a_session_has_one_thread_and_becomes_what_it_was_asked_for():
    command = [BINDER / "start", "bash", "-c", 'echo "$OMP_NUM_THREADS $PPL_CPU $0"', "two words"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "1 x86-64-v3 two words\n"


def test_scripts_may_be_run():
    assert all(os.access(BINDER / name, os.X_OK) for name in ("start", "postBuild"))


# ---- a session


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("jupyter-repo2docker", path=str(Path(sys.executable).parent)):
        pytest.skip("repo2docker is not installed here; `python play.py test` installs it")
    folder = tmp_path_factory.mktemp("binder") / "base"
    binder_session.base(folder)
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="Binder runs Linux; limits are set as there")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_on_the_versions_of_the_base_image_in_one_core_and_one_gigabyte(path, base):
    cost = binder_session.run(path, base)
    assert cost.megabytes < 600  # a session is promised 450 MB, and may have 2 GB
