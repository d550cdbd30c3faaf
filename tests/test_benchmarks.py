"""The benchmarks compare like with like: all implementations of a model take the same steps."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace

import fast
import importance
import lessons
import pytest
import svi_step
import torch
from models import BENCHMARKS, Benchmark

LIBRARIES = [svi_step.OURS, svi_step.PYRO]


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def of(library: str, benchmark: Benchmark) -> svi_step.Step:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    return svi_step.library(benchmark, library)


def losses(step: svi_step.Step, seeds: range) -> torch.Tensor:
    """The loss of one step from each seed, one after another."""
    drawn = []
    for seed in seeds:
        torch.manual_seed(seed)
        drawn.append(step())
    return torch.tensor(drawn)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", [name for name, b in BENCHMARKS.items() if not b.own_rows])
def test_the_same_noise_gives_the_same_losses_for_three_steps(name: str, library: str) -> None:
    benchmark = BENCHMARKS[name]
    by_hand = losses(svi_step.hand(benchmark), range(3))
    theirs = losses(of(library, benchmark), range(3))
    torch.testing.assert_close(theirs, by_hand, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", [name for name, b in BENCHMARKS.items() if b.own_rows])
def test_rows_chosen_in_another_way_give_the_same_loss_on_average(name: str, library: str) -> None:
    still = replace(BENCHMARKS[name], settings={"lr": 0.0})
    seeds = range(200)  # the guide draws first and alike: only the choice of rows differs
    by_hand, theirs = losses(svi_step.hand(still), seeds), losses(of(library, still), seeds)
    difference = theirs - by_hand
    standard_error = difference.std() / len(seeds) ** 0.5
    assert difference.mean().abs() < 5 * standard_error  # false alarm: 6e-7


def test_the_table_has_a_line_for_each_model_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, threads: None
) -> None:
    monkeypatch.setattr(svi_step, "BLOCK", 1e-4)
    svi_step.main(["scale", "eight-schools", "--rounds", "2", "--no-pyro"])
    lines = capsys.readouterr().out.splitlines()
    assert "ppl_core / hand" in lines[1]
    assert [line.split()[0] for line in lines[2:]] == ["scale", "eight-schools"]


def test_an_unknown_model_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        svi_step.main(["scales"])
    assert "no model named 'scales'; there are scale, eight-schools" in capsys.readouterr().err


def test_the_numbers_of_guides_stand_beside_the_exact_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    importance.numbers(2000)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    prior = lines[2].split()
    assert prior[:2] == ["N(8.50,", "1.00)"]
    assert prior[3] == "0.599"  # exact share of effective samples
    assert prior[7] == "0.436"  # exact acceptance rate


def test_the_fast_path_has_its_promises_and_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert fast.FASTER.keys() == BENCHMARKS.keys()
    fast.main(["--size"])
    *lines, total = capsys.readouterr().out.splitlines()
    counts = [int(line.split()[0]) for line in lines]
    assert int(total.split()[0]) == sum(counts)
    assert "  ops.py" in "\n".join(lines)


@pytest.mark.parametrize("panel", lessons.LESSONS)
def test_every_number_of_a_lesson_is_found_again(panel: str) -> None:
    for what, written, found in lessons.LESSONS[panel]():
        assert lessons.agrees(written, found), f"{what}: {written}, found {found}"


def test_a_number_that_is_off_by_a_digit_is_seen() -> None:
    assert not lessons.agrees("0.711", 0.7100)
