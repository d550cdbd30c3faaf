"""What a cell shows, where pages are made of notebooks: a panel gives its page as well."""

from typing import Any

from IPython.core.getipython import get_ipython

from .page import fragment, page_data

PANEL = ("ppl_widgets.panels.base", "LivePanel")


def announce() -> None:
    """From now on a panel that a cell ends in has HTML beside its other forms, in this kernel."""
    shell: Any = get_ipython()
    shell.display_formatter.formatters["text/html"].for_type_by_name(*PANEL, page_of)


def page_of(panel: Any) -> str:
    """The place of a panel in a page, its data inside."""
    return fragment(page_data(panel.session, panel._figures, panel._desk, usual=panel.page_grid))
