"""The wheel holds everything: built, installed away from the checkout, and imported from there."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]


def python(executable: Path | str, *words: str, cwd: Path) -> str:
    """Run Python where nothing of the checkout is on its path; what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder))
    python(sys.executable, "-m", "pip", "wheel", *options, str(HERE), cwd=folder)
    [wheel] = folder.glob("*.whl")
    return wheel


def test_wheel_holds_every_file_of_both_packages(wheel):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "ppl_core", "widgets/ppl_widgets"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    wanted = {name.removeprefix("widgets/") for name in listed.stdout.split("\0") if name}
    held = set(zipfile.ZipFile(wheel).namelist())
    assert not wanted - held
    assert {"ppl_core/py.typed", "ppl_widgets/py.typed", "ppl_widgets/static/plot.js"} <= held


def test_both_packages_work_from_the_wheel_alone(wheel, tmp_path):
    """A new environment borrows torch and the rest from this one; of ours it has the wheel."""
    venv.create(tmp_path / "env", symlinks=os.name != "nt")
    scripts = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    clean = tmp_path / "env" / scripts
    pip = (sys.executable, "-m", "pip", "--python", str(clean), "install", "--quiet")
    python(*pip, "--no-deps", "--no-index", str(wheel), cwd=tmp_path)
    # Appended to the path, this folder's own .pth files are not read: the editable install, which
    # is one of them, stays unknown.
    packages = python(
        clean, "-c", "import sysconfig as s; print(s.get_path('purelib'))", cwd=tmp_path
    )
    (Path(packages.strip()) / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    code = (
        "import sys, ppl_core, ppl_widgets\n"
        "from ppl_widgets import ScalePanel\n"
        "panel = ScalePanel(); panel.run(10); panel.close()\n"
        "print(ppl_core.__file__, ppl_widgets.__file__, *sys.path, sep='\\n')\n"
    )
    core, widgets, *paths = python(clean, "-c", code, cwd=tmp_path).splitlines()
    assert Path(core).parents[1] == Path(widgets).parents[1] == Path(packages.strip())
    assert str(HERE) not in paths
    assert str(HERE / "widgets") not in paths
