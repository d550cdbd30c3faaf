"""Questions with an exact answer: one file a question, named for it; no widgets in here."""

from .amortizing import AMORTIZING
from .axis import Axis, Range, View
from .balancing import BALANCING
from .bending import BENDING
from .breaking import BREAKING
from .conditioning import CONDITIONING
from .control import Control, ControlError, Settings
from .decoding import DECODING
from .forward import FORWARD
from .looking import LOOKING
from .many import MANY
from .proposing import PROPOSING
from .question import NUM, Columns, Question
from .racing import RACING
from .sampling import SAMPLING
from .scenario import Controls, Exact, Gaussian, Program, Scenario
from .storing import STORING
from .training import NUM_STEPS, SEED, optimiser
from .using import USING
from .weighing import WEIGHING

SCENARIOS = {scenario.name: scenario for scenario in (WEIGHING,)}
"""Every scenario by name."""
QUESTIONS = {
    question.name: question
    for question in (
        FORWARD,
        CONDITIONING,
        LOOKING,
        PROPOSING,
        SAMPLING,
        BALANCING,
        BREAKING,
        BENDING,
        RACING,
        STORING,
        AMORTIZING,
        DECODING,
        USING,
        MANY,
    )
}
"""Every question that draws answer, by name."""

__all__ = [
    "AMORTIZING",
    "BALANCING",
    "BENDING",
    "BREAKING",
    "CONDITIONING",
    "DECODING",
    "FORWARD",
    "LOOKING",
    "MANY",
    "NUM",
    "NUM_STEPS",
    "PROPOSING",
    "QUESTIONS",
    "RACING",
    "SAMPLING",
    "SCENARIOS",
    "SEED",
    "STORING",
    "USING",
    "WEIGHING",
    "Axis",
    "Columns",
    "Control",
    "ControlError",
    "Controls",
    "Exact",
    "Gaussian",
    "Program",
    "Question",
    "Range",
    "Scenario",
    "Settings",
    "View",
    "optimiser",
]
