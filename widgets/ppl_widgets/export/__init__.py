"""Panels as web pages: no kernel, no network.

In reading order:

    programs   functions as JavaScript
    sentences  words that a page fills in
    beliefs    what a picture needs beside the run, in tensors
    trained    a panel that trains in its page
    truths     exact answers of the panels that draw, in tensors
    drawn      a panel that draws in its page
    recorded   a panel that can do neither: its run, and its answers over a grid
    page       scripts, styles and data as one file
    outputs    what a cell shows, where pages are made of notebooks
    notebook   a notebook that has been run, as HTML
    site       all notebooks as pages beside one script

What runs in the page is in `static/page`: `trained.js` (with `others.js`), `drawn.js` (with
`kernels.js` and `answers`) and `recorded.js` think; `page.js` hands their answers to the same desk
and plot that a notebook has.
"""

from .page import fragment, page_data, save, standalone

__all__ = ["fragment", "page_data", "save", "standalone"]
