"""What notebook 14 prints, by other routes."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch

import ppl_core
import truth
from notebooks import HERE, printed

READINGS = (9.5, 9.1, 9.9, 9.3, 9.6, 9.2)


def said() -> str:
    return printed("14_inside")


def numbers(pattern: str) -> tuple[float, ...]:
    [found] = re.findall(pattern, said())
    return tuple(map(float, found if isinstance(found, tuple) else (found,)))


def noise(count: int) -> np.ndarray:
    torch.manual_seed(101)
    return np.array([torch.randn(()).item() for _ in range(count)])


def test_every_order_of_handlers_hears_the_same():
    weight = 8.5 + noise(1)[0]
    told = f"{{'weight': {weight:.4f}, 'measurement': 9.5}}"
    for who in ("note around glue", "glue around note", "the core heard"):
        assert f"{who}: {told}" in said()
    assert f"noise {weight - 8.5:.4f}, by hand {weight:.4f}, the core {weight:.4f}" in said()
    assert "back with ['noise', 'value'] too" in said()


def test_a_leaf_is_the_logarithm_of_what_is_seen():
    for who in ("mine", "core"):
        leaf, seen, slope = numbers(
            who + r": leaf ([-\d.]+), seen ([\d.]+), d seen / d leaf ([\d.]+)"
        )
        assert leaf == pytest.approx(math.log(0.6), abs=6e-5)
        assert (seen, slope) == (0.6, 0.6)


def test_rows_count_for_the_whole_plate():
    first, second, scale = numbers(r"rows \[(\d), (\d)\], scale ([\d.]+)")
    exact = 3 * sum(truth.normal_log_density(READINGS[int(i)], 9.0, 0.75) for i in (first, second))
    assert (scale, first != second) == (3.0, True)
    by_hand, core = numbers(r"3.0\nlog density ([-\d.]+) by hand, ([-\d.]+) by the core")
    assert by_hand == core == pytest.approx(exact, abs=6e-5)


def test_log_densities_are_those_of_two_normals():
    weight = 8.5 + noise(1)[0]
    for site, value, seen, exact in (
        ("weight", weight, False, truth.normal_log_density(weight, 8.5, 1.0)),
        ("measurement", 9.5, True, truth.normal_log_density(9.5, weight, 0.75)),
    ):
        assert f"{site}: {value:.4f}, observed {seen}, log probability {exact:.4f}" in said()
    exact = truth.scale_log_joint(9.0)
    assert f"at weight 9: {exact:.4f} by hand, {exact:.4f} by the core" in said()
    assert "Did you mean 'measurement'?" in said()


def test_three_hundred_steps_end_where_slopes_by_hand_lead():
    a, u = 8.5, 0.0
    for z in noise(300):
        b = math.exp(u)
        weight = a + b * z
        slope = (weight - 8.5) + (weight - 9.5) / 0.75**2  # of minus log p in the weight
        loss = truth.normal_log_density(weight, a, b) - truth.scale_log_joint(weight)
        a, u = a - 0.01 * slope, u - 0.01 * (slope * z * b - 1.0)
    shown = numbers(r"after 300 steps a ([\d.]+), b ([\d.]+), last loss ([\d.]+)")
    assert shown == pytest.approx((a, math.exp(u), loss), abs=1e-3)


def test_runs_and_recordings_agree_with_single_steps():
    assert "50 losses equal; back to step 20, and 30 are taken again, equal" in said()
    assert "1,000 numbers drawn ahead and one by one: equal bit by bit" in said()
    for name in ("walked", "compiled"):
        assert numbers(name + r": 300 losses, at most (\S+) from")[0] < 1e-4
    backend, error = re.findall(
        r"run as (\w+); largest relative error in its trial: (\S+)", said()
    )[0]
    assert backend in {"c", "floats"}
    assert float(error) < 1e-4


def test_the_op_list_is_whole():
    lines = re.findall(r"^v(\d+) = \w+\((.*)\) : float32", said(), re.M)
    assert numbers(r"(\d+) operations a step") == (len(lines),)
    assert len(lines) > 20
    for (before, _), (number, args) in pairwise(lines):
        assert int(number) == int(before) + 1
        assert all(int(used) < int(number) for used in re.findall(r"[sdnv](\d+)", args))


def test_the_sources_shown_are_in_the_files_and_lines_that_are_named():
    shown = re.findall(r"^# (ppl_core/\S+\.py), line (\d+)\n(.*)", said(), re.M)
    assert len(shown) > 12
    for file, number, first in shown:
        lines = (HERE / file).read_text(encoding="utf-8").splitlines()
        assert lines[int(number) - 1].strip() == first


def test_the_map_is_checked_file_by_file():
    files, links, below = map(
        int, re.findall(r"(\d+) files, (\d+) imports, (\d+) from below", said())[0]
    )
    root = HERE / "ppl_core"
    paths = [path for path in root.rglob("*.py") if path != root / "__init__.py"]
    statements = sum(
        len(re.findall(r"^from \.", path.read_text(encoding="utf-8"), re.M)) for path in paths
    )
    assert (files, below) == (len(paths), 0)
    assert links >= statements
    assert ppl_core.__doc__ is not None
    assert ppl_core.__doc__ in said()
