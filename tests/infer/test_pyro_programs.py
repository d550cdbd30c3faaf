"""Programs written for Pyro, in the manner of its examples: only their import lines say ppl_core.

Each is held to something known by another route: a closed form, the forward algorithm, brute force,
or, for networks, that training moves the bound well beyond its noise.
"""

import math

import pytest
import torch
from torch import nn
from torch.distributions import constraints

import ppl_core as pyro
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core import handlers as poutine
from ppl_core.infer import (
    SVI,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    config_enumerate,
    infer_discrete,
)
from ppl_core.infer.autoguide import AutoDelta, AutoDiagonalNormal, AutoNormal
from ppl_core.infer.reparam import LocScaleReparam
from ppl_core.nn import PyroModule, PyroSample
from ppl_core.optim import Adam, ClippedAdam


def fit(model, guide, *args, steps=300, lr=0.05, loss=None):
    """The loop of every Pyro tutorial; returns the losses."""
    svi = SVI(model, guide, Adam({"lr": lr}), loss=loss or Trace_ELBO())
    return [svi.step(*args) for _ in range(steps)]


def improved(losses, by):
    """The last fifty losses lie below the first ten by more than `by` nats on average."""
    return sum(losses[:10]) / 10 - sum(losses[-50:]) / 50 > by


def test_coin_fairness_reaches_the_beta_posterior():
    data = torch.tensor([1.0] * 6 + [0.0] * 4)

    def model(data):
        f = pyro.sample("latent_fairness", dist.Beta(10.0, 10.0))
        with pyro.plate("data", len(data)):
            pyro.sample("obs", dist.Bernoulli(f), obs=data)

    def guide(data):
        alpha_q = pyro.param("alpha_q", torch.tensor(15.0), constraint=constraints.positive)
        beta_q = pyro.param("beta_q", torch.tensor(15.0), constraint=constraints.positive)
        pyro.sample("latent_fairness", dist.Beta(alpha_q, beta_q))

    loss = Trace_ELBO(num_particles=20, vectorize_particles=True)
    fit(model, guide, data, steps=300, lr=0.03, loss=loss)
    alpha, beta = pyro.param("alpha_q").item(), pyro.param("beta_q").item()
    assert alpha / (alpha + beta) == pytest.approx(16 / 30, abs=0.02)
    exact = math.lgamma(10) * 2 - math.lgamma(20) - math.lgamma(16) - math.lgamma(14)
    exact += math.lgamma(30)
    perfect = dist.Beta(16.0, 14.0)
    loss = Trace_ELBO(num_particles=5).loss(
        model, lambda data: pyro.sample("latent_fairness", perfect), data
    )
    assert loss == pytest.approx(exact, abs=1e-4)  # the exact guide has no noise


def test_linear_regression_with_a_module_reaches_the_gaussian_posterior():
    x = torch.linspace(-1, 1, 20)
    y = 0.5 + 2 * x + 0.3 * torch.randn(20)

    class Regression(PyroModule):
        def __init__(self):
            super().__init__()
            self.weight = PyroSample(dist.Normal(0.0, 10.0))
            self.bias = PyroSample(dist.Normal(0.0, 10.0))

        def forward(self, x, y=None):
            mean = self.bias + self.weight * x
            with pyro.plate("data", len(x)):
                return pyro.sample("obs", dist.Normal(mean, 0.3), obs=y)

    model = Regression()
    guide = AutoDiagonalNormal(model)
    fit(model, guide, x, y, steps=600, lr=0.03, loss=Trace_ELBO(num_particles=4))
    design = torch.stack([torch.ones(20), x], 1)
    precision = design.T @ design / 0.09 + torch.eye(2) / 100
    mean = torch.linalg.solve(precision, design.T @ y / 0.09)
    median = guide.median(x, y)
    assert median["bias"].item() == pytest.approx(mean[0].item(), abs=0.05)
    assert median["weight"].item() == pytest.approx(mean[1].item(), abs=0.08)


