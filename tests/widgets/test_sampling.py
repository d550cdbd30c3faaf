"""The sampler stage: its densities, its chains, and what is claimed of them, each by another route.

Statistical tests: fixed seeds; every bound is 5 standard errors, a false-alarm rate below 1e-6
each.
"""

import copy
import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.density import log_density
from ppl_core.diagnostics import r_hat
from ppl_core.infer import HMC
from ppl_core.infer.rides import Ride as Watched
from ppl_widgets.riding import Riding
from ppl_widgets.scenarios import SAMPLING, Settings
from ppl_widgets.scenarios import sampling as stage
from ppl_widgets.scenarios.accepted import axes_of, independent_share
from ppl_widgets.scenarios.rides import energies
from ppl_widgets.scenarios.targets import SITES, TARGETS, contour, curve, level, marginal, moments
from ppl_widgets.views import sampling as view

DRAWS = 100_000


def settings(**changes):
    return dict(Settings(SAMPLING.controls, **changes))


def draws_of(name, num=DRAWS, seed=1):
    """Independent draws, by running the programs' own statements in numpy: x and y."""
    r = np.random.default_rng(seed)
    z, w = r.standard_normal((2, num))
    if name == "two objects":
        precision = np.eye(2) + np.ones((2, 2)) / 0.3**2
        root = np.linalg.cholesky(np.linalg.inv(precision))
        mean = np.linalg.solve(precision, 8.5 + 18.0 / 0.3**2 * np.ones(2))
        return mean[:, None] + root @ np.stack([z, w])
    if name == "ridge":
        return z, z * z + 0.5 * w
    if name == "funnel":
        return np.exp(1.5 * z) * w, 3.0 * z
    x = np.where(r.random(num) < 0.3, -2.0, 2.0) + 0.6 * z
    return x, 0.5 * x + 0.8 * w


# ---- the densities


@pytest.mark.parametrize("name", TARGETS)
def test_a_density_is_that_of_its_program(name):
    target = TARGETS[name]
    places = np.random.default_rng(2).uniform(-2.0, 2.0, (20, 2)) + target.start
    ours = target.log_density(*places.T)
    theirs = [
        log_density(target.program, dict(zip(SITES, torch.tensor(place), strict=True))).item()
        for place in places
    ]
    gap = ours - np.array(theirs)
    np.testing.assert_allclose(gap, gap[0], atol=1e-3)  # single precision
    assert target.gradient(places[0]) == pytest.approx(
        [
            (target.log_density(*(places[0] + step)) - target.log_density(*(places[0] - step)))
            / 2e-3
            for step in 1e-3 * np.eye(2)
        ],
        rel=1e-4,
    )


def test_moments_are_the_closed_forms():
    posterior = np.linalg.inv(np.eye(2) + np.ones((2, 2)) / 0.3**2)
    mean = posterior @ (8.5 + 18.0 / 0.3**2 * np.ones(2))
    known = {
        "two objects": [(mean[0], posterior[0, 0]), (mean[1], posterior[1, 1])],
        "ridge": [(0.0, 1.0), (1.0, 2.0 + 0.5**2)],
        "funnel": [(0.0, math.exp(4.5)), (0.0, 9.0)],
        "two peaks": [(0.8, 0.36 + 4.0 - 0.64), (0.4, (0.36 + 4.0 - 0.64) / 4 + 0.64)],
    }
    for name, both in known.items():
        for site, (mean, variance) in zip(SITES, both, strict=True):
            found = moments(name)[site]
            assert (found.mean, found.sd) == pytest.approx((mean, math.sqrt(variance)), abs=1e-9)
            if (site == TARGETS[name].outer and name != "two peaks") or name == "two objects":
                assert found.square_sd == pytest.approx(math.sqrt(2.0) * variance)  # a normal's
    assert moments("funnel")["x"].square_sd == pytest.approx(
        math.sqrt(3.0 * math.exp(18.0) - math.exp(9.0))
    )


@pytest.mark.parametrize("name", TARGETS)
def test_marginals_are_the_density_summed_over_the_other_site(name):
    target = TARGETS[name]
    for site in SITES:
        at, density = curve(name, site)
        some = slice(20, None, 60)
        other = 1e-3 * np.sinh(np.linspace(-14.0, 14.0, 200_001))
        for place, known in zip(at[some], density[some], strict=True):
            pair = (place, other) if site == "x" else (other, place)
            slice_ = np.exp(target.log_density(*pair))
            assert np.trapezoid(slice_, other) == pytest.approx(known, abs=1e-5)
    left = np.linspace(-8.0, 0.0, 4001)
    share = np.trapezoid(marginal("two peaks", "x", left), left)
    over = 0.5 * math.erfc(2.0 / 0.6 / math.sqrt(2.0))
    assert share == pytest.approx(0.3 * (1.0 - over) + 0.7 * over, abs=1e-6)


