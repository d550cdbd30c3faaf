"""A dozen classic posteriors, each written once for ppl_core and for NumPyro, with their data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Ways = tuple[Any, Any, Any]
"""Language, distributions, arrays: (ppl_core, distributions, torch) or NumPyro's and JAX's."""


@dataclass(frozen=True)
class Posterior:
    """A program and what it is compared with.

    Attributes:
        program: (language, distributions, arrays) and data -> statements.
        data: arrays.
        by_sum: the same without discrete sites, for the reference; `program` itself if None.
        settings: of NUTS.
        same_as: whose reference is used.
    """

    program: Callable[..., Any]
    data: tuple[np.ndarray, ...] = ()
    by_sum: Callable[..., Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    same_as: str = ""


RNG = np.random.default_rng(0)
EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def schools(ways: Ways, y: Any, sd: Any) -> None:
    """Rubin 1981, non-centred."""
    ppl, dist, _ = ways
    mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
    tau = ppl.sample("tau", dist.HalfCauchy(5.0))
    with ppl.plate("schools", 8):
        z = ppl.sample("z", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(mu + tau * z, sd), obs=y)


def schools_centred(ways: Ways, y: Any, sd: Any) -> None:
    """The same posterior with a funnel in it."""
    ppl, dist, _ = ways
    mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
    tau = ppl.sample("tau", dist.HalfCauchy(5.0))
    with ppl.plate("schools", 8):
        theta = ppl.sample("theta", dist.Normal(mu, tau))
        ppl.sample("y", dist.Normal(theta, sd), obs=y)


def logistic(ways: Ways, x: Any, y: Any) -> None:
    """Five coefficients, 100 rows."""
    ppl, dist, _ = ways
    w = ppl.sample("w", dist.Normal(0.0, 1.0).expand([5]).to_event(1))
    with ppl.plate("rows", 100):
        ppl.sample("y", dist.Bernoulli(logits=x @ w), obs=y)


def gaussian_process(ways: Ways, x: Any, y: Any) -> None:
    """Squared exponential kernel with unknown length, height and noise."""
    ppl, dist, xp = ways
    length = ppl.sample("length", dist.LogNormal(0.0, 1.0))
    height = ppl.sample("height", dist.HalfNormal(1.0))
    noise = ppl.sample("noise", dist.HalfNormal(0.5))
    apart = (x[:, None] - x[None, :]) ** 2
    kernel = height**2 * xp.exp(-apart / (2 * length**2))
    covariance = kernel + (noise**2 + 1e-6) * xp.eye(len(x))
    ppl.sample("y", dist.MultivariateNormal(0 * x, covariance_matrix=covariance), obs=y)


def autoregression(ways: Ways, y: Any) -> None:
    """AR(3) with unknown noise."""
    ppl, dist, _ = ways
    level = ppl.sample("level", dist.Normal(0.0, 1.0))
    past = ppl.sample("past", dist.Normal(0.0, 0.5).expand([3]).to_event(1))
    noise = ppl.sample("noise", dist.HalfNormal(1.0))
    mean = level + past[0] * y[2:-1] + past[1] * y[1:-2] + past[2] * y[:-3]
    ppl.sample("y", dist.Normal(mean, noise).to_event(1), obs=y[3:])


def radon(ways: Ways, county: Any, floor: Any, level: Any) -> None:
    """Ten counties with levels of their own, 120 houses."""
    ppl, dist, _ = ways
    mean = ppl.sample("mean", dist.Normal(0.0, 2.0))
    spread = ppl.sample("spread", dist.HalfNormal(1.0))
    slope = ppl.sample("slope", dist.Normal(0.0, 1.0))
    noise = ppl.sample("noise", dist.HalfNormal(1.0))
    with ppl.plate("counties", 10):
        own = ppl.sample("own", dist.Normal(0.0, 1.0))
    with ppl.plate("houses", 120):
        loc = mean + spread * own[county] + slope * floor
        ppl.sample("level", dist.Normal(loc, noise), obs=level)


def lotka_volterra(ways: Ways, hares: Any, lynxes: Any) -> None:
    """Two rates of growth and two of meeting; Runge-Kutta steps of fixed length."""
    ppl, dist, xp = ways
    rates = ppl.sample("rates", dist.LogNormal(-0.5, 0.5).expand([4]).to_event(1))
    noise = ppl.sample("noise", dist.LogNormal(-1.0, 0.5))
    a, b, c, d = rates[0], rates[1], rates[2], rates[3]

    def slope(u: Any, v: Any) -> Any:
        return (a - b * v) * u, (d * u - c) * v

    u, v, step, seen = 1.0 + 0 * a, 0.5 + 0 * a, 0.5, []
    for _ in range(12):
        k1 = slope(u, v)
        k2 = slope(u + step / 2 * k1[0], v + step / 2 * k1[1])
        k3 = slope(u + step / 2 * k2[0], v + step / 2 * k2[1])
        k4 = slope(u + step * k3[0], v + step * k3[1])
        u, v = (
            at + step / 6 * (p + 2 * q + 2 * r + s)
            for at, p, q, r, s in zip((u, v), k1, k2, k3, k4, strict=True)
        )
        seen.append((u, v))
    for name, index, data in (("hares", 0, hares), ("lynxes", 1, lynxes)):
        course = xp.log(xp.stack([pair[index] for pair in seen]).clip(1e-6, 1e6))
        ppl.sample(name, dist.Normal(course, noise).to_event(1), obs=data)


def funnel(ways: Ways) -> None:
    """Neal's, reparameterised."""
    ppl, dist, _ = ways
    ppl.sample("width", dist.Normal(0.0, 3.0))
    ppl.sample("noise", dist.Normal(0.0, 1.0).expand([9]).to_event(1))


