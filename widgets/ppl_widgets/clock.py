"""One scheduler for every live panel of a kernel.

A kernel has one event loop that runs the cells; training and drawing must share it with the
student. The clock trains in short slices and really sleeps between them, because a message from
the page needs several turns of the loop to come through: `sleep(0)` would cost it a slice a turn,
any other sleep lets it pass. The task lives only while something is to do, so an idle panel costs
nothing.

Messages arrive on any thread. `post` only notes who has news and wakes the loop; everything a
player does, it does on the loop that made its clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

SLICE = 0.012
"""Seconds of training between two rests: what a message may have to wait."""
REST = 0.001
"""Seconds of real sleep after a slice."""
HOLD = 0.080
"""Seconds without training after a slider move, while its drawing goes first."""
SHARE = 0.060
"""Even under a moving hand a player gets a slice this often, so that the learned curve follows."""
FRAME = 0.050
"""Seconds between two frames of one player that rests or trains at a pace it was given."""
FULL_FRAME = 0.125
"""Seconds between two frames of a player that trains as fast as it can: a browser that draws on the
machine that trains takes its share of it. A slider move cuts either short."""


class Player(Protocol):
    """What the clock drives: a panel. Every method is called on the clock's loop."""

    def take(self) -> None:
        """Apply the newest messages from the page."""
        ...

    def due(self, now: float) -> float:
        """Seconds until this player wants its next slice: 0 now, `math.inf` never."""
        ...

    def train(self, seconds: float) -> None:
        """Work for about so many seconds."""
        ...

    @property
    def racing(self) -> bool:
        """Whether it is to train as fast as it can, so that frames come second."""
        ...

    def stale(self) -> bool:
        """Whether the page shows something old and a frame may be sent."""
        ...

    def paint(self) -> None:
        """Send the newest state to the page."""
        ...

    def failed(self, error: BaseException) -> None:
        """One of the calls above raised: say so on the page and stop."""
        ...


@dataclass(slots=True, eq=False)
class _Entry:
    next_frame: float = 0.0
    hold_until: float = 0.0
    last_slice: float = 0.0


class Clock:
    """Shares one event loop between all players on it: news first, then frames, then training.

    Example:
        >>> Clock.here() is None          # plain Python: no loop is running
        True
    """

    _clocks: ClassVar[dict[asyncio.AbstractEventLoop, Clock]] = {}

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._context = contextvars.copy_context()
        self._entries: dict[Player, _Entry] = {}
        self._news: dict[Player, bool] = {}
        self._lock = threading.Lock()
        self._bell: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def here(cls) -> Clock | None:
        """The clock of the running loop, or None where no loop runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        return cls._clocks.get(loop) or cls(loop)

    @property
    def ticking(self) -> bool:
        """Whether a task is alive; it ends by itself when nothing is left to do."""
        return self._task is not None and not self._task.done()

    def join(self, player: Player) -> None:
        """Let a player in. It costs nothing until it posts."""
        self._clocks[self._loop] = self
        self._entries.setdefault(player, _Entry())

    def leave(self, player: Player) -> None:
        """Forget a player: nothing of it is called again, and the last one takes the task along."""
        self._entries.pop(player, None)
        with self._lock:
            self._news.pop(player, None)
        if not self._entries:
            self._clocks.pop(self._loop, None)
        self._ring()

    def post(self, player: Player, *, hurry: bool = False) -> None:
        """Say, from any thread, that a player has news; with `hurry` its drawing goes first."""
        with self._lock:
            self._news[player] = hurry or self._news.get(player, False)
        with contextlib.suppress(RuntimeError):  # the loop has ended, and its kernel with it
            self._loop.call_soon_threadsafe(self._wake, context=self._context)

    # ---- on the loop

    def _wake(self) -> None:
        if self.ticking:
            self._ring()
        elif self._news:
            self._task = self._loop.create_task(
                self._live(), name="ppl-playground clock", context=self._context
            )

    def _ring(self) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def _live(self) -> None:
        """Beat until no player wants anything; then end."""
        while True:
            try:
                pause = self._beat()
            except KeyboardInterrupt as stop:  # the interrupt button, between two calls
                for player in list(self._entries):
                    self._fail(player, stop)
                continue
            if pause == math.inf:
                return
            if pause == REST:
                await asyncio.sleep(REST)
            else:
                await self._nap(pause)

    async def _nap(self, seconds: float) -> None:
        """Sleep, or until somebody posts."""
        self._bell = self._loop.create_future()
        alarm = self._loop.call_later(seconds, self._ring)
        try:
            await self._bell
        finally:
            alarm.cancel()
            self._bell = None

    def _beat(self) -> float:
        """Deliver news, paint what is due, give one player a slice; return the seconds to rest."""
        self._deliver()
        pause = self._paint()
        now = perf_counter()
        hold = max((entry.hold_until for entry in self._entries.values()), default=0.0)
        for player, entry in list(self._entries.items()):
            due = self._call(player, player.due, now)
            if due is None or due == math.inf:
                continue
            wait = max(due, min(hold, entry.last_slice + SHARE) - now)
            if wait > 0.0:
                pause = min(pause, wait)
                continue
            self._call(player, player.train, SLICE)
            entry.last_slice = perf_counter()
            if player in self._entries:  # to the end of the row: the next slice is another's
                self._entries[player] = self._entries.pop(player)
            return REST
        return pause

    def _deliver(self) -> None:
        with self._lock:
            news, self._news = self._news, {}
        for player, hurry in news.items():
            entry = self._entries.get(player)
            if entry is None:
                continue
            self._call(player, player.take)
            if hurry:
                entry.next_frame = 0.0
                entry.hold_until = perf_counter() + HOLD

    def _paint(self) -> float:
        """Paint every stale player whose time has come; return the seconds until the next one."""
        pause = math.inf
        for player, entry in list(self._entries.items()):
            if not self._call(player, player.stale):
                continue
            wait = entry.next_frame - perf_counter()
            if wait > 0.0:
                pause = min(pause, wait)
                continue
            self._call(player, player.paint)
            entry.next_frame = perf_counter() + (FULL_FRAME if player.racing else FRAME)
        return pause

    def _call(
        self, player: Player, method: Callable[P, R], *args: P.args, **kw: P.kwargs
    ) -> R | None:
        """Call a player; its errors, the interrupt button among them, are its own affair."""
        if player not in self._entries:  # it left a moment ago
            return None
        try:
            return method(*args, **kw)
        except (Exception, KeyboardInterrupt) as error:
            self._fail(player, error)
            return None

    def _fail(self, player: Player, error: BaseException) -> None:
        """Tell a player; one that cannot even hear it has to leave, or it would fail for ever."""
        try:
            player.failed(error)
        except Exception as worse:
            self.leave(player)
            self._loop.call_exception_handler(
                {"message": "a live panel failed and left the clock", "exception": worse}
            )
