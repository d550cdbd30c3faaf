"""Importance sampling, against closed forms: weights, evidence, effective size, tails."""

import math
import warnings
from functools import partial

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core.errors import GuideError, InferenceError, ModelError
from ppl_core.infer import EmpiricalMarginal, Importance
from ppl_core.runs import InferenceRun
from programs import conditioned_scale, perfect_guide, scale

EXACT = truth.weigh()
N = 10_000


def normal_guide(a, b):
    return lambda guess: ppl.sample("weight", dist.Normal(a, b))


def quiet(posterior, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return posterior.run(*args)


def test_perfect_guide_weighs_every_draw_by_the_evidence():
    posterior = Importance(conditioned_scale, perfect_guide, N).run(8.5)
    weights = posterior.log_weights.exp()
    assert EXACT.log_evidence == pytest.approx(math.log(0.2318), abs=3e-4)
    np.testing.assert_allclose(weights, math.exp(EXACT.log_evidence), rtol=1e-4)
    assert posterior.get_ESS().item() == pytest.approx(N, rel=1e-5)
    assert posterior.get_log_normalizer_error() < 1e-4
    assert posterior.get_pareto_k() == -math.inf


@pytest.mark.parametrize("vectorize", [True, False])
def test_prior_as_guide_gives_posterior_and_evidence(vectorize):
    num = N if vectorize else 2000
    posterior = Importance(conditioned_scale, num_samples=num, vectorize=vectorize).run(8.5)
    assert posterior.vectorized is vectorize
    assert_average(posterior.log_weights.exp(), math.exp(EXACT.log_evidence))
    ess = posterior.get_ESS().item()
    assert ess / num == pytest.approx(truth.ess_share(8.5, 1.0), abs=0.04)
    marginal = EmpiricalMarginal(posterior, "weight")
    error = EXACT.sd / math.sqrt(ess)
    assert marginal.mean.item() == pytest.approx(EXACT.mean, abs=4 * error)
    assert marginal.variance.sqrt().item() == pytest.approx(EXACT.sd, abs=4 * error)
    assert posterior.mean("weight").item() == pytest.approx(marginal.mean.item(), rel=1e-5)
    assert posterior.get_pareto_k() < 0.5


def test_effective_share_follows_its_formula():
    """60 % for the prior; the formula's own check is quadrature."""
    assert truth.ess_share(8.5, 1.0) == pytest.approx(0.60, abs=0.002)
    for a, b in ((8.5, 1.0), (9.0, 0.8), (9.3, 0.55)):
        # log E w and log E w**2 under q, by quadrature
        def power_of_w(x, power, a=a, b=b):
            log_q = truth.normal_log_density(x, a, b)
            return power * truth.scale_log_joint(x) - (power - 1) * log_q

        first, second = (
            truth.posterior_by_quadrature(partial(power_of_w, power=p), -10, 30).log_evidence
            for p in (1, 2)
        )
        assert math.exp(2 * first - second) == pytest.approx(truth.ess_share(a, b), rel=1e-6)
        posterior = Importance(conditioned_scale, normal_guide(a, b), 100_000).run(8.5)
        share = posterior.get_ESS().item() / 100_000
        assert share == pytest.approx(truth.ess_share(a, b), rel=0.05)


def test_standard_error_of_the_evidence_is_honest():
    """Over 200 runs of 400 draws, errors divided by their standard errors have variance 1."""
    kernel, ratios = Importance(conditioned_scale, None, 400), []
    state = kernel.init(8.5)
    for _ in range(200):
        run, _ = kernel.update(state, 8.5)
        away = run.get_log_normalizer() - EXACT.log_evidence
        ratios.append((away / run.get_log_normalizer_error()).item())
    # chi-square with 200 degrees: a correct program fails once in 10,000 seeds
    assert 0.63 < np.var(ratios) < 1.5


def test_gauges_lie_where_the_variance_is_infinite_but_k_tells():
    """Below b = sd / sqrt(2) = 0.424 the exact effective share is 0; k is 1 - b**2 / sd**2."""
    assert EXACT.sd / math.sqrt(2) == pytest.approx(0.424, abs=1e-3)
    assert truth.ess_share(EXACT.mean, 0.4) == 0.0
    assert truth.ess_share(EXACT.mean, 0.43) > 0.0

    def runs(b, draws, count=20):
        importance = Importance(conditioned_scale, normal_guide(EXACT.mean, b), draws)
        return [quiet(importance, 8.5).state for _ in range(count)]

    gauges = [state.get_ESS().item() / 200 for state in runs(0.4, 200, 200)]
    assert np.median(gauges) == pytest.approx(0.66, abs=0.05)  # and the truth is 0
    for b in (0.2, 0.3, 0.4, 0.5):
        ks = [state.get_pareto_k() for state in runs(b, 100_000)]
        assert (np.mean(ks) > 0.5) == (b < 0.424)
        # k approaches its limit like 1 / log(draws), from below: 0.06 away at these
        assert np.mean(ks) == pytest.approx(truth.tail_k(b), abs=0.1)


def test_a_heavy_tail_is_a_warning():
    with pytest.warns(
        UserWarning, match=r"k = 0\.\d+: the tail is too heavy .* nearer to the posterior"
    ):
        Importance(conditioned_scale, normal_guide(EXACT.mean, 0.2), 10_000).run(8.5)


def test_resampled_draws_follow_the_posterior():
    posterior = Importance(conditioned_scale, num_samples=N).run(8.5)
    draws = posterior.resample(4000)
    assert draws["weight"].shape == draws["_RETURN"].shape == (4000,)
    # chosen from 6,000 effective draws: both errors count
    assert draws["weight"].mean().item() == pytest.approx(
        EXACT.mean, abs=4 * EXACT.sd * math.sqrt(1 / 4000 + 1 / 6000)
    )


def test_marginal_of_the_result_and_of_several_sites():
    def model():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        y = ppl.sample("y", dist.Normal(x, 1.0))
        ppl.sample("z", dist.Normal(y, 1.0), obs=1.0)
        ppl.deterministic("double", 2 * x)
        return x + y

    posterior = Importance(model, num_samples=500).run()
    assert posterior.vectorized
    both = EmpiricalMarginal(posterior, ["x", "y"])
    assert both.event_shape == (2,)
    result = EmpiricalMarginal(posterior)
    assert result.mean.item() == pytest.approx(both.mean.sum().item(), abs=1e-4)
    assert posterior.mean("double").item() == pytest.approx(2 * both.mean[0].item(), abs=1e-4)


def test_a_posterior_draw_is_a_record_without_data():
    posterior = Importance(conditioned_scale, num_samples=100).run(8.5)
    sites = posterior()
    assert sites.stochastic_nodes == ["weight"]
    assert sites["weight"].value in posterior.value("weight")
    assert "measurement" not in sites


def test_marginals_of_markov_chains_weigh_all_draws_the_same():
    class Chain:
        def get_samples(self):
            return {"weight": torch.tensor([8.0, 9.0, 10.0])}

    assert EmpiricalMarginal(Chain(), "weight").mean.item() == pytest.approx(9.0)
    with pytest.raises(ModelError, match="no draws of '_RETURN'"):
        EmpiricalMarginal(Chain())


# ---- rows, or one at a time


def regression(x, y):
    slope = ppl.sample("slope", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
    noise = ppl.sample("noise", dist.Gamma(2.0, 2.0))
    with ppl.plate("rows", len(x)):
        return ppl.sample("y", dist.Normal((x @ slope.unsqueeze(-1)).squeeze(-1), noise), obs=y)


def plated(y):
    with ppl.plate("groups", 3, dim=-2):
        level = ppl.sample("level", dist.Normal(0.0, 2.0))
        with ppl.plate("rows", y.shape[1], dim=-1):
            ppl.sample("y", dist.Normal(level, 1.0), obs=y)
    ppl.factor("tilt", -0.1 * level.abs().sum((-2, -1), keepdim=True))


@pytest.mark.parametrize(
    ("model", "args"),
    [(plated, (torch.randn(3, 4),)), (conditioned_scale, (8.5,))],
    ids=["plated", "scale"],
)
def test_rows_weigh_as_single_runs_do(model, args):
    posterior = quiet(Importance(model, num_samples=50), *args)
    assert posterior.vectorized
    values = {name: posterior.value(name) for name in posterior.draws.values if name != "_RETURN"}
    latent = ppl.infer.importance.prior_of(model)
    for row in range(0, 50, 7):
        here = {name: value[row] for name, value in values.items()}
        guide = ppl.handlers.trace(ppl.handlers.replay(latent, trace=here)).get_trace(*args)
        log_p = ppl.log_density(model, guide, *args)
        single = log_p - guide.log_prob_sum()
        assert posterior.log_weights[row].item() == pytest.approx(single.item(), abs=1e-4)


def test_programs_without_rows_are_drawn_one_at_a_time_and_say_why():
    def coin(data):
        heads = ppl.sample("heads", dist.Bernoulli(0.3))
        mean = 2.0 if heads == 1 else -1.0
        ppl.sample("data", dist.Normal(mean, 1.0), obs=data)

    posterior = Importance(coin, num_samples=1000).run(0.7)
    assert posterior.vectorized is False
    assert "RuntimeError" in posterior.why_single
    likelihood = [math.exp(truth.normal_log_density(0.7, mean, 1.0)) for mean in (2.0, -1.0)]
    evidence = 0.3 * likelihood[0] + 0.7 * likelihood[1]
    assert_average(posterior.log_weights.exp(), evidence)
    with pytest.raises(ModelError, match="vectorize=True, but this pair cannot be run in rows"):
        Importance(coin, num_samples=10, vectorize=True).run(0.7)


def test_rows_that_would_mix_draws_are_declined():
    """Two rows against two numbers of one event broadcast silently; the test of rows sees it."""

    def model(data):
        weight = ppl.sample("weight", dist.Normal(0.0, 1.0))
        ppl.sample("data", dist.Normal(weight * torch.ones(2), 1.0).to_event(1), obs=data)

    posterior = Importance(model, num_samples=200).run(torch.tensor([0.5, 1.0]))
    assert posterior.vectorized is False
    assert posterior.why_single


def test_sites_that_not_every_draw_has_are_named():
    def model():
        if ppl.sample("deep", dist.Bernoulli(0.5)):
            ppl.sample("extra", dist.Normal(0.0, 1.0))
        return torch.tensor(1.0)

    posterior = Importance(model, num_samples=50).run()
    assert posterior.value("deep").shape == (50,)
    with pytest.raises(ModelError, match="'extra' that all 50 draws have"):
        posterior.value("extra")


def test_large_programs_come_in_several_batches():
    data = torch.zeros(100_000)

    def model():
        mean = ppl.sample("mean", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", len(data)):
            ppl.sample("y", dist.Normal(mean, 300.0), obs=data)

    kernel = Importance(model, num_samples=90)
    state = kernel.init()
    assert 1 < state.proposal.batch(90) < 90
    assert len(quiet(kernel).log_weights) == 90


def test_trained_guides_with_parameters_and_autoguides_propose():
    guide = ppl.infer.AutoNormal(conditioned_scale)
    svi = ppl.infer.SVI(conditioned_scale, guide, ppl.optim.Adam({"lr": 0.05}))
    for _ in range(300):
        svi.step(8.5)
    posterior = quiet(Importance(conditioned_scale, guide, 2000), 8.5)
    assert posterior.vectorized
    assert_average(posterior.log_weights.exp(), math.exp(EXACT.log_evidence))
    assert not posterior.log_weights.requires_grad


# ---- a Kernel


def test_each_step_adds_a_batch_and_rewinding_takes_it_back():
    run = InferenceRun(Importance(conditioned_scale, batch_size=25), 8.5, seed=101, keep_every=1)
    run.advance(4)
    assert len(run.snapshot.state.log_weights) == 100
    assert run.snapshot.info.values["weight"].shape == (25,)
    before = run.snapshot.state.log_weights
    run.rewind(2)
    run.advance(2)
    assert torch.equal(before, run.snapshot.state.log_weights)
    assert run.snapshot.state.get_ESS() > 40


def test_a_step_is_one_draw_unless_said_otherwise():
    kernel = Importance(conditioned_scale)
    state, info = kernel.update(kernel.init(8.5), 8.5)
    assert len(state.draws) == len(info.log_weights) == 1
    assert state.get_log_normalizer_error() == math.inf


# ---- what can go wrong


def test_no_draws_are_errors():
    for wrong in (0, -3, 2.5):
        with pytest.raises(ValueError, match="num_samples is a whole number >= 1"):
            Importance(conditioned_scale, num_samples=wrong)
    with pytest.raises(InferenceError, match="nothing is drawn yet"):
        Importance(conditioned_scale, num_samples=5).get_ESS()
    with pytest.raises(InferenceError, match="nothing is drawn yet"):
        Importance(conditioned_scale).init(8.5).get_log_normalizer()
    with pytest.warns(UserWarning, match="10 draws"):
        assert len(Importance(conditioned_scale, perfect_guide).run(8.5).log_weights) == 10


def positive(guess):
    weight = ppl.sample("weight", dist.Gamma(4.0, 0.5))
    return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=9.5)


@pytest.mark.parametrize(
    ("model", "guide", "said"),
    [
        (conditioned_scale, lambda guess: None, "draws 'weight'.*but the guide does not"),
        (conditioned_scale, scale, "'measurement' is data in the model"),
        (conditioned_scale, lambda: None, "signature"),
        (
            conditioned_scale,
            lambda guess: ppl.sample("weight", dist.Uniform(8.0, 10.0)),
            "the model allows Real.*only from.*never draws cannot be weighted",
        ),
        (
            conditioned_scale,
            lambda guess: ppl.sample("weight", dist.Delta(torch.tensor(9.0))),
            "one point",
        ),
        (positive, normal_guide(9.0, 1.0), "model allows only"),
    ],
    ids=["missing", "observed", "signature", "narrow", "point", "wide"],
)
def test_a_guide_that_does_not_fit_is_an_error(model, guide, said):
    with pytest.raises(GuideError, match=said):
        Importance(model, guide, 10).run(8.5)


def test_an_autoguide_that_is_a_point_is_an_error():
    guide = ppl.infer.AutoLaplaceApproximation(conditioned_scale)
    with pytest.raises(GuideError, match="one point"):
        Importance(conditioned_scale, guide, 10).run(8.5)


def test_a_plate_that_leaves_out_rows_is_an_error():
    def model():
        mean = ppl.sample("mean", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 10, subsample_size=2) as rows:
            ppl.sample("y", dist.Normal(mean, 1.0), obs=torch.zeros(10)[rows])

    with pytest.raises(ModelError, match="plate 'rows' uses 2 of its 10 rows"):
        Importance(model, num_samples=10).run()


def test_a_nan_in_the_middle_names_the_site_and_keeps_the_draws():
    def model():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        bad = torch.where(x > 1.5, torch.nan, 0.0)
        ppl.factor("fit", bad)

    importance = Importance(model, num_samples=10_000, batch_size=5)
    with pytest.raises(InferenceError, match="model's log density of site 'fit' is nan") as caught:
        importance.run()
    assert caught.value.site == "fit"
    assert caught.value.step == len(importance.log_weights) > 0
    assert importance.log_weights.isfinite().all()


def test_all_weights_zero_is_an_error():
    def model():
        ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.factor("never", -math.inf)

    importance = Importance(model, num_samples=100)
    with pytest.raises(InferenceError, match="each of the 100 draws is impossible"):
        importance.run()
    with pytest.raises(ValueError, match="all 100 are -inf"):
        importance.get_ESS()


def test_an_interrupted_run_keeps_its_draws():
    calls = iter(range(1000))

    def model():
        if next(calls) == 40:
            raise KeyboardInterrupt
        return ppl.sample("x", dist.Normal(0.0, 1.0))

    importance = Importance(model, num_samples=1000, vectorize=False)
    with pytest.raises(KeyboardInterrupt):
        importance.run()
    assert 10 <= len(importance.log_weights) < 40
    assert importance.get_ESS() == pytest.approx(len(importance.log_weights))
