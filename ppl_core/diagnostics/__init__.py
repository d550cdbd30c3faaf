"""How good draws are, and what they say in few numbers: pure functions of tensors.

weights    effective size of weighted draws; Pareto smoothing, and the k of their tail
intervals  hpdi, quantile dots, resampling
"""

from .intervals import hpdi, quantile_dots, resample
from .weights import (
    ParetoFit,
    Smoothed,
    fit_pareto,
    normalized_log_weights,
    pareto_k,
    pareto_threshold,
    pareto_verdict,
    psis,
    weight_ess,
)

__all__ = [
    "ParetoFit",
    "Smoothed",
    "fit_pareto",
    "hpdi",
    "normalized_log_weights",
    "pareto_k",
    "pareto_threshold",
    "pareto_verdict",
    "psis",
    "quantile_dots",
    "resample",
    "weight_ess",
]