@pytest.mark.parametrize("name", TARGETS)
def test_a_contour_holds_its_share_and_is_level(name):
    target = TARGETS[name]
    heights = -target.log_density(*draws_of(name)) - 0.5 * math.log(2.0 * math.pi)
    for share in view.SHARES:
        inside = (heights < level(name, share)).mean()
        assert abs(inside - share) < 5.0 * math.sqrt(share * (1.0 - share) / DRAWS)
        x, y = contour(name, share)
        x, y = x[np.isfinite(x)], y[np.isfinite(y)]
        on = -target.log_density(x, y) - 0.5 * math.log(2.0 * math.pi)
        np.testing.assert_allclose(on, level(name, share), atol=1e-6)
    assert np.isnan(contour("two peaks", 0.5)[0]).sum() == 2  # two loops


# ---- the chains


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": "random walk"},
        {"kernel": "random walk", "adapt": "mass", "target": "ridge"},
        {"kernel": "independent MH", "target": "two peaks"},
        {"kernel": "HMC"},
        {"kernel": "HMC", "target": "funnel", "adapt": "full mass"},
        {"kernel": "NUTS", "target": "funnel"},
        {"kernel": "NUTS", "target": "two peaks", "adapt": "step size"},
    ],
    ids=lambda changes: " ".join(changes.values()),
)
def test_draws_are_those_of_mcmc_for_the_same_seed(changes, capsys):
    """The cell under the panel runs the public kernels: same draws, same divergences."""
    riding = Riding(SAMPLING, **changes, num=200)
    cell = {}
    exec(riding.code(), cell)
    assert capsys.readouterr().out
    drawn, mcmc = riding.draws, cell["mcmc"]
    for site, values in mcmc.get_samples().items():
        np.testing.assert_array_equal(drawn[site], values.double().numpy())
    chances = mcmc.get_extra_fields()["accept_prob"].numpy()
    np.testing.assert_allclose(drawn["chance"], chances, rtol=1e-6, atol=1e-9)
    assert np.flatnonzero(drawn["diverged"]).tolist() == [n for n, _ in mcmc.divergences[0]]
    for number, at in mcmc.divergences[0]:
        found = [drawn[f"at_{site}"][number] for site in SITES]
        assert found == pytest.approx([float(at[site]) for site in SITES])


def test_the_funnel_has_divergences_in_its_neck():
    riding = Riding(SAMPLING, kernel="NUTS", target="funnel")
    riding.run(800)
    crosses = view.frame(riding)["ride.runaways"][0]
    assert len(crosses) == 6 * stage.diverged(riding.draws) > 0
    at = riding.draws["at_y"]
    assert np.nanmax(at) < 0.0
    assert f"{stage.diverged(riding.draws)} ran away. Where?" in riding.summary()


def test_all_leapfrog_steps_are_taken():
    """0.7 * 3 / 0.7 is 2.9999999999999996, and yet three steps."""

    def normal():
        ppl.sample("x", dist.Normal(0.0, 1.0))

    for fast in (False, True):
        kernel = HMC(normal, step_size=0.7, num_steps=3, adapt_step_size=False, jit_compile=fast)
        run = ppl.InferenceRun(kernel, seed=1)
        run.advance(1)
        assert run.snapshot.info.num_steps == 3
    sizes = [0.01, 0.07, 0.1, 0.3, 0.7, 1.1]
    riding = Riding(SAMPLING, target="two peaks", leapfrogs=3)
    for size in sizes:
        riding.set("step_size", size)
        calm = riding.draws["diverged"] == 0.0
        assert {len(ride) for ride, ok in zip(riding._rides, calm, strict=False) if ok} == {4}


@pytest.mark.parametrize("changes", [{}, {"adapt": "full mass"}, {"target": "funnel"}])
def test_energies_along_a_ride_decide_about_its_end(changes):
    riding = Riding(SAMPLING, **changes)
    mass = riding.inverse_mass
    for number in range(50):
        row = {name: column[number] for name, column in riding.draws.items()}
        if row["diverged"]:
            continue
        gained = energies(
            stage.target(riding.controls), riding._rides[number], row["step_size"], mass
        )
        assert gained[0] == 0.0
        assert min(1.0, math.exp(-gained[-1])) == pytest.approx(row["chance"], abs=2e-3)


