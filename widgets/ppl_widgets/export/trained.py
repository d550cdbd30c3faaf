"""A panel that trains as a page: its step, its start and its pictures as JavaScript.

Everything is recorded from the programs that the panel itself runs: a step of SVI for each rule of
learning, where the guide starts, and the numbers and curves of the picture. A page trains from the
start: a run whose controls were moved on its way is trained anew under the present ones.
"""

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor

from ppl_core.compiled import javascript
from ppl_core.distributions import transform_to
from ppl_core.effects import Forward, Handler, Site
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.infer.recorded import Training
from ppl_core.params import ParamStore

from ..history import TAIL, WINDOW
from ..scenarios import Controls, Scenario, optimiser
from ..session import Session
from ..text import say
from .beliefs import PICTURES
from .programs import Asked, Facts, Numbers, function
from .sentences import Slot, slots

FIXED = ("particles", "num_steps")
"""Controls that a page shows where they are: its programs and its axis are made for these."""


def can_train(session: object) -> TypeGuard[Session]:
    """Whether a page could train this session by itself: the pictures of its scenario are known."""
    if not isinstance(session, Session):
        return False
    return session._programs is None and session.scenario.name in PICTURES


def trained(session: Session) -> dict[str, Any]:
    """What a page needs to train: programs, axes, sentences.

    Raises:
        NotCompiled: a step has no form in JavaScript.
    """
    scenario, controls = session.scenario, dict(session.controls)
    rules = options_of(scenario, "optimiser")
    names = [*scenario.data.values(), *scenario.inputs]
    facts, curves = PICTURES[scenario.name]
    pictures = [name for name in controls if isinstance(controls[name], float)]
    return {
        "kind": "trained",
        "fixed": FIXED,
        "inputs": {f"argument {i}": name for i, name in enumerate(names)} | {"lr 0": "lr"},
        "steps": {rule: _step(scenario, controls | {"optimiser": rule}) for rule in rules},
        "begin": function(lambda given: _start(scenario, controls, given), controls, names),
        "facts": _picture(scenario, facts, controls, pictures),
        "curves": _picture(scenario, curves, controls, pictures),
        "params": scenario.params,
        "plots": {"posterior": ("weight", "density"), "loss": ("step", "loss")}
        | {name: ("step", name) for name in scenario.params},
        "axes": {name: (axis.lows, axis.highs) for name, axis in scenario.axes.items()},
        "window": WINDOW,
        "tail": TAIL,
        "sentences": sentences(scenario),
        "panel": scenario.panel,
        "code": {rule: code(scenario, controls | {"optimiser": rule}) for rule in rules},
    }


def options_of(scenario: Scenario, name: str) -> tuple[str, ...]:
    """What a choice of the scenario offers."""
    return next(control.options for control in scenario.controls if control.name == name)


# ---- programs


def _step(scenario: Scenario, controls: Controls) -> dict[str, Any]:
    """A step of SVI, where its state stands before the first one, and what was drawn before it.

    Model and guide are run before the first step, to see that they fit; `drawn` tells how many
    normal numbers each statement took from the random stream. The leaves of `state` are left at 0.
    """
    args, particles = scenario.args(controls), controls["particles"]
    svi = SVI(
        *scenario.programs(scenario.model, scenario.guide),
        optimiser(controls),
        loss=Trace_ELBO(num_particles=particles, vectorize_particles=True),
        store=ParamStore(),
    )
    with torch.random.fork_rng(devices=[]):
        with Asked() as drawn:
            svi.init(*args)
        svi.step(*args)
        training = Training(svi, args, {})
    names = [value.name for value in training.program.inputs("state")]
    moments = {name: 0.0 if ":" in name or name in training.moving else 1.0 for name in names}
    return {
        "text": javascript(training.program, library=False),
        "state": moments,
        "drawn": drawn.counts,
    }


class Starts(Handler):
    """Notes where parameters start, unconstrained, and lets none come into being."""

    def __init__(self) -> None:
        self.leaves: dict[str, Tensor] = {}

    def handle(self, site: Site, forward: Forward) -> Site:
        """Answer a `param` statement with its initial value."""
        if site.kind == "param":
            value = torch.as_tensor(site.fn() if callable(site.fn) else site.fn)
            self.leaves[site.name] = transform_to(site.constraint).inv(value)
            site = site.replace(value=value)
        return forward(site)


def _start(scenario: Scenario, controls: Controls, given: Numbers) -> Facts:
    """The unconstrained parameters that the guide starts with."""
    _, guide = scenario.programs(scenario.model, scenario.guide)
    with Starts() as starts, torch.no_grad():
        guide(*scenario.args({**controls, **given}))
    return starts.leaves


def _picture(
    scenario: Scenario,
    picture: Callable[[Numbers, Numbers], Facts],
    controls: Controls,
    names: list[str],
) -> dict[str, Any]:
    """A picture's numbers as a function of the controls and of the unconstrained parameters."""
    leaves = {f"leaf {name}": 0.0 for name in scenario.params}

    def of(given: Numbers) -> Facts:
        params = scenario.constrained({name: given[f"leaf {name}"] for name in scenario.params})
        return picture(given, params)

    return function(of, {**controls, **leaves}, [*names, *leaves])


# ---- words


def code(scenario: Scenario, controls: Controls) -> str:
    """The scenario's cell with a place for each number that the page can change."""
    free = [name for name, value in controls.items() if isinstance(value, float)]
    return scenario.code({**controls, **slots(*free)}, Slot("seed"))  # type: ignore[arg-type]


def sentences(scenario: Scenario) -> dict[str, str]:
    """The catalogue's sentences that the page fills in, by what they are for."""
    states = ("idle", "running", "paused", "done", "failed")
    return {
        "status": say("training.status", **slots("seed", "step", "num_steps")),
        **{state: say(f"training.{state}", **slots("step")) for state in states},
        "learned": say("summary.learned", **slots("learned")),
        "exact": say("summary.exact", exact=Slot("exact"), source=say("source.closed")),
        "same": say("notice.same_noise", **slots("seed")),
        "new": say("notice.new_noise", **slots("seed")),
        "back": say("training.back", **slots("step")),
        "stopped": say("page.stopped", **slots("step")),
        "distance": say("caption.posterior", **slots("kl", "gap")),
        "mean": say("caption.loss", **slots("steps", "mean")),
        "start": say("caption.start"),
        "floor": say("trace.floor", **slots("value")),
        "level": say("trace.exact_value", **slots("value")),
        "altPosterior": say("alt.posterior", **slots("summary")),
        "altLoss": say("alt.loss", **slots("caption")),
        "altParam": say("alt.param", **slots("name", "now", "exact")),
        **{name: say(f"caption.{name}") for name in scenario.params},
        "note": say("page.trained", **slots("num_steps", "time")),
    }
