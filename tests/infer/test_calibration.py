"""Simulation-based calibration finds wrong algorithms and leaves right ones alone."""

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import InferenceRun
from ppl_core.errors import InferenceError, ModelError
from ppl_core.handlers import trace
from ppl_core.infer import (
    HMC,
    NUTS,
    DiscreteGibbs,
    Importance,
    IndependentMH,
    RandomWalkKernel,
    Rejection,
    SMCFilter,
    TemperedSMC,
    reference,
    sbc,
)
from ppl_core.infer.calibration import Uniformity
from programs import conditioned_scale


def posterior(width=1.0, shift=0.0):
    """Draws from N(mean + shift, width * sd) of the scale's exact posterior."""

    def infer(model, guess):
        reading = trace(model).get_trace(guess)["measurement"].value
        return {
            "weight": dist.Normal(0.36 * guess + 0.64 * reading + shift, 0.6 * width).sample((99,))
        }

    return infer


def prior(model, guess):
    return {"weight": dist.Normal(guess, 1.0).sample((99,))}


# ---- the test of uniformity


def test_false_alarm_rate_is_the_stated_one():
    test = Uniformity(50, 19)
    ranks = np.random.default_rng(1).integers(0, 20, size=(4000, 50))
    p_values = np.array([test.p_value(each) for each in ranks])
    for level in (0.02, 0.1, 0.4):
        error = 4 * np.sqrt(level * (1 - level) / 4000)
        assert (p_values <= level).mean() <= level + error  # exact for discrete counts
        assert (p_values <= level).mean() >= 0.6 * level - error


def test_band_covers_all_thresholds_at_once():
    test = Uniformity(80, 99)
    low, high = test.band(0.9)
    ranks = np.random.default_rng(2).integers(0, 100, size=(3000, 80))
    counts = np.stack([test.counts(each) for each in ranks])
    inside = ((counts >= low) & (counts <= high)).all(1).mean()
    assert 0.9 - 4 * np.sqrt(0.09 / 3000) <= inside <= 0.95


@pytest.mark.parametrize(("n", "draws"), [(5, 3), (30, 1), (1, 99)])
def test_probabilities_add_up(n, draws):
    test = Uniformity(n, draws)
    assert test.coverage(0.0) == pytest.approx(1.0)
    assert 0.0 <= test.p_value(np.zeros(n, dtype=int)) <= 1.0


# ---- right and wrong algorithms (false alarms 1e-3 each)


def test_exact_posterior_passes():
    found = sbc(
        conditioned_scale,
        posterior(),
        8.5,
        num_simulations=100,
        num_draws=19,
        test_log_density=True,
    )
    assert found.passed
    assert found.ranks["weight"].shape == (100,)
    assert set(found.p_values) == {"weight", "log_density"}
    plot = found.plot_of("weight")
    assert ((plot.low <= plot.difference) & (plot.difference <= plot.high)).all()


@pytest.mark.parametrize(
    "infer", [posterior(width=0.7), posterior(width=1.4), posterior(shift=0.25)]
)
def test_wrong_width_or_place_fails(infer):
    found = sbc(conditioned_scale, infer, 8.5, num_simulations=300)
    assert not found.passed
    assert found.failures == ["weight"]
    plot = found.plot_of("weight")
    assert ((plot.difference < plot.low) | (plot.difference > plot.high)).any()


def test_prior_as_posterior_is_found_out_by_the_log_density_alone():
    found = sbc(
        conditioned_scale, prior, 8.5, num_simulations=100, num_draws=19, test_log_density=True
    )
    assert found.failures == ["log_density"]


def test_discrete_sites_break_ties_at_random():
    def model():
        heads = ppl.sample("heads", dist.Bernoulli(0.3))
        ppl.sample("y", dist.Normal(heads, 1.0), obs=0.0)

    def infer(model):
        return reference(model).sample(19)

    assert sbc(model, infer, num_simulations=60, num_draws=19).passed


# ---- the algorithms of this package


def chain(kernel_of, warmup, steps):
    def infer(model, *args):
        run = InferenceRun(kernel_of(model), *args, seed=int(torch.randint(10**6, ())))
        kept = []
        run.advance(warmup)
        run.advance(steps, watch=lambda at: kept.append(at.info.values))
        return {name: torch.stack([values[name] for values in kept]) for name in kept[0]}

    return infer


def rates():
    rate = ppl.sample("x", dist.Gamma(3.0, 1.0))
    with ppl.plate("rows", 3):
        ppl.sample("y", dist.Poisson(rate), obs=torch.zeros(3))


def line():
    w = ppl.sample("w", dist.Normal(torch.zeros(2), 1.0).to_event(1))
    with ppl.plate("rows", 3):
        ppl.sample("y", dist.Normal(w[..., 0] + w[..., 1] * torch.arange(3.0), 2.0), obs=0.0)


MODELS = {"scale": (conditioned_scale, (8.5,)), "rates": (rates, ()), "line": (line, ())}


@pytest.mark.parametrize("name", MODELS)
def test_references_are_calibrated(name):
    model, args = MODELS[name]
    found = sbc(
        model,
        lambda model, *args: reference(model, *args, seed=int(torch.randint(10**6, ()))).sample(19),
        *args,
        num_simulations=60,
        num_draws=19,
    )
    assert found.passed


@pytest.mark.parametrize("name", MODELS)
def test_independent_metropolis_is_calibrated(name):
    model, args = MODELS[name]
    infer = chain(IndependentMH, 20, 190)
    assert sbc(model, infer, *args, num_simulations=60, num_draws=19).passed


