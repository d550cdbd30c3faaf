"""Neural networks in programs: their parameters, and their random weights, as statements.

`module(name, net)` registers a plain torch module: each of its parameters becomes a `param` whose
leaf is the module's own tensor, so that the module trains in place. A `PyroModule` goes further: an
attribute may be a constrained parameter (`PyroParam`) or a random variable (`PyroSample`), and to
read it inside a call of the module is to make the statement, named after the attribute's path.
"""

from .attributes import PyroParam, PyroSample
from .plain import module
from .pyro_module import PyroModule, PyroModuleList, clear, pyro_method, to_pyro_module_

__all__ = [
    "PyroModule",
    "PyroModuleList",
    "PyroParam",
    "PyroSample",
    "clear",
    "module",
    "pyro_method",
    "to_pyro_module_",
]
