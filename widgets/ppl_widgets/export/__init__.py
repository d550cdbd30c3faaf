"""Panels as web pages: no kernel, no network.

In reading order:

    beliefs    what a picture needs beside the run, in tensors
    trained    a panel that trains in its page: programs as JavaScript
    recorded   a panel that cannot: its run, and its answers over a grid
    page       scripts, styles and data as one file
    site       all notebooks as pages beside one script
"""

from .page import fragment, page_data, save, standalone

__all__ = ["fragment", "page_data", "save", "standalone"]
