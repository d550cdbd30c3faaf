"""Sums over discrete sites, against brute force over every combination of outcomes."""

import contextlib
import itertools
import math
from queue import Empty

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import handlers
from ppl_core.errors import GuideError, ModelError
from ppl_core.infer import TraceEnum_ELBO, config_enumerate, infer_discrete


@pytest.fixture(autouse=True)
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def empty_guide(*args, **kwargs):
    """A guide for models whose latent sites are all summed out."""


def log_total(model, *args):
    """Log evidence of a program of discrete sites, by running every combination of outcomes."""
    runs = handlers.queue(model)
    found = {}
    with contextlib.suppress(Empty):
        while True:
            sites = handlers.trace(runs).get_trace(*args)
            key = tuple(int(sites[name].value) for name in sites.stochastic_nodes)
            found[key] = sites.log_prob_sum()
    return torch.logsumexp(torch.stack(list(found.values())), 0), found


def random_net(seed, sites=4):
    """A random discrete Bayesian network with random parents; observed leaves of every kind."""
    draw = torch.Generator().manual_seed(seed)
    sizes = torch.randint(2, 4, (sites,), generator=draw).tolist()
    parents = [[p for p in range(i) if torch.rand((), generator=draw) < 0.5] for i in range(sites)]
    tables = []
    for i in range(sites):
        shape = [sizes[p] for p in parents[i]] + [sizes[i]]
        tables.append(torch.rand(shape, generator=draw) + 0.1)
    means = [torch.randn(size, generator=draw) for size in sizes]
    data = torch.randn(sites, generator=draw)

    @config_enumerate
    def model():
        values = []
        for i in range(sites):
            weights = tables[i]
            if parents[i]:
                weights = weights[tuple(values[p].long() for p in parents[i])]
            values.append(ppl.sample(f"z{i}", dist.Categorical(weights)))
            ppl.sample(f"x{i}", dist.Normal(means[i][values[i].long()], 1.0), obs=data[i])

    return model


