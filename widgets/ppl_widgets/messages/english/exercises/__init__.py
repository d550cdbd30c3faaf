"""Exercises: what every verdict may say, and one file a notebook.

`task` says what is asked, `hint` what a known slip's number is, `look` where to see it, and
`sibling` works out a question of the same kind.
"""

from . import conditioning, general, looking, proposing, sampling, weighing

MESSAGES = {
    key: sentence
    for part in (general, sampling, conditioning, looking, weighing, proposing)
    for key, sentence in part.MESSAGES.items()
}
