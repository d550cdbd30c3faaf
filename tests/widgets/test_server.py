"""The server extension that keeps small messages from waiting for each other."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jupyter_server", reason="needs JupyterLab: pip install 'ppl-playground[lab]'")

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from ppl_widgets import server

CHOICE = "kernel_websocket_connection_class"
CONFIG = Path(__file__).parents[2] / "widgets/jupyter_server_config.d/ppl_widgets.json"


def app_with(choice: type) -> Any:
    return SimpleNamespace(web_app=SimpleNamespace(settings={CHOICE: choice}))


def test_the_usual_connection_is_replaced():
    app = app_with(ZMQChannelsWebsocketConnection)
    server._load_jupyter_server_extension(app)
    assert app.web_app.settings[CHOICE] is server.PromptConnection


def test_another_choice_is_left_alone():
    class Gateway:
        pass

    app = app_with(Gateway)
    server._load_jupyter_server_extension(app)
    assert app.web_app.settings[CHOICE] is Gateway


def test_the_file_of_the_wheel_names_what_is_there():
    named = json.loads(CONFIG.read_text())["ServerApp"]["jpserver_extensions"]
    points = [point["module"] for point in server._jupyter_server_extension_points()]
    assert list(named) == points == [server.__name__]
    assert all(named.values())


def test_nothing_is_held_back_before_the_usual_connection_is_made(monkeypatch):
    done: list[object] = []

    async def usual(self: Any) -> str:
        done.append("usual")
        return "connected"

    class Connection(server.PromptConnection):
        websocket_handler: Any = SimpleNamespace(set_nodelay=done.append)

    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", usual)
    assert asyncio.run(Connection.__new__(Connection).connect()) == "connected"
    assert done == [True, "usual"]


def test_the_server_process_loads_no_torch():
    code = "import sys, ppl_widgets.server; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
