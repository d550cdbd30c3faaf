"""Inference algorithms, each on the same programs.

Each stands on what is above it, and none of the chapters on another:

    elbo           losses; svi trains a guide by them, training compiles that, many trains many
    enumeration    exact sums over discrete sites; infer_discrete
    autoguide      guides made from the model
    reparam        the same posterior in easier coordinates
    rows, draws, proposals, weighted, reruns
                   many runs of a program at once, and draws that carry weights
    importance, rejection, csis
                   a guide as a proposal, and how to train one
    predictive, likelihood, information, exchange
                   what a model says next; how well it said it; on to ArviZ
    smc            particles through time, and through temperatures
    target, starts, rides, adaptation, machine, ground, spans
                   a program as a potential energy, and how to move on it
    metropolis, hmc, nuts, gibbs, mcmc, processes, threads, posterior
                   chains
    references     the best truth there is for a model, said as what it is
    calibration    whether an algorithm samples the posteriors that it claims to
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .autoguide import (
    AutoCallable,
    AutoContinuous,
    AutoDelta,
    AutoDiagonalNormal,
    AutoDiscreteParallel,
    AutoGuide,
    AutoGuideList,
    AutoIAFNormal,
    AutoLaplaceApproximation,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
    init_to_feasible,
    init_to_generated,
    init_to_mean,
    init_to_median,
    init_to_sample,
    init_to_uniform,
    init_to_value,
)
from .discrete import infer_discrete
from .elbo import (
    ELBO,
    IWAE,
    ELBOModule,
    RenyiELBO,
    Trace_ELBO,
    TraceEnum_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
)
from .enumeration import config_enumerate
from .svi import SVI, SVIInfo, SVIState

if TYPE_CHECKING:  # loaded when they are first asked for: most programs use one of them, or none
    from .calibration import SBCResult, sbc
    from .csis import CSIS
    from .exchange import to_arviz
    from .gibbs import DiscreteGibbs, GibbsInfo
    from .hmc import HMC, HMCInfo, HMCState
    from .importance import Importance, ImportanceInfo, ImportanceState
    from .information import PredictiveScore, loo, waic
    from .likelihood import log_likelihood
    from .many import SVIRuns, each
    from .mcmc import MCMC
    from .metropolis import IndependentMH, MetropolisInfo, RandomWalkKernel
    from .nuts import NUTS, NUTSInfo
    from .posterior import Drawn, Posterior
    from .predictive import Predictive
    from .references import Marginal, Reference, reference
    from .rejection import Rejection, RejectionInfo, RejectionState
    from .smc import SMCFilter, TemperedSMC
    from .weighted import EmpiricalMarginal, WeightedPosterior

_LATER = {
    "calibration": "SBCResult sbc",
    "csis": "CSIS",
    "exchange": "to_arviz",
    "gibbs": "DiscreteGibbs GibbsInfo",
    "hmc": "HMC HMCInfo HMCState",
    "importance": "Importance ImportanceInfo ImportanceState",
    "information": "PredictiveScore loo waic",
    "likelihood": "log_likelihood",
    "many": "SVIRuns each",
    "mcmc": "MCMC",
    "metropolis": "IndependentMH MetropolisInfo RandomWalkKernel",
    "nuts": "NUTS NUTSInfo",
    "posterior": "Drawn Posterior",
    "predictive": "Predictive",
    "references": "Marginal Reference reference",
    "rejection": "Rejection RejectionInfo RejectionState",
    "smc": "SMCFilter TemperedSMC",
    "weighted": "EmpiricalMarginal WeightedPosterior",
}


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names.split():
            found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "CSIS",
    "ELBO",
    "HMC",
    "IWAE",
    "MCMC",
    "NUTS",
    "SVI",
    "AutoCallable",
    "AutoContinuous",
    "AutoDelta",
    "AutoDiagonalNormal",
    "AutoDiscreteParallel",
    "AutoGuide",
    "AutoGuideList",
    "AutoIAFNormal",
    "AutoLaplaceApproximation",
    "AutoLowRankMultivariateNormal",
    "AutoMultivariateNormal",
    "AutoNormal",
    "DiscreteGibbs",
    "Drawn",
    "ELBOModule",
    "EmpiricalMarginal",
    "GibbsInfo",
    "HMCInfo",
    "HMCState",
    "Importance",
    "ImportanceInfo",
    "ImportanceState",
    "IndependentMH",
    "Marginal",
    "MetropolisInfo",
    "NUTSInfo",
    "Posterior",
    "Predictive",
    "PredictiveScore",
    "RandomWalkKernel",
    "Reference",
    "Rejection",
    "RejectionInfo",
    "RejectionState",
    "RenyiELBO",
    "SBCResult",
    "SMCFilter",
    "SVIInfo",
    "SVIRuns",
    "SVIState",
    "TemperedSMC",
    "TraceEnum_ELBO",
    "TraceGraph_ELBO",
    "TraceMeanField_ELBO",
    "Trace_ELBO",
    "WeightedPosterior",
    "config_enumerate",
    "each",
    "infer_discrete",
    "init_to_feasible",
    "init_to_generated",
    "init_to_mean",
    "init_to_median",
    "init_to_sample",
    "init_to_uniform",
    "init_to_value",
    "log_likelihood",
    "loo",
    "reference",
    "sbc",
    "to_arviz",
    "waic",
]
