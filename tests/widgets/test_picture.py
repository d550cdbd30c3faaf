import struct
import zlib

import numpy as np
import pytest

from ppl_widgets import theme
from ppl_widgets.picture import picture


def pixels(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data, size = 8, b"", (0, 0)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(
            kind + body
        )
        size = struct.unpack(">II", body[:8]) if kind == b"IHDR" else size
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(size[1], 1 + 3 * size[0])
    return rows[:, 1:].reshape(size[1], size[0], 3)


def drawn(x, y, role="learned", **layout):
    figure = {
        "data": [theme.trace(role, "u", [], [], mode="lines")],
        "layout": theme.layout("p", **({"x_range": (0, 1), "y_range": (0, 1)} | layout)),
    }
    return pixels(
        picture(figure, {"u": (np.asarray(x, np.float32), np.asarray(y, np.float32))}, 320)
    )


def like(image, colour):
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return np.abs(image.astype(int) - wanted).sum(-1) < 60


def test_a_curve_stands_where_its_numbers_say():
    image = drawn([0, 1], [0.5, 0.5])
    rows, columns = np.nonzero(like(image, theme.PALETTE["light"]["learned"]))
    top, bottom, left, right = 34, 200 - 30, 56, 320 - 14
    assert np.median(rows) == pytest.approx((top + bottom) / 2, abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((left, right), abs=2)


def test_gaps_and_what_lies_outside_leave_no_trace():
    empty = drawn([], [])
    assert not like(empty, theme.PALETTE["light"]["learned"]).any()
    np.testing.assert_array_equal(drawn([0, np.nan, 1], [0.5, 0.5, 0.5]), empty)
    np.testing.assert_array_equal(drawn([0, 1], [5, 5]), empty)


def test_a_dashed_line_has_less_ink():
    solid = like(drawn([0, 1], [0.5, 0.5], "learned"), "#0072b2").any(0).sum()
    dashed = like(drawn([0, 1], [0.5, 0.5], "likelihood"), "#00785a").any(0).sum()
    assert 0.3 < dashed / solid < 0.9


def test_the_axes_are_numbered():
    assert (drawn([], [], x_range=(0, 1)) != drawn([], [], x_range=(5, 13))).any()
