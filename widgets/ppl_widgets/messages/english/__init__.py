"""English: one file a panel, and two for what all of them say."""

from . import (
    balancing,
    bending,
    common,
    conditioning,
    exercises,
    export,
    forward,
    looking,
    pictures,
    proposing,
    using,
    weighing,
)

PARTS = (
    common,
    pictures,
    weighing,
    forward,
    conditioning,
    looking,
    proposing,
    using,
    bending,
    balancing,
    exercises,
    export,
)

MESSAGES = {key: sentence for part in PARTS for key, sentence in part.MESSAGES.items()}
