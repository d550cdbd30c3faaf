"""How a guide is trained: the controls that panels with SVI share, and the optimiser they mean."""

from ppl_core.optim import SGD, Adam, ClippedAdam, Optimizer

from ..text import say
from .control import Control, spoken
from .scenario import Controls

SEED = Control("seed", say("label.seed"), 101, 0, 2**31 - 1, 1, "int")
"""Of the noise in a training."""

NUM_STEPS = "num_steps"
"""The control that says how many steps a press of Play grants."""

MOMENTUM = 0.1
"""Of SGD, as in the original tutorial."""

MODE = "mode"
LIVE, TRAINED = "live", "trained"
"""Two ways to answer a moved slider: let one run go on, or take a whole run at once."""

OPTIMISERS = {
    "SGD": lambda lr: SGD({"lr": lr, "momentum": MOMENTUM}),
    "Adam": lambda lr: Adam({"lr": lr}),
    "ClippedAdam": lambda lr: ClippedAdam({"lr": lr}),
}


def training_controls(lr: float = 0.001, num_steps: int = 2500) -> tuple[Control, ...]:
    """Learning rate, optimiser, particles and number of steps, all in the drawer.

    A rate that is far too large is allowed: a blow-up is a lesson.
    """
    return (
        spoken("lr", lr, 1e-5, 100.0, 0.25, "log", drawer=True),
        spoken("optimiser", "SGD", kind="choice", options=tuple(OPTIMISERS), drawer=True),
        spoken("particles", 1, 1, 100, 1, "int", drawer=True),
        spoken(NUM_STEPS, num_steps, 1, 100_000, 100, "int", drawer=True),
    )


def mode_control() -> Control:
    """Whether a reader watches one run learn, or sees the trained answer at every tick."""
    return spoken(MODE, LIVE, kind="choice", options=(LIVE, TRAINED))


def optimiser(controls: Controls) -> Optimizer:
    """The optimiser that `optimiser` and `lr` ask for."""
    return OPTIMISERS[controls["optimiser"]](controls["lr"])


def optimiser_code(controls: Controls) -> str:
    """The same as an expression in the names of `ppl_core.optim`."""
    momentum = f', "momentum": {MOMENTUM}' if controls["optimiser"] == "SGD" else ""
    return f'{controls["optimiser"]}({{"lr": {controls["lr"]!r}{momentum}}})'


def loss_code(controls: Controls) -> str:
    """The loss that `particles` asks for, as an expression in the names of `ppl_core.infer`."""
    particles = controls["particles"]
    many = f"num_particles={particles}, vectorize_particles=True" if particles > 1 else ""
    return f"Trace_ELBO({many})"
