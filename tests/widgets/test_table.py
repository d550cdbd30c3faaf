"""Tables beside plots: escaped, tied to their heads, sent only when something changed."""

import html.parser

import comm
import pytest

from ppl_widgets import theme
from ppl_widgets.rows import Row, Table
from ppl_widgets.table import LiveTable

HOSTILE = Row(("<b>", 'a "quote" & <script>'), "forbidden")


class Reader(html.parser.HTMLParser):
    """Tags with their attributes, and words, of a piece of HTML."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_whatever_a_cell_says_stays_text():
    read = Reader(Table(("<i>", "x"), [HOSTILE], caption="1 < 2", groups=[("&", 2)]).html())
    assert read.words == ["1 < 2", "&", "<i>", "x", *HOSTILE.cells]
    assert {tag for tag, _ in read.tags} == {"table", "caption", "thead", "tbody", "tr", "th", "td"}


def test_every_head_is_tied_to_its_row_or_column():
    table = Table(("site", "p", "q"), [Row(("w", "1", "2"))], groups=[("", 1), ("both", 2)])
    scopes = [about.get("scope") for tag, about in Reader(table.html()).tags if tag == "th"]
    assert scopes == ["colgroup", "col", "col", "col", "row"]


def test_a_mark_has_its_colour_on_light_and_on_dark():
    [style] = [
        about["style"]
        for _, about in Reader(Table(("a", "b"), [HOSTILE]).html()).tags
        if "data-mark" in about
    ]
    for shade in ("light", "dark"):
        colour = theme.PALETTE[shade]["forbidden"]
        assert f"--{shade}:{colour}" in style
        assert theme.contrast(colour, theme.PAPER[shade]) >= 3.0


@pytest.mark.parametrize(
    ("rows", "groups", "said"),
    [
        ([Row(("one",))], (), "has 1 cells, the table 2 heads"),
        ([Row(("one", "two"), "pink")], (), "no role 'pink'"),
        ([], [("all", 3)], "do not span 2 heads"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(rows, groups, said):
    with pytest.raises(ValueError, match=said):
        Table(("a", "b"), rows, groups=groups)


def test_only_changes_are_sent_and_closing_frees_both_comms(monkeypatch):
    before = len(comm.get_comm_manager().comms)
    live = LiveTable(Table(("a",), [Row(("1",))]), label="demo")
    sent = []
    monkeypatch.setattr(live, "send_state", lambda key=None: sent.append(key))
    assert not live.show(Table(("a",), [Row(("1",))]))
    assert live.show(Table(("a",), [Row(("2",))]))
    assert len(sent) == 1
    live.close()
    assert len(comm.get_comm_manager().comms) == before
    assert not live.show(Table(("a",), []))
