"""Exercises: what every verdict may say, and one file a notebook.

`hint` says what a known slip's number is, `look` where to see it, and `sibling` works out a
question of the same kind.
"""

from . import (
    amortizing,
    balancing,
    bending,
    conditioning,
    contract,
    general,
    inside,
    looking,
    many,
    proposing,
    racing,
    sampling,
    storing,
    weighing,
)

PARTS = (
    general,
    sampling,
    conditioning,
    looking,
    weighing,
    proposing,
    contract,
    storing,
    balancing,
    racing,
    bending,
    many,
    amortizing,
    inside,
)

MESSAGES = {key: sentence for part in PARTS for key, sentence in part.MESSAGES.items()}
