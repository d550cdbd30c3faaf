import numpy as np
import plotly.graph_objects as go
import pytest

from ppl_widgets import theme


@pytest.mark.parametrize("shade", ["light", "dark"])
def test_every_line_reaches_a_contrast_of_three_to_one(shade):
    lines = theme.PALETTE[shade]
    weak = {
        role: ratio
        for role, colour in lines.items()
        if role != "band" and (ratio := theme.contrast(colour, theme.PAPER[shade])) < 3
    }
    assert not weak


@pytest.mark.parametrize("shade", ["light", "dark"])
def test_words_reach_four_and_a_half_to_one(shade):
    written = {role for role in theme.ROLES if role not in ("band", "forbidden")}
    paper = theme.PAPER[shade]
    assert all(theme.contrast(theme.PALETTE[shade][role], paper) >= 4.5 for role in written)
    ink = theme.INK[shade]
    assert all(theme.contrast(ink[kind], paper) >= 4.5 for kind in ("text", "quiet"))
    assert theme.contrast(ink["axis"], paper) >= 3


def test_contrast_agrees_with_known_values():
    # WCAG's own examples: #777 on white is 4.48, #767676 the first grey to reach 4.5.
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert theme.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert theme.contrast("#ffffff", "#000000") == pytest.approx(21)


def test_both_shades_know_every_role():
    assert set(theme.PALETTE["light"]) == set(theme.PALETTE["dark"]) == set(theme.ROLES)
    for shade in theme.front().values():
        assert set(shade["line"]) == set(shade["fill"]) == set(theme.ROLES)


def test_no_two_lines_differ_by_colour_alone():
    def looks(role):
        style = theme.series(role)
        return style["line"]["dash"], style["mode"], style.get("fill"), "fillpattern" in style

    assert len({looks(role) for role in theme.ROLES if role != "mark"}) == len(theme.ROLES) - 1


def test_an_unknown_role_is_an_error_that_names_the_roles():
    with pytest.raises(ValueError, match=r"no role 'posterior'.*exact, learned"):
        theme.series("posterior")


@pytest.mark.parametrize("role", theme.ROLES)
def test_plotly_accepts_every_trace_and_the_layout(role):
    trace = theme.trace(role, f"p.{role}", [0, 1], [1, 2], role, label=role, at="peak")
    layout = theme.layout("p", x="step", y="nats", x_range=(0, 1), y_range=(0, 2), key=True)
    figure = go.Figure({"data": [trace], "layout": layout})
    assert figure.data[0].uid == f"p.{role}"
    assert figure.data[0].meta["role"] == role
    assert figure.layout.meta["key"] is True


def test_what_the_caller_says_overrides_the_role():
    trace = theme.trace("learned", "l", [], [], mode="lines", live=False)
    assert trace["mode"] == "lines"
    assert trace["meta"] == {"role": "learned", "live": False}


def test_a_band_is_a_closed_outline_and_a_zone_a_rectangle():
    x, y = theme.band([0, 1, 2], [1, 2, 3], [4, 5, 6])
    np.testing.assert_array_equal(x, [0, 1, 2, 2, 1, 0])
    np.testing.assert_array_equal(y, [1, 2, 3, 6, 5, 4])
    assert x.dtype == y.dtype == np.float32
    assert set(zip(*theme.zone(0, 2, -1, 1), strict=True)) == {(0, -1), (2, -1), (2, 1), (0, 1)}
