"""Questions with an exact answer: one file a question, named for it; no widgets in here."""

from .axis import Axis, Range
from .control import Control, ControlError
from .scenario import Controls, Exact, Gaussian, Scenario
from .training import optimiser
from .weighing import WEIGHING

SCENARIOS = {scenario.name: scenario for scenario in (WEIGHING,)}
"""Every scenario by name."""

__all__ = [
    "SCENARIOS",
    "WEIGHING",
    "Axis",
    "Control",
    "ControlError",
    "Controls",
    "Exact",
    "Gaussian",
    "Range",
    "Scenario",
    "optimiser",
]
