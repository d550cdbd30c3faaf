"""Who looks at a plot, and whether it may be sent another frame.

Each view of a plot acknowledges a frame once it is painted. The slowest view that still looks
sets the pace: at most `WINDOW` frames are on their way to it. A view that leaves a frame
unanswered for `PATIENCE` seconds, or says that it is hidden, no longer looks; it counts again from
its next word on. Words may come in another order than they were said, because threads hand them
over: each view numbers its own, and what a removed view said counts for nothing. Times are seconds
of any one clock; nothing here reads a clock or waits.
"""

from __future__ import annotations

from collections import deque
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
    word: int = 0  # the number of its last word about being here or away
    waiting_since: float | None = None  # when the oldest frame it has not painted was sent
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
        self._gone: deque[str] = deque(maxlen=100)

    def here(self, view: str, now: float, word: int = 0) -> None:
        """A view is new, or on the screen again: what it missed no longer counts."""
        if self._is_news(view, word):
            self._views[view] = _View(self.sent, now, word)

    def away(self, view: str, now: float, word: int = 0) -> None:
        """A view says that it is hidden."""
        if self._is_news(view, word):
            self._views[view] = _View(self.sent, now, word, hidden=True)

    def gone(self, view: str) -> None:
        """A view has been removed from its page."""
        self._views.pop(view, None)
        self._gone.append(view)

    def frame(self, now: float) -> int:
        """Count a frame as sent; return its number."""
        self.sent += 1
        for name, view in list(self._views.items()):
            if view.waiting_since is None:
                view.waiting_since = now
            if not self._looks(view, now) and now - view.heard > MEMORY:
                del self._views[name]
        return self.sent

    def acknowledge(self, view: str, number: int, now: float) -> None:
        """A view has painted a frame, and with it every earlier one."""
        if view in self._gone:
            return
        known = self._views.setdefault(view, _View(0, now))
        known.acknowledged = min(max(known.acknowledged, number), self.sent)
        known.heard = now
        known.waiting_since = None if known.acknowledged == self.sent else now

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

    def _is_news(self, view: str, word: int) -> bool:
        known = self._views.get(view)
        return view not in self._gone and (known is None or word >= known.word)

    @staticmethod
    def _looks(view: _View, now: float) -> bool:
        if view.hidden:
            return False
        return view.waiting_since is None or now - view.waiting_since <= PATIENCE
