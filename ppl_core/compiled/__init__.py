"""The fast path: record a step once, and take thousands of them in a millisecond.

In reading order:

    ops        the op list: what a step is made of, printable
    record     run a step once and note every torch operation
    forms      what torch's operations mean in the few that a program has: pointwise,
               reductions, moving, matrices
    identity   whether a program is still the one that was recorded
    tape       the random numbers of many steps, from the very stream that one step uses
    updates    optimisers in tensor operations only
    plan       which operations run side by side over which rows
    floats     as a Python function over floats
    layout     where a value lies between two loops
    curly      loops as text, for C and JavaScript
    c, build   as a C function, built by the system's compiler in a child process and cached,
               for a processor
    js         as a JavaScript class, for pages without a kernel
    native     called: a run, many runs, a single step
    runs       many runs side by side
    engine     what can run a program now; nothing runs unproven
    function   a function and its gradient, for samplers
"""

from .engine import Compiled, Engine, Engines, difference
from .function import Gradient
from .identity import Identity, NoIdentity
from .js import javascript
from .ops import NotCompiled, Program, View
from .record import record
from .runs import Runs
from .updates import Rule

__all__ = [
    "Compiled",
    "Engine",
    "Engines",
    "Gradient",
    "Identity",
    "NoIdentity",
    "NotCompiled",
    "Program",
    "Rule",
    "Runs",
    "View",
    "difference",
    "javascript",
    "record",
]
