"""Sequential Monte Carlo: clouds of particles that are drawn, weighed and resampled."""

from .filter import SMCFilter, SMCInfo, SMCState, genealogy
from .resampling import multinomial, residual, stratified, systematic
from .tempered import TemperedInfo, TemperedResult, TemperedSMC, TemperedState

__all__ = [
    "SMCFilter",
    "SMCInfo",
    "SMCState",
    "TemperedInfo",
    "TemperedResult",
    "TemperedSMC",
    "TemperedState",
    "genealogy",
    "multinomial",
    "residual",
    "stratified",
    "systematic",
]
