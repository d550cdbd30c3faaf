"""Every colour, dash and width of the panels, for light and dark pages.

A curve is known by its *role*; the role fixes a colour, a dash and (for the learned curve)
markers, so that no meaning rests on colour alone. Python writes the light colours into plain
plotly figures; a browser that shows a dark page replaces them, role by role, from `front()`.

The light palette is taken from Okabe and Ito's colour-blind safe set, darkened where it did not
reach a contrast of 3:1 on white; the dark one is its brightened copy. A test holds both to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Role = Literal["exact", "learned", "prior", "likelihood", "forbidden", "expected", "band", "mark"]
Floats = npt.NDArray[np.float32]

PAPER = {"light": "#ffffff", "dark": "#111111"}
"""The page a panel is read on: white, and JupyterLab's dark."""

PALETTE: dict[str, dict[str, str]] = {
    "light": {
        "exact": "#000000",
        "learned": "#0072b2",
        "prior": "#6b6b6b",
        "likelihood": "#00785a",
        "forbidden": "#d55e00",
        "expected": "#96497b",
        "band": "#56b4e9",
        "mark": "#6b6b6b",
    },
    "dark": {
        "exact": "#ffffff",
        "learned": "#4ba9e4",
        "prior": "#a8a8a8",
        "likelihood": "#2fb98f",
        "forbidden": "#f0803c",
        "expected": "#d992bd",
        "band": "#56b4e9",
        "mark": "#a8a8a8",
    },
}

INK = {
    "light": {"text": "#1f1f1f", "quiet": "#595959", "axis": "#767676", "grid": "#e6e6e6"},
    "dark": {"text": "#e8e8e8", "quiet": "#b0b0b0", "axis": "#8c8c8c", "grid": "#303030"},
}
"""What is not a curve: words, tick labels, axis lines, grid."""

ROLES: tuple[str, ...] = tuple(PALETTE["light"])

_LINES: dict[str, dict[str, Any]] = {
    "exact": {"width": 3, "dash": "solid"},
    "learned": {"width": 2, "dash": "solid"},
    "prior": {"width": 2, "dash": "dash"},
    "likelihood": {"width": 2, "dash": "dot"},
    "forbidden": {"width": 0, "dash": "solid"},
    "expected": {"width": 2, "dash": "dashdot"},
    "band": {"width": 0, "dash": "solid"},
    "mark": {"width": 1, "dash": "dot"},
}
_FILL_ALPHA = {"band": 0.28, "forbidden": 0.07}
MARKERS = 12
"""At most so many markers sit on the learned curve."""


def series(role: str) -> dict[str, Any]:
    """The plotly style of a curve in this role: line, mode, markers, fill, hatch.

    >>> series("prior")["line"]
    {'width': 2, 'dash': 'dash', 'color': '#6b6b6b'}

    Raises:
        ValueError: if the palette knows no such role.
    """
    if role not in _LINES:
        raise ValueError(f"no role {role!r} in the palette; the roles are {', '.join(ROLES)}")
    colour = PALETTE["light"][role]
    style: dict[str, Any] = {"mode": "lines", "line": {**_LINES[role], "color": colour}}
    if role == "learned":
        style["mode"] = "lines+markers"
        style["marker"] = {"size": 7, "color": colour, "maxdisplayed": MARKERS}
    if role in _FILL_ALPHA:
        style["fill"] = "toself"
        style["fillcolor"] = translucent(colour, _FILL_ALPHA[role])
    if role == "forbidden":
        style["fillpattern"] = {"shape": "/", "fgcolor": colour, "size": 8, "solidity": 0.2}
    return style


