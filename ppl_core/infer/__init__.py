"""Inference algorithms, each on the same programs."""

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

__all__ = [
    "ELBO",
    "IWAE",
    "SVI",
    "ELBOModule",
    "RenyiELBO",
    "SVIInfo",
    "SVIState",
    "TraceEnum_ELBO",
    "TraceGraph_ELBO",
    "TraceMeanField_ELBO",
    "Trace_ELBO",
    "config_enumerate",
    "infer_discrete",
]