@pytest.mark.parametrize("seed", range(12))
def test_random_network_sums_to_its_evidence(seed):
    model = random_net(seed)
    truth, _ = log_total(model)
    assert TraceEnum_ELBO().loss(model, empty_guide) == pytest.approx(-truth.item(), abs=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_random_network_marginals_and_maximum(seed):
    model = random_net(seed)
    _, found = log_total(model)
    weights = {key: log_joint.exp().item() for key, log_joint in found.items()}
    total = sum(weights.values())
    marginals = TraceEnum_ELBO().compute_marginals(model, empty_guide)
    for i in range(4):
        probs = marginals[f"z{i}"].probs
        for outcome in range(len(probs)):
            exact = sum(w for key, w in weights.items() if key[i] == outcome) / total
            assert probs[outcome].item() == pytest.approx(exact, abs=1e-10)
    best = max(weights, key=weights.__getitem__)
    chosen = handlers.trace(infer_discrete(model, temperature=0)).get_trace()
    assert tuple(int(chosen[f"z{i}"].value) for i in range(4)) == best


def hmm(data, transition, means):
    """A hidden Markov chain that starts in state 0."""
    state = torch.tensor(0)
    for t in ppl.markov(range(len(data))):
        state = ppl.sample(
            f"z{t}", dist.Categorical(transition[state]), infer={"enumerate": "parallel"}
        )
        ppl.sample(f"y{t}", dist.Normal(means[state], 1.0), obs=data[t])


def forward_algorithm(data, transition, means):
    alpha = None
    for y in data:
        emission = -0.5 * (y - means) ** 2 - 0.5 * math.log(2 * math.pi)
        prior = (
            transition[0].log()
            if alpha is None
            else torch.logsumexp(alpha[:, None] + transition.log(), 0)
        )
        alpha = prior + emission
    return torch.logsumexp(alpha, 0)


@pytest.mark.parametrize("length", [1, 3, 60])
def test_hidden_markov_chain_of_any_length_equals_the_forward_algorithm(length):
    data = torch.randn(length, generator=torch.Generator().manual_seed(length))
    transition = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    means = torch.tensor([-1.0, 0.0, 2.0])
    truth = forward_algorithm(data, transition, means)
    loss = TraceEnum_ELBO().loss(hmm, empty_guide, data, transition, means)
    assert loss == pytest.approx(-truth.item(), abs=1e-9)


def test_gradient_in_the_transition_equals_that_of_the_forward_algorithm():
    data = torch.tensor([0.3, -1.2, 2.0, 1.0])
    means = torch.tensor([-1.0, 1.0])
    logits = torch.tensor([[0.5, -0.2], [0.1, 0.4]], requires_grad=True)
    loss = TraceEnum_ELBO().differentiable_loss(hmm, empty_guide, data, logits.softmax(-1), means)
    (ours,) = torch.autograd.grad(loss, logits)
    (exact,) = torch.autograd.grad(-forward_algorithm(data, logits.softmax(-1), means), logits)
    assert torch.allclose(ours, exact, atol=1e-10)


def mixture(data):
    with ppl.plate("rows", len(data)):
        which = ppl.sample(
            "which",
            dist.Categorical(torch.tensor([0.2, 0.3, 0.5])),
            infer={"enumerate": "parallel"},
        )
        ppl.sample("x", dist.Normal(torch.tensor([-2.0, 0.0, 3.0])[which], 1.0), obs=data)


def log_mixture(data):
    log_prob = dist.Normal(torch.tensor([-2.0, 0.0, 3.0]), torch.ones(3)).log_prob(data[:, None])
    return torch.tensor([0.2, 0.3, 0.5]).log() + log_prob


def test_mixture_in_a_plate_equals_its_closed_form_and_its_rows_their_posteriors():
    data = torch.tensor([-2.5, 0.1, 1.4, 3.3, 8.0])
    joint = log_mixture(data)
    loss = TraceEnum_ELBO().loss(mixture, empty_guide, data)
    assert loss == pytest.approx(-torch.logsumexp(joint, -1).sum().item(), abs=1e-10)
    rows = TraceEnum_ELBO().compute_marginals(mixture, empty_guide, data)["which"].probs
    assert torch.allclose(rows, joint.softmax(-1), atol=1e-12)


def test_subsampled_plate_counts_for_the_whole():
    data = torch.tensor([-2.5, 0.1, 1.4, 3.3, 8.0])

    def model():
        with ppl.plate("rows", 5, subsample=[0, 3]) as index:
            which = ppl.sample(
                "which",
                dist.Categorical(torch.tensor([0.2, 0.3, 0.5])),
                infer={"enumerate": "parallel"},
            )
            mean = torch.tensor([-2.0, 0.0, 3.0])[which]
            ppl.sample("x", dist.Normal(mean, 1.0), obs=data[index])

    truth = 2.5 * torch.logsumexp(log_mixture(data[[0, 3]]), -1).sum()
    assert TraceEnum_ELBO().loss(model, empty_guide) == pytest.approx(-truth.item(), abs=1e-10)


def test_global_site_over_a_plate_of_local_sites_equals_brute_force():
    data = [0.4, -1.0, 2.2]

    @config_enumerate
    def model():
        regime = ppl.sample("regime", dist.Bernoulli(0.3))
        with ppl.plate("rows", 3):
            kind = ppl.sample("kind", dist.Bernoulli(0.2 + 0.6 * regime))
            ppl.sample("x", dist.Normal(2 * kind - regime, 1.0), obs=data)

    total = 0.0
    for regime in (0, 1):
        product = 0.3 if regime else 0.7
        for x in data:
            row = 0.0
            for kind in (0, 1):
                prob = 0.2 + 0.6 * regime
                density = math.exp(-0.5 * (x - 2 * kind + regime) ** 2) / math.sqrt(2 * math.pi)
                row += (prob if kind else 1 - prob) * density
            product *= row
        total += product
    loss = TraceEnum_ELBO().loss(model, empty_guide)
    assert loss == pytest.approx(-math.log(total), abs=1e-10)


def test_enumerated_guide_averages_exactly():
    data = torch.tensor([-2.5, 0.1, 1.4])
    q = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])

    @config_enumerate
    def guide(data):
        with ppl.plate("rows", 3):
            ppl.sample("which", dist.Categorical(q))

    exact = (q * (q.log() - log_mixture(data))).sum().item()
    assert TraceEnum_ELBO().loss(mixture, guide, data) == pytest.approx(exact, abs=1e-10)


