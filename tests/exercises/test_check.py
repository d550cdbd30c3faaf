"""What a student sees: verdicts that grow with each failure, crashes explained, a tally."""

import json
import random

import numpy as np
import pytest
import torch

import ppl_core as ppl
from ppl_widgets import exercises
from ppl_widgets.exercises import Results, check, class_tally, results
from ppl_widgets.exercises.judging import judge
from ppl_widgets.exercises.lessons import exercise
from ppl_widgets.exercises.verdict import as_html


@pytest.fixture(autouse=True)
def nothing_tried_yet(monkeypatch):
    monkeypatch.setattr(exercises, "_RESULTS", Results())


def right(guess, measurement, prior_sd, noise_sd):
    share = prior_sd**2 / (prior_sd**2 + noise_sd**2)
    return (1 - share) * guess + share * measurement, noise_sd * share**0.5


def swapped(guess, measurement, prior_sd, noise_sd):
    return right(measurement, guess, prior_sd, noise_sd)[0], right(0, 0, prior_sd, noise_sd)[1]


def test_right_answer_is_true_and_says_so():
    verdict = check("04.weigh", right)
    assert verdict
    assert verdict.score == 1.0
    assert str(verdict) == "Right, also at 3 settings that the task does not name."


def test_first_failure_names_the_slip_the_second_a_panel_the_third_a_sibling():
    first, second, third = (check("04.weigh", swapped) for _ in range(3))
    assert str(first) == "Mean 8.86. The weights are swapped. Which source is sharper?"
    assert [len(verdict.lines) for verdict in (first, second, third)] == [1, 2, 3]
    assert "ScalePanel" in second.lines[1]
    assert "sibling" in third.lines[2]
    assert not first
    assert first.score == 0.5
    assert check("04.weigh", right)
    assert len(check("04.weigh", swapped).lines) == 1  # a success starts the count again


def test_what_does_not_get_as_far_as_an_answer_is_told_no_more_than_that():
    for _ in range(3):
        crashed, said_nothing = check("04.weigh", misspelt), check("04.weigh", lambda *s: None)
    assert [len(verdict.lines) for verdict in (crashed, said_nothing)] == [1, 1]
    name = "NameError: name 'measurment' is not defined. Did you mean 'measurement'?"
    assert str(crashed).endswith(name)


def test_an_empty_cell_is_no_attempt():
    def weigh(guess, measurement, prior_sd, noise_sd):
        return ..., ...

    for answer in (weigh, ...):
        verdict = check("04.weigh", answer)
        assert (bool(verdict), verdict.hint) == (False, "blank")
    assert results() == {}


def test_verdict_shows_as_html_that_escapes_what_a_student_wrote():
    def weigh(guess, measurement, prior_sd, noise_sd):
        return "<b>9.14</b>"

    html = check("04.weigh", weigh)._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert 'role="status"' in html


def test_verdict_as_html_shows_code_as_code_and_names_of_controls_leaning():
    for _ in range(2):
        check("04.weigh", swapped)
    html = check("04.weigh", swapped)._repr_html_()
    assert "<code>ScalePanel()</code>. Drag <em>noise sd</em>." in html
    for _ in range(3):
        html = check("01.readings", lambda guess, noise_sd: [guess] * 2000)._repr_html_()
    assert "<pre" in html
    assert ">leave = ppl.sample(&#x27;leave&#x27;, dist.Normal(0.0, 3.0))\n" in html
    assert "`" not in html
    product = as_html("Line 2, `a * b * c`: 2 * 3 * 4, x**2 and **bold**.")
    assert product == "Line 2, <code>a * b * c</code>: 2 * 3 * 4, x**2 and **bold**."


def test_unknown_exercise_error_names_the_nearest():
    with pytest.raises(ValueError, match=r"no exercise '04.wiegh'. Did you mean '04.weigh'"):
        check("04.wiegh", right)


# ---- crashes, explained


def misspelt(guess, measurement, prior_sd, noise_sd):
    share = prior_sd**2 / (prior_sd**2 + noise_sd**2)
    return share * measurment + guess, 1.0  # noqa: F821  # pyright: ignore


def divides_by_zero(guess, measurement, prior_sd, noise_sd):
    return guess / (guess - guess), 1.0


def adds_text(guess, measurement, prior_sd, noise_sd):
    return guess + "9.5", 1.0


def unwritten(guess, measurement, prior_sd, noise_sd):
    raise NotImplementedError


def reads_too_far(guess, measurement, prior_sd, noise_sd):
    return [guess, measurement][2], 1.0


def for_ever(guess, measurement, prior_sd, noise_sd):
    return for_ever(guess, measurement, prior_sd, noise_sd)


def inside_a_helper(guess, measurement, prior_sd, noise_sd):
    return np.linalg.inv(np.zeros((2, 2))), 1.0


