"""A teacher's levers: how a panel opens for a lesson, by name.

`ScalePanel.preset("predict")` is `ScalePanel(predict=True)`; whatever else is given goes on top:
`ScalePanel.preset("trained", large=True, measurement=11.0)`. The names of a panel are its lessons;
`COMMON` are ways to open any panel.
"""

from collections.abc import Mapping
from typing import Any

from ppl_core.errors import suggestion
from ppl_widgets.scenarios import ControlError
from ppl_widgets.text import listed, say

Arguments = Mapping[str, Any]

PRESETS: Mapping[str, Mapping[str, Arguments]] = {
    "ScalePanel": {
        "predict": {"predict": True, "mode": "trained", "show": ["guess", "measurement"]},
        "trained": {"mode": "trained", "show": ["guess", "measurement", "mode", "noise_sd"]},
        "watch": {"show": ["guess", "measurement", "mode"]},
        "noise": {"mode": "trained", "show": ["measurement", "lr", "particles", "num_steps"]},
    },
    "ForwardPanel": {"predict": {"predict": True}},
    "ConditionPanel": {
        "predict": {"predict": True},
        "window": {"show": ["measurement", "window"], "num": 10_000},
        "forms": {"show": ["measurement", "form"]},
    },
    "LookPanel": {
        "predict": {"predict": True},
        "draught": {"predict": True, "draught": "on", "site": "weight", "value": 10.0},
    },
    "ProposalPanel": {
        "predict": {"predict": True},
        "liar": {"b": 0.4},
    },
    "SamplerPanel": {
        "predict": {"predict": True},
        "step too long": {"step_size": 0.5},
        "funnel": {"kernel": "NUTS", "target": "funnel"},
        "two peaks": {"kernel": "NUTS", "target": "two peaks"},
    },
    "ContractPanel": {"predict": {"predict": True, "way": "unconditioned"}},
    "StorePanel": {"predict": {"predict": True}},
    "ElboPanel": {"predict": {"predict": True}},
    "RacePanel": {"predict": {"predict": True}},
    "UsePanel": {"predict": {"predict": True, "asked": "weight"}},
    "NoFormulaPanel": {
        "predict": {"predict": True},
        "gentle": {"response": "bent", "measurement": 11.0, "noise_sd": 0.75},
    },
    "ManyPanel": {"predict": {"predict": True}},
    "EncoderPanel": {"predict": {"predict": True, "encoder": "line"}},
    "VAEPanel": {
        "predict": {"predict": True},
        "network": {"predict": True, "decoder": "network"},
        "digits": {"data": "digits", "decoder": "network"},
    },
}
"""Panel -> lesson -> arguments."""

COMMON: Mapping[str, Arguments] = {"lecture": {"large": True}}
"""Ways to open any panel."""


def preset(panel: str, name: str) -> dict[str, Any]:
    """The arguments of a lesson.

    Raises:
        ControlError: there is none of that name; the nearest is suggested.

    Example:
        >>> preset("ProposalPanel", "liar")
        {'b': 0.4}
    """
    known = {**PRESETS.get(panel, {}), **COMMON}
    if name not in known:
        near = suggestion(name, known)
        parts = {"given": repr(name), "suggestion": near, "names": listed(list(known))}
        raise ControlError(say("panel.no_preset", **parts))
    return dict(known[name])
