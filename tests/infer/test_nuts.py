"""NUTS and HMC against posteriors that are known by another route.

References are closed forms, quadrature on a grid, or long chains of another library, whose numbers
stand here with how they were obtained. The chains are short, to be quick: means agree within 4
standard errors (false alarm: 6e-5 a number), standard deviations within 10 % or 4 of their errors,
R-hat is below 1.03, and at most 1 % of the rides diverge. All seeded. `benchmarks/posteriors.py`
asks more of longer chains.
"""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import diagnostics
from ppl_core.distributions import constraints
from ppl_core.infer import HMC, MCMC, NUTS
from programs import conditioned_scale
from truth import weigh


def sampled(kernel, *args, draws=250, warmup=150, chains=2, seed=101, **kwargs):
    """A finished MCMC; its chains agree and its rides are sound."""
    ppl.set_rng_seed(seed)
    mcmc = MCMC(kernel, draws, warmup, num_chains=chains, disable_progbar=True)
    mcmc.run(*args, **kwargs)
    for name, values in mcmc.get_samples(group_by_chain=True).items():
        worst = diagnostics.r_hat(values)
        assert bool((worst[~worst.isnan()] < 1.03).all()), (name, worst)
    assert sum(map(len, mcmc.divergences)) <= 0.01 * draws * chains
    return mcmc


def assert_moments(draws, mean, sd=None):
    """Mean within 4 standard errors, sd within 10 % or 4 of its errors; (chains, draws, ...)."""
    away = (draws.mean((0, 1)) - torch.as_tensor(mean)).abs()
    assert bool((away <= 4 * diagnostics.mcse_mean(draws)).all()), (draws.mean((0, 1)), mean)
    if sd is not None:
        wide = draws.flatten(0, 1).std(0)
        most = torch.maximum(0.1 * torch.as_tensor(sd), 4 * diagnostics.mcse_sd(draws))
        assert bool(((wide - torch.as_tensor(sd)).abs() <= most).all()), (wide, sd)


def drawn(mcmc, name):
    return mcmc.get_samples(group_by_chain=True)[name]


def quick(model):
    """NUTS in machine code where there is a compiler: the steps of Python, at no cost."""
    return NUTS(model, jit_compile="auto")


# ---- closed forms


@pytest.mark.parametrize("kernel", [HMC, NUTS])
def test_the_scale(kernel):
    settings = {"trajectory_length": 1.7} if kernel is HMC else {}
    mcmc = sampled(kernel(conditioned_scale, **settings), 8.5)
    exact = weigh()
    assert_moments(drawn(mcmc, "weight"), exact.mean, exact.sd)


@pytest.mark.parametrize("full_mass", [False, [("x", "y")]])
def test_correlated_normal(full_mass):
    covariance = torch.tensor([[1.0, 1.2, 0.0], [1.2, 4.0, 0.5], [0.0, 0.5, 0.25]])
    precision = covariance.inverse()

    def potential(values):
        away = torch.cat([values["x"], values["y"].reshape(1)]) - torch.tensor([1.0, 2.0, -1.0])
        return away @ precision @ away / 2

    kernel = NUTS(potential_fn=potential, full_mass=full_mass)
    ppl.set_rng_seed(101)
    start = {"x": torch.zeros(2), "y": torch.tensor(0.0)}
    mcmc = MCMC(kernel, 400, 150, initial_params=start, disable_progbar=True)
    mcmc.run()
    x, y = drawn(mcmc, "x"), drawn(mcmc, "y")
    together = torch.cat([x, y.unsqueeze(-1)], -1)
    assert_moments(together, [1.0, 2.0, -1.0], covariance.diagonal().sqrt())
    cross = together[..., 0] * together[..., 1]
    assert_moments(cross, 1.2 + 1.0 * 2.0)
    mass = mcmc.chains[0].run.snapshot.state.adaptation.mass.inverse
    assert mass.dim() == (2 if full_mass else 1)
    if full_mass:
        assert mass[0, 1] == pytest.approx(1.2, abs=0.6)


def test_beta_binomial():
    def model(successes):
        chance = ppl.sample("chance", dist.Beta(2.0, 3.0))
        ppl.sample("successes", dist.Binomial(20, chance), obs=successes)

    draws = drawn(sampled(NUTS(model), 14.0), "chance")
    a, b = 2 + 14, 3 + 6
    assert_moments(draws, a / (a + b), math.sqrt(a * b / (a + b) ** 2 / (a + b + 1)))