def horseshoe(ways: Ways, x: Any, y: Any) -> None:
    """Eight coefficients, two of them large; scales are half-Student of 3 degrees."""
    ppl, dist, xp = ways
    whole = ppl.sample("whole", dist.HalfNormal(0.5))
    chi = ppl.sample("chi", dist.Gamma(1.5, 1.5).expand([8]).to_event(1))
    half = ppl.sample("half", dist.HalfNormal(1.0).expand([8]).to_event(1))
    z = ppl.sample("z", dist.Normal(0.0, 1.0).expand([8]).to_event(1))
    noise = ppl.sample("noise", dist.HalfNormal(1.0))
    w = z * whole * half / xp.sqrt(chi)
    ppl.sample("y", dist.Normal(x @ w, noise).to_event(1), obs=y)


def mixture(ways: Ways, x: Any) -> None:
    """Two normals; which one a row comes from is summed out by enumeration."""
    ppl, dist, _ = ways
    share = ppl.sample("share", dist.Beta(2.0, 2.0))
    gap = ppl.sample("gap", dist.HalfNormal(3.0))
    with ppl.plate("rows", len(x)):
        right = ppl.sample("right", dist.Bernoulli(share))
        ppl.sample("x", dist.Normal((right - 0.5) * gap, 1.0), obs=x)


def mixture_by_sum(ways: Ways, x: Any) -> None:
    """The sum written out."""
    ppl, dist, xp = ways
    share = ppl.sample("share", dist.Beta(2.0, 2.0))
    gap = ppl.sample("gap", dist.HalfNormal(3.0))
    left = xp.log(1 - share) + dist.Normal(-gap / 2, 1.0).log_prob(x)
    right = xp.log(share) + dist.Normal(gap / 2, 1.0).log_prob(x)
    ppl.factor("x", xp.logaddexp(left, right).sum())


def hidden_markov(ways: Ways, y: Any) -> None:
    """Two hidden states; the path is summed out by enumeration."""
    ppl, dist, xp = ways
    stay = ppl.sample("stay", dist.Beta(3.0, 1.0))
    high = ppl.sample("high", dist.Normal(2.0, 1.0))
    state = xp.zeros(())
    for turn in ppl.markov(range(len(y))):
        state = ppl.sample(f"s{turn}", dist.Bernoulli(1 - stay + state * (2 * stay - 1)))
        ppl.sample(f"y{turn}", dist.Normal(high * state, 0.7), obs=y[turn])


