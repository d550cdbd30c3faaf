"""The house in order: lint, format, types, who may import whom, and a README that runs."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ppl_core
import truth

HERE = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent


def tool(name: str, *words: str, cwd: Path = HERE, **environment: str) -> tuple[int, str]:
    """Run one of the development tools; its exit status and what it said."""
    program = shutil.which(name, path=str(TOOLS))
    if program is None:
        pytest.skip(f"{name} is not installed here; `python play.py test` installs it")
    done = subprocess.run(
        [program, *words],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=HERE, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [HERE / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.exists() and path.suffix != ".png"]


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check"),
        ("ruff", "format", "--check"),
        ("basedpyright", "--pythonpath", sys.executable),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_tool_finds_nothing(command):
    status, said = tool(*command)
    assert status == 0, said


# ---- who may import whom


def import_contracts(root: Path) -> tuple[int, str]:
    where = os.pathsep.join([str(root), str(root / "widgets")])
    return tool("lint-imports", "--no-cache", "--no-logo", cwd=root, PYTHONPATH=where)


def test_import_contracts_are_kept():
    status, said = import_contracts(HERE)
    assert status == 0, said


@pytest.mark.parametrize(
    ("where", "line", "contract"),
    [
        ("ppl_core/handlers.py", "from . import infer", "The core reads"),
        ("ppl_core/infer/elbo/trace.py", "from .. import svi", "Algorithms stand"),
        ("ppl_core/stray.py", "", "- ppl_core.stray"),
        ("ppl_core/effects.py", "import ppl_widgets", "does not know that widgets"),
        ("widgets/ppl_widgets/session.py", "import ipywidgets", "needs no front end"),
        ("widgets/ppl_widgets/session.py", "from . import plot", "Panels wire"),
        ("widgets/ppl_widgets/figures.py", "import plotly", "needs no front end"),
    ],
)
def test_import_contracts_bite(tmp_path, where, line, contract):
    for package in ("ppl_core", "widgets/ppl_widgets"):
        shutil.copytree(HERE / package, tmp_path / package)
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    with (tmp_path / where).open("a") as file:
        file.write(f"\n{line}\n")
    status, said = import_contracts(tmp_path)
    assert status != 0
    broken = [text for text in said.splitlines() if not text.endswith("KEPT")]
    assert contract in " ".join(broken), said


def test_importing_the_core_brings_no_front_end():
    code = (
        "import sys, ppl_core; print(*{'ipywidgets', 'plotly', 'IPython', 'anywidget',"
        " 'ppl_widgets'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


# ---- what is committed


def test_no_file_names_a_machine_or_a_registry():
    """Paths of one machine and package hosts have no place here; play.py's PyTorch index does."""
    machine = re.compile(r"(?<![\w.~*-])/(?:root|home|work|opt|mnt|Users)/\w|[A-Z]:\\\\?Users")
    registry = re.compile(
        r"https?://[^/\s]*(?:pypi|pythonhosted|npmjs|registry|mirror|proxy|artifactory|nexus)"
        r"|https?://\S+/simple\b|--index-url|find-links"
    )
    found = [
        f"{path.relative_to(HERE)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if machine.search(line) or (registry.search(line) and path != Path(__file__))
    ]
    assert not found


def test_every_constraint_is_a_pin_that_is_installed():
    """What is tested is what constraints.txt promises."""
    from importlib.metadata import PackageNotFoundError, version

    pins = re.findall(r"^([\w-]+)==([\w.]+)", (HERE / "constraints.txt").read_text(), re.M)
    assert len(pins) > 20
    for name, pin in pins:
        with contextlib.suppress(PackageNotFoundError):
            assert version(name).split("+")[0] == pin, name


# ---- the README


def test_readme_example_is_twelve_lines_and_learns():
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", readme, re.S)
    assert len([line for line in example.splitlines() if line.strip()]) == 12
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        exec(example, {})
    a, b = map(float, re.findall(r"\d+\.\d+", said.getvalue()))
    floor = -truth.weigh().log_evidence
    # Seeded. The last of 1,000 steps carries noise: 40 other seeds reached 0.038 nats at most.
    assert truth.expected_loss(a, b) - floor < 0.05


def test_one_version_everywhere():
    version = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (HERE / ".github" / "CITATION.cff").read_text("utf-8")
    changes = (HERE / ".github" / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## (.+)$", changes, re.MULTILINE)[0] == version


def test_readme_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (HERE / "README.md").read_text("utf-8"))
    assert links
    assert not [link for link in links if not (HERE / link).exists()]


@pytest.mark.parametrize("package", ["ppl_core", "widgets/ppl_widgets"])
def test_readme_map_names_every_part_of_a_package_and_no_other(package):
    readme = (HERE / "README.md").read_text("utf-8")
    table = readme.split(f"| `{package}/` | |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", table, re.M))))
    parts = {path.stem for path in (HERE / package).glob("*.py") if path.stem != "__init__"}
    parts |= {path.parent.name for path in (HERE / package).glob("*/__init__.py")}
    assert named == parts


def test_the_core_has_one_map():
    """README and the package's docstring name its parts in one order, which its imports keep."""
    readme = (HERE / "README.md").read_text("utf-8")
    table = readme.split("| `ppl_core/` | |")[1].split("\n\n")[0]
    rows = re.findall(r"^    ([\w, ]+?) {2,}", ppl_core.__doc__ or "", re.M)
    assert re.findall(r"^\| `(\w+)`", table, re.M) == ", ".join(rows).split(", ")


def test_the_reading_path_is_an_afternoon_long():
    """A promise to readers: 4,000 lines with their docstrings, no file over 450."""
    readme = (HERE / "README.md").read_text("utf-8")
    path = readme.split("an afternoon's reading:")[1].split("Each further")[0]
    files = [HERE / "ppl_core" / f"{name}.py" for name in re.findall(r"`([\w/]+)`", path)]
    lines = [len(file.read_text("utf-8").splitlines()) for file in files]
    assert len(files) == 16
    assert sum(lines) < 4000
    assert max(lines) < 450


def test_every_algorithm_is_there_when_it_is_asked_for_and_none_before():
    code = (
        "import sys, ppl_core as ppl\n"
        "assert 'ppl_core.infer.nuts' not in sys.modules\n"
        "missing = [name for name in ppl.infer.__all__ if getattr(ppl.infer, name, None) is None]\n"
        "assert not missing, missing\n"
        "assert callable(ppl.infer.reference)\n"
        "assert set(ppl.infer.__all__) <= set(dir(ppl.infer))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
