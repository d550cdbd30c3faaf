"""InferenceRun: limits, watchers, its own random stream, interleaving, rewinding, failing."""

import threading

import pytest
import torch

import ppl_core as ppl
from ppl_core import InferenceError, InferenceRun


class Walk:
    """A kernel that walks at random; its arguments are the length of a stride."""

    def init(self, stride=1.0):
        return torch.randn(())

    def update(self, state, stride=1.0):
        step = stride * torch.randn(())
        return state + step, step


class Counter:
    """A kernel whose state counts its steps; step `until` fails."""

    def __init__(self, until=None, error=InferenceError):
        self.until, self.error = until, error

    def init(self):
        return 0

    def update(self, state):
        if state == self.until:
            raise self.error("no further")
        return state + 1, None


def path(run, steps):
    seen = []
    run.advance(steps, watch=lambda snapshot: seen.append((snapshot.step, snapshot.state.item())))
    return seen


# ---- going on


def test_run_starts_at_step_0_without_info():
    run = InferenceRun(Walk(), seed=1)
    assert (run.step, run.snapshot.step, run.snapshot.info) == (0, 0, None)


def test_advance_counts_its_steps_and_shows_each_to_the_watcher():
    run = InferenceRun(Counter(), seed=1)
    seen = []
    assert run.advance(5, watch=lambda snapshot: seen.append((snapshot.step, run.step))) == 5
    assert run.advance(num_steps=0) == 0
    assert run.step == run.snapshot.state == 5
    assert seen == [(step, step) for step in range(1, 6)]


def test_advance_keeps_to_its_time_but_takes_one_step():
    run = InferenceRun(Counter(), seed=1)
    assert run.advance(seconds=0.0) == 1
    assert run.advance(num_steps=3, seconds=60.0) == 3
    assert run.advance(num_steps=10**9, seconds=0.02) > 1


def test_max_steps_ends_the_run():
    run = InferenceRun(Counter(), seed=1, max_steps=3)
    assert run.advance(10) == 3
    assert run.finished
    assert run.advance(10) == 0
    assert InferenceRun(Counter(), seed=1, max_steps=3).advance() == 3


def test_iteration_yields_snapshots_until_max_steps():
    run = InferenceRun(Counter(), seed=1, max_steps=4)
    assert [snapshot.step for snapshot in run] == [1, 2, 3, 4]
    with pytest.raises(StopIteration):
        next(run)


def test_endless_iteration_and_advance_without_limit_error():
    run = InferenceRun(Counter(), seed=1)
    with pytest.raises(ValueError, match="max_steps"):
        iter(run)
    with pytest.raises(ValueError, match="num_steps"):
        run.advance()


def test_arguments_may_be_changed_between_steps():
    run = InferenceRun(Walk(), 0.0, seed=1)
    start = run.snapshot.state
    run.advance(3)
    assert run.snapshot.state == start
    run.args = (1.0,)
    run.advance(1)
    assert run.snapshot.state == start + run.snapshot.info


# ---- its own random stream


def test_same_seed_same_run_and_another_seed_another():
    assert path(InferenceRun(Walk(), seed=7), 20) == path(InferenceRun(Walk(), seed=7), 20)
    assert path(InferenceRun(Walk(), seed=7), 20) != path(InferenceRun(Walk(), seed=8), 20)


def test_a_run_is_what_manual_seed_would_give():
    torch.manual_seed(7)
    kernel = Walk()
    state = kernel.init()
    for _ in range(5):
        state, _ = kernel.update(state)
    assert path(InferenceRun(Walk(), seed=7), 5)[-1] == (5, state.item())


