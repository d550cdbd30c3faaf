"""Rejection sampling, against closed forms: acceptance, evidence, draws, failing envelopes."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core.errors import GuideError, InferenceError
from ppl_core.infer import EmpiricalMarginal, Rejection
from ppl_core.runs import InferenceRun
from programs import conditioned_scale, perfect_guide, scale

EXACT = truth.weigh()
PEAK = truth.normal_log_density(9.5, 9.5, 0.75)  # of the likelihood, log 0.532
N = 5000


def normal_guide(a, b):
    return lambda guess: ppl.sample("weight", dist.Normal(a, b))


def test_prior_as_guide_keeps_the_evidence_over_the_peak():
    rejection = Rejection(conditioned_scale, num_samples=N).run(8.5)
    assert math.exp(PEAK) == pytest.approx(0.532, abs=1e-3)
    assert rejection.envelope.log_constant == pytest.approx(PEAK, abs=2e-3)
    assert "ascent" in rejection.envelope.how
    exact = math.exp(EXACT.log_evidence - PEAK)
    assert exact == pytest.approx(0.436, abs=1e-3)
    proposed = rejection.state.proposed
    assert rejection.acceptance_rate == pytest.approx(
        exact, abs=4 * math.sqrt(exact * (1 - exact) / proposed)
    )


@pytest.mark.parametrize("vectorize", [True, False])
def test_what_is_kept_is_the_posterior(vectorize):
    num = N if vectorize else 300
    rejection = Rejection(conditioned_scale, num_samples=num, vectorize=vectorize).run(8.5)
    weight = rejection.value("weight")
    assert weight.shape == (num,)
    assert_average(weight, EXACT.mean)
    assert_average((weight - EXACT.mean) ** 2, EXACT.sd**2)
    marginal = EmpiricalMarginal(rejection, "weight")
    assert marginal.mean.item() == pytest.approx(weight.mean().item(), rel=1e-5)
    assert set(rejection.get_samples()) == {"weight"}


def test_evidence_comes_with_its_standard_error():
    ratios = []
    for _ in range(100):
        rejection = Rejection(conditioned_scale, num_samples=300, log_constant=PEAK).run(8.5)
        away = rejection.get_log_normalizer() - EXACT.log_evidence
        ratios.append((away / rejection.get_log_normalizer_error()).item())
    # chi-square with 100 degrees: a correct program fails once in 10,000 seeds
    assert 0.52 < np.var(ratios) < 1.7


def test_perfect_guide_keeps_everything():
    rejection = Rejection(conditioned_scale, perfect_guide, num_samples=1000).run(8.5)
    assert rejection.acceptance_rate > 0.99
    assert rejection.envelope.log_constant == pytest.approx(EXACT.log_evidence, abs=2e-3)
    assert rejection.get_log_normalizer().item() == pytest.approx(EXACT.log_evidence, abs=0.01)


def test_a_given_constant_is_used_as_it_is():
    log_m = PEAK + math.log(2)
    rejection = Rejection(conditioned_scale, num_samples=N, log_constant=log_m).run(8.5)
    assert rejection.envelope == (log_m, "given")
    kept = math.exp(EXACT.log_evidence - log_m)
    assert rejection.acceptance_rate == pytest.approx(kept, abs=0.01)


def test_several_sites_with_constraints_and_plates():
    """Gamma prior, Poisson counts: the posterior is Gamma(2 + 9, 1 + 4)."""

    def model():
        rate = ppl.sample("rate", dist.Gamma(2.0, 1.0))
        with ppl.plate("days", 4):
            ppl.sample("seen", dist.Poisson(rate), obs=torch.tensor([3.0, 1.0, 2.0, 3.0]))

    rejection = Rejection(model, num_samples=N).run()
    rate = rejection.value("rate")
    assert_average(rate, 11 / 5)
    assert_average((rate - 11 / 5) ** 2, 11 / 25)


def test_discrete_sites_take_the_largest_ratio_of_many_draws():
    def model():
        coin = ppl.sample("coin", dist.Categorical(torch.tensor([0.2, 0.3, 0.5])))
        ppl.sample("y", dist.Normal(coin.float(), 1.0), obs=0.0)

    rejection = Rejection(model, num_samples=N).run()
    assert "largest ratio of 1000 draws" in rejection.envelope.how
    likelihood = np.exp([truth.normal_log_density(0.0, mean, 1.0) for mean in (0, 1, 2)])
    posterior = np.array([0.2, 0.3, 0.5]) * likelihood
    for outcome in range(3):
        share = (rejection.value("coin") == outcome).float()
        assert_average(share, posterior[outcome] / posterior.sum())
    assert rejection.get_log_normalizer().item() == pytest.approx(
        math.log(posterior.sum()), abs=4 * rejection.get_log_normalizer_error().item()
    )


# ---- a Kernel


def test_a_step_tells_all_that_a_picture_needs():
    kernel = Rejection(conditioned_scale, batch_size=50)
    state, info = kernel.update(kernel.init(8.5), 8.5)
    assert state.proposed == 50
    assert state.accepted == int(info.accepted.sum())
    assert ((info.log_height < info.log_p) == info.accepted).all()
    assert (info.log_height <= info.log_envelope).all()
    assert (info.log_p <= info.log_envelope).all()
    np.testing.assert_allclose(
        info.log_p, truth.scale_log_joint(info.values["weight"].numpy()), atol=1e-4
    )
    np.testing.assert_allclose(
        info.log_envelope - state.envelope.log_constant,
        truth.normal_log_density(info.values["weight"].numpy(), 8.5, 1.0),
        atol=1e-4,
    )


def test_steps_propose_one_draw_and_can_be_rewound():
    run = InferenceRun(Rejection(conditioned_scale), 8.5, seed=101, keep_every=1)
    assert math.isnan(run.snapshot.state.acceptance_rate)
    run.advance(20)
    assert run.snapshot.state.proposed == 20
    assert 0 < run.snapshot.state.accepted < 20
    before = run.snapshot.info.log_height
    run.rewind(10)
    run.advance(10)
    assert torch.equal(before, run.snapshot.info.log_height)


# ---- what can go wrong


def test_a_draw_above_the_envelope_is_named_with_the_constant_it_needs():
    rejection = Rejection(conditioned_scale, num_samples=N, log_constant=math.log(0.5))
    said = r"at weight = 9\.\d+ the model is 1\.06\d* times.*needs log_constant=-0\.631"
    with pytest.raises(InferenceError, match=said) as caught:
        rejection.run(8.5)
    assert caught.value.site == "weight"


def test_a_failing_envelope_keeps_what_was_drawn_before():
    rejection = Rejection(conditioned_scale, num_samples=N, log_constant=PEAK - 1e-3)
    run = InferenceRun(rejection, 8.5, seed=101)
    with pytest.raises(InferenceError, match="above the envelope"):
        run.advance(5000)
    assert run.snapshot.state.accepted > 0
    assert run.step == run.snapshot.state.proposed


@pytest.mark.parametrize("b", [0.3, 0.5, 0.59])
def test_a_guide_with_thinner_tails_is_no_envelope(b):
    with pytest.raises(InferenceError, match=r"no constant lifts .* grows without bound"):
        Rejection(conditioned_scale, normal_guide(EXACT.mean, b)).run(8.5)


def test_a_budget_without_a_sample_says_so():
    rejection = Rejection(conditioned_scale, log_constant=30.0, max_draws=500)
    with pytest.raises(InferenceError, match=r"none of 500 draws was kept.*below 0\.006"):
        rejection.run(8.5)
    with pytest.raises(InferenceError, match="nothing is kept yet"):
        rejection.value("weight")


def test_a_budget_with_too_few_samples_warns():
    rejection = Rejection(conditioned_scale, num_samples=1000, max_draws=300)
    with pytest.warns(UserWarning, match=r"max_draws=300 ended with \d+ of 1000 samples"):
        rejection.run(8.5)
    assert 80 < len(rejection.value("weight")) < 180


def test_an_impossible_model_is_an_error():
    def model():
        ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.factor("never", -math.inf)

    with pytest.raises(InferenceError, match="each of 1000 draws is impossible"):
        Rejection(model).run()


@pytest.mark.parametrize(
    "settings",
    [{"num_samples": 0}, {"max_draws": 0}, {"batch_size": -1}, {"log_constant": math.inf}],
)
def test_settings_that_make_no_sense_are_errors(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Rejection(conditioned_scale, **settings)


@pytest.mark.parametrize(
    "guide",
    [lambda guess: None, scale, lambda guess: ppl.sample("weight", dist.Uniform(8.0, 10.0))],
    ids=["missing", "observed", "narrow"],
)
def test_a_guide_that_does_not_fit_is_an_error(guide):
    with pytest.raises(GuideError, match=r"weight|measurement"):
        Rejection(conditioned_scale, guide).run(8.5)


def test_nothing_is_kept_before_a_run():
    with pytest.raises(InferenceError, match="call run"):
        _ = Rejection(conditioned_scale).acceptance_rate
