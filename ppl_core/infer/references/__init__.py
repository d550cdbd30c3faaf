"""The best available truth about a posterior: exact where it can be, and said as what it is."""

from .find import reference, search, unrolled
from .result import Marginal, Reference

__all__ = ["Marginal", "Reference", "reference", "search", "unrolled"]