def by_importance(model, *args):
    # 1,500 weighted draws, of which 19: the bias of resampling is far below what 60 ranks can see
    return Importance(model, num_samples=1500).run(*args).resample(19)


def by_rejection(model, *args):
    return Rejection(model, num_samples=19).run(*args).get_samples()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("infer", [by_importance, by_rejection])
def test_weighted_and_accepted_draws_are_calibrated(infer, name):
    model, args = MODELS[name]
    assert sbc(model, infer, *args, num_simulations=40, num_draws=19).passed


@pytest.mark.parametrize("name", MODELS)
def test_nuts_is_calibrated(name):
    model, args = MODELS[name]
    infer = chain(lambda model: NUTS(model, step_size=0.5, warmup_steps=30), 30, 18)
    assert sbc(model, infer, *args, num_simulations=20, num_draws=9).passed


@pytest.mark.parametrize("name", MODELS)
def test_hmc_is_calibrated(name):
    model, args = MODELS[name]
    kernel = lambda model: HMC(model, step_size=0.4, num_steps=5, warmup_steps=20)  # noqa: E731
    assert sbc(model, chain(kernel, 20, 18), *args, num_simulations=20, num_draws=9).passed


@pytest.mark.parametrize("name", MODELS)
def test_random_walk_is_calibrated(name):
    model, args = MODELS[name]
    infer = chain(lambda model: RandomWalkKernel(model, 1.0, warmup_steps=60), 60, 150)
    assert sbc(model, infer, *args, num_simulations=25, num_draws=9).passed


@pytest.mark.parametrize("name", MODELS)
def test_tempered_particles_are_calibrated(name):
    model, args = MODELS[name]

    def infer(model, *args):
        return TemperedSMC(model, 40, num_moves=3).run(*args).samples

    assert sbc(model, infer, *args, num_simulations=40, num_draws=19).passed


class Level:
    """A weight that drifts between readings, in two parts, for the filter."""

    def __init__(self, drift):
        self.drift = drift

    def init(self, state, reading):
        state["kg"] = ppl.sample("kg", dist.Normal(8.5, 1.0))
        ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)

    def step(self, state, reading):
        state["kg"] = ppl.sample("kg", dist.Normal(state["kg"], self.drift))
        ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)


@pytest.mark.parametrize("drift", [0.1, 0.3, 1.5])
def test_a_filter_is_calibrated(drift):
    def whole():
        """The same in one program; only the last weight is inferred."""
        kg = ppl.sample("kg_0", dist.Normal(8.5, 1.0))
        ppl.sample("reading_0", dist.Normal(kg, 0.75), obs=0.0)
        for t in (1, 2):
            kg = ppl.sample(f"kg_{t}", dist.Normal(kg, drift))
            ppl.sample(f"reading_{t}", dist.Normal(kg, 0.75), obs=0.0)

    def infer(model):
        sites = trace(model).get_trace()
        smc = SMCFilter(Level(drift), num_particles=400)
        smc.init(sites["reading_0"].value)
        smc.step(sites["reading_1"].value)
        smc.step(sites["reading_2"].value)
        return {"kg_2": smc.get_empirical()["kg"].sample((19,))}

    assert sbc(whole, infer, num_simulations=60, num_draws=19).passed


def switch():
    heads = ppl.sample("heads", dist.Bernoulli(0.4))
    w = ppl.sample("w", dist.Normal(2 * heads, 1.0))
    ppl.sample("y", dist.Normal(w, 1.0), obs=0.0)


def two_coins():
    first = ppl.sample("first", dist.Bernoulli(0.6))
    second = ppl.sample("second", dist.Bernoulli(0.3 + 0.4 * first))
    w = ppl.sample("w", dist.Normal(0.0, 1.0))
    ppl.sample("y", dist.Normal(w + first - second, 0.7), obs=0.0)


def rows_of_two_kinds():
    centre = ppl.sample("centre", dist.Normal(1.5, 1.0))
    with ppl.plate("rows", 3):
        kind = ppl.sample("kind", dist.Categorical(torch.tensor([0.3, 0.7])))
        ppl.sample("y", dist.Normal(kind * centre, 0.8), obs=torch.zeros(3))


@pytest.mark.parametrize("model", [switch, two_coins, rows_of_two_kinds])
def test_gibbs_is_calibrated(model):
    infer = chain(lambda model: DiscreteGibbs(RandomWalkKernel(model, 1.5)), 10, 54)
    assert sbc(model, infer, num_simulations=25, num_draws=9).passed


# ---- requests that make no sense


def test_what_cannot_be_calibrated_is_an_error():
    with pytest.raises(ModelError, match="the model observes nothing"):
        sbc(lambda: ppl.sample("w", dist.Normal(0.0, 1.0)), prior)

    def forced():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.factor("pull", -w)

    with pytest.raises(ModelError, match="factor statement 'pull'"):
        sbc(forced, prior)
    with pytest.raises(InferenceError, match="99 draws of site 'weight'; num_draws=200 are needed"):
        sbc(conditioned_scale, prior, 8.5, num_draws=200)
    with pytest.raises(InferenceError, match="infer returned wieght, and no latent site"):
        sbc(conditioned_scale, lambda model, guess: {"wieght": torch.zeros(99)}, 8.5)
    with pytest.raises(ValueError, match="num_simulations is a whole number >= 1, got 0"):
        sbc(conditioned_scale, prior, 8.5, num_simulations=0)
