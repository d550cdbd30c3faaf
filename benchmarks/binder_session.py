"""What a Binder session costs: every notebook on its base image's versions, one core, 1 GB.

    python benchmarks/binder_session.py                  all notebooks
    python benchmarks/binder_session.py 00 04            those that begin so

Prints for each notebook: seconds by the clock, CPU seconds, and the largest memory of its kernel.
The versions are read from repo2docker's list for the Python of binder/runtime.txt; those that a
kernel uses are installed beside the environment, and go first.
"""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, NoReturn

HERE = Path(__file__).parents[1]
TUTORIALS = HERE / "tutorials"
KERNEL = (
    "comm",
    "decorator",
    "ipykernel",
    "ipython",
    "ipywidgets",
    "jupyter_client",
    "jupyter_core",
    "nbclient",
    "traitlets",
)
"""What runs in a kernel, or starts it."""
MEMORY = 1 << 30
PATIENCE = 300


class Cost(NamedTuple):
    """What a notebook took."""

    seconds: float
    cpu: float
    megabytes: float


def missing() -> NoReturn:
    """Without repo2docker nobody here knows what Binder has."""
    sys.exit("repo2docker is not installed here; `python play.py test` installs it")


def base_versions() -> dict[str, str]:
    """What the base image holds of `KERNEL`, by repo2docker's own list."""
    python = (HERE / "binder/runtime.txt").read_text().strip().replace("python-", "py-")
    [folder] = (find_spec("repo2docker") or missing()).submodule_search_locations or missing()
    listed = Path(folder, f"buildpacks/conda/environment.{python}-linux-64.lock").read_text("utf-8")
    found = re.findall(r"/(" + "|".join(KERNEL) + r")-(\d[^-/]*)-[^/]*\.conda", listed)
    return dict(found)


@cache
def base(folder: Path) -> dict[str, str]:
    """The base image's packages in a folder of their own, and what they are."""
    wanted = base_versions()
    if not folder.exists():
        pins = [f"{name}=={number}" for name, number in wanted.items()]
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run(
            [*pip, "--no-deps", f"--target={folder}", *pins], check=True, stderr=subprocess.PIPE
        )
    return wanted


RUN = """
import json, resource, sys, time
import nbclient, nbformat
path, folder = sys.argv[1:]
notebook, begin = nbformat.read(path, 4), time.perf_counter()
nbclient.NotebookClient(
    notebook, timeout=120, kernel_name="python3", store_widget_state=False,
    resources={"metadata": {"path": folder}},
).execute()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
print(json.dumps([time.perf_counter() - begin, cpu, used.ru_maxrss / 1e3]))
"""


def confine() -> None:
    """One core, and no more data than `MEMORY`; for the child and all that it starts."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def run(path: Path, folder: Path) -> Cost:
    """A notebook from top to bottom, in a session like Binder's.

    Raises:
        RuntimeError: a cell failed; says which and why.
    """
    base(folder)
    session = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path), str(path.parent)],
        env=os.environ | session,
        preexec_fn=confine,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{path.name}: {done.stderr[-2000:]}")
    return Cost(*json.loads(done.stdout.splitlines()[-1]))


def main(chosen: Sequence[str]) -> None:
    """The table."""
    folder = HERE / ".artifacts/binder-base"
    names = [f"{name} {number}" for name, number in sorted(base(folder).items())]
    print(f"base image: {', '.join(names)}; torch {version('torch')}; 1 core, 1 GB of data")
    print(f"{'notebook':32} {'seconds':>8} {'CPU s':>8} {'RSS MB':>8}")
    for path in sorted(TUTORIALS.glob("*.ipynb")):
        if not chosen or path.stem.startswith(tuple(chosen)):
            print(f"{path.stem:32} {'{:8.1f} {:8.1f} {:8.0f}'.format(*run(path, folder))}")


if __name__ == "__main__":
    begin = time.perf_counter()
    main(sys.argv[1:])
    print(f"{time.perf_counter() - begin:.0f} s in all")
