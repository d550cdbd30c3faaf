"""What notebooks 06 to 08 print, by other routes."""

import math
import re

import pytest

import truth
from notebooks import printed

FLOOR = -truth.weigh().log_evidence


def test_numbers_of_the_contract():
    said = printed("06_contract")
    entropy = -truth.normal_average(lambda x: truth.normal_log_density(x, 0, 0.75), 0, 0.75)
    assert f"entropy of the noise {entropy:.3f}, floor {FLOOR:.3f}" in said
    assert f"difference {FLOOR - entropy:.3f}" in said
    assert "healthy -> The guide fits its model." in said
    assert said.count("Did you mean 'weight'?") == 2


def test_numbers_of_parameters_and_state():
    said = printed("07_parameters_and_state")
    assert "first call 8.5, second call 8.5" in said
    assert f"stored {math.log(0.6):.4f}, seen 0.6000" in said
    assert f"giant step down: {0.6 * math.exp(-5):.4f}" in said
    begins = dict(re.findall(r"(\w+) run: after one step (a [\d.]+, b [\d.]+)", said))
    fresh, learned = "a 8.5, b 1.0", "a 9.1, b 0.6"
    assert begins == {"first": fresh, "second": learned, "third": fresh, "fourth": fresh}
    assert "learned: ['b']" in said


def test_numbers_of_the_elbo():
    said = printed("08_elbo")
    assert f"log evidence {-FLOOR:.3f}, floor of the loss {FLOOR:.3f}" in said
    rows = re.findall(r"^ *([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$", said, re.M)
    for a, b, loss, gap, sd in (map(float, row) for row in rows):
        mean, variance = truth.loss_moments_by_quadrature(a, b, truth.scale_log_joint)
        error = 4 * math.sqrt(max(variance, 0.0) / 100_000) + 0.0006
        assert loss == pytest.approx(mean, abs=error)
        assert gap == pytest.approx(mean - FLOOR, abs=error)
        assert sd == pytest.approx(math.sqrt(max(variance, 0.0)), abs=0.05)
    assert len(rows) == 3
    fit = truth.normal_average(lambda w: truth.normal_log_density(9.5, w, 0.75), 9.0, 0.8)
    elbo = -truth.expected_loss(9.0, 0.8)
    assert f"fit {fit:.3f}, cost {fit - elbo:.3f}, ELBO {elbo:.3f}, gap {-FLOOR - elbo:.3f}" in said
