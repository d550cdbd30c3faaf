"""How a panel speaks: sentences from a catalogue, numbers written by code.

`say(key, **parts)` takes text and numbers that are already written, so no sentence decides how many
digits a reader sees. The language is chosen once, when this file is imported:

    PPL_LANGUAGE=de python play.py
"""

import math
import os
from importlib import import_module

VARIABLE = "PPL_LANGUAGE"
LANGUAGES = {"en": "english", "de": "german"}
"""Their names, and the packages of `messages` that hold their words."""


def chosen(asked: str) -> str:
    """The language that is asked for, by its name or by that of a place: `de`, `de_DE.UTF-8`.

    Raises:
        ValueError: nobody has written the messages in that language.

    >>> chosen("de"), chosen("de_DE"), chosen("")
    ('de', 'de', 'en')
    """
    name = asked.replace("-", "_").replace(".", "_").split("_")[0].lower() or "en"
    if name not in LANGUAGES:
        raise ValueError(f"{VARIABLE} is {asked!r}. Choose {' or '.join(LANGUAGES)}.")
    return name


language = chosen(os.environ.get(VARIABLE, ""))
"""What `say` speaks: a name of `LANGUAGES`."""

_SENTENCES: dict[str, str] = import_module(f".messages.{LANGUAGES[language]}", __package__).MESSAGES


def say(key: str, **parts: object) -> str:
    """The catalogue's sentence for `key`, with its parts filled in.

    >>> say("training.status", seed="101", step=count(1240), num_steps=count(2500))
    'seed 101 · step 1,240/2,500'
    """
    return _SENTENCES[key].format(**parts)


def sentence(key: str) -> str:
    """The catalogue's sentence for `key`, its parts in braces, for whoever fills them in elsewhere.

    >>> sentence("drawing.paused")
    'Paused at draw {step}.'
    """
    return _SENTENCES[key]


def count(number: int) -> str:
    """A whole number for reading: `2,500`."""
    return f"{number:,}"


def fixed(value: float, places: int = 2) -> str:
    """A number to so many decimal places; in powers of ten where that would be unreadable.

    >>> fixed(9.14), fixed(-0.001), fixed(3.2e15), fixed(math.inf)
    ('9.14', '0.00', '3.2e+15', 'infinite')
    """
    if not math.isfinite(value):
        return say("number.infinite") if math.isinf(value) else say("number.none")
    if abs(value) >= 1e6:
        return f"{value:.1e}"
    return f"{round(value, places) + 0.0:.{places}f}"


def setting(value: object) -> str:
    """A control's value as a person would write it: `8.5`, `0.001`, `2,500`, `Adam`."""
    if isinstance(value, int):
        return count(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def nats(value: float) -> str:
    """A distance in nats, three places; a small one is bounded, not rounded to nothing.

    >>> nats(0.0041), nats(2e-5), nats(0.0)
    ('0.004 nats', '<0.001 nats', '0.000 nats')
    """
    small = 0.0 < value < 0.0005
    return f"{'<0.001' if small else fixed(value, 3)} nats"


def percent(share: float) -> str:
    """A share for reading: two digits below ten per cent.

    >>> percent(0.2286), percent(0.0457), percent(1.0), percent(0.0)
    ('23 %', '4.6 %', '100 %', '0 %')
    """
    return f"{fixed(100.0 * share, 1 if 0.0 < share < 0.0995 else 0)} %"


def normal(mean: float, sd: float) -> str:
    """A normal distribution by mean and sd.

    >>> normal(9.14, 0.6)
    'N(9.14, 0.60)'
    """
    return f"N({fixed(mean)}, {fixed(sd)})"


def listed(names: list[str], last: str = "") -> str:
    """Names in a sentence; `last` stands before the last of them: the catalogue's "or" if empty.

    >>> listed(["SGD", "Adam", "ClippedAdam"])
    'SGD, Adam or ClippedAdam'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last or say('list.or')} {names[-1]}"
