"""What notebook 13 prints, by other routes."""

import math
import re

import truth
from notebooks import printed


def test_numbers_for_those_who_know_pyro():
    said = printed("13_from_pyro")
    for name, noise in (("conditioned_scale", 0.75), ("scale_obs", 1.0)):
        exact = truth.weigh(noise_sd=noise)
        assert f"{name}: N({exact.mean:.2f}, {exact.sd:.3f})" in said
    ball = math.sqrt(0.001 / 0.9 / 2)
    (last_a, last_b), (mean_a, mean_b) = (
        map(float, found) for found in re.findall(r"a = ([\d.]+), b = ([\d.]+)", said)
    )
    assert abs(last_a - 9.14) < 4 * ball
    assert abs(last_b - 0.6) < 4 * ball
    floor = -truth.weigh().log_evidence
    assert truth.expected_loss(mean_a, mean_b) - floor < 0.02
    assert "Did you mean 'measurement'?" in said