# ---- what is accepted, and what it is worth


@pytest.mark.parametrize(("step_size", "leapfrogs"), [(0.3, 5), (0.4, 3), (0.1, 20), (0.45, 2)])
def test_share_of_rides_accepted(step_size, leapfrogs):
    """Leapfrog steps from exact draws, with the covariance's inverse as the potential."""
    precision = np.eye(2) + np.ones((2, 2)) / 0.3**2
    mean = np.array([[moments("two objects")[site].mean] for site in SITES])
    q = np.array(draws_of("two objects")) - mean
    p = np.random.default_rng(3).standard_normal(q.shape)

    def energy(q, p):
        return 0.5 * (q * (precision @ q)).sum(0) + 0.5 * (p * p).sum(0)

    before = energy(q, p)
    for _ in range(leapfrogs):
        p = p - 0.5 * step_size * (precision @ q)
        q = q + step_size * p
        p = p - 0.5 * step_size * (precision @ q)
    chance = np.minimum(1.0, np.exp(before - energy(q, p)))
    known = stage.share(settings(step_size=step_size, leapfrogs=leapfrogs))
    assert abs(chance.mean() - known) < 5.0 * chance.std() / math.sqrt(DRAWS)


def test_beyond_twice_the_smallest_sd_nothing_is_accepted():
    small = axes_of("two objects")[1]
    assert 2.0 * small == pytest.approx(0.415, abs=5e-4)
    assert stage.share(settings(step_size=2.5 * small, leapfrogs=50)) < 1e-3
    assert stage.share(settings(step_size=1.0 * small, leapfrogs=50)) > 0.8
    assert stage.share(settings(step_size=5.0, leapfrogs=50)) == pytest.approx(0.0, abs=1e-9)
    assert stage.share(settings(step_size=0.01)) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("step_size", [0.3, 1.0, 3.0])
def test_share_of_a_walk_and_of_independent_proposals(step_size):
    target = TARGETS["two objects"]
    at = np.array(draws_of("two objects"))
    there = at + step_size * np.random.default_rng(4).standard_normal(at.shape)
    chance = np.minimum(1.0, np.exp(target.log_density(*there) - target.log_density(*at)))
    known = stage.share(settings(step_size=step_size, kernel="random walk"))
    assert abs(chance.mean() - known) < 5.0 * chance.std() / math.sqrt(DRAWS)
    for name in TARGETS:
        target, at = TARGETS[name], np.array(draws_of(name))
        mean = np.array([[moments(name)[site].mean] for site in SITES])
        there = mean + step_size * np.random.default_rng(5).standard_normal(at.shape)

        def log_weight(place, target=target, mean=mean):
            r = (place - mean) / step_size
            return target.log_density(*place) + 0.5 * (r * r).sum(0)

        chance = np.exp(np.minimum(0.0, log_weight(there) - log_weight(at)))
        known = independent_share(name, step_size)
        assert abs(chance.mean() - known) < 5.0 * chance.std() / math.sqrt(DRAWS), name


def test_numbers_of_the_notebook():
    """05: what is accepted, what is worth how much, and which peak is missed."""
    assert stage.share(settings()) == pytest.approx(0.77, abs=0.005)
    assert stage.share(settings(step_size=0.5)) < 0.01
    assert stage.share(settings(kernel="random walk")) == pytest.approx(0.58, abs=0.005)
    worth = {}
    for kernel in ("HMC", "random walk"):
        riding = Riding(SAMPLING, kernel=kernel)
        riding.run(800)
        worth[kernel] = stage.effective(riding.controls, riding.draws)
    assert worth["HMC"] > 400.0
    assert worth["random walk"] < 30.0
    riding = Riding(SAMPLING, kernel="NUTS", target="two peaks")
    riding.run(800)
    assert riding.draws["x"].min() > 0.0
    assert stage.diverged(riding.draws) == 0
    assert riding.draws["accepted"].mean() == pytest.approx(0.98, abs=0.005)
    assert r_hat(torch.tensor(riding.draws["x"])[None]) == pytest.approx(1.0, abs=0.005)


