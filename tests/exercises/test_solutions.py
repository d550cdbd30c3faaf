"""Every exercise has a solution, and every solution passes, whatever the seed.

The sampled ones are refused by bad luck once in a million (five standard errors); none of the
seeds here is one of those. `python tutorials/solutions/count.py` counts 1,000 seeds of each.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ppl_widgets.exercises import check, names

SOLUTIONS = Path(__file__).parents[2] / "tutorials/solutions"
COSTLY = {"02.posterior", "02.deferred", "03.seen", "03.set", "07.positive", "09.rate", "12.guide"}
COSTLY |= {name for name in names() if name.startswith(("06", "14"))}


def load_count() -> ModuleType:
    spec = importlib.util.spec_from_file_location("count_solutions", SOLUTIONS / "count.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COUNT = load_count()
ANSWERS = COUNT.solutions()


def test_every_exercise_has_a_solution_and_every_solution_an_exercise():
    assert sorted(ANSWERS) == sorted(names())


@pytest.mark.parametrize("name", [name for name in names() if name not in COSTLY])
def test_solution_passes_every_time(name):
    times = 200 if name in {"01.readings", "11.subsample"} else 1000
    assert COUNT.passes(name, ANSWERS[name], times) == times


@pytest.mark.parametrize("name", sorted(COSTLY & set(names())))
def test_costly_solution_passes(name):
    assert COUNT.passes(name, ANSWERS[name], 1) == 1


def test_a_solution_passes_by_the_students_own_call():
    assert check("04.weigh", ANSWERS["04.weigh"])
