"""What can go wrong, said once: the error tree, and the nearest name for a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches


class PPLError(Exception):
    """A mistake in a program or its use; the message says what, where and how to mend it."""


class ModelError(PPLError, ValueError):
    """The model is no valid program: a name used twice, an unknown site, a value off support."""


class GuideError(PPLError, ValueError):
    """The guide does not fit its model: a site missing, added or observed, or another signature."""


class ShapeError(PPLError, ValueError):
    """Shapes that do not fit, or that would silently broadcast into a wrong sum."""


class ParamError(PPLError, ValueError):
    """A parameter that is unknown, has no usable initial value, or breaks its constraint."""


class InferenceError(PPLError, RuntimeError):
    """Inference cannot go on; what was reached before stays usable.

    Attributes:
        step: steps completed before the failure, if the algorithm counts them.
        site: the site or parameter to blame, if one could be found.
        cause: why, in a few words.
    """

    def __init__(self, message: str, *, step: int | None = None, site: str = "", cause: str = ""):
        super().__init__(message)
        self.step, self.site, self.cause = step, site, cause


def listing(names: Iterable[str], limit: int = 8) -> str:
    """Names for a message: `a, b, c`, cut after `limit`; `none` if there are none."""
    names = list(names)
    cut = f", and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) + cut) or "none"


def suggestion(name: str, names: Iterable[str]) -> str:
    """The half sentence ` Did you mean 'measurement'?`, or nothing when no name is near.

    >>> suggestion("measurment", ["weight", "measurement"])
    " Did you mean 'measurement'?"
    """
    near = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
