"""German: one file a panel, with English's keys; the exercises are told in English."""

from ..english import exercises
from . import (
    amortizing,
    balancing,
    bending,
    breaking,
    common,
    conditioning,
    decoding,
    exploring,
    export,
    forward,
    gallery,
    looking,
    many,
    pictures,
    proposing,
    racing,
    sampling,
    storing,
    using,
    weighing,
)

IN_ENGLISH = (exercises,)
"""Parts that speak English here too: nobody has translated them yet."""

PARTS = (
    breaking,
    balancing,
    bending,
    common,
    pictures,
    weighing,
    forward,
    conditioning,
    looking,
    proposing,
    many,
    storing,
    using,
    racing,
    sampling,
    amortizing,
    decoding,
    gallery,
    exploring,
    export,
    *IN_ENGLISH,
)

MESSAGES = {key: sentence for part in PARTS for key, sentence in part.MESSAGES.items()}
