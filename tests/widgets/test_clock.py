"""The scheduler alone: fair slices, news first, frames paced, nothing left when idle."""

import asyncio
import math
import threading
import time

import pytest

from ppl_widgets import clock as clock_module
from ppl_widgets.clock import FRAME, HOLD, SHARE, SLICE, Clock


class Player:
    """A panel that only counts: it trains by sleeping, and is stale after every slice."""

    def __init__(self, work: float = 0.0, slices: float = 0, work_time: float = 0.0) -> None:
        self.left, self.work_time = slices, work_time or work
        self.trained: list[float] = []
        self.painted: list[float] = []
        self.taken: list[float] = []
        self.errors: list[BaseException] = []
        self.old = False
        self.may_paint = True
        self.on_train = lambda: None

    def take(self) -> None:
        self.taken.append(time.perf_counter())
        self.old = True

    def due(self, now: float) -> float:
        return 0.0 if self.left > 0 else math.inf

    def train(self, seconds: float) -> None:
        self.on_train()
        time.sleep(self.work_time)
        self.left -= 1
        self.old = True
        self.trained.append(time.perf_counter())

    racing = False

    def stale(self) -> bool:
        return self.old and self.may_paint

    def paint(self) -> None:
        self.old = False
        self.painted.append(time.perf_counter())

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)
        self.left = 0


async def rest(clock: Clock, limit: float = 5.0) -> None:
    """Until the clock's task has ended by itself."""
    end = time.perf_counter() + limit
    await asyncio.sleep(0.002)
    while clock.ticking and time.perf_counter() < end:
        await asyncio.sleep(0.002)
    assert not clock.ticking


def here() -> Clock:
    clock = Clock.here()
    assert clock is not None
    return clock


@pytest.fixture(autouse=True)
def _no_clock_is_left():
    yield
    Clock._clocks.clear()


def test_no_loop_no_clock():
    assert Clock.here() is None


def test_one_clock_for_all_players_of_a_loop():
    async def scene():
        clock, player = here(), Player()
        clock.join(player)
        assert here() is clock
        clock.leave(player)
        assert not Clock._clocks

    asyncio.run(scene())


def test_idle_players_have_no_task():
    async def scene():
        clock, player = here(), Player()
        clock.join(player)
        await asyncio.sleep(0.01)
        assert not clock.ticking
        clock.post(player)
        await rest(clock)
        assert len(player.taken) == 1
        assert len(player.painted) == 1

    asyncio.run(scene())


def test_the_task_ends_with_the_work_and_comes_back_for_more():
    async def scene():
        clock, player = here(), Player(slices=5)
        clock.join(player)
        clock.post(player)
        await rest(clock)
        assert len(player.trained) == 5
        player.left = 3
        clock.post(player)
        await rest(clock)
        assert len(player.trained) == 8

    asyncio.run(scene())


def test_players_take_turns():
    async def scene():
        clock, order = here(), []
        players = [Player(slices=6) for _ in range(3)]
        for name, player in enumerate(players):
            player.on_train = lambda name=name: order.append(name)
            clock.join(player)
            clock.post(player)
        await rest(clock)
        assert order == [0, 1, 2] * 6

    asyncio.run(scene())


def test_the_loop_breathes_between_slices():
    """A coroutine that needs several turns of the loop gets them while two players train."""

    async def scene():
        clock = here()
        players = [Player(slices=20, work_time=SLICE) for _ in range(2)]
        for player in players:
            clock.join(player)
            clock.post(player)
        await asyncio.sleep(0.01)
        waits = []
        for _ in range(8):
            begin = time.perf_counter()
            for _ in range(5):
                await asyncio.sleep(0)
            waits.append(time.perf_counter() - begin)
        assert sorted(waits)[4] < 3 * SLICE  # five turns at sleep(0) would cost five slices
        for player in players:
            clock.leave(player)

    asyncio.run(scene())


def test_frames_are_paced_while_training():
    async def scene():
        clock, player = here(), Player(slices=40, work_time=0.008)
        clock.join(player)
        clock.post(player)
        await rest(clock)
        gaps = [b - a for a, b in zip(player.painted, player.painted[1:], strict=False)]
        assert 4 <= len(player.painted) <= 2 + 40 * 0.025 / FRAME
        assert min(gaps) >= FRAME * 0.95
        assert player.old is False  # the last state was drawn, after the last slice

    asyncio.run(scene())