def test_simplex():
    counts = torch.tensor([3.0, 10.0, 1.0])
    rolls = torch.repeat_interleave(torch.arange(3), counts.long())

    def model():
        chances = ppl.sample("chances", dist.Dirichlet(torch.tensor([1.0, 2.0, 1.5])))
        with ppl.plate("rolls", 14):
            ppl.sample("roll", dist.Categorical(chances), obs=rolls)

    draws = drawn(sampled(quick(model), draws=600), "chances")
    assert draws.shape == (2, 600, 3)
    after = torch.tensor([1.0, 2.0, 1.5]) + counts
    exact = torch.distributions.Dirichlet(after)
    assert_moments(draws, exact.mean, exact.variance.sqrt())


def test_correlation_matrix():
    def model():
        ppl.sample("root", dist.LKJCholesky(3, 2.0))

    draws = drawn(sampled(quick(model), draws=600), "root")
    matrices = draws @ draws.mT
    below = matrices[..., [1, 2, 2], [0, 0, 1]]
    # each correlation is 2 Beta(b, b) - 1 with b = eta + (d - 2) / 2 = 2.5 (Lewandowski 2009)
    assert_moments(below, 0.0, 1 / math.sqrt(6.0))


def test_interval_whose_ends_depend_on_another_site():
    def model():
        top = ppl.sample("top", dist.Uniform(1.0, 3.0))
        ppl.sample("part", dist.Uniform(0.0, top))

    mcmc = sampled(NUTS(model))
    top, part = drawn(mcmc, "top"), drawn(mcmc, "part")
    assert bool((part < top).all())
    assert_moments(top, 2.0, math.sqrt(1 / 3))
    assert_moments(part, 1.0, math.sqrt(13 / 9 - 1))  # E part^2 = E top^2 / 3 = (13/3) / 3


def test_funnel_reparameterised():
    def model():
        width = ppl.sample("width", dist.Normal(0.0, 3.0))
        noise = ppl.sample("noise", dist.Normal(0.0, 1.0).expand([4]).to_event(1))
        ppl.deterministic("x", noise * (width / 2).exp())

    mcmc = sampled(NUTS(model))
    assert_moments(drawn(mcmc, "width"), 0.0, 3.0)
    assert mcmc.get_samples().keys() == {"width", "noise"}


def test_rows_that_are_only_partly_observed():
    """Known rows are no unknowns: nothing walks off along them."""

    def model():
        mu = ppl.sample("mu", dist.Normal(0.0, 1.0))
        known = torch.tensor([True, False, True])
        with ppl.plate("rows", 3):
            ppl.sample("y", dist.Normal(mu, 1.0), obs=[1.0, 0.0, 2.0], obs_mask=known)

    mcmc = sampled(quick(model), draws=600)
    assert_moments(drawn(mcmc, "mu"), 1.0, math.sqrt(1 / 3))
    assert_moments(drawn(mcmc, "y_unobserved")[..., 1], 1.0, math.sqrt(1 + 1 / 3))
    assert mcmc.get_extra_fields()["tree_depth"].max() < 6


# ---- quadrature


def grid_moments(log_joint, *axes):
    """Mean and sd along each axis of an unnormalised log density on a grid."""
    mesh = np.meshgrid(*axes, indexing="ij")
    log_p = log_joint(*mesh)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    means = [float((p * axis).sum()) for axis in mesh]
    spreads = [float(np.sqrt((p * (a - m) ** 2).sum())) for a, m in zip(mesh, means, strict=True)]
    return means, spreads


def test_logistic_regression():
    x = np.linspace(-2, 2, 25)
    y = (np.sin(7 * x) + x > 0).astype(float)

    def model(x, y):
        a = ppl.sample("a", dist.Normal(0.0, 2.0))
        b = ppl.sample("b", dist.Normal(0.0, 2.0))
        with ppl.plate("rows", len(x)):
            ppl.sample("y", dist.Bernoulli(logits=a + b * x), obs=y)

    def log_joint(a, b):
        logits = a[..., None] + b[..., None] * x
        return -(a**2 + b**2) / 8 + (y * logits - np.logaddexp(0, logits)).sum(-1)

    means, spreads = grid_moments(log_joint, np.linspace(-4, 4, 201), np.linspace(-2, 9, 201))
    rows = torch.from_numpy(x).float(), torch.from_numpy(y).float()
    mcmc = sampled(quick(model), *rows, draws=600)
    for name, mean, spread in zip("ab", means, spreads, strict=True):
        assert_moments(drawn(mcmc, name), mean, spread)


DATA = np.array([-2.1, -1.6, 1.2, 2.2, 1.9, 0.3])


