"""Set up the playground, then play.

    python play.py          open the first notebook in JupyterLab
    python play.py app      every panel on one page (Voila), for a live demo
    python play.py pages    write all notebooks as web pages that need no kernel, into `pages`
    python play.py test     run every test; what follows goes to pytest

    --cpu                   on Linux: PyTorch without its 3 GB of NVIDIA libraries

Other words are handed on: `python play.py --no-browser --port 9000`, `python play.py test -k elbo`.
The first start makes `.venv` beside this file and takes minutes; later ones are instant.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "play.stamp"  # where, what and which extras; "unfinished" until all of it is there
NOTEBOOK = "tutorials/00_start_here.ipynb"
GALLERY = "tutorials/15_gallery.ipynb"
PROMPT = "--Voila.kernel_websocket_connection_class=ppl_widgets.server.PromptConnection"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
EXTRAS = {
    "lab": {"lab"},
    "app": {"lab", "app"},
    "pages": {"lab", "pages"},
    "test": {"lab", "app", "pages", "test", "dev"},
}
ROOM = 2.5e9  # bytes: 1.3 GB of environment, 2.0 with the tests' tools, and pip's own scratch


def main(words: list[str]) -> None:
    """Do what the command line asks; say in plain words what stands in the way."""
    try:
        play(words)
    except KeyboardInterrupt:
        stop("Stopped. The next start takes up from here.", status=130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        stop(
            f"The disk is full: {ROOT}, or {tempfile.gettempdir()} for what is being unpacked.",
            "Make some room, then run the same command again.",
        )


def play(words: list[str]) -> None:
    """Prepare what the task needs, then become it."""
    if words[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return
    cpu = "--cpu" in words
    words = [word for word in words if word != "--cpu"]
    task = words.pop(0) if words and words[0] in EXTRAS else "lab"
    os.chdir(ROOT)
    prepare(EXTRAS[task], cpu)
    if task == "test":
        become("pytest", *words)
    elif task == "app":
        shown = ("--show_tracebacks=True", PROMPT)
        become("voila", GALLERY, *shown, *with_free_port(words, 8866))
    elif task == "pages":
        become("ppl_widgets.export.site", "tutorials", *(words or ["pages"]))
    else:
        root = ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []  # a container
        first = f"--LabApp.default_url=/lab/tree/{NOTEBOOK}"
        become("jupyterlab", first, *root, *with_free_port(words, 8888))


def prepare(extras: set[str], cpu: bool) -> None:
    """Make `.venv` hold these extras, unless its stamp says that it does."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.version_info < (3, 11):
        stop(
            f"The playground needs Python 3.11 or newer; this is {version} ({sys.executable}).",
            "Install a newer one (python.org/downloads) and start with it: python3.12 play.py",
        )
    place = f"Python {version} in {ROOT}"
    files = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    pins = hashlib.sha256(files).hexdigest()
    stamp = STAMP.read_text().splitlines() if STAMP.exists() else []
    ours = PYTHON.exists() and stamp[:1] == [place]
    if ours:
        extras = extras | set(stamp[2].split())
    else:
        make_environment(version, cpu)
    want = [place, pins, " ".join(sorted(extras))]
    if stamp != want:
        if ours:
            print("Bringing .venv up to date: a minute or so.", flush=True)
        STAMP.write_text("unfinished")
        source = ["--extra-index-url", CPU_WHEELS] if cpu and sys.platform == "linux" else []
        pip = (PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *source)
        pip += ("--quiet",) if ours else ()  # the first time, progress is worth its many lines
        run(*pip, "-c", "constraints.txt", "-e", f".[{','.join(sorted(extras))}]")
        STAMP.write_text("\n".join(want))


def make_environment(version: str, cpu: bool) -> None:
    """A new `.venv` with nothing but pip, in the place of an unfinished or moved one of ours."""
    if VENV.exists() and not STAMP.exists():
        stop("The .venv here was not made by play.py. Rename or delete it, then start again.")
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        stop(
            "This Python cannot make environments. On Debian and Ubuntu this mends it:",
            f"    sudo apt install python{version}-venv",
        )
    free = shutil.disk_usage(ROOT).free
    if free < ROOM:
        stop(f"The playground needs {ROOM / 1e9} GB of free disk; {ROOT} has {free / 1e9:.1f}.")
    print(f"Making an environment in {VENV}: some minutes, this once.")
    if sys.platform == "linux" and not cpu:
        print("PyTorch for Linux brings NVIDIA's libraries: 3 GB to fetch, 5 GB on disk.")
        print("No NVIDIA card? Ctrl-C, and start again with --cpu: 0.3 GB and 1.3 GB.")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir(exist_ok=True)
    STAMP.write_text("unfinished")
    run(sys.executable, "-m", "venv", VENV)
    settings = VENV / "share/jupyter/lab/settings"
    settings.mkdir(parents=True)  # JupyterLab's question about news would hide the panel
    news = '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}'
    (settings / "overrides.json").write_text(news)


def run(*command: str | Path) -> None:
    """One step of the set-up; if it fails, stop, and say why and how to go on."""
    words, said = list(map(str, command)), ""
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stderr or ():
            sys.stderr.write(line)
            said += line
    if process.returncode and ("No space left" in said or "not enough space" in said):
        raise OSError(errno.ENOSPC, "disk full")
    if process.returncode:
        errors = [line.split("ERROR: ")[1] for line in said.splitlines() if "ERROR: " in line]
        stop(
            f"The set-up stopped: {(errors or [' '.join(words) + ' failed'])[-1]}",
            "Is the network there, and is this Python one that PyTorch serves? Then run the same",
            "command again: files that have arrived whole are not fetched twice.",
        )


def with_free_port(words: list[str], usual: int) -> list[str]:
    """The words with a `--port` nobody listens on: the one asked for, or the next free one."""
    parser = argparse.ArgumentParser(prog="play.py", add_help=False, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=usual)
    asked, rest = parser.parse_known_args(words)
    for port in range(asked.port, asked.port + 100):
        with contextlib.suppress(OSError, OverflowError):
            socket.create_server(("127.0.0.1", port)).close()
            if port != asked.port:
                print(f"Port {asked.port} is taken; this one is on {port}.")
            return [f"--port={port}", *rest]
    return stop(f"No port from {asked.port} on is free. Choose another with --port.")


def become(module: str, *words: str) -> None:
    """Turn into `python -m module words`: Ctrl-C and the exit status are that program's own."""
    command = [str(PYTHON), "-m", module, *words]
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while process.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
    sys.exit(process.returncode)


def stop(*message: str, status: int = 1) -> NoReturn:
    """Leave with a message for a person, line by line."""
    sys.stdout.flush()
    print("", *message, sep="\n", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