def test_a_move_is_drawn_at_once_and_before_training():
    async def scene():
        clock, player = here(), Player(slices=10_000, work_time=0.004)
        clock.join(player)
        clock.post(player)
        await asyncio.sleep(0.1)
        begin = time.perf_counter()
        clock.post(player, hurry=True)
        await asyncio.sleep(HOLD * 0.5)
        first = next(t for t in player.painted if t > begin)
        assert first - begin < 0.040
        between = [t for t in player.trained if begin + 0.006 < t < begin + SHARE * 0.6]
        assert len(between) <= 1  # one may have been under way, or owed to the share
        clock.leave(player)

    asyncio.run(scene())


def test_a_moving_hand_slows_training_but_never_stops_it():
    async def scene():
        clock, player = here(), Player(slices=10_000, work_time=0.004)
        clock.join(player)
        clock.post(player)
        await asyncio.sleep(0.05)
        before, begin = len(player.trained), time.perf_counter()
        while time.perf_counter() - begin < 0.6:
            clock.post(player, hurry=True)
            await asyncio.sleep(0.016)
        slices = len(player.trained) - before
        assert 0.3 * 0.6 / SHARE <= slices <= 1.5 * 0.6 / SHARE
        clock.leave(player)

    asyncio.run(scene())


def test_news_from_any_thread():
    async def scene():
        clock, player = here(), Player()
        clock.join(player)
        threads = [threading.Thread(target=clock.post, args=(player,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await rest(clock)
        assert 1 <= len(player.taken) <= 8
        assert player.old is False

    asyncio.run(scene())


def test_a_stale_player_without_credit_costs_nothing_until_it_posts():
    async def scene():
        clock, player = here(), Player()
        player.may_paint = False
        clock.join(player)
        clock.post(player)
        await rest(clock)
        assert player.painted == []
        player.may_paint = True
        clock.post(player)
        await rest(clock)
        assert len(player.painted) == 1

    asyncio.run(scene())


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["take", "due", "train", "stale", "paint"])
def test_one_players_error_is_its_own(where, error):
    async def scene():
        clock, broken, sound = here(), Player(slices=3), Player(slices=3)

        def fail(*_):
            setattr(broken, where, getattr(Player, where).__get__(broken))
            raise error

        setattr(broken, where, fail)
        for player in (broken, sound):
            clock.join(player)
            clock.post(player)
        await rest(clock)
        assert broken.errors == [error]
        assert sound.errors == []
        assert len(sound.trained) == 3
        broken.left = 2
        clock.post(broken)
        await rest(clock)
        assert len(broken.trained) >= 2

    asyncio.run(scene())


def test_a_player_that_cannot_even_fail_has_to_leave():
    async def scene():
        clock, broken, told = here(), Player(slices=3), []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

        def fail(*_):
            raise ValueError("no")

        broken.train = broken.failed = fail
        clock.join(broken)
        clock.post(broken)
        await rest(clock)
        assert [str(context["exception"]) for context in told] == ["no"]
        assert not clock._entries

    asyncio.run(scene())


def test_an_interrupt_between_two_calls_stops_the_players_not_the_clock(monkeypatch):
    async def scene():
        clock, player = here(), Player(slices=10)
        clock.join(player)
        beat, beats = clock._beat, []

        def interrupted():
            beats.append(1)
            if len(beats) == 3:
                raise KeyboardInterrupt
            return beat()

        monkeypatch.setattr(clock, "_beat", interrupted)
        clock.post(player)
        await rest(clock)
        assert [type(error) for error in player.errors] == [KeyboardInterrupt]
        assert 0 < len(player.trained) < 10

    asyncio.run(scene())


def test_a_cancelled_task_is_replaced_at_the_next_word():
    async def scene():
        clock, player = here(), Player(slices=10_000, work_time=0.002)
        clock.join(player)
        clock.post(player)
        await asyncio.sleep(0.02)
        assert clock._task is not None
        clock._task.cancel()
        await asyncio.sleep(0.01)
        assert not clock.ticking
        clock.post(player)
        await asyncio.sleep(0.02)
        assert clock.ticking
        clock.leave(player)
        await rest(clock)

    asyncio.run(scene())


def test_a_player_that_leaves_in_its_own_slice_is_not_called_again():
    async def scene():
        clock, player = here(), Player(slices=10)
        player.on_train = lambda: clock.leave(player)
        clock.join(player)
        clock.post(player)
        await rest(clock)
        assert len(player.trained) == 1
        assert player.painted == player.painted[:1]
        assert not clock._entries

    asyncio.run(scene())


def test_words_after_the_loops_end_are_dropped():
    player = Player()

    async def scene():
        clock = here()
        clock.join(player)
        return clock

    clock = asyncio.run(scene())
    clock.post(player)
    assert not clock.ticking


def test_a_slice_is_short():
    assert clock_module.SLICE <= 0.015
    assert clock_module.REST > 0
