"""What a program did, and whether a guide fits its model.

pairing   check_pair: one error for the first misfit, as inference raises it
ledger    ledger, shapes: every statement of a run in a table
doctor    check_guide: every finding about a guide, each with its cure
story     story: one statement on its way through the handlers
graph     graph: what depends on what, as a picture
"""

from .doctor import Finding, Findings, check_guide
from .graph import ModelGraph, graph, render_model
from .ledger import Entry, Ledger, ledger, shapes
from .pairing import check_pair, check_signature
from .story import Encounter, Story, story

__all__ = [
    "Encounter",
    "Entry",
    "Finding",
    "Findings",
    "Ledger",
    "ModelGraph",
    "Story",
    "check_guide",
    "check_pair",
    "check_signature",
    "graph",
    "ledger",
    "render_model",
    "shapes",
    "story",
]
