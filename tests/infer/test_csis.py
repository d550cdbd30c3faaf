"""CSIS: a guide trained on the joint approaches the posterior for every reading."""

import math

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
import truth
from ppl_core.errors import GuideError, InferenceError, ModelError
from ppl_core.infer import CSIS
from ppl_core.optim import SGD, Adam
from ppl_core.runs import InferenceRun

EXACT = truth.weigh()
ENTROPY = 0.5 * math.log(2 * math.pi * math.e * EXACT.sd**2)  # the smallest possible loss
BLANK = {"measurement": 0.0}


def model(guess, observations=BLANK):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=observations["measurement"])


def guide(guess, observations=BLANK):
    slope, offset = ppl.param("slope", 0.2), ppl.param("offset", 0.0)
    b = ppl.param("b", 1.0, constraint=dist.constraints.positive)
    loc = guess + offset + slope * (observations["measurement"] - guess)
    return ppl.sample("weight", dist.Normal(loc, b))


def perfect(guess, observations=BLANK):
    loc = truth.weigh(0.0, 0.0).mean + 0.36 * guess + 0.64 * observations["measurement"]
    return ppl.sample("weight", dist.Normal(loc, 0.6))


def branching(guess, observations=BLANK):
    bias = 0.0 if observations["measurement"] > 0 else 1.0
    return ppl.sample("weight", dist.Normal(guess + bias, ppl.param("b", torch.tensor(1.0))))


def test_training_finds_the_posterior_of_every_reading():
    csis = CSIS(
        model, guide, Adam({"lr": 0.05}), num_inference_samples=2000, training_batch_size=200
    )
    for _ in range(400):
        csis.step(8.5)
    found = csis.training.params(csis.training.state)
    # Adam's last steps wander by about lr / sqrt(batch) per parameter
    assert found["slope"].item() == pytest.approx(0.64, abs=0.05)
    assert found["offset"].item() == pytest.approx(0.0, abs=0.05)
    assert found["b"].item() == pytest.approx(EXACT.sd, abs=0.05)
    for reading in (7.0, 9.5, 11.0):
        posterior = csis.run(8.5, observations={"measurement": reading})
        exact = truth.weigh(8.5, reading)
        assert posterior.get_ESS() > 0.95 * 2000
        assert posterior.get_log_normalizer().item() == pytest.approx(exact.log_evidence, abs=0.02)
        assert posterior.mean("weight").item() == pytest.approx(exact.mean, abs=0.06)


def test_loss_of_the_perfect_guide_is_the_entropy_of_the_posterior():
    for vectorize in (True, False):
        csis = CSIS(
            model, perfect, SGD({"lr": 0.1}), validation_batch_size=400, vectorize=vectorize
        )
        # one draw of the loss is (z**2 - 1) / 2 away: sd 1 / sqrt(2)
        assert csis.validation_loss(8.5) == pytest.approx(ENTROPY, abs=4 * math.sqrt(0.5 / 400))
        assert csis.validation_loss(8.5) == csis.validation_loss(8.5)


def test_guides_that_branch_on_readings_are_trained_one_at_a_time():
    csis = CSIS(model, branching, Adam({"lr": 0.1}), training_batch_size=5)
    assert math.isfinite(csis.step(8.5))
    assert csis._dim == (None,)
    insisting = CSIS(model, branching, Adam({"lr": 0.1}), vectorize=True)
    with pytest.raises(ModelError, match="cannot be run in rows"):
        insisting.step(8.5)


def test_training_is_a_kernel_that_can_be_rewound():
    csis = CSIS(model, guide, Adam({"lr": 0.05}), training_batch_size=20)
    run = InferenceRun(csis.training, 8.5, seed=101, keep_every=1)
    run.advance(6)
    loss = run.snapshot.info.loss
    run.rewind(3)
    run.advance(3)
    assert run.snapshot.info.loss == loss


def test_plates_of_readings_and_networks_of_rows():
    net = torch.nn.Linear(3, 1)

    blank = {"y": torch.zeros(3)}

    def readings(observations=blank):
        weight = ppl.sample("weight", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 3):
            ppl.sample("y", dist.Normal(weight, 1.0), obs=observations["y"])

    def network(observations=blank):
        ppl.module("net", net)
        loc = net(observations["y"])
        ppl.sample("weight", dist.Normal(loc.squeeze(-1), 0.5))

    csis = CSIS(readings, network, Adam({"lr": 0.05}), 1000, training_batch_size=10)
    for _ in range(250):
        csis.step()
    posterior = csis.run(observations={"y": torch.tensor([1.0, 2.0, 0.0])})
    assert posterior.mean("weight").item() == pytest.approx(3 / 4, abs=0.1)
    assert posterior.get_ESS() > 800


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ((model, lambda guess: None), r"the guide takes \(guess\)"),
        ((lambda guess: None, guide), r"the model takes \(guess\)"),
    ],
)
def test_programs_without_observations_are_an_error(pair, said):
    with pytest.raises(GuideError, match=said):
        CSIS(*pair, Adam({"lr": 0.1}))


def test_other_mistakes_are_named():
    with pytest.raises(GuideError, match="draws 'weight'"):
        CSIS(model, lambda guess, observations=BLANK: None, Adam({"lr": 0.1})).step(8.5)
    with pytest.raises(ValueError, match="training_batch_size"):
        CSIS(model, guide, Adam({"lr": 0.1}), training_batch_size=0)

    def blind(guess, observations=BLANK):
        return ppl.sample("weight", dist.Normal(guess, 1.0))

    with pytest.raises(ModelError, match="observes nothing"):
        CSIS(blind, guide, Adam({"lr": 0.1})).step(8.5)
    with pytest.raises(InferenceError, match="nothing is drawn yet"):
        CSIS(model, guide, Adam({"lr": 0.1})).get_ESS()
