"""Each named slip gets its own hint: by the tables, and by code that makes the mistake."""

import math
import re
from statistics import NormalDist

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import ppl_widgets
import truth
from ppl_widgets.exercises import check, names
from ppl_widgets.exercises.judging import judge
from ppl_widgets.exercises.lessons import exercise
from ppl_widgets.messages.english import MESSAGES as ENGLISH

BY_PROGRAM = {
    "02.deferred",
    "07.twice",
    "11.subsample",
    "14.count",
    "14.temper",
}  # their slips are made in code
SLIPS = [
    (name, index, slip)
    for name in names()
    if name not in BY_PROGRAM
    for index, slip in enumerate(exercise(name).slips)
]


def mistaken(asked, slip):
    """The answer of somebody who makes this slip, and no other."""

    def answer(*setting):
        wanted = zip(slip.formula(*setting), asked.right(*setting), strict=True)
        return tuple(right if value is None else value for value, right in wanted)

    return answer if asked.takes else answer()


@pytest.mark.parametrize(
    ("name", "index", "slip"),
    SLIPS,
    ids=lambda v: v if isinstance(v, str) else getattr(v, "name", ""),
)
def test_each_slip_of_the_tables_is_recognised_as_itself(name, index, slip):
    asked = exercise(name)
    finding = judge(asked, mistaken(asked, slip))
    assert (finding.passed, finding.hint) == (False, slip.name)
    assert finding.text


def program(noise=0.75, prior=1.0):
    def scale(guess):
        weight = ppl.sample("weight", dist.Normal(guess, prior))
        return ppl.sample("measurement", dist.Normal(weight, noise))

    return scale


def collected(site, noise=None):
    """Readings, or what somebody took for them, by a loop as a student writes it."""

    def readings(guess, noise_sd):
        with ppl.plate("runs", 2000), ppl.handlers.trace() as sites:
            program(noise_sd if noise is None else noise(noise_sd))(guess)
        return sites[site].value

    return readings


def one_object(guess, noise_sd):
    return guess + noise_sd * torch.randn(2000)


def one_draw(guess, noise_sd):
    return [program(noise_sd)(guess)] * 2000


def weighed(guess, reading, prior_sd, noise_sd, by):
    share = by(prior_sd) / (by(prior_sd) + by(noise_sd))
    return (1 - share) * guess + share * reading


def exact(guess, reading, prior_sd, noise_sd):
    belief = truth.weigh(guess, reading, prior_sd, noise_sd)
    return belief.mean, belief.sd


def observed(noise=0.75, data=None):
    def deferred(measurement, guess):
        values = {"measurement": measurement} if data is None else data(measurement)
        return ppl.condition(program(noise), data=values)(guess)

    return deferred


def one_estimate(a, b):
    weight = a + b * torch.randn(()).item()
    return float(truth.scale_log_joint(weight) - truth.normal_log_density(weight, a, b))


MISTAKES = [
    ("01.readings", "weight", collected("weight")),
    ("01.readings", "fixed", one_object),
    ("01.readings", "repeated", one_draw),
    ("01.readings", "noise_squared", collected("measurement", lambda sd: sd**2)),
    ("01.readings", "baked_noise", collected("measurement", lambda sd: 0.75)),
    ("01.readings", "added", lambda g, n: (g, 1 + n)),
    ("01.readings", "variance", lambda g, n: (g, 1 + n * n)),
    ("02.deferred", "noise", observed(1.0)),
    ("02.deferred", "fixed", observed(data=lambda m: {"weight": m})),
    ("02.deferred", "prior", observed(data=lambda m: {})),
    ("02.deferred", "uncalled", lambda m, g: ppl.condition(program(), data={"measurement": m})),
    ("02.deferred", "baked", observed(data=lambda m: {"measurement": 9.5})),
    ("02.deferred", "no_site", lambda m, g: ppl.sample("kg", dist.Normal(g, 1.0))),
    ("03.glued", "looked", lambda g, m: exact(g, m, 1.0, 0.75)),
    ("03.seen", "ten", lambda g, w: (w, math.sqrt(0.5 + 0.75**2))),
    ("03.seen", "all", lambda g, w: (w + (w - g), math.sqrt(0.5 + 0.75**2))),
    ("03.seen", "same_sd", lambda g, w: (w + 0.5 * (w - g), 1.25)),
    ("04.weigh", "swapped", lambda g, m, p, n: (exact(m, g, p, n)[0], exact(g, m, p, n)[1])),
    (
        "04.weigh",
        "sds",
        lambda g, m, p, n: (weighed(g, m, p, n, abs), (1 / p + 1 / n) ** -0.5),
    ),
    ("04.weigh", "equal", lambda g, m, p, n: exact(g, m, p, p)),
    ("04.weigh", "variance", lambda g, m, p, n: (exact(g, m, p, n)[0], exact(g, m, p, n)[1] ** 2)),
    ("04.weigh", "baked", lambda g, m, p, n: (9.14, 0.6)),
    ("07.second", "last", 100.0),
    ("08.elbo", "loss", truth.expected_loss),
    ("08.elbo", "evidence", lambda a, b: truth.weigh().log_evidence),
    ("08.elbo", "varies", lambda a, b: one_estimate(a, b)),
    ("08.gap", "turned", lambda a, b: truth.kl_by_quadrature(9.14, 0.6, a, b)),
    ("09.half_life", "no_momentum", lambda lr, m, s: truth.sgd_half_life(lr, 0.0, s)),
    ("09.tail", "plugged", lambda m, s, t: 1 - NormalDist(m, 0.75).cdf(t)),
    ("09.tail", "next", lambda m, s, t: 1 - NormalDist(m, math.hypot(s, 0.75)).cdf(t)),
    ("11.width", "no_prior", lambda num, n: n / num**0.5),
    ("11.two", "mean_field", lambda p, n: ((p**-2 + n**-2) ** -0.5, -(p**2) / (p**2 + n**2))),
    ("12.line", "trusting", lambda g, p, n: (1.0, (n**2 * g) / (p**2 + n**2))),
    ("12.line", "deaf", lambda g, p, n: (0.0, g)),
    ("05.weights", "likelihood", lambda p, d, q: d),
    ("05.weights", "joint", lambda p, d, q: p + d),
    ("05.evidence", "normalised", lambda w: torch.softmax(w, 0).mean()),
    ("05.accepted", "evidence", lambda *s: math.exp(truth.weigh(*s).log_evidence)),
    ("05.ess", "logs", lambda w: w.sum() ** 2 / (w**2).sum() / len(w)),
]


