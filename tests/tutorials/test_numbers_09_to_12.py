"""What notebooks 09 to 12 print, by other routes."""

import math
import re
from statistics import NormalDist

import numpy as np
import pytest
import torch

import truth
from chance import assert_average
from notebooks import printed
from ppl_core.infer import SVI
from ppl_core.optim import SGD
from ppl_widgets.datasets import digits
from programs import conditioned_scale, learned_guide


def test_numbers_of_svi():
    said = printed("09_svi")
    assert f"half-life {truth.sgd_half_life(0.001):.0f} steps" in said
    ball = math.sqrt(0.001 / 0.9 / 2)
    assert f"noise ball: sd {ball:.4f}" in said
    [left] = re.findall(r"left after 225 steps ([\d.]+)", said)
    assert abs(float(left) - 0.5) < 4 * ball / 0.64 + 0.005
    [last, mean] = map(float, re.findall(r"a ([\d.]+)", said))
    assert abs(last - 9.14) < 4 * ball + 0.0005
    correlated = 2 * truth.sgd_half_life(0.001) / math.log(2)  # steps worth one independent draw
    assert abs(mean - 9.14) < 4 * ball * math.sqrt(correlated / 1000) + 0.0005
    for name, sd in (("weight", 0.6), ("next reading", math.hypot(0.6, 0.75)), ("mean", 0.75)):
        [share] = re.findall(name + r" (?:over 10|plugged in): ([\d.]+)", said)
        exact = 1 - NormalDist(9.14, sd).cdf(10)
        assert abs(float(share) - exact) < 4 * math.sqrt(exact / 400_000) + 0.0005


def average_of_last(steps, lr):
    """Sd of the mean of the last steps of a long run: an average over a chain of such a memory."""
    memory = truth.sgd_half_life(lr) / math.log(2)
    kept = memory / steps * (1 - math.exp(-steps / memory))
    return 0.6 / math.sqrt(steps) * math.sqrt(1 - kept)


@pytest.mark.parametrize(("lr", "claim"), [(0.001, 0.016), (0.01, 0.019)])
def test_an_average_of_1_000_steps_is_as_good_at_ten_times_the_rate(lr, claim):
    assert round(average_of_last(1000, lr), 3) == claim
    svi = SVI(conditioned_scale, learned_guide, SGD({"lr": lr, "momentum": 0.1}))
    runs = svi.run_many(3500, 8.5, seeds=range(400), every=1, progress_bar=False)
    means = runs.path["a"][:, -1000:].mean(1) - 9.14
    assert_average(means, 0.0)
    assert_average(means**2, average_of_last(1000, lr) ** 2)


def bent(weight):
    prior = truth.normal_log_density(weight, 8.5, 1.0)
    return prior + truth.normal_log_density(9.5, 8.5 + (weight - 8.5) ** 2, 0.25)


def test_numbers_of_no_formula():
    said = printed("10_no_formula")
    exact = truth.posterior_by_quadrature(bent, 4.0, 13.0)
    assert f"log evidence {exact.log_evidence:.3f}, mean {exact.mean:.2f}" in said
    assert f"sd {exact.sd:.3f}" in said
    peak = math.sqrt(1 - 0.25**2 / 2)  # where the slopes of prior and fit cancel
    assert f"peaks at {8.5 - peak:.2f} and {8.5 + peak:.2f}" in said
    found = re.findall(r"from [\d.]+: a ([\d.]+), b ([\d.]+), gap ([\d.]+)", said)
    for a, b, gap in (map(float, row) for row in found):
        loss, variance = truth.loss_moments_by_quadrature(a, b, bent)
        # a and b are printed to two decimals, at the bottom of a valley: gaps differ by 0.01
        error = 4 * math.sqrt(variance / 200_000) + 0.005 + 0.01
        assert gap == pytest.approx(loss + exact.log_evidence, abs=error)
        assert abs(abs(a - 8.5) - 0.958) < 0.05
    assert len(found) == 2
    assert np.sign(float(found[0][0]) - 8.5) == -np.sign(float(found[1][0]) - 8.5)


def test_numbers_of_many():
    said = printed("11_many")
    assert "rows seen 100, each counted 100 times" in said
    for name, count in (("seen", 100), ("owned", 10_000)):
        many = truth.weigh(noise_sd=0.75 / math.sqrt(count))  # as one reading of their average
        assert f"readings {name}: {many.sd:.4f}" in said
    # both weights and their reading, jointly normal: take the reading out of the covariance
    gain = 1 / (2 + 0.75**2)
    variance, covariance = 1 - gain, -gain
    correlation = covariance / variance
    assert f"exact: sd {math.sqrt(variance):.3f}, correlation {correlation:.2f}" in said
    gap = -0.5 * math.log(1 - correlation**2)
    assert f"mean field: sd {truth.weigh().sd:.3f}, gap {gap:.3f}" in said
    assert "N² loss: site 'measurement'" in said


def test_numbers_of_networks():
    said = printed("12_networks")
    slope, offset, sd = map(
        float, re.findall(r"slope ([\d.]+), offset ([\d.]+), sd ([\d.]+)", said)[0]
    )

    def cost(slope, offset, sd):
        def kl(readings):
            each = [truth.weigh(measurement=float(m)) for m in readings]
            pairs = zip(readings, each, strict=True)
            kls = [truth.kl_by_quadrature(slope * m + offset, sd, e.mean, e.sd) for m, e in pairs]
            return np.array(kls)

        return truth.normal_average(kl, 8.5, 1.25, nodes=20)

    assert cost(slope, offset, sd) < 0.02
    [new] = re.findall(r"reading of 10.2: mean ([\d.]+)", said)
    assert abs(float(new) - truth.weigh(measurement=10.2).mean) < 0.1
    assert f"constant guide: {cost(0.0, 8.5, 0.6):.3f} nats" in said
    assert f"trusting the scale: {cost(1.0, 0.0, 0.75):.3f} nats" in said
    assert "the exact line: 0.000 nats" in said


def test_numbers_of_the_autoencoders():
    """Evidence of the linear one at its best: as the log density of the best normal of its kind."""
    said = printed("12_networks")
    pixels = digits()[0][:512]
    pixels = pixels - pixels.mean(0)
    covariance = pixels.T @ pixels / 512
    values, vectors = np.linalg.eigh(covariance)
    noise = values[:-2].mean()
    weights = vectors[:, -2:] * np.sqrt(values[-2:] - noise)
    normal = torch.distributions.MultivariateNormal(
        torch.zeros(64, dtype=torch.double),
        torch.from_numpy(weights @ weights.T + noise * np.eye(64)),
    )
    best = normal.log_prob(torch.from_numpy(pixels)).mean().item()
    number = r"(-?[\d.]+)"
    elbo, estimate, gap = map(
        float,
        re.findall(f"linear : ELBO {number}, evidence {number}, gap {number}", said)[0],
    )
    [(known, top)] = re.findall(f"closed form: evidence {number}, at best {number}", said)
    assert float(top) == pytest.approx(best, abs=0.0006)
    assert best - 0.05 < float(known) <= float(top)
    assert estimate == pytest.approx(float(known), abs=0.01)
    assert gap == pytest.approx(float(known) - elbo, abs=0.01)
    assert 0.0 <= gap < 0.05
    elbo, estimate, gap = map(
        float,
        re.findall(f"network: ELBO {number}, evidence {number}, gap {number}", said)[0],
    )
    assert elbo > best + 2.0
    assert 0.2 < gap < 2.0
