"""Questions with an exact answer: one file a question, named for it; no widgets in here."""

from .axis import Axis, Range, View
from .control import Control, ControlError, Settings
from .scenario import Controls, Exact, Gaussian, Program, Scenario
from .training import SEED, optimiser
from .weighing import WEIGHING

SCENARIOS = {scenario.name: scenario for scenario in (WEIGHING,)}
"""Every scenario by name."""

__all__ = [
    "SCENARIOS",
    "SEED",
    "WEIGHING",
    "Axis",
    "Control",
    "ControlError",
    "Controls",
    "Exact",
    "Gaussian",
    "Program",
    "Range",
    "Scenario",
    "Settings",
    "View",
    "optimiser",
]
