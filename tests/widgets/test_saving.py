"""The button Save HTML: a page beside the notebook, and a sentence that says where, or why not."""

import os

import pytest

from ppl_widgets import ForwardPanel
from ppl_widgets.export import page_data
from ppl_widgets.panels.saving import SERVER, saved


@pytest.fixture
def forward():
    panel = ForwardPanel(num=1)
    yield panel
    panel.close()


def test_a_press_writes_a_page_and_a_second_one_another(forward, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SERVER, raising=False)
    names = ["the-forward-machine.html", "the-forward-machine-2.html"]
    for name in names:
        forward._desk.press("save")
        assert forward._desk.saved == f"Saved as {name}, beside the notebook."
        assert "The forward machine" in (tmp_path / name).read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert forward.session.step == 1


def test_a_demonstration_saves_nothing_and_says_so(forward, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SERVER, "voila/0.5.8")
    forward._desk.press("save")
    assert forward._desk.saved.startswith("Nothing is saved in a demonstration.")
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_takes_no_files_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv(SERVER, raising=False)
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may write anywhere
    assert f"{tmp_path} takes no files" in saved(lambda path: None, "A title", tmp_path)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv(SERVER, raising=False)

    def full(path):
        raise OSError(28, "No space left on device")

    assert saved(full, "A title", tmp_path) == "Not saved: No space left on device."


def test_a_page_has_no_such_button(forward):
    data = page_data(forward.session, forward._figures, forward._desk)
    assert "save" in forward._desk.words
    assert not [word for word in data["words"] if word.startswith("save")]
