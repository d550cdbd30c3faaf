"""A compact probabilistic programming language on PyTorch.

The import order is the reading order:

    errors, values   what can go wrong; what a program may be given
    effects          Site, Handler: how a statement gets its meaning     <- start reading here
    storage          trees of tensors in a file that cannot run code
    distributions    torch's distributions, and what a program adds to them
    params           learnable values by name, under constraints
    primitives       sample, param, deterministic, factor
    plates           plate, subsample, markov: repetition
    handlers         trace, replay, condition, do, substitute, block, scale, mask, seed, ...
    density          a program as a function
    optim            update rules as pure functions
    runs             the step protocol, and runs that own their randomness
    inspect          what a program did; whether a guide fits its model; what depends on what
    nn               networks whose attributes are statements
    diagnostics      how good draws are, and what they say in few numbers
    compiled         a step recorded once, that runs by itself (imported when it is used)
    infer            the algorithms, on the same programs and guides (see there)
"""

from . import distributions, handlers, infer, inspect, nn, optim
from . import handlers as poutine
from .density import log_density, potential
from .effects import Handler, Site
from .errors import GuideError, InferenceError, ModelError, ParamError, PPLError, ShapeError
from .handlers import Trace, condition, do
from .inspect import render_model
from .nn import module
from .params import ParamStore, clear_param_store, get_param_store
from .plates import markov, plate, plate_stack, subsample
from .primitives import deterministic, factor, param, sample
from .runs import InferenceRun, Snapshot, set_rng_seed
from .values import enable_validation, validation_enabled

__version__ = "0.1.0"

__all__ = [
    "GuideError",
    "Handler",
    "InferenceError",
    "InferenceRun",
    "ModelError",
    "PPLError",
    "ParamError",
    "ParamStore",
    "ShapeError",
    "Site",
    "Snapshot",
    "Trace",
    "clear_param_store",
    "condition",
    "deterministic",
    "distributions",
    "do",
    "enable_validation",
    "factor",
    "get_param_store",
    "handlers",
    "infer",
    "inspect",
    "log_density",
    "markov",
    "module",
    "nn",
    "optim",
    "param",
    "plate",
    "plate_stack",
    "potential",
    "poutine",
    "render_model",
    "sample",
    "set_rng_seed",
    "subsample",
    "validation_enabled",
]