def hidden_markov_by_sum(ways: Ways, y: Any) -> None:
    """The forward algorithm."""
    ppl, dist, xp = ways
    stay = ppl.sample("stay", dist.Beta(3.0, 1.0))
    high = ppl.sample("high", dist.Normal(2.0, 1.0))
    low_now, high_now = 0.0, -1e9
    for turn in range(len(y)):
        low = xp.logaddexp(low_now + xp.log(stay), high_now + xp.log(1 - stay))
        top = xp.logaddexp(low_now + xp.log(1 - stay), high_now + xp.log(stay))
        low_now = low + dist.Normal(0.0, 0.7).log_prob(y[turn])
        high_now = top + dist.Normal(high, 0.7).log_prob(y[turn])
    ppl.factor("y", xp.logaddexp(low_now, high_now))


def _data() -> dict[str, Posterior]:
    x = RNG.normal(size=(100, 5))
    labels = (RNG.random(100) < 1 / (1 + np.exp(-x @ [1.0, -0.5, 0.0, 2.0, 0.3]))).astype(float)
    line = np.linspace(-3, 3, 15)
    wave = np.sin(line) + 0.2 * RNG.normal(size=15)
    series = np.zeros(80)
    for turn in range(3, 80):
        memory = 0.5 * series[turn - 1] - 0.3 * series[turn - 2] + 0.2 * series[turn - 3]
        series[turn] = 0.3 + memory + 0.5 * RNG.normal()
    county = np.arange(120) % 10
    floor = RNG.integers(0, 2, 120).astype(float)
    radon_level = 1.3 + 0.4 * RNG.normal(size=10)[county] - 0.6 * floor + 0.7 * RNG.normal(size=120)
    hares, lynxes = _cycles()
    wide = RNG.normal(size=(40, 8))
    sparse = wide @ np.array([2.0, 0, 0, -1.5, 0, 0, 0, 0]) + 0.5 * RNG.normal(size=40)
    two = np.array([-2.1, -1.6, -1.1, 1.2, 2.2, 1.9, 0.3, 1.4, -0.2, 2.6])
    path = np.array([0.2, -0.4, 1.1, 2.3, 1.6, 0.1, 2.2, 1.9])
    return {
        "schools": Posterior(schools, (EFFECTS, ERRORS), settings={"target_accept_prob": 0.9}),
        "schools-centred": Posterior(
            schools_centred,
            (EFFECTS, ERRORS),
            settings={"target_accept_prob": 0.99},
            same_as="schools",
        ),
        "logistic": Posterior(logistic, (x, labels)),
        "gaussian-process": Posterior(gaussian_process, (line, wave)),
        "autoregression": Posterior(autoregression, (series,)),
        "radon": Posterior(radon, (county, floor, radon_level)),
        "lotka-volterra": Posterior(lotka_volterra, (hares, lynxes)),
        "funnel": Posterior(funnel),
        "horseshoe": Posterior(horseshoe, (wide, sparse), settings={"target_accept_prob": 0.95}),
        "mixture": Posterior(mixture, (two,), by_sum=mixture_by_sum),
        "hidden-markov": Posterior(hidden_markov, (path,), by_sum=hidden_markov_by_sum),
    }


def _cycles() -> tuple[np.ndarray, np.ndarray]:
    """Logs of a noisy course of hares and lynxes, by small Euler steps."""
    u, v, seen = 1.0, 0.5, []
    for step in range(6000):
        u, v = u + 0.001 * (0.6 - 0.7 * v) * u, v + 0.001 * (0.5 * u - 0.6) * v
        if step % 500 == 499:
            seen.append((np.log(u), np.log(v)))
    noisy = np.array(seen) + 0.2 * RNG.normal(size=(12, 2))
    return noisy[:, 0], noisy[:, 1]


POSTERIORS = _data()