def test_mixture_whose_assignments_are_summed_out():
    def model():
        share = ppl.sample("share", dist.Beta(2.0, 2.0))
        gap = ppl.sample("gap", dist.HalfNormal(3.0))
        with ppl.plate("rows", len(DATA)):
            right = ppl.sample("right", dist.Bernoulli(share))
            ppl.sample("x", dist.Normal((right - 0.5) * gap, 1.0), obs=DATA)

    def log_joint(share, gap):
        left, right = (
            np.log(chance)[..., None] - 0.5 * (DATA - side * gap[..., None] / 2) ** 2
            for chance, side in ((1 - share, -1), (share, 1))
        )
        prior = np.log(share) + np.log(1 - share) - gap**2 / 18
        return prior + np.logaddexp(left, right).sum(-1)

    grid = np.linspace(0.001, 0.999, 300), np.linspace(0.001, 9, 300)
    means, spreads = grid_moments(log_joint, *grid)
    mcmc = sampled(quick(model), draws=600)
    assert_moments(drawn(mcmc, "share"), means[0], spreads[0])
    assert_moments(drawn(mcmc, "gap"), means[1], spreads[1])


def test_hidden_markov_model_whose_path_is_summed_out():
    steps = torch.tensor([0.2, 1.1, 2.3, 1.9])

    def model():
        stay = ppl.sample("stay", dist.Beta(3.0, 1.0))
        high = ppl.sample("high", dist.Normal(2.0, 1.0))
        state = 0
        for turn in ppl.markov(range(len(steps))):
            chance = torch.stack([1 - stay, stay])[torch.as_tensor(state).long()]
            state = ppl.sample(f"state_{turn}", dist.Bernoulli(chance))
            ppl.sample(f"y_{turn}", dist.Normal(high * state, 0.7), obs=steps[turn])

    def log_joint(stay, high):
        """Every one of the 16 paths."""
        total = np.full(stay.shape, -np.inf)
        for path in range(2 ** len(steps)):
            state, log_p = 0, 2 * np.log(stay) - (high - 2) ** 2 / 2
            for turn, y in enumerate(steps.numpy()):
                chance = stay if state else 1 - stay
                state = path >> turn & 1
                log_p = log_p + np.log(chance if state else 1 - chance)
                log_p = log_p - 0.5 * ((y - high * state) / 0.7) ** 2
            total = np.logaddexp(total, log_p)
        return total

    grid = np.linspace(0.003, 0.997, 120), np.linspace(-3, 6, 120)
    means, spreads = grid_moments(log_joint, *grid)
    mcmc = sampled(quick(model), draws=600)
    assert_moments(drawn(mcmc, "stay"), means[0], spreads[0])
    assert_moments(drawn(mcmc, "high"), means[1], spreads[1])


# ---- a long chain of another library


# mean and sd from NumPyro 0.22, non-centred, float64, four chains of 25,000 draws after 2,000 of
# warm-up at target_accept_prob 0.95, PRNGKey(0): effective sizes above 80,000, R-hat 1.0001.
EIGHT_SCHOOLS = {
    "mu": (4.381, 3.327),
    "tau": (3.598, 3.237),
    "z": (
        [0.315, 0.103, -0.082, 0.060, -0.159, -0.075, 0.358, 0.078],
        [0.989, 0.937, 0.969, 0.945, 0.934, 0.939, 0.959, 0.973],
    ),
}


def test_eight_schools():
    effects = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    errors = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])

    def model():
        mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
        tau = ppl.sample("tau", dist.HalfCauchy(5.0))
        with ppl.plate("schools", 8):
            z = ppl.sample("z", dist.Normal(0.0, 1.0))
            ppl.sample("y", dist.Normal(mu + tau * z, errors), obs=effects)

    mcmc = sampled(quick(model), draws=600)
    for name, (mean, sd) in EIGHT_SCHOOLS.items():
        assert_moments(drawn(mcmc, name), torch.tensor(mean), torch.tensor(sd))


def test_positive_support():
    """A gamma posterior: rates are sampled through exp."""

    def model(counts):
        rate = ppl.sample("rate", dist.Gamma(2.0, 1.0))
        with ppl.plate("rows", len(counts)):
            ppl.sample("count", dist.Poisson(rate), obs=counts)

    counts = torch.tensor([3.0, 5.0, 2.0, 4.0])
    draws = drawn(sampled(NUTS(model), counts), "rate")
    assert constraints.positive.check(draws).all()
    assert_moments(draws, 16 / 5, 4 / 5)
