"""A panel's truth, against quadrature, Monte Carlo and autograd; its controls, against bad values.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import math

import numpy as np
import pytest
import torch

import truth
from ppl_core.density import log_density
from ppl_core.errors import ModelError
from ppl_widgets.scenarios import SCENARIOS, WEIGHING, ControlError, Gaussian, Settings

CONTROLS = Settings(WEIGHING.controls)
DEFAULTS = dict(CONTROLS)
SETTINGS = [
    {},
    {"guess": 7.0},
    {"measurement": 12.5, "noise_sd": 0.3},
    {"guess": 0.0, "measurement": 20.0, "prior_sd": 0.5, "noise_sd": 2.0},
    {"prior_sd": 5.0, "noise_sd": 0.05},
]
GUIDES = [(8.5, 1.0), (9.0, 0.8), (9.14, 0.6), (9.5, 0.3)]


def settings(**changes):
    return DEFAULTS | changes


def physics(controls):
    return {name: controls[name] for name in ("guess", "measurement", "prior_sd", "noise_sd")}


def unconstrained(q):
    a, log_b = torch.tensor([q.mean, math.log(q.sd)], dtype=torch.double)
    return {"a": a, "b": log_b}


@pytest.mark.parametrize("changes", SETTINGS)
def test_exact_answer_agrees_with_textbook_and_quadrature(changes):
    controls = settings(**changes)
    exact = WEIGHING.exact(controls)
    textbook = truth.weigh(**physics(controls))

    def log_joint(weight):
        return truth.scale_log_joint(weight, **physics(controls))

    width = 12 * textbook.sd
    numeric = truth.posterior_by_quadrature(log_joint, textbook.mean - width, textbook.mean + width)
    for other in (textbook, numeric):
        assert exact.mean == pytest.approx(other.mean, abs=1e-9)
        assert exact.sd == pytest.approx(other.sd, rel=1e-9)
        assert exact.log_evidence == pytest.approx(other.log_evidence, abs=1e-9)
    assert exact.source == "closed form"


def test_seed_numbers():
    exact = WEIGHING.exact(DEFAULTS)
    assert exact.posterior == Gaussian(pytest.approx(9.14), pytest.approx(0.6))
    assert exact.floor == pytest.approx(1.462, abs=5e-4)
    assert WEIGHING.expected_loss(Gaussian(8.5, 1.0), DEFAULTS) == pytest.approx(2.409, abs=5e-4)
    assert WEIGHING.expected_loss(Gaussian(9.0, 0.8), DEFAULTS) == pytest.approx(1.591, abs=5e-4)
    assert WEIGHING.loss_sd(Gaussian(8.5, 1.0), DEFAULTS) == pytest.approx(2.18, abs=5e-3)
    assert WEIGHING.loss_sd(Gaussian(9.14, 0.6), DEFAULTS) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("changes", SETTINGS)
@pytest.mark.parametrize(("a", "b"), GUIDES)
def test_loss_moments_and_kl_agree_with_quadrature(changes, a, b):
    controls, q = settings(**changes), Gaussian(a, b)
    exact = WEIGHING.exact(controls)

    def log_joint(weight):
        return truth.scale_log_joint(weight, **physics(controls))

    mean, variance = truth.loss_moments_by_quadrature(a, b, log_joint)
    assert WEIGHING.expected_loss(q, controls) == pytest.approx(mean, rel=1e-9)
    assert WEIGHING.expected_loss(q, controls) == pytest.approx(
        truth.expected_loss(a, b, **physics(controls)), rel=1e-12
    )
    assert WEIGHING.loss_sd(q, controls) == pytest.approx(math.sqrt(variance), rel=1e-7, abs=1e-7)
    distance = truth.kl_by_quadrature(a, b, exact.mean, exact.sd)
    assert WEIGHING.kl(q, exact) == pytest.approx(distance, rel=1e-9, abs=1e-9)
    assert WEIGHING.expected_loss(q, controls) - exact.floor == pytest.approx(
        WEIGHING.kl(q, exact), rel=1e-7, abs=1e-9
    )


@pytest.mark.parametrize("particles", [1, 2, 7])
def test_noise_has_the_moments_of_real_particles(particles):
    controls, n = settings(particles=particles), 200_000
    e, ee = WEIGHING.noise(np.random.default_rng(5), controls, (n,))
    # e ~ mean of K normals, ee ~ mean of their squares: E e^2 = 1/K, Var ee = 2/K, Cov(e, ee) = 0.
    for sample, mean in [
        (e, 0.0),
        (e * e, 1 / particles),
        (ee, 1.0),
        ((ee - 1.0) ** 2, 2 / particles),
        (e * (ee - 1.0), 0.0),
        (e * e * (ee - 1.0), 2 / particles**2),
    ]:
        assert abs(sample.mean() - mean) < 5 * sample.std() / math.sqrt(n)


@pytest.mark.parametrize("particles", [1, 3])
def test_draws_have_the_stated_mean_and_spread(particles):
    controls, n = settings(particles=particles), 200_000
    rng = np.random.default_rng(6)
    noise = [torch.from_numpy(part) for part in WEIGHING.noise(rng, controls, (n,))]
    q = Gaussian(8.8, 0.9)
    leaves = unconstrained(q)
    loss, _ = WEIGHING.draw(leaves, noise, controls)
    sd = WEIGHING.loss_sd(q, controls)
    error = (loss.mean() - WEIGHING.expected_loss(q, controls)).abs()
    assert float(error) < 5 * sd / math.sqrt(n)
    spread_error = ((loss - loss.mean()) ** 2).std() / math.sqrt(n)
    assert abs(float(loss.var()) - sd**2) < 5 * float(spread_error)


def test_draw_is_the_programs_own_loss_and_gradient_for_the_same_noise():
    controls = settings(guess=8.0, prior_sd=1.3)
    model, guide = WEIGHING.programs(WEIGHING.model, WEIGHING.guide)
    a, log_b = torch.tensor(8.9, requires_grad=True), torch.tensor(-0.2, requires_grad=True)
    noise = torch.randn(4)
    weights = a + log_b.exp() * noise

    def loss_of(weight):
        q = torch.distributions.Normal(a, log_b.exp()).log_prob(weight)
        return q - log_density(model, {"weight": weight}, *WEIGHING.args(controls))

    loss = torch.stack([loss_of(weight) for weight in weights]).mean()
    grads = torch.autograd.grad(loss, [a, log_b])
    averages = (noise.mean(), noise.square().mean())
    drawn, slopes = WEIGHING.draw({"a": a.detach(), "b": log_b.detach()}, averages, controls)
    torch.testing.assert_close(drawn, loss.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close((slopes["a"], slopes["b"]), grads, rtol=1e-4, atol=1e-4)
    assert guide is not None


def test_still_noise_gives_the_exact_loss_and_its_exact_slope():
    q, h = Gaussian(8.9, 0.8), 1e-5
    leaves = unconstrained(q)
    still = [torch.tensor(part) for part in WEIGHING.still]
    loss, slopes = WEIGHING.draw(leaves, still, DEFAULTS)
    assert float(loss) == pytest.approx(WEIGHING.expected_loss(q, DEFAULTS), rel=1e-12)

    def at(a, log_b):
        return WEIGHING.expected_loss(Gaussian(a, math.exp(log_b)), DEFAULTS)

    a, u = q.mean, math.log(q.sd)
    assert float(slopes["a"]) == pytest.approx((at(a + h, u) - at(a - h, u)) / (2 * h), rel=1e-6)
    assert float(slopes["b"]) == pytest.approx((at(a, u + h) - at(a, u - h)) / (2 * h), rel=1e-6)


def test_collapsed_guide_is_infinitely_far():
    flat = Gaussian(9.0, 0.0)
    assert WEIGHING.kl(flat, WEIGHING.exact(DEFAULTS)) == math.inf
    assert WEIGHING.expected_loss(flat, DEFAULTS) == math.inf


def test_density_integrates_to_one():
    x = np.linspace(0.0, 20.0, 4001)
    bell = Gaussian(9.14, 0.6)
    assert np.trapezoid(bell.density(x), x) == pytest.approx(1.0, abs=1e-9)
    assert bell.density(np.array(9.14)) == pytest.approx(bell.peak)


# ---- programs


def test_programs_take_the_inputs_they_name():
    seen = []

    def model(noise_sd, guess):
        seen.append((guess, noise_sd))
        return WEIGHING.model(guess, 1.0, noise_sd)

    conditioned, guide = WEIGHING.programs(model, lambda: seen.append("guide"))
    value = conditioned(*WEIGHING.args(settings(guess=7.0)))
    guide(*WEIGHING.args(DEFAULTS))
    assert seen == [(7.0, 0.75), "guide"]
    assert float(value) == 9.5


def test_program_that_asks_for_an_unknown_input_error():
    with pytest.raises(ModelError, match=r"asks for 'gess', which no control gives"):
        WEIGHING.programs(lambda gess: None, WEIGHING.guide)


def test_registry_knows_each_scenario_by_its_name():
    assert SCENARIOS["weighing"] is WEIGHING


def test_axes_hold_the_lesson_and_grow_in_steps():
    axes, start = WEIGHING.axes, Gaussian(8.5, 1.0)
    seen = {"mean": (1.4, 4.0), "a": (8.5, 9.2), "b": (0.55, 1.0), "loss": (0.6, 14.0)}
    for name, reach in WEIGHING.reach(DEFAULTS, WEIGHING.exact(DEFAULTS), start, seen).items():
        assert axes[name].grown(axes[name].start, reach) == axes[name].start
    far = settings(measurement=20.0, guess=0.0)
    reach = WEIGHING.reach(far, WEIGHING.exact(far), start, {"mean": (-1.0, 300.0)})
    assert axes["weight"].grown((6.0, 11.0), reach["weight"]) == (0.0, 20.0)
    assert axes["loss"].grown((0.0, 5.0), reach["loss"]) == (-2.0, 1e3)
    assert axes["weight"].grown((0.0, 20.0), (9.0, 9.5)) == (0.0, 20.0)
    assert axes["a"].grown((8.0, 10.0), (-1e9, 1e9)) == (-20.0, 40.0)


# ---- controls


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("measurement", "abc", "measurement: 'abc' is not a number. Give one from 0 to 20."),
        ("measurement", None, "measurement: None is not a number. Give one from 0 to 20."),
        ("guess", True, "guess: True is not a number. Give one from 0 to 20."),
        ("guess", [1, 2], "guess: [1, 2] is not a number. Give one from 0 to 20."),
        ("guess", math.nan, "guess: nan is not a finite number. Give one from 0 to 20."),
        ("guess", "inf", "guess: 'inf' is not a finite number. Give one from 0 to 20."),
        ("guess", 20.5, "guess: 20.5 is out of range. Give a number from 0 to 20."),
        ("noise_sd", 0, "noise sd: 0 is out of range. Give a number from 0.05 to 5."),
        ("prior_sd", -1.0, "prior sd: -1.0 is out of range. Give a number from 0.05 to 5."),
        ("particles", 2.5, "particles K: 2.5 is not a whole number. Give one from 1 to 100."),
        ("particles", 0, "particles K: 0 is out of range. Give a number from 1 to 100."),
        ("num_steps", 1e9, "steps: 1000000000.0 is out of range. Give a number from 1 to 100,000."),
        ("lr", 0, "learning rate: 0 is out of range. Give a number from 1e-05 to 100."),
        ("optimiser", "SDG", "optimiser: 'SDG' is not on offer. Choose SGD, Adam or ClippedAdam."),
        ("optimiser", 3, "optimiser: 3 is not on offer. Choose SGD, Adam or ClippedAdam."),
    ],
)
def test_bad_value_is_refused_in_one_sentence_error(name, given, sentence):
    control = CONTROLS.control(name)
    with pytest.raises(ControlError) as error:
        control.check(given)
    assert str(error.value) == sentence


def test_endless_value_is_cut_short_in_the_message_error():
    with pytest.raises(ControlError, match=r"guess: 1{37}\.\.\. is not a number"):
        CONTROLS.control("guess").check(int("1" * 400))


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("guess", "9.25", 9.25),
        ("guess", np.float32(2.5), 2.5),
        ("guess", torch.tensor(3.0), 3.0),
        ("particles", 3.0, 3),
        ("lr", 100, 100.0),
        ("optimiser", "adam", "Adam"),
    ],
)
def test_good_value_is_kept_in_its_own_type_ok(name, given, kept):
    value = CONTROLS.control(name).check(given)
    assert value == kept
    assert type(value) is type(kept)


def test_every_default_is_allowed():
    for control in WEIGHING.controls:
        assert control.check(control.value) == control.value


def test_settings_take_only_what_is_allowed():
    settings = Settings(WEIGHING.controls, guess=9)
    assert dict(settings) == DEFAULTS | {"guess": 9.0}
    assert settings.changed() == {"guess": 9.0}
    with pytest.raises(ControlError, match=r"no control 'gess'\. Did you mean 'guess'\?"):
        settings.move("gess", 1.0)
    with pytest.raises(ControlError, match="out of range"):
        settings.move("guess", -1.0)
    assert dict(settings) == DEFAULTS | {"guess": 9.0}
