"""The pictures of a program of somebody's own: what is asked, how the run goes, what moved."""

from typing import TYPE_CHECKING

from ...figures import Figure, Points, filled
from . import answer, progress

if TYPE_CHECKING:
    from ...exploring.explored import Explored

__all__ = ["frame", "stage", "texts"]


def stage(told: "Explored") -> dict[str, Figure]:
    """The answer, the run, and what moved in it."""
    figures = {
        "main": answer.stage(told),
        "progress": progress.stage(told),
        "values": progress.values_stage(told),
    }
    return filled(figures, frame(told))


def frame(told: "Explored") -> dict[str, Points]:
    """The points of every live trace now."""
    return {**answer.frame(told), **progress.frame(told), **progress.values_frame(told)}


def texts(told: "Explored") -> dict[str, str]:
    """Captions and direct labels."""
    return {**answer.texts(told), **progress.texts(told)}
