"""Pages for tests without a browser: what thinks in them, run by node."""

import json
import shutil
import subprocess

import pytest

from ppl_widgets import figures
from ppl_widgets.controls import Desk
from ppl_widgets.export import page_data
from ppl_widgets.export.page import mind
from ppl_widgets.plot import plain_json

node = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")


def said(data, script):
    """What a script says, as JSON, that has the page's data and classes at hand."""
    given = f"const data = {json.dumps(plain_json(data))};"
    say = "const tell = (it) => JSON.stringify(it, (_, x) => ArrayBuffer.isView(x) ? [...x] : x);"
    text = f"{mind()}\n{given}\n{say}\n{script}"
    done = subprocess.run(
        ["node", "-"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def page_of(session, view=figures, grid=None):
    """What the page of this session has to know."""
    desk = Desk(session.scenario.controls, dict(session.controls), title=session.scenario.title)
    try:
        return page_data(session, view, desk, grid)
    finally:
        desk.close()
