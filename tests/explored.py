"""Twenty programs that people bring to `explore`: ten of other authors' kind, and ten that fail.

`python tests/explored.py` runs them all and prints what a reader of the panel would see; the tests
in `tests/widgets/test_explored.py` run each row. The exact answers come by a second route, in numpy
alone: normal equations, forward sums, brute force, grids.
"""

import math
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_widgets.exploring import Exploration, guard

Answer = tuple[float, float]
"""Mean and sd."""


class Kind(NamedTuple):
    """A program that works.

    `explore` makes it, `settings` say how it is answered, `steps` for how long; `exact` is the
    answer at the site `site` by the second route, None where the check is of another kind.
    """

    what: str
    make: Callable[[], Exploration]
    settings: dict[str, Any]
    steps: int
    site: str
    exact: Callable[[], Answer] | None
    source: str


class Failure(NamedTuple):
    """A program that fails: its sentence holds `words`."""

    what: str
    make: Callable[[], Exploration]
    words: tuple[str, ...]


KINDS: list[Kind] = []
FAILURES: list[Failure] = []


def kind(steps, site, exact, source, **settings):
    def add(make):
        words = (make.__doc__ or "").strip().rstrip(".")
        KINDS.append(Kind(words, make, settings, steps, site, exact, source))
        return make

    return add


def failure(*words):
    def add(make):
        FAILURES.append(Failure((make.__doc__ or "").strip().rstrip("."), make, words))
        return make

    return add


def moments(points, log_weights) -> Answer:
    """Mean and sd of points with log weights: the last step of every grid."""
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    mean = float((weights * points).sum())
    return mean, math.sqrt(float((weights * (points - mean) ** 2).sum()))


def log_normal(x, mean, sd):
    return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd)


noise = np.random.default_rng(7)


# ---- ten kinds

LINE_X = np.linspace(-1.0, 1.0, 20)
LINE_Y = 0.5 + 1.5 * LINE_X + 0.3 * noise.standard_normal(20)


def line_exact() -> Answer:
    design = np.stack([LINE_X, np.ones(20)], 1)
    precision = design.T @ design / 0.3**2 + np.eye(2) / 2.0**2
    mean = np.linalg.solve(precision, design.T @ LINE_Y / 0.3**2)
    return float(mean[0]), math.sqrt(np.linalg.inv(precision)[0, 0])


@kind(1500, "slope", line_exact, "closed form", guide="AutoMultivariateNormal")
def line():
    """Linear regression."""

    def regression(x, y, noise_sd=0.3):
        slope = ppl.sample("slope", dist.Normal(0.0, 2.0))
        intercept = ppl.sample("intercept", dist.Normal(0.0, 2.0))
        with ppl.plate("points", len(x)):
            ppl.sample("y", dist.Normal(intercept + slope * x, noise_sd), obs=y)

    data = torch.tensor(LINE_X).float(), torch.tensor(LINE_Y).float()
    return Exploration(regression, given=data)


EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def schools_exact() -> Answer:
    """Everything but tau is normal: E and Var of mu given tau, averaged over a grid of tau."""
    tau = np.exp(np.linspace(-8.0, 6.0, 2001))
    spread = ERRORS**2 + tau[:, None] ** 2
    precision = (1.0 / spread).sum(1) + 1.0 / 25.0
    mean = (EFFECTS / spread).sum(1) / precision
    fit = (EFFECTS**2 / spread).sum(1) - mean**2 * precision
    log_post = -0.5 * (fit + np.log(spread).sum(1) + np.log(precision))
    log_post = log_post - np.log1p((tau / 5.0) ** 2) + np.log(tau)  # half Cauchy; even in log tau
    centre, sd = moments(mean, log_post)
    return centre, math.sqrt(sd**2 + moments(1.0 / precision, log_post)[0])


@kind(800, "mu", schools_exact, "long run of NUTS", inference="NUTS")
def schools():
    """Eight schools."""

    def eight_schools(y, sigma):
        mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
        tau = ppl.sample("tau", dist.HalfCauchy(5.0))
        with ppl.plate("schools", 8):
            eta = ppl.sample("eta", dist.Normal(0.0, 1.0))
            ppl.sample("y", dist.Normal(mu + tau * eta, sigma), obs=y)

    data = torch.tensor(EFFECTS).float(), torch.tensor(ERRORS).float()
    return Exploration(eight_schools, given=data)


HEAPS = np.array([0.0, 1.0, 2.5, 9.0, 10.0, 11.0, 12.0])


