"""MCMC around the kernels: chains, seeds, interrupts, errors, and what a watcher sees."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import InferenceError, InferenceRun, ModelError, diagnostics
from ppl_core.infer import HMC, MCMC, NUTS, Predictive, RandomWalkKernel, init_to_value
from ppl_core.infer.adaptation import DualAveraging, Mass, Welford, window_bounds
from programs import conditioned_scale, scale


def two_sites(y=0.5):
    a = ppl.sample("a", dist.Normal(0.0, 1.0))
    b = ppl.sample("b", dist.HalfNormal(1.0).expand([2]).to_event(1))
    ppl.deterministic("c", a + b.sum())
    ppl.sample("y", dist.Normal(a, b.sum()), obs=y)


def small(model=two_sites, draws=20, warmup=20, **settings):
    return MCMC(NUTS(model), draws, warmup, disable_progbar=True, **settings)


# ---- chains and seeds


def test_samples_have_their_shapes_and_supports():
    mcmc = small(num_chains=3)
    mcmc.run()
    grouped, flat = mcmc.get_samples(group_by_chain=True), mcmc.get_samples()
    assert grouped["b"].shape == (3, 20, 2)
    assert flat["b"].shape == (60, 2)
    assert flat["a"].tolist() == grouped["a"].flatten().tolist()
    assert bool((flat["b"] > 0).all())
    assert not flat["a"].requires_grad
    assert flat.keys() == {"a", "b"}
    assert mcmc.get_samples(7)["b"].shape == (7, 2)
    assert mcmc.get_samples(7, group_by_chain=True)["b"].shape == (3, 7, 2)


def test_the_same_seed_gives_the_same_chains_and_another_one_others():
    drawn = []
    for seed in (1, 1, 2):
        ppl.set_rng_seed(seed)
        mcmc = small(num_chains=2)
        mcmc.run()
        drawn.append(mcmc.get_samples(group_by_chain=True)["a"])
    assert drawn[0].tolist() == drawn[1].tolist() != drawn[2].tolist()
    assert drawn[0][0].tolist() != drawn[0][1].tolist()


def test_processes_draw_what_one_process_draws_and_can_go_on():
    drawn = []
    for context in (None, "fork"):
        ppl.set_rng_seed(1)
        mcmc = small(num_chains=2, mp_context=context)
        mcmc.run()
        mcmc.resume(5)
        drawn.append(mcmc.get_samples(group_by_chain=True)["a"])
    assert drawn[0].shape == (2, 25)
    assert drawn[0].tolist() == drawn[1].tolist()


def test_a_model_that_fails_in_a_process_says_so_here():
    mcmc = small(brittle_when_far, draws=400, mp_context="fork", num_chains=2)
    ppl.set_rng_seed(1)
    with pytest.raises(InferenceError, match="gradient of site 'x'"):
        mcmc.run()


def test_resume_goes_on_as_if_it_had_never_stopped():
    drawn = []
    for parts in ([30], [10, 20]):
        ppl.set_rng_seed(1)
        mcmc = small(draws=parts[0])
        mcmc.run()
        for more in parts[1:]:
            mcmc.resume(more)
        drawn.append(mcmc.get_samples()["a"].tolist())
    assert len(drawn[0]) == 30
    assert drawn[0] == drawn[1]


def test_initial_params_are_unconstrained_and_one_for_each_chain():
    start = {"a": torch.tensor([0.0, 5.0]), "b": torch.zeros(2, 2)}
    mcmc = small(num_chains=2, initial_params=start, warmup=0, draws=0)
    mcmc.run()
    states = [chain.run.snapshot.state for chain in mcmc.chains]
    assert [state.values["a"].item() for state in states] == [0.0, 5.0]
    assert states[0].values["b"].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="first dimension must be the 2 chains"):
        small(num_chains=2, initial_params={"a": torch.zeros(3)})
    wrong = small(initial_params={"a": torch.tensor(0.0)})
    with pytest.raises(ModelError, match="no unconstrained value for site 'b'"):
        wrong.run()


def test_only_the_sites_asked_for_are_saved():
    mcmc = small(save_params=["b"])
    mcmc.run()
    assert mcmc.get_samples().keys() == {"b"}


def test_other_kernels_run_too():
    ppl.set_rng_seed(1)
    mcmc = MCMC(RandomWalkKernel(conditioned_scale), 50, 50, num_chains=2, disable_progbar=True)
    mcmc.run(8.5)
    assert mcmc.get_samples(group_by_chain=True)["weight"].shape == (2, 50)
    assert "accept_prob" in mcmc.get_extra_fields()


def test_samples_feed_a_predictive():
    mcmc = small()
    mcmc.run()
    found = Predictive(two_sites, mcmc.get_samples())()
    assert torch.allclose(found["c"], mcmc.get_samples()["a"] + mcmc.get_samples()["b"].sum(-1))


# ---- what can be asked afterwards


def test_diagnostics_and_summary_name_every_site(capsys):
    mcmc = small(num_chains=2, draws=50, warmup=100)
    mcmc.run()
    found = mcmc.diagnostics()
    assert found["b"]["n_eff"].shape == found["b"]["r_hat"].shape == (2,)
    assert found["divergences"].keys() == {"chain 0", "chain 1"}
    assert 0.3 < found["acceptance rate"]["chain 1"] <= 1
    mcmc.summary(prob=0.8)
    said = capsys.readouterr().out
    assert "10.0%" in said
    assert "b[1]" in said
    assert "Number of divergences:" in said


def test_extra_fields_are_numbers_of_every_draw():
    mcmc = small(num_chains=2)
    mcmc.run()
    fields = mcmc.get_extra_fields(group_by_chain=True)
    assert {"energy", "potential", "accept_prob", "diverging", "tree_depth"} <= fields.keys()
    assert all(field.shape == (2, 20) for field in fields.values())
    assert diagnostics.bfmi(fields["energy"]).shape == (2,)


def test_divergences_tell_where_the_ride_ran_away():
    def neck():
        width = ppl.sample("width", dist.Normal(0.0, 3.0))
        ppl.sample("x", dist.Normal(0.0, (width / 2).exp()).expand([5]).to_event(1))

    ppl.set_rng_seed(3)
    mcmc = small(neck, draws=150, warmup=100)
    mcmc.run()
    places = mcmc.divergences[0]
    assert len(places) == mcmc.get_extra_fields()["diverging"].sum() > 0
    number, values = places[0]
    assert 0 <= number < 150
    assert values["x"].shape == (5,)
    assert math.isfinite(values["width"].item())


def test_hook_sees_every_step_of_both_stages():
    seen = []
    mcmc = MCMC(
        NUTS(two_sites),
        3,
        2,
        hook_fn=lambda kernel, values, stage, number: seen.append((stage, number, len(values))),
        disable_progbar=True,
    )
    mcmc.run()
    assert seen == [("warmup", 0, 2), ("warmup", 1, 2), *(("sample", i, 2) for i in range(3))]


def test_progress_bar_tells_step_size_acceptance_and_divergences(capsys):
    mcmc = MCMC(NUTS(two_sites), 20, 20)
    mcmc.run()
    said = capsys.readouterr().err
    assert "step size" in said
    assert "acc. prob" in said
    assert "divergences" in said
    small().run()
    assert capsys.readouterr().err == ""


# ---- what goes wrong


def brittle_when_far():
    x = ppl.sample("x", dist.Normal(0.0, 1.0))
    ppl.factor("f", ((0.5 - x) * (x < 0.5)).sqrt())  # beyond 0.5: 0, without a derivative


def test_no_finite_density_to_begin_with_names_site_and_value():
    def impossible():
        x = ppl.sample("x", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Uniform(x, x + 1.0), obs=1e6)

    with pytest.raises(InferenceError, match=r"100 starting values.*site 'y' is -inf at 1e\+06"):
        small(impossible).run()


def test_a_start_of_no_density_that_was_asked_for_is_told():
    kernel = NUTS(two_sites, init_strategy=init_to_value(values={"a": math.nan}))
    with pytest.raises(InferenceError, match="site 'a'"):
        MCMC(kernel, 5, 5, disable_progbar=True).run()


def test_no_gradient_in_the_middle_keeps_the_chain_so_far():
    kernel = NUTS(brittle_when_far, step_size=0.1, init_strategy=init_to_value(values={"x": -3.0}))
    mcmc = MCMC(kernel, 500, 0, disable_progbar=True)
    ppl.set_rng_seed(2)
    with pytest.raises(InferenceError, match="gradient of site 'x' is not finite at") as caught:
        mcmc.run()
    step = caught.value.step
    assert caught.value.site == "x"
    assert step is not None
    assert len(mcmc.get_samples()["x"]) == mcmc.chains[0].run.step == step


def test_an_interrupt_keeps_all_draws_and_can_be_resumed():
    calls = []

    def interrupting(kernel, values, stage, number):
        calls.append(number)
        if len(calls) == 60:
            raise KeyboardInterrupt

    mcmc = small(num_chains=2, hook_fn=interrupting)
    ppl.set_rng_seed(1)
    with pytest.raises(KeyboardInterrupt):
        mcmc.run()
    assert mcmc.get_samples()["a"].shape == (20,)
    assert mcmc.get_samples(group_by_chain=True)["a"].shape == (2, 10)
    mcmc.resume()
    assert mcmc.get_samples(group_by_chain=True)["a"].shape == (2, 20)
    whole = small(num_chains=2)
    ppl.set_rng_seed(1)
    whole.run()
    assert whole.get_samples()["a"].tolist() == mcmc.get_samples()["a"].tolist()


def test_zero_samples_are_no_samples():
    mcmc = small(draws=0, warmup=5)
    mcmc.run()
    assert mcmc.get_samples() == {}
    assert mcmc.get_extra_fields() == {}
    mcmc.summary()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: MCMC(NUTS(scale), -1), "num_samples is a whole number >= 0, got -1"),
        (lambda: MCMC(NUTS(scale), 10, num_chains=0), "num_chains is a whole number >= 1"),
        (lambda: MCMC(scale, 10), "a kernel is needed, such as NUTS"),
        (lambda: NUTS(), "a model or a potential_fn"),
        (lambda: NUTS(3), "something to call"),
        (lambda: NUTS(scale, target_accept_prob=1.0), "between 0 and 1"),
        (lambda: NUTS(scale, step_size=0.0), "step_size is positive"),
        (lambda: NUTS(scale, max_tree_depth=0), "at least 1"),
        (lambda: MCMC(NUTS(scale), 10).get_samples(), r"call run\(...\) first"),
        (lambda: MCMC(NUTS(scale), 10).resume(), r"call run\(...\) first"),
    ],
)
def test_wrong_settings_are_refused(wrong, said):
    with pytest.raises((ValueError, TypeError, InferenceError), match=said):
        wrong()


def no_latent():
    ppl.sample("y", dist.Normal(0.0, 1.0), obs=1.0)


def counted():
    ppl.sample("x", dist.Normal(0.0, 1.0))
    ppl.sample("n", dist.Poisson(3.0))


def chosen_rows():
    x = ppl.sample("x", dist.Normal(0.0, 1.0))
    with ppl.plate("rows", 10, subsample_size=3):
        ppl.sample("y", dist.Normal(x, 1.0), obs=torch.zeros(3))


def changing():
    x = ppl.sample("x", dist.Normal(0.0, 1.0))
    if x > 0:
        ppl.sample("z", dist.Normal(0.0, 1.0))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (no_latent, "no continuous latent site"),
        (counted, "no finite list of outcomes"),
        (chosen_rows, "chooses 3 of 10 rows"),
        (changing, "site 'z' is (new|missing) in this run"),
    ],
)
def test_programs_that_cannot_be_walked_on_are_refused(model, said):
    ppl.set_rng_seed(1)
    with pytest.raises(ModelError, match=said):
        small(model, draws=50).run()


def test_a_group_of_the_mass_names_sites():
    with pytest.raises(ValueError, match=r"no latent site 'bb'\. Did you mean 'b'"):
        MCMC(NUTS(two_sites, full_mass=[("a", "bb")]), 5, 5, disable_progbar=True).run()


# ---- as a kernel of its own


def test_an_inference_run_pauses_rewinds_and_repeats():
    kernel = NUTS(conditioned_scale, warmup_steps=30)
    run = InferenceRun(kernel, 8.5, seed=1, max_steps=60)
    first = [snapshot.info.values["weight"].item() for snapshot in run]
    run.rewind(20)
    again = [snapshot.info.values["weight"].item() for snapshot in run]
    assert again == first[20:]
    assert run.snapshot.state.adaptation.done
    assert run.snapshot.state.values["weight"].item() == first[-1]


def test_a_moved_slider_makes_a_new_potential():
    run = InferenceRun(NUTS(conditioned_scale, warmup_steps=100), 8.5, seed=1)
    run.advance(100)
    run.args = (100.0,)
    drawn = []
    run.advance(200, watch=lambda at: drawn.append(at.info.values["weight"]))
    exact = (0.75**2 * 100 + 9.5) / (1 + 0.75**2)
    late = torch.stack(drawn[100:])
    assert abs(late.mean().item() - exact) < 4 * diagnostics.mcse_mean(late).item()


@pytest.mark.parametrize("kernel", [HMC, NUTS])
def test_a_trajectory_is_recorded_in_the_order_of_time(kernel):
    run = InferenceRun(kernel(two_sites, record_trajectory=True, warmup_steps=20), seed=1)
    run.advance(25)
    before = run.snapshot.state
    run.advance(1)
    info = run.snapshot.info
    assert info.trajectory.shape == (info.num_steps + 1, 3)
    start = (info.trajectory == before.point.position).all(-1)
    assert start.sum() == 1
    steps = info.trajectory.diff(dim=0).norm(dim=-1)
    assert steps.max() < 20 * steps.min()  # neighbours in time are neighbours in space
    seen = before.target.constrain(info.trajectory)
    assert bool((seen["b"] > 0).all())
    assert seen["b"].shape == (info.num_steps + 1, 2)


def test_states_are_cut_from_gradients():
    run = InferenceRun(NUTS(two_sites, warmup_steps=5), seed=1)
    run.advance(6)
    state = run.snapshot.state
    parts = [state.point.position, state.point.gradient, *state.values.values()]
    assert not any(part.requires_grad for part in parts)


# ---- adaptation


def test_dual_averaging_reaches_the_wanted_acceptance():
    search = DualAveraging.start(1.0)
    for _ in range(500):
        search = search.update(math.exp(-math.exp(search.log_step)), 0.8)
    assert math.exp(search.log_average) == pytest.approx(-math.log(0.8), rel=0.1)


@pytest.mark.parametrize("dense", [False, True])
def test_welford_is_the_covariance_of_all_it_has_seen(dense):
    torch.manual_seed(0)
    positions = (
        torch.randn(50, 3).double() @ torch.tensor([[1.0, 2, 0], [0, 1, 1], [0, 0, 1]]).double()
    )
    seen = Welford.start(positions[0], dense)
    for position in positions:
        seen = seen.update(position)
    exact = positions.T.cov()
    exact = exact if dense else exact.diagonal()
    prior = 1e-3 * (torch.eye(3) if dense else torch.ones(3))
    assert torch.allclose(seen.covariance(), (50 * exact + 5 * prior) / 55)


@pytest.mark.parametrize("dense", [False, True])
def test_momenta_have_the_mass_as_covariance(dense):
    torch.manual_seed(0)
    inverse = torch.tensor([[2.0, 0.5], [0.5, 1.0]]) if dense else torch.tensor([2.0, 0.5])
    mass = Mass(inverse)
    momenta = torch.stack([mass.momentum() for _ in range(4000)])
    exact = (inverse if dense else inverse.diag()).inverse()
    assert torch.allclose(momenta.T.cov(), exact, atol=0.2)  # errors of 0.05 at most


@pytest.mark.parametrize(
    ("steps", "bounds"),
    [(0, ()), (19, ()), (20, (3, 18)), (150, (75, 100)), (500, (75, 100, 150, 250, 450))],
)
def test_windows_are_those_of_stan(steps, bounds):
    assert window_bounds(steps) == bounds
