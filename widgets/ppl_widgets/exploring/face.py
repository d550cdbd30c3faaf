"""The controls of an explored model: its own inputs first, then how it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..scenarios import Axis, Control, Settings
from ..scenarios.control import spoken
from ..scenarios.training import OPTIMISERS
from ..text import say
from .guides import offered
from .sampling import LIMIT
from .sites import Sites
from .subject import Subject

SVI = "SVI"
METHODS = ("SVI", "importance", "rejection", "independent MH", "SMC", "HMC", "NUTS")
"""Ways to an answer."""
VIEWS = ("posterior", "pair", "predictive")
"""What the main plot shows."""
PROPOSALS = ("prior", "guide")
"""What importance sampling, rejection and independent Metropolis-Hastings propose."""
NO_SITE = "-"
"""What is chosen where there is no site."""
SLIDERS = 2
"""Inputs that stand on the face; the others wait in the drawer."""
NAMES = (
    "inference",
    "site",
    "view",
    "guide",
    "against",
    "proposal",
    "lr",
    "optimiser",
    "particles",
    "num_steps",
)
"""The panel's own controls."""
WORDED = ("inference", "view", "proposal")
"""Choices whose options stand in the catalogue; those of the others are names in a program."""


@dataclass(frozen=True)
class Face:
    """What a panel has to know of what it shows.

    Attributes:
        title: the heading.
        controls: in the order of the screen.
        inputs: names of those that are the program's.
        names: a control of the panel's own -> the name it has here.
    """

    title: str
    controls: tuple[Control, ...]
    inputs: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    name: str = "exploring"
    panel: str = "explore"
    axes: Mapping[str, Axis] = field(default_factory=dict)


def face(subject: Subject | None, sites: Sites | None, title: str) -> Face:
    """The controls for a program, as far as it is understood.

    A control of the panel's own whose name the program has taken gets an underscore.
    """
    inputs = [] if subject is None else subject.controls
    sliders = [c for c in inputs if c.kind in ("float", "int")]
    shown = [
        control if control in sliders[:SLIDERS] else replace(control, drawer=True)
        for control in inputs
    ]
    taken = {control.name for control in inputs}
    names = {name: f"{name}_" if name in taken else name for name in NAMES}
    own = [replace(c, name=names[c.name]) for c in _own_controls(subject, sites)]
    return Face(title, (*shown, *own), tuple(c.name for c in inputs), names)


def _own_controls(subject: Subject | None, sites: Sites | None) -> list[Control]:
    places = ("",) if sites is None else tuple(c.name for c in sites.coordinates)
    places = tuple(place or NO_SITE for place in places)
    guides = ("AutoNormal",) if subject is None else offered(subject, sites)
    training = [
        spoken("lr", 0.02, 1e-5, 1.0, 0.25, "log", drawer=True),
        spoken("optimiser", "Adam", kind="choice", options=tuple(OPTIMISERS), drawer=True),
        spoken("particles", 1, 1, 20, 1, "int", drawer=True),
        spoken("num_steps", 2000, 1, LIMIT, 100, "int", drawer=True),
    ]
    methods = applicable(sites)
    return [
        _choice("inference", methods, drawer=False),
        _choice("site", places, drawer=False),
        _choice("view", VIEWS, drawer=False),
        _choice("guide", guides),
        _choice("against", places, start=places[min(1, len(places) - 1)]),
        _choice("proposal", PROPOSALS),
        *training,
    ]


def applicable(sites: Sites | None) -> tuple[str, ...]:
    """The methods that a model allows, the first one as default.

    Gradients need continuous sites, and tempering needs nothing else. Where all sites are discrete,
    draws come first: a guide over them has no softer way to be uncertain than the sites themselves.
    """
    if sites is None or not sites.discrete:
        return METHODS
    if sites.continuous:
        return tuple(method for method in METHODS if method != "SMC")
    return ("importance", "rejection", "independent MH", "SVI")


def _choice(
    name: str, options: tuple[str, ...], start: str | None = None, drawer: bool = True
) -> Control:
    label, words = say(f"explore.label.{name}"), say(f"explore.help.{name}")
    first = options[0] if start is None else start
    named = options if name in WORDED else ()
    labels = tuple(say(f"explore.option.{name}.{option}") for option in named)
    control = Control(name, label, first, kind="choice", options=options, labels=labels)
    return replace(control, drawer=drawer, help=words)


def carried_over(settings: Mapping[str, Any], onto: Face) -> dict[str, Any]:
    """Those of the old settings that the new controls can take."""
    kept = {}
    for control in onto.controls:
        if control.name in settings:
            try:
                kept[control.name] = control.check(settings[control.name])
            except ValueError:
                continue
    return kept


def settings_of(onto: Face, values: Mapping[str, Any]) -> Settings:
    """The controls, standing where the values say."""
    return Settings(onto.controls, **values)
