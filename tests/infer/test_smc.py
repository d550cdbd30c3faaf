"""Particles: resampling is unbiased, filters agree with Kalman, tempering finds the evidence."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from chance import assert_average
from ppl_core import InferenceRun
from ppl_core.errors import GuideError, InferenceError, ModelError, ShapeError
from ppl_core.infer import SMCFilter, TemperedSMC, reference
from ppl_core.infer.smc import genealogy, multinomial, residual, stratified, systematic
from programs import scale

READINGS = [9.5, 9.1, 9.9, 9.3, 9.6]
SCHEMES = [multinomial, residual, stratified, systematic]


class Level:
    """A weight that drifts by 0.3 between readings; the first is read at once."""

    def init(self, state, reading):
        state["kg"] = ppl.sample("kg", dist.Normal(8.5, 1.0))
        ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)

    def step(self, state, reading):
        state["kg"] = ppl.sample("kg", dist.Normal(state["kg"], 0.3))
        ppl.sample("reading", dist.Normal(state["kg"], 0.75), obs=reading)


class LevelGuide:
    """The exact conditional of the next level: the locally best proposal."""

    def propose(self, loc, variance, reading):
        gain = variance / (variance + 0.75**2)
        mean = loc + gain * (reading - loc)
        ppl.sample("kg", dist.Normal(mean, math.sqrt(variance * (1 - gain))))

    def init(self, state, reading):
        self.propose(8.5, 1.0, reading)

    def step(self, state, reading):
        self.propose(state["kg"], 0.09, reading)


def filtered(smc, readings=READINGS):
    smc.init(readings[0])
    for reading in readings[1:]:
        smc.step(reading)
    return smc.state


# ---- resampling


@pytest.mark.parametrize("scheme", SCHEMES)
def test_resampling_gives_each_particle_its_share_of_children(scheme):
    log_weights = torch.tensor([0.1, 0.0, 2.3, 0.7, 1.1, 0.05]).log()
    exact = torch.softmax(log_weights, 0) * 6
    children = [torch.bincount(scheme(log_weights), minlength=6) for _ in range(4000)]
    assert_average(children, exact)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_resampling_of_hopeless_particles_and_of_one(scheme):
    log_weights = torch.tensor([-math.inf, 0.0, -math.inf, 0.0, -math.inf])
    for _ in range(50):
        assert set(scheme(log_weights).tolist()) <= {1, 3}
    assert scheme(torch.tensor([-3.0])).tolist() == [0]


@pytest.mark.parametrize("scheme", [residual, stratified, systematic])
def test_equal_weights_leave_everyone_one_child(scheme):
    for count in (3, 7, 1000):
        assert scheme(torch.full((count,), -5.0)).sort().values.tolist() == list(range(count))


def test_spread_of_children_grows_from_systematic_to_multinomial():
    log_weights = torch.randn(50)

    def spread(scheme):
        counts = [torch.bincount(scheme(log_weights), minlength=50) for _ in range(500)]
        return torch.stack(counts).double().var(0).sum().item()

    orderly = [spread(scheme) for scheme in (systematic, stratified, residual, multinomial)]
    assert orderly[0] <= orderly[1] * 1.1 < orderly[3]
    assert orderly[2] < orderly[3]


# ---- filters


def test_the_two_routes_to_the_truth_agree():
    one, other = truth.kalman(READINGS)[-1], truth.gaussian_walk(READINGS)
    assert one.mean == pytest.approx(other.mean, abs=1e-10)
    assert one.sd == pytest.approx(other.sd, abs=1e-10)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-10)
    assert round(one.mean, 3) == 9.451
    assert round(one.log_evidence, 3) == -5.311


@pytest.mark.parametrize("guide", [None, LevelGuide()], ids=["bootstrap", "guided"])
@pytest.mark.parametrize("resampling", ["systematic", "multinomial"])
def test_filter_agrees_with_kalman_and_its_evidence_is_unbiased(guide, resampling):
    exact = truth.kalman(READINGS)[-1]
    evidence, first, second = [], [], []
    for _ in range(150):
        state = filtered(SMCFilter(Level(), guide, 100, resampling=resampling))
        z = math.exp(state.log_evidence - exact.log_evidence)
        weights = state.log_weights.exp()
        evidence.append(z)
        first.append(z * float((weights * (state["kg"] - exact.mean)).sum()))
        second.append(z * float((weights * (state["kg"] - exact.mean) ** 2).sum()))
    # Z times any average is unbiased too, however few the particles
    assert_average(np.array(evidence), 1.0)
    assert_average(np.array(first), 0.0)
    assert_average(np.array(second), exact.sd**2)


def test_every_step_of_a_large_filter_is_near_kalman():
    smc = SMCFilter(Level(), num_particles=100_000)
    smc.init(READINGS[0])
    for reading, exact in zip(READINGS[1:], truth.kalman(READINGS)[1:], strict=True):
        smc.step(reading)
        level = smc.get_empirical()["kg"]
        assert float(level.mean) == pytest.approx(exact.mean, abs=0.01)
        assert float(level.variance) ** 0.5 == pytest.approx(exact.sd, abs=0.01)
        assert smc.state.log_evidence == pytest.approx(exact.log_evidence, abs=0.02)


def test_guide_makes_the_evidence_steadier():
    def spread(guide):
        runs = [filtered(SMCFilter(Level(), guide, 50)).log_evidence for _ in range(60)]
        return np.std(runs)

    assert spread(LevelGuide()) < 0.7 * spread(None)


def test_filter_with_plates_and_vectors_sums_each_particles_own_rows():
    class Two:
        def init(self, state):
            state["z"] = ppl.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))

        def step(self, state, y):
            state["z"] = ppl.sample("z", dist.Normal(state["z"], 0.5).to_event(1))
            with ppl.plate("rows", 3):
                ppl.sample("y", dist.Normal(state["z"].sum(-1), 1.0), obs=y)

    y = torch.tensor([1.0, 2.0, 3.0])
    smc = SMCFilter(Two(), num_particles=200_000, max_plate_nesting=1)
    smc.init()
    state = smc.step(y)
    assert state["z"].shape == (200_000, 1, 2)
    total = 2.5 * np.ones((3, 3)) + np.eye(3)  # the sum has variance 2 * (1 + 0.25)
    exact = -0.5 * (
        y.numpy() @ np.linalg.solve(total, y.numpy())
        + np.linalg.slogdet(total)[1]
        + 3 * truth.LOG_2PI
    )
    assert state.log_evidence == pytest.approx(exact, abs=0.03)


def test_genealogy_leads_back_to_the_particles_that_had_children():
    smc = SMCFilter(Level(), num_particles=50, ess_threshold=1.0)
    filtered(smc)
    paths = smc.genealogy()
    assert paths.shape == (5, 50)
    assert paths[-1].tolist() == list(range(50))
    for step, info in enumerate(smc.infos):
        assert info.resampled
        assert paths[step].tolist() == info.ancestors[paths[step + 1]].tolist()
    founders = [len(set(row.tolist())) for row in paths]
    assert founders == sorted(founders)
    assert genealogy([], 3).tolist() == [[0, 1, 2]]


def test_filter_as_a_kernel_rewinds_to_the_same_cloud():
    run = InferenceRun(SMCFilter(Level(), num_particles=20), 9.5, seed=3, keep_every=1)
    clouds = []
    for reading in READINGS[1:]:
        run.args = (reading,)
        run.advance(1)
        clouds.append(run.snapshot.state["kg"])
    run.rewind(2)
    run.args = (READINGS[3],)
    run.advance(1)
    assert torch.equal(run.snapshot.state["kg"], clouds[2])
    assert run.snapshot.state.step == 3


# ---- filters given something wrong


def test_no_particle_and_wrong_settings_are_errors():
    with pytest.raises(ValueError, match="num_particles is a whole number >= 1, got 0"):
        SMCFilter(Level(), num_particles=0)
    with pytest.raises(ValueError, match=r"ess_threshold .* in \(0, 1\], got 0"):
        SMCFilter(Level(), ess_threshold=0)
    with pytest.raises(ValueError, match="resampling is one of multinomial, residual"):
        SMCFilter(Level(), resampling="systemic")


def test_missing_part_of_model_or_guide_is_an_error():
    with pytest.raises(ModelError, match=r"the model function has no method init\(state"):
        SMCFilter(scale)

    class Half:
        def init(self, state):
            pass

    with pytest.raises(GuideError, match=r"the guide Half has no method step\(state"):
        SMCFilter(Level(), Half())


def test_impossible_reading_names_step_and_site():
    class Box(Level):
        def step(self, state, reading):
            state["kg"] = ppl.sample("kg", dist.Normal(state["kg"], 0.3))
            ppl.sample("reading", dist.Uniform(state["kg"] - 1, state["kg"] + 1), obs=reading)

    smc = SMCFilter(Box(), num_particles=100)
    smc.init(9.5)
    smc.step(9.0)
    with pytest.raises(InferenceError) as caught:
        smc.step(90.0)
    assert "step 2: site 'reading'" in str(caught.value)
    assert "all weights are zero" in str(caught.value)
    assert (caught.value.step, caught.value.site) == (1, "reading")
    assert smc.state.step == 1  # what was reached stays

    class Wall(Level):
        def init(self, state, reading):
            state["kg"] = ppl.sample("kg", dist.Normal(8.5, 1.0))
            ppl.sample("wall", dist.Uniform(0.0, 1.0), obs=reading)

    with pytest.raises(InferenceError, match="SMCFilter, init: site 'wall'"):
        SMCFilter(Wall(), num_particles=10).init(9.5)


def test_guide_that_draws_off_support_or_misses_a_site_is_an_error():
    class Positive(Level):
        def init(self, state, reading):
            state["kg"] = ppl.sample("kg", dist.Gamma(2.0, 1.0))

    with pytest.raises(GuideError, match="draws from Real"):
        SMCFilter(Positive(), LevelGuide()).init(9.5)

    class Misspelt(LevelGuide):
        def step(self, state, reading):
            ppl.sample("gk", dist.Normal(state["kg"], 0.3))

    smc = SMCFilter(Level(), Misspelt(), 10)
    smc.init(9.5)
    with pytest.raises(GuideError, match="'gk'"):
        smc.step(9.1)


def test_guide_may_not_write_and_shared_tensors_are_refused():
    class Writer(LevelGuide):
        def init(self, state, reading):
            state["kg"] = 1.0

    with pytest.raises(TypeError, match="does not support item assignment"):
        SMCFilter(Level(), Writer()).init(9.5)

    class Shared(Level):
        def init(self, state, reading):
            state["drift"] = torch.tensor(0.3)

    with pytest.raises(ShapeError, match=r"state\['drift'\] has shape \(\)"):
        SMCFilter(Shared()).init(9.5)


# ---- tempering


@pytest.mark.parametrize("move", ["random walk", "hmc"])
def test_tempering_agrees_with_the_exact_scale(move):
    exact = truth.weigh(measurement=13.0)  # far from the prior: several powers
    model = ppl.condition(scale, data={"measurement": 13.0})
    logs, means = [], []
    for _ in range(12):
        result = TemperedSMC(model, 400, move=move, num_moves=3).run()
        logs.append(result.log_evidence)
        means.append(result.samples["weight"].mean().item())
    assert len(result.infos) >= 3
    assert [info.power for info in result.infos] == sorted(info.power for info in result.infos)
    assert_average(np.array(means), exact.mean)
    assert_average(np.array(logs), exact.log_evidence)


def test_tempering_of_constrained_sites_agrees_with_conjugacy():
    def model():
        rate = ppl.sample("rate", dist.Gamma(2.0, 1.0))
        with ppl.plate("days", 4):
            ppl.sample("count", dist.Poisson(rate), obs=torch.tensor([3.0, 5.0, 4.0, 6.0]))

    result = TemperedSMC(model, 4000).run()
    posterior = dist.Gamma(20.0, 5.0)
    point = torch.tensor(4.0)
    exact = ppl.log_density(model, {"rate": point}) - posterior.log_prob(point)
    draws = result.samples["rate"]
    assert draws.mean().item() == pytest.approx(4.0, abs=0.08)
    assert draws.std().item() == pytest.approx(posterior.stddev.item(), rel=0.06)
    assert result.log_evidence == pytest.approx(exact.item(), abs=0.15)


def test_tempered_evidence_in_two_dimensions_agrees_with_quadrature():
    x = torch.linspace(-1, 1, 30)
    y = 2 * x + 0.3 * torch.sin(9 * x)

    def model():
        slope = ppl.sample("slope", dist.Normal(0.0, 3.0))
        noise = ppl.sample("noise", dist.HalfNormal(2.0))
        with ppl.plate("rows", 30):
            ppl.sample("y", dist.Normal(slope * x, noise), obs=y)

    exact = reference(model)
    runs = [TemperedSMC(model, 300).run() for _ in range(10)]
    assert exact.kind == "quadrature"
    assert_average([torch.tensor(run.log_evidence) for run in runs], exact.log_evidence)
    for name in ("slope", "noise"):
        assert_average([run.samples[name].mean() for run in runs], exact[name].mean)


def test_tempering_one_by_one_is_the_same_as_all_at_once():
    model = ppl.condition(scale, data={"measurement": 9.5})
    runs = []
    for vectorize in (True, False):
        torch.manual_seed(4)
        runs.append(TemperedSMC(model, 30, num_moves=2, vectorize=vectorize).run())
    assert torch.allclose(runs[0].samples["weight"], runs[1].samples["weight"], atol=1e-5)
    assert runs[0].log_evidence == pytest.approx(runs[1].log_evidence, abs=1e-5)


def test_tempering_of_a_model_with_branches_asks_for_single_runs():
    def model():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(1.0 if w > 0 else -1.0, 1.0), obs=0.5)

    with pytest.raises(ModelError, match="vectorize=False"):
        TemperedSMC(model, 10).run()
    assert TemperedSMC(model, 10, num_moves=1, vectorize=False).run().state.power == 1.0


def test_tempering_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="num_particles is a whole number >= 2, got 0"):
        TemperedSMC(scale, 0)
    with pytest.raises(ValueError, match="move is one of random walk, hmc"):
        TemperedSMC(scale, move="walk")
    with pytest.raises(ModelError, match=r"'coin'.*discrete"):
        TemperedSMC(lambda: ppl.sample("coin", dist.Bernoulli(0.5)), 10).run()

    def impossible():
        w = ppl.sample("w", dist.Uniform(0.0, 1.0))
        ppl.factor("no", torch.where(w > 2, 0.0, -math.inf))

    with pytest.raises(InferenceError, match=r"step 1: the data is impossible for every particle"):
        TemperedSMC(impossible, 10).run()

    def broken():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.factor("root", torch.sqrt(w))

    with pytest.raises(InferenceError, match=r"site 'root'.*nan") as caught:
        TemperedSMC(broken, 10).run()
    assert caught.value.site == "root"
