"""Answers that never end: stopped, told where, and nothing of them is left behind."""

import threading

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.effects import is_handled
from ppl_widgets import exercises
from ppl_widgets.exercises import Results, check
from ppl_widgets.exercises.patience import OutOfTime, in_time


@pytest.fixture(autouse=True)
def nothing_tried_yet(monkeypatch):
    monkeypatch.setattr(exercises, "_RESULTS", Results())


def for_ever(noise_sd):
    while noise_sd > 0.0:
        noise_sd = noise_sd + 1.0
    return noise_sd


def deaf(noise_sd):
    swallowed = 0
    while swallowed < 2:
        try:
            while True:
                noise_sd = noise_sd + 1.0
        except:  # noqa: E722
            swallowed += 1
    return for_ever(noise_sd)


def samples_for_ever(noise_sd):
    while True:
        with ppl.ParamStore(), ppl.plate("rows", 2), ppl.handlers.trace():
            ppl.sample("weight", dist.Normal(0.0, noise_sd))


def out_of_time_here(noise_sd):
    raise OutOfTime


def right(noise_sd):
    return noise_sd * 2.0**0.5


@pytest.mark.parametrize("answer", [for_ever, deaf, samples_for_ever])
def test_an_endless_answer_is_stopped(answer):
    verdict = check("01.twice", answer, seconds=0.1)
    assert (bool(verdict), verdict.hint) == (False, "time")
    assert "topped after 0.1 s. Does every loop end?" in str(verdict)
    assert check("01.twice", right)  # the next one is judged as ever


def test_it_is_told_in_which_of_the_student_s_lines():
    said = str(check("01.twice", out_of_time_here, seconds=60.0))
    assert "`raise OutOfTime`: stopped after 60 s." in said


def test_what_was_interrupted_leaves_nothing_behind():
    outside = ppl.get_param_store()
    for _ in range(10):
        check("01.twice", samples_for_ever, seconds=0.02)
        assert not is_handled()
        assert ppl.get_param_store() is outside
        assert torch.is_grad_enabled()


def test_it_works_in_a_thread_that_is_not_the_first():
    said = []
    thread = threading.Thread(target=lambda: said.append(check("01.twice", for_ever, seconds=0.1)))
    thread.start()
    thread.join()
    assert said[0].hint == "time"


def test_a_limit_that_ends_with_its_work_never_strikes_later():
    """At the very edge either the work is stopped or it is not; afterwards nothing comes."""

    def counts(number):
        return lambda: sum(1 for _ in range(number))

    for number in range(200):
        try:
            assert in_time(0.0005, counts(50 * number)) == 50 * number
        except OutOfTime:
            continue
    assert counts(100_000)() == 100_000
    assert not [one for one in threading.enumerate() if one.name == "ppl-in-time"]


def test_an_error_of_the_work_goes_through():
    with pytest.raises(ZeroDivisionError):
        in_time(60.0, lambda: 1 / 0)
