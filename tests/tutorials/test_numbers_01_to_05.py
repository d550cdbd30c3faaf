"""What notebooks 01 to 05 print, by other routes."""

import math
import re

import numpy as np
import pytest

import truth
from notebooks import printed


def given(site: int, value: float) -> list[tuple[float, float]]:
    """Draught, weight and reading once one of them is seen: means and sds from their covariance."""
    effect = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 1.0, 0.75]])  # of the three noises
    mean, cov = np.array([0.0, 8.5, 8.5]), effect @ effect.T
    gain = cov[:, site] / cov[site, site]
    means = mean + gain * (value - mean[site])
    variances = np.diag(cov) - gain * cov[site]
    return [(m, math.sqrt(max(v, 0.0))) for m, v in zip(means, variances, strict=True)]


def test_numbers_of_programs_that_sample():
    said = printed("01_programs_that_sample")
    spread = math.hypot(1, 0.75)
    sds = [float(number) for number in re.findall(r"sd (?:of the difference )?([\d.]+)", said)]
    for found, exact, runs in zip(
        sds, (spread, spread, 0.75 * math.sqrt(2)), (2_000, 100_000, 100_000), strict=True
    ):
        assert abs(found - exact) < 4 * exact / math.sqrt(2 * runs) + 0.005  # and two decimals


def test_numbers_of_conditioning():
    said = printed("02_conditioning")
    assert f"closed form mean {truth.weigh().mean:.2f}, sd {truth.weigh().sd:.2f}" in said
    trust = 1 + 2 / 0.75**2
    mean = (8.5 + (9.5 + 9.1) / 0.75**2) / trust
    assert f"mean {mean:.3f}, sd {trust**-0.5:.3f}" in said
    shares = re.findall(r"window ([\d.]+): kept +([\d.]+)%, mean ([\d.]+)", said)
    for window, share, mean in shares:
        exact_share, exact_mean = within(float(window))
        error = 4 * math.sqrt(exact_share * (1 - exact_share) / 400_000)
        assert abs(float(share) / 100 - exact_share) < error + 5e-4
        assert abs(float(mean) - exact_mean) < 4 / math.sqrt(400_000 * exact_share) + 5e-3
    assert len(shares) == 4


def within(window: float) -> tuple[float, float]:
    """Share of the runs whose reading is so near to 9.5, and the mean of their weights."""
    reading = np.linspace(9.5 - window, 9.5 + window, 4001)
    density = np.exp(truth.normal_log_density(reading, 8.5, math.hypot(1, 0.75)))
    step = reading[1] - reading[0]
    share = float(density.sum() * step)
    return share, float((density * (0.36 * 8.5 + 0.64 * reading)).sum() * step) / share


def test_numbers_of_look_or_touch():
    said = printed("03_look_or_touch")
    mean, sd = given(1, 10.0)[2]
    assert f"look : next reading {mean:.2f}, give or take {sd:.2f}" in said
    assert f"touch: next reading 10.00, give or take {math.hypot(1, 0.75):.2f}" in said
    mean, sd = given(2, 9.5)[1]
    assert f"look : weight {mean:.2f}, give or take {sd:.2f}" in said
    assert f"touch: weight 8.50, give or take {math.sqrt(2):.2f}" in said


def test_numbers_of_one_guide():
    said = printed("05_one_guide")
    evidence = math.exp(truth.weigh().log_evidence)
    assert f"closed form: mean {truth.weigh().mean:.2f}, evidence {evidence:.4f}" in said
    assert abs(float(re.findall(r"ESS (\d+)%", said)[0]) / 100 - truth.ess_share(9.0, 0.8)) < 0.02
    for found in re.findall(r"(?:importance|rejection|chain|NUTS): mean ([\d.]+)", said):
        assert abs(float(found) - truth.weigh().mean) < 0.12  # 4 errors of the least sure, NUTS


def test_numbers_of_the_perfect_guide():
    said = printed("04_perfect_guide")
    exact = truth.weigh()
    for who in ("guide", "reference"):
        assert f"the {who}: mean {exact.mean:.2f}, sd {exact.sd:.2f}" in said
    rows = re.findall(r"^ +([\d.]+) +(-[\d.]+) +(-[\d.]+)$", said, re.M)
    for weight, perfect, other in (map(float, row) for row in rows):
        joint = truth.scale_log_joint(weight)
        assert perfect == pytest.approx(exact.log_evidence, abs=2e-4)
        assert other == pytest.approx(joint - truth.normal_log_density(weight, 9.0, 0.8), abs=2e-4)
    assert len(rows) == 3
    assert f"perfect : evidence {math.exp(exact.log_evidence):.4f}, ESS 100.0%" in said
    [share] = re.findall(r"other   : evidence [\d.]+, ESS ([\d.]+)%", said)
    assert abs(float(share) / 100 - truth.ess_share(9.0, 0.8)) < 0.05