def heaps_exact() -> Answer:
    low, share = np.meshgrid(np.linspace(-4, 8, 601), np.linspace(0.005, 0.995, 199), indexing="ij")
    each = share[..., None] * np.exp(log_normal(HEAPS, 10.5, 1.0))
    each = each + (1 - share[..., None]) * np.exp(log_normal(HEAPS, low[..., None], 1.0))
    log_post = np.log(each).sum(-1) + log_normal(low, 0.0, 5.0) + np.log(share * (1 - share))
    return moments(low, log_post)


@kind(1500, "low", heaps_exact, "quadrature")
def heaps():
    """Mixture, with its assignments summed out."""

    def mixture(data):
        share = ppl.sample("share", dist.Beta(2.0, 2.0))
        low = ppl.sample("low", dist.Normal(0.0, 5.0))
        with ppl.plate("data", len(data)):
            heap = ppl.sample("heap", dist.Bernoulli(share))
            ppl.sample("x", dist.Normal(torch.where(heap > 0, 10.5, low), 1.0), obs=data)

    return Exploration(mixture, given=(torch.tensor(HEAPS).float(),))


SIGNALS = (0, 0, 0, 1, 1, 1, 1, 0, 0, 1)


def weather_exact() -> Answer:
    stay = np.linspace(0.0005, 0.9995, 2000)
    ahead = np.full((2, len(stay)), 0.5)
    for t, signal in enumerate(SIGNALS):
        if t:
            ahead = np.stack([stay * ahead[i] + (1 - stay) * ahead[1 - i] for i in range(2)])
        ahead = ahead * np.array([[0.2], [0.8]] if signal else [[0.8], [0.2]])
    return moments(stay, np.log(ahead.sum(0)) + 7 * np.log(stay) + np.log(1 - stay))


@kind(4000, "stay", weather_exact, "quadrature", inference="importance")
def weather():
    """Hidden Markov model."""

    def hidden(signals):
        stay = ppl.sample("stay", dist.Beta(8.0, 2.0))
        state = torch.tensor(0.0)
        for t in ppl.markov(range(len(signals))):
            chance = torch.where(state > 0, stay, 1 - stay) if t else torch.tensor(0.5)
            state = ppl.sample(f"state_{t}", dist.Bernoulli(chance))
            ppl.sample(
                f"signal_{t}", dist.Bernoulli(torch.where(state > 0, 0.8, 0.2)), obs=signals[t]
            )

    return Exploration(hidden, given=(torch.tensor(SIGNALS).float(),))


CURVE_X = np.linspace(0.0, 5.0, 9)
CURVE_Y = np.sin(CURVE_X) + 0.1 * noise.standard_normal(9)


def curve_exact() -> Answer:
    lengths = np.exp(np.linspace(-2.5, 2.5, 1001))
    away = (CURVE_X[:, None] - CURVE_X) ** 2
    log_post = []
    for length in lengths:
        kernel = np.exp(-0.5 * away / length**2) + 0.2**2 * np.eye(9)
        fit = CURVE_Y @ np.linalg.solve(kernel, CURVE_Y)
        prior = -0.5 * (np.log(length) / 0.5) ** 2  # a density of log length, as the grid is even
        log_post.append(-0.5 * (fit + np.linalg.slogdet(kernel)[1]) + prior)
    return moments(lengths, np.array(log_post))


@kind(4000, "length", curve_exact, "", inference="independent MH")
def curve():
    """Gaussian process."""

    def process(x, y):
        length = ppl.sample("length", dist.LogNormal(0.0, 0.5))
        away = (x[:, None] - x) ** 2
        kernel = torch.exp(-0.5 * away / length[..., None, None] ** 2)
        kernel = kernel + 0.2**2 * torch.eye(len(x))
        ppl.sample("y", dist.MultivariateNormal(torch.zeros(len(x)), kernel), obs=y)

    data = torch.tensor(CURVE_X).float(), torch.tensor(CURVE_Y).float()
    return Exploration(process, given=data, truth=None)


SERIES = [0.0]
for _ in range(40):
    SERIES.append(0.7 * SERIES[-1] + 0.5 * float(noise.standard_normal()))
SERIES = np.array(SERIES)


def series_exact() -> Answer:
    phi, log_sd = np.meshgrid(np.linspace(-1, 2, 601), np.linspace(-2.5, 1, 401), indexing="ij")
    sd = np.exp(log_sd)
    log_post = log_normal(phi, 0.0, 1.0) - 0.5 * sd**2 + log_sd
    for before, after in pairwise(SERIES):
        log_post = log_post + log_normal(after, phi * before, sd)
    return moments(phi, log_post)


