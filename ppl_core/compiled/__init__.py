"""The fast path: record a step once, and take thousands of them in a millisecond.

In reading order:

    ops        the op list: what a step is made of, printable
    record     run a step once and note every torch operation
    draws      what torch draws, as arithmetic on normal and uniform numbers
    forms      what torch's operations mean in the few that a program has: pointwise,
               reductions, moving, matrices
    identity   whether a program is still the one that was recorded
    tape       the random numbers of many steps, from the very stream that one step uses
    updates    optimisers in tensor operations only
    plan       which operations run side by side over which rows
    floats     as a Python function over floats
    layout     where a value lies between two loops
    loops      loops over rows as text, in stages where a row's work is one long chain
    curly      a whole step as text, for C and JavaScript
    c, build   as a C function, built by the system's compiler in a child process and cached,
               for a processor
    js         as a JavaScript class, for pages without a kernel
    native     called: a run, many runs, a single step
    runs       many runs side by side
    engine     what can run a program now; nothing runs unproven
    function   a potential and its gradient; what is made of many rows
    driver, chains
               Hamiltonian chains in C (hamiltonian.c, trajectories.c, chain.c)
"""

from .chains import Course, Stop, Told, advance
from .driver import Learned
from .engine import Compiled, Engine, Engines, Untried, difference
from .function import Gradient, Rows
from .identity import Identity, NoIdentity
from .js import javascript
from .ops import NotCompiled, Program, View
from .record import record
from .runs import Runs
from .updates import Rule

__all__ = [
    "Compiled",
    "Course",
    "Engine",
    "Engines",
    "Gradient",
    "Identity",
    "Learned",
    "NoIdentity",
    "NotCompiled",
    "Program",
    "Rows",
    "Rule",
    "Runs",
    "Stop",
    "Told",
    "Untried",
    "View",
    "advance",
    "difference",
    "javascript",
    "record",
]