Y8 = torch.tensor([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
S8 = torch.tensor([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def eight_schools(y=None):
    mu = pyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = pyro.sample("tau", dist.HalfCauchy(5.0))
    with pyro.plate("J", 8):
        theta = pyro.sample("theta", dist.Normal(mu, tau))
        return pyro.sample("obs", dist.Normal(theta, S8), obs=y)


def test_eight_schools_decentred_by_reparam_finds_a_better_bound():
    bounds = []
    for config in ({}, {"theta": LocScaleReparam(0.0)}):
        pyro.clear_param_store()
        model = poutine.reparam(eight_schools, config=config)
        losses = fit(model, AutoNormal(model), Y8, steps=600, lr=0.02)
        bounds.append(sum(losses[-100:]) / 100)
    assert bounds[1] < bounds[0] - 0.2  # the funnel is gone


def test_gaussian_mixture_with_map_estimates_finds_its_two_parts():
    data = torch.tensor([0.0, 1.0, 10.0, 11.0, 12.0])

    @config_enumerate
    def model(data):
        weights = pyro.sample("weights", dist.Dirichlet(0.5 * torch.ones(2)))
        scale = pyro.sample("scale", dist.LogNormal(0.0, 2.0))
        with pyro.plate("components", 2):
            locs = pyro.sample("locs", dist.Normal(0.0, 10.0))
        with pyro.plate("data", len(data)):
            assignment = pyro.sample("assignment", dist.Categorical(weights))
            pyro.sample("obs", dist.Normal(locs[assignment], scale), obs=data)

    start = {"weights": torch.ones(2) / 2, "scale": torch.tensor(3.0), "locs": data[[0, 3]]}
    hidden = poutine.block(model, expose=["weights", "locs", "scale"])
    guide = AutoDelta(hidden, init_loc_fn=lambda site: start[site["name"]])
    fit(model, guide, data, steps=200, lr=0.1, loss=TraceEnum_ELBO(max_plate_nesting=1))
    estimate = guide(data)
    assert sorted(estimate["locs"].tolist()) == pytest.approx([0.5, 11.0], abs=0.3)
    decided = infer_discrete(
        poutine.replay(model, trace=poutine.trace(guide).get_trace(data)), -2, 0
    )
    chosen = poutine.trace(decided).get_trace(data).nodes["assignment"]["value"]
    assert chosen.tolist() in ([0, 0, 1, 1, 1], [1, 1, 0, 0, 0])


def test_hidden_markov_model_over_sequences_learns_its_emissions():
    states = torch.tensor([[0, 0, 1, 1, 0, 1], [1, 1, 0, 0, 0, 1], [0, 1, 1, 1, 0, 0]])
    sequences = torch.tensor([-2.0, 2.0])[states] + 0.1 * torch.randn(states.shape)

    def model(sequences):
        probs_x = pyro.param("probs_x", torch.full((2, 2), 0.5), constraint=constraints.simplex)
        locs = pyro.param("locs", torch.tensor([-0.5, 0.5]))
        with pyro.plate("sequences", len(sequences), dim=-1):
            x = torch.tensor(0)
            for t in pyro.markov(range(sequences.shape[1])):
                x = pyro.sample(
                    f"x_{t}", dist.Categorical(probs_x[x]), infer={"enumerate": "parallel"}
                )
                pyro.sample(f"y_{t}", dist.Normal(locs[x], 0.5), obs=sequences[:, t])

    fit(
        model,
        lambda sequences: None,
        sequences,
        steps=80,
        lr=0.1,
        loss=TraceEnum_ELBO(max_plate_nesting=1),
    )
    assert sorted(pyro.param("locs").tolist()) == pytest.approx([-2.0, 2.0], abs=0.15)


def test_topic_model_with_nested_plates_equals_brute_force():
    topics = torch.tensor([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    mixing = torch.tensor([[0.7, 0.3], [0.2, 0.8]])
    words = torch.tensor([[0, 2], [1, 2], [0, 0], [2, 2]])  # words in documents

    @config_enumerate
    def model(words):
        with pyro.plate("documents", 2, dim=-1):
            theta = pyro.sample("doc_topics", dist.Dirichlet(torch.ones(2)), obs=mixing)
            with pyro.plate("words", 4, dim=-2):
                topic = pyro.sample("word_topics", dist.Categorical(theta))
                pyro.sample("doc_words", dist.Categorical(topics[topic]), obs=words)

    exact = sum(
        math.log(sum(mixing[d, k].item() * topics[k, words[w, d]].item() for k in range(2)))
        for w in range(4)
        for d in range(2)
    )
    loss = TraceEnum_ELBO(max_plate_nesting=2).loss(model, lambda words: None, words)
    assert loss == pytest.approx(-exact, abs=1e-4)  # the Dirichlet's density at uniform is 1


def test_sprinkler_network_tells_seeing_from_doing():
    @config_enumerate
    def garden():
        rain = pyro.sample("rain", dist.Bernoulli(0.2))
        sprinkler = pyro.sample("sprinkler", dist.Bernoulli(0.4 - 0.39 * rain))
        wet = pyro.sample("wet", dist.Bernoulli(0.05 + 0.85 * sprinkler + 0.09 * rain))
        return rain, wet

    def rain_after(model):
        marginals = TraceEnum_ELBO(max_plate_nesting=0).compute_marginals(model, lambda: None)
        return marginals["rain"].probs.item()

    seen = rain_after(pyro.condition(garden, data={"sprinkler": 1.0}))
    done = rain_after(pyro.do(garden, data={"sprinkler": 1.0}))
    assert seen == pytest.approx(0.2 * 0.01 / (0.2 * 0.01 + 0.8 * 0.4), abs=1e-5)
    assert done == pytest.approx(0.2, abs=1e-5)
    both = rain_after(pyro.condition(pyro.do(garden, data={"sprinkler": 1.0}), data={"wet": 1.0}))
    assert both == pytest.approx(0.2 * 0.99 / (0.2 * 0.99 + 0.8 * 0.9), abs=1e-5)


class Encoder(nn.Module):
    def __init__(self, size=6, z_dim=2):
        super().__init__()
        self.hidden, self.loc = nn.Linear(size, 16), nn.Linear(16, z_dim)
        self.scale = nn.Linear(16, z_dim)

    def forward(self, x):
        hidden = nn.functional.softplus(self.hidden(x))
        return self.loc(hidden), torch.exp(self.scale(hidden))


class Decoder(nn.Module):
    def __init__(self, size=6, z_dim=2):
        super().__init__()
        self.hidden, self.out = nn.Linear(z_dim, 16), nn.Linear(16, size)

    def forward(self, z):
        return torch.sigmoid(self.out(nn.functional.softplus(self.hidden(z))))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def model(self, x):
        pyro.module("decoder", self.decoder)
        with pyro.plate("data", x.shape[0]):
            z_loc, z_scale = x.new_zeros(len(x), 2), x.new_ones(len(x), 2)
            z = pyro.sample("latent", dist.Normal(z_loc, z_scale).to_event(1))
            pyro.sample("obs", dist.Bernoulli(self.decoder(z)).to_event(1), obs=x)

    def guide(self, x):
        pyro.module("encoder", self.encoder)
        with pyro.plate("data", x.shape[0]):
            z_loc, z_scale = self.encoder(x)
            pyro.sample("latent", dist.Normal(z_loc, z_scale).to_event(1))


def two_kinds(rows=60):
    patterns = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0.0, 0, 0, 1, 1, 1]])
    return patterns[torch.arange(rows) % 2]


def test_vae_trains_its_modules_in_place():
    vae, data = VAE(), two_kinds()
    before = vae.decoder.out.bias.detach().clone()
    losses = fit(vae.model, vae.guide, data, steps=150, lr=0.02)
    assert improved(losses, by=1.5 * len(data))
    assert not torch.equal(before, vae.decoder.out.bias)
    assert "decoder$$$out.bias" in pyro.get_param_store()


def test_semi_supervised_vae_enumerates_its_missing_labels():
    data = two_kinds(40)
    labels = torch.eye(2)[torch.arange(40) % 2]
    decoder = nn.Linear(3, 6)
    classifier = nn.Linear(6, 2)

    def model(xs, ys=None):
        pyro.module("decoder", decoder)
        with pyro.plate("data", len(xs)):
            zs = pyro.sample("z", dist.Normal(xs.new_zeros(len(xs), 1), 1.0).to_event(1))
            prior = dist.OneHotCategorical(xs.new_ones(len(xs), 2) / 2)
            ys = pyro.sample("y", prior, obs=ys)
            both = torch.cat(torch.broadcast_tensors(*_same_batch(zs, ys)), -1)[..., :3]
            pyro.sample("x", dist.Bernoulli(logits=decoder(both)).to_event(1), obs=xs)

    def guide(xs, ys=None):
        pyro.module("classifier", classifier)
        with pyro.plate("data", len(xs)):
            if ys is None:
                probs = classifier(xs).softmax(-1)
                pyro.sample("y", dist.OneHotCategorical(probs))
            loc = pyro.param("z_loc", torch.zeros(1))
            pyro.sample("z", dist.Normal(loc.expand(len(xs), 1), 1.0).to_event(1))

    guide = config_enumerate(guide, "parallel", expand=True)
    loss = TraceEnum_ELBO(max_plate_nesting=1)
    svi = SVI(model, guide, ClippedAdam({"lr": 0.05}), loss=loss)
    first = svi.evaluate_loss(data)
    for _ in range(60):
        svi.step(data[:10], labels[:10])
        svi.step(data)
    assert svi.evaluate_loss(data) < first - len(data)


def _same_batch(zs, ys):
    """Repeat z and a label of any leading dimensions to one batch, z's single column thrice."""
    batch = torch.broadcast_shapes(zs.shape[:-1], ys.shape[:-1])
    ys = ys.expand(batch + ys.shape[-1:])
    zs = zs.expand(batch + zs.shape[-1:])
    return torch.cat([ys, zs], -1), torch.cat([ys, zs], -1)


def test_time_series_with_markov_reaches_the_exact_posterior_of_its_drift():
    series = torch.tensor([0.0, 0.4, 1.1, 1.3, 2.2, 2.4])

    def model(series):
        drift = pyro.sample("drift", dist.Normal(0.0, 1.0))
        for t in pyro.markov(range(1, len(series))):
            pyro.sample(f"y_{t}", dist.Normal(series[t - 1] + drift, 0.5), obs=series[t])

    guide = AutoNormal(model)
    fit(model, guide, series, steps=800, lr=0.02)
    precision = 1 + 5 / 0.25
    exact = (series[1:] - series[:-1]).sum().item() / 0.25 / precision
    assert guide.median(series)["drift"].item() == pytest.approx(exact, abs=0.06)


def test_bayesian_network_of_neurons_lifts_its_weights():
    class Net(PyroModule):
        def __init__(self):
            super().__init__()
            self.fc1 = PyroModule[nn.Linear](1, 8)
            self.fc1.weight = PyroSample(dist.Normal(0.0, 1.0).expand([8, 1]).to_event(2))
            self.fc2 = PyroModule[nn.Linear](8, 1)
            self.fc2.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 8]).to_event(2))

        def forward(self, x, y=None):
            mean = self.fc2(torch.tanh(self.fc1(x))).squeeze(-1)
            with pyro.plate("data", len(x)):
                return pyro.sample("obs", dist.Normal(mean, 0.1), obs=y)

    x = torch.linspace(-1, 1, 30).unsqueeze(-1)
    net = Net()
    guide = AutoDiagonalNormal(net)
    losses = fit(net, guide, x, torch.sin(3 * x.squeeze(-1)), steps=200, lr=0.03)
    assert improved(losses, by=100.0)
    assert set(poutine.trace(net).get_trace(x).stochastic_nodes) >= {"fc1.weight", "fc2.weight"}


