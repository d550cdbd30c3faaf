"""Inference algorithms, each on the same programs."""

from .elbo import (
    ELBO,
    IWAE,
    ELBOModule,
    RenyiELBO,
    Trace_ELBO,
    TraceGraph_ELBO,
    TraceMeanField_ELBO,
)
from .svi import SVI, SVIInfo, SVIState

__all__ = [
    "ELBO",
    "IWAE",
    "SVI",
    "ELBOModule",
    "RenyiELBO",
    "SVIInfo",
    "SVIState",
    "TraceGraph_ELBO",
    "TraceMeanField_ELBO",
    "Trace_ELBO",
]
