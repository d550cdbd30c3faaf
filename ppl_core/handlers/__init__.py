"""Other meanings for a program: trace it, condition it, intervene on it, replay it.

Each handler is one small class on `effects.Handler`, so each can be a wrapper, a decorator or a
context manager, and any two nest. Names and arguments are Pyro's.

    record   trace, and the Trace it returns
    given    condition, do, uncondition, substitute, replay
    scope    block, scale, mask
    ways     seed, lift, infer_config, broadcast
    search   escape, queue
    rewrite  reparam
"""

from ..plates import markov
from .given import condition, do, replay, substitute, uncondition
from .record import Trace, Traced, is_latent, log_prob_of, trace
from .rewrite import Reparam, reparam
from .scope import block, mask, scale
from .search import NonlocalExit, escape, queue
from .ways import broadcast, infer_config, lift, seed

__all__ = [
    "NonlocalExit",
    "Reparam",
    "Trace",
    "Traced",
    "block",
    "broadcast",
    "condition",
    "do",
    "escape",
    "infer_config",
    "is_latent",
    "lift",
    "log_prob_of",
    "markov",
    "mask",
    "queue",
    "reparam",
    "replay",
    "scale",
    "seed",
    "substitute",
    "trace",
    "uncondition",
]
