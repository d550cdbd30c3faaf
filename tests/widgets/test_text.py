"""One catalogue: every key is used, every sentence can be filled in, nobody is talked down to."""

import re
import string
from pathlib import Path

import pytest

import ppl_widgets
from ppl_widgets.text import ENGLISH, count, fixed, nats, normal, say, setting

PACKAGE = Path(ppl_widgets.__file__).parent


def test_sentences_take_named_words_only():
    for key, sentence in ENGLISH.items():
        for _, name, spec, _ in string.Formatter().parse(sentence):
            assert name is None or name.isidentifier(), key
            assert not spec, f"{key}: numbers are written by code"


def test_no_sentence_belittles_its_reader():
    for key, sentence in ENGLISH.items():
        for word in ("simply", "wrong", "obvious", "just "):
            assert word not in sentence.lower(), key


def test_every_key_is_used_and_every_used_key_is_known():
    source = "\n".join(
        path.read_text() for path in PACKAGE.rglob("*.py") if "messages" not in path.parts
    )
    patterns = [
        re.escape(found).replace(r"\{", "{").replace(r"\}", "}")
        for found in re.findall(r'say\(\s*f?"([^"]+)"', source)
    ]
    patterns = [re.compile(re.sub(r"{[^}]*}", ".+", pattern) + "$") for pattern in patterns]
    unused = [key for key in ENGLISH if not any(pattern.match(key) for pattern in patterns)]
    # Labels and helps are said by `spoken`, under the names of the controls.
    unused = [key for key in unused if not key.startswith(("label.", "help."))]
    assert unused == []
    for pattern in patterns:
        assert any(pattern.match(key) for key in ENGLISH), pattern.pattern


def test_unknown_key_or_missing_word_error():
    with pytest.raises(KeyError):
        say("no.such")
    with pytest.raises(KeyError):
        say("training.status", seed="1")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (count(1240), "1,240"),
        (fixed(9.136), "9.14"),
        (fixed(-0.004), "0.00"),
        (fixed(1.4621, 3), "1.462"),
        (fixed(-2.5e9), "-2.5e+09"),
        (fixed(float("nan")), "not a number"),
        (nats(0.0), "0.000 nats"),
        (nats(0.0004), "<0.001 nats"),
        (nats(float("inf")), "infinite nats"),
        (normal(9.14, 0.6), "N(9.14, 0.60)"),
        (setting(0.001), "0.001"),
        (setting(2500), "2,500"),
        (setting("Adam"), "Adam"),
    ],
)
def test_numbers_as_a_reader_sees_them(written, expected):
    assert written == expected
