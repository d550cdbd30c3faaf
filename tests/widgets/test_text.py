"""The catalogues: every key is used, every sentence can be filled in, nobody is talked down to."""

import json
import os
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

import ppl_widgets
from ppl_widgets.messages import english, german
from ppl_widgets.messages.english import MESSAGES as ENGLISH
from ppl_widgets.messages.german import MESSAGES as GERMAN
from ppl_widgets.panels.pace import SPEED
from ppl_widgets.scenarios import QUESTIONS, SCENARIOS
from ppl_widgets.text import chosen, count, fixed, nats, normal, say, setting

PACKAGE = Path(ppl_widgets.__file__).parent


def test_sentences_take_named_words_only():
    for key, sentence in ENGLISH.items():
        for _, name, spec, _ in string.Formatter().parse(sentence):
            assert name is None or name.isidentifier(), key
            assert not spec, f"{key}: numbers are written by code"


BELITTLING = {
    "english": (ENGLISH, ("simply", "wrong", "obvious", "just ")),
    "german": (GERMAN, ("einfach ", "falsch", "offensichtlich", "natürlich", "bloß")),
}


@pytest.mark.parametrize(("catalogue", "words"), BELITTLING.values(), ids=BELITTLING)
def test_no_sentence_belittles_its_reader(catalogue, words):
    for key, sentence in catalogue.items():
        for word in words:
            assert word not in sentence.lower(), key


# ---- German


def named(sentence: str) -> list[str]:
    """The parts in braces, each as often as it is said."""
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name)


@pytest.mark.parametrize(
    "part", english.PARTS, ids=lambda part: part.__name__.removeprefix(english.__name__ + ".")
)
def test_german_says_what_english_says(part):
    if part in german.IN_ENGLISH:
        return
    name = part.__name__.replace(english.__name__, german.__name__)
    assert name in [known.__name__ for known in german.PARTS], (
        "translate this part into messages/german, or list it in IN_ENGLISH there"
    )
    translated = sys.modules[name].MESSAGES
    assert translated.keys() == part.MESSAGES.keys()
    for key, sentence in part.MESSAGES.items():
        assert named(translated[key]) == named(sentence), key


def spoken(language: str, code: str) -> subprocess.CompletedProcess[str]:
    """What a child process prints that is told to speak this language."""
    environment = os.environ | {"PPL_LANGUAGE": language, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_panel_speaks_german():
    code = (
        "import json; from ppl_widgets import ScalePanel;"
        "from ppl_widgets.text import fixed, language, listed;"
        "session = ScalePanel().session; before = session.summary(); session.run(3);"
        "print(json.dumps([language, before, session.summary()]));"
        "print(listed(['a', 'b']), fixed(float('inf')))"
    )
    found = spoken("de_DE.UTF-8", code)
    assert found.returncode == 0, found.stderr
    summaries, words = found.stdout.splitlines()
    language, before, after = json.loads(summaries)
    assert language == "de"
    assert before.startswith("Bereit. Gelernt N(8.50, 1.00). Exakt N(9.14, 0.60), geschlossene")
    assert after.startswith("Pause bei Schritt 3. Gelernt ")
    assert words == "a oder b unendlich"


def test_an_unknown_language_is_refused_and_the_known_ones_are_named():
    found = spoken("fr", "import ppl_widgets.text")
    assert found.returncode == 1
    assert found.stderr.endswith("ValueError: PPL_LANGUAGE is 'fr'. Choose en or de.\n")


def test_a_language_is_asked_for_by_its_name_or_its_place():
    asked = ["", "en", "EN", "en_GB.UTF-8", "de", "de_DE", "de-AT"]
    assert [chosen(name) for name in asked] == ["en", "en", "en", "en", "de", "de", "de"]


NAMES = {
    *("SGD", "Adam", "ClippedAdam", "HMC", "NUTS", "ELBO"),
    *("abs", "exp", "softplus", "condition", "obs"),
    *("linear", "normal"),  # words that German shares
}
"""Options that are called alike in both languages."""


def test_every_option_has_its_word_in_both_languages():
    topics = (*SCENARIOS.values(), *QUESTIONS.values())
    controls = [SPEED, *(control for topic in topics for control in topic.controls)]
    options: dict[str, str] = {}
    for control in controls:
        if control.kind == "choice":
            for option, label in zip(control.options, control.labels, strict=True):
                key = f"option.{control.name}.{option}"
                options[key] = option
                assert label == control.text(option) == ENGLISH[key]
    assert options.keys() == {key for key in ENGLISH if key.startswith("option.")}
    for key, option in options.items():
        assert (ENGLISH[key] == GERMAN[key]) == (option in NAMES), key


# ---- keys


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