@kind(50, "phi", series_exact, "quadrature", inference="SMC")
def series():
    """Autoregressive time series."""

    def autoregression(series):
        phi = ppl.sample("phi", dist.Normal(0.0, 1.0))
        sd = ppl.sample("sd", dist.HalfNormal(1.0))
        with ppl.plate("time", len(series) - 1):
            ppl.sample("y", dist.Normal(phi * series[:-1], sd), obs=series[1:])

    return Exploration(autoregression, given=(torch.tensor(SERIES).float(),))


DOSE = noise.standard_normal(60)
CURED = (noise.random(60) < 1 / (1 + np.exp(0.4 - 1.2 * DOSE))).astype(float)


def doses_exact() -> Answer:
    a, b = np.meshgrid(np.linspace(-3, 3, 301), np.linspace(-2, 5, 351), indexing="ij")
    log_post = log_normal(a, 0.0, 2.0) + log_normal(b, 0.0, 2.0)
    for dose, cured in zip(DOSE, CURED, strict=True):
        log_post = log_post - np.logaddexp(0.0, (1 - 2 * cured) * (a + b * dose))
    return moments(b, log_post)


@kind(600, "b", doses_exact, "quadrature", inference="HMC")
def doses():
    """Logistic regression."""

    def cure(dose, cured):
        a = ppl.sample("a", dist.Normal(0.0, 2.0))
        b = ppl.sample("b", dist.Normal(0.0, 2.0))
        with ppl.plate("patients", len(dose)):
            ppl.sample("cured", dist.Bernoulli(logits=a + b * dose), obs=cured)

    return Exploration(cure, given=(torch.tensor(DOSE).float(), torch.tensor(CURED).float()))


GROUPS = noise.standard_normal(3)[:, None] + 2.0 + noise.standard_normal((3, 40))


def groups_exact() -> Answer:
    """Mu ~ N(0, 5); means ~ N(mu, 1); rows ~ N(mean, 1): the groups' averages tell all."""
    seen = 1.0 + 1.0 / 40.0
    precision = 3.0 / seen + 1.0 / 25.0
    return float(GROUPS.mean(1).sum() / seen / precision), precision**-0.5


@kind(2500, "mu", groups_exact, "closed form", guide="AutoMultivariateNormal")
def groups():
    """Hierarchy, 10 of 40 rows at a time."""

    def hierarchy(data):
        mu = ppl.sample("mu", dist.Normal(0.0, 5.0))
        with ppl.plate("groups", 3, dim=-2):
            mean = ppl.sample("mean", dist.Normal(mu, 1.0))
            with ppl.plate("rows", 40, subsample_size=10, dim=-1) as rows:
                ppl.sample("y", dist.Normal(mean, 1.0), obs=data[:, rows])

    return Exploration(hierarchy, given=(torch.tensor(GROUPS).float(),))


def grass_exact() -> Answer:
    rains = 0.0, 0.0
    for rain in (0, 1):
        for sprinkler in (0, 1):
            wet = ((0.001, 0.9), (0.8, 0.99))[rain][sprinkler]
            on = (0.4, 0.01)[rain]
            chance = (0.2 if rain else 0.8) * (on if sprinkler else 1 - on) * wet
            rains = (rains[0] + chance, rains[1] + rain * chance)
    mean = rains[1] / rains[0]
    return mean, math.sqrt(mean * (1 - mean))


@kind(2000, "rain", grass_exact, "exact enumeration", inference="rejection")
def grass():
    """Bayesian network of discrete sites."""

    def garden():
        rain = ppl.sample("rain", dist.Bernoulli(0.2))
        sprinkler = ppl.sample("sprinkler", dist.Bernoulli(torch.where(rain > 0, 0.01, 0.4)))
        dry, rained = torch.where(sprinkler > 0, 0.9, 0.001), torch.where(sprinkler > 0, 0.99, 0.8)
        return ppl.sample("wet", dist.Bernoulli(torch.where(rain > 0, rained, dry)))

    return Exploration(ppl.condition(garden, data={"wet": torch.ones(())}))


PICTURES = np.outer(noise.standard_normal(64), [1.0, -0.5, 2.0, 0.3])
PICTURES = PICTURES + 0.3 * noise.standard_normal((64, 4))


