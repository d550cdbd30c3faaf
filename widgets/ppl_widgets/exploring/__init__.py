"""Anybody's program on a panel: read it, run it, answer it in several ways, beside the truth.

abbreviations, subject, following   arguments as controls; the program; its newest version
guard                               programs that do not end
sites, face, reading                what a program has, and what a reader may change
guides, draws                       guides that fit it; many runs at once
learning, sampling, workshop        what takes the steps
truth, beside                       what is worked out beside them
room, words, code                   axes; what is said; what is copied
exploration                         all of it under one roof
"""

from .exploration import Exploration
from .following import Followed

__all__ = ["Exploration", "Followed"]