def test_sequential_and_parallel_enumeration_agree_in_value_and_gradient():
    def model():
        first = ppl.sample("first", dist.Bernoulli(0.3))
        second = ppl.sample("second", dist.Bernoulli(0.2 + 0.5 * first))
        ppl.sample("x", dist.Normal(first + 2 * second, 1.0), obs=1.7)

    losses = []
    for way in ("parallel", "sequential"):
        with ppl.ParamStore() as store:

            def guide(way=way):
                p = ppl.param("p", 0.4, constraint=dist.constraints.unit_interval)
                first = ppl.sample("first", dist.Bernoulli(p), infer={"enumerate": way})
                odds = ppl.param("odds", [0.3, 0.8], constraint=dist.constraints.unit_interval)
                ppl.sample("second", dist.Bernoulli(odds[first.long()]), infer={"enumerate": way})

            loss = TraceEnum_ELBO().differentiable_loss(model, guide)
            leaves = [store.unconstrained(name) for name in ("p", "odds")]
            losses.append((loss, *torch.autograd.grad(loss, leaves)))
    for parallel, sequential in zip(*losses, strict=True):
        assert torch.allclose(parallel, sequential, atol=1e-10)


def test_sequential_outcomes_may_steer_the_program():
    def model():
        if ppl.sample("coin", dist.Bernoulli(0.3)) == 1:
            ppl.sample("x", dist.Normal(1.0, 1.0), obs=2.0)
        else:
            ppl.sample("x", dist.Normal(0.0, 2.0), obs=2.0)

    def guide():
        ppl.sample("coin", dist.Bernoulli(0.4), infer={"enumerate": "sequential"})

    def log_normal(x, mean, sd):
        return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))

    heads = math.log(0.4) - math.log(0.3) - log_normal(2.0, 1.0, 1.0)
    tails = math.log(0.6) - math.log(0.7) - log_normal(2.0, 0.0, 2.0)
    exact = 0.4 * heads + 0.6 * tails
    assert TraceEnum_ELBO().loss(model, guide) == pytest.approx(exact, abs=1e-10)


def test_posterior_draws_have_the_joint_frequencies():
    """4,000 seeded draws over 8 combinations; chi-square with 7 degrees, false alarms 1e-5."""
    data = torch.tensor([0.2, -0.8, 1.5])
    transition = torch.tensor([[0.7, 0.3], [0.2, 0.8]])
    means = torch.tensor([-1.0, 1.0])
    weights = {}
    for states in itertools.product([0, 1], repeat=3):
        log_joint, before = 0.0, 0
        for y, state in zip(data.tolist(), states, strict=True):
            log_joint += math.log(transition[before, state]) - 0.5 * (y - means[state].item()) ** 2
            before = state
        weights[states] = math.exp(log_joint)
    total = sum(weights.values())
    drawn = dict.fromkeys(weights, 0)

    def many():
        with ppl.plate("draws", 4000):
            hmm(data, transition, means)

    sites = handlers.trace(infer_discrete(many)).get_trace()
    for states in zip(*(sites[f"z{t}"].value.tolist() for t in range(3)), strict=True):
        drawn[states] += 1
    chi2 = sum(
        (drawn[key] - 4000 * w / total) ** 2 / (4000 * w / total) for key, w in weights.items()
    )
    assert chi2 < 37.7  # upper 3.5e-6 quantile of chi-square with 7 degrees


def test_latent_site_that_nobody_sums_or_draws_error():
    def model():
        ppl.sample("coin", dist.Bernoulli(0.3))

    with pytest.raises(GuideError, match="'coin'"):
        TraceEnum_ELBO().loss(model, empty_guide)


def test_sites_of_two_plates_that_meet_error():
    @config_enumerate
    def model():
        with ppl.plate("rows", 2, dim=-1):
            row = ppl.sample("row", dist.Bernoulli(0.5))
        with ppl.plate("columns", 3, dim=-2):
            column = ppl.sample("column", dist.Bernoulli(0.5))
            with ppl.plate("again", 2, dim=-1):
                ppl.sample("x", dist.Normal(row + column, 1.0), obs=torch.zeros(3, 2))

    with pytest.raises(ModelError):
        TraceEnum_ELBO().loss(model, empty_guide)


def test_infer_discrete_without_enumeration_error():
    with pytest.raises(ModelError, match="enumerate"):
        infer_discrete(lambda: ppl.sample("coin", dist.Bernoulli(0.3)))()
