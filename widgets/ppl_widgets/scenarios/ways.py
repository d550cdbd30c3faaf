"""Eight ways to break the contract between a model and its guide, as the text that is read and run.

The programs of the panel are made from the very lines that its code drawer shows, so that an error
names a line that can be read there.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .scenario import Controls, Program

WAYS = (
    "misspelt",
    "missing",
    "data twice",
    "unconditioned",
    "arguments",
    "support",
    "shape",
    "cut",
    "none",
)
"""What is broken; "none" is the pair that fits."""

_MODEL = """\
import ppl_core as ppl
from ppl_core import distributions as dist, infer, optim

def scale(guess):
    weight = ppl.sample("weight", {prior})
    return ppl.sample("measurement", dist.Normal(weight, {noise_sd}))

"""
_PARAMS = """\
    a, b = ppl.param("a", {start}), ppl.param("b", 1.0, dist.constraints.positive)
"""
_GUIDES = {
    "misspelt": ['return ppl.sample("wieght", dist.Normal(a, b))'],
    "missing": ["return dist.Normal(a, b).rsample()"],
    "data twice": [
        'weight = ppl.sample("weight", dist.Normal(a, b))',
        'return ppl.sample("measurement", dist.Normal(weight, {noise_sd}))',
    ],
    "shape": ['return ppl.sample("weight", dist.Normal(a, b).expand([3]).to_event(1))'],
    "cut": ['return ppl.sample("weight", dist.Normal(a.detach(), b))'],
}
_FITTING = ['return ppl.sample("weight", dist.Normal(a, b))']
_CONDITIONED = 'model = ppl.condition(scale, data={{"measurement": {measurement}}})\n'
_FORGOTTEN = "model = scale  # the reading {measurement} is not given\n"


def text(controls: Controls) -> str:
    """Model, guide and data of the chosen way, ready to run."""
    way = controls["way"]
    prior = "dist.Normal(guess, {prior_sd})"
    parts = {
        "prior": "dist.Exponential(1 / guess)" if way == "support" else prior.format(**controls),
        "start": controls["guess"] if way == "arguments" else "guess",
        **{name: controls[name] for name in ("noise_sd", "measurement")},
    }
    body = "".join(f"    {line}\n" for line in _GUIDES.get(way, _FITTING))
    head = f"def guide({'' if way == 'arguments' else 'guess'}):\n"
    given = _FORGOTTEN if way == "unconditioned" else _CONDITIONED
    return (_MODEL + head + _PARAMS + body + "\n" + given).format(**parts)


@dataclass(frozen=True, slots=True)
class Pair:
    """A model, conditioned as its text says, and its guide; both take the guess."""

    model: Program
    guide: Program


@lru_cache(maxsize=64)
def _pair(source: str) -> Pair:
    names: dict[str, Any] = {}
    exec(compile(source, "code", "exec"), names)
    return Pair(names["model"], names["guide"])


def pair(controls: Controls) -> Pair:
    """The programs of the chosen way; errors say where they broke as `code:LINE`."""
    return _pair(text(controls))
