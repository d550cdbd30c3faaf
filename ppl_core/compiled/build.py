"""Text to machine code: the system's C compiler in a child process, and a cache of your own.

A library is kept under a name made of everything it depends on (text, flags, compiler, processor)
and of its own bytes, so a damaged file is never loaded. It appears under that name in one move, so
that two builds at once, or one cut short, leave nothing half written.
"""

import atexit
import contextlib
import ctypes
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from .ops import NotCompiled
from .processor import features, processor

FLAGS = [
    "-O3",
    "-std=gnu11",
    "-shared",
    "-fPIC",
    "-w",
    "-fopenmp-simd",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
]
PATIENCE = 120.0
"""Seconds that a compiler may take."""


class Library:
    """A shared library, loaded."""

    def __init__(self, path: Path):
        self._loaded = ctypes.CDLL(str(path))

    def function(self, name: str) -> Any:
        """One of its functions; calling it lets other threads run."""
        return getattr(self._loaded, name)


def is_built(text: str) -> bool:
    """Whether a text has been compiled before.

    Raises:
        NotCompiled: there is no compiler, or no such processor.
    """
    return _find(cache_folder(), _name(text, compiler(), tuple(FLAGS))) is not None


class Build:
    """A library in the making: a compiler at work in a child process, or a finished file.

    Raises:
        NotCompiled: there is no compiler, or no such processor.
    """

    def __init__(self, text: str, flags: tuple[str, ...] = ()):
        self._compiler = compiler()
        self._name = _name(text, self._compiler, (*FLAGS, *flags))
        self._folder = cache_folder()
        self._process: subprocess.Popen[bytes] | None = None
        self._path = _find(self._folder, self._name)
        self.cached = self._path is not None
        if self._path is None:
            self._start(text, (*FLAGS, *flags))

    def _start(self, text: str, flags: tuple[str, ...]) -> None:
        self._making = Path(tempfile.mkdtemp(prefix="build-", dir=self._folder))
        source = self._making / "step.c"
        source.write_text(text, encoding="utf-8")
        target = f"-march={processor()}"
        command = [
            self._compiler,
            target,
            *flags,
            str(source),
            "-o",
            str(self._making / "step.so"),
            "-lm",
        ]
        with (self._making / "said").open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=self._making
            )
        atexit.register(self.stop)

    def ready(self) -> bool:
        """Whether `library` would answer at once."""
        return self._process is None or self._process.poll() is not None

    def library(self) -> Library:
        """The library, once the compiler is done.

        Raises:
            NotCompiled: the compiler refused, was stopped or took too long.
        """
        if self._path is None:
            self._path = self._finish()
        try:
            return Library(self._path)
        except OSError as error:
            self._path.unlink(missing_ok=True)
            raise NotCompiled(f"the compiled step cannot be loaded: {error}") from None

    def _finish(self) -> Path:
        assert self._process is not None
        try:
            status = self._process.wait(PATIENCE)
            said = (self._making / "said").read_text("utf-8", "replace").strip()
            if status:
                first = next((line for line in said.splitlines() if "error" in line), said[:200])
                raise NotCompiled(f"{Path(self._compiler).name} ended with {status}: {first}")
            made = self._making / "step.so"
            made.chmod(0o600)
            path = self._folder / f"{self._name}-{_digest(made.read_bytes())}.so"
            made.replace(path)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotCompiled(f"the compiler did not finish: {error}") from None
        finally:
            self.stop()
        return path

    def stop(self) -> None:
        """End the compiler if it is still at work, and clear its bench."""
        atexit.unregister(self.stop)
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None
            shutil.rmtree(self._making, ignore_errors=True)


@cache
def compiler() -> str:
    """The system's C compiler.

    Raises:
        NotCompiled: there is none.
    """
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return found
    raise NotCompiled("there is no C compiler (cc, gcc or clang) on this machine")


@cache
def _identity(program: str, target: str) -> str:
    """A compiler's version and the processor it builds for."""
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=30, check=False
    ).stdout
    return f"{said} {features() if target == 'native' else target}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _name(text: str, program: str, flags: tuple[str, ...]) -> str:
    return _digest("\0".join((text, *flags, program, _identity(program, processor()))).encode())


def _find(folder: Path, name: str) -> Path | None:
    """The cached library of a name, if its bytes are what they were."""
    for path in folder.glob(f"{name}-*.so"):
        with contextlib.suppress(OSError):
            if path.stem == f"{name}-{_digest(path.read_bytes())}":
                return path
            path.unlink()
    return None


@cache
def cache_folder() -> Path:
    """A folder that only this user may open; one for this process where there is no home."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    with contextlib.suppress(OSError, RuntimeError):  # no such home, or not to be written
        folder = Path(home).expanduser() / "ppl-playground"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_private(folder):
            return folder
    temporary = Path(tempfile.mkdtemp(prefix="ppl-playground-"))
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def _is_private(folder: Path) -> bool:
    """Whether a folder is ours, no link, closed to others (or can be), and open to us."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or (hasattr(os, "getuid") and about.st_uid != os.getuid()):
        return False
    if about.st_mode & 0o077:
        folder.chmod(0o700)
    return os.access(folder, os.W_OK | os.X_OK)