def trace(
    role: str,
    uid: str,
    x: Sequence[float] | npt.ArrayLike,
    y: Sequence[float] | npt.ArrayLike,
    name: str | None = None,
    *,
    live: bool = True,
    label: str | None = None,
    at: Literal["peak", "left", "right", "start", "end", "inside"] = "end",
    **over: Any,
) -> dict[str, Any]:
    """One plotly scatter trace in a role; `live` ones are drawn from frames.

    `label` is written at the curve itself, `at` says where; `over` overrides plotly's keys.
    """
    meta: dict[str, Any] = {"role": role, "live": live}
    if label is not None:
        meta["label"] = {"text": label, "at": at}
    parts: dict[str, Any] = {"type": "scatter", "uid": uid, "x": x, "y": y, "meta": meta}
    if name is not None:
        parts["name"] = name
    return parts | series(role) | over


def grip(role: str, uid: str, **moves: str) -> dict[str, Any]:
    """A ring on a picture that moves sliders when it is dragged; live, with one or two points.

    `moves` names the controls: `x=` and `y=` take the place on an axis, `reach=` the distance along
    x from the second point.

    >>> grip("prior", "posterior.guess", x="guess")["meta"]["grip"]
    {'x': 'guess'}
    """
    style = trace(role, uid, [], [], mode="markers", marker={"size": 13, "symbol": "circle-open"})
    style["meta"]["grip"] = moves
    return style


def layout(
    title: str,
    *,
    x: str = "",
    y: str = "",
    x_range: Sequence[float],
    y_range: Sequence[float],
    alt: str = "",
    grow: float = 1,
    key: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """The plotly layout all plots share: transparent, fixed axes, no legend, room for the ticks.

    `title` names the plot (heading and tab), `alt` describes it to a screen reader, `grow` is its
    share of the side column's height, `key` asks for a line of swatches with the curves' names.
    """

    def axis(text: str, ends: Sequence[float]) -> dict[str, Any]:
        return {
            "title": {"text": text, "standoff": 4, "font": {"size": 12}},
            "range": list(ends),
            "automargin": False,
            "zeroline": False,
            "showline": True,
            "ticks": "outside",
            "ticklen": 4,
            "nticks": 7,
            "linecolor": INK["light"]["axis"],
            "tickcolor": INK["light"]["axis"],
            "gridcolor": INK["light"]["grid"],
        }

    base: dict[str, Any] = {
        "title": {"text": title},
        "meta": {"alt": alt, "grow": grow, "key": key},
        "xaxis": axis(x, x_range),
        "yaxis": axis(y, y_range),
        "margin": {"l": 54, "r": 20, "t": 8, "b": 40 if x else 24, "pad": 0},
        "font": {"size": 12, "color": INK["light"]["text"]},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": False,
        "dragmode": "zoom",
        "showlegend": False,
        "uirevision": "stage",
    }
    return base | more


def band(x: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The closed outline of the area between two curves over the same x, for `fill="toself"`."""
    across = np.asarray(x, np.float32)
    low, high = np.asarray(lower, np.float32), np.asarray(upper, np.float32)
    return np.concatenate([across, across[::-1]]), np.concatenate([low, high[::-1]])


def zone(x0: float, x1: float, y0: float, y1: float) -> tuple[Floats, Floats]:
    """The outline of a rectangle, for a hatched zone; it may reach beyond the axes."""
    return np.array([x0, x1, x1, x0], np.float32), np.array([y0, y0, y1, y1], np.float32)


def translucent(colour: str, alpha: float) -> str:
    """A `#rrggbb` colour as `rgba(...)` with the given opacity.

    >>> translucent("#56b4e9", 0.25)
    'rgba(86,180,233,0.25)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#rrggbb` colours, from 1 to 21.

    >>> round(contrast("#000000", "#ffffff"))
    21

    Source: WCAG 2.2, relative luminance and contrast ratio.
    """
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def front() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """The palette as the browser needs it: shade -> line colours, fill colours, ink."""
    return {
        shade: {
            "line": dict(PALETTE[shade]),
            "fill": {
                role: translucent(colour, _FILL_ALPHA.get(role, 0.14))
                for role, colour in PALETTE[shade].items()
            },
            "ink": {**INK[shade], "paper": PAPER[shade]},
        }
        for shade in PALETTE
    }
