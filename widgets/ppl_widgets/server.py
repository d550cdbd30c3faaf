"""Jupyter's server, told to pass every message on at once.

A TCP connection may hold a small message back until the one before it has been acknowledged, and
the other side may wait 40 ms before it acknowledges (Nagle's algorithm, RFC 896, meets delayed
acknowledgements, RFC 1122). Tornado leaves both on for a WebSocket. What a kernel answers are small
messages in a row (busy, result, idle), so a slider on the same machine feels 40 ms late.

JupyterLab loads this module as a server extension, from a file that lies in the wheel; Voila takes
`PromptConnection` by its option. Nothing here runs in a kernel.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

__all__ = [
    "PromptConnection",
    "_jupyter_server_extension_points",
    "_load_jupyter_server_extension",
]

_CHOICE = "kernel_websocket_connection_class"


class PromptConnection(ZMQChannelsWebsocketConnection):
    """The usual connection between page and kernel, without the wait before small messages."""

    def connect(self) -> Any:
        """Connect as usual; nothing is held back from now on."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "ppl_widgets.server"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Put `PromptConnection` in the place of the usual one; another choice is left alone."""
    settings = app.web_app.settings
    if settings[_CHOICE] is ZMQChannelsWebsocketConnection:
        settings[_CHOICE] = PromptConnection