def test_logistic_regression_with_subsampling_is_unbiased():
    x = torch.randn(200, 2)
    y = (torch.rand(200) < torch.sigmoid(x @ torch.tensor([1.0, -2.0]))).float()

    def model(x, y, size):
        w = pyro.sample("w", dist.Normal(torch.zeros(2), 1.0).to_event(1))
        with pyro.plate("data", len(x), subsample_size=size) as ind:
            pyro.sample("y", dist.Bernoulli(logits=x[ind] @ w), obs=y[ind])

    def guide(x, y, size):
        pyro.sample("w", dist.Delta(torch.tensor([0.8, -1.5]), event_dim=1))

    whole = Trace_ELBO().loss(model, guide, x, y, 200)
    parts = [Trace_ELBO().loss(model, guide, x, y, 20) for _ in range(400)]
    assert_average(parts, whole)


def test_discrete_guide_with_baselines_learns():
    def model():
        z = pyro.sample("z", dist.Bernoulli(0.3))
        pyro.sample("x", dist.Normal(2.0 * z, 1.0), obs=torch.tensor(1.8))

    def guide():
        p = pyro.param("p", torch.tensor(0.5), constraint=constraints.unit_interval)
        baseline = {"use_decaying_avg_baseline": True, "baseline_beta": 0.9}
        pyro.sample("z", dist.Bernoulli(p), infer={"baseline": baseline})

    fit(model, guide, steps=1500, lr=0.02, loss=TraceGraph_ELBO())
    odds = 0.3 / 0.7 * math.exp(-0.5 * 0.2**2 + 0.5 * 1.8**2)
    assert pyro.param("p").item() == pytest.approx(odds / (1 + odds), abs=0.06)
