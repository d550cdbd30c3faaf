"""A plain PNG of one plot, for places where no browser draws: a saved notebook, a mail, a test.

It shows what is certain with the standard library and numpy: axes with their numbers, curves with
their dashes, dots, and a key. The panel on the page is the better picture.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ppl_widgets.theme import INK, PALETTE, PAPER

# Five rows of three dots to a letter, each row one octal digit.
_LETTERS = "0123456789.-=abcdefghijklmnopqrstuvwxyz"
_ROWS = (
    "755572622771747717175571174717747577112275757757170000200700070702575565656"
    "344436555674647746443455355755722271115255655444475775565555255526564425563"
    "656553421672222555575555255775552555522271247"
)
_GLYPHS = {letter: _ROWS[5 * k : 5 * k + 5] for k, letter in enumerate(_LETTERS)}
_DASHES = {"dash": (8.0, 5.0), "dot": (2.0, 4.0), "dashdot": (9.0, 8.0)}


def picture(
    figure: Mapping[str, Any],
    points: Mapping[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]],
    width: int = 640,
    key: bool = True,
) -> bytes:
    """The PNG, `width` pixels wide and 5:8 as high, on white.

    Args:
        figure: a plotly figure dict with fixed, linear axes.
        points: uid -> (x, y) of its live traces; filled areas are left out.
        key: whether the names of the traces stand above.
    """
    height = width * 5 // 8
    sheet = _Sheet(width, height)
    layout = figure.get("layout", {})
    (x0, x1), (y0, y1) = (layout.get(k, {}).get("range") or (0, 1) for k in ("xaxis", "yaxis"))
    left, right, top, bottom = 56, width - 14, 34 if key else 14, height - 30
    across, up = (right - left) / (x1 - x0), (top - bottom) / (y1 - y0)
    grid, axis = _rgb(INK["light"]["grid"]), _rgb(INK["light"]["axis"])
    for value, words in _ticks(x0, x1):
        at = left + (value - x0) * across
        sheet.line([at, at], [top, bottom], 1, grid)
        sheet.write(words, at - 4 * len(words), bottom + 9, axis)
    for value, words in _ticks(y0, y1):
        at = bottom + (value - y0) * up
        sheet.line([left, right], [at, at], 1, grid)
        sheet.write(words, left - 8 - 8 * len(words), at - 5, axis)
    sheet.line([left, left, right], [top, bottom, bottom], 1.2, axis)
    pen = left
    for trace in figure.get("data", ()):
        line, name = trace.get("line", {}), trace.get("name", "")
        dotted = trace.get("mode") == "markers"
        if trace.get("fill") == "toself" or not (dotted or line.get("width")):
            continue
        if "grip" in trace.get("meta", {}):
            continue  # there is nothing to drag on a still
        x, y = points.get(trace.get("uid"), (trace.get("x", ()), trace.get("y", ())))
        role = trace.get("meta", {}).get("role", "exact")
        style = (line["width"], _rgb(PALETTE["light"][role]), _DASHES.get(line.get("dash")))
        px = left + (np.asarray(x, float) - x0) * across
        py = bottom + (np.asarray(y, float) - y0) * up
        inside = (px >= left) & (px <= right) & (py >= top) & (py <= bottom)
        if dotted:
            size, keen = trace.get("marker", {}).get("size", 4), trace.get("opacity", 1.0)
            sheet.dots(px[inside], py[inside], size, style[1], keen)
        else:
            sheet.line(np.where(inside, px, np.nan), py, *style)
        if name and key:
            if dotted:
                sheet.dots([pen + 13], [18], 7, style[1])
            else:
                sheet.line([pen, pen + 26], [18, 18], *style)
            sheet.write(name, pen + 32, 13, _rgb(INK["light"]["text"]))
            pen += 48 + 8 * len(name)
    return sheet.png()


class _Sheet:
    """White paper with strokes on it: `ink` is (height, width, 3), 0 to 255."""

    def __init__(self, width: int, height: int) -> None:
        self.ink = np.empty((height, width, 3))
        self.ink[:] = _rgb(PAPER["light"])

    def line(
        self,
        xs: npt.ArrayLike,
        ys: npt.ArrayLike,
        width: float,
        colour: npt.NDArray[np.float64],
        dash: tuple[float, float] | None = None,
    ) -> None:
        """A smooth stroke through points in pixels; NaN breaks it."""
        x, y = np.asarray(xs, float), np.asarray(ys, float)
        gone = 0.0
        for k in np.flatnonzero(np.isfinite(x[:-1] + x[1:] + y[:-1] + y[1:])):
            length = math.hypot(x[k + 1] - x[k], y[k + 1] - y[k])
            self._segment(x[k : k + 2], y[k : k + 2], length, width, colour, dash, gone)
            gone += length

    def dots(
        self,
        xs: npt.ArrayLike,
        ys: npt.ArrayLike,
        size: float,
        colour: npt.NDArray[np.float64],
        opacity: float = 1.0,
    ) -> None:
        """Squares of `size` pixels around points."""
        half = max(1, round(size / 2))
        for x, y in zip(np.asarray(xs, float), np.asarray(ys, float), strict=True):
            patch = self.ink[
                max(0, round(y) - half) : round(y) + half, max(0, round(x) - half) : round(x) + half
            ]
            patch += opacity * (colour - patch)

    def _segment(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.float64],
        length: float,
        width: float,
        colour: npt.NDArray[np.float64],
        dash: tuple[float, float] | None,
        gone: float,
    ) -> None:
        """One straight piece, `gone` pixels after the stroke's beginning."""
        rows, columns, _ = self.ink.shape
        reach = width / 2 + 1
        west, east = max(0, int(min(x) - reach)), min(columns, int(max(x) + reach) + 1)
        north, south = max(0, int(min(y) - reach)), min(rows, int(max(y) + reach) + 1)
        if west >= east or north >= south:
            return
        gx, gy = np.meshgrid(np.arange(west, east) - x[0], np.arange(north, south) - y[0])
        ux, uy = (x[1] - x[0]) / (length or 1), (y[1] - y[0]) / (length or 1)
        along = np.clip(gx * ux + gy * uy, 0, length)
        cover = np.clip(width / 2 + 0.5 - np.hypot(gx - along * ux, gy - along * uy), 0, 1)
        if dash:
            cover = cover * ((along + gone) % sum(dash) < dash[0])
        patch = self.ink[north:south, west:east]
        patch += cover[..., None] * (colour - patch)

    def write(self, words: str, left: float, top: float, colour: npt.NDArray[np.float64]) -> None:
        """Small capitals, 8 pixels a letter; what has no glyph is left out."""
        for place, letter in enumerate(words.lower()):
            for row, dots in enumerate(_GLYPHS.get(letter, "")):
                for column in (c for c in range(3) if int(dots) & (4 >> c)):
                    y, x = int(top) + 2 * row, int(left) + 8 * place + 2 * column
                    self.ink[max(y, 0) : y + 2, max(x, 0) : x + 2] = colour

    def png(self) -> bytes:
        """The sheet as a PNG file."""
        rows, columns, _ = self.ink.shape
        raw = np.zeros((rows, 1 + 3 * columns), np.uint8)
        raw[:, 1:] = self.ink.round().astype(np.uint8).reshape(rows, -1)
        head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
        chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(raw.tobytes(), 9)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )


def _rgb(colour: str) -> npt.NDArray[np.float64]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)


def _ticks(low: float, high: float) -> Iterator[tuple[float, str]]:
    """About six round numbers between two ends, as written on an axis."""
    unit = 10.0 ** math.floor(math.log10((high - low) / 6))
    step = next(n * unit for n in (1, 2, 5, 10) if n * unit >= (high - low) / 6)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        yield k * step, f"{k * step:.{places}f}"