def misspelt_site(guess, measurement, prior_sd, noise_sd):
    def scale(guess):
        return ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))

    return ppl.condition(scale, data={"wieght": 1.0})(guess), 1.0


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (misspelt, ["Line ", "share * measurment", "NameError", "Did you mean 'measurement'?"]),
        (divides_by_zero, ["Line ", "ZeroDivisionError", "Which quantity is 0"]),
        (adds_text, ["TypeError", "What is each of them?"]),
        (unwritten, ["NotImplementedError", "What belongs there?"]),
        (reads_too_far, ["IndexError", "no such entry"]),
        (for_ever, ["RecursionError", "calls itself"]),
        (inside_a_helper, ["np.linalg.inv(np.zeros((2, 2)))", "Singular"]),
        (misspelt_site, ["Did you mean 'weight'?", "Line "]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_crash_says_line_what_and_mend(answer, parts):
    verdict = check("04.weigh", answer)
    assert verdict.hint == "crash"
    for part in parts:
        assert part in str(verdict)


# ---- answers nobody foresaw


def but(change_mean=lambda x: x, change_sd=lambda x: x):
    def answer(*setting):
        mean, sd = right(*setting)
        return change_mean(mean), change_sd(sd)

    return answer


COUNTER = iter(range(10**9))
UNFORESEEN = [
    ("sign", but(lambda m: -m)),
    ("double", but(change_sd=lambda s: 2 * s)),
    ("half", but(lambda m: m / 2)),
    ("inverse", but(lambda m: 1 / m)),
    ("root", but(change_sd=lambda s: s**0.5)),
    ("log", but(change_sd=np.log)),
    ("exp", but(change_sd=np.exp)),
    ("grams", but(lambda m: 1000 * m)),
    ("order", lambda *s: right(*s)[::-1]),
    ("high", but(lambda m: m + 0.4)),
    ("low", but(lambda m: m - 0.4)),
    ("far", but(lambda m: m * 50)),
    ("negative", but(change_sd=lambda s: -3 * s)),
    ("shape", lambda *s: right(*s)[0]),
    ("shape", lambda *s: torch.zeros(3, 4)),
    ("text", lambda *s: "9.14"),
    ("nothing", lambda *s: None),
    ("program", lambda *s: but),
    ("infinite", lambda *s: (float("inf"), 1.0)),
    ("undefined", lambda *s: (float("nan"), 1.0)),
    ("complex", lambda *s: (1 + 2j, 1.0)),
    ("type", lambda *s: object()),
    ("signature", lambda guess, measurement: (9.14, 0.6)),
    ("no_function", (9.14, 0.6)),
    ("varies", lambda *s: (right(*s)[0] + 0.1 * next(COUNTER), right(*s)[1])),
    ("ignores", lambda g, m, p, n: right(g, m, p, 0.75)),
    ("elsewhere", lambda g, m, p, n: right(g + p - 1, m + n - 0.75, p, n)),
    ("mixed", lambda g, m, p, n: (right(g, m, p, n)[0], 0.61 + 0.01 * (g + m + p + n))),
]


@pytest.mark.parametrize(
    ("hint", "answer"), UNFORESEEN, ids=[f"{n}-{h}" for n, (h, _) in enumerate(UNFORESEEN)]
)
def test_an_answer_nobody_foresaw_gets_a_general_hint(hint, answer):
    verdict = check("04.weigh", answer)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict
    assert str(verdict).endswith(("?", ".", "."))


@pytest.mark.parametrize(
    "shape",
    [
        lambda mean, sd: [mean, sd],
        lambda mean, sd: torch.tensor([mean, sd], requires_grad=True),
        lambda mean, sd: (torch.tensor(mean), np.float64(sd)),
        lambda mean, sd: (torch.tensor([mean]), torch.tensor([sd])),
        lambda mean, sd: {"mean": mean, "sd": sd},
        lambda mean, sd: ppl.distributions.Normal(mean, sd),
        lambda mean, sd: ppl.infer.Marginal(torch.zeros(1), torch.ones(1), mean, sd),
    ],
)
def test_numbers_are_read_from_whatever_holds_them(shape):
    assert check("04.weigh", lambda *s: shape(*right(*s)))


# ---- what it does to the outside: nothing


def test_checking_touches_neither_seeds_nor_parameters():
    def careless(guess, measurement, prior_sd, noise_sd):
        ppl.param("a", 3.0)
        ppl.set_rng_seed(1)
        random.seed(1)
        np.random.seed(1)
        return right(guess, measurement, prior_sd, noise_sd)

    def streams():
        return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[2]

    before = streams()
    assert check("04.weigh", careless)
    assert streams() == before
    assert "a" not in ppl.get_param_store()


def test_the_same_answer_gets_the_same_verdict():
    def readings(guess, noise_sd):
        return guess + torch.randn(2000) * (1 + noise_sd**2) ** 0.5

    asked = exercise("01.readings")
    assert judge(asked, readings, seed=3) == judge(asked, readings, seed=3)


# ---- the tally


def test_results_count_tries_and_hints_and_hold_nothing_else(tmp_path):
    check("04.weigh", swapped)
    check("04.weigh", swapped)
    check("04.weigh", right)
    check("01.twice", lambda noise_sd: noise_sd)
    assert results()["04.weigh"].hints == {"swapped": 2}
    assert "04.weigh  3      yes      swapped 2" in str(results())
    assert "<td" in results()._repr_html_()
    path = results().save(tmp_path / "mine.json")
    assert json.loads(path.read_text()) == {
        "format": 1,
        "exercises": {
            "01.twice": {"tries": 1, "passed": False, "hints": {"one": 1}},
            "04.weigh": {"tries": 3, "passed": True, "hints": {"swapped": 2}},
        },
    }
    assert path.stat().st_size < 1000


def test_a_teacher_adds_up_the_files_of_a_class(tmp_path):
    paths = []
    for student in range(3):
        results().clear()
        check("04.weigh", swapped if student else right)
        paths.append(results().save(tmp_path / f"{student}.json"))
    assert class_tally(paths) == {"04.weigh": {"swapped": 2, "passed": 1}}
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(ValueError, match=r"other\.json was not written"):
        class_tally([tmp_path / "other.json"])


def test_nothing_tried_yet_says_so():
    assert str(results()) == results()._repr_html_() == "No exercise was tried yet."
