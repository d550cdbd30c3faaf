"""English: one file a panel, and two for what all of them say."""

from . import (
    amortizing,
    balancing,
    bending,
    breaking,
    common,
    conditioning,
    exercises,
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

PARTS = (
    sampling,
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
    using,
    racing,
    storing,
    amortizing,
    gallery,
    exercises,
    exploring,
    export,
)

MESSAGES = {key: sentence for part in PARTS for key, sentence in part.MESSAGES.items()}
