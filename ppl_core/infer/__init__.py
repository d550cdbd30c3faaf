"""Inference algorithms, each on the same programs."""

from .elbo import ELBO, Trace_ELBO
from .svi import SVI, SVIInfo, SVIState

__all__ = ["ELBO", "SVI", "SVIInfo", "SVIState", "Trace_ELBO"]
