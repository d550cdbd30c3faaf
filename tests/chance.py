"""Whether averages of draws agree with exact values, at a stated rate of false alarms.

Every statistical test of this suite goes through `assert_average`: its tolerance is the draws' own
standard error times the normal quantile that a correct program passes with probability
1 - `false_alarms` (1e-4 unless said otherwise, shared among the entries of an array). All tests are
seeded, so a test that has passed once keeps passing until the program changes.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import torch


def assert_average(draws, exact, false_alarms: float = 1e-4) -> None:
    """The mean over the first axis agrees with `exact`, entry by entry, within its own error."""
    draws = _array(draws)
    exact = np.broadcast_to(_array(exact), draws.shape[1:])
    quantile = NormalDist().inv_cdf(1.0 - false_alarms / max(exact.size, 1) / 2.0)
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    away = np.abs(draws.mean(axis=0) - exact)
    tolerance = quantile * error + 1e-6 * (1.0 + np.abs(exact))  # and float32 rounding
    assert (away <= tolerance).all(), (
        f"average {draws.mean(axis=0)} over {len(draws)} draws, exact {exact}: "
        f"{np.max(away / (error + 1e-12)):.1f} standard errors away"
    )


def _array(values) -> np.ndarray:
    if isinstance(values, Sequence) and len(values) and isinstance(values[0], torch.Tensor):
        values = torch.stack([value.detach() for value in values])
    if isinstance(values, torch.Tensor):
        values = values.detach().numpy()
    return np.asarray(values, dtype=float)
