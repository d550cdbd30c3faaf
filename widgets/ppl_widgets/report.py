"""What a session says about itself in words; numbers and sentences come from the catalogue."""

from typing import TYPE_CHECKING, Any

from .scenarios import SEED
from .text import normal, say, setting

if TYPE_CHECKING:
    from .machine import Machine
    from .session import Session


def summary(session: "Session", state: str) -> str:
    """What just happened, how it stands, and the learned beside the exact answer."""
    learned, exact = session.learned, session.exact
    parts = [session.notice, state]
    if session.error is not None:
        parts.append(session.error)
    if learned is not None:
        parts.append(say("summary.learned", learned=normal(learned.mean, learned.sd)))
    if exact is not None:
        belief = normal(exact.mean, exact.sd)
        parts.append(say("summary.exact", exact=belief, source=exact.source))
    else:
        parts.append(say("summary.no_exact"))
    return " ".join(part for part in parts if part)


def copy_state(session: "Machine[Any]") -> str:
    """One line of Python that makes this panel again: `ScalePanel(guess=9.0, seed=103)`."""
    changed = [f"{name}={value!r}" for name, value in session.controls.changed().items()]
    changed += [f"seed={session.seed}"] if session.seed != SEED.value else []
    return f"{session.scenario.panel}({', '.join(changed)})"


def setting_now(session: "Session", name: str) -> str:
    """Where a control stands, for a mark: `learning rate 0.01`."""
    control = session.controls.control(name)
    return say("mark.value", label=control.label, value=control.text(session.controls[name]))


def axis_now(session: "Machine[Any]", name: str) -> str:
    """The announcement that an axis has grown."""
    low, high = session.view.ranges[name]
    return say("notice.axis", axis=say(f"axis.{name}"), low=setting(low), high=setting(high))
