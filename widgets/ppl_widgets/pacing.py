"""Who looks at a plot, and whether it may be sent another frame.

Each view of a plot acknowledges a frame once it is painted. The slowest view that still looks
sets the pace: at most `WINDOW` frames are on their way to it. A view that leaves a frame
unanswered for `PATIENCE` seconds, or says that it is hidden, no longer looks; it counts again from
its next word on. Times are seconds of any one clock; nothing here reads a clock or waits.
"""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 2
"""Frames that may be unacknowledged."""
PATIENCE = 2.0
"""Seconds a view may take to paint a frame before it counts as gone."""
MEMORY = 60.0
"""Seconds a view that does not look is remembered."""


@dataclass(slots=True)
class _View:
    acknowledged: int
    heard: float
    hidden: bool = False


class Pacing:
    """The views of one plot and the frames on their way to them.

    >>> pace = Pacing(now=0.0)
    >>> pace.ready(0.0)                         # nobody looks
    False
    >>> pace.here("view", 0.0)
    >>> pace.frame(0.0), pace.frame(0.1)
    (1, 2)
    >>> pace.ready(0.2)                         # two are on their way
    False
    >>> pace.acknowledge("view", 1, 0.3); pace.ready(0.3)
    True
    """

    def __init__(self, now: float) -> None:
        self.sent = 0
        self._born = now
        self._views: dict[str, _View] = {}
        self._sent_at: dict[int, float] = {}

    def here(self, view: str, now: float) -> None:
        """A view is new, or on the screen again: what it missed no longer counts."""
        self._views[view] = _View(self.sent, now)

    def away(self, view: str, now: float) -> None:
        """A view says that it is hidden."""
        self._views[view] = _View(self.sent, now, hidden=True)

    def gone(self, view: str) -> None:
        """A view has been removed from its page."""
        self._views.pop(view, None)

    def frame(self, now: float) -> int:
        """Count a frame as sent; return its number."""
        self.sent += 1
        self._sent_at[self.sent] = now
        for name, view in list(self._views.items()):
            if not self._looks(view, now) and now - view.heard > MEMORY:
                del self._views[name]
        return self.sent

    def acknowledge(self, view: str, number: int, now: float) -> None:
        """A view has painted a frame, and with it every earlier one."""
        known = self._views.get(view)
        if known is None:
            known = self._views[view] = _View(0, now)
        known.acknowledged = min(max(known.acknowledged, number), self.sent)
        known.heard = now
        oldest = min(other.acknowledged for other in self._views.values())
        for painted in [n for n in self._sent_at if n <= oldest]:
            del self._sent_at[painted]

    def seen(self, now: float) -> bool:
        """Whether any view looks."""
        return any(self._looks(view, now) for view in self._views.values())

    def ready(self, now: float) -> bool:
        """Whether a frame may be sent: somebody looks, and nobody who looks lags behind."""
        looking = [view for view in self._views.values() if self._looks(view, now)]
        return bool(looking) and all(self.sent - v.acknowledged < WINDOW for v in looking)

    def unseen_for(self, now: float) -> float:
        """Seconds since a view was last heard of; 0 while one looks."""
        if self.seen(now):
            return 0.0
        return now - max((view.heard for view in self._views.values()), default=self._born)

    def _looks(self, view: _View, now: float) -> bool:
        if view.hidden:
            return False
        waiting_since = self._sent_at.get(view.acknowledged + 1)
        return waiting_since is None or now - waiting_since <= PATIENCE