def test_nobody_knows_the_share_of_other_chains():
    for changes in ({"kernel": "NUTS"}, {"target": "ridge"}, {"adapt": "mass"}):
        assert stage.share(settings(**changes)) is None


def test_effective_draws_are_sums_of_correlations():
    riding = Riding(SAMPLING, kernel="random walk", step_size=1.0)
    draws, found = riding.draws, []
    for site in SITES:
        known = moments("two objects")[site]
        off = draws[site] - known.mean
        for values in (off / known.sd, (off**2 - known.sd**2) / (math.sqrt(2.0) * known.sd**2)):
            total, num = 0.0, len(values)
            for lag in range(1, num):
                correlation = (values[lag:] * values[:-lag]).mean()
                if correlation < 0.05:
                    break
                total += (1.0 - lag / num) * correlation
            found.append(num / (1.0 + 2.0 * total))
    assert stage.effective(riding.controls, draws) == pytest.approx(min(found))


def test_independent_draws_are_all_effective_and_a_stuck_chain_is_worth_few():
    for name in ("two objects", "two peaks"):
        controls = settings(target=name)
        x, y = draws_of(name, 1000)
        assert stage.effective(controls, {"x": x, "y": y}) > 800.0
        assert stage.effective(controls, {"x": x[:1], "y": y[:1]}) == 1.0
    one_peak = {"x": np.abs(x), "y": y}
    assert stage.effective(controls, one_peak) < 20.0


# ---- the panel without its face


def test_play_goes_by_points_and_the_rest_by_draws():
    riding = Riding(SAMPLING)
    assert (riding.step, riding.reached) == (200, 0)
    riding.play()
    assert riding.advance(1e3, 2) == 2
    assert (riding.step, riding.reached, riding.status) == (200, 2, "running")
    under_way = view.frame(riding)["ride.ahead"]
    assert len(under_way[0]) == 2
    assert view.texts(riding)["ride"] == "on the way: 2 of 6 points"
    assert riding.advance(1e3, 10) == 10
    assert (riding.step, riding.reached) == (202, 0)
    assert len(view.frame(riding)["ride.ahead"][0]) == 6
    riding.advance(1e3, 3)
    assert riding.back(1) == 201
    assert riding.reached == 0
    assert riding.run(2) == 2
    twin = Riding(SAMPLING)
    twin.run(3)
    np.testing.assert_array_equal(twin.draws["x"], riding.draws["x"])
    riding.back(500)
    assert riding.ride is None
    assert set(view.frame(riding)) == {
        trace["uid"] for figure in view.stage(riding).values() for trace in figure["data"]
    }
    assert "No draws" in riding.summary()
    view.texts(riding)


def test_a_ride_leads_from_a_draw_to_the_next():
    for kernel in stage.KERNELS:
        riding = Riding(SAMPLING, kernel=kernel)
        at = np.stack([riding.draws[site] for site in SITES], axis=1)
        for number, ride in enumerate(riding._rides[1:60], 1):
            np.testing.assert_allclose(ride.points[ride.begin], at[number - 1], atol=1e-6)
            assert np.abs(ride.points - at[number]).sum(1).min() < 1e-6
    frame = view.frame(riding)  # NUTS rides to both sides
    last = riding.ride
    assert len(frame["ride.ahead"][0]) == len(last) - last.begin


@pytest.mark.parametrize("target", ["two objects", "funnel"])
def test_a_ride_of_nuts_grows_in_its_own_order(target, monkeypatch):
    """Against the kernel's steps in Python, watched one by one."""
    ways, step = [], Watched.step

    def watched(ride, phase, direction=1):
        ways.append(direction > 0)
        return step(ride, phase, direction)

    monkeypatch.setattr(Watched, "step", watched)
    chain = stage.kernel(settings(kernel="NUTS", target=target))
    chain.kernel.jit_compile = False
    run = ppl.InferenceRun(chain, seed=7)
    for _ in range(20):
        ways.clear()
        run.advance(1)
        for ride in run.snapshot.info.rides:
            first, last = ride.begin, ride.begin + 1
            for count in range(2, len(ride) + 1):
                first, last = (first, last + 1) if ways.pop(0) else (first - 1, last)
                assert ride.reached(count) == (first, last)
        assert not ways


def test_a_copy_goes_on_as_the_chain_would_have():
    riding = Riding(SAMPLING, num=400)
    twin = copy.deepcopy(riding)
    riding.run(150)
    twin.run(150)
    np.testing.assert_array_equal(twin.draws["y"], riding.draws["y"])