@kind(1500, "z[0,0]", None, "")
def pictures():
    """Small variational autoencoder."""
    torch.manual_seed(3)
    decoder = nn.Linear(1, 4)
    encoder = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))

    def model(data):
        ppl.module("decoder", decoder)
        with ppl.plate("pictures", len(data)):
            z = ppl.sample("z", dist.Normal(torch.zeros(len(data), 1), 1.0).to_event(1))
            ppl.sample("x", dist.Normal(decoder(z), 0.3).to_event(1), obs=data)

    def guide(data):
        ppl.module("encoder", encoder)
        with ppl.plate("pictures", len(data)):
            loc, log_sd = encoder(data).unbind(-1)
            ppl.sample("z", dist.Normal(loc[:, None], log_sd.exp()[:, None]).to_event(1))

    return Exploration(model, guide, (torch.tensor(PICTURES).float(),), lr=0.01)


# ---- ten failures


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


weighed = ppl.condition(scale, data={"measurement": 9.5})


@failure("'weight'", "the guide does not", "Add sample('weight'")
def forgetful():
    """A guide that misses a site."""

    def guide(guess):
        ppl.param("a", guess)

    return Exploration(weighed, guide, (8.5,))


@failure("'measurment'", "Did you mean 'measurement'?", "weight, measurement")
def misspelt():
    """A typo in condition."""
    return Exploration(ppl.condition(scale, data={"measurment": 9.5}), given=(8.5,))


@failure("the loss is nan", "'penalty'")
def bottomless():
    """A log probability that is not a number."""

    def model(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        ppl.factor("penalty", (-weight).sqrt())

    return Exploration(model, given=(8.5,))


@failure("No end after", "spin", "loop")
def endless():
    """A loop that never ends."""

    def spin(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        while float(weight) > -math.inf:
            pass

    return Exploration(spin, given=(8.5,))


@failure("'y'", "(3, 3)", "plate", "reshape")
def crossed():
    """Rows against columns."""

    def model(x):
        slope = ppl.sample("slope", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(slope * x[:, None], 1.0), obs=x)

    return Exploration(model, given=(torch.arange(3.0),))


@failure("Line", "KeyError", "'weigth'")
def raising():
    """An exception in the model."""

    def model(guess):
        known = {"weight": guess}
        ppl.sample("weight", dist.Normal(known["weigth"], 1.0))

    return Exploration(model, given=(8.5,))


@failure("no sample statement")
def siteless():
    """No sample statement at all."""
    return Exploration(lambda guess: guess, given=(8.5,))


@failure("'weight'", "draws from", "allows only")
def unsupported():
    """A guide off the model's support."""

    def model():
        weight = ppl.sample("weight", dist.LogNormal(2.0, 0.1))
        ppl.sample("measurement", dist.Normal(weight, 0.75), obs=9.5)

    def guide():
        ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), 1.0))

    return Exploration(model, guide)


@failure("'measurement'", "data in the model", "latent sites only")
def observing():
    """A guide that draws data."""

    def guide(guess):
        b = ppl.param("b", 1.0, constraint=constraints.positive)
        weight = ppl.sample("weight", dist.Normal(ppl.param("a", guess), b))
        ppl.sample("measurement", dist.Normal(weight, 0.75))

    return Exploration(weighed, guide, (8.5,))


@failure("scale() asks for 'guess'", "explore(scale, None, ...)")
def argumentless():
    """An argument is missing."""
    return Exploration(weighed)


# ---- what their reader sees


def answered(row: Kind) -> Exploration:
    """The exploration after its run, with truth and predictions."""
    told = row.make()
    told.set(told.scenario.names["site"], row.site)
    for name, value in row.settings.items():
        told.set(name, value)
    told.settle()
    told.run(row.steps)
    told.settle()
    return told


def refused(row: Failure) -> Exploration:
    """The exploration after a try to run it."""
    told = row.make()
    told.run(3)
    return told


def main() -> None:
    """Print both lists."""
    write = sys.stdout.write
    for number, row in enumerate(KINDS, start=1):
        told = answered(row)
        write(f"{number:2}. {row.what}, by {told.method}\n    {told.summary()}\n")
        if row.exact is not None:
            write("    second route: N({:.2f}, {:.2f})\n".format(*row.exact()))
    guard.SECONDS = 0.5
    for number, row in enumerate(FAILURES, start=1):
        write(f"{number:2}. {row.what}\n    {refused(row).error}\n")


if __name__ == "__main__":
    main()