def test_global_generator_is_untouched():
    before = torch.get_rng_state()
    run = InferenceRun(Walk(), seed=7)
    run.advance(10)
    run.rewind(0)
    next(InferenceRun(Walk(), seed=7, max_steps=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_interleaved_runs_are_bit_identical_to_lone_ones():
    lone = [path(InferenceRun(Walk(), seed=seed), 30) for seed in (7, 8)]
    a, b = InferenceRun(Walk(), seed=7), InferenceRun(Walk(), seed=8)
    both = [[], []]
    for chunk in (1, 2, 3, 4, 5, 15):
        both[0] += path(a, chunk)
        torch.rand(chunk)
        both[1] += path(b, chunk)
    assert both == lone


def test_a_watcher_that_draws_changes_nothing():
    run, alone = InferenceRun(Walk(), seed=7), InferenceRun(Walk(), seed=7)
    run.advance(10, watch=lambda snapshot: torch.rand(3))
    alone.advance(10)
    assert run.snapshot == alone.snapshot


# ---- rewinding


def test_rewind_goes_to_the_nearest_remembered_step_and_repeats_bit_for_bit():
    run = InferenceRun(Walk(), seed=7, keep_every=10)
    first = path(run, 57)
    assert run.rewind(35).step == 30
    assert run.snapshot.state.item() == first[29][1]
    assert path(run, 27) == first[30:]


def test_rewind_to_now_later_or_the_beginning():
    run = InferenceRun(Walk(), seed=7, keep_every=1)
    start = run.snapshot
    run.advance(5)
    now = run.snapshot
    assert run.rewind(5) == now
    assert run.rewind(100) == now
    assert run.rewind(0) == start
    assert run.rewind(-3) == start


def test_memory_is_bounded_and_denser_for_recent_steps():
    run = InferenceRun(Counter(), seed=7, keep_every=1)
    run.advance(5000)
    assert len(run._kept.moments) <= 65
    assert run.rewind(4990).step >= 4985
    assert run.rewind(1000).step <= 1000
    assert run.rewind(0).step == 0


def test_rewound_steps_are_forgotten():
    run = InferenceRun(Walk(), seed=7, keep_every=1)
    run.advance(10)
    run.rewind(4)
    run.args = (2.0,)
    other = path(run, 6)
    assert run.rewind(9).state.item() == other[4][1]


# ---- failing


def test_failed_step_keeps_the_last_good_snapshot_and_says_where():
    run = InferenceRun(Counter(until=3), seed=7, keep_every=1)
    before = torch.get_rng_state()
    with pytest.raises(InferenceError) as error:
        run.advance(10)
    assert (error.value.step, run.step, run.snapshot.state) == (3, 3, 3)
    assert torch.equal(torch.get_rng_state(), before)
    assert run.rewind(1).step == 1
    run.kernel.until = None
    assert run.advance(10) == 10


def test_watcher_sees_the_good_steps_before_a_failure():
    run, seen = InferenceRun(Counter(until=3), seed=7), []
    with pytest.raises(InferenceError):
        run.advance(10, watch=lambda snapshot: seen.append(snapshot.step))
    assert seen == [1, 2, 3]


def test_other_errors_pass_with_a_note_of_the_step():
    run = InferenceRun(Counter(until=3, error=ZeroDivisionError), seed=7)
    with pytest.raises(ZeroDivisionError) as error:
        run.advance(10)
    assert any("step 4" in note for note in error.value.__notes__)
    assert run.step == 3


def test_a_watcher_may_stop_the_run_where_it_is():
    run = InferenceRun(Counter(), seed=7)
    before = torch.get_rng_state()

    def stop(snapshot):
        if snapshot.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.advance(10, watch=stop)
    assert run.step == 3
    assert torch.equal(torch.get_rng_state(), before)
    assert run.advance(2) == 2


def test_a_run_may_go_on_in_another_thread():
    run, whole = InferenceRun(Walk(), seed=7), path(InferenceRun(Walk(), seed=7), 20)
    seen = path(run, 10)
    thread = threading.Thread(target=lambda: seen.extend(path(run, 10)))
    thread.start()
    thread.join()
    assert seen == whole


# ---- set_rng_seed


def test_set_rng_seed_repeats_draws():
    ppl.set_rng_seed(3)
    first = torch.rand(2)
    ppl.set_rng_seed(3)
    assert torch.equal(torch.rand(2), first)
    with pytest.raises(TypeError, match="whole number"):
        ppl.set_rng_seed("3")


def test_runs_in_two_threads_do_not_disturb_each_other():
    alone = [path(InferenceRun(Walk(), seed=seed), 400) for seed in (1, 2)]
    together: dict[int, list[tuple[int, float]]] = {}

    def go(seed):
        together[seed] = path(InferenceRun(Walk(), seed=seed), 400)

    threads = [threading.Thread(target=go, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[1], together[2]] == alone