@pytest.mark.parametrize(
    ("name", "hint", "answer"), MISTAKES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_the_slips_of_the_course_are_recognised_in_code(name, hint, answer):
    verdict = check(name, answer)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict


@pytest.mark.parametrize("width", [0.75, 1.0, 2.0])
def test_a_window_too_wide_is_recognised_from_kept_draws(width):
    def posterior(measurement, guess):
        with ppl.plate("runs", 400_000), ppl.handlers.trace() as sites:
            program()(guess)
        return sites["weight"].value[(sites["measurement"].value - measurement).abs() < width]

    assert check("02.posterior", posterior).hint == "wide"


def test_the_numbers_of_the_curriculum_are_those_of_the_tables():
    """Wrong answers at the settings of the tasks, to the digits in which they are well known."""
    printed = {
        ("01.readings", "added"): (8.5, 1.75),
        ("01.readings", "variance"): (8.5, 1.5625),
        ("02.posterior", "noise"): (9.0, 0.707),
        ("03.seen", "all"): (11.5, None),
        ("04.weigh", "swapped"): (8.86, None),
        ("04.weigh", "sds"): (9.071, 0.655),
        ("04.weigh", "equal"): (9.0, 0.707),
        ("05.accepted", "evidence"): (0.2318,),
        ("05.accepted", "peak"): (0.532,),
        ("08.elbo", "fit"): (-1.422,),
        ("08.elbo", "no_entropy"): (-2.786,),
        ("08.gap", "turned"): (0.084,),
        ("09.tail", "plugged"): (0.126,),
        ("09.tail", "next"): (0.185,),
        ("10.gap", "true_sd"): (None, 0.965),
        ("11.two", "mean_field"): (0.6, None),
    }
    for (name, hint), numbers in printed.items():
        asked = exercise(name)
        slip = next(slip for slip in asked.slips if slip.name == hint)
        for found, wanted in zip(slip.formula(*asked.settings[0]), numbers, strict=True):
            assert found == pytest.approx(wanted, abs=6e-4) or wanted is None


# ---- how it is said


def test_every_slip_and_every_exercise_has_its_words():
    for name in names():
        assert f"look.{name}" in ENGLISH
        assert f"sibling.{name}" in ENGLISH
        for slip in exercise(name).slips:
            assert f"hint.{exercise(name).hints}.{slip.name}" in ENGLISH


@pytest.mark.parametrize("name", names())
def test_the_panel_that_a_second_failure_points_to_is_there(name):
    panels = re.findall(r"`(\w+)\(", ENGLISH[f"look.{name}"])
    assert panels
    assert set(panels) <= set(ppl_widgets.__all__)


HINTS = {k: v for k, v in ENGLISH.items() if k.startswith("hint.")}


@pytest.mark.parametrize("key", HINTS)
def test_a_hint_is_a_number_what_it_is_and_one_question(key):
    hint = HINTS[key]
    assert re.match(r"`?\{\w+\}|−?\d|N² terms", hint), "the number comes first"
    assert hint.endswith("?")
    assert hint.count("?") == 1
    words = re.sub(r"^\{\w+\}\.", "", hint).split()
    assert len(words) <= 12, len(words)


@pytest.mark.parametrize("name", names())
def test_no_hint_gives_the_answer_away(name):
    """Neither hints nor the way to a panel print what is right at the setting of the task."""
    asked = exercise(name)
    for value in asked.right(*asked.settings[0]):
        digits = f"{value:.4g}"
        if len(digits) < 4:  # 0 and 0.6 are in everybody's mouth
            continue
        said = [v for k, v in ENGLISH.items() if k.startswith((f"hint.{name}.", f"look.{name}"))]
        assert not [text for text in said if digits in text]
