"""The plotly.js of the installed plotly package, made ready for one page.

The script as it lies in the package is wrapped in a module header, for which a browser reads all of
its 4.8 MB twice (it skips the inner function first, and compiles it when the header calls it).
Without the header the page stands still for about a third less. What is sent sets
`window.pplPlotlyScript` and leaves `window.Plotly`, AMD and CommonJS of the page alone.
"""

from __future__ import annotations

from functools import cache
from gzip import compress
from importlib.resources import files

_START, _END = b"var Plotly=", b"window.Plotly = Plotly"


@cache
def plotly_version() -> str:
    """The version of plotly.js, for instance "4.1.1"."""
    with (files("plotly") / "package_data" / "plotly.min.js").open(encoding="utf-8") as script:
        head = script.read(200)
    return head.partition("plotly.js v")[2].split()[0]


@cache
def plotly_script() -> bytes:
    """The script, gzip-compressed once a process (about 1.5 MB)."""
    whole = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return compress(_alone(whole), 6)


def _alone(script: bytes) -> bytes:
    """The script without its module header; if that has another shape, as it is but kept apart."""
    start, end = script.find(_START), script.rfind(_END)
    if 0 <= start < 1000 and end > len(script) - 1000:
        licence, body = script[: script.find(b"*/") + 2], script[start + len(_START) : end]
        scope = b"\n{let define, module, exports; window.pplPlotlyScript="
        return licence + scope + body + b"\n}"
    return (
        b"window.pplPlotlyScript = (function (define, module, exports) {"
        b"const before = window.Plotly;\n" + script + b"\n"
        b"const ours = window.Plotly; window.Plotly = before; return ours; }).call(window);"
    )
