"""The compiler is called once per text, in private; what goes wrong leaves nothing behind."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from ppl_core.compiled import NotCompiled, build, processor
from ppl_core.compiled.build import Build, cache_folder, compiler
from ppl_core.compiled.processor import LEVELS

needs_cc = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on this machine"
)
ANSWER = "int answer(void) { return 42; }"


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache_folder.cache_clear()
    yield tmp_path / "cache" / "ppl-playground"
    cache_folder.cache_clear()


def answer(text=ANSWER):
    making = Build(text)
    return making.library().function("answer")(), making.cached


@needs_cc
def test_a_text_is_compiled_once_and_the_bench_is_cleared(fresh_cache):
    assert answer() == (42, False)
    assert answer() == (42, True)
    [kept] = fresh_cache.iterdir()
    assert stat.S_IMODE(fresh_cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@needs_cc
@pytest.mark.parametrize("damage", [b"", b"\x7fELF nonsense"])
def test_a_damaged_file_is_never_loaded(fresh_cache, damage):
    text = ANSWER + f"/* {len(damage)} */"
    answer(text)
    [kept] = fresh_cache.iterdir()
    kept.unlink()  # the library that is loaded here stays whole
    kept.write_bytes(damage)
    assert answer(text) == (42, False)


@needs_cc
def test_a_mistake_is_named_and_leaves_nothing(fresh_cache):
    with pytest.raises(NotCompiled, match=r"ended with 1: .*error"):
        Build("int answer(void) { return forty_two; }").library()
    assert list(fresh_cache.iterdir()) == []


@needs_cc
def test_a_killed_compiler_is_named_and_leaves_nothing(fresh_cache):
    making = Build(ANSWER + "".join(f"int f{i}(int x) {{ return x * {i}; }}" for i in range(5000)))
    making._process.kill()
    with pytest.raises(NotCompiled, match="ended with -9"):
        making.library()
    assert list(fresh_cache.iterdir()) == []


@needs_cc
def test_stopping_leaves_no_process(fresh_cache):
    making = Build(ANSWER + "/* stopped */")
    process = making._process
    making.stop()
    assert process.poll() is not None
    assert list(fresh_cache.iterdir()) == []


@needs_cc
def test_two_processes_may_build_at_once(fresh_cache):
    code = (
        "from ppl_core.compiled.build import Build;"
        f"print(Build({ANSWER!r}).library().function('answer')())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=100)[0] for process in running] == ["42\n", "42\n"]
    assert len(list(fresh_cache.iterdir())) == 1


def test_no_compiler_is_a_reason(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    compiler.cache_clear()
    try:
        with pytest.raises(NotCompiled, match="no C compiler"):
            Build(ANSWER)
    finally:
        compiler.cache_clear()


def test_a_folder_that_others_may_write_is_closed(fresh_cache):
    fresh_cache.mkdir(parents=True)
    fresh_cache.chmod(0o777)
    assert cache_folder() == fresh_cache
    assert stat.S_IMODE(fresh_cache.stat().st_mode) == 0o700


def test_a_link_or_a_file_in_the_way_is_not_followed(fresh_cache, tmp_path):
    fresh_cache.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    fresh_cache.symlink_to(tmp_path / "elsewhere")
    folder = cache_folder()
    assert folder != fresh_cache
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list((tmp_path / "elsewhere").iterdir()) == []
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no users here")
def test_a_folder_of_somebody_else_is_not_used(fresh_cache, monkeypatch):
    fresh_cache.mkdir(parents=True)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    folder = cache_folder()
    assert folder != fresh_cache
    shutil.rmtree(folder)


@needs_cc
@pytest.mark.parametrize("home", ["/proc", "/dev/null", "~nobody-of-this-name"])
def test_a_home_that_cannot_be_written_is_done_without(monkeypatch, home):
    """Not even root may write here; a folder for this process takes its place."""
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    cache_folder.cache_clear()
    folder = cache_folder()
    assert answer() == (42, False)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [it.suffix for it in folder.iterdir()] == [".so"]
    shutil.rmtree(folder)


def test_importing_the_language_does_not_import_this():
    code = "import sys, ppl_core; print([m for m in sys.modules if 'ppl_core.compiled' in m])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


# ---- for which processor


def test_a_level_that_many_share_makes_another_file(fresh_cache, monkeypatch):
    monkeypatch.delenv(processor.VARIABLE, raising=False)
    assert processor.processor() == "native"
    own = build._name("text", "cc", ())
    monkeypatch.setattr(processor, "features", lambda: " ".join(set().union(*LEVELS.values())))
    monkeypatch.setenv(processor.VARIABLE, "x86-64-v3")
    shared = build._name("text", "cc", ())
    assert processor.processor() == "x86-64-v3"
    assert own != shared
    # Another machine of that level finds what this one has built.
    monkeypatch.setattr(build, "features", lambda: "another machine")
    assert build._name("text", "cc", ()) == shared


@pytest.mark.parametrize(
    ("asked", "reason"),
    [("x86-64-v9", "choose native or x86-64-v2"), ("x86-64-v3", "is below x86-64-v3")],
)
def test_a_level_out_of_reach_is_a_reason(monkeypatch, asked, reason):
    monkeypatch.setattr(processor, "features", lambda: " ".join(LEVELS["x86-64-v2"]))
    monkeypatch.setenv(processor.VARIABLE, asked)
    with pytest.raises(NotCompiled, match=reason):
        Build(ANSWER)
