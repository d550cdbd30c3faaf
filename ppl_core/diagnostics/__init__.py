"""How good draws are, and what they say in few numbers: pure functions of tensors.

chains     R-hat, effective sample size and standard errors of Markov chains; BFMI
summary    a table of what draws say about each site
gaussian   KL between a learned Gaussian and draws
weights    effective size of weighted draws; Pareto smoothing, and the k of their tail
intervals  hpdi, quantile dots, resampling
"""

from .chains import (
    bfmi,
    effective_sample_size,
    ess_bulk,
    ess_quantile,
    ess_tail,
    gelman_rubin,
    mcse_mean,
    mcse_quantile,
    mcse_sd,
    r_hat,
    split_gelman_rubin,
)
from .gaussian import Moments, gaussian_kl, gaussian_moments, kl_to_draws, moments
from .intervals import hpdi, quantile_dots, resample
from .summary import Summary, print_summary, summary
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
    "Moments",
    "ParetoFit",
    "Smoothed",
    "Summary",
    "bfmi",
    "effective_sample_size",
    "ess_bulk",
    "ess_quantile",
    "ess_tail",
    "fit_pareto",
    "gaussian_kl",
    "gaussian_moments",
    "gelman_rubin",
    "hpdi",
    "kl_to_draws",
    "mcse_mean",
    "mcse_quantile",
    "mcse_sd",
    "moments",
    "normalized_log_weights",
    "pareto_k",
    "pareto_threshold",
    "pareto_verdict",
    "print_summary",
    "psis",
    "quantile_dots",
    "r_hat",
    "resample",
    "split_gelman_rubin",
    "summary",
    "weight_ess",
]
