"""play.py in a folder of its own: what it does on a first, a second and a troubled start."""

import ast
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("play.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(HERE / name, tmp_path)
    return tmp_path


@pytest.fixture
def play(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """play.py of that folder, which notes the commands it would run instead of running them."""
    spec = importlib.util.spec_from_file_location("play", folder / "play.py")
    assert spec
    assert spec.loader
    play = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(play)
    play.steps, play.became = [], []

    def run(*command: object) -> None:
        play.steps.append(" ".join(map(str, command)))
        if "-m venv" in play.steps[-1]:
            play.PYTHON.parent.mkdir(parents=True)
            play.PYTHON.touch()

    monkeypatch.setattr(play, "run", run)
    monkeypatch.setattr(play, "become", lambda *words: play.became.append(words))
    monkeypatch.chdir(folder)
    return play


def refusal(play: ModuleType, *words: str) -> int:
    """Start, expect to be stopped; the exit status."""
    with pytest.raises(SystemExit) as stopped:
        play.main(list(words))
    return stopped.value.code


def test_first_start_installs_with_the_constraints_and_opens_the_notebook(play):
    play.main(["--no-browser", "--port=0"])
    assert [step.split(" -m ")[1] for step in play.steps] == [
        f"venv {play.VENV}",
        "pip install --disable-pip-version-check -c constraints.txt -e .[lab]",
    ]
    [(module, first, *words)] = play.became
    assert (module, first) == ("jupyterlab", f"--LabApp.default_url=/lab/tree/{play.NOTEBOOK}")
    assert words[-2:] == ["--port=0", "--no-browser"]


def test_second_start_sets_nothing_up(play):
    play.main([])
    play.steps.clear()
    play.main([])
    assert play.steps == []


def test_test_adds_its_extras_and_going_back_keeps_them(play):
    play.main([])
    play.steps.clear()
    play.main(["test", "-k", "elbo", "tests/core"])
    assert [step.split(" -e ")[1] for step in play.steps] == [".[app,dev,lab,pages,test]"]
    play.main(["app"])
    play.main([])
    assert len(play.steps) == 1
    assert play.became[1] == ("pytest", "-k", "elbo", "tests/core")


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed_into_the_same_environment(play, folder, name):
    play.main([])
    play.steps.clear()
    (folder / name).write_text((folder / name).read_text() + "# another line\n")
    play.main([])
    assert [step.split(" -m ")[1][:3] for step in play.steps] == ["pip"]


def test_app_serves_the_notebook_in_voila(play):
    play.main(["app", "--no-browser"])
    module, notebook, *words = play.became[0]
    assert (module, notebook) == ("voila", play.GALLERY)
    assert words[-1] == "--no-browser"
    assert (HERE / notebook).exists()


@pytest.mark.parametrize("words", [[], ["elsewhere"]])
def test_pages_are_written_from_the_notebooks(play, words):
    play.main(["pages", *words])
    assert ".[lab,pages]" in play.steps[-1]
    assert play.became == [("ppl_widgets.export.site", "tutorials", *(words or ["pages"]))]


@pytest.mark.parametrize(("platform", "asked"), [("linux", True), ("darwin", False)])
def test_cpu_adds_an_index_on_linux_only(play, monkeypatch, platform, asked):
    monkeypatch.setattr(sys, "platform", platform)
    play.main(["--cpu"])
    assert (f"--extra-index-url {play.CPU_WHEELS}" in play.steps[-1]) == asked
    assert "--cpu" not in play.became[0]


def test_an_unfinished_environment_is_made_again(play, monkeypatch):
    def interrupted(*command: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(play, "run", interrupted)
        assert refusal(play) == 130
    assert play.STAMP.read_text() == "unfinished"
    leftover = play.VENV / "half-made"
    leftover.touch()
    play.main([])
    assert "-m venv" in play.steps[0]
    assert not leftover.exists()


def test_an_environment_of_another_python_or_place_is_made_again(play):
    play.main([])
    play.STAMP.write_text(play.STAMP.read_text().replace("Python 3", "Python 2"))
    play.steps.clear()
    play.main([])
    assert "-m venv" in play.steps[0]


def test_somebody_elses_environment_is_left_alone(play, capsys):
    play.VENV.mkdir()
    (play.VENV / "precious").touch()
    assert refusal(play) == 1
    assert "not made by play.py" in capsys.readouterr().err
    assert (play.VENV / "precious").exists()
    assert play.steps == []


def test_old_python_is_told_what_it_takes(play, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    assert refusal(play) == 1
    assert "needs Python 3.11 or newer; this is 3.8" in capsys.readouterr().err
    ast.parse((HERE / "play.py").read_text(), feature_version=(3, 8))


def test_python_without_venv_is_told_what_to_install(play, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert refusal(play) == 1
    assert f"apt install python3.{sys.version_info[1]}-venv" in capsys.readouterr().err


def test_too_little_disk_is_said_before_anything_is_fetched(play, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100e9, 99e9, 1e9))
    assert refusal(play) == 1
    assert "needs 2.5 GB of free disk" in capsys.readouterr().err
    assert not play.VENV.exists()


def test_a_port_in_use_is_passed_over_and_said(play, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (chosen, *rest) = play.with_free_port(["--no-browser", "--port", str(port)], 8888)
    assert int(chosen.removeprefix("--port=")) > port
    assert rest == ["--no-browser"]
    assert f"Port {port} is taken" in capsys.readouterr().out


def test_help_shows_the_commands_and_sets_nothing_up(play, capsys):
    play.main(["--help"])
    assert "python play.py test" in capsys.readouterr().out
    assert play.steps == play.became == []


def start(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "play.py", *words]
    environment = os.environ | {"PIP_CONFIG_FILE": os.devnull} | environment
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_failed_download_says_which_and_how_to_go_on(folder):
    """A real start with a real pip, which is not allowed to look anywhere."""
    started = start(folder, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(folder))
    assert started.returncode == 1
    message = started.stderr[started.stderr.index("The set-up stopped") :]
    assert "No matching distribution found for hatchling" in message
    assert "run the same\ncommand again" in message
    assert (folder / ".venv/play.stamp").read_text() == "unfinished"


def test_a_disk_that_fills_up_under_way_is_named(folder):
    (folder / "pip.py").write_text("import sys; sys.exit('OSError: [Errno 28] No space left')")
    (folder / "venv.py").write_text((folder / "pip.py").read_text())
    started = start(folder, PYTHONPATH=str(folder))
    assert started.returncode == 1
    assert "The disk is full" in started.stderr
    assert "Traceback" not in started.stderr
